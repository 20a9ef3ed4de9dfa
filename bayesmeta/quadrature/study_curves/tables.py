"""The likelihood curve of each study, tabulated once: polynomials on panels that halve until they fit, a grid near the top."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from bayesmeta.quadrature.study_curves import curve_kernel, grid_kernel, kernel, mixtures
from bayesmeta.quadrature.study_curves.pieces import NOTHING

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
LogCurve = Callable[[int, Floats], Floats]  # from a study and ordered effects to the log likelihood of each
Normals = Mapping[int, tuple[Floats, Floats]]

_DEGREE = 15
_OUT = np.array([1.5, 3, 5, 8, 12, 18, 32, 1024])  # first edges of panels, from the centre
_NARROWEST = 1 / 64  # panel
_BETWEEN = 0.05  # of the size of a series, by which it may be higher between its nodes
_SMALLEST = 2.0**-40  # panel at a point where a curve is not smooth: what is left there has no mass
_FIT = 3e-12  # last coefficients of a series that fits, and of its size in units of rounding
_ROUNDING = 64 * 2.0**-52
_GRID_STEP, _WIDEST = 0.35, 0.2  # of the grid: in standard deviations of the curve where it is narrowest, and at most
_SEEN = 10.0  # below the top, where that is looked for
_DEPTH = 38.0  # below the top where the grid ends
_FLAT = 1e-13  # change of a curve, of its size, that has come to its limit
_X = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))[::-1]
_AT_NODES = chebyshev.chebvander(_X, _DEGREE)
_TO_SERIES = np.linalg.inv(_AT_NODES)
_DERIVATIVE = np.stack([np.append(chebyshev.chebder(row), 0.0) for row in np.eye(_DEGREE + 1)])


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
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
    parts : ndarray of int, shape (study,)
        Normal densities that a curve is a mixture of, about its centre; 0 for a curve on panels.
    mixture : ndarray, shape (study, 2, part)
        Logs of their weights, and their variances.
    fit : ndarray, shape (study,)
        Largest of the last coefficients of the series of a curve, where the curve counts: what they leave open.
    split : ndarray of bool, shape (study,)
        Whether a curve ends, or is not smooth somewhere, so that its means are sums over its panels.
    most : ndarray, shape (study, panel)
        No less than the log likelihood on each.
    """

    surfaces: ClassVar[bool] = True
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
    parts: Ints
    mixture: Floats
    fit: Floats
    split: NDArray[np.bool_]
    most: Floats

    @property
    def error(self) -> float:
        """What the series leave open, of all studies."""
        return float(self.fit.sum())

    @property
    def scales(self) -> tuple[float, float, float]:
        """Lowest, typical and largest tau at which a posterior is looked for, by the widths of the curves and what they span."""
        spread = float(np.ptp(self.centre) + self.scale.max())
        return 0.02 * float(self.scale.min()), float(np.median(self.scale)), 4 * spread

    def line(self, tau: Floats) -> Floats:
        """Log of tau."""
        return np.asarray(np.log(tau))

    def scale_at(self, place: Floats) -> Floats:
        """The inverse of `line`."""
        return np.asarray(np.exp(place))

    @property
    def bent(self) -> bool:
        """Whether a curve ends, or is not smooth somewhere."""
        return bool(self.split.any())

    @property
    def n_studies(self) -> int:
        """Number of curves."""
        return int(self.panels.size)

    @property
    def _all(self) -> tuple[Any, ...]:
        return (
            self.edges, self.series, self.panels, self.centre, self.scale, self.grid, self.first, self.step, self.nodes,
            self.ends, self.top, self.split, self.most, self.parts, self.mixture,
        )  # fmt: skip

    @property
    def _smooth(self) -> tuple[Any, ...]:
        of = self.edges, self.series, self.panels, self.centre, self.scale, self.step
        return *of, self.split, self.most, self.parts, self.mixture

    def log_means(self, beta: Floats, X: Floats, tau: Floats) -> Floats:
        """Log of the mean of each curve over N(x_i beta, tau^2), shape (point, study)."""
        return np.asarray(kernel.log_means(*_arrays(beta, X, tau), *self._all))

    def log_totals(self, beta: Floats, X: Floats, tau: Floats) -> Floats:
        """Their sum over studies, shape (point,)."""
        return np.asarray(kernel.log_totals(*_arrays(beta, X, tau), *self._all))

    def moments(self, study: int, m: Floats, tau: Floats) -> Floats:
        """Log mean of a curve over N(m, tau^2), and mean and variance of the effect given m and tau, shape (point, 3)."""
        return np.asarray(kernel.moments(*_arrays(m, tau), study, *self._smooth))

    def log_mean(self, study: int, m: Floats, tau: Floats) -> Floats:
        """Log mean of a curve over N(m, tau^2), in another way than `log_means` has it, shape (point,)."""
        return np.asarray(self.moments(study, m, tau)[:, 0])

    again = log_mean

    def draw(self, study: int, m: Floats, tau: Floats, rng: np.random.Generator) -> Floats:
        """An effect of a study for each m and tau, which have one shape."""
        if self.parts[study]:
            return mixtures.draw(*self._mixture(study), float(self.centre[study]), m, tau, rng)
        flat, of = _arrays(m.ravel(), tau.ravel()), self._smooth[:-2]
        return np.asarray(kernel.draw_effects(*flat, study, rng.random(m.size), *of)).reshape(m.shape)

    def _mixture(self, study: int) -> tuple[Floats, Floats]:
        """Logs of weights, and variances."""
        log_weight, variance = self.mixture[study][:, : self.parts[study]]
        return log_weight, variance

    def log_curve(self, study: int, theta: Floats) -> Floats:
        """Log likelihood of a study at its effects."""
        if self.parts[study]:
            return mixtures.log_density(*self._mixture(study), theta - self.centre[study])
        of = self.edges[study], self.series[study], int(self.panels[study])
        return np.asarray(curve_kernel.values(*of, *_arrays(theta.ravel()))).reshape(theta.shape)

    def kept(self, key: object, compute: Callable[[], Any]) -> Any:
        """What is computed from these curves alone, the first time that it is asked for."""
        known = _KEPT.setdefault(self, {})
        if key not in known:
            known[key] = compute()
        return known[key]

    def take(self, studies: Ints) -> CurveTables:
        """The curves of some studies."""
        own = *self._all[:-4], self.parts, self.mixture, self.fit, self.split, self.most
        return CurveTables(*(array[studies] for array in own))


