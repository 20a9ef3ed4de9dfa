"""The binomial-normal model of events in two arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Normal, Prior, plain, shown
from bayesmeta.spec.between import Between
from bayesmeta.spec.normal_normal import Names, NormalNormal
from bayesmeta.spec.own_parameters import require_own_base

_BASELINE = Normal(0, 10)


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class BinomialNormal:
    """Random-effects model of events in two arms by their binomial likelihood.

    Events in the control arm of study i are Binomial(n_ic, expit(alpha_i)), in its treatment arm Binomial(n_it,
    expit(alpha_i + theta_i)), and theta_i ~ N(mu + x_i beta, tau^2) is its log odds ratio. The baselines alpha_i are independent,
    each with the prior `baseline`. A study without events in one arm says what its counts say; one without any in both arms
    says little, through its baseline's prior alone.

    Parameters
    ----------
    formula, mu, tau, beta
        As for `NormalNormal`, on the scale of log odds ratios; the prior on `tau` is proper.
    baseline : Normal, default Normal(0, 10)
        Prior on the logit of each study's risk in its control arm.
    measure : {"log_or"}
        What theta is.
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

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal
    >>> BinomialNormal(mu=Normal(0, 2.82), tau=HalfNormal(0.5))
    BinomialNormal(formula='1', mu=Normal(0, 2.82), tau=HalfNormal(0.5), beta={}, baseline=Normal(0, 10), measure='log_or')
    """

    base: NormalNormal
    baseline: Prior = _BASELINE
    measure: str = "log_or"

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        tau: Prior | None = None,
        beta: Mapping[Any, Prior] | None = None,
        *,
        baseline: Prior = _BASELINE,
        measure: str = "log_or",
        base: NormalNormal | None = None,
    ) -> None:
        if base is None:
            if tau is None:
                raise SpecificationError("BinomialNormal: give tau a prior, e.g. HalfNormal(0.5).")
            base = NormalNormal(formula=formula, tau=tau, beta=beta or {}, mu=Flat() if mu is None else mu)
        require_own_base(base, "BinomialNormal")
        if not (isinstance(baseline, Prior) and plain(baseline).is_normal):
            raise SpecificationError(
                f"prior for baseline is {baseline}: the logit of the risk in each control arm takes a normal distribution, e.g. "
                "Normal(0, 10), or Normal(-2, 1) where risks of about 12% are expected."
            )
        if measure != "log_or":
            raise SpecificationError(f"measure={measure!r}: theta of BinomialNormal is a log odds ratio, 'log_or'.")
        for name, value in (("base", base), ("baseline", baseline), ("measure", measure)):
            object.__setattr__(self, name, value)

    @property
    def components(self) -> dict[str, Between]:
        """How true effects vary together: see `NormalNormal.components`."""
        return self.base.components

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors on what is common to all studies, as they were stated."""
        return self.base.priors

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        own = {"model": "BinomialNormal", "baseline": str(self.baseline), "measure": self.measure}
        return self.base.as_dict() | own

    def __str__(self) -> str:
        inner = str(self.base).removeprefix("NormalNormal(").removesuffix(")")
        return f"BinomialNormal({inner}, baseline={shown(self.baseline)}, measure={self.measure!r})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return hash(str(self))
