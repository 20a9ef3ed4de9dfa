"""Log density of correlated estimates with two standard deviations between them, and its derivatives: compiled.

The same in NumPy is `EstimatesLikelihood.log_density`. Studies that no covariance joins are computed apart, so that the cost
is that of the largest cluster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from bayesmeta.families import fitted as means
from bayesmeta.families.fitted import fitted, fitted_adjoint
from bayesmeta.families.op import Density, constants

Floats = NDArray[np.float64]
_LOG_2PI = math.log(2 * math.pi)


@numba.njit(cache=True, error_model="numpy")
def _invert_root(root):
    """Replace a covariance by the inverse of its lower Cholesky root, and return half its log determinant."""
    m, half = root.shape[0], 0.0
    for j in range(m):
        for i in range(j, m):
            total = root[i, j]
            for h in range(j):
                total -= root[i, h] * root[j, h]
            root[i, j] = math.sqrt(total) if i == j else total / root[j, j]
        half += math.log(root[j, j])
    for j in range(m):
        root[j, j] = 1 / root[j, j]
        for i in range(j + 1, m):
            total = 0.0
            for h in range(j, i):
                total -= root[i, h] * root[h, j]
            root[i, j] = total / root[i, i]
    return half


@numba.njit(cache=True, error_model="numpy")
def block_density(residual, cov, structures, d_residual, d_variances):
    """Log density of a block, whose covariance is overwritten; adds to the derivatives."""
    m = residual.size
    value = -_invert_root(cov) - m * _LOG_2PI / 2
    standardised = np.zeros(m)
    for i in range(m):
        for h in range(i + 1):
            standardised[i] += cov[i, h] * residual[h]
        value -= standardised[i] ** 2 / 2
    weighed = np.zeros(m)  # the precision times the residual
    for i in range(m):
        for h in range(i, m):
            weighed[i] += cov[h, i] * standardised[h]
        d_residual[i] = -weighed[i]
    for i in range(m):
        for j in range(m):
            precision = 0.0
            for h in range(max(i, j), m):
                precision += cov[h, i] * cov[h, j]
            for s in range(structures.shape[0]):
                d_variances[s] += (weighed[i] * weighed[j] - precision) * structures[s, i, j] / 2
    return value


def evaluate_correlated(mu, beta, scales, y, X, V, structures, order, ends):
    """Value, and derivatives by mu, beta and scales; studies stand in `order`, a block between two of `ends`."""
    mean = fitted(mu.item(), beta, X)
    d_mean, d_variances = np.zeros(y.size), np.zeros(scales.size)
    value = 0.0
    for block in range(ends.size - 1):
        rows = order[ends[block] : ends[block + 1]]
        m = rows.size
        residual, cov, own = np.empty(m), np.empty((m, m)), np.empty((scales.size, m, m))
        for i in range(m):
            residual[i] = y[rows[i]] - mean[rows[i]]
            for j in range(m):
                cov[i, j] = V[rows[i], rows[j]]
                for s in range(scales.size):
                    own[s, i, j] = structures[s, rows[i], rows[j]]
                    cov[i, j] += scales[s] ** 2 * own[s, i, j]
        d_residual = np.zeros(m)
        value += block_density(residual, cov, own, d_residual, d_variances)
        for i in range(m):
            d_mean[rows[i]] = -d_residual[i]
    d_mu, d_beta = fitted_adjoint(d_mean, X)
    return np.asarray(value), np.asarray(d_mu), d_beta, 2 * scales * d_variances


def log_density_of(y: Floats, X: Floats, V: Floats, structures: Sequence[Floats], mu: Any, beta: Any, tau: Any) -> Any:
    """Log density of y ~ N(mu + X beta, V + sum of tau^2 times each structure): a scalar variable."""
    linked = (V != 0) | np.any([matrix != 0 for matrix in structures], axis=0)
    n_blocks, label = connected_components(linked, directed=False)
    ends = np.cumsum([0, *np.bincount(label, minlength=n_blocks)])
    density = Density(evaluate_correlated, 3, (__file__, means.__file__))
    fixed = constants(y, X, V, np.stack(structures), np.argsort(label, kind="stable"), ends)
    return density(pt.as_tensor(mu), beta, tau, *fixed)[0]
