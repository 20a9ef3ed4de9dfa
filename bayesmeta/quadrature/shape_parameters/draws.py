"""Independent draws from a fit with shape parameters: these, tau and the coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.cut import draw
from bayesmeta.quadrature.gaussian import solve_lower
from bayesmeta.quadrature.parts import Part
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.shape_parameters.fit import ShapedFit

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def sample(shaped: ShapedFit, n: int, seed: int) -> dict[str, Floats]:
    """Independent draws of tau, the coefficients and the shape parameters, by name.

    A node first, of all parts, components and tau; then the coefficients given it. Tau and the shape parameters are drawn within
    their node's cell: the difference is below any Monte Carlo error.
    """
    rng, fit = np.random.default_rng([seed, 0]), shaped.fit
    mass = np.concatenate([part.probability * np.asarray(part.posterior.mass).ravel() for part in fit.parts])
    cumulative = np.cumsum(mass)
    chosen = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    tau, beta, node = np.zeros(n), np.zeros((n, len(fit.names))), np.zeros(n, dtype=np.intp)
    start = 0
    for part in fit.parts:
        shape = part.posterior.mass.shape
        rows = np.flatnonzero((chosen >= start) & (chosen < start + shape[0] * shape[1]))
        component, place = np.divmod(chosen[rows] - start, shape[1])
        start += shape[0] * shape[1]
        node[rows] = component // (shape[0] // shaped.nodes.size)
        tau[rows] = _draw_tau(part, place, rng)
        beta[rows] = _draw_beta(part, component, place, len(fit.names), rng)
    draws = {fit.problem.scale: tau} | {name: beta[:, j] for j, name in enumerate(fit.names)}
    places = np.unravel_index(node, shaped.nodes.shape) if shaped.nodes.axes else ()
    for (name, axis), at in zip(shaped.nodes.axes.items(), places, strict=True):
        within = axis.step * (rng.random(n) - 0.5) if axis.z.size > 1 else 0.0
        draws[name] = axis.value(axis.z[at] + within)
    return draws


def _draw_tau(part: Part, place: Ints, rng: np.random.Generator) -> Floats:
    """Tau within the cells of its nodes."""
    if not isinstance(part.scale, ScaleDensity):
        return np.full(place.size, float(part.scale))
    grid, step = part.posterior.grid, part.posterior.step
    s = grid.first + step * (place + rng.random(place.size) - 0.5)
    return np.asarray(part.scale.at(grid.at(s))[0]).ravel()


def _draw_beta(part: Part, component: Ints, place: Ints, n: int, rng: np.random.Generator) -> Floats:
    """Coefficients given the node."""
    out, free, given = np.zeros((place.size, n)), list(part.piece.free), part.posterior.given
    for i, value in part.piece.fixed.items():
        out[:, i] = value
    if not free:
        return out
    shape, at = part.posterior.mass.shape, (component, place)
    root = [[np.broadcast_to(x, shape)[at] for x in row] for row in given.root]
    noise = rng.standard_normal((len(free), place.size))
    if (cut := part.cut) is not None:
        bounds = cut.standardised(*given.contrast(cut.weights))
        low, high = (np.broadcast_to(bound, shape)[at] for bound in bounds)
        direction = np.array([np.broadcast_to(q, place.shape) for q in solve_lower(root, cut.weights)])
        direction = direction / np.sqrt((direction**2).sum(axis=0))
        noise += direction * (draw(low, high, rng.random(place.size)) - (direction * noise).sum(axis=0))
    for i in reversed(range(len(free))):  # beta = mean + L^-T noise
        noise[i] = (noise[i] - sum(root[j][i] * noise[j] for j in range(i + 1, len(free)))) / root[i][i]
    out[:, free] = (np.stack([np.broadcast_to(m, shape)[at] for m in given.mean]) + noise).T
    return out
