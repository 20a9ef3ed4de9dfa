"""Marginal posteriors of coefficients, of combinations of them, and of the effect in a new study, as curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.curves import Curve
from bayesmeta.quadrature.study_curves.fit import CurvesFit
from bayesmeta.quadrature.study_curves.lines import between, blurred_rows, finer, normals, row_between, sincs
from bayesmeta.quadrature.study_curves.panels import WIDTH, first_edges, followed
from bayesmeta.quadrature.study_curves.part import CurvePart

Floats = NDArray[np.float64]
_REACH, _Z = 9.0, 8.5  # standard deviations of a combination, and of a normal density
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(36)
RESOLVED = (
    0.6  # tau, in conditional standard deviations, from which on the nodes of a coefficient resolve a normal density
)
_EVEN = 3e-11  # of a node's mass, that equally spaced nodes may miss
_CLOSE = 0.97  # standard deviations of the narrowest density that equally spaced nodes resolve, for one step
_MOST_PIECES = 40  # of a rule over a normal density
_MOST_FINER = 4  # halvings of a row's step
_HERMITE = ((0.005, 9), (1e-5, 3), (0.0, 1))  # least tau, in conditional standard deviations, and nodes of the rule
_GONE = 1e-14
_FIT = 1e-10  # probability in the last coefficients of a panel


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A marginal: curves with their probabilities, values that have one of their own, mean and standard deviation."""

    curves: tuple[tuple[float, Curve], ...]
    points: tuple[tuple[float, float], ...]
    mean: float
    sd: float


def marginal(fit: CurvesFit, contrast: Floats, new: bool = False) -> Spread:
    """Marginal of a linear combination of the coefficients, or of that plus the deviation of a new study.

    Parameters
    ----------
    fit : CurvesFit
    contrast : ndarray, shape (coefficient,)
    new : bool
        Whether a draw of N(0, tau^2) is added.
    """
    curves, points, moments = [], dict[float, float](), []
    for probability, part in fit.weighted:
        offset = sum(contrast[i] * value for i, value in part.piece.fixed.items())
        weights = contrast[list(part.piece.free)]
        mean, sd = _given(part, offset, weights, new)
        kept = part.kept
        moments.append((probability, float(part.mass @ mean), float(part.mass @ (sd**2 + mean**2))))
        still = sd[kept] <= 0
        if still.any():  # all coefficients are known, and so is tau
            points[float(offset)] = points.get(float(offset), 0.0) + probability * float(part.mass[kept][still].sum())
        if not still.all():
            density = _density(part, offset, weights, new)
            low, high = _ends(part, offset, weights, new, mean, sd)
            curve = followed(density, first_edges(mean[kept], sd[kept], low[kept], high[kept]), _FIT).curve()
            curves.append((probability * (1 - float(part.mass[kept][still].sum())), curve))
    centre = math.fsum(q * m for q, m, _ in moments)
    square = math.fsum(q * s for q, _, s in moments)
    return Spread(tuple(curves), tuple(points.items()), centre, math.sqrt(max(square - centre**2, 0.0)))


