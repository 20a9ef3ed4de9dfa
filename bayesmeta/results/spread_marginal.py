"""The marginal posterior of what has curves and values with a probability of their own, such as a mean under a spike and slab."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicHermiteSpline, PPoly
from scipy.optimize import minimize_scalar

from bayesmeta.quadrature.study_curves.marginals import Spread
from bayesmeta.results.intervals import WithMoments, checked_levels, shortest

Floats = NDArray[np.float64]
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(4)
_STEPS = 60  # of Newton's method, or halvings, to a quantile


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
    _knots: tuple[Floats, ...] = field(
        default=(), repr=False
    )  # between which the distribution function is a cubic, with its values

    def __post_init__(self) -> None:
        pieces = (CubicHermiteSpline(curve.x, curve.below, curve.density) for _, curve in self.spread.curves)
        object.__setattr__(self, "_below", tuple(pieces))
        x = np.unique(np.concatenate([*(curve.x for _, curve in self.spread.curves), np.array(self.atoms)]))
        object.__setattr__(self, "_knots", (x, np.maximum.accumulate(np.asarray(self.cdf(x)))))

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
        total = self._slope(values)
        for value in self.atoms:
            total = np.where(values == value, np.inf, total)
        return np.asarray(total)[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        values = np.asarray(x, float)
        return np.asarray(np.clip(self._continuous(values) + self._jumps(values), 0.0, 1.0))[()]

    def _continuous(self, x: Floats) -> Floats:
        """Probability of at most `x`, without that of single values."""
        total = np.zeros(x.shape)
        for (weight, curve), below in zip(self.spread.curves, self._below, strict=True):
            total = total + weight * below(np.clip(x, curve.x[0], curve.x[-1])) / curve.below[-1]
        return total

    def _jumps(self, x: Floats) -> Floats:
        """Probability of the single values that are at most `x`."""
        return np.asarray(sum((probability * (x >= value) for value, probability in self.points), np.zeros(x.shape)))

    def _slope(self, x: Floats) -> Floats:
        """Density, single values aside."""
        total = np.zeros(x.shape)
        for (weight, curve), below in zip(self.spread.curves, self._below, strict=True):
            inside = (x >= curve.x[0]) & (x <= curve.x[-1])
            density = below(np.clip(x, curve.x[0], curve.x[-1]), 1) / curve.below[-1]
            total = total + weight * np.where(inside, np.maximum(density, 0.0), 0.0)
        return total

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]; at 0 and 1 the ends of the support."""
        levels = checked_levels(q)
        x, below = self._knots
        at = np.clip(np.searchsorted(below, levels), 0, x.size - 1)
        low, high = x[np.maximum(at - 1, 0)], x[at]
        within = np.isin(high, self.atoms) & (
            self._continuous(high) + self._jumps(low) < levels
        )  # the step up at an atom
        found = np.where(within, high, (low + high) / 2)
        for _ in range(_STEPS):
            gap = self._continuous(found) + self._jumps(low) - levels
            low, high = np.where(gap < 0, found, low), np.where(gap < 0, high, found)
            with np.errstate(divide="ignore", invalid="ignore"):
                moved = found - gap / self._slope(found)
            moved = np.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
            moved = np.where(within, found, moved)
            done = np.abs(moved - found) <= 1e-15 * (1 + np.abs(found))
            found = moved
            if np.all(done):
                break
        return np.asarray(np.where(levels <= 0, self.support[0], np.where(levels >= 1, self.support[1], found)))[()]

    def moments_of(self, function: Callable[[Floats], Floats]) -> tuple[float, float]:
        """Mean and standard deviation of a bounded function: over its values, what the distribution function rises by."""
        values, mass = [np.array(self.atoms)], [np.array([probability for _, probability in self.points])]
        for (weight, curve), below in zip(self.spread.curves, self._below, strict=True):
            half, middle = np.diff(curve.x)[:, None] / 2, (curve.x[1:] + curve.x[:-1])[:, None] / 2
            x = middle + half * _GAUSS_X
            values.append(x.ravel())
            mass.append((weight / curve.below[-1] * half * _GAUSS_W * below(x, 1)).ravel())
        found, share = np.asarray(function(np.concatenate(values))), np.concatenate(mass)
        mean = float(share @ found)
        return mean, math.sqrt(max(float(share @ (found - mean) ** 2), 0.0))

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
