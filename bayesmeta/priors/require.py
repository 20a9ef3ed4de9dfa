"""Checks that a model makes on a prior: is it one for a scale or a correlation, and does it integrate to one?"""

from __future__ import annotations

import math

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Prior
from bayesmeta.priors._parameters import as_float
from bayesmeta.priors._preliz import from_preliz
from bayesmeta.priors.improper import ImproperUniform
from bayesmeta.priors.mixture import Mixture, PointMass
from bayesmeta.priors.plain import published_parts
from bayesmeta.priors.positive import Uniform
from bayesmeta.priors.published import PublishedPrior
from bayesmeta.priors.real_line import Flat
from bayesmeta.priors.registry import FAMILIES


def require_scale_prior(prior: object, name: str = "tau") -> Prior:
    """Return `prior` if it is one for a scale, with all its mass on [0, inf); the number 0 is a point mass there.

    Parameters
    ----------
    prior : object
        What was given.
    name : str
        The parameter, for the message.

    Raises
    ------
    SpecificationError
        If `prior` is not a prior or puts mass below zero (the message suggests the matching half family), or was
        published for another parameter.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> require_scale_prior(HalfNormal(0.5))
    HalfNormal(0.5)
    >>> require_scale_prior(Normal(0, 1))
    Traceback (most recent call last):
    bayesmeta.errors.SpecificationError: prior for tau is Normal(0, 1), which puts mass below zero. \
Use HalfNormal(1) or another prior on [0, inf).
    """
    checked = PointMass(0) if as_float(prior) == 0 else require_prior(prior, name, "HalfNormal(0.5)")
    if checked.support[0] >= 0:
        return checked
    suggested = _half(checked)
    use = f"Use {suggested} or another" if suggested is not None else "Use a"
    raise SpecificationError(f"prior for {name} is {checked}, which puts mass below zero. {use} prior on [0, inf).")


def require_correlation_prior(prior: object, name: str = "correlation") -> Prior:
    """Return `prior` if it is one for a correlation: proper, with all its mass between -1 and 1.

    Parameters
    ----------
    prior : object
        What was given.
    name : str
        The parameter, for the message.

    Raises
    ------
    SpecificationError
        If `prior` is not a prior, is improper, or puts mass at -1, at 1 or beyond (the message suggests what it is cut to).

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> require_correlation_prior(Uniform(0, 1))
    Uniform(0, 1)
    >>> require_correlation_prior(Normal(0.6, 0.2))
    Traceback (most recent call last):
    bayesmeta.errors.SpecificationError: prior for correlation is Normal(0.6, 0.2), which puts mass outside -1 to 1. \
Use Truncated(Normal(0.6, 0.2), -1, 1) or another prior between -1 and 1.
    """
    checked = require_prior(prior, name, "Uniform(-1, 1)")
    lower, upper = checked.support
    if -1 <= lower <= upper <= 1 and (lower < upper or abs(lower) < 1):
        return require_proper(checked, name)
    use = f"Truncated({checked}, -1, 1)" if checked.student is not None else "Uniform(-1, 1)"
    raise SpecificationError(
        f"prior for {name} is {checked}, which puts mass outside -1 to 1. Use {use} or another prior between -1 and 1."
    )


def require_proper(prior: object, name: str = "mu") -> Prior:
    """Return `prior` if it integrates to one.

    Parameters
    ----------
    prior : object
        What was given.
    name : str
        The parameter, for the message.

    Raises
    ------
    SpecificationError
        If `prior` is not a prior or is improper.

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> require_proper(Normal(0, 4))
    Normal(0, 4)
    """
    checked = require_prior(prior, name, "Normal(0, 4)")
    if not checked.is_proper:
        raise SpecificationError(
            f"prior for {name} is {checked}, which does not integrate to one. "
            "Use a proper prior, e.g. Normal(0, sd) with a large sd in the units of the effect."
        )
    return checked


def require_prior(prior: object, name: str, example: str) -> Prior:
    """Return `prior` if it is one for a single parameter; `name` and `example` are for the message.

    A distribution of PreliZ is translated, and text read as `parse_prior` reads it.

    Examples
    --------
    >>> require_prior(1.5, "mu", "Normal(0, 4)")
    Traceback (most recent call last):
    bayesmeta.errors.SpecificationError: prior for mu must be a prior, e.g. Normal(0, 4); got 1.5. A value that is known \
is PointMass(1.5).
    """
    if isinstance(prior, str):
        from bayesmeta.priors.parse import parse_prior

        prior = parse_prior(prior)
    if isinstance(prior, Prior) and prior.joint is not None:
        raise SpecificationError(
            f"prior for {name} is {prior}, which is for {prior.joint.dim} coefficients together. "
            'Give it under their names, e.g. beta={("mu", "dose"): MultivariateNormal(...)}.'
        )
    if not isinstance(prior, Prior):
        if (translated := from_preliz(prior)) is not None:
            return translated
        hint = "" if math.isnan(as_float(prior)) else f" A value that is known is PointMass({prior})."
        raise SpecificationError(f"prior for {name} must be a prior, e.g. {example}; got {prior!r}.{hint}")
    for part in published_parts(prior):
        _check_parameter(part, name)
    return prior


def _check_parameter(prior: PublishedPrior, name: str) -> None:
    """Reject a published prior for another kind of parameter: one of tau is for standard deviations between studies."""
    kind = "tau" if name.partition("_")[0] == "tau" else "mu" if name == "mu" else "beta"
    allowed = {"tau": ("tau",), "mu": ("mu",), "beta": ("mu", "beta")}[kind]
    if prior.parameter not in allowed:
        raise SpecificationError(
            f"prior for {name} is {prior}, which was published for {prior.parameter}; "
            f"published_priors(parameter={allowed[-1]!r}) lists those that can be used here."
        )


def _half(prior: Prior) -> Prior | None:
    """Return the prior on [0, inf) that a user of `prior` most likely meant, or None."""
    roles = {role: getattr(prior, name) for name, role in prior.row.roles.items()}
    for half in FAMILIES.values():
        if half.row.half_of is type(prior):
            return half(**{name: roles[role] for name, role in half.row.roles.items()})
    match prior:
        case Uniform(upper=upper) if upper > 0:
            return Uniform(0, upper)
        case Flat():
            return ImproperUniform()
        case PointMass():
            return PointMass(0)
        case Mixture(components=components):
            halves = [(w, part if part.support[0] >= 0 else _half(part)) for w, part in components]
            positive = [(w, part) for w, part in halves if part is not None]
            return Mixture(positive) if len(positive) == len(halves) else None
    return None
