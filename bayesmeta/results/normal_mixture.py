"""Finite mixtures of normals: the form of every exact marginal of the quadrature engine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from bayesmeta.results.intervals import checked_interval, checked_levels, shortest

Floats = NDArray[np.float64]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """Marginal posterior of a linear combination of coefficients and true effects, exact but for `error`.

    Attributes
    ----------
    weights, means, sds : ndarray, shape (component,)
        An sd of zero is a point mass.
    moments : int
        How many moments exist: 0, 1, or 2 for two and more.
    error : float
        Bound on the error of `cdf`.
    """

    weights: Floats
    means: Floats
    sds: Floats
    moments: int = 2
    error: float = 0.0

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`, per unit of `x`; infinite at a point mass."""
        points = np.asarray(x, float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (points[..., None] - self.means) / self.sds
            density = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI) / self.sds
        density = np.where(self.sds > 0, density, np.where(points[..., None] == self.means, np.inf, 0.0))
        return np.asarray((self.weights * density).sum(axis=-1))[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        points = np.asarray(x, float)[..., None]
        return np.asarray(np.clip(mixture_cdf(self.weights, self.means, self.sds, points)[..., 0], 0.0, 1.0))[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]."""
        levels = checked_levels(q)
        found = mixture_ppf(self.weights, self.means[None], self.sds[None], levels.ravel())[0]
        return np.asarray(found.reshape(levels.shape))[()]

    def interval(self, prob: float, kind: str) -> tuple[float, float]:
        """Interval with probability `prob`: equal-tailed (``"eti"``) or shortest (``"hdi"``)."""
        return checked_interval(self, prob, kind)

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob)

    def mean(self) -> float:
        """Posterior mean; nan where it does not exist."""
        return float(self.weights @ self.means) if self.moments >= 1 else math.nan

    def sd(self) -> float:
        """Posterior standard deviation; inf where it does not exist."""
        if self.moments < 2:
            return math.inf
        centre = float(self.weights @ self.means)
        return math.sqrt(float(self.weights @ (self.sds**2 + (self.means - centre) ** 2)))

    def median(self) -> float:
        """Posterior median."""
        return float(self.ppf(0.5))

    def mode(self) -> float:
        """Point of highest density."""
        if np.any((self.sds == 0) & (self.weights > 0)):
            heaviest = np.argmax(np.where(self.sds == 0, self.weights, -1.0))
            return float(self.means[heaviest])
        grid = np.asarray(self.ppf(np.linspace(0.002, 0.998, 61)))
        at = int(np.clip(np.argmax(self.pdf(grid)), 1, grid.size - 2))
        low, high = grid[at - 1], grid[at + 1]
        if self._slope(low) <= 0 or self._slope(high) >= 0:
            return float(grid[np.argmax(self.pdf(grid))])
        return float(brentq(self._slope, low, high, xtol=1e-14 * max(abs(low), abs(high), high - low)))

    def _slope(self, x: float) -> float:
        z = (x - self.means) / self.sds
        return float((self.weights * -z * np.exp(-0.5 * z**2) / self.sds**2).sum())


def without_negligible(weights: Floats, total: float = 1e-13) -> NDArray[np.bool_]:
    """Which components to keep so that those left out have no more than `total` weight together."""
    order = np.argsort(weights)
    keep = np.ones(weights.size, dtype=bool)
    keep[order[: int(np.searchsorted(np.cumsum(weights[order]), total))]] = False
    return keep


def mixture_cdf(weights: Floats, means: Floats, sds: Floats, x: Floats) -> Floats:
    """CDFs of mixtures: weights (component,), means and sds (..., component), x (..., point) to (..., point)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = (x[..., None] - means[..., None, :]) / sds[..., None, :]
    z = np.where(np.isnan(z), np.inf, z)  # at a point mass
    return np.asarray((weights * ndtr(z)).sum(axis=-1))


def mixture_ppf(weights: Floats, means: Floats, sds: Floats, q: Floats) -> Floats:
    """Quantiles of several mixtures: means and sds (row, component), weights alike or (component,), to (row, level).

    Newton's method inside a bracket, bisection where it would leave it or stall.
    """
    levels = np.broadcast_to(q, (means.shape[0], q.size)).astype(float)
    inner = np.clip(levels, 1e-300, 1 - 1e-16)
    m, s = means, sds
    if weights.ndim == 1:
        heavy = without_negligible(weights)
        weights, m, s = weights[heavy][None], means[:, heavy], sds[:, heavy]
    w = weights[..., None]  # (row or one, component, 1): sums over components are products of matrices
    ends = m[:, None, :] + s[:, None, :] * ndtri(inner)[..., None]
    low, high = ends.min(axis=-1), ends.max(axis=-1)
    centre = (m[:, None, :] @ w)[..., 0]
    spread = np.sqrt(((s**2 + (m - centre) ** 2)[:, None, :] @ w)[..., 0])
    x = np.clip(centre + spread * ndtri(inner), low, high)
    last, smooth = np.inf * np.ones_like(x), bool((s > 0).all())
    for _ in range(200):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (x[..., None] - m[:, None, :]) / s[:, None, :]
            z = z if smooth else np.where(np.isnan(z), np.inf, z)
            gap = (ndtr(z) @ w)[..., 0] - inner
            density = ((np.exp(-0.5 * z**2) / s[:, None, :]) @ w)[..., 0] / math.sqrt(2 * math.pi)
            low, high = np.where(gap < 0, x, low), np.where(gap >= 0, x, high)
            newton = x - gap / density
        wide = high - low
        inside = (newton > low) & (newton < high) & (np.abs(gap) < 0.5 * last)
        done = (np.abs(gap) <= 1e-15) | (wide <= 4e-16 * (np.abs(low) + np.abs(high)) + 1e-300)
        last = np.abs(gap)
        x = np.where(done, x, np.where(inside, newton, 0.5 * (low + high)))
        if (done | (inside & (last <= 1e-9 * np.minimum(inner, 1 - inner)))).all():  # the next gap is about its square
            break
    return np.where(levels <= 0, -np.inf, np.where(levels >= 1, np.inf, x))
