"""Distributions that depend on tau, averaged over a prior on it without simulation."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from bayesmeta.priors import Prior

Floats = NDArray[np.float64]
_STEP, _ENDS = 1 / 16, 3.2  # of the double-exponential rule over the prior's probabilities
_LARGEST = 1 - 2.0**-53


def tau_rule(prior: Prior, finer: int = 1) -> tuple[Floats, Floats]:
    """Values of tau and weights: the mean of any bounded smooth function of tau is its weighted sum.

    The double-exponential rule on (0, 1), carried over by the prior's quantiles; components of mixtures and point
    masses each on their own. The nodes are `finer` times as dense as usual.
    """
    rules = [(tau, weight * w) for weight, part in prior.leaves() for tau, w in [_component_rule(part, _STEP / finer)]]
    return np.concatenate([tau for tau, _ in rules]), np.concatenate([w for _, w in rules])


def _component_rule(prior: Prior, step: float) -> tuple[Floats, Floats]:
    if prior.atom is not None:
        return np.array([prior.atom]), np.ones(1)
    t = np.arange(-_ENDS, _ENDS + step / 2, step)
    u = math.pi * np.sinh(t)
    with np.errstate(over="ignore"):
        q, complement = 1 / (1 + np.exp(-u)), 1 / (1 + np.exp(u))
    weights = step * math.pi * np.cosh(t) * q * complement
    return np.asarray(prior.ppf(np.clip(q, 1e-300, _LARGEST))), weights / weights.sum()


def range_cdf(w: Floats, k: int) -> Floats:
    """Distribution function of the range of `k` independent standard normals."""
    values = np.maximum(np.asarray(w, float), 0.0)
    if k == 2:
        return np.asarray(2 * ndtr(values / math.sqrt(2)) - 1)
    x, weights = _gauss()
    z = 9.0 * x
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    inside = ndtr(z + values[..., None]) - ndtr(z)  # the smallest is at z, the others within w above it
    total = (inside ** (k - 1) * (k * 9.0 * density * weights)).sum(axis=-1)
    return np.asarray(np.clip(total, 0.0, 1.0))


@functools.cache
def _gauss() -> tuple[Floats, Floats]:
    return leggauss(200)


def quantile(cdf: Callable[[float], float], q: float, size: float) -> float:
    """Quantile of a distribution on [0, inf), 0 where it has that much mass there; `size` is a typical value."""
    if cdf(0.0) >= q:
        return 0.0

    def gap(log_x: float) -> float:
        return cdf(math.exp(log_x)) - q

    low = high = math.log(size)
    while gap(low) > 0:
        low -= 2.0
    while gap(high) < 0:
        high += 2.0
    return math.exp(float(brentq(gap, low, high, xtol=1e-11, rtol=1e-11))) if low < high else size
