"""What a page needs to fit a model again under other priors: the studies of a conjugate model, or draws to be weighted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.diagnostics.weights import Draws
from bayesmeta.families.prepared import Prepared
from bayesmeta.priors import Prior, plain
from bayesmeta.priors.registry import FAMILIES
from bayesmeta.quadrature.coefficients import expand
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.rotate import rotate
from bayesmeta.results.meta_result import MetaResult

Floats = NDArray[np.float64]
LOCATIONS = ("Normal", "StudentT", "Cauchy", "Flat")
SCALES = (
    "HalfNormal", "HalfStudentT", "HalfCauchy", "HalfLogistic", "Rayleigh", "Exponential", "Gamma", "InvGamma", "Lomax",
    "LogNormal", "LogStudentT", "Uniform", "ImproperUniform", "SqrtUniform",
)  # fmt: skip
_MOST_COMPONENTS = 1000  # normal components of all priors on coefficients together, for a page that follows a slider
_DIGITS = 6  # significant, of draws
Numbers = dict[str, Any]


def explorer_numbers(result: MetaResult, draws: int = 2000) -> Numbers | None:
    """The numbers that a page explores a fit with.

    Parameters
    ----------
    result : MetaResult
    draws : int
        At the most, where the model is not conjugate.

    Returns
    -------
    dict or None
        ``kind`` is ``"exact"``, with the studies made independent: effects `y`, variances ``a + tau^2 d`` and the columns `X` of
        the design; or ``"draws"``, with the draws of each parameter and the share of them that is effective. ``priors`` has
        family and parameters of each prior that can be changed, ``kept`` says which cannot. None where none
        can, or there is no tau.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
    >>> numbers = explorer_numbers(bm.fit(bm.load_dataset("eight_schools"), model))
    >>> numbers["kind"], numbers["y"][:3], numbers["priors"]["tau"]
    ('exact', [28.0, 8.0, -3.0], {'family': 'HalfNormal', 'parameters': [10.0], 'text': 'HalfNormal(10)'})
    """
    ready = result.prepared
    priors = _known(ready)
    problem = ready.gaussian
    if isinstance(problem, GaussianProblem) and _conjugate(problem, priors):
        return _exact(problem, priors)
    priors = {name: spec for name, spec in priors.items() if spec["family"] != "PointMass"}
    return _drawn(result, priors, draws) if priors and ready.has_tau else None


def _known(ready: Prepared[Any, Any]) -> dict[str, Numbers]:
    """Priors of mu, coefficients and tau that a page can compute, by parameter."""
    single = {names[0] for names, prior in ready.prior_groups.items() if len(names) == 1 and prior.joint is None}
    specs = {}
    for name, parameter in ready.parameters.items():
        families = {"effect": LOCATIONS, "heterogeneity": (*SCALES, "PointMass")}.get(parameter.role, ())
        if name not in single or (parameter.role == "heterogeneity" and name != "tau"):
            continue
        stated = parameter.prior if parameter.stated is None else parameter.stated
        if (spec := _spec(parameter.prior, str(plain(stated)))) is not None and spec["family"] in families:
            specs[name] = spec
    return specs


def _spec(prior: Prior, text: str) -> Numbers | None:
    """Family and parameters of a prior, or of that of its square; None for a prior that is made of others."""
    unwrapped = plain(prior)
    if unwrapped.atom is not None and not unwrapped.is_mixture:
        return {"family": "PointMass", "parameters": [unwrapped.atom], "text": text}
    inner = unwrapped if unwrapped.of_square is None else unwrapped.of_square
    if inner.priors or inner.is_mixture:
        return None
    spec: Numbers = {"family": type(inner).__name__, "parameters": list(inner.numbers().values()), "text": text}
    if unwrapped.of_square is not None:
        spec["on_variance"] = True
    return spec


def standard_rule(spec: Numbers) -> list[list[float]]:
    """Weights and precisions of the normal components of a t prior of scale one; empty for another prior."""
    if spec["family"] not in ("StudentT", "Cauchy"):
        return []
    *shape, _, _ = spec["parameters"]
    family: Callable[..., Prior] = FAMILIES[spec["family"]]
    prior = family(*shape, 0.0, 1.0)
    return [[component.weight, component.precision] for component in expand(prior, "mu")]


def _conjugate(problem: GaussianProblem, priors: Mapping[str, Numbers]) -> bool:
    """Whether a page solves the problem: one scale, and priors whose families it knows."""
    if problem.second is not None or not {problem.scale, *problem.names} <= set(priors):
        return False
    return math.prod(max(len(standard_rule(priors[name])), 1) for name in problem.names) <= _MOST_COMPONENTS


def _exact(problem: GaussianProblem, priors: Mapping[str, Numbers]) -> Numbers:
    rotation = rotate(problem.V, problem.structures[problem.scale])
    numbers: Numbers = {
        "kind": "exact",
        "coefficients": list(problem.names),
        "y": rotation.apply(problem.y).tolist(),
        "a": rotation.a.tolist(),
        "X": rotation.apply(problem.X).T.tolist(),
        "priors": {name: priors[name] for name in (*problem.names, problem.scale)},
        "kept": [],
    }
    if not np.all(rotation.d == 1):
        numbers["d"] = rotation.d.tolist()
    return numbers


def _drawn(result: MetaResult, priors: Mapping[str, Numbers], most: int) -> Numbers:
    ready, weighting = result.prepared, Draws(result)
    effects = [name for name, parameter in ready.parameters.items() if parameter.role == "effect"]
    values = {name: np.asarray(result.draws(name)) for name in (*effects, "tau")}
    size = values["tau"].size
    places = np.linspace(0, size - 1, min(most, size)).round().astype(int)
    effective = size * min(weighting.efficiency(value) for value in values.values())
    return {
        "kind": "draws",
        "coefficients": effects,
        "draws": {name: _rounded(value.ravel()[places]) for name, value in values.items()},
        "efficiency": float(f"{min(effective / places.size, 1.0):.4g}"),
        "priors": {name: priors[name] for name in (*effects, "tau") if name in priors},
        "kept": [f"{name} ~ {text}" for name, text in ready.prior_texts.items() if name not in priors],
    }


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
