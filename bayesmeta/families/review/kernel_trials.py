"""Effects and standard errors of trials that were not found, from the parameters that are sampled, with derivatives: compiled.

The same in NumPy is `ReviewArrays.sizes` and `ReviewArrays.standard_errors`.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def _sizes(u, lower, upper, rest, totals, by_position, by_rest):
    """Fill the totals of studies of unknown size, shape (ranged,), and their derivatives by their positions and by what is left.

    Without a total, `rest` is nan; with one, the last study takes what is left.
    """
    m, known = totals.size, not math.isnan(rest)
    for j in range(m):
        if known and j == m - 1:
            totals[j], by_position[j], by_rest[j] = rest, 0.0, 1.0
            break
        low, high, low_moves, high_moves = lower[j], upper[j], 0.0, 0.0
        if known:
            most, least = upper[j + 1 :].sum(), lower[j + 1 :].sum()
            if rest - most > low:
                low, low_moves = rest - most, 1.0
            if rest - least < high:
                high, high_moves = rest - least, 1.0
        totals[j], by_position[j] = low + u[j] * (high - low), high - low
        by_rest[j] = low_moves + u[j] * (high_moves - low_moves)
        rest -= totals[j]


@numba.njit(cache=True, error_model="numpy")
def fill_trials(y_latent, sd, u, y, se, latent, inverse, slot, lower, upper, per, rest):
    """Fill effects and standard errors of the latent studies in y and se, shape (reading, study).

    Shapes: y_latent, sd, latent (latent,); u (slot,); inverse (reading, latent), the squared standard error for an SD of one;
    slot (latent,), which of the ranged studies it is, or -1; lower, upper, per (reading, ranged); rest (reading,).
    """
    m = lower.shape[1]
    totals, by_position, by_rest = np.empty(m), np.empty(m), np.empty(m)
    for r in range(y.shape[0]):
        _sizes(u, lower[r], upper[r], rest[r], totals, by_position, by_rest)
        for i in range(latent.size):
            factor = per[r, slot[i]] / totals[slot[i]] if slot[i] >= 0 else inverse[r, i]
            y[r, latent[i]], se[r, latent[i]] = y_latent[i], sd[i] * math.sqrt(factor)


@numba.njit(cache=True, error_model="numpy")
def trials_adjoint(d_y, d_se, sd, u, se, latent, slot, lower, upper, rest):
    """Derivatives with respect to y_latent, sd and u, from those with respect to y and se."""
    m = lower.shape[1]
    totals, by_position, by_rest, d_totals = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    d_latent, d_sd, d_u = np.zeros(latent.size), np.zeros(latent.size), np.zeros(u.size)
    for r in range(d_y.shape[0]):
        _sizes(u, lower[r], upper[r], rest[r], totals, by_position, by_rest)
        d_totals[:] = 0.0
        for i in range(latent.size):
            d_latent[i] += d_y[r, latent[i]]
            change = d_se[r, latent[i]] * se[r, latent[i]]
            d_sd[i] += change / sd[i]
            if slot[i] >= 0:
                d_totals[slot[i]] -= 0.5 * change / totals[slot[i]]
        d_rest = 0.0  # of what is left after study j
        for j in range(m - 1, -1, -1):
            d_total = d_totals[j] - d_rest
            if by_position[j] != 0:
                d_u[j] += d_total * by_position[j]
            d_rest += d_total * by_rest[j]
    return d_latent, d_sd, d_u
