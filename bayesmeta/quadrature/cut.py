"""A normal distribution given that one direction lies between two bounds: what a truncated prior leaves of a posterior given tau.

With Z the coefficient in standard deviations from its mean and a < Z < b, everything else is normal with a mean that is linear in
Z. Integrals over Z are Gauss-Legendre sums over where the truncated density is not negligible, so that they keep their digits
where the data contradict the bounds and hardly any of the untruncated posterior lies between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri_exp

Floats = NDArray[np.float64]
_NODES = 48  # a normal density times another's distribution function over 17 sd, to 1e-14
_X, _W = np.polynomial.legendre.leggauss(_NODES)
_DEPTH = 74.0  # twice the log of the density's fall beyond which it is negligible
_STEP = 8.5  # sd from where a normal distribution function is 0 or 1
_SHARP = 1e-9  # sd of Q given Z at which one is the other
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


class Cut(NamedTuple):
    """Bounds of one linear combination of the coefficients.

    Attributes
    ----------
    weights : tuple of float
        The combination.
    lower, upper : ndarray, shape (component, 1)
        Infinite for components that are not cut.
    """

    weights: tuple[float, ...]
    lower: Floats
    upper: Floats

    def moved(self, origin: Sequence[Any]) -> Cut:
        """The same for coefficients that are measured from an origin."""
        shift = sum((w * o for w, o in zip(self.weights, origin, strict=True)), 0.0)
        return Cut(self.weights, self.lower - shift, self.upper - shift)

    def standardised(self, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """The bounds in standard deviations from the mean of a normal distribution of the combination."""
        sd = np.sqrt(variance)
        return (self.lower - mean) / sd, (self.upper - mean) / sd


class Bounds(NamedTuple):
    """How components of a mixture are cut: the correlation of a quantity with what is cut, and its standardised bounds."""

    correlation: Floats
    lower: Floats
    upper: Floats


def log_mass(a: Floats, b: Floats) -> Floats:
    """Log of the standard normal probability between a and b, in either tail; -inf where b does not exceed a."""
    right = np.asarray(a) > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = log_ndtr(high)
        inside = top + np.log1p(-np.exp(np.minimum(log_ndtr(low) - top, 0.0)))
    return np.asarray(np.where(low < high, inside, -np.inf))


def _ends(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The part of (a, b) beyond which the truncated density is negligible."""
    reach = np.sqrt(np.clip(0.0, a, b) ** 2 + _DEPTH)
    return np.maximum(a, -reach), np.minimum(b, reach)


def rule(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights, shape (..., node), of the standard normal distribution between a and b; the weights sum to one."""
    low, high = _ends(a, b)
    z = 0.5 * (low + high)[..., None] + 0.5 * (high - low)[..., None] * _X
    weight = _W * np.exp(-0.5 * (z**2 - np.clip(0.0, a, b)[..., None] ** 2))
    return z, weight / weight.sum(axis=-1, keepdims=True)


def moments(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the standard normal distribution between a and b."""
    z, weight = rule(a, b)
    mean = (z * weight).sum(axis=-1)
    return mean, ((z - mean[..., None]) ** 2 * weight).sum(axis=-1)


def conditioned(mean: Floats, variance: Floats, covariance: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Mean and variance, given a < Z < b, of a normal quantity of this covariance with Z."""
    of_z, var_z = moments(a, b)
    within = np.maximum(variance - covariance**2, 0.0)
    return mean + covariance * of_z, within + covariance**2 * var_z


def below(t: Floats, correlation: Floats, a: Floats, b: Floats) -> Floats:
    """P(Q < t given a < Z < b) for standard normal Q and Z."""
    t, rho, a, b = np.broadcast_arrays(*(np.asarray(x, float) for x in (t, correlation, a, b)))
    a, b = np.where(rho < 0, -b, a), np.where(rho < 0, -a, b)
    rho = np.minimum(np.abs(rho), 1.0)
    rest = np.sqrt((1 - rho) * (1 + rho))
    share = np.array(np.exp(log_mass(a, np.clip(t, a, b)) - log_mass(a, b)))  # where Q is Z
    loose = rest > _SHARP
    if loose.any():
        share[loose] = _below(t[loose], rho[loose], rest[loose], a[loose], b[loose])
    return np.asarray(np.clip(share, 0.0, 1.0))


def _below(t: Floats, rho: Floats, rest: Floats, a: Floats, b: Floats) -> Floats:
    """The truncated distribution function of Z up to where Q < t is uncertain, and a sum from there to where it is impossible."""
    low, high = _ends(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = (np.where(rho > 0, (t + side * _STEP * rest) / rho, side * np.inf) for side in (-1, 1))
    first, last = np.clip(first, low, high), np.clip(last, low, high)
    whole, half = log_mass(a, b), 0.5 * (last - first)
    z = 0.5 * (first + last)[..., None] + half[..., None] * _X
    density = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI - whole[..., None])
    certain = ndtr((t[..., None] - rho[..., None] * z) / rest[..., None])
    return np.asarray(np.exp(log_mass(a, first) - whole) + (density * certain) @ _W * half)


def log_ratio(t: Floats, correlation: Floats, a: Floats, b: Floats) -> Floats:
    """Log of P(a < Z < b given Q = t) over P(a < Z < b): what cutting Z does to the density of Q at t."""
    rest = np.sqrt(np.maximum((1 - correlation) * (1 + correlation), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = [(bound - correlation * t) / rest for bound in (a, b)]
    low, high = np.where(np.isnan(sides[0]), -np.inf, sides[0]), np.where(np.isnan(sides[1]), np.inf, sides[1])
    return log_mass(low, high) - log_mass(a, b)


def draw(a: Floats, b: Floats, u: Floats) -> Floats:
    """Quantiles u of the standard normal distribution between a and b."""
    right = a > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    with np.errstate(divide="ignore"):
        log_p = np.logaddexp(log_ndtr(low), np.log(np.where(right, 1 - u, u)) + log_mass(a, b))
    z = np.clip(ndtri_exp(np.minimum(log_p, 0.0)), low, high)
    return np.asarray(np.where(right, -z, z))
