"""Numbers that a review computes from its trials, with their derivatives by the effects, for many sets of trials: compiled."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.families.review import codes
from bayesmeta.families.review.kernel import fit_quantity
from bayesmeta.families.review.kernel_fit import fit, fit_adjoint


@numba.njit(cache=True, error_model="numpy")
def slopes(y, se, member, stratum, x, method, quantity, slots, value, by_effect):
    """Fill a number of the fits of `slots`, and its derivatives by the effects, for sets of trials of shape (set, study)."""
    n, k = y.shape
    m = slots.size
    numbers, vectors = np.empty((m, codes.N_NUMBERS)), np.empty((m, 3, k))
    centres, d, by_se, room = np.empty(m), np.empty((m, codes.N_NUMBERS)), np.empty(k), np.empty((3, k))
    for i in range(n):
        for f in range(m):
            share, residual, first = vectors[f, 0], vectors[f, 1], vectors[f, 2]
            centres[f] = fit(
                y[i], se[i], member[f], stratum[f], x[f], method[f], numbers[f], share, residual, first, room
            )
        value[i] = fit_quantity(quantity, 0.0, numbers, slots, d)
        for f in range(m):
            share, residual, first = vectors[f, 0], vectors[f, 1], vectors[f, 2]
            fit_adjoint(
                y[i], se[i], stratum[f], x[f], method[f], centres[f], numbers[f], share, residual, first, room, d[f],
                by_effect[i], by_se,
            )  # fmt: skip


@numba.njit(cache=True, error_model="numpy")
def gaps(y, se, member, value, by_effect):
    """Fill z of the difference of two pools by DerSimonian and Laird: as `slopes`, at a tenth of the time."""
    n, k = y.shape
    estimate, variance = np.empty(2), np.empty(2)
    by_estimate, by_variance = np.zeros((2, k)), np.zeros((2, k))
    for i in range(n):
        for f in range(2):
            estimate[f], variance[f] = _pool(y[i], se[i], member[f], by_estimate[f], by_variance[f])
        total = variance[0] + variance[1]
        z = (estimate[0] - estimate[1]) / math.sqrt(total)
        value[i] = z
        for j in range(k):
            spread = 0.5 * z / total * (by_variance[0, j] + by_variance[1, j])
            by_effect[i, j] = (by_estimate[0, j] - by_estimate[1, j]) / math.sqrt(total) - spread


@numba.njit(cache=True, error_model="numpy")
def _pool(y, se, member, by_estimate, by_variance):
    """Estimate and its variance; fills their derivatives by the effects of the members."""
    m, a0, a2, first = 0, 0.0, 0.0, 0.0
    for i in range(y.size):
        if member[i] > 0:
            a = 1 / se[i] ** 2
            m += 1
            a0 += a
            a2 += a * a
            first += a * y[i]
    common, q = first / a0, 0.0
    for i in range(y.size):
        if member[i] > 0:
            q += (y[i] - common) ** 2 / se[i] ** 2
    scale = a0 - a2 / a0
    tau2 = max(q - (m - 1), 0.0) / scale if m > 1 else 0.0
    w0 = w2 = moment = 0.0
    for i in range(y.size):
        if member[i] > 0:
            w = 1 / (se[i] ** 2 + tau2)
            w0 += w
            w2 += w * w
            moment += w * (y[i] - common)
    estimate, moved = moment / w0, 0.0
    for i in range(y.size):
        if member[i] > 0:
            moved += (y[i] - common - estimate) / (se[i] ** 2 + tau2) ** 2
    for i in range(y.size):
        if member[i] > 0:
            by_tau2 = 2 * (y[i] - common) / se[i] ** 2 / scale if tau2 > 0 else 0.0
            by_estimate[i] = 1 / (se[i] ** 2 + tau2) / w0 - moved / w0 * by_tau2
            by_variance[i] = w2 / w0**2 * by_tau2
    return common + estimate, 1 / w0
