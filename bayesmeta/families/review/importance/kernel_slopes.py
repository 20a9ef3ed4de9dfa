"""Numbers that a review computes from its trials, with their derivatives by the effects, for many sets of trials: compiled."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.families.review import codes
from bayesmeta.families.review.kernel import fit_quantity
from bayesmeta.families.review.kernel_fit import fit, fit_adjoint


@numba.njit(cache=True, error_model="numpy")
def slopes(y, se, member, stratum, x, method, quantity, plain, value, by_effect):
    """Fill a number of some fits, and its derivatives by the effects, for sets of trials of shape (set, study)."""
    room = workspace(method.size, y.shape[1])
    for i in range(y.shape[0]):
        value[i] = slope(y[i], se[i], member, stratum, x, method, quantity, plain, by_effect[i], room)


@numba.njit(cache=True, error_model="numpy")
def workspace(m, k):
    """What `slope` works in, for at most `m` fits of `k` studies."""
    numbers, d, slots = np.empty((m, codes.N_NUMBERS)), np.empty((m, codes.N_NUMBERS)), np.empty(m, np.int64)
    for f in range(m):
        slots[f] = f
    return numbers, d, np.empty((m, 3, k)), np.empty((3, k)), np.empty(k), np.empty(m), slots


@numba.njit(cache=True, error_model="numpy")
def slope(y, se, member, stratum, x, method, quantity, plain, by_effect, workspace):
    """A number of some fits from one set of trials; fills its derivatives by the effects.

    `plain` tells that it is z of the difference of two pools by DerSimonian and Laird, at a tenth of the time.
    """
    if plain:
        return _gap(y, se, member, by_effect, workspace[2])
    numbers, d, vectors, room, by_se, centres, slots = workspace
    m = method.size
    for f in range(m):
        share, residual, first = vectors[f, 0], vectors[f, 1], vectors[f, 2]
        centres[f] = fit(y, se, member[f], stratum[f], x[f], method[f], numbers[f], share, residual, first, room)
    value = fit_quantity(quantity, 0.0, numbers, slots[:m], d)
    by_effect[:] = 0.0
    for f in range(m):
        share, residual, first = vectors[f, 0], vectors[f, 1], vectors[f, 2]
        fit_adjoint(
            y, se, stratum[f], x[f], method[f], centres[f], numbers[f], share, residual, first, room, d[f], by_effect,
            by_se,
        )  # fmt: skip
    return value


@numba.njit(cache=True, error_model="numpy")
def _gap(y, se, member, by_effect, vectors):
    """Z of the difference of two pools by DerSimonian and Laird; fills its derivatives by the effects."""
    for f in range(2):
        for j in range(y.size):
            vectors[f, 0, j] = vectors[f, 1, j] = 0.0
    first, first_variance = _pool(y, se, member[0], vectors[0, 0], vectors[0, 1])
    second, second_variance = _pool(y, se, member[1], vectors[1, 0], vectors[1, 1])
    total = first_variance + second_variance
    z = (first - second) / math.sqrt(total)
    for j in range(y.size):
        spread = 0.5 * z / total * (vectors[0, 1, j] + vectors[1, 1, j])
        by_effect[j] = (vectors[0, 0, j] - vectors[1, 0, j]) / math.sqrt(total) - spread
    return z


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
