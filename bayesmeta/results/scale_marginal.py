"""The exact marginal posterior of tau.

Between its nodes the posterior is a band-limited function of s, the variable of the double-exponential rule, but for an
error that falls exponentially in the number of nodes; its integral is then a sum of sine integrals.

References
----------
Stenger (1981), SIAM Review 23:165-224, doi:10.1137/1023037
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import minimize_scalar
from scipy.optimize.elementwise import find_root
from scipy.special import sici

from bayesmeta.results.intervals import WithMoments, checked_levels, shortest

Floats = NDArray[np.float64]
_MATRIX = 512  # nodes up to which shares are kept as a matrix
_NEAR = 1e-8  # of a quantile's level: a gap of which the square is rounding
_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(8)


def _shares(n: int) -> Floats:
    """Share of a node's mass that lies below another, by their distance from -(n - 1) to n - 1 steps."""
    return np.asarray(0.5 + sici(np.pi * np.arange(-n + 1, n))[0] / np.pi)


@lru_cache(maxsize=8)
def _shares_matrix(n: int) -> Floats:
    places = np.arange(n)
    return np.asarray(_shares(n)[places[:, None] - places[None, :] + n - 1])


def node_tables(masses: Floats) -> Floats:
    """Distribution functions at the nodes, shape (lane, node)."""
    n = masses.shape[-1]
    if n <= _MATRIX:
        cumulative = (masses[:, None, :] * _shares_matrix(n)).sum(axis=-1)
    else:
        size = next_fast_len(3 * n - 2, real=True)
        product = rfft(_shares(n), size) * rfft(masses, size, axis=-1)
        cumulative = irfft(product, size, axis=-1)[:, n - 1 : 2 * n - 1]
    return np.minimum(np.maximum(np.maximum.accumulate(cumulative, axis=-1), 0.0), 1.0)


def node_smooth(masses: Floats, first: Floats, step: Floats, s: Floats) -> tuple[Floats, Floats]:
    """Distribution functions and densities at s, shape (lane, point), by sine integrals."""
    angle = np.pi * (((s - first[:, None]) / step[:, None])[..., None] - np.arange(masses.shape[-1]))
    angle = np.where(angle == 0, 1e-300, angle)
    area, density = 0.5 + sici(angle)[0] / np.pi, np.sin(angle) / angle
    weights = masses[:, None, :]
    return (area * weights).sum(axis=-1), (density * weights).sum(axis=-1) / step[:, None]


