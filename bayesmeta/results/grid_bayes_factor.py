"""Bayes factors from a grid over all parameters."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.families.exact import Exact
from bayesmeta.priors import PointMass, Prior
from bayesmeta.results.bayes_factor import parse_hypothesis
from bayesmeta.results.claims import check_claim
from bayesmeta.results.region_hypothesis import log_odds_ratio, prior_of_one

if TYPE_CHECKING:
    from bayesmeta.results.grid_result import GridResult
    from bayesmeta.results.meta_result import MetaResult


def log_factor(result: GridResult, hypothesis: str) -> float:
    """Log Bayes factor for a point or for a region of one parameter."""
    if re.search("[<>]", str(hypothesis)):
        return of_region(result, hypothesis)
    priors = result.prepared.priors
    name, value = parse_hypothesis(hypothesis, tuple(other for other in priors if other != "tau"))
    prior = proper(priors[name], name, hypothesis)
    if name == "mu":
        return _savage_dickey(result, prior, value, hypothesis)
    null = result.prepared.under({name: PointMass(value)})
    solver = null.exact
    assert isinstance(solver, Exact)  # a point mass takes nothing from a grid that there is
    return float(solver.solve(0.0, 0).log_marginal_likelihood - result.grid.log_marginal_likelihood)


def _savage_dickey(result: GridResult, prior: Prior, value: float, hypothesis: str) -> float:
    """Log of the posterior density of mu over its prior density; the priors of all other parameters are independent of it."""
    density = float(result.marginal("mu").pdf(value))
    if density <= 0:
        lowest, highest = result.grid.mu.min(), result.grid.mu.max()
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: the posterior density there is below what the grid resolves, which ends at "
            f"{lowest:.3g} and {highest:.3g}: the Bayes factor is less than 1e-6 of that at the mode."
        )
    return math.log(density) - float(prior.logpdf(value))


def of_region(result: MetaResult, hypothesis: str) -> float:
    """Log of posterior odds over prior odds of a region of one parameter."""
    names = check_claim(hypothesis, result.parameters).names
    priors = result.prepared.priors
    if len(names) != 1 or names[0] not in priors:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: with this model a region is about one parameter: {', '.join(priors)}."
        )
    name = names[0]
    before = prior_of_one(proper(priors[name], name, hypothesis), hypothesis, result.parameters, name)
    return log_odds_ratio(result, hypothesis, before)


def by_refit(result: MetaResult, hypothesis: str, log_evidence: float, scale: str = "tau") -> float:
    """Log Bayes factor of a point: posterior odds over prior odds where the prior has it, else by the evidence of a fit there."""
    priors = result.prepared.priors
    name, value = parse_hypothesis(hypothesis, tuple(other for other in priors if other != scale), scale)
    at_point = math.fsum(weight for weight, leaf in priors[name].leaves() if leaf.atom == value)
    if at_point > 0 and priors[name].atom is None:
        one = result.marginal(name)
        after = float(one.cdf(value) - one.cdf(np.nextafter(value, -np.inf)))
        return math.log(after / (1 - after)) - math.log(at_point / (1 - at_point))
    proper(priors[name], name, hypothesis)
    null = result.prepared.under({name: PointMass(value)}).exact
    assert isinstance(null, Exact)  # a point mass takes nothing from a rule that there is
    return float(null.solve(1e-8, 0).log_evidence - log_evidence)


def proper(prior: Prior, name: str, hypothesis: str) -> Prior:
    """A prior that a hypothesis about its parameter can be compared under.

    Raises
    ------
    SpecificationError
        If it is improper or a point mass.
    """
    if not prior.is_proper or prior.atom is not None:
        kind = "improper" if not prior.is_proper else "a point mass"
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: the prior of {name} is {prior}, which is {kind}, so there is nothing to compare "
            "with. Give the parameter a proper prior with a spread."
        )
    return prior
