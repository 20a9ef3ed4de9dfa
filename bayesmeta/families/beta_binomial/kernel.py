"""Compiled code: log likelihood of events whose risk is beta, for many mean risks and rho, without a difference of large numbers.

Of events e and others f among n = e + f participants it is, but for the number of ways to choose them,

    e log m + f log(1 - m) + G(r / m, e) + G(r / (1 - m), f) - G(r, n),    r = rho / (1 - rho),

where G(x, k) is the sum of log(1 + i x) for i from 0 to k - 1: zero at rho = 0, where the events are binomial.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_FEW = 12  # terms that are multiplied one by one
_SMOOTH = 10.0  # 1 / x, from which Stirling's series is exact to 1e-12
_HUGE = 1e20  # x, whose powers overflow
_FARTHEST = 700.0  # logit, beyond which a risk is no float


@numba.njit(cache=True, error_model="numpy")
def _product(x, k):
    """Log of the product of 1 + i x, for few i."""
    if x > _HUGE:
        total = 0.0
        for i in range(1, k):
            total += math.log1p(i * x)
        return total
    found = 1.0
    for i in range(1, k):
        found *= 1 + i * x
    return math.log(found)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _series(z):
    """Stirling's series of log Gamma(z), less its first terms."""
    square = 1 / (z * z)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / z


@numba.njit(cache=True, error_model="numpy")
def log_rising(x, k):
    """Sum of log(1 + i x) for i from 0 to k - 1."""
    if k <= _FEW:
        return _product(x, int(k))
    if x == 0:
        return 0.0
    before, a = 0.0, 1 / x
    if a < _SMOOTH:  # the first terms apart
        shift = int(_SMOOTH)
        before = _product(x, shift) + (k - shift) * math.log1p(shift * x)
        a, k = a + shift, k - shift
    return before + (a + k - 0.5) * math.log1p(k / a) - k + _series(a + k) - _series(a)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _log_term(eta, odds, e, f, of_all):
    """Log likelihood of one arm at the logit of its mean risk; `of_all` is G(r, n)."""
    eta = min(max(eta, -_FARTHEST), _FARTHEST)
    small = math.exp(-abs(eta))
    away, large = math.log1p(small), 1 / small
    log_m, log_rest = min(eta, 0.0) - away, min(-eta, 0.0) - away
    found = e * log_m + f * log_rest - of_all
    if e > 1:
        found += log_rising(odds * (1 + (small if eta > 0 else large)), e)
    if f > 1:
        found += log_rising(odds * (1 + (large if eta > 0 else small)), f)
    return found


@numba.njit(cache=True, error_model="numpy")
def log_terms(beta, X, rho, events, others):
    """Log likelihood of each arm, shape (point, arm)."""
    found, of_all, before = np.empty((beta.shape[0], X.shape[0])), np.zeros(X.shape[0]), -1.0
    for j in range(beta.shape[0]):
        odds = rho[j] / (1 - rho[j])
        for i in range(X.shape[0]):
            if rho[j] != before:
                of_all[i] = log_rising(odds, events[i] + others[i])
            eta = 0.0
            for c in range(X.shape[1]):
                eta += X[i, c] * beta[j, c]
            found[j, i] = _log_term(eta, odds, events[i], others[i], of_all[i])
        before = rho[j]
    return found
