"""Priors of bayesmeta as PyMC random variables, with their parameters as data that a compiled model can exchange."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Prior

Variable = Any  # a PyTensor variable


def signature(prior: Prior) -> str:
    """Family of a prior without its numbers: two priors with one signature share a compiled model.

    Examples
    --------
    >>> from bayesmeta.priors import LogNormal, Normal, OnVariance, Truncated
    >>> signature(OnVariance(LogNormal(-1.8, 1.5))), signature(Truncated(Normal(0, 1), 0, math.inf))
    ('OnVariance(LogNormal)', 'Truncated(Normal, upper=inf)')
    """
    values = {field.name: getattr(prior, field.name) for field in dataclasses.fields(prior)}  # type: ignore[arg-type]
    missing = [f"{name}={x}" for name, x in values.items() if isinstance(x, float) and not math.isfinite(x)]
    inner = [*map(signature, prior.priors), *missing]  # a missing bound is another graph
    return type(prior).__name__ + (f"({', '.join(inner)})" if inner else "")


def hyperparameters(prior: Prior, name: str) -> dict[str, float]:
    """Numbers of a prior under the names of the data they fill in the graph: ``{"tau:scale": 0.5}``."""
    values = {f"{name}:{key}": value for key, value in prior.numbers().items()}
    for i, part in enumerate(prior.priors):
        values |= hyperparameters(part, f"{name}:{i}")
    return values


def prior_rv(
    prior: Prior, name: str, shape: tuple[int, ...] = (), start: Any = None, *, exchanged: bool = True
) -> Variable:
    """Register `name` with this prior in the model on the stack; chains begin at `start`.

    Its numbers are `pm.Data`, or constants where they are never `exchanged`.

    Raises
    ------
    SpecificationError
        If NUTS cannot sample from the prior: a mixture with a point mass, a family that PyMC does not have.
    """
    if not prior.has_density and prior.atom is None:
        raise SpecificationError(
            f"prior for {name} is {prior}: gradient-based sampling cannot jump to a point mass. "
            "Fit the models with and without it, or narrow the point mass to a Normal."
        )
    data = {
        key.removeprefix(f"{name}:"): pm.Data(key, value) if exchanged else value
        for key, value in hyperparameters(prior, name).items()
    }
    if prior.atom is not None:
        return pm.Deterministic(name, data["value"] + pt.zeros(shape))
    made = prior.in_pymc(pm, name, data)
    variable = made.distribution(made.name, **made.arguments, shape=shape, initval=start)
    return variable if made.transform is None else pm.Deterministic(name, made.transform(variable))
