"""Numbers that parametrise a prior: their names, their text and the checks on them."""

from __future__ import annotations

import dataclasses
import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.errors import SpecificationError

if TYPE_CHECKING:
    from bayesmeta.priors._base import Prior


def parameter_names(family: type) -> list[str]:
    """Names of the parameters of a family, in order."""
    return [field.name for field in dataclasses.fields(family)]


def number_text(value: float) -> str:
    """Shortest text that reads back as the same number: ``1``, ``0.5``, ``-1.83``, ``1e-07``.

    Examples
    --------
    >>> number_text(1.0), number_text(0.1), number_text(1e22)
    ('1', '0.1', '1e+22')
    """
    return repr(value).removesuffix(".0")


def real(prior: Prior, *names: str) -> None:
    """Check that the named parameters are finite numbers, and store them as Python floats."""
    for name in names:
        given = getattr(prior, name)
        if not math.isfinite(value := as_float(given)):
            raise rejected(prior, name, given, f"{name} must be a finite number.")
        object.__setattr__(prior, name, value)


def positive(prior: Prior, *names: str) -> None:
    """Check that the named parameters are positive and finite, and store them as Python floats."""
    for name in names:
        given = getattr(prior, name)
        if not (math.isfinite(value := as_float(given)) and value > 0):
            raise rejected(prior, name, given, f"{name} must be positive and finite.")
        object.__setattr__(prior, name, value)


def rejected(prior: Prior, name: str, given: object, allowed: str) -> SpecificationError:
    """Return the error for one argument: family, argument, value, what is allowed."""
    shown = number_text(as_float(given)) if isinstance(given, Real) else repr(given)
    return SpecificationError(f"{type(prior).__name__}({name}={shown}): {allowed}")


def as_float(value: object) -> float:
    """Return a real number as a float, without negative zero; nan for anything else, booleans included."""
    if not isinstance(value, Real) or isinstance(value, bool | np.timedelta64):
        return math.nan
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf
