"""Finite mixtures of normals: the form of every exact marginal of the quadrature engine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from bayesmeta.results.intervals import WithIntervals, checked_levels, shortest

Floats = NDArray[np.float64]
_WIDTHS = 1 << 20  # more than there are classes of standard deviations
_FEW = 2000  # components that are left as they are
_NEAR = 1e-6  # of a quantile's level: a gap of which the third power is rounding
_JUMP = 4e-16  # rounding of a level at the edge of a jump
_SQRT_2PI = math.sqrt(2 * math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NormalMixture(WithIntervals):
    """Marginal posterior of a linear combination of coefficients and true effects, exact but for `error`.

    Attributes
    ----------
    weights, means, sds : ndarray, shape (component,)
        An sd of zero is a point mass.
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
    moments: int = 2
    error: float = 0.0
    name: str = ""

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
        quantiles = mixture_ppf(self.weights, self.means[None], self.sds[None], levels.ravel())[0]
        return np.asarray(quantiles.reshape(levels.shape))[()]

    @property
    def support(self) -> tuple[float, float]:
        """The whole line."""
        return -math.inf, math.inf

    @property
    def atoms(self) -> tuple[float, ...]:
        """Values that have a probability of their own."""
        return tuple(np.unique(self.means[(self.sds == 0) & (self.weights > 0)]).tolist())

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, atoms=self.atoms)

    def mean(self) -> float:
        """Posterior mean; nan where it does not exist."""
        return float(self.weights @ self.means) if self.moments >= 1 else math.nan

    def sd(self) -> float:
        """Posterior standard deviation; inf where it does not exist."""
        if self.moments < 2:
            return math.inf
        centre = float(self.weights @ self.means)
        return math.sqrt(float(self.weights @ (self.sds**2 + (self.means - centre) ** 2)))

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


def merged(weights: Floats, means: Floats, sds: Floats) -> NormalMixture:
    """A mixture of few normals in the place of one of very many: those alike are taken together, with their moments.

    Their means differ by less than a 200th of the mixture's standard deviation, and their own standard deviations by less
    than 2%: a probability changes by less than 1e-5.
    """
    centre = weights @ means
    spread = math.sqrt(float(weights @ (sds**2 + (means - centre) ** 2)))
    if weights.size <= _FEW or spread == 0:
        return NormalMixture(weights, means, sds)
    place = np.floor((means - centre) / spread * 200).astype(np.int64)
    width = np.where(sds > 0, np.floor(np.log(np.maximum(sds, 1e-300) / spread) * 50), -_WIDTHS).astype(np.int64)
    _, at = np.unique(place * _WIDTHS + np.clip(width, -_WIDTHS // 2, _WIDTHS // 2 - 1), return_inverse=True)
    w, first = np.bincount(at, weights), np.bincount(at, weights * means)
    m = first / w
    variances = np.bincount(at, weights * (sds**2 + (means - m[at]) ** 2)) / w
    return NormalMixture(w, m, np.sqrt(variances))


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

    Halley's method inside a bracket, bisection where it would leave it or stall.
    """
    levels = np.broadcast_to(q, (means.shape[0], q.size)).astype(float)
    inner = np.minimum(np.maximum(levels, 1e-300), 1 - 1e-16)
    m, s = means, sds
    if weights.ndim == 1:
        heavy = without_negligible(weights)
        weights, m, s = weights[heavy][None], means[:, heavy], sds[:, heavy]
    w, m, s = weights[..., None], m[:, None, :], s[:, None, :]  # sums over components are products of matrices
    normal = ndtri(inner)
    ends = m + s * normal[..., None]
    low, high = ends.min(axis=-1), ends.max(axis=-1)
    centre = m @ w
    spread = np.sqrt((s**2 + (m - centre) ** 2) @ w)
    x = np.minimum(np.maximum(centre[..., 0] + spread[..., 0] * normal, low), high)
    last, near = np.full_like(x, np.inf), _NEAR * np.minimum(inner, 1 - inner)
    smooth, settled = bool((s > 0).all()), np.zeros(x.shape, dtype=bool)  # a row does not depend on those beside it
    for _ in range(200):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (x[..., None] - m) / s
            z = z if smooth else np.where(np.isnan(z), np.inf, z)
            bell = np.exp(-0.5 * z**2) / s
            gap = (ndtr(z) @ w)[..., 0] - inner
            density = (bell @ w)[..., 0]
            newton = gap / density * _SQRT_2PI
            bend = (bell * z / s @ w)[..., 0] / density  # minus the slope of the log density
            better = x - newton / np.maximum(1 + 0.5 * newton * bend, 0.5)
        miss = np.abs(gap)
        low, high = np.where(gap < 0, x, low), np.where(gap >= 0, x, high)
        inside = (better > low) & (better < high)
        final = inside & (miss <= near)  # the next gap is about the third power of this one
        narrow = (miss <= 1e-15) | (high - low <= 4e-16 * (np.abs(low) + np.abs(high)) + 1e-300)
        settled |= narrow & ~final
        x = np.where(settled, x, np.where(final | (inside & (miss < 0.5 * last)), better, 0.5 * (low + high)))
        settled |= final
        last = miss
        if settled.all():
            break
    x = x if smooth else _at_atoms(w[..., 0], m[:, 0], s[:, 0], inner, x)
    return np.where(levels <= 0, -np.inf, np.where(levels >= 1, np.inf, x))


def _at_atoms(weights: Floats, means: Floats, sds: Floats, levels: Floats, quantiles: Floats) -> Floats:
    """Quantiles that fall within the jump of a distribution function are exactly where it jumps, shapes (row, ...)."""
    out = quantiles.copy()
    for row, (m, s) in enumerate(zip(means, sds, strict=True)):
        w, fixed = weights[row % len(weights)], s == 0
        smooth = NormalMixture(w[~fixed], m[~fixed], s[~fixed])
        for atom in np.unique(m[fixed & (w > 0)]):
            below = (
                float(mixture_cdf(smooth.weights, smooth.means, smooth.sds, np.array([atom]))[0])
                if smooth.weights.size
                else 0.0
            )
            below += float(w[fixed & (m < atom)].sum())
            at = float(w[fixed & (m == atom)].sum())
            inside = (levels[row] > below + _JUMP) & (levels[row] <= below + at + _JUMP)
            out[row] = np.where(inside, atom, out[row])
    return out
