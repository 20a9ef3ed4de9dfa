"""The marginal posterior of a parameter of a grid: a curve between its nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from bayesmeta.quadrature.curves import Curve
from bayesmeta.results.intervals import WithMoments, checked_levels, shortest

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CurveMarginal(WithMoments):
    """Marginal posterior of one parameter of a grid, exact but for `error`.

    Attributes
    ----------
    curve : Curve
    mean_, sd_ : float
        From the nodes.
    support : tuple of float
        Of the prior.
    error : float
        Bound on the error of `cdf`.
    name : str
        What it is of.
    """

    curve: Curve
    mean_: float
    sd_: float
    support: tuple[float, float]
    error: float = 0.0
    name: str = ""

    @property
    def atoms(self) -> tuple[float, ...]:
        """The value of a parameter that is known."""
        return tuple(self.curve.x.tolist()) if self.curve.x.size == 1 else ()

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`; 0 beyond the nodes, infinite at a point mass."""
        points = np.asarray(x, float)
        if self.atoms:
            return np.asarray(np.where(points == self.atoms[0], np.inf, 0.0))[()]
        inside = (points >= self.curve.x[0]) & (points <= self.curve.x[-1])
        density = CubicSpline(self.curve.x, self.curve.density)(np.clip(points, self.curve.x[0], self.curve.x[-1]))
        return np.asarray(np.where(inside, np.maximum(density, 0.0), 0.0))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        return np.asarray(self.curve.cdf(np.asarray(x, float)))[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]; at 0 and 1 the ends of the prior's support."""
        levels = checked_levels(q)
        if self.atoms:
            return np.full(levels.shape, self.atoms[0])[()]
        x, below = self.curve.x, self.curve.below
        cell = np.clip(np.searchsorted(below, levels, side="right") - 1, 0, x.size - 2)
        low, high = x[cell], x[cell + 1]
        for _ in range(60):
            middle = (low + high) / 2
            short = np.asarray(self.curve.cdf(middle)) < levels
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        quantiles = np.where(levels <= 0, self.support[0], np.where(levels >= 1, self.support[1], high))
        return np.asarray(quantiles)[()]

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, self.support[0], self.atoms)

    def mode(self) -> float:
        """Point of highest density."""
        if self.atoms:
            return self.atoms[0]
        at = int(np.argmax(self.curve.density))
        ends = self.curve.x[max(at - 1, 0)], self.curve.x[min(at + 1, self.curve.x.size - 1)]
        return float(minimize_scalar(lambda x: -float(self.pdf(x)), bounds=ends, method="bounded").x)
