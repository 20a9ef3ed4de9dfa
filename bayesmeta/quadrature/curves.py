"""Density and distribution function of each parameter of a grid, as curves between its nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.quadrature.places import FINER, Places, between
from bayesmeta.quadrature.special import TINY

Floats = NDArray[np.float64]
_POINTS = 4001  # of a curve, a cubic between them
ERROR_LIMIT = 0.01  # of a probability; the bound is on the safe side, most are off by a tenth of it
_UNITS = 10  # units of closely spaced points in the narrowest row that is heavy
_HEAVY, _RESOLVED = 0.01, 60  # of the largest mass of a row; points in each row that heavy
_SKIPPED = 4  # points of a row for one of its finer nodes
_FINE = (1.0, 1.5)  # numbers of nodes that are tried, relative to the default
_NOTHING = 1e-14  # mass of a row of nodes that is left out
_Z = np.arange(-8.0, 8.01, 0.5)  # 1e-15 is beyond; a trapezoid rule of a normal density is then off by 1e-30
_WEIGHT = np.exp(-(_Z**2) / 2) / np.sqrt(2 * np.pi) * 0.5
_KNOWN = WeakKeyDictionary[ParameterGrid, dict[str, "Curve"]]()


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Density and distribution function at points; all of the mass at one where there is one point.

    Attributes
    ----------
    x, density, below : ndarray, shape (point,)
    """

    x: Floats
    density: Floats
    below: Floats

    def cdf(self, x: Floats) -> Floats:
        """Probability of at most `x`."""
        if self.x.size == 1:
            return np.asarray(np.where(x >= self.x[0], 1.0, 0.0))
        inside = _hermite(self.x, self.below, self.density, np.clip(x, self.x[0], self.x[-1]))
        return np.clip(inside, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Row:
    """A density along one line of nodes: fine points, density there and probability below, which ends at the row's mass."""

    x: Floats
    density: Floats
    below: Floats

    def on(self, x: Floats) -> tuple[Floats, Floats]:
        """Density and probability below at other points."""
        at = np.clip(x, self.x[0], self.x[-1])
        below = _hermite(self.x, self.below, self.density, at)
        return np.where(at == x, np.interp(at, self.x, self.density), 0.0), np.clip(below, 0.0, self.below[-1])


def _hermite(x: Floats, value: Floats, slope: Floats, at: Floats) -> Floats:
    """SciPy's CubicHermiteSpline between the first and the last `x`, without its checks, which take longer than the values."""
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.size - 2)
    step = x[i + 1] - x[i]
    t = (at - x[i]) / step
    rise = t * t * (3 - 2 * t) * (value[i + 1] - value[i])
    return np.asarray(value[i] + rise + t * (1 - t) * step * ((1 - t) * slope[i] - t * slope[i + 1]))


def _rows(places: Places, log_mass: Floats, log_weight: Floats) -> dict[int, _Row]:
    """Rows from the masses of their nodes, shape (row, node), by number; those without any mass are left out."""
    mass = np.exp(logsumexp(log_mass, axis=1))
    used = np.flatnonzero(mass > _NOTHING)
    lower, upper = (np.broadcast_to(end, mass.shape)[used, None] for end in (places.lower, places.upper))
    fine, log_density = between((log_mass - log_weight)[used], places.ends)
    x, log_slope = places.at(fine, lower, upper), places.log_slope(fine, lower, upper)
    below = CubicSpline(fine, np.exp(log_density + log_slope), axis=1).antiderivative()(fine)
    scale = mass[used, None] / below[:, -1:]
    density, below = np.exp(log_density) * scale, np.maximum.accumulate(below * scale, axis=1)
    kept = np.concatenate([np.full((len(x), 1), True), np.diff(x) > 0], axis=1)
    return {int(i): _Row(x[r, kept[r]], density[r, kept[r]], below[r, kept[r]]) for r, i in enumerate(used)}


def curves(grid: ParameterGrid) -> dict[str, Curve]:
    """A curve for each parameter, and for the effect in a new study, ``"theta_new"``; computed once for a grid."""
    if grid not in _KNOWN:
        _KNOWN[grid] = _curves(grid)
    return _KNOWN[grid]


def mean_curve(grid: ParameterGrid, new: bool = False) -> Curve:
    """Curve of mu, or of the effect in a new study."""
    places, log_mass = grid.mu_places, np.log(np.maximum(grid.mass, TINY))
    rows = _rows(places, log_mass, places.log_weight.T)
    return _effect([(float(grid.tau[k]), row) for k, row in rows.items()], new=new)


def finer_nodes(grid: ParameterGrid) -> tuple[Floats, Floats, Floats]:
    """Mu, tau and masses that sum to one, with more nodes of mu than the grid has, shape (node,)."""
    if grid.mu.shape[1] == 1:
        return grid.mu[:, 0], grid.tau, grid.mass[:, 0]
    places, log_mass = grid.mu_places, np.log(np.maximum(grid.mass, TINY))
    rows = _rows(places, log_mass, places.log_weight.T)
    x = [row.x[::_SKIPPED] for row in rows.values()]
    weight = [row.density[::_SKIPPED] * np.gradient(one) for row, one in zip(rows.values(), x, strict=True)]
    mass = [w * (row.below[-1] / w.sum()) for w, row in zip(weight, rows.values(), strict=True)]
    tau = [np.full(one.size, grid.tau[k]) for k, one in zip(rows, x, strict=True)]
    joined = np.concatenate(mass)
    return np.concatenate(x), np.concatenate(tau), joined / joined.sum()