_KEPT = WeakKeyDictionary[CurveTables, dict[object, Any]]()


def _arrays(*values: Floats) -> list[Floats]:
    return [np.ascontiguousarray(value, dtype=float) for value in values]


def tabulate(
    log_curve: LogCurve, centre: Floats, scale: Floats, unit: Floats | None = None, normals: Normals | None = None,
    breaks: Sequence[float] = (), split: NDArray[np.bool_] | None = None, bounded: bool = False,
) -> CurveTables:  # fmt: skip
    """Tables of curves.

    Parameters
    ----------
    log_curve : callable
        Of one mode, and at both ends constant or falling; smooth but at `breaks`.
    centre, scale : ndarray, shape (study,)
        Roughly where each curve lies, and its standard deviation.
    unit : ndarray, shape (study,), optional
        What a logit is to the log likelihood of a count: no curve bends within a small part of it. By default 1.
    normals : mapping of int to (ndarray, ndarray), optional
        Studies whose curves are mixtures of normal densities about `centre`: logs of weights, and variances.
    breaks : sequence of float
        Where curves may not be smooth, in order.
    split : ndarray of bool, shape (study,), optional
        Curves that are not as smooth there as an even grid takes them to be, though polynomials may fit.
    bounded : bool
        Whether curves lie between the first and the last of these, and vanish beyond.
    """
    middle, sd = (np.array(values, dtype=float) for values in (centre, scale))
    units = np.ones(middle.size) if unit is None else np.asarray(unit, dtype=float)
    parts, mixture = mixtures.padded(normals or {}, middle.size)
    panels, bent = _panels(log_curve, middle, units, parts == 0, np.array(breaks, dtype=float), bounded)
    split = bent if split is None else bent | split
    if bounded:  # of others what is beyond the ends is far below the top, and goes on falling
        panels = [_ended(*one) if cut else one for one, cut in zip(panels, split, strict=True)]
    edges, series = _padded([one for one, _ in panels], np.inf), _padded([one for _, one in panels], 0.0)
    count = np.array([len(one) for _, one in panels])
    first, step, nodes, beyond = grid_kernel.grid_ends(
        edges, series, count, middle, sd, split, _GRID_STEP, _WIDEST * units, _SEEN, _DEPTH, _FLAT
    )
    values = grid_kernel.on_grids(edges, series, count, first, step, nodes)
    top = values.max(axis=1)
    return CurveTables(
        edges,
        series,
        count,
        middle,
        sd,
        np.exp(values - top[:, None]),
        first,
        step,
        nodes,
        np.exp(beyond - top[:, None]),
        top,
        parts,
        mixture,
        _left_open(edges, series, top, split),
        split,
        (series[..., 0, :] @ _AT_NODES.T).max(axis=-1) + _BETWEEN * np.abs(series[..., 0, 1:]).sum(axis=-1),
    )


