"""Finite mixtures of normals that are cut at bounds of one coefficient: exact marginals under a truncated prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from bayesmeta.quadrature.cut import Bounds, below, conditioned, log_ratio
from bayesmeta.results.intervals import WithIntervals, checked_levels, shortest
from bayesmeta.results.normal_mixture import mixture_ppf

Floats = NDArray[np.float64]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_CLOSE = 1e-15  # of a probability
_SCAN = 401  # points among which the mode is looked for


@dataclass(frozen=True, eq=False, repr=False)
class CutMixture(WithIntervals):
    """Marginal posterior of a linear combination of coefficients and true effects under a truncated prior, exact but for `error`.

    Attributes
    ----------
    weights, means, sds : ndarray, shape (component,)
        Of the normals without bounds; an sd of zero is a point mass.
    bounds : Bounds
        How each is cut.
    support : tuple of float
        Between which values it lies.
    moments : int
        How many moments exist: 0, 1, or 2 for two and more.
    error : float
        Bound on the error of `cdf`.
    name : str
        What it is of.
    """

    weights: Floats
    means: Floats
    sds: Floats
    bounds: Bounds
    support: tuple[float, float]
    moments: int = 2
    error: float = 0.0
    name: str = ""

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`, per unit of `x`; infinite at a point mass."""
        points = np.asarray(x, float)[..., None]
        z = self._standardised(points)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_density = -0.5 * z**2 - _LOG_SQRT_2PI - np.log(self.sds) + log_ratio(z, *self.bounds)
        density = np.where(self.sds > 0, np.exp(log_density), np.where(points == self.means, np.inf, 0.0))
        density = np.where((points >= self.support[0]) & (points <= self.support[1]), density, 0.0)
        return np.asarray((self.weights * density).sum(axis=-1))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        points = np.asarray(x, float)
        low, high = self.support
        known = np.where(
            points >= high, 1.0, np.where((points < low) | ((points == low) & (not self.atoms)), 0.0, np.nan)
        )
        share = [
            float(self.weights @ below(self._standardised(x), *self.bounds)) if math.isnan(p) else p
            for x, p in zip(points.ravel(), known.ravel().tolist(), strict=True)
        ]
        return np.clip(share, 0.0, 1.0).reshape(points.shape)[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]: Newton's method inside a bracket, bisection where it would leave it."""
        levels = checked_levels(q)
        means, variances = self._moments
        starts = mixture_ppf(self.weights, means[None], np.sqrt(variances)[None], levels.ravel())[0]
        pairs = zip(levels.ravel().tolist(), np.clip(starts, *self.support).tolist(), strict=True)
        return np.array([self._quantile(*pair) for pair in pairs]).reshape(levels.shape)[()]

    def _quantile(self, level: float, start: float) -> float:
        if level in (0.0, 1.0):
            return self.support[int(level)]
        low, high = self.support
        x, spread = start, self._spread or 1.0
        for _ in range(200):
            gap = float(self.cdf(x)) - level
            low, high = (x, high) if gap < 0 else (low, x)
            if abs(gap) <= _CLOSE or (math.isfinite(high - low) and high - low <= 4e-16 * (abs(low) + abs(high))):
                break
            slope = float(self.pdf(x))
            newton = x - gap / slope if 0 < slope < math.inf else math.nan
            if not low < newton < high:
                newton = 0.5 * (low + high) if math.isfinite(high - low) else x + math.copysign(spread, -gap)
            x, settled = newton, abs(newton - x) <= 1e-15 * abs(x)
            if settled:
                break
            spread *= 1.5
        return self._at_atom(level, x)

    def _at_atom(self, level: float, x: float) -> float:
        """The atom that a quantile beside it is at."""
        for atom in self.atoms:
            if float(self.cdf(np.nextafter(atom, -np.inf))) < level <= float(self.cdf(atom)) + _CLOSE:
                return atom
        return x

    @property
    def atoms(self) -> tuple[float, ...]:
        """Values that have a probability of their own."""
        return tuple(np.unique(self.means[(self.sds == 0) & (self.weights > 0)]).tolist())

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, self.support[0], self.atoms)

    def mean(self) -> float:
        """Posterior mean; nan where it does not exist."""
        return float(self.weights @ self._moments[0]) if self.moments >= 1 else math.nan

    def sd(self) -> float:
        """Posterior standard deviation; inf where it does not exist."""
        return self._spread if self.moments >= 2 else math.inf

    def mode(self) -> float:
        """Point of highest density, or the heaviest point mass."""
        if self.atoms:
            return max(self.atoms, key=lambda atom: float(self.weights[(self.sds == 0) & (self.means == atom)].sum()))
        grid = np.asarray(self.ppf(np.linspace(0.0005, 0.9995, _SCAN // 8)))
        ends = [end for end in self.support if math.isfinite(end)]
        grid = np.unique([*grid, *ends])
        density = np.asarray(self.pdf(grid))
        at = int(np.argmax(density))
        around = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
        best = minimize_scalar(lambda x: -float(self.pdf(x)), bounds=around, method="bounded", options={"xatol": 1e-12})
        return float(best.x) if -best.fun > density[at] else float(grid[at])

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        """Mean and variance of each component."""
        _, lower, upper = self.bounds
        return conditioned(self.means, self.sds**2, self.bounds.correlation * self.sds, lower, upper)

    @cached_property
    def _spread(self) -> float:
        means, variances = self._moments
        return math.sqrt(float(self.weights @ (variances + (means - self.weights @ means) ** 2)))

    def _standardised(self, x: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (x - self.means) / self.sds
        return np.where(np.isnan(z), np.inf, z)  # at a point mass
