"""The Poisson-normal model of events over time at risk in two arms, or in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.priors import Normal, Prior
from bayesmeta.spec.count_model import CountModel, require_normal_baseline
from bayesmeta.spec.normal_normal import NormalNormal

BASELINE = Normal(0, 10)


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class PoissonNormal(CountModel):
    """Random-effects model of events over time at risk by their Poisson likelihood.

    In two arms, `Rates`: events in the control arm of study i are Poisson(time_ic exp(alpha_i)), in its treatment arm
    Poisson(time_it exp(alpha_i + theta_i)), and theta_i ~ N(mu + x_i beta, tau^2) is its log rate ratio. The baselines alpha_i,
    logs of rates in the unit of the times, are independent, each with the prior `baseline`. A study without events in one arm
    says what its counts say; one without any in both arms says little, through its baseline's prior alone.

    In single arms, `IncidenceRates`: events are Poisson(time_i exp(theta_i)), so that theta_i is the log of the study's rate,
    and there is no baseline.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`, on the scale of log rate ratios or log rates; the prior on `tau` is proper.
    baseline : Normal or None, default Normal(0, 10)
        Prior on the log of each study's rate in its control arm, in events per unit of time; None for single arms, for which
        the default is left out.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter.

    References
    ----------
    Bagos and Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168
    Stijnen, Hamza and Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> PoissonNormal(mu=Normal(0, 2), tau=HalfNormal(0.5))
    PoissonNormal(formula='1', mu=Normal(0, 2), tau=HalfNormal(0.5), beta={}, baseline=Normal(0, 10))
    """

    base: NormalNormal
    baseline: Prior | None = BASELINE

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        baseline: Prior | None = BASELINE,
        base: NormalNormal | None = None,
    ) -> None:
        if baseline is not None:
            require_normal_baseline(
                baseline,
                "the log of the rate in each control arm",
                "Normal(0, 10), or Normal(-3, 1) where about 5 events in 100 units of time are expected",
            )
        self._set({"formula": formula, "mu": mu, "tau": tau, "beta": beta}, base, baseline=baseline)
