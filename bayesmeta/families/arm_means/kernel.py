"""Log density of arm means given the sampled parameters, and its derivatives: compiled.

The same in NumPy is `ArmLikelihood.log_density`, over `ArmArrays.spread` and `ArmArrays.effect`; its names are used here.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt

from bayesmeta.families import fitted as means
from bayesmeta.families.arm_means.arrays import ArmArrays
from bayesmeta.families.fitted import fitted, fitted_adjoint
from bayesmeta.families.op import Density, constants
from bayesmeta.spec.design import Design

_LOG_2PI = math.log(2 * math.pi)
_MD, _SMD = 0, 1


@numba.njit(cache=True, error_model="numpy")
def _effect(log_sigma, mean, tau, y, n_t, n_c, measure):
    """Log density of a difference, and its derivatives by log sigma of the first and the last arm, the mean and tau."""
    first, last = log_sigma[0], log_sigma[-1]
    if measure == _SMD:
        unit = math.exp(-first)
        variance, by_first, by_last = tau**2 + 1 / n_t + 1 / n_c, 0.0, 0.0
    else:
        unit = 1.0
        part_t, part_c = math.exp(2 * first) / n_t, math.exp(2 * last) / n_c
        variance, by_first, by_last = tau**2 + part_t + part_c, 2 * part_t, 2 * part_c
    residual = y * unit - mean
    value = -(_LOG_2PI + math.log(variance) + residual**2 / variance) / 2
    by_variance = -(1 / variance - (residual / variance) ** 2) / 2
    by_first, by_last = by_first * by_variance, by_last * by_variance
    if measure == _SMD:
        value -= first
        by_first = residual * y * unit / variance - 1
    return value, by_first, by_last, residual / variance, 2 * tau * by_variance


@numba.njit(cache=True, error_model="numpy")
def _slot(log_typical, variation, z, df, log_s, constant, mean, tau, y, n_t, n_c, measure, slopes):
    """Log density of a slot; fills its derivatives by log typical, variation, the mean, tau, and every z."""
    n_sigma = z.size
    log_sigma, w = np.empty(n_sigma), np.empty(n_sigma)
    for a in range(n_sigma):
        w[a] = 1 / (1 + 2 * df[a] * variation**2)
        log_sigma[a] = log_typical + (1 - w[a]) * (log_s[a] - log_typical) + z[a] * variation * math.sqrt(w[a])
    value, by_first, by_last, slopes[2], slopes[3] = _effect(log_sigma, mean, tau, y, n_t, n_c, measure)
    slopes[0], slopes[1] = 0.0, 0.0
    for a in range(n_sigma):
        root, gap = math.sqrt(w[a]), log_s[a] - log_typical
        standardised = 2 * df[a] * variation * w[a] * gap + z[a] * root
        ratio = log_s[a] - log_sigma[a]
        value += constant[a] + df[a] * ratio - df[a] / 2 * math.exp(2 * ratio)
        value += (math.log(w[a]) - standardised**2 + z[a] ** 2) / 2
        by_sigma = df[a] * (math.exp(2 * ratio) - 1)
        if a == 0:
            by_sigma += by_first
        if a == n_sigma - 1:
            by_sigma += by_last
        d_w = -4 * df[a] * variation * w[a] ** 2  # by variation, as d_root
        d_root = d_w / (2 * root)
        slopes[0] += by_sigma * w[a] + standardised * 2 * df[a] * variation * w[a]
        slopes[1] += by_sigma * (z[a] * (root + variation * d_root) - d_w * gap) + d_w / (2 * w[a])
        slopes[1] -= standardised * (2 * df[a] * gap * (w[a] + variation * d_w) + z[a] * d_root)
        slopes[4 + a] = by_sigma * variation * root - standardised * root + z[a]
    return value


def evaluate_arms(
    mu, beta, tau, typical, variation, z,
    p, X, study, instrument, doubtful, df, log_s, constant, y, n_t, n_c, measure,
):  # fmt: skip
    """Value, and derivatives by the first six; the probability `p` weighs the two readings of each doubtful study."""
    mean, n_slots, n_sigma = fitted(mu.item(), beta, X), z.shape[0], z.shape[1]
    values, slopes = np.empty(n_slots), np.empty((n_slots, 4 + n_sigma))
    for s in range(n_slots):
        values[s] = _slot(
            math.log(typical[instrument[s]]), variation.item(), z[s], df[s], log_s[s], constant[s], mean[study[s]],
            tau.item(), y[study[s]], n_t[study[s]], n_c[study[s]], measure.item(), slopes[s],
        )  # fmt: skip
    weight = np.ones(n_slots)
    first_second = n_slots - doubtful.size
    value = values[:first_second].sum()
    for j in range(doubtful.size):
        first, second = math.log(p.item()) + values[doubtful[j]], math.log1p(-p.item()) + values[first_second + j]
        most = max(first, second)
        both = most + math.log(math.exp(first - most) + math.exp(second - most))
        value += both - values[doubtful[j]]
        weight[doubtful[j]], weight[first_second + j] = math.exp(first - both), math.exp(second - both)
    d_mean, d_typical, d_z = np.zeros(X.shape[0]), np.zeros(typical.size), np.empty((n_slots, n_sigma))
    d_variation, d_tau = 0.0, 0.0
    for s in range(n_slots):
        d_typical[instrument[s]] += weight[s] * slopes[s, 0] / typical[instrument[s]]
        d_variation += weight[s] * slopes[s, 1]
        d_mean[study[s]] += weight[s] * slopes[s, 2]
        d_tau += weight[s] * slopes[s, 3]
        for a in range(n_sigma):
            d_z[s, a] = weight[s] * slopes[s, 4 + a]
    d_mu, d_beta = fitted_adjoint(d_mean, X)
    return (
        np.asarray(value), np.asarray(d_mu), d_beta, np.asarray(d_tau), d_typical, np.asarray(d_variation), d_z,
    )  # fmt: skip


def log_density_of(
    arrays: ArmArrays,
    design: Design,
    measure: str,
    mu: Any,
    beta: Any,
    tau: Any,
    typical: Any,
    variation: Any,
    z: Any,
    p: Any,
) -> Any:
    """Log density of the arms given the top level and the positions z: a scalar variable."""
    data = arrays.data
    fixed = constants(
        design.base[0], arrays.study, arrays.instrument, arrays.doubtful, arrays.df, arrays.log_s, arrays.constant,
        data.difference, np.asarray(data.n_t, float), np.asarray(data.n_c, float), _SMD if measure == "smd" else _MD,
    )  # fmt: skip
    free = (pt.as_tensor(value) for value in (mu, beta, tau, typical, variation, z))
    return Density(evaluate_arms, 6, (__file__, means.__file__))(*free, pt.as_tensor(p), *fixed)[0]
