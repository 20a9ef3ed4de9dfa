"""Bayes factors for point hypotheses, by refitting the model with the parameter fixed there."""

from __future__ import annotations

import re

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.inference.quadrature.engine import QuadratureFit, fit_quadrature
from bayesmeta.priors import Mixture, PointMass, Prior, plain
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

_EQUATION = re.compile(r"^(?P<name>.+?)\s*==?\s*(?P<value>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*$")


def log_bayes_factor(fit: QuadratureFit, data: Estimates, model: Model, hypothesis: str) -> float:
    """Log of the Bayes factor for ``name = value`` against the rest of that parameter's prior."""
    if len(model.components) > 1:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: with two scales, compare the log marginal likelihoods of two fits instead."
        )
    name, value = parse_hypothesis(hypothesis, fit.names)
    ready = prepare(data, model.base)
    known = ready.parameters[name]
    prior = plain(known.stated or known.prior)
    null = with_prior(ready, name, PointMass(value))
    alternative = _without_point(prior, value, hypothesis)
    if alternative == prior:
        evidence = fit.log_evidence
    else:
        evidence = fit_quadrature(data, with_prior(ready, name, alternative), fit.tolerance).log_evidence
    return fit_quadrature(data, null, fit.tolerance).log_evidence - evidence


def parse_hypothesis(hypothesis: str, names: tuple[str, ...]) -> tuple[str, float]:
    """Parameter and value of ``name = value``; `names` are the coefficients."""
    found = _EQUATION.match(hypothesis.strip())
    if found is None:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: write a parameter and a number, e.g. 'mu = 0' or 'tau = 0'."
        )
    name, value = found["name"].strip(), float(found["value"])
    known = (*names, "tau")
    if name not in known:
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: no parameter {name!r}.{did_you_mean(name, known)} Parameters: {', '.join(known)}."
        )
    if name == "tau" and value < 0:
        raise SpecificationError(f"hypothesis {hypothesis!r}: tau is a standard deviation, at least 0.")
    return name, value


def with_prior(ready: Prepared[Estimates, NormalNormal], name: str, prior: Prior) -> NormalNormal:
    """The model with another prior on one parameter."""
    if any(name in group for group in ready.model.joint_priors()):
        raise SpecificationError(
            f"{name} has a joint prior with other coefficients: a point hypothesis about it needs a prior of its own."
        )
    return ready.with_priors({name: prior})


def _without_point(prior: Prior, value: float, hypothesis: str) -> Prior:
    """The prior without its point mass at `value`."""
    if prior.is_mixture and any(part.atom == value for _, part in prior.parts):
        rest = [(weight, part) for weight, part in prior.parts if part.atom != value]
        if rest:
            return rest[0][1] if len(rest) == 1 else Mixture(rest)
    if prior.atom is not None or not prior.is_proper:
        kind = "a point mass" if prior.atom is not None else "improper"
        raise SpecificationError(
            f"hypothesis {hypothesis!r}: the prior {prior} is {kind}, so there is nothing to compare with. "
            "Give the parameter a proper prior with a spread."
        )
    return prior