def _given(part: CurvePart, offset: float, weights: Floats, new: bool) -> tuple[Floats, Floats]:
    """Mean and standard deviation given each tau."""
    mean = offset + part.mean @ weights
    if part.lattice is None:
        variance = ((part.sd * weights) ** 2).sum(axis=1)
    else:
        values, mass = _lattice_values(part, weights)
        variance = (mass * (values - (mean - offset)[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance + (part.nodes.tau**2 if new else 0.0))


def _lattice_values(part: CurvePart, weights: Floats) -> tuple[Floats, Floats]:
    """The combination at each node of a lattice, and its probability given tau."""
    lattice = part.lattice
    assert lattice is not None
    z = np.stack(np.meshgrid(*lattice.z, indexing="ij"), axis=-1).reshape(-1, len(lattice.z))
    values = (lattice.mode @ weights)[:, None] + (lattice.root.transpose(0, 2, 1) @ weights) @ z.T
    log_density = lattice.log_density.reshape(len(values), -1)
    mass = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    return values, mass / mass.sum(axis=1, keepdims=True)


def _ends(
    part: CurvePart, offset: float, weights: Floats, new: bool, mean: Floats, sd: Floats
) -> tuple[Floats, Floats]:
    """Where the combination has its mass at each tau: the row of the first free coefficient, where it is about that."""
    if part.rows is None or not weights[0] or weights[1:].any():
        return mean - _REACH * sd, mean + _REACH * sd
    ends = offset + weights[0] * np.stack([part.rows.low, part.rows.high])
    more = _REACH * part.nodes.tau if new else 0.0
    return ends.min(axis=0) - more, ends.max(axis=0) + more


def _density(part: CurvePart, offset: float, weights: Floats, new: bool) -> Callable[[Floats], Floats]:
    if new:
        return _new_density(part, offset, weights)
    if not weights[1:].any():
        return lambda x: np.asarray(part.first_density((x - offset) / weights[0]).sum(axis=0) / abs(weights[0]))
    return _combined(part, offset, weights)


def _combined(part: CurvePart, offset: float, weights: Floats) -> Callable[[Floats], Floats]:
    """Density of a combination of several: given all other dimensions of the lattice, a sum of sinc functions along one."""
    lattice = part.lattice
    assert lattice is not None
    values, mass = _lattice_values(part, weights)
    along = np.abs(lattice.root.transpose(0, 2, 1) @ weights)  # of each dimension, shape (tau, free)
    axis = int(np.argmax(part.mass @ along))
    spacing = along[:, axis] * (lattice.z[axis][1] - lattice.z[axis][0])
    joint = mass * part.mass[:, None]
    kept = joint > _GONE
    node, spacings = values[kept] + offset, np.broadcast_to(spacing[:, None], joint.shape)[kept]
    return lambda x: np.asarray(sincs(x, node, np.ascontiguousarray(spacings), joint[kept]))


def _new_density(part: CurvePart, offset: float, weights: Floats) -> Callable[[Floats], Floats]:
    """Density of the effect in a new study: of a coefficient plus N(0, tau^2), or of a value that is known plus that."""
    kept, tau = part.kept, part.nodes.tau
    if not weights.any():
        at = kept[tau[kept] > 0]
        return lambda x: np.asarray(normals(x, np.full(at.size, float(offset)), tau[at], part.mass[at]))
    slope = float(weights[0])
    terms = list(_new_terms(part, tau / abs(slope)))

    def density(x: Floats) -> Floats:
        z = np.ascontiguousarray((x - offset) / slope)
        return np.asarray(sum((term(z) for term in terms), np.zeros(x.size)) / abs(slope))

    return density


def _new_terms(part: CurvePart, tau: Floats) -> Iterator[Callable[[Floats], Floats]]:
    """Densities of the first free coefficient plus N(0, tau^2), of which the sum is over all tau.

    Where the equally spaced nodes of a row carry its mass, closer ones do, as close as tau needs; where tau is a small part of
    the coefficient's standard deviation, so does a Gauss-Hermite rule about each point.
    """
    kept, sd, rows = part.kept, part.sd[:, 0], part.rows
    assert rows is not None
    _, mass = _row_masses(part, kept)
    even = np.abs(mass.sum(axis=1) - part.mass[kept]) <= _EVEN
    step = (rows.high - rows.low)[kept] / (mass.shape[1] - 1)
    with np.errstate(divide="ignore"):
        narrowest = 1 / np.hypot(1 / sd[kept], 1 / tau[kept])  # of a row's density times the normal one
        times = 2.0 ** np.maximum(np.ceil(np.log2(_CLOSE * step / narrowest)), 0)
    for count in range(_MOST_FINER + 1):
        chosen = even & (times == 2**count)
        if chosen.any():
            at = kept[chosen]
            x, fine = _row_masses(part, at, 2**count)
            yield partial(blurred_rows, first=x[:, 0].copy(), step=step[chosen] / 2**count, tau=tau[at], mass=fine)
    ends = [np.inf, *(least for least, _ in _HERMITE)]
    for most, (least, n) in zip(ends, _HERMITE, strict=False):
        share = tau[kept] / sd[kept]
        at = kept[even & (times > 2**_MOST_FINER) & (share < most) & (share >= least)]
        if at.size:
            yield partial(_hermite, part, at, tau[at], *np.polynomial.hermite_e.hermegauss(n))
    rest, wide = kept[~even], tau[kept[~even]] >= RESOLVED * sd[kept[~even]]
    if wide.any():
        nodes, mass = first_nodes(part, rest[wide])
        some = mass > _GONE
        spread = np.broadcast_to(tau[rest[wide], None], mass.shape)[some]
        yield partial(normals, mean=nodes[some], sd=spread, weight=mass[some])
    for a in rest[~wide]:
        pieces = math.ceil(float(tau[a]) / (RESOLVED * _narrowest(part, int(a))))
        yield partial(_blurred, part, int(a), float(tau[a]), min(max(pieces, 1), _MOST_PIECES))


def _narrowest(part: CurvePart, a: int) -> float:
    """Standard deviation at a node of tau, or of a narrower peak that a prior makes, as wide as its panel was found to be."""
    panels = part.panels
    assert panels is not None
    peak = int(np.argmax(panels.values[a])) * len(panels.edges) // panels.values.shape[1]
    return min(float(np.ptp(panels.edges[peak])) / WIDTH, float(part.sd[a, 0]))


def _hermite(part: CurvePart, at: NDArray[np.intp], tau: Floats, nodes: Floats, weights: Floats, x: Floats) -> Floats:
    """Density at narrow tau by a Gauss-Hermite rule about each point."""
    rows = part.rows
    assert rows is not None
    total = np.zeros(x.size)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        away = tau * node
        log_density = between(rows.log_density[at], rows.low[at] + away, rows.high[at] + away, x)
        log_density += part.nodes.log_weight[at, None] - part.log_evidence
        if part.free == 1:
            log_density += part.piece.log_prior((x - away[:, None]).reshape(-1, 1)).reshape(log_density.shape)
        total += weight * np.exp(log_density).sum(axis=0)
    return total


def _blurred(part: CurvePart, a: int, tau: float, pieces: int, x: Floats) -> Floats:
    return blurred(part, a, x, tau, pieces=pieces)


def _row_masses(part: CurvePart, rows: NDArray[np.intp], times: int = 1) -> tuple[Floats, Floats]:
    """Equally spaced nodes of rows, so many for each of their own, and the masses that they stand for."""
    assert part.rows is not None
    x, log_density = part.rows.x[rows], part.rows.log_density[rows]
    if times > 1:
        log_density = finer(log_density, times)
        x = x[:, :1] + np.arange(log_density.shape[1]) * ((x[:, -1:] - x[:, :1]) / (log_density.shape[1] - 1))
    log_density = log_density + part.nodes.log_weight[rows, None]
    if part.free == 1:
        log_density = log_density + part.piece.log_prior(x.reshape(-1, 1)).reshape(x.shape)
    with np.errstate(over="ignore"):
        return x, np.exp(log_density - part.log_evidence) * np.diff(x[:, :2], axis=1)


def first_nodes(part: CurvePart, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Nodes of the first free coefficient with their masses at some values of tau: those of the rows where they suffice."""
    assert part.rows is not None
    assert part.panels is not None
    x, mass = _row_masses(part, rows)
    if np.all(np.abs(mass.sum(axis=1) - part.mass[rows]) <= _EVEN):
        return x, mass
    mass = part.panels.values[rows] * part.panels.weights
    return np.broadcast_to(part.panels.nodes, mass.shape), mass


def blurred(part: CurvePart, a: int, x: Floats, tau: float, log_row: Floats | None = None, pieces: int = 1) -> Floats:
    """Density at a narrow tau: the mean over z of the coefficient's own, as far as its support reaches.

    Parameters
    ----------
    part : CurvePart
    a : int
        Node of tau.
    x : ndarray
    tau : float
        In units of the coefficient.
    log_row : ndarray, optional
        Log densities in place of the part's own row.
    pieces : int
        Of the rule over z.
    """
    rows = part.rows
    assert rows is not None
    lower, upper = part.piece.support if part.free == 1 else (-math.inf, math.inf)
    log_row = rows.log_density[a] if log_row is None else log_row
    if tau == 0:
        log_density = row_between(log_row, rows.low[a], rows.high[a], x) + part.nodes.log_weight[a]
        log_density = log_density + (part.piece.log_prior(x[:, None]) if part.free == 1 else 0.0)
        return np.asarray(np.exp(log_density - part.log_evidence))
    near = (x > rows.low[a] - _REACH * tau) & (x < rows.high[a] + _REACH * tau)
    first, last = (np.clip((x[near] - end) / tau, -_Z, _Z) for end in (upper, lower))
    shares = (np.arange(pieces)[:, None] + (1 + _GAUSS_X) / 2).ravel() / pieces
    z = first[:, None] + (last - first)[:, None] * shares
    points = (x[near, None] - tau * z).ravel()
    log_density = row_between(log_row, rows.low[a], rows.high[a], points) + part.nodes.log_weight[a]
    if part.free == 1:
        log_density = log_density + part.piece.log_prior(points[:, None])
    normal = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (last - first)[:, None] / 2
    found = np.zeros(x.size)
    found[near] = (np.exp(log_density - part.log_evidence).reshape(z.shape) * normal) @ np.tile(
        _GAUSS_W / pieces, pieces
    )
    return found
