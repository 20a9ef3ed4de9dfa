"""Independent draws of tau and the coefficients from a posterior of likelihood curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from bayesmeta.quadrature.grid_draws import conditional_places
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.places import draw_place
from bayesmeta.quadrature.study_curves.fit import CurvesFit
from bayesmeta.quadrature.study_curves.lines import row_between
from bayesmeta.quadrature.study_curves.part import CurvePart

Floats = NDArray[np.float64]
_NODES = 65  # of the only free coefficient, at each tau, from end to end of its support there


def sample(fit: CurvesFit, n: int, seed: int) -> dict[str, Floats]:
    """`n` draws of the scale, ``tau`` in most problems, and of every coefficient, by name."""
    rng = np.random.default_rng([seed, 0])
    which = rng.choice(len(fit.parts), size=n, p=fit.probability / fit.probability.sum())
    tau, beta = np.empty(n), np.empty((n, len(fit.names)))
    for j, part in enumerate(fit.parts):
        at = np.flatnonzero(which == j)
        if at.size:
            tau[at], beta[at] = _of_part(part, at.size, rng)
    return {fit.problem.scale: tau} | {name: beta[:, i] for i, name in enumerate(fit.names)}


def _of_part(part: CurvePart, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws of tau and of all coefficients."""
    kept = _span(part)
    log_mass = np.log(np.maximum(part.mass[kept], 1e-300))
    place = draw_place(np.broadcast_to(log_mass, (n, len(kept))), rng) if len(kept) > 1 else np.zeros(n)
    tau = _tau_at(part, place + kept[0])
    beta = np.empty((n, part.free))
    if part.free == 1:
        low, high, log_density = _row_densities(part, kept)
        at = conditional_places(log_density, [place], rng, axis=1)
        ends = [map_coordinates(end, [place], order=1, mode="nearest") for end in (low, high)]
        beta[:, 0] = ends[0] + (ends[1] - ends[0]) * at / (_NODES - 1)
    elif part.free > 1:
        beta = _lattice_draws(part, kept, place, rng)
    return tau, part.likelihood.all_of(beta)


def _span(part: CurvePart) -> NDArray[np.intp]:
    """Nodes of tau from the first to the last that has mass."""
    kept = part.kept
    return np.arange(kept[0], kept[-1] + 1)


def _tau_at(part: CurvePart, place: Floats) -> Floats:
    grid, scale = part.nodes.grid, part.scale
    if grid is None:
        return np.full(place.shape, part.nodes.tau[0])
    v = grid.mode.item() + grid.width.item() * np.sinh(grid.first.item() + part.nodes.step * place)
    return np.asarray(scale.at(v)[0])


def _row_densities(part: CurvePart, kept: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Ends and log densities of the only free coefficient at each tau."""
    rows = part.rows
    assert rows is not None
    low, high = rows.low[kept], rows.high[kept]
    log_density = np.empty((kept.size, _NODES))
    for r, a in enumerate(kept):
        x = np.linspace(low[r], high[r], _NODES)
        inner = np.clip(x, low[r] + 1e-9 * (high[r] - low[r]), high[r] - 1e-9 * (high[r] - low[r]))
        log_density[r] = row_between(rows.log_density[a], rows.low[a], rows.high[a], inner)
        log_density[r] += part.piece.log_prior(inner[:, None])
    log_density -= logsumexp(log_density, axis=1)[:, None]
    return low, high, log_density


def _lattice_draws(part: CurvePart, kept: NDArray[np.intp], place: Floats, rng: np.random.Generator) -> Floats:
    """Draws of several coefficients: places along each dimension of the lattice given tau and those before it."""
    lattice = part.lattice
    assert lattice is not None
    log_density, given = lattice.log_density[kept], [place]
    for d in range(part.free):
        axes = tuple(range(d + 2, part.free + 1))
        given.append(
            conditional_places(logsumexp(log_density, axis=axes) if axes else log_density, given, rng, axis=d + 1)
        )
    z = np.stack([one[0] + (one[1] - one[0]) * at for one, at in zip(lattice.z, given[1:], strict=True)], axis=-1)

    def at_place(values: Floats) -> Floats:
        return np.stack(
            [map_coordinates(row, [place], order=1, mode="nearest") for row in values[kept].reshape(len(kept), -1).T],
            -1,
        )

    root = at_place(lattice.root).reshape(-1, part.free, part.free)
    return np.asarray(at_place(lattice.mode) + np.einsum("nab,nb->na", root, z))
