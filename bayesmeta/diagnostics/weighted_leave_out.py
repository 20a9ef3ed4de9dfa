"""Leaving out one study at a time by weighting the draws of one fit, and by fits without a study where weights fail."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.kinds import Data
from bayesmeta.diagnostics.leave_one_out import STATISTICS, LeaveOneOut, posterior_of, record
from bayesmeta.diagnostics.weights import Draws, Weights, k_limit, smoothed
from bayesmeta.errors import ConvergenceWarning, SpecificationError
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.restore import point_of
from bayesmeta.results.marginal import weighted_interval
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
Fit = Callable[..., Mapping[str, MetaResult]]


def weighted_leave_out(
    ready: Prepared[Data, Model], fit: Fit, claim: str | None, ci_prob: float, ci_kind: str
) -> LeaveOneOut:
    """See `leave_one_out`.

    Raises
    ------
    SpecificationError
        If nothing that was printed has a likelihood of its own.
    """
    full = fit(ready.data, {"model": ready.model})["model"]
    density = _pointwise(full)
    if density is None:
        raise SpecificationError("leave_one_out: nothing that was printed has a likelihood of its own to leave out.")
    labels, log_density = density
    draws, rows, doubtful = Draws(full), list[dict[str, Any]](), list[str]()
    for i, label in enumerate(labels):
        values = log_density[..., i]
        efficiency = draws.efficiency(np.exp(values - values.max()))
        weights = smoothed(-values.ravel(), efficiency)
        trusted = weights.pareto_k <= k_limit(efficiency * values.size)
        row = None if trusted else _refitted(full, fit, label, i, claim, ci_prob, ci_kind)
        if row is None:
            row = _weighted(full, weights, values.ravel(), efficiency, claim, ci_prob, ci_kind)
            doubtful += [] if trusted else [label]
        row["p_loo"] = float(np.logaddexp.reduce(values.ravel())) - float(np.log(values.size)) - row["elpd"]
        rows.append(row | {"pareto_k": weights.pareto_k})
    if doubtful:
        warnings.warn(
            f"Pareto k is too large for the draws to give the posterior without {', '.join(doubtful)}: see pareto_k.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return record(full, labels, rows, posterior_of(full, claim, ci_prob, ci_kind), claim, ci_prob)


def _pointwise(result: MetaResult) -> tuple[list[str], Floats] | None:
    """Labels, and log densities given the top level, shape (chain, draw, item)."""
    densities = list(result.datatree["log_likelihood"].data_vars.values())
    if not densities:
        return None
    (density,) = densities
    return [str(label) for label in density[density.dims[-1]].values], np.asarray(density)


def _weighted(
    full: MetaResult,
    weights: Weights,
    log_density: Floats,
    efficiency: float,
    claim: str | None,
    ci_prob: float,
    ci_kind: str,
) -> dict[str, Any]:
    """Scores and posterior without a study, by weights on the draws with it."""
    with np.errstate(divide="ignore"):
        row: dict[str, Any] = {"elpd": float(np.logaddexp.reduce(np.log(weights.values) + log_density)), "p_loo": 0.0}
    for name in (name for name in full.parameters if name != "theta_new"):
        values = full.draws(name).ravel()
        mean = float(weights.values @ values)
        sd = float(np.sqrt(weights.values @ (values - mean) ** 2))
        median = weighted_interval(values, weights.values, 0.0, "eti")[0]
        numbers = (mean, sd, median, *weighted_interval(values, weights.values, ci_prob, ci_kind))
        row |= {f"{name}_{statistic}": value for statistic, value in zip(STATISTICS, numbers, strict=True)}
    if claim is not None:
        holds = full.draws(claim).ravel().astype(float)
        p = float(weights.values @ holds)
        error = float(np.sqrt(weights.values**2 @ (holds - p) ** 2 / efficiency))
        row |= {"probability": p, "probability_mcse": error}
    return row | {"method": "reweighted"}


def _refitted(
    full: MetaResult, fit: Fit, label: str, i: int, claim: str | None, ci_prob: float, ci_kind: str
) -> dict[str, Any] | None:
    """The same by a fit without it; None where the data cannot do without it."""
    ready = full.prepared
    others = ready.family.without(ready.data, label)
    if others is None:
        return None
    result = fit(others, {f"without {label}": ready.bound})[f"without {label}"]
    if full.log_marginal_likelihood is not None and result.log_marginal_likelihood is not None:
        elpd = full.log_marginal_likelihood - result.log_marginal_likelihood
    else:
        given = {name: result.draws(name) for name in ready.parameters}
        log_likelihood = ready.likelihood.pointwise(point_of(ready, given))[..., i].ravel()
        elpd = float(np.logaddexp.reduce(log_likelihood)) - float(np.log(log_likelihood.size))
    row: dict[str, Any] = {"elpd": elpd, "p_loo": 0.0} | posterior_of(result, claim, ci_prob, ci_kind)
    error = {} if claim is None else {"probability_mcse": result.probability_mcse(claim)}
    return row | error | {"method": "refitted"}
