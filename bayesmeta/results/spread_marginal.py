"""The marginal posterior of what has curves and values with a probability of their own, such as a mean under a spike and slab."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicHermiteSpline, PPoly
from scipy.optimize import minimize_scalar

from bayesmeta.quadrature.study_curves.marginals import Spread
from bayesmeta.results.intervals import WithMoments, checked_levels, shortest

Floats = NDArray[np.float64]
_HALVINGS = 60


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpreadMarginal(WithMoments):
    """Marginal posterior of a coefficient, a combination of them, or an effect, exact but for `error`.

    Attributes
    ----------
    spread : Spread
    support : tuple of float
        Smallest interval that has all of the mass.
    error : float
        Bound on the error of `cdf`.
    name : str
        What it is of.
    """

    spread: Spread
    support: tuple[float, float]
    error: float = 0.0
    name: str = ""
    _below: tuple[PPoly, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        pieces = (CubicHermiteSpline(curve.x, curve.below, curve.density) for _, curve in self.spread.curves)
        object.__setattr__(self, "_below", tuple(pieces))

    @property
    def mean_(self) -> float:  # type: ignore[override]
        """Posterior mean."""
        return self.spread.mean

    @property
    def sd_(self) -> float:  # type: ignore[override]
        """Posterior standard deviation."""
        return self.spread.sd

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """Values that have a probability of their own, with it."""
        return self.spread.points

    @property
    def atoms(self) -> tuple[float, ...]:
        """These values."""
        return tuple(value for value, _ in self.spread.points)

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`; infinite at a point mass."""
        values = np.asarray(x, float)
        total = np.zeros(values.shape)
        for (weight, curve), below in zip(self.spread.curves, self._below, strict=True):
            inside = (values >= curve.x[0]) & (values <= curve.x[-1])
            density = below(np.clip(values, curve.x[0], curve.x[-1]), 1) / curve.below[-1]
            total = total + weight * np.where(inside, np.maximum(density, 0.0), 0.0)
        for value in self.atoms:
            total = np.where(values == value, np.inf, total)
        return np.asarray(total)[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        values = np.asarray(x, float)
        total = np.zeros(values.shape)
        for (weight, curve), below in zip(self.spread.curves, self._below, strict=True):
            total = total + weight * below(np.clip(values, curve.x[0], curve.x[-1])) / curve.below[-1]
        for value, probability in self.points:
            total = total + probability * (values >= value)
        return np.asarray(np.clip(total, 0.0, 1.0))[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]; at 0 and 1 the ends of the support."""
        levels = checked_levels(q)
        ends = [x for _, curve in self.spread.curves for x in (curve.x[0], curve.x[-1])] + list(self.atoms)
        low, high = np.full(levels.shape, min(ends) - 1e-12), np.full(levels.shape, max(ends))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            short = np.asarray(self.cdf(middle)) < levels
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        for value in self.atoms:  # halving ends within rounding of one
            high = np.where(np.abs(high - value) <= 1e-11 * (1 + abs(value)), value, high)
        return np.asarray(np.where(levels <= 0, self.support[0], np.where(levels >= 1, self.support[1], high)))[()]

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, self.support[0], self.atoms)

    def mode(self) -> float:
        """Point of highest density; the likeliest value where some have a probability of their own."""
        if self.points:
            return max(self.points, key=lambda pair: pair[1])[0]
        x = np.concatenate([curve.x for _, curve in self.spread.curves])
        at = float(x[int(np.argmax(self.pdf(x)))])
        reach = self.sd_ / 10 if math.isfinite(self.sd_) else abs(at)
        best = minimize_scalar(lambda t: -float(self.pdf(t)), bounds=(at - reach, at + reach), method="bounded")
        return float(best.x) if -best.fun > float(self.pdf(at)) else at
