"""The exact marginal posterior of a monotone function of a quantity whose marginal is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from bayesmeta.results.intervals import Marginal, WithIntervals, checked_levels, shortest
from bayesmeta.results.monotone import Ends, Step

Floats = NDArray[np.float64]
_SCAN = 400  # points among which the mode is looked for


class ExactMarginal(Marginal, Protocol):
    """A marginal that says where it can be transformed."""

    @property
    def support(self) -> Ends:
        """Between which values the quantity lies."""

    @property
    def atoms(self) -> tuple[float, ...]:
        """Values that have a probability of their own."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MonotoneMarginal(WithIntervals):
    """Marginal posterior of a monotone function of another quantity, such as I^2 of tau or exp(mu) of mu.

    Density, distribution function, quantiles and intervals are as exact as those of the other quantity.

    Attributes
    ----------
    base : ExactMarginal
        Of the other quantity.
    step : Step
        The function.
    support : tuple of float
        Between which values it lies.
    moments : callable
        Gives mean and standard deviation.
    name : str
        What it is of.
    """

    base: ExactMarginal
    step: Step
    support: Ends
    moments: Callable[[], tuple[float, float]]
    name: str = ""

    @property
    def atoms(self) -> tuple[float, ...]:
        """Values that have a probability of their own."""
        return tuple(sorted(float(self.step.forward(np.asarray(atom))) for atom in self.base.atoms))

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`; infinite at a point mass."""
        values = np.asarray(x, float)
        inside = (values >= self.support[0]) & (values <= self.support[1]) & np.isfinite(values)
        inner = self._backward(values, inside)
        with np.errstate(all="ignore"):
            density = np.asarray(self.base.pdf(inner)) * self.step.slope(values)
        return np.asarray(np.where(inside & np.isfinite(inner), density, 0.0))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        values = np.asarray(x, float)
        low, high = values < self.support[0], values >= self.support[1]
        inner = self._backward(values, ~(low | high))
        if self.step.increasing:
            below = np.asarray(self.base.cdf(inner))
        else:  # the base is at least `inner`, which may be a point mass
            below = 1 - np.asarray(self.base.cdf(np.nextafter(inner, -np.inf) if self.base.atoms else inner))
        return np.asarray(np.where(low, 0.0, np.where(high, 1.0, below)))[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]."""
        levels = checked_levels(q)
        with np.errstate(all="ignore"):
            values = np.asarray(
                self.step.forward(np.asarray(self.base.ppf(levels if self.step.increasing else 1 - levels)))
            )
        return np.asarray(np.where(levels <= 0, self.support[0], np.where(levels >= 1, self.support[1], values)))[()]

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, self.support[0], self.atoms)

    def mean(self) -> float:
        """Posterior mean."""
        return self.moments()[0]

    def sd(self) -> float:
        """Posterior standard deviation."""
        return self.moments()[1]

    def mode(self) -> float:
        """Point of highest density, or the heaviest point mass."""
        if self.base.atoms:
            return float(self.step.forward(np.asarray(self.base.mode())))
        grid = np.asarray(self.ppf(np.linspace(1e-6, 1 - 1e-6, _SCAN)))
        density = np.asarray(self.pdf(grid))
        at = int(np.argmax(density))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
        best = minimize_scalar(
            lambda x: -float(self.pdf(x)), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
        )
        return float(best.x) if -best.fun > density[at] else float(grid[at])

    def _backward(self, values: Floats, inside: NDArray[np.bool_]) -> Floats:
        """The other quantity, with its point masses exactly where they are; a quantile of it outside the support."""
        harmless = float(self.base.ppf(0.5))
        with np.errstate(all="ignore"):
            inner = np.where(inside, self.step.backward(values), harmless)
            for atom in self.base.atoms:
                inner = np.where(values == self.step.forward(np.asarray(atom)), atom, inner)
        return np.asarray(inner)


def sd_of(mean: float, square: float) -> float:
    """Standard deviation from mean and mean square; infinite where that is."""
    return math.sqrt(max(square - mean**2, 0.0)) if math.isfinite(square) else math.inf
