"""Likelihood curves that are mixtures of normal densities about one centre: Student's t above all, as tables and by draws."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]
_LOG_2PI = math.log(2 * math.pi)
_DEEP = 40.0  # log of what is left out, below the top of a curve and of a node's share
_STEP, _OF_SD = 0.24, 0.6  # of a rule over the log of a precision, and in its standard deviations
_AT_ONCE = 4096  # draws


def student(scale: float, df: float) -> tuple[Floats, Floats]:
    """A t density of `df` degrees of freedom as a mixture of normal ones: logs of weights, and variances.

    The precision is gamma distributed; a trapezoid rule over its logarithm, on which the integrand is analytic and falls off
    exponentially, leaves less than 1e-12 wherever the density is not below exp(-40) of its top.

    References
    ----------
    Andrews and Mallows (1974), J. R. Stat. Soc. B 36:99-102, doi:10.1111/j.2517-6161.1974.tb00989.x
    """
    if math.isinf(df):
        return np.zeros(1), np.array([scale**2])
    shape, sd = df / 2, math.sqrt(2 / df)
    step = min(_STEP, _OF_SD / math.sqrt((df + 1) / 2))
    low = -4 * _DEEP / (df + 1) - 10 * sd
    high = min(10 * sd, math.log(2 * _DEEP / df + 1) + 2)
    u = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    log_weight = shape * (u - np.expm1(u))
    return np.asarray(log_weight - logsumexp(log_weight)), scale**2 * np.exp(-u)


def padded(normals: Mapping[int, tuple[Floats, Floats]], k: int) -> tuple[NDArray[np.int_], Floats]:
    """How many normal densities each of k curves has, and their logs of weights and variances, shape (curve, 2, part).

    The narrowest is first.
    """
    parts = np.array([len(normals[i][0]) if i in normals else 0 for i in range(k)])
    mixture = np.ones((k, 2, max(int(parts.max()), 1)))
    for i, of in normals.items():
        mixture[i, :, : parts[i]] = np.stack(of)[:, np.argsort(of[1])]
    return parts, mixture


def log_density(log_weight: Floats, variance: Floats, gap: Floats) -> Floats:
    """Log of a mixture at distances from its centre."""
    square = np.asarray(gap)[..., None] ** 2
    return np.asarray(logsumexp(log_weight - (square / variance + np.log(variance) + _LOG_2PI) / 2, axis=-1))


def draw(
    log_weight: Floats, variance: Floats, centre: float, m: Floats, tau: Floats, rng: np.random.Generator
) -> Floats:
    """An effect for each m and tau, which have one shape: first the normal density that it is of."""
    effects = np.empty(m.size)
    for start in range(0, m.size, _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        mean, between = m.ravel()[here, None], tau.ravel()[here, None] ** 2
        total = variance + between
        terms = log_weight - ((mean - centre) ** 2 / total + np.log(total)) / 2
        below = np.cumsum(np.exp(terms - terms.max(axis=1, keepdims=True)), axis=1)
        at = (below < rng.random(len(mean))[:, None] * below[:, -1:]).sum(axis=1)
        own, between, mean = variance[at], between[:, 0], mean[:, 0]
        share = between / (own + between)
        effects[here] = mean + share * (centre - mean) + np.sqrt(share * own) * rng.standard_normal(mean.size)
    return effects.reshape(m.shape)
