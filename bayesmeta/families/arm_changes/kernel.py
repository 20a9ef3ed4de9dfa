"""Log density of arms measured twice given the sampled parameters, and its derivatives: compiled.

The same in NumPy is `ChangesLikelihood.log_density`, over the functions of `ChangeArrays`; their names are used here.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt

from bayesmeta.families import fitted as means
from bayesmeta.families.arm_changes.arrays import ChangeArrays
from bayesmeta.families.fitted import fitted, fitted_adjoint
from bayesmeta.families.op import Density, constants
from bayesmeta.spec.design import Design

_LOG_2PI = math.log(2 * math.pi)


@numba.njit(cache=True, error_model="numpy")
def _evidence(zeta, rho, r, size, constant, series):
    """Log density of Fisher's z of a sample correlation, and its derivative by zeta; `series` has the powers from 1 on."""
    at = (1 + rho * r) / 2
    total, by_at = 0.0, 0.0  # Horner's rule
    for k in range(series.size - 1, -1, -1):
        by_at = by_at * at + total
        total = total * at + series[k]
    by_at, total = by_at * at + total, 1 + total * at
    log_cosh = abs(zeta) + math.log1p(math.exp(-2 * abs(zeta))) - math.log(2)
    value = constant - (size - 1) * log_cosh - (size - 1.5) * math.log1p(-rho * r) + math.log(total)
    by_rho = (size - 1.5) * r / (1 - rho * r) + by_at / total * r / 2
    return value, by_rho * (1 - rho**2) - (size - 1) * rho


def evaluate_changes(
    mu, beta, tau, correlation, variation, z,
    X, y, slope, v, linear, square, r, size, constant, series, precision, center,
):  # fmt: skip
    """Value, and derivatives by the first six."""
    mean = fitted(mu.item(), beta, X)
    t, typical, spread = tau.item(), math.atanh(correlation.item()), variation.item()
    d_mean, d_z = np.empty(y.size), np.empty(y.size)
    value, d_tau, d_typical, d_spread = 0.0, 0.0, 0.0, 0.0
    for i in range(y.size):
        w = 1 / (1 + precision[i] * spread**2)
        root, gap = math.sqrt(w), center[i] - typical
        zeta = typical + (1 - w) * gap + z[i] * spread * root
        standardised = precision[i] * spread * w * gap + z[i] * root
        value += (math.log(w) - standardised**2 + z[i] ** 2) / 2
        rho, by_zeta = math.tanh(zeta), 0.0
        for s in range(size.shape[1]):
            if size[i, s] > 0:
                one, by_one = _evidence(zeta, rho, r[i, s], size[i, s], constant[i, s], series[i, s])
                value += one
                by_zeta += by_one
        variance = v[i] - linear[i] * rho - square[i] * rho**2 + t**2
        residual = y[i] + slope[i] * rho - mean[i]
        value -= (_LOG_2PI + math.log(variance) + residual**2 / variance) / 2
        by_variance = -(1 / variance - (residual / variance) ** 2) / 2
        by_rho = -by_variance * (linear[i] + 2 * square[i] * rho) - residual / variance * slope[i]
        by_zeta += by_rho * (1 - rho**2)
        d_w = -2 * precision[i] * spread * w**2  # by the variation, as d_root
        d_root = d_w / (2 * root)
        d_mean[i] = residual / variance
        d_tau += 2 * t * by_variance
        d_typical += by_zeta * w + standardised * precision[i] * spread * w
        d_spread += by_zeta * (z[i] * (root + spread * d_root) - d_w * gap) + d_w / (2 * w)
        d_spread -= standardised * (precision[i] * gap * (w + spread * d_w) + z[i] * d_root)
        d_z[i] = by_zeta * spread * root - standardised * root + z[i]
    d_mu, d_beta = fitted_adjoint(d_mean, X)
    d_correlation = d_typical / (1 - correlation.item() ** 2)
    return (
        np.asarray(value), np.asarray(d_mu), d_beta, np.asarray(d_tau), np.asarray(d_correlation), np.asarray(d_spread), d_z,
    )  # fmt: skip


def log_density_of(
    arrays: ChangeArrays, design: Design, mu: Any, beta: Any, tau: Any, correlation: Any, variation: Any, z: Any
) -> Any:
    """Log density of the arms given the top level and the positions z: a scalar variable."""
    fixed = constants(
        design.base[0], arrays.y, arrays.slope, arrays.v, arrays.linear, arrays.square, arrays.r, arrays.size,
        *arrays.expansion(), *arrays.summary(),
    )  # fmt: skip
    free = (pt.as_tensor(value) for value in (mu, beta, tau, correlation, variation, z))
    return Density(evaluate_changes, 6, (__file__, means.__file__))(*free, *fixed)[0]
