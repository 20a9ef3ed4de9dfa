"""Densities on panels: Legendre polynomials that follow a density however narrow or one-sided, and its integral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bayesmeta.quadrature.curves import Curve
from bayesmeta.quadrature.study_curves.lines import panel_marks

Floats = NDArray[np.float64]
_N = 16  # nodes of a panel
WIDTH, _REACH = 2.5, 9.0  # of a panel at first, in standard deviations, and how far out it begins to grow
_MOST = 2000  # panels
_FIT = 1e-11  # probability in the last coefficients of a panel
_ROUNDS = 45  # of halving: at an infinite density the last panel has a millionth of its mass
_FINE = np.linspace(-1, 1, 65)  # points of a curve on each panel
GAUSS_X, GAUSS_W = np.polynomial.legendre.leggauss(_N)
TO_SERIES = np.linalg.inv(legendre.legvander(GAUSS_X, _N - 1))
_DENSITY = legendre.legvander(_FINE, _N - 1) @ TO_SERIES
_BELOW = np.stack([legendre.legval(_FINE, legendre.legint(row, lbnd=-1)) for row in np.eye(_N)], axis=1) @ TO_SERIES


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """A density at the Gauss nodes of panels.

    Attributes
    ----------
    edges : ndarray, shape (panel, 2)
    values : ndarray, shape (..., panel * node)
    """

    edges: Floats
    values: Floats

    @property
    def nodes(self) -> Floats:
        """Where the values are, in order."""
        return nodes_of(self.edges)

    @property
    def weights(self) -> Floats:
        """Weights of the Gauss rule at the nodes."""
        return np.asarray((np.diff(self.edges, axis=1) / 2 * GAUSS_W).ravel())

    def curve(self) -> Curve:
        """The density, summed over leading axes, and its integral."""
        values = self.values.reshape(-1, len(self.edges), _N).sum(axis=0)
        half = np.diff(self.edges, axis=1) / 2
        x = self.edges.mean(axis=1)[:, None] + half * _FINE
        density, below = values @ _DENSITY.T, half * (values @ _BELOW.T)
        before = np.cumsum(np.concatenate([[0.0], below[:-1, -1]]))
        kept = np.concatenate([[True], np.diff(x.ravel()) > 0])
        below = np.maximum.accumulate((before[:, None] + below).ravel())
        return Curve(x.ravel()[kept], np.maximum(density.ravel(), 0.0)[kept], below[kept])


def nodes_of(edges: Floats) -> Floats:
    """Gauss nodes of panels, in order."""
    return np.asarray((edges.mean(axis=1)[:, None] + np.diff(edges, axis=1) / 2 * GAUSS_X).ravel())


def first_edges(mean: Floats, sd: Floats, low: Floats, high: Floats) -> Floats:
    """Panels over a mixture of densities with these means, standard deviations and ends: shape (panel, 2)."""
    sd = np.maximum(sd, 1e-12 * (1 + np.abs(mean)))
    marks = panel_marks(mean, sd, low, high, WIDTH, _REACH, _MOST)
    return np.column_stack([marks[:-1], marks[1:]])


def followed(density: Callable[[Floats], Floats], edges: Floats, fit: float = _FIT) -> Panels:
    """A density on panels, each of them halved until a polynomial fits.

    Parameters
    ----------
    density : callable
        From points to values, shape (..., point); what is summed over the leading axes is to fit.
    edges : ndarray, shape (panel, 2)
    fit : float
        Probability that the last coefficients of a panel may have.
    """
    values = density(nodes_of(edges))
    for _ in range(_ROUNDS):
        by_panel = values.reshape(*values.shape[:-1], len(edges), _N)
        series = by_panel.reshape(-1, len(edges), _N).sum(axis=0) @ TO_SERIES.T
        rough = np.abs(series[:, -2:]).sum(axis=1) * np.diff(edges, axis=1)[:, 0] > fit
        if not rough.any() or len(edges) > _MOST or not np.isfinite(values).all():
            break
        middle = edges[rough].mean(axis=1)
        split = np.column_stack([edges[rough, 0], middle, middle, edges[rough, 1]]).reshape(-1, 2)
        new = density(nodes_of(split)).reshape(*values.shape[:-1], len(split), _N)
        edges, merged = np.concatenate([edges[~rough], split]), np.concatenate([by_panel[..., ~rough, :], new], axis=-2)
        order = np.argsort(edges[:, 0])
        edges, values = edges[order], merged[..., order, :].reshape(*values.shape[:-1], -1)
    return Panels(edges, values)


def basis(u: Floats) -> Floats:
    """What each node of a panel has of its polynomial at places from -1 to 1, shape (point, node)."""
    return np.asarray(legendre.legvander(u, _N - 1) @ TO_SERIES)


def below_weights(edges: Floats, x: float) -> Floats:
    """Weights of the nodes of panels for the integral up to x."""
    half = np.diff(edges, axis=1) / 2
    u = np.clip((x - edges[:, :1]) / half - 1, -1, 1)
    weights = np.where(u == 1, GAUSS_W, 0.0)
    for p in np.flatnonzero(np.abs(u[:, 0]) < 1):
        weights[p] = [legendre.legval(u[p, 0], legendre.legint(row, lbnd=-1)) for row in TO_SERIES.T]
    return np.asarray((half * weights).ravel())


def curve_on(edges: Floats, values: Floats, rest: Floats) -> Floats:
    """Where the integral of a density from the start of its panel is `rest`, shapes (lane, 2), (lane, node) and (lane,)."""
    half, lane = np.diff(edges, axis=1) / 2, np.arange(len(edges))
    below = np.maximum.accumulate(half * (values @ _BELOW.T), axis=1)
    at = np.clip((below < rest[:, None]).sum(axis=1) - 1, 0, _FINE.size - 2)
    slope = half * (values @ _DENSITY.T) * (_FINE[1] - _FINE[0])  # by the step between points
    start, rise = below[lane, at], below[lane, at + 1] - below[lane, at]
    left, right, goal = slope[lane, at], slope[lane, at + 1], rest - start
    low, high = np.zeros(len(lane)), np.ones(len(lane))
    for _ in range(50):
        t = (low + high) / 2
        short = t * t * (3 - 2 * t) * rise + t * (1 - t) * ((1 - t) * left - t * right) < goal
        low, high = np.where(short, t, low), np.where(short, high, t)
    u = _FINE[at] + (low + high) / 2 * (_FINE[1] - _FINE[0])
    return np.asarray(edges.mean(axis=1) + half[:, 0] * u)
