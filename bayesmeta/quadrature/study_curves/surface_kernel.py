"""Compiled code: a polynomial of two dimensions at points, and where a coefficient would lie were all curves normal."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def place_at(tau, slope, gap, scale):
    """Mean and standard deviation of a coefficient given tau, were all curves normal."""
    precision, score = 0.0, 0.0
    for i in range(slope.size):
        weight = slope[i] / (scale[i] ** 2 + tau**2)
        precision += weight * slope[i]
        score += weight * gap[i]
    return score / precision, 1 / math.sqrt(precision)


@numba.njit(cache=True, error_model="numpy")
def at_points(beta, tau, series, top, c, low, high, slope, gap, scale, reach):
    """The series at points, those of one tau one after the other; nan beyond its ends."""
    found, row, before = np.full(beta.size, np.nan), np.empty(series.shape[1]), -1.0
    middle, sd, inside = 0.0, 1.0, False
    for j in range(beta.size):
        if tau[j] != before:
            before = tau[j]
            w = math.log1p((before / c) ** 2) / 2
            inside = low <= w <= high
            if inside:
                middle, sd = place_at(before, slope, gap, scale)
                x = 2 * (w - low) / (high - low) - 1
                this, last = 1.0, x  # T_0 and T_-1
                row[:] = 0.0
                for n in range(series.shape[0]):
                    for q in range(row.size):
                        row[q] += this * series[n, q]
                    this, last = 2 * x * this - last, this
        u = (beta[j] - middle) / (sd * reach)
        if inside and abs(u) <= 1:
            b1, b2 = 0.0, 0.0
            for q in range(row.size - 1, 0, -1):
                b1, b2 = 2 * u * b1 - b2 + row[q], b1
            found[j] = top + u * b1 - b2 + row[0]
    return found
