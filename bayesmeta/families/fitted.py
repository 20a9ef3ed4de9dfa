"""Means of true effects from mu and the coefficients, and back from derivatives, in compiled code."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def fitted(mu, beta, X):
    """Means of the true effects, shape (study,)."""
    mean = np.full(X.shape[0], mu)
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            mean[i] += X[i, j] * beta[j]
    return mean


@numba.njit(cache=True, error_model="numpy")
def fitted_adjoint(d_mean, X):
    """Derivatives with respect to mu and beta, from those with respect to the means."""
    d_beta = np.zeros(X.shape[1])
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            d_beta[j] += d_mean[i] * X[i, j]
    return d_mean.sum(), d_beta
