"""The hypergeometric-normal model of events in two arms given their total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.priors import Prior
from bayesmeta.spec.count_model import CountModel
from bayesmeta.spec.normal_normal import NormalNormal


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class HypergeometricNormal(CountModel):
    """Random-effects model of events in two arms by their conditional likelihood, given the events of each study.

    Given how many events study i has in both arms together, those in its treatment arm follow Fisher's non-central
    hypergeometric distribution with the odds ratio exp(theta_i), and theta_i ~ N(mu + x_i beta, tau^2). There is no baseline, and
    no prior on one. A study without events in one arm says what its counts say; one without any in both arms, or with events
    only, says nothing, for no other table has its margins.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`, on the scale of log odds ratios; the prior on `tau` is proper.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter.

    References
    ----------
    van Houwelingen, Zwinderman and Stijnen (1993), Stat. Med. 12:2273-2284, doi:10.1002/sim.4780122405
    Stijnen, Hamza and Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> HypergeometricNormal(mu=Normal(0, 2.82), tau=HalfNormal(0.5))
    HypergeometricNormal(formula='1', mu=Normal(0, 2.82), tau=HalfNormal(0.5), beta={})
    """

    base: NormalNormal

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        base: NormalNormal | None = None,
    ) -> None:
        self._set({"formula": formula, "mu": mu, "tau": tau, "beta": beta}, base)
