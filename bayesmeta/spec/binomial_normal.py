"""The binomial-normal model of events in two arms, or in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Normal, Prior
from bayesmeta.spec.count_model import CountModel, require_normal_baseline
from bayesmeta.spec.normal_normal import NormalNormal

BASELINE = Normal(0, 10)


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class BinomialNormal(CountModel):
    """Random-effects model of events by their binomial likelihood.

    In two arms, `Counts`: events in the control arm of study i are Binomial(n_ic, expit(alpha_i)), in its treatment arm
    Binomial(n_it, expit(alpha_i + theta_i)), and theta_i ~ N(mu + x_i beta, tau^2) is its log odds ratio. The baselines alpha_i
    are independent, each with the prior `baseline`. A study without events in one arm says what its counts say; one without
    any in both arms says little, through its baseline's prior alone.

    With ``measure="log_rr"`` the risk under treatment is exp(theta_i) expit(alpha_i) and theta_i a log risk ratio, with ``"rd"``
    it is expit(alpha_i) + theta_i and theta_i a risk difference. A risk lies between 0 and 1: where that under treatment would
    not, the likelihood is zero. So given theta_i a baseline risk lies below exp(-theta_i) where theta_i > 0; or between
    max(0, -theta_i) and min(1, 1 - theta_i), and theta_i between -1 and 1. Its prior is cut there and not scaled up again:
    a large effect is the less likely the less room the prior on the baseline leaves for it. Then a study without events in both
    arms is not silent on a risk difference: the lower its prior lets the baseline be, the less likely is theta_i < 0. Say there
    what is known of the risk.

    In single arms, `Proportions`: events are Binomial(n_i, expit(theta_i)), so that theta_i is the logit of the study's risk,
    and there is no baseline.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`, on the scale of `measure`; the prior on `tau` is proper.
    baseline : Normal or None, default Normal(0, 10)
        Prior on the logit of each study's risk in its control arm; None for single arms, for which the default is left out.
    measure : {"log_or", "log_rr", "rd", "logit_prop"}
        What theta is: a log odds ratio, a log risk ratio or a risk difference; or without a baseline the logit of a proportion.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu`, `tau` and `beta`.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter.

    References
    ----------
    Smith, Spiegelhalter and Thomas (1995), Stat. Med. 14:2685-2699, doi:10.1002/sim.4780142408
    Stijnen, Hamza and Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040
    Warn, Thompson and Spiegelhalter (2002), Stat. Med. 21:1601-1623, doi:10.1002/sim.1189

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> BinomialNormal(mu=Normal(0, 2.82), tau=HalfNormal(0.5))
    BinomialNormal(formula='1', mu=Normal(0, 2.82), tau=HalfNormal(0.5), beta={}, baseline=Normal(0, 10), measure='log_or')
    >>> BinomialNormal(mu=Normal(0, 1.5), tau=HalfNormal(1), measure="logit_prop")
    BinomialNormal(formula='1', mu=Normal(0, 1.5), tau=HalfNormal(1), beta={}, baseline=None, measure='logit_prop')
    """

    base: NormalNormal
    baseline: Prior | None = BASELINE
    measure: str = "log_or"

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        baseline: Prior | None = BASELINE,
        measure: str = "log_or",
        base: NormalNormal | None = None,
    ) -> None:
        if measure not in ("log_or", "log_rr", "rd", "logit_prop"):
            raise SpecificationError(
                f"measure={measure!r}: theta of BinomialNormal is a log odds ratio, 'log_or', a log risk ratio, 'log_rr', a risk "
                "difference, 'rd', or the logit of a proportion in a single arm, 'logit_prop'."
            )
        if baseline is None and measure in ("log_rr", "rd"):
            raise SpecificationError(
                f"measure={measure!r}: two arms have a baseline. State one, e.g. baseline=Normal(0, 10)."
            )
        if baseline is None or (measure == "logit_prop" and baseline == BASELINE):
            baseline, measure = None, "logit_prop"
        elif measure == "logit_prop":
            raise SpecificationError(f"baseline={baseline}: a single arm has no control arm. Leave it out.")
        else:
            require_normal_baseline(
                baseline,
                "the logit of the risk in each control arm",
                "Normal(0, 10), or Normal(-2, 1) where risks of about 12% are expected",
            )
        stated = {"formula": formula, "mu": mu, "tau": tau, "beta": beta}
        self._set(stated, base, baseline=baseline, measure=measure)
