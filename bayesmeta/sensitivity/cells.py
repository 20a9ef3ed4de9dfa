"""Posterior summaries for many priors on tau, by reweighing one table of the likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.normal_mixture import mixture_ppf
from bayesmeta.results.scale_marginal import node_quantiles
from bayesmeta.sensitivity.divergence import with_divergence
from bayesmeta.sensitivity.quantity import Quantity
from bayesmeta.sensitivity.rules import Rule
from bayesmeta.sensitivity.tabulate import Table

Floats = NDArray[np.float64]
_MOMENT = 0.01  # a second moment may be a hundred times less certain, relative to itself, than a probability
_CONVERGES = 1.2  # an integrand that falls like v**-1.2 or faster can be integrated
_DEAD = 1e-26  # nodes of less mass under every prior are left out of distribution functions
_LIGHT = 1e-16  # components of less mass under every prior are left out of quantiles
_CHUNK = 2_000_000  # largest temporary array


@dataclass(frozen=True, slots=True)
class Cells:
    """Summaries of the posterior, one for each prior.

    Attributes
    ----------
    probability : ndarray, shape (prior, claim)
    mean, sd, lower, upper : ndarray, shape (prior,)
        Of the quantity; nan without one.
    log_evidence : ndarray, shape (prior,)
    log_ratio : ndarray, shape (prior,)
        Posterior mean of the log prior density over that of the primary prior; infinite where it diverges.
    error : ndarray, shape (prior,)
        Bound on the error of every probability.
    """

    probability: Floats
    mean: Floats
    sd: Floats
    lower: Floats
    upper: Floats
    log_evidence: Floats
    log_ratio: Floats
    error: Floats


def reweigh(
    table: Table,
    rules: Sequence[Rule],
    log_prior: Floats,
    log_ratio: Floats,
    quantity: Quantity | None,
    levels: Floats,
    *,
    heavy: bool,
) -> Cells:
    """Summaries under each prior on tau.

    Parameters
    ----------
    table : Table
    rules : sequence of Rule
        Those that the table was made with.
    log_prior, log_ratio : ndarray, shape (prior, node of a rule)
        Log prior masses, and log density over that of the primary prior.
    quantity : Quantity or None
    levels : ndarray, shape (2,)
        Of the quantiles `lower` and `upper`.
    heavy : bool
        Whether the variance of the quantity grows with tau, so that its moments are no more than those of tau.
    """
    pieces = table.log_likelihood.size // log_prior.shape[1]
    log_mass = table.log_likelihood + np.tile(log_prior, (1, pieces))
    top = log_mass.max(axis=1, keepdims=True)
    reached = np.isfinite(top)  # some node lies where the prior has mass; else the evidence, -inf, sends it to a fit
    mass = np.exp(log_mass - np.where(reached, top, 0.0))
    total = np.where(reached, mass.sum(axis=1, keepdims=True), 1.0)
    mass /= total
    log_evidence = (top + np.log(total))[:, 0]
    moments = _existing(table, log_mass)
    error = _error(table, mass, moments, log_evidence)
    shift, second = mass @ (table.mean - table.centre), mass @ table.second
    mean, sd = table.centre + shift, np.sqrt(np.maximum(second - shift**2, 0.0))
    if quantity is None:
        mean, sd = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
        ends = np.full((mean.size, 2), np.nan)
    elif quantity.contrast is None:
        mean, sd = np.where(moments >= 1, mean, np.inf), np.where(moments >= 2, sd, np.inf)
        ends = _tau_quantiles(mass, rules, pieces, levels)
    else:
        if heavy:
            mean, sd = np.where(moments >= 1, mean, np.nan), np.where(moments >= 2, sd, np.inf)
        ends = _quantiles(table, mass, levels)
    return Cells(
        np.clip(mass @ table.claims, 0.0, 1.0),
        mean,
        sd,
        ends[:, 0],
        ends[:, 1],
        log_evidence,
        _expected_ratio(table, mass, np.tile(log_ratio, (1, pieces))),
        error,
    )


def _existing(table: Table, log_mass: Floats) -> Floats:
    """How many moments of tau exist under each prior: 0, 1, or 2 for two and more."""
    moments = np.full(len(log_mass), 2.0)
    for part, nodes in zip(table.parts, table.places, strict=True):
        if not isinstance(part.scale, ScaleDensity) or part.scale.bounded:
            continue
        v = np.asarray(part.posterior.v)[0]
        s = np.asarray(part.posterior.grid.inverse(v[-2:]))[0]
        log_slope = np.asarray(part.posterior.grid.log_slope(s))[0]
        with np.errstate(invalid="ignore"):
            rise = log_mass[:, nodes.stop - 1] - log_mass[:, nodes.stop - 2] - (log_slope[1] - log_slope[0])
        slope = np.where(np.isnan(rise), -np.inf, rise / (v[-1] - v[-2]))
        reach = v[-1] - float(part.posterior.grid.mode.item())
        exist = sum(((slope + m) * reach < -_CONVERGES).astype(float) for m in (1, 2))
        moments = np.minimum(moments, exist)
    return moments


def _error(table: Table, mass: Floats, moments: Floats, log_evidence: Floats) -> Floats:
    """Largest difference between the two halves of the nodes, and not less than rounding, components and lost tails."""
    weight = mass.max(axis=0)
    at = np.flatnonzero(~(weight <= _DEAD))
    points, alive = table.probes(weight), mass[:, at]
    columns = np.column_stack([np.ones(at.size), table.claims[at], table.distribution(points, at)])
    worst = np.abs(alive @ (columns * table.signs[at, None])).max(axis=1)
    second = mass @ table.second
    relative = _MOMENT * np.abs(mass @ (table.second * table.signs)) / np.where(second > 0, second, 1.0)
    worst = np.maximum(worst, np.where(moments >= 2, relative, 0.0))
    floor = mass @ table.size
    for parity in table.parities:
        share = (table.shares * parity).sum(axis=0)[at]
        halves = np.column_stack([share, table.distribution(points, at, parity)])
        floor = floor + np.abs(alive @ halves).max(axis=1)
    for part, nodes in zip(table.parts, table.places, strict=True):
        if isinstance(part.scale, ScaleDensity) and not part.scale.bounded:
            v, grid = np.asarray(part.posterior.v)[0], part.posterior.grid
            slope = np.exp(np.asarray(grid.log_slope(np.asarray(grid.inverse(v))))[0]) * part.posterior.step.item()
            for end, node in ((0, nodes.start), (-1, nodes.stop - 1)):
                floor = floor + 2 * mass[:, node] / slope[end] * abs(v[end] - float(grid.mode.item()))
    bound = np.maximum(worst, floor)
    return np.asarray(np.where(np.isfinite(log_evidence) & np.isfinite(bound), np.minimum(bound, 1.0), 1.0))


def _expected_ratio(table: Table, mass: Floats, log_ratio: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        terms = np.where(mass > 0, mass * (table.ratio + log_ratio), 0.0)
    total = np.zeros(len(mass))
    for part, nodes in zip(table.parts, table.places, strict=True):
        half_line = isinstance(part.scale, ScaleDensity) and not part.scale.bounded
        total = total + (with_divergence(terms[:, nodes]) if half_line else terms[:, nodes].sum(axis=1))
    return np.where(np.isnan(total), np.inf, total)


def _quantiles(table: Table, mass: Floats, levels: Floats) -> Floats:
    """Quantiles of the quantity under each prior."""
    weight = mass.max(axis=0)
    keep = weight * table.shares > _LIGHT
    component, node = np.nonzero(keep)
    means, sds, share = table.means[keep], table.sds[keep], table.shares[component, node]
    if means.size == 0:
        return np.full((len(mass), levels.size), np.nan)
    quantiles = np.empty((len(mass), levels.size))
    size = max(_CHUNK // (means.size * levels.size), 1)
    for start in range(0, len(mass), size):
        weights = mass[start : start + size, node] * share
        total = weights.sum(axis=1, keepdims=True)
        weights /= np.where(total > 0, total, 1.0)
        each = np.broadcast_to(means, weights.shape)
        quantiles[start : start + size] = mixture_ppf(weights, each, np.broadcast_to(sds, weights.shape), levels)
    return quantiles


def _tau_quantiles(mass: Floats, rules: Sequence[Rule], pieces: int, levels: Floats) -> Floats:
    """Quantiles of tau; nan where several rules share the mass, which is left to a fit."""
    quantiles = np.full((len(mass), levels.size), np.nan)
    if len(rules) > 1:
        return quantiles
    rule = rules[0]
    if not isinstance(rule.scale, ScaleDensity):
        return np.full(quantiles.shape, float(rule.scale))
    n = rule.tau.shape[-1]
    nodes = mass.reshape(len(mass), pieces, n).sum(axis=1)
    first, step = rule.grid.first.ravel(), np.array([rule.step])
    size = max(_CHUNK // (n * levels.size), 1)
    for start in range(0, len(mass), size):
        rows = nodes[start : start + size]
        s = node_quantiles(rows, np.repeat(first, len(rows)), np.repeat(step, len(rows)), levels)
        quantiles[start : start + size] = np.asarray(rule.scale.at(np.asarray(rule.grid.at(s)))[0])
    return quantiles
