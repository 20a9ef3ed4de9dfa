"""Priors of one family over ranges of their parameters."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.priors import Prior
from bayesmeta.priors._parameters import parameter_names


def prior_grid(family: type[Prior], **parameters: ArrayLike) -> list[Prior]:
    """Priors of one family, for every combination of the values of its parameters.

    Parameters
    ----------
    family : type of Prior
        Such as ``HalfNormal``; its parameters are numbers.
    **parameters : array_like of float
        A number or a sequence of numbers for each parameter; the last one varies fastest.

    Raises
    ------
    SpecificationError
        If a parameter is left out or not the family's, or a value is not one for it.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> prior_grid(HalfNormal, scale=[0.5, 1])
    [HalfNormal(0.5), HalfNormal(1)]
    >>> prior_grid(Normal, mean=0, sd=[1, 2])
    [Normal(0, 1), Normal(0, 2)]
    """
    if not (isinstance(family, type) and issubclass(family, Prior)):
        raise SpecificationError(f"family must be a class of priors such as HalfNormal; got {family!r}.")
    names = parameter_names(family)
    for name in parameters:
        if name not in names:
            raise SpecificationError(
                f"{family.__name__} has no parameter {name!r}.{did_you_mean(name, names)} Parameters: {', '.join(names)}."
            )
    missing = [name for name in names if name not in parameters]
    if missing:
        raise SpecificationError(f"{family.__name__}: give values for {', '.join(missing)} as well.")
    values = [np.atleast_1d(np.asarray(parameters[name], float)).ravel().tolist() for name in names]
    return [family(*point) for point in itertools.product(*values)]
