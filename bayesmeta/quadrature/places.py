"""Where the nodes of one parameter lie on its rule, as places 0, 1, ... of a smooth line, and curves and draws between them.

The logarithm of a posterior density is close to a parabola between nodes, so that a spline through it is far closer than one
through the density.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, make_interp_spline

from bayesmeta.priors import Prior
from bayesmeta.quadrature.special import TINY

Floats = NDArray[np.float64]
Kind = Literal["even", "gauss", "root", "log"]
FINER = 16  # cells between two nodes
_CHUNK = 2_000_000  # numbers in an array: 16 MB
_DEEPEST = 80.0  # below the peak of a log density, where nothing is left of it


@dataclass(frozen=True, slots=True)
class Places:
    """Nodes of a parameter between two ends, which may depend on what else is given.

    Attributes
    ----------
    kind : {"even", "gauss", "root", "log"}
        Equally spaced from end to end, a Gauss-Legendre rule, one in the square root of the distance from the lower end, or
        equally spaced in the logarithm.
    lower, upper : ndarray, shape (...)
    n : int
        Number of nodes; a point mass, at `lower`, has one.
    """

    kind: Kind
    lower: Floats
    upper: Floats
    n: int

    @property
    def ends(self) -> tuple[float, float]:
        """First and last place; Gauss nodes lie within their range, which ends where `_angle` says."""
        # as `_angle` derives
        return (-0.75, self.n - 0.25) if self.kind in ("gauss", "root") and self.n > 1 else (0.0, self.n - 1.0)

    @property
    def log_weight(self) -> Floats:
        """Log of the integral that a node stands for, over its density, shape (place, ...)."""
        length = self.upper - self.lower
        if self.n == 1:
            return np.zeros((1, *length.shape))
        if self.kind == "even":
            return np.broadcast_to(np.log(length / (self.n - 1)), (self.n, *length.shape))
        if self.kind == "log":
            place = np.arange(float(self.n)).reshape(-1, *(1,) * length.ndim)
            return self.log_slope(place, self.lower, self.upper)
        x, w = _gauss(self.n)
        w = w / 2 if self.kind == "gauss" else w * (x + 1) / 2
        return np.asarray(np.log(w).reshape(-1, *(1,) * length.ndim) + np.log(length))

    def rule(self, prior: Prior) -> tuple[Floats, Floats]:
        """Nodes, and the log of weight times prior, shape (place, ...); a point mass has one node of weight one."""
        if self.n == 1:
            return self.lower[None], np.zeros((1, *self.lower.shape))
        if self.kind == "log":
            nodes = self.at(np.arange(float(self.n)).reshape(-1, *(1,) * self.lower.ndim), self.lower, self.upper)
            return nodes, self.log_weight + np.asarray(prior.logpdf(nodes))
        share = np.linspace(0.0, 1.0, self.n) if self.kind == "even" else (_gauss(self.n)[0] + 1) / 2
        share = (share**2 if self.kind == "root" else share).reshape(-1, *(1,) * self.lower.ndim)
        nodes = self.lower + (self.upper - self.lower) * share
        return nodes, self.log_weight + np.asarray(prior.logpdf(nodes))

    def at(self, place: Floats, lower: Floats, upper: Floats) -> Floats:
        """Value at a place between given ends."""
        if self.n == 1:
            return np.asarray(lower + 0 * place)
        if self.kind == "log":
            return np.asarray(lower * (upper / lower) ** (place / (self.n - 1)))
        return np.asarray(lower + (upper - lower) * self._share(place))

    def log_slope(self, place: Floats, lower: Floats, upper: Floats) -> Floats:
        """Log of the derivative of `at` by the place; 0 for a point mass."""
        if self.n == 1:
            return 0.0 * place
        if self.kind == "even":
            return np.asarray(np.log((upper - lower) / (self.n - 1)) + 0 * place)
        if self.kind == "log":
            return np.asarray(np.log(np.log(upper / lower) / (self.n - 1)) + np.log(self.at(place, lower, upper)))
        angle = _angle(self.n)
        theta = angle(place)
        root = np.maximum((1 - np.cos(theta)) / 2, TINY)
        slope = np.maximum(np.sin(theta) / 2 * angle(place, 1), TINY)
        return np.asarray(np.log(slope * (upper - lower)) + (np.log(2 * root) if self.kind == "root" else 0.0))

    def _share(self, place: Floats) -> Floats:
        if self.kind == "even":
            return place / (self.n - 1)
        share = (1 - np.cos(_angle(self.n)(place))) / 2
        return np.asarray(share if self.kind == "gauss" else share**2)


@lru_cache(maxsize=64)
def _gauss(n: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(n)


@lru_cache(maxsize=64)
def _angle(n: int) -> CubicSpline:
    """From a place to the angle whose cosine is minus the Gauss node, which is all but proportional to it."""
    theta = np.arccos(-_gauss(n)[0])
    # The angles are pi (i + 3/4) / (n + 1/2) to within 2% of a step: 0 would be at i = -3/4, and pi at n - 1/4.
    return CubicSpline([-0.75, *range(n), n - 0.25], [0.0, *theta, np.pi])


def between(log_density: Floats, ends: tuple[float, float]) -> tuple[Floats, Floats]:
    """Places on finer nodes from end to end, and the log density there, shapes (fine,) and (..., fine)."""
    n = log_density.shape[-1]
    fine = np.linspace(*ends, FINER * max(n, 2) + 1) if n > 1 else np.zeros(1)
    if n == 1:
        return fine, log_density
    kept = np.maximum(log_density, log_density.max(axis=-1, keepdims=True) - _DEEPEST)
    # An interpolating spline needs more points than its degree.
    degree = 5 if n > 5 else 3 if n > 3 else 1
    return fine, np.asarray(make_interp_spline(np.arange(n), kept, degree, axis=-1)(np.clip(fine, 0, n - 1)))


def draw_place(log_density: Floats, rng: np.random.Generator) -> Floats:
    """A place for each row of log densities by place, at whole places and, by a spline, between: shape (row, n) to (row,)."""
    rows, n = log_density.shape
    drawn, most = np.zeros(rows), max(_CHUNK // (FINER * n), 1)
    if n == 1:
        return drawn
    for start in range(0, rows, most):
        part = log_density[start : start + most]
        fine, log_fine = between(part, (0.0, n - 1.0))
        density = np.exp(log_fine - log_fine.max(axis=-1, keepdims=True))
        below = np.cumsum(density[:, 1:] + density[:, :-1], axis=1)
        goal = rng.random(len(part)) * below[:, -1]
        cell = np.minimum((below <= goal[:, None]).sum(axis=1), below.shape[1] - 1)
        row = np.arange(len(part))
        left, right = density[row, cell], density[row, cell + 1]
        share = (goal - np.where(cell > 0, below[row, cell - 1], 0.0)) / np.maximum(left + right, TINY)
        root = np.sqrt(left**2 + share * (right**2 - left**2))  # the density is taken as linear within the cell
        within = np.where(left + root > 0, share * (left + right) / np.maximum(left + root, TINY), share)
        drawn[start : start + most] = fine[cell] + np.clip(within, 0, 1) * (fine[1] - fine[0])
    return drawn
