"""Compiled code: the log of a study's likelihood curve at a point, and its slopes."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy", inline="always")
def _clenshaw(c, x):
    """Chebyshev series at x."""
    b1, b2, twice = 0.0, 0.0, 2 * x
    for j in range(c.size - 1, 0, -1):
        b1, b2 = twice * b1 - b2 + c[j], b1
    return x * b1 - b2 + c[0]


@numba.njit(cache=True, error_model="numpy")
def panel_of(edges, n, x):
    """The panel of x, one of the ends where x lies beyond."""
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= x:
            low = middle
        else:
            high = middle
    return low


@numba.njit(cache=True, error_model="numpy")
def value(edges, series, n, x):
    """Log of a curve at x; beyond its panels it goes on as a line."""
    inside = min(max(x, edges[0]), edges[n])
    p = panel_of(edges, n, inside)
    half = (edges[p + 1] - edges[p]) / 2
    u = (inside - edges[p]) / half - 1
    found = _clenshaw(series[p, 0], u)
    return found if inside == x else found + _clenshaw(series[p, 1], u) * (x - inside)


@numba.njit(cache=True, error_model="numpy")
def values(edges, series, n, x):
    """The same at many x."""
    found = np.empty(x.size)
    for j in range(x.size):
        found[j] = value(edges, series, n, x[j])
    return found


@numba.njit(cache=True, error_model="numpy")
def slopes(edges, series, n, x):
    """Log of a curve at x, with its first and second derivative."""
    inside = min(max(x, edges[0]), edges[n])
    p = panel_of(edges, n, inside)
    u = (inside - edges[p]) / ((edges[p + 1] - edges[p]) / 2) - 1
    a1, a2, b1, b2, c1, c2, twice = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2 * u
    for j in range(series.shape[2] - 1, 0, -1):  # Clenshaw's recurrence of all three side by side
        a1, a2 = twice * a1 - a2 + series[p, 0, j], a1
        b1, b2 = twice * b1 - b2 + series[p, 1, j], b1
        c1, c2 = twice * c1 - c2 + series[p, 2, j], c1
    first = u * b1 - b2 + series[p, 1, 0]
    at, second = u * a1 - a2 + series[p, 0, 0], u * c1 - c2 + series[p, 2, 0]
    return at + first * (x - inside), first, second if inside == x else 0.0
