"""One-dimensional posterior marginals from draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.results.intervals import WithIntervals, checked_levels, checked_probability

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DrawsMarginal(WithIntervals):
    """Marginal posterior of one quantity, from draws of shape (chain, draw).

    `mean`, `sd`, `cdf` and `ppf` are those of the draws; `pdf` and `mode` use a kernel density, reflected at
    `lower` where the quantity cannot be less.
    """

    draws: Floats
    lower: float = -np.inf
    name: str = ""

    @property
    def flat(self) -> Floats:
        """All chains together."""
        return np.asarray(self.draws, float).ravel()

    def pdf(self, x: ArrayLike) -> Floats:
        """Kernel density at `x`, per unit of `x`."""
        points = np.asarray(x, float)
        flat = np.atleast_1d(points).ravel()
        from scipy.stats import gaussian_kde

        kde = gaussian_kde(self.flat)
        density = kde(flat)
        if np.isfinite(self.lower):
            density = np.where(flat >= self.lower, density + kde(2 * self.lower - flat), 0.0)
        return np.asarray(density).reshape(points.shape)[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Share of draws at or below `x`."""
        return np.asarray(np.searchsorted(np.sort(self.flat), np.asarray(x, float), side="right") / self.flat.size)[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]."""
        return np.asarray(np.quantile(self.flat, checked_levels(q)))[()]

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval that holds the share `prob` of the draws."""
        return shortest_interval(self.flat, prob)

    def mean(self) -> float:
        """Posterior mean."""
        return float(self.flat.mean())

    def sd(self) -> float:
        """Posterior standard deviation."""
        return float(self.flat.std(ddof=1))

    def median(self) -> float:
        """Posterior median."""
        return float(np.median(self.flat))

    def mode(self) -> float:
        """Point of highest kernel density."""
        low, high = np.quantile(self.flat, [0.001, 0.999])
        grid = np.linspace(low, high, 1000)
        if np.isfinite(self.lower):
            grid = np.linspace(self.lower, grid[-1], 1000)
        return float(grid[np.argmax(self.pdf(grid))])


def shortest_interval(draws: Floats, prob: float) -> tuple[float, float]:
    """Shortest interval that holds the share `prob` of the draws.

    Examples
    --------
    >>> shortest_interval(np.array([0.0, 1.0, 1.1, 1.2, 9.0]), 0.6)
    (1.0, 1.2)
    """
    checked_probability(prob, "prob")
    ordered = np.sort(draws)
    inside = int(np.ceil(prob * ordered.size))
    widths = ordered[inside - 1 :] - ordered[: ordered.size - inside + 1]
    start = int(np.argmin(widths))
    return float(ordered[start]), float(ordered[start + inside - 1])


def weighted_interval(values: Floats, weights: Floats, prob: float, kind: str) -> tuple[float, float]:
    """Equal-tailed (``"eti"``) or shortest (``"hdi"``) interval of draws with weights that sum to one.

    Examples
    --------
    >>> weighted_interval(np.array([3.0, 1.0, 2.0, 9.0]), np.array([0.3, 0.3, 0.3, 0.1]), 0.5, "eti")
    (1.0, 3.0)
    >>> weighted_interval(np.array([3.0, 1.0, 2.0, 9.0]), np.array([0.3, 0.2, 0.4, 0.1]), 0.65, "hdi")
    (2.0, 3.0)
    """
    if kind == "eti":
        levels = [(1 - prob) / 2, (1 + prob) / 2]
        lower, upper = np.quantile(values, levels, weights=weights, method="inverted_cdf")
        return float(lower), float(upper)
    if kind != "hdi":
        raise SpecificationError(f"ci_kind={kind!r} is not known; choose 'eti' (equal-tailed) or 'hdi' (shortest).")
    order = np.argsort(values)
    x, below = values[order], np.cumsum(weights[order])
    ends = np.searchsorted(below, below - weights[order] + prob - 1e-12)
    possible = np.flatnonzero(ends < x.size)
    best = possible[np.argmin(x[ends[possible]] - x[possible])]
    return float(x[best]), float(x[ends[best]])
