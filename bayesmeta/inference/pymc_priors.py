"""Priors of bayesmeta as PyMC random variables, with their parameters as data that a compiled model can exchange."""

from __future__ import annotations

import dataclasses
from functools import singledispatch
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesmeta import priors
from bayesmeta.errors import SpecificationError

Variable = Any  # a PyTensor variable


def signature(prior: priors.Prior) -> str:
    """Family of a prior without its numbers: two priors with one signature share a compiled model.

    Examples
    --------
    >>> signature(priors.OnVariance(priors.LogNormal(-1.8, 1.5)))
    'OnVariance(LogNormal)'
    """
    inner = [signature(part) for part in _parts(prior)]
    if isinstance(prior, priors.Truncated):  # a missing bound is another graph
        inner += [name for name in ("lower", "upper") if np.isfinite(getattr(prior, name))]
    return type(prior).__name__ + (f"({', '.join(inner)})" if inner else "")


def hyperparameters(prior: priors.Prior, name: str) -> dict[str, float]:
    """Numbers of a prior under the names of the data they fill in the graph: ``{"tau:scale": 0.5}``."""
    values: dict[str, float] = {}
    for field in dataclasses.fields(prior):  # type: ignore[arg-type]
        value = getattr(prior, field.name)
        if isinstance(value, float) and np.isfinite(value):
            values[f"{name}:{field.name}"] = value
    for i, part in enumerate(_parts(prior)):
        values |= hyperparameters(part, f"{name}:{i}")
    if isinstance(prior, priors.Mixture):
        values |= {f"{name}:weight{i}": weight for i, (weight, _) in enumerate(prior.components)}
    return values


def prior_rv(prior: priors.Prior, name: str, shape: tuple[int, ...] = ()) -> Variable:
    """Register `name` with this prior in the model on the stack, its parameters as `pm.Data`.

    Raises
    ------
    SpecificationError
        If NUTS cannot sample from the prior: a mixture with a point mass.
    """
    if not prior.has_density and not isinstance(prior, priors.PointMass):
        raise SpecificationError(
            f"prior for {name} is {prior}: gradient-based sampling cannot jump to a point mass. "
            "Fit the models with and without it, or narrow the point mass to a Normal."
        )
    data = {key: pm.Data(key, value) for key, value in hyperparameters(prior, name).items()}
    return _register(prior, name, data, shape)


def _parts(prior: priors.Prior) -> list[priors.Prior]:
    if isinstance(prior, priors.OnVariance | priors.Truncated):
        return [prior.prior]
    if isinstance(prior, priors.Mixture):
        return [part for _, part in prior.components]
    return []


@singledispatch
def _register(prior: priors.Prior, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    """By default a PyMC distribution carries the name itself."""
    family, arguments = _distribution(prior, name, data)
    return family(name, **arguments, shape=shape)


@_register.register
def _(prior: priors.PointMass, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    return pm.Deterministic(name, data[f"{name}:value"] + pt.zeros(shape))


@_register.register
def _(prior: priors.Lomax, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    shifted = pm.Pareto(f"{name}_plus_scale", alpha=data[f"{name}:shape"], m=data[f"{name}:scale"], shape=shape)
    return pm.Deterministic(name, shifted - data[f"{name}:scale"])


@_register.register
def _(prior: priors.LogStudentT, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    nu, location, scale = (data[f"{name}:{key}"] for key in ("nu", "location", "scale"))
    return pm.Deterministic(name, pt.exp(pm.StudentT(f"log_{name}", nu=nu, mu=location, sigma=scale, shape=shape)))


@_register.register
def _(prior: priors.OnVariance, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    inner = {key.replace(f"{name}:0:", f"{name}_squared:"): value for key, value in data.items()}
    return pm.Deterministic(name, pt.sqrt(_register(prior.prior, f"{name}_squared", inner, shape)))


@_register.register
def _(prior: priors.Mixture, name: str, data: dict[str, Variable], shape: tuple[int, ...]) -> Variable:
    parts = []
    for i, (_, part) in enumerate(prior.components):
        own = {key.replace(f"{name}:{i}:", "part:"): value for key, value in data.items()}
        family, arguments = _distribution(part, "part", own)
        parts.append(family.dist(**arguments))
    weights = pt.stack([data[f"{name}:weight{i}"] for i in range(len(parts))])
    return pm.Mixture(name, w=weights, comp_dists=parts, shape=shape)


@singledispatch
def _distribution(prior: priors.Prior, name: str, data: dict[str, Variable]) -> tuple[Any, dict[str, Variable]]:
    """PyMC's distribution class and its arguments; PyMC's `tau=` would be a precision and is never used."""
    raise SpecificationError(
        f"prior for {name}: {prior} cannot be sampled here by the nuts engine; "
        'use a plainer family, or engine="quadrature".'
    )


def _translate(family: type, pymc_name: str, **names: str) -> None:
    """Register a family whose PyMC counterpart differs in the names of its parameters only."""

    def arguments(prior: Any, name: str, data: dict[str, Variable]) -> tuple[Any, dict[str, Variable]]:
        return getattr(pm, pymc_name), {key: data[f"{name}:{ours}"] for key, ours in names.items()}

    _distribution.register(family, arguments)


_translate(priors.Normal, "Normal", mu="mean", sigma="sd")
_translate(priors.StudentT, "StudentT", nu="nu", mu="mean", sigma="scale")
_translate(priors.Cauchy, "Cauchy", alpha="mean", beta="scale")
_translate(priors.Flat, "Flat")
_translate(priors.HalfNormal, "HalfNormal", sigma="scale")
_translate(priors.HalfStudentT, "HalfStudentT", nu="nu", sigma="scale")
_translate(priors.HalfCauchy, "HalfCauchy", beta="scale")
_translate(priors.Uniform, "Uniform", lower="lower", upper="upper")
_translate(priors.Exponential, "Exponential", lam="rate")
_translate(priors.Gamma, "Gamma", alpha="shape", beta="rate")
_translate(priors.InvGamma, "InverseGamma", alpha="shape", beta="scale")
_translate(priors.LogNormal, "LogNormal", mu="meanlog", sigma="sdlog")


@_distribution.register
def _(prior: priors.Rayleigh, name: str, data: dict[str, Variable]) -> tuple[Any, dict[str, Variable]]:
    return pm.Weibull, {"alpha": pt.constant(2.0), "beta": data[f"{name}:scale"] * np.sqrt(2.0)}


@_distribution.register
def _(prior: priors.Truncated, name: str, data: dict[str, Variable]) -> tuple[Any, dict[str, Variable]]:
    own = {key.replace(f"{name}:0:", "part:"): value for key, value in data.items()}
    family, arguments = _distribution(prior.prior, "part", own)
    bounds = {key: data[f"{name}:{key}"] for key in ("lower", "upper") if f"{name}:{key}" in data}
    return pm.Truncated, {"dist": family.dist(**arguments), **bounds}


@_distribution.register
def _(prior: priors.HalfLogistic, name: str, data: dict[str, Variable]) -> tuple[Any, dict[str, Variable]]:
    logistic = pm.Logistic.dist(mu=0.0, s=data[f"{name}:scale"])
    return pm.Truncated, {"dist": logistic, "lower": 0.0}
