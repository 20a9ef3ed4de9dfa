"""Independent draws from a posterior on nodes: the scales first, mu given them, and the family's own parameters given all.

Log densities between the nodes of the scales are those of cubic splines in the places of the nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.quadrature.places import Places, draw_place

Floats = NDArray[np.float64]
_CELLS = 400  # along each scale
_DEEPEST = 100.0  # below the peak of a log density, where nothing is left of it
_AT_ONCE = 4_000_000  # interpolated values


def sample(grid: ParameterGrid, n: int, seed: int) -> dict[str, Floats]:
    """`n` draws of every parameter, by name: mu, tau, the family's own scale, its other parameters."""
    rng = np.random.default_rng([seed, 0])
    (first_name, first), tau = next((name, p) for name, p in grid.scales.items() if name != "tau"), grid.scales["tau"]
    log_weight = first.log_weight[:, None] + tau.log_weight
    at = _scale_places(logsumexp(grid.whole, axis=-1) - log_weight, first, tau, n, rng)
    places = grid.mu_places
    position = conditional_places(grid.whole - log_weight[..., None], at, rng, axis=2)
    ends = [map_coordinates(end, [at[1]], mode="nearest") for end in (places.lower, places.upper)]
    draws = {
        "mu": places.at(position, *ends),
        "tau": tau.at(at[1], tau.lower, tau.upper),
        first_name: first.at(at[0], first.lower, first.upper),
    }
    for name, one in grid.own.items():
        log_density = one.log_mass - (one.places.log_weight[..., None] + log_weight)[..., None]
        if one.places.n > 1 and one.places.kind != "even":
            slope = one.places.log_slope(np.arange(float(one.places.n))[:, None], one.places.lower, one.places.upper)
            log_density = log_density + slope[..., None, None]
        place = conditional_places(log_density, [*at, position], rng, axis=0)
        ends = [map_coordinates(end, [at[0]], mode="nearest") for end in (one.places.lower, one.places.upper)]
        draws[name] = one.value(one.places.at(place, *ends))
    return draws


def _scale_places(log_density: Floats, first: Places, tau: Places, n: int, rng: np.random.Generator) -> list[Floats]:
    """Places of the family's own scale and of tau, from their joint density: a cell, and evenly within it."""
    edges = [np.linspace(*places.ends, _CELLS + 1) if places.n > 1 else np.zeros(2) for places in (first, tau)]
    middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    grid = np.meshgrid(*middles, indexing="ij")
    log_mass = map_coordinates(_deep(log_density), grid, mode="nearest")
    for places, where in zip((first, tau), grid, strict=True):
        log_mass = log_mass + places.log_slope(where, places.lower, places.upper)
    mass = np.cumsum(np.exp(log_mass - log_mass.max()))
    cell = np.searchsorted(mass, rng.random(n) * mass[-1], side="right")
    index = np.unravel_index(np.minimum(cell, mass.size - 1), log_mass.shape)
    return [edge[i] + rng.random(n) * (edge[1:] - edge[:-1])[i] for edge, i in zip(edges, index, strict=True)]


def conditional_places(log_density: Floats, at: list[Floats], rng: np.random.Generator, axis: int) -> Floats:
    """Places along one axis given those along the others, in their order."""
    n, length = log_density.shape[axis], at[0].size
    drawn, filtered = np.zeros(length), spline_filter(_deep(log_density), order=3, mode="nearest")
    if n == 1:
        return drawn
    most = max(_AT_ONCE // n, 1)
    for start in range(0, length, most):
        rows = [np.repeat(where[start : start + most], n) for where in at]
        along = np.tile(np.arange(float(n)), rows[0].size // n)
        rows.insert(axis, along)
        values = map_coordinates(filtered, rows, mode="nearest", prefilter=False)
        drawn[start : start + most] = draw_place(values.reshape(-1, n), rng)
    return drawn


def _deep(log_density: Floats) -> Floats:
    return np.maximum(log_density, log_density.max() - _DEEPEST)