def _curves(grid: ParameterGrid) -> dict[str, Curve]:
    by_name = {"mu": mean_curve(grid)}
    for name in grid.scales:
        _, mass = grid.scale_mass(name)
        places = grid.scales[name]
        by_name[name] = scale_curve(places, mass)
    for name, parameter in grid.own.items():
        places, log_mass = parameter.places, logsumexp(parameter.log_mass, axis=(-2, -1)) - grid.log_marginal_likelihood
        if places.n == 1:
            by_name[name] = _point(float(parameter.value(places.lower[0])))
            continue
        rows = _rows(places, log_mass.T, places.log_weight.T).values()
        x = np.linspace(min(row.x[0] for row in rows), max(row.x[-1] for row in rows), _POINTS)
        density, below = (np.sum(part, axis=0) for part in zip(*(row.on(x) for row in rows), strict=True))
        value = parameter.value(x)
        by_name[name] = _normalised(value, density / parameter.slope(x), below)
    return by_name | {"theta_new": mean_curve(grid, new=True)}


def scale_curve(places: Places, mass: Floats) -> Curve:
    """Curve of a scale from the probabilities of its nodes, shape (node,)."""
    if places.n == 1:
        return _point(float(places.lower[()]))
    (row,) = _rows(places, np.log(np.maximum(mass, TINY))[None], places.log_weight[None]).values()
    return _normalised(row.x, row.density, row.below)


def _point(value: float) -> Curve:
    return Curve(np.array([value]), np.array([np.inf]), np.array([1.0]))


def _normalised(x: Floats, density: Floats, below: Floats) -> Curve:
    return Curve(x, density / below[-1], below / below[-1])


def _effect(rows: list[tuple[float, _Row]], new: bool) -> Curve:
    """Mean effect from its density at each tau, or the effect of a new study, which varies by tau around it."""
    reach = _Z[-1] if new else 0.0
    ends = min(row.x[0] - reach * tau for tau, row in rows), max(row.x[-1] + reach * tau for tau, row in rows)
    x = _points(rows, *ends)
    parts = [_spread(row, tau, x) if new else row.on(x) for tau, row in rows]
    density, below = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return _normalised(x, density, below)


def _points(rows: list[tuple[float, _Row]], low: float, high: float) -> Floats:
    """Points of a curve: equally spaced, unless that is too wide for the rows of most mass; then closer about the heaviest."""
    mass = np.array([row.below[-1] for _, row in rows])
    width = min(row.x[-1] - row.x[0] for (_, row), m in zip(rows, mass, strict=True) if m > _HEAVY * mass.max())
    if high - low <= _POINTS * width / _RESOLVED:
        return np.linspace(low, high, _POINTS)
    heaviest = rows[int(mass.argmax())][1]
    centre, unit = float(heaviest.x[int(heaviest.density.argmax())]), width / _UNITS
    first, last = (math.asinh((end - centre) / unit) for end in (low, high))
    return np.asarray(centre + unit * np.sinh(np.linspace(first, last, _POINTS)))


def _spread(row: _Row, tau: float, x: Floats) -> tuple[Floats, Floats]:
    """Density and probability below of mu + N(0, tau^2): a sum over points of mu if they are close beside tau, else over z.

    The points are as close as the nodes of mu, of which its density is known, and as tau, both together.
    """
    cell = (row.x[-1] - row.x[0]) / (row.x.size - 1)
    if tau < 4 * cell:
        at = [row.on(x - tau * z) for z in _Z]
        density, below = (_WEIGHT @ np.array(part) for part in zip(*at, strict=True))
        return density, below
    few = slice(None, None, int(1 / np.hypot(1 / FINER, cell / tau)))
    mass = row.density[few] * (row.below[-1] / row.density[few].sum())
    z = (x[:, None] - row.x[few]) / tau
    return np.exp(-(z**2) / 2) @ mass / (tau * np.sqrt(2 * np.pi)), ndtr(z) @ mass


def error_bound(grid: ParameterGrid, by_name: dict[str, Curve]) -> float:
    """Bound on the error of the distribution function of any parameter, whose curves are `found`: twice the largest change
    from the coarser grid, which it may have halved at the least.
    """
    assert grid.coarser is not None
    before = curves(grid.coarser)
    return 2 * max(float(np.abs(before[name].cdf(curve.x) - curve.below).max()) for name, curve in by_name.items())


def refined(fit: Callable[[float], ParameterGrid]) -> ParameterGrid:
    """A grid whose error bound is below `ERROR_LIMIT`, or with the most nodes that are tried.

    Parameters
    ----------
    fit : callable
        From numbers of nodes, relative to the default, to a grid.
    """
    for fine in _FINE:
        grid = fit(fine)
        if error_bound(grid, curves(grid)) <= ERROR_LIMIT:
            break
    return grid
