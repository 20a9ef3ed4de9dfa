"""Bayes factors for point hypotheses, by refitting the model with the parameter fixed there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared
from bayesmeta.priors import Mixture, PointMass, Prior
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.parts import QuadratureFit
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.spec.normal_normal import NormalNormal

_EQUATION = re.compile(r"^(?P<name>.+?)\s*==?\s*(?P<value>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*$")


def log_bayes_factor(
    fit: QuadratureFit, hypothesis: str, factors: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> float:
    """Log of the Bayes factor for ``name = value`` versus the rest of that parameter's prior.

    ``factor = 0``, with the name of one of `factors`, is of all of its columns together.
    """
    problem = fit.problem
    if problem.second is not None:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: with two scales, compare the log marginal likelihoods of two fits instead."
        )
    match = _EQUATION.match(hypothesis.strip())
    if match is not None and float(match["value"]) == 0 and match["name"].strip() in factors:
        names, value = tuple(factors[match["name"].strip()]), 0.0
    else:
        name, value = parse_hypothesis(hypothesis, fit.names)
        names = (name,)
    null = problem
    for name in names:
        null = with_point(null, name, value)
    alternatives = {name: _without_point(problem.priors[name], value, hypothesis) for name in names}
    if all(prior == problem.priors[name] for name, prior in alternatives.items()):
        evidence = fit.log_evidence
    else:
        evidence = fit_quadrature(problem.with_priors(alternatives), fit.tolerance).log_evidence
    return fit_quadrature(null, fit.tolerance).log_evidence - evidence


def parse_hypothesis(hypothesis: str, names: tuple[str, ...], scale: str = "tau") -> tuple[str, float]:
    """Parameter and value of ``name = value``; `names` are the coefficients, `scale` is what else there is."""
    match = _EQUATION.match(hypothesis.strip())
    if match is None:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: write a parameter and a number, e.g. 'mu = 0' or 'tau = 0'."
        )
    name, value = match["name"].strip(), float(match["value"])
    allowed = (*names, scale)
    if name not in allowed:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: no parameter {name!r}.{did_you_mean(name, allowed)} Parameters: {', '.join(allowed)}."
        )
    if name == "tau" and value < 0:
        raise SpecificationError(f"hypothesis {hypothesis!r}: tau is a standard deviation, at least 0.")
    return name, value


def with_point(problem: GaussianProblem, name: str, value: float) -> GaussianProblem:
    """The problem with one parameter fixed."""
    _require_own(name, [group for group in problem.priors if isinstance(group, tuple)])
    return problem.with_priors({name: PointMass(value)})


def with_prior(ready: Prepared[Estimates, NormalNormal], name: str, prior: Prior) -> NormalNormal:
    """The model with another prior on one parameter."""
    _require_own(name, ready.model.joint_priors())
    return ready.with_priors({name: prior})


def _require_own(name: str, groups: Iterable[tuple[str, ...]]) -> None:
    if any(name in group for group in groups):
        raise SpecificationError(
            f"{name} has a joint prior with other coefficients: a point hypothesis about it needs a prior of its own."
        )


def _without_point(prior: Prior, value: float, hypothesis: str) -> Prior:
    """The prior without its point mass at `value`."""
    if prior.is_mixture and any(part.atom == value for _, part in prior.parts):
        continuous = [(weight, part) for weight, part in prior.parts if part.atom != value]
        if continuous:
            return continuous[0][1] if len(continuous) == 1 else Mixture(continuous)
    if prior.atom is not None or not prior.is_proper:
        kind = "a point mass" if prior.atom is not None else "improper"
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: the prior {prior} is {kind}, so there is nothing to compare with. "
            "Give the parameter a proper prior with a spread."
        )
    return prior
