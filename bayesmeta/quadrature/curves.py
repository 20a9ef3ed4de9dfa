"""Density and distribution function of each parameter of a grid, as curves between its nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.parameter_grid import ParameterGrid
from bayesmeta.quadrature.places import Places, between

Floats = NDArray[np.float64]
_POINTS = 4001  # of a curve
ERROR_LIMIT = 0.01  # of a probability; the bound is on the safe side, most are off by a tenth of it
_FINE = (1.0, 1.5)  # numbers of nodes that are tried, relative to the default
_NOTHING = 1e-14  # mass of a row of nodes that is left out
_Z = np.arange(-8.0, 8.01, 0.5)  # a trapezoid rule of a normal density is then off by 1e-30
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


def _row(places: Places, lower: Floats, upper: Floats, log_mass: Floats, log_weight: Floats) -> _Row:
    """A row from the masses of its nodes."""
    fine, log_density = between(log_mass - log_weight, places.ends)
    x, log_slope = places.at(fine, lower, upper), places.log_slope(fine, lower, upper)
    by_place = np.exp(log_density + log_slope)
    below = CubicSpline(fine, by_place).antiderivative()(fine)
    scale = np.exp(logsumexp(log_mass)) / below[-1]
    kept = np.concatenate([[True], np.diff(x) > 0])
    return _Row(x[kept], (np.exp(log_density) * scale)[kept], np.maximum.accumulate(below * scale)[kept])


def curves(grid: ParameterGrid) -> dict[str, Curve]:
    """A curve for each parameter, and for the effect in a new study, ``"theta_new"``; computed once for a grid."""
    if grid not in _KNOWN:
        _KNOWN[grid] = _curves(grid)
    return _KNOWN[grid]


def _curves(grid: ParameterGrid) -> dict[str, Curve]:
    by_name = {"mu": _effect(grid, new=False)}
    for name in grid.scales:
        _, mass = grid.scale_mass(name)
        places = grid.scales[name]
        by_name[name] = scale_curve(places, mass)
    for name, parameter in grid.own.items():
        places, log_mass = parameter.places, logsumexp(parameter.log_mass, axis=(-2, -1)) - grid.log_marginal_likelihood
        if places.n == 1:
            by_name[name] = _point(float(parameter.value(places.lower[0])))
            continue
        rows = [
            _row(places, low, high, log_mass[:, i], places.log_weight[:, i])
            for i, (low, high) in enumerate(zip(places.lower, places.upper, strict=True))
            if np.exp(logsumexp(log_mass[:, i])) > _NOTHING
        ]
        x = np.linspace(min(row.x[0] for row in rows), max(row.x[-1] for row in rows), _POINTS)
        density, below = (np.sum(part, axis=0) for part in zip(*(row.on(x) for row in rows), strict=True))
        value = parameter.value(x)
        by_name[name] = _normalised(value, density / parameter.slope(x), below)
    return by_name | {"theta_new": _effect(grid, new=True)}


def scale_curve(places: Places, mass: Floats) -> Curve:
    """Curve of a scale from the probabilities of its nodes, shape (node,)."""
    if places.n == 1:
        return _point(float(places.lower[()]))
    row = _row(places, places.lower, places.upper, np.log(np.maximum(mass, 1e-300)), places.log_weight)
    return _normalised(row.x, row.density, row.below)


def _point(value: float) -> Curve:
    return Curve(np.array([value]), np.array([np.inf]), np.array([1.0]))


def _normalised(x: Floats, density: Floats, below: Floats) -> Curve:
    return Curve(x, density / below[-1], below / below[-1])


def _mu_rows(grid: ParameterGrid) -> Iterator[tuple[float, _Row]]:
    """Each node of tau with the density of mu there."""
    places, mass = grid.mu_places, np.log(np.maximum(grid.mass, 1e-300))
    for k, tau in enumerate(grid.tau):
        if np.exp(logsumexp(mass[k])) > _NOTHING:
            yield float(tau), _row(places, places.lower[k], places.upper[k], mass[k], places.log_weight[:, k])


def _effect(grid: ParameterGrid, new: bool) -> Curve:
    """Mean effect, or that of a new study, which varies by tau around it."""
    rows = list(_mu_rows(grid))
    reach = 8.0 if new else 0.0
    ends = min(row.x[0] - reach * tau for tau, row in rows), max(row.x[-1] + reach * tau for tau, row in rows)
    x = np.linspace(*ends, _POINTS)
    parts = [_spread(row, tau, x) if new else row.on(x) for tau, row in rows]
    density, below = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return _normalised(x, density, below)


def _spread(row: _Row, tau: float, x: Floats) -> tuple[Floats, Floats]:
    """Density and probability below of mu + N(0, tau^2): a sum over nodes of mu if they are close beside tau, else over z."""
    cell = (row.x[-1] - row.x[0]) / (row.x.size - 1)
    if tau < 4 * cell:
        at = [row.on(x - tau * z) for z in _Z]
        density, below = (_WEIGHT @ np.array(part) for part in zip(*at, strict=True))
        return density, below
    few = slice(None, None, max(int(tau / cell / 2), 1))
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
