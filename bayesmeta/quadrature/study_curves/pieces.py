"""Compiled code: means of a curve that ends, or that has a point where it is not smooth, over N(m, tau^2).

No even grid resolves such a curve. Its panels do, which are halved towards the point: each is cut where the normal density or the
curve varies much on it, and has a Gauss-Legendre rule there.
"""

from __future__ import annotations

import math

import numba
import numpy as np

NOTHING = -1e300  # log of a curve beyond its end
_DEEPEST = 40.0  # log of what is left out
_CHANGE = 5.0  # of the log of a curve between the middle of a piece and its ends
_X, _W = np.polynomial.legendre.leggauss(16)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _at(c, u):
    """Chebyshev series at u."""
    b1, b2, twice = 0.0, 0.0, 2 * u
    for j in range(c.size - 1, 0, -1):
        b1, b2 = twice * b1 - b2 + c[j], b1
    return u * b1 - b2 + c[0]


@numba.njit(cache=True, error_model="numpy")
def sums(edges, series, most, n, m, tau, width, goal, seen):
    """Log of the largest term, and sums of the terms and of them times the effect less m and its square.

    Parameters
    ----------
    width : float
        Widest piece, in tau.
    goal, seen : float
        Where `goal` is not negative: the sum to stop at, of terms relative to exp(`seen`). The numbers are then the sums before
        and after the piece where it is reached, and the ends of that.
    """
    drawing, last = goal >= 0, (0.0, 1.0, m, m)
    top, total, first, second = seen if drawing else -np.inf, 0.0, 0.0, 0.0
    if not drawing:
        for p in range(n):
            if series[p, 0, 0] > NOTHING:
                near = min(max(m, edges[p]), edges[p + 1])
                u = 2 * (near - edges[p]) / (edges[p + 1] - edges[p]) - 1
                top = max(top, _at(series[p, 0], u) - ((near - m) / tau) ** 2 / 2)
    for p in range(n):
        c = series[p, 0]
        if c[0] <= NOTHING:
            continue
        change = 0.0
        for j in range(1, c.size):
            change += abs(c[j])
        above = most[p] - top + _DEEPEST
        if not above > 0:  # nor where there is no number
            continue
        reach = tau * math.sqrt(2 * above)
        start, stop = max(edges[p], m - reach), min(edges[p + 1], m + reach)
        if start >= stop:
            continue
        half, middle = (edges[p + 1] - edges[p]) / 2, (edges[p + 1] + edges[p]) / 2
        by_change = change / _CHANGE * min(2 * (stop - start) / half, 1.0)
        count = math.ceil(max((stop - start) / (width * tau), by_change, 1.0))
        left = _at(c, (start - middle) / half)
        for q in range(count):
            low, high = start + (stop - start) * q / count, start + (stop - start) * (q + 1) / count
            right = _at(c, (high - middle) / half)
            height, away = max(left, right) + 2 * _CHANGE, max(low - m, m - high, 0.0) / tau
            left = right
            if height - away * away / 2 < top - _DEEPEST:
                continue
            before = total
            for k in range(_X.size):
                x = (low + high) / 2 + (high - low) / 2 * _X[k]
                term = _at(c, (x - middle) / half) - ((x - m) / tau) ** 2 / 2
                if term > top and not drawing:
                    scale = math.exp(top - term)
                    total, first, second = total * scale, first * scale, second * scale
                    top = term
                weight = _W[k] * (high - low) / 2 * math.exp(term - top)
                total += weight
                first += weight * (x - m)
                second += weight * (x - m) ** 2
            last = before, total, low, high
            if drawing and total >= goal:
                return top, before, total, low, high
    return (top, last[0], last[1], last[2], last[3]) if drawing else (top, total, first, second, m)
