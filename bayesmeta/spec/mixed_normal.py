"""The random-effects model of studies that reported their effects in different ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.effects.registry import measure_named, specific
from bayesmeta.priors import Normal, Prior
from bayesmeta.spec.count_model import CountModel, require_normal_baseline
from bayesmeta.spec.normal_normal import NormalNormal

_BASELINE = Normal(0, 10)


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class MixedNormal(CountModel):
    """Random-effects model of `MixedStudies`, each of which enters by its own likelihood.

    The true effects are normal, theta_i ~ N(mu + x_i beta, tau^2). What a study reported has the likelihood of its kind, given
    theta_i: binomial events in two arms, a normal or with degrees of freedom Student's t estimate, an estimate that is known as
    far as its P value, or an estimate and interval as far as they were printed. Of standard errors that a rounded interval or P
    value leaves open, all are equally likely.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`, on the scale of the analysis; the prior on `tau` is proper.
    measure : str, optional
        What the effects measure, as in `effect_sizes`: rows with counts are of ``"log_or"``, and intervals of a ratio are printed
        as ratios.
    baseline : Normal, default Normal(0, 10)
        Of rows with counts: prior on the logit of the risk in the control arm.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter, or there is no such measure.

    References
    ----------
    Berger, Liseo and Wolpert (1999), Stat. Sci. 14:1-28, doi:10.1214/ss/1009211804
    Smith, Spiegelhalter and Thomas (1995), Stat. Med. 14:2685-2699, doi:10.1002/sim.4780142408

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> MixedNormal(mu=Normal(0, 2), tau=HalfNormal(0.5), measure="log_or")
    MixedNormal(formula='1', mu=Normal(0, 2), tau=HalfNormal(0.5), beta={}, measure='log_or', baseline=Normal(0, 10))
    """

    base: NormalNormal
    measure: str | None = None
    baseline: Prior = _BASELINE

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        measure: str | None = None,
        baseline: Prior = _BASELINE,
        base: NormalNormal | None = None,
    ) -> None:
        if specific(measure) is not None:
            measure_named(str(measure))
        require_normal_baseline(
            baseline,
            "the logit of the risk in each control arm",
            "Normal(0, 10), or Normal(-2, 1) where risks of about 12% are expected",
        )
        stated = {"formula": formula, "mu": mu, "tau": tau, "beta": beta}
        self._set(stated, base, measure=measure, baseline=baseline)
