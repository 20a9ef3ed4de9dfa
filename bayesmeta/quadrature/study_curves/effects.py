"""Posterior of a study's own effect: its likelihood curve, and what the others say of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.curves import Curve
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.study_curves.fit import CurvesFit
from bayesmeta.quadrature.study_curves.lines import normals
from bayesmeta.quadrature.study_curves.marginals import RESOLVED as _RESOLVED
from bayesmeta.quadrature.study_curves.marginals import Spread, blurred, first_nodes
from bayesmeta.quadrature.study_curves.panels import first_edges, followed
from bayesmeta.quadrature.study_curves.part import CurvePart

Floats = NDArray[np.float64]
_GONE = 1e-14
_REACH = 9.0
_FIT = 1e-10


def effect_moments(fit: CurvesFit, study: int) -> tuple[float, float]:
    """Posterior mean and standard deviation of a study's effect: sums over all nodes, with any number of coefficients."""
    first = second = 0.0
    for probability, part in fit.weighted:
        m, tau, mass = _nodes(part, study)
        given = fit.problem.curves.moments(study, m, tau)
        first += probability * float(mass @ given[:, 1])
        second += probability * float(mass @ (given[:, 2] + given[:, 1] ** 2))
    return first, math.sqrt(max(second - first**2, 0.0))


def log_expected_evidence(fit: CurvesFit, study: int) -> float:
    """Log of the posterior mean of a study's evidence given the coefficients and tau, without what no parameter changes."""
    terms, rows = [], fit.problem.rows
    for probability, part in fit.weighted:
        term: Any = math.log(probability)
        for row in range(rows * study, rows * (study + 1)):
            m, tau, mass = _nodes(part, row)
            term = term + fit.problem.tables.log_mean(row, m, tau)
        terms.append(term + np.log(mass))
    return float(logsumexp(np.concatenate(terms)))


def _nodes(part: CurvePart, study: int) -> tuple[Floats, Floats, Floats]:
    """Mean of the effect, tau and probability of each node that has any."""
    x, tau, kept = part.likelihood.problem.X[study], part.nodes.tau, part.kept
    offset = sum(x[i] * value for i, value in part.piece.fixed.items())
    slopes = x[list(part.piece.free)]
    if part.free == 0:
        return np.full(kept.size, float(offset)), tau[kept], part.mass[kept]
    if part.lattice is None:
        nodes, mass = first_nodes(part, kept)
        values = offset + nodes * slopes[0]
    else:
        lattice = part.lattice
        z = np.stack(np.meshgrid(*lattice.z, indexing="ij"), axis=-1).reshape(-1, part.free)
        values = (
            offset + (lattice.mode[kept] @ slopes)[:, None] + (lattice.root[kept].transpose(0, 2, 1) @ slopes) @ z.T
        )
        log_density = lattice.log_density[kept].reshape(len(kept), -1)
        mass = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        mass *= (part.mass[kept] / mass.sum(axis=1))[:, None]
    some = mass > _GONE
    return values[some], np.broadcast_to(tau[kept, None], mass.shape)[some], mass[some]


def effect_marginal(fit: CurvesFit, study: int) -> Spread:
    """Marginal of a study's effect, where one coefficient at the most is free: the curve times what is expected without it."""
    curves, points = [], dict[float, float]()
    mean, sd = effect_moments(fit, study)
    for probability, part in fit.weighted:
        m, tau, mass = _nodes(part, study)
        if part.free == 0 and not tau.any():
            points[float(m[0])] = points.get(float(m[0]), 0.0) + probability
            continue
        given = fit.problem.curves.moments(study, m, tau)
        centre, width = _by_tau(tau, mass, given)
        edges = first_edges(centre, width, centre - _REACH * width, centre + _REACH * width)
        panels = followed(lambda x, part=part: _density(fit, part, study, x), edges, _FIT)  # type: ignore[misc]
        curve = panels.curve()
        curves.append((probability, Curve(curve.x, curve.density / curve.below[-1], curve.below / curve.below[-1])))
    return Spread(tuple(curves), tuple(points.items()), mean, sd)


def _by_tau(tau: Floats, mass: Floats, given: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the effect at each tau."""
    _, row = np.unique(tau, return_inverse=True)
    total = np.bincount(row, mass)
    mean = np.bincount(row, mass * given[:, 1]) / total
    square = np.bincount(row, mass * (given[:, 2] + (given[:, 1] - mean[row]) ** 2)) / total
    there = total > 1e-12 * total.sum()
    return mean[there], np.maximum(np.sqrt(square[there]), 1e-9)


def _density(fit: CurvesFit, part: CurvePart, study: int, x: Floats) -> Floats:
    """Density of an effect: its curve, times the density of a new effect at nodes that the study itself has no say in."""
    tables, X, tau = fit.problem.curves, fit.problem.X, part.nodes.tau
    offset = float(sum(X[study, i] * value for i, value in part.piece.fixed.items()))
    curve = tables.log_curve(study, x)
    kept = part.kept
    if part.free == 0:
        at = kept[tau[kept] > 0]
        log_mean = tables.moments(study, np.full(at.size, offset), tau[at])[:, 0]
        weight = part.mass[at] * np.exp(curve.max() - log_mean)
        return np.asarray(np.exp(curve - curve.max()) * normals(x, np.full(at.size, offset), tau[at], weight))
    slope, sd = float(X[study, list(part.piece.free)][0]), part.sd[:, 0]
    wide = kept[tau[kept] >= _RESOLVED * sd[kept] * abs(slope)]
    nodes, mass = first_nodes(part, wide)
    some = mass > _GONE
    m, spread = offset + nodes[some] * slope, np.ascontiguousarray(np.broadcast_to(tau[wide, None], mass.shape)[some])
    log_mean = tables.moments(study, m, spread)[:, 0]
    top = float(curve.max())
    total = normals(x, m, spread, mass[some] * np.exp(top - log_mean))
    narrow = kept[tau[kept] < _RESOLVED * sd[kept] * abs(slope)]
    rows = _without(part, narrow, study) + top
    for row, a in zip(rows, narrow, strict=True):
        total = total + blurred(part, int(a), (x - offset) / slope, float(tau[a]) / abs(slope), row) / abs(slope)
    return np.asarray(np.exp(curve - top) * total)


def _without(part: CurvePart, at: NDArray[np.intp], study: int) -> Floats:
    """Rows of log densities without the evidence of a study."""
    assert part.rows is not None
    x = part.rows.x[at]
    problem = part.likelihood.problem
    one, X = problem.tables.take(np.array([study])), problem.X[[study]]
    log_mean = one.log_means(part.likelihood.all_of(x.reshape(-1, 1)), X, np.repeat(part.nodes.tau[at], x.shape[1]))
    return np.asarray(part.rows.log_density[at] - log_mean.reshape(x.shape))