def node_quantiles(masses: Floats, first: Floats, step: Floats, q: Floats, table: Floats | None = None) -> Floats:
    """Quantiles of s for many posteriors: masses (lane, node), first and step (lane,), to (lane, level).

    Newton's method within the interval between two nodes, from a cubic through them. A lane's result does not depend on
    the others.
    """
    n, low, step = masses.shape[-1], first[:, None], step[:, None]
    table, lane = node_tables(masses) if table is None else table, np.arange(len(masses))[:, None]
    node = np.minimum(np.maximum((table[:, None, :] <= q[:, None]).sum(axis=-1) - 1, 0), n - 2)
    low, left, right = low + node * step, *(table[lane, node + i] for i in (0, 1))
    high = low + step
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mass = right - left
        u = np.minimum(np.maximum((q - left) / mass, 0.0), 1.0)
        a, b = (np.minimum(mass / masses[lane, node + i], 3.0) for i in (0, 1))
        share = u * (u * (3 - 2 * u) + (1 - u) * (a * (1 - u) - b * u))
        s = low + step * np.where(np.isfinite(share), np.minimum(np.maximum(share, 0.0), 1.0), 0.5)
    near, settled = _NEAR * np.minimum(q, 1 - q), np.zeros(s.shape, dtype=bool)
    for _ in range(60):
        miss, slope = node_smooth(masses, first, step[:, 0], s)
        miss = miss - q
        low, high = np.where(miss < 0, s, low), np.where(miss >= 0, s, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = s - miss / slope
        inside = (newton >= low) & (newton <= high)
        moved = np.where(settled, s, np.where(inside, newton, 0.5 * (low + high)))
        settled |= (inside & (np.abs(miss) <= near)) | (np.abs(moved - s) <= 1e-13 * (1 + np.abs(s)))
        s = moved
        if settled.all():
            break
    return np.asarray(s)


@dataclass(frozen=True, slots=True, eq=False)
class ScalePart:
    """Posterior of tau under one component of its prior.

    Attributes
    ----------
    weight : float
        Posterior probability of the component.
    masses : ndarray, shape (node,)
        Masses of the nodes; they sum to one.
    first, step : float
        The nodes' s.
    to_s : callable
        From tau to s.
    to_tau : callable
        From s to tau.
    """

    weight: float
    masses: Floats
    first: float
    step: float
    to_s: Callable[[Floats], Floats]
    to_tau: Callable[[Floats], Floats]

    def density(self, s: Floats) -> Floats:
        """Density of s: a sum of sinc functions about the nodes, whose sines differ in sign alone."""
        place, nodes = (s - self.first) / self.step, np.arange(self.masses.size)
        nearest = np.rint(place)
        place = np.where(place == nearest, nearest + 1e-11, place)  # not 0 / 0
        total = (1 / (place[..., None] - nodes)) @ (self.masses * (1 - 2 * (nodes % 2)))
        sine = np.sin(np.pi * (place - nearest)) * (1 - 2 * (nearest % 2))
        return np.asarray(np.maximum(sine * total / np.pi, 0.0) / self.step)

    def quantile(self, q: Floats, table: Floats | None = None) -> Floats:
        """Quantile of s."""
        table = self.at_nodes() if table is None else table
        first, step = np.array([self.first]), np.array([self.step])
        return np.asarray(node_quantiles(self.masses[None], first, step, q, table[None])[0])

    def at_nodes(self) -> Floats:
        """Distribution function at the nodes."""
        return np.asarray(node_tables(self.masses[None])[0])

    def cdf(self, s: Floats, at_nodes: Floats) -> Floats:
        """Distribution function of s: exact at the nodes, and between them the integral of the density."""
        last = self.masses.size - 1
        place = np.clip((s - self.first) / self.step, 0.0, last)
        node = np.minimum(place.astype(int), last - 1)
        width = (place - node) * self.step
        inside = self.first + node * self.step
        points = inside[..., None] + 0.5 * width[..., None] * (1 + _GAUSS_X)
        area = 0.5 * width * (self.density(points) @ _GAUSS_W)
        value = np.minimum(at_nodes[node] + area, at_nodes[node + 1])
        return np.where(s <= self.first, 0.0, np.where(place >= last, 1.0, value))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScaleMarginal(WithMoments):
    """Marginal posterior of the heterogeneity standard deviation, exact but for `error`.

    Attributes
    ----------
    parts : sequence of ScalePart
    points : sequence of (float, float)
        Values of tau that have a probability of their own, with it.
    exact_pdf : callable
        Density of tau, point masses aside.
    mean_, sd_ : float
    support : tuple of float
    error : float
        Bound on the error of `cdf`.
    name : str
        What it is of.
    """

    parts: Sequence[ScalePart]
    points: Sequence[tuple[float, float]]
    exact_pdf: Callable[[Floats], Floats]
    mean_: float
    sd_: float
    support: tuple[float, float]
    error: float
    name: str = ""
    _tables: tuple[Floats, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tables", tuple(part.at_nodes() for part in self.parts))

    @property
    def atoms(self) -> tuple[float, ...]:
        """Values that have a probability of their own."""
        return tuple(point for point, _ in self.points)

    def pdf(self, x: ArrayLike) -> Floats:
        """Density at `x`, per unit of tau; infinite at a point mass, 0 below zero."""
        values = np.asarray(x, float)
        inside = (values >= self.support[0]) & (values <= self.support[1])
        density = np.where(inside, self.exact_pdf(np.where(inside, values, np.nan_to_num(self.support[0]))), 0.0)
        for point, _ in self.points:
            density = np.where(values == point, np.inf, density)
        return np.asarray(density)[()]

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of at most `x`."""
        values = np.asarray(x, float)
        total = np.zeros(values.shape)
        for part, table in zip(self.parts, self._tables, strict=True):
            total = total + part.weight * part.cdf(part.to_s(values), table)
        for point, probability in self.points:
            total = total + probability * (values >= point)
        return np.asarray(np.minimum(total, 1.0))[()]

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile, `q` in [0, 1]."""
        levels = checked_levels(q)
        smooth = len(self.parts) == 1 and not self.points
        quantiles = self._ppf_smooth(levels.ravel()) if smooth else self._ppf_mixed(levels.ravel())
        quantiles = np.where(
            levels.ravel() <= 0, self.support[0], np.where(levels.ravel() >= 1, self.support[1], quantiles)
        )
        return np.asarray(quantiles.reshape(levels.shape))[()]

    def _ppf_smooth(self, q: Floats) -> Floats:
        """The quantile of the only part."""
        part = self.parts[0]
        return part.to_tau(part.quantile(q, self._tables[0]))

    def _ppf_mixed(self, q: Floats) -> Floats:
        """Chandrupatla's bracketing method on log(tau); at a point mass it ends as bisection."""
        if not self.parts:
            values, masses = np.array(self.points).T
            return np.asarray(values[np.minimum(np.searchsorted(np.cumsum(masses), q - 1e-15), values.size - 1)])
        places = [part.first + part.step * i for part in self.parts for i in (0, part.masses.size - 1)]
        owners = [part for part in self.parts for _ in range(2)]
        ends = [float(part.to_tau(np.asarray(s))) for part, s in zip(owners, places, strict=True)]
        ends += [point for point, _ in self.points]
        low, high = math.log(max(min(ends), 1e-150)) - 1e-6, math.log(max(ends)) + 1e-6
        at_low = np.asarray(self.cdf(math.exp(low)))
        root = find_root(
            lambda u, level: np.asarray(self.cdf(np.exp(u))) - level,
            (np.full(q.shape, low), np.full(q.shape, high)),
            args=(np.clip(q, at_low + 1e-300, 1 - 1e-15),),
            tolerances={"xatol": 1e-15, "xrtol": 1e-15, "fatol": 0, "frtol": 0},
            maxiter=200,
        )
        values = np.where(q <= at_low, min(ends), np.exp(root.x))
        for point, probability in self.points:
            upper = float(self.cdf(point))
            values = np.where((q > upper - probability) & (q <= upper), point, values)
        return values

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval with probability `prob`."""
        return shortest(self, prob, self.support[0], self.atoms)

    def mode(self) -> float:
        """Point of highest density, often zero."""
        if self.points:
            return max(self.points, key=lambda pair: pair[1])[0]
        grid = np.asarray(self.ppf(np.concatenate([[1e-9, 1e-6, 1e-4], np.linspace(0.002, 0.998, 250)])))
        ends = [end for end in self.support if math.isfinite(end)]
        grid = np.unique(np.concatenate([grid, ends]))
        density = np.asarray(self.pdf(grid))
        at = int(np.argmax(density))
        if at in (0, grid.size - 1) or not math.isfinite(density[at]):
            return float(grid[at])
        low, high = grid[at - 1], grid[at + 1]
        best = minimize_scalar(
            lambda x: -float(self.pdf(x)), bounds=(low, high), method="bounded", options={"xatol": 1e-12 * high}
        )
        return float(best.x) if -best.fun > density[0] else float(grid[0])
