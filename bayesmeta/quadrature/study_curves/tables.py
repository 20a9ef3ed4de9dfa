"""The likelihood curve of each study, tabulated once: polynomials on panels that halve until they fit, a grid near the top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from bayesmeta.quadrature.study_curves import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
LogCurve = Callable[[int, Floats], Floats]  # from a study and ordered effects to the log likelihood of each

_DEGREE = 15
_OUT = 2.0 ** np.arange(11)  # first edges of panels, from the centre, in units of effect
_NARROWEST = 1 / 64  # panel
_FIT = 3e-12  # last coefficients of a series that fits, and of its size in units of rounding
_ROUNDING = 64 * 2.0**-52
_GRID_STEP, _WIDEST = 0.35, 0.2  # of the grid: in standard deviations of the curve where it is narrowest, and at most
_SEEN = 10.0  # below the top, where that is looked for
_DEPTH = 38.0  # below the top where the grid ends
_FLAT = 1e-13  # change of a curve, of its size, that has come to its limit
_X = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))[::-1]
_TO_SERIES = np.linalg.inv(chebyshev.chebvander(_X, _DEGREE))
_DERIVATIVE = np.stack([np.append(chebyshev.chebder(row), 0.0) for row in np.eye(_DEGREE + 1)])


@dataclass(frozen=True, slots=True, eq=False)
class CurveTables:
    """Curves of all studies, as compiled code takes them.

    Attributes
    ----------
    edges : ndarray, shape (study, panel + 1)
        Ends of panels; what is beyond `panels` of them is not used.
    series : ndarray, shape (study, panel, 3, coefficient)
        Chebyshev series of the log likelihood on each panel, and of its first two derivatives.
    panels : ndarray of int, shape (study,)
    centre, scale : ndarray, shape (study,)
        Roughly where a curve lies, and its standard deviation.
    grid : ndarray, shape (study, node)
        Likelihood relative to its top.
    first, step : ndarray, shape (study,)
        Of the grid.
    nodes : ndarray of int, shape (study,)
    ends : ndarray, shape (study, 2)
        What the curve comes to beyond the ends of the grid, relative to its top: 0 where it vanishes.
    top : ndarray, shape (study,)
        Largest log likelihood on the grid.
    fit : ndarray, shape (study,)
        Largest of the last coefficients of the series of a curve, where the curve counts: what they leave open.
    """

    edges: Floats
    series: Floats
    panels: Ints
    centre: Floats
    scale: Floats
    grid: Floats
    first: Floats
    step: Floats
    nodes: Ints
    ends: Floats
    top: Floats
    fit: Floats

    @property
    def error(self) -> float:
        """What the series leave open, of all studies."""
        return float(self.fit.sum())

    @property
    def n_studies(self) -> int:
        """Number of curves."""
        return int(self.panels.size)

    @property
    def _all(self) -> tuple[Any, ...]:
        return (
            self.edges, self.series, self.panels, self.centre, self.scale, self.grid, self.first, self.step, self.nodes,
            self.ends, self.top,
        )  # fmt: skip

    @property
    def _smooth(self) -> tuple[Any, ...]:
        return self.edges, self.series, self.panels, self.centre, self.scale, self.step

    def log_means(self, beta: Floats, X: Floats, tau: Floats) -> Floats:
        """Log of the mean of each curve over N(x_i beta, tau^2), shape (point, study)."""
        return np.asarray(kernel.log_means(*_arrays(beta, X, tau), *self._all))

    def log_totals(self, beta: Floats, X: Floats, tau: Floats) -> Floats:
        """Their sum over studies, shape (point,)."""
        return np.asarray(kernel.log_totals(*_arrays(beta, X, tau), *self._all))

    def moments(self, study: int, m: Floats, tau: Floats) -> Floats:
        """Log mean of a curve over N(m, tau^2), and mean and variance of the effect given m and tau, shape (point, 3)."""
        return np.asarray(kernel.moments(*_arrays(m, tau), study, *self._smooth))

    def draw(self, study: int, m: Floats, tau: Floats, rng: np.random.Generator) -> Floats:
        """An effect of a study for each m and tau, which have one shape."""
        flat = _arrays(m.ravel(), tau.ravel())
        return np.asarray(kernel.draw_effects(*flat, study, rng.random(m.size), *self._smooth)).reshape(m.shape)

    def log_curve(self, study: int, theta: Floats) -> Floats:
        """Log likelihood of a study at its effects."""
        of = self.edges[study], self.series[study], int(self.panels[study])
        return np.array([kernel.value(*of, x) for x in theta.ravel()]).reshape(theta.shape)

    def take(self, studies: Ints) -> CurveTables:
        """The curves of some studies."""
        return CurveTables(*(array[studies] for array in (*self._all, self.fit)))


def _arrays(*values: Floats) -> list[Floats]:
    return [np.ascontiguousarray(value, dtype=float) for value in values]


def tabulate(log_curve: LogCurve, centre: Floats, scale: Floats) -> CurveTables:
    """Tables of curves.

    Parameters
    ----------
    log_curve : callable
        Smooth, of one mode, and at both ends constant or falling.
    centre, scale : ndarray, shape (study,)
        Roughly where each curve lies, and its standard deviation.
    """
    all_edges, all_series, grids, first, step, ends, tops = [], [], [], [], [], [], []
    for i, (middle, sd) in enumerate(zip(centre, scale, strict=True)):
        edges, series = _panels(lambda x, i=i: log_curve(i, x), float(middle))  # type: ignore[misc]
        start, h, values, beyond = _grid(edges, series, float(middle), float(sd))
        top = float(values.max())
        all_edges.append(edges)
        all_series.append(series)
        grids.append(np.exp(values - top))
        first.append(start)
        step.append(h)
        ends.append(np.exp(np.array(beyond) - top))
        tops.append(top)
    return CurveTables(
        _padded(all_edges, np.inf),
        _padded(all_series, 0.0),
        np.array([len(series) for series in all_series]),
        np.array(centre, dtype=float),
        np.array(scale, dtype=float),
        _padded(grids, 0.0),
        np.array(first),
        np.array(step),
        np.array([grid.size for grid in grids]),
        np.array(ends),
        np.array(tops),
        np.array([_left_open(series, top) for series, top in zip(all_series, tops, strict=True)]),
    )


def _left_open(series: Floats, top: float) -> float:
    """Largest of the last coefficients on panels that reach to within `_DEPTH` of the top."""
    counts = series[:, 0, 0] + np.abs(series[:, 0, 1:]).sum(axis=1) > top - _DEPTH
    return float(np.abs(series[counts, 0, -1]).max())


def _padded(arrays: list[Floats], fill: float) -> Floats:
    """Arrays of different length one below the other."""
    padded = np.full((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), fill)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded


def _panels(log_curve: Callable[[Floats], Floats], centre: float) -> tuple[Floats, Floats]:
    """Edges of panels and the series on each."""
    ends = centre + np.concatenate([-_OUT[::-1], [0.0], _OUT])
    open_panels, kept = np.column_stack([ends[:-1], ends[1:]]), []
    while len(open_panels):
        middle, half = open_panels.mean(axis=1), np.diff(open_panels, axis=1)[:, 0] / 2
        points = middle[:, None] + half[:, None] * _X
        values = log_curve(points.ravel()).reshape(points.shape)
        series = values @ _TO_SERIES.T
        rough = np.abs(series[:, -2:]).max(axis=1) > np.maximum(_FIT, _ROUNDING * np.abs(values).max(axis=1))
        rough &= half > _NARROWEST / 2
        for panel, coefficients, h in zip(open_panels[~rough], series[~rough], half[~rough], strict=True):
            slope = coefficients @ _DERIVATIVE / h
            kept.append((*panel, np.stack([coefficients, slope, slope @ _DERIVATIVE / h])))
        split = open_panels[rough]
        middle = split.mean(axis=1)
        open_panels = np.column_stack([split[:, 0], middle, middle, split[:, 1]]).reshape(-1, 2)
    kept.sort(key=lambda panel: panel[0])
    return np.array([panel[0] for panel in kept] + [kept[-1][1]]), np.stack([panel[2] for panel in kept])


def _grid(
    edges: Floats, series: Floats, centre: float, scale: float
) -> tuple[float, float, Floats, tuple[float, float]]:
    """First node, step and log values of a grid over what is near a curve's top, and its logs beyond both ends."""

    def at(x: Floats) -> Floats:
        return np.array([kernel.value(edges, series, len(series), point) for point in x])

    places = np.concatenate([edges, edges[:-1] + np.diff(edges) / 2, edges[:-1] + np.diff(edges) / 4])
    found = at(places)
    top = float(found.max())
    bends = [kernel.slopes(edges, series, len(series), x)[2] for x in places[found > top - _SEEN]]
    narrowest = max(1 / scale**2, *(-bend for bend in bends))
    step = min(_GRID_STEP / float(np.sqrt(narrowest)), _WIDEST)
    limits, beyond = [], []
    for side, end in ((-1, edges[0]), (1, edges[-1])):
        limit = float(at(np.array([end]))[0])
        flat = limit > top - _DEPTH
        low, high = 0.0, abs(end - centre)  # bisect for the last place that counts
        while high - low > step:
            middle = (low + high) / 2
            there = float(at(np.array([centre + side * middle]))[0])
            counts = abs(there - limit) > _FLAT * (1 + abs(limit)) if flat else there > top - _DEPTH
            low, high = (middle, high) if counts else (low, middle)
        limits.append(centre + side * high)
        beyond.append(limit if flat else -np.inf)
    count = int(np.ceil((limits[1] - limits[0]) / step)) + 1
    return limits[0], step, at(limits[0] + step * np.arange(count)), (beyond[0], beyond[1])
