"""The beta-binomial model of events in single arms, or in two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Normal, PointMass, Prior, Uniform, plain, require_prior, require_proper, shown
from bayesmeta.spec.between import Between
from bayesmeta.spec.count_model import CountModel
from bayesmeta.spec.normal_normal import Names, NormalNormal

BASELINE, RHO = Normal(0, 10), Uniform(0, 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True, repr=False, init=False)
class BetaBinomial(CountModel):
    """Model of events whose risks follow a beta distribution: overdispersed counts, without a between-study standard deviation.

    In single arms, `Proportions`: the risk in study i is Beta(m_i (1 - rho) / rho, (1 - m_i) (1 - rho) / rho), its events are
    binomial given it, and logit(m_i) = mu + x_i beta. So m_i is a mean risk, and rho the correlation of two participants of one
    study: 0 where all studies have the same risk, 1 where in each study all have the event or none.

    In two arms, `Counts`: the same of each arm, logit(m) being `baseline` in control arms and baseline + mu + x_i beta in
    treatment arms. All arms share rho, and which two are of one study has no say: mu is a log odds ratio of mean risks.

    Parameters
    ----------
    formula, mu, beta
        As for `NormalNormal`, on the scale of logits or log odds ratios.
    rho : Prior, default Uniform(0, 1)
        Prior on the correlation within arms, on [0, 1]; ``PointMass(0)`` is the binomial model.
    baseline : Prior or None, default Normal(0, 10)
        Prior on the logit of the mean risk in control arms, one for all studies; None for single arms, for which the default
        is left out.
    base : NormalNormal, optional
        Formula and priors, in place of `formula`, `mu` and `beta`; its `tau` is ``PointMass(0)``, for there is none.

    Raises
    ------
    SpecificationError
        If a prior cannot be one for its parameter.

    References
    ----------
    Kuss (2015), Stat. Med. 34:1097-1116, doi:10.1002/sim.6383
    Young-Xu and Chan (2008), Pharm. Stat. 7:180-190 (events in single arms)

    Examples
    --------
    >>> BetaBinomial(mu=Normal(0, 2.5))
    BetaBinomial(formula='1', mu=Normal(0, 2.5), rho=Uniform(0, 1), beta={}, baseline=Normal(0, 10))
    """

    base: NormalNormal
    rho: Prior = RHO
    baseline: Prior | None = BASELINE

    def __init__(
        self,
        formula: str = "1",
        mu: Prior | None = None,
        rho: Prior = RHO,
        beta: Mapping[Any, Prior] | None = None,
        *,
        baseline: Prior | None = BASELINE,
        base: NormalNormal | None = None,
    ) -> None:
        if base is not None and plain(base.tau) != PointMass(0):
            raise SpecificationError(
                f"BetaBinomial: base has tau={base.tau}, and the model no between-study standard deviation: risks vary by rho. "
                "Give formula, mu, rho and beta."
            )
        if baseline is not None:
            baseline = require_prior(baseline, "baseline", "Normal(0, 10)")
        stated = {"formula": formula, "mu": mu, "tau": PointMass(0), "beta": beta}
        self._set(stated, base, rho=require_rho(rho), baseline=baseline)

    @property
    def components(self) -> dict[str, Between]:
        """None: true effects do not vary by a standard deviation."""
        return {}

    @property
    def priors(self) -> dict[str | Names, Prior]:
        """The priors on what is common to all studies, as they were stated."""
        own = {name: prior for name, prior in (("rho", self.rho), ("baseline", self.baseline)) if prior is not None}
        return {name: prior for name, prior in self.base.priors.items() if name != "tau"} | own

    def as_dict(self) -> dict[str, Any]:
        """Plain text form, for JSON."""
        return {name: value for name, value in CountModel.as_dict(self).items() if name != "tau"}

    def __str__(self) -> str:
        inner = str(self.base).removeprefix("NormalNormal(").removesuffix(")")
        inner = inner.replace(f"tau={PointMass(0)}", f"rho={shown(self.rho)}", 1)
        return f"BetaBinomial({inner}, baseline={self.baseline})"


def require_rho(prior: object) -> Prior:
    """Return a prior on rho: proper, with all its mass on [0, 1].

    Raises
    ------
    SpecificationError
        If it is not a prior, is improper, or has mass below 0, above 1, or at 1 alone.
    """
    checked = require_proper(require_prior(prior, "rho", "Uniform(0, 1)"), "rho")
    lower, upper = checked.support
    if lower < 0 or upper > 1 or any(part.atom == 1 for _, part in checked.leaves()):
        raise SpecificationError(
            f"prior for rho is {checked}, which puts mass outside 0 to 1 or at 1: rho is the correlation of two participants "
            f"of one arm. Use Truncated({checked}, 0, 1), Uniform(0, 1) or another prior there."
            if checked.atom is None
            else f"prior for rho is {checked}: rho is the correlation of two participants of one arm, from 0 to below 1. Use "
            "Uniform(0, 1) or another prior there."
        )
    return checked
