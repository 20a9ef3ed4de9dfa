"""The same prior, but wider or narrower."""

from __future__ import annotations

import math
from dataclasses import replace

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Cauchy,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    Normal,
    OnVariance,
    PointMass,
    Prior,
    Rayleigh,
    StudentT,
    Truncated,
    Uniform,
)


def scaled(prior: Prior, factor: float) -> Prior:
    """The prior of `factor` times a quantity that has `prior`.

    Parameters
    ----------
    prior : Prior
        On a scale such as tau.
    factor : float
        Positive.

    Raises
    ------
    SpecificationError
        If the family is not one of scale: reference priors, `CustomScale`.

    Examples
    --------
    >>> scaled(HalfNormal(0.5), 2), scaled(Exponential(3), 2), scaled(Uniform(0, 4), 0.5)
    (HalfNormal(1), Exponential(1.5), Uniform(0, 2))
    """
    match prior:
        case HalfNormal() | HalfStudentT() | HalfCauchy() | HalfLogistic() | Rayleigh() | Lomax() | InvGamma():
            return replace(prior, scale=factor * prior.scale)
        case Exponential() | Gamma():
            return replace(prior, rate=prior.rate / factor)
        case Uniform():
            return Uniform(factor * prior.lower, factor * prior.upper)
        case LogNormal():
            return LogNormal(prior.meanlog + math.log(factor), prior.sdlog)
        case LogStudentT():
            return LogStudentT(prior.nu, prior.location + math.log(factor), prior.scale)
        case OnVariance():
            return OnVariance(scaled(prior.prior, factor**2))  # type: ignore[arg-type]
        case Truncated(prior=Normal(mean=mean, sd=sd)):
            return Truncated(Normal(factor * mean, factor * sd), factor * prior.lower, factor * prior.upper)
        case Truncated(prior=StudentT() | Cauchy() as whole):
            moved = replace(whole, mean=factor * whole.mean, scale=factor * whole.scale)
            return Truncated(moved, factor * prior.lower, factor * prior.upper)
        case PointMass():
            return PointMass(factor * prior.value)
        case Mixture():
            return Mixture([(weight, scaled(part, factor)) for weight, part in prior.components])
    raise SpecificationError(
        f"prior for tau is {prior}, which has no scale parameter to multiply. Use a family with one, e.g. HalfNormal(0.5)."
    )


def widened(prior: Prior, factor: float) -> Prior:
    """The prior with its spread about its centre multiplied; point masses stay where they are.

    Parameters
    ----------
    prior : Prior
        On a coefficient.
    factor : float
        Positive.

    Raises
    ------
    SpecificationError
        If the family has no scale.

    Examples
    --------
    >>> widened(Normal(1, 2), 3), widened(Mixture([(0.5, PointMass(0)), (0.5, Cauchy(0, 1))]), 2)
    (Normal(1, 6), Mixture([(0.5, PointMass(0)), (0.5, Cauchy(0, 2))]))
    """
    match prior:
        case Normal():
            return Normal(prior.mean, factor * prior.sd)
        case StudentT() | Cauchy():
            return replace(prior, scale=factor * prior.scale)
        case PointMass():
            return prior
        case Mixture():
            return Mixture([(weight, widened(part, factor)) for weight, part in prior.components])
    raise SpecificationError(f"prior {prior} has no scale to multiply. Use a proper prior such as Normal(0, 1).")