def _left_open(edges: Floats, series: Floats, top: Floats, split: NDArray[np.bool_]) -> Floats:
    """Largest of the last coefficients of each curve on panels that reach to within `_DEPTH` of its top.

    What a panel of the smallest size leaves open, where a curve is not smooth, has a share of the mass of no more than its width.
    """
    with np.errstate(invalid="ignore"):  # beyond the last panel of a study
        width = np.nan_to_num(np.diff(edges, axis=1), posinf=0.0)
    counts = (series[..., 0, :] @ _AT_NODES.T).max(axis=-1) > top[:, None] - _DEPTH
    share = np.where(split[:, None], np.minimum(width / _NARROWEST, 1.0), 1.0)
    return np.asarray(np.where(counts, np.abs(series[..., 0, -1]) * share, 0.0).max(axis=1))


def _padded(arrays: list[Floats], fill: float) -> Floats:
    """Arrays of different length one below the other."""
    padded = np.full((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), fill)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded


def _panels(
    log_curve: LogCurve, centre: Floats, unit: Floats, wanted: NDArray[np.bool_], breaks: Floats, bounded: bool
) -> tuple[list[tuple[Floats, Floats]], NDArray[np.bool_]]:
    """Edges of panels and the series on each, for each study, and where a curve is not smooth; panels are halved together.

    A study that is not wanted has panels on which it is flat.
    """
    k = len(centre)
    starts = [_first_edges(one, by, breaks, bounded) for one, by in zip(centre, unit, strict=True)]
    study = np.repeat(np.arange(k), [len(one) - 1 for one in starts])
    edges = np.concatenate([np.column_stack([one[:-1], one[1:]]) for one in starts])

    def curve(i: int, theta: Floats) -> Floats:
        return log_curve(i, theta) if wanted[i] else np.zeros(theta.size)

    kept = list[tuple[Any, Any, Any]]()
    top: Floats = np.full(k, -np.inf)
    split: NDArray[np.bool_] = np.zeros(k, dtype=bool)
    while len(edges):
        half = (edges[:, 1] - edges[:, 0]) / 2
        points = (edges[:, :1] + edges[:, 1:]) / 2 + half[:, None] * _X
        cuts = np.searchsorted(study, np.arange(k + 1))
        values = np.concatenate(
            [curve(i, points[a:b].ravel()) for i, (a, b) in enumerate(itertools.pairwise(cuts)) if b > a]
        ).reshape(points.shape)
        series = values @ _TO_SERIES.T
        rough = np.abs(series[:, -2:]).max(axis=1) > np.maximum(_FIT, _ROUNDING * np.abs(values).max(axis=1))
        narrow = half <= _NARROWEST / 2 * unit[study]
        if breaks.size:
            np.maximum.at(top, study, values.max(axis=1))
            near = np.abs(edges[:, :, None] - breaks).min(axis=2).max(axis=1)  # of the far end from a break
            counts = values.max(axis=1) > top[study] - 2 * _DEPTH
            finer = rough & narrow & counts & (half > np.maximum(near / 8, _SMALLEST))
            split[study[finer]] = True
            rough &= ~narrow | finer
        else:
            rough &= ~narrow
        kept.append((study[~rough], edges[~rough], series[~rough]))
        cut = edges[rough]
        middle = cut.mean(axis=1)
        edges = np.column_stack([cut[:, 0], middle, middle, cut[:, 1]]).reshape(-1, 2)
        study = np.repeat(study[rough], 2)
    study, edges, series = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    order = np.lexsort((edges[:, 0], study))
    study, edges, series = study[order], edges[order], series[order]
    slope = series @ _DERIVATIVE / ((edges[:, 1:] - edges[:, :1]) / 2)
    bend = slope @ _DERIVATIVE / ((edges[:, 1:] - edges[:, :1]) / 2)
    series, cuts = np.stack([series, slope, bend], axis=1), np.searchsorted(study, np.arange(k + 1))
    found: list[tuple[Floats, Floats]] = [
        (np.append(edges[a:b, 0], edges[b - 1, 1]), np.asarray(series[a:b])) for a, b in itertools.pairwise(cuts)
    ]
    return found, split


def _first_edges(centre: float, unit: float, breaks: Floats, bounded: bool) -> Floats:
    """Edges of the first panels of a curve."""
    edges = np.union1d(centre + unit * np.concatenate([-_OUT[::-1], [0.0], _OUT]), breaks)
    return edges[(edges >= breaks[0]) & (edges <= breaks[-1])] if bounded else edges


def _ended(edges: Floats, series: Floats) -> tuple[Floats, Floats]:
    """The same with a panel at either end where there is nothing."""
    nothing = np.zeros((1, *series.shape[1:]))
    nothing[0, 0, 0] = NOTHING
    return np.concatenate([[edges[0] - 1], edges, [edges[-1] + 1]]), np.concatenate([nothing, series, nothing])
