"""Bayes factors for regions: posterior odds of a claim over its prior odds, both exact."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import PointMass, Prior
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.results.bayes_factor import log_bayes_factor
from bayesmeta.results.claims import check_claim, holds_on
from bayesmeta.results.exact_claims import exact_probability, scale_probability
from bayesmeta.results.levels import factors_of

if TYPE_CHECKING:
    from bayesmeta.results.meta_result import MetaResult
    from bayesmeta.results.quadrature_result import QuadratureResult

_NO_FORM = (
    "hypothesis {!r} has no exact probability. Write it as comparisons of sums, or of a function of a sum, "
    "e.g. 'mu + crps < 0' or 'exp(mu) < 0.8'."
)
_VAGUE = 1e10  # standard errors that are not informative, in units of the widest prior's extreme quantiles


def log_factor(result: QuadratureResult, hypothesis: str) -> float:
    """Log Bayes factor for a point or for a region; infinite where the posterior is certain to double precision."""
    problem = result.fit.problem
    if not re.search("[<>]", str(hypothesis)) or problem.second is not None:
        levels = {
            factor.name: [one for one in factor.columns.values() if one is not None] for factor in factors_of(result)
        }
        return log_bayes_factor(result.fit, hypothesis, levels)
    return log_odds_ratio(result, hypothesis, prior_probability(problem, hypothesis, result.parameters))


def log_odds_ratio(result: MetaResult, hypothesis: str, before: float | None) -> float:
    """Log of the posterior odds of a hypothesis over its prior odds, from its prior probability; None has no exact form."""
    if before is None:
        raise SpecificationError(_NO_FORM.format(hypothesis))
    if not 0 < before < 1:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: its prior probability is {before:g}, so data cannot change it. "
            "Give a prior with mass on both sides."
        )
    after = result.probability(hypothesis)
    against = result.probability(f"not ({hypothesis})")
    if after == 0 or against == 0:
        return -math.inf if after == 0 else math.inf
    return math.log(after / against) - math.log(before / (1 - before))


def prior_probability(problem: GaussianProblem, claim: str, names: tuple[str, ...]) -> float:
    """Probability of a claim under the priors of a problem with one scale.

    Parameters
    ----------
    problem : GaussianProblem
    claim : str
        Of a form that is exact, as `MetaResult.probability` says.
    names : tuple of str
        The parameters there are.

    Raises
    ------
    SpecificationError
        If a parameter that the claim is about has an improper prior, or the claim is not linear.
    """
    about = check_claim(claim, names).names
    named = [name for name in about if name != "theta_new"]
    priors = {name: problem.prior_of(name) for name in [*named, *(("mu", "tau") if "theta_new" in about else ())]}
    for name, prior in priors.items():
        if not prior.is_proper:
            raise SpecificationError(
                f"hypothesis {claim!r}: the prior of {name} is {prior}, which is improper, so the hypothesis has no "
                f"prior odds. Give {name} a proper prior, e.g. {'HalfNormal(1)' if name == 'tau' else 'Normal(0, 1)'}."
            )
    if len(about) == 1 and about[0] in priors:
        probability = prior_of_one(priors[about[0]], claim, names, about[0])
    else:
        probability = _of_several(problem, priors, claim, names)
    if probability is None:
        raise SpecificationError(_NO_FORM.format(claim))
    return probability


def prior_of_one(prior: Prior, claim: str, names: tuple[str, ...], name: str) -> float | None:
    """Probability of a claim about one parameter, from its distribution function; point masses one by one."""
    if prior.is_mixture:
        parts = [(weight, prior_of_one(part, claim, names, name)) for weight, part in prior.parts]
        return None if any(p is None for _, p in parts) else math.fsum(w * p for w, p in parts if p is not None)
    if prior.atom is not None:
        return float(holds_on(claim, lambda _: np.array([prior.atom]), names)[0])
    return scale_probability(lambda x: float(prior.cdf(x)), claim, names, name)


def _of_several(problem: GaussianProblem, priors: dict[str, Prior], claim: str, names: tuple[str, ...]) -> float | None:
    """Probability of a claim about several parameters: that after data that are not informative."""
    extremes = [np.abs(prior.ppf([0.001, 0.999])).max() for prior in priors.values()]
    vague = np.full(len(problem.y), _VAGUE * max(*extremes, 1e-100))
    nothing = replace(problem, y=np.zeros(len(vague)), V=vague**2)
    return exact_probability(
        fit_quadrature(nothing.with_priors({"tau": priors.get("tau", PointMass(0))})), claim, names
    )
