"""Pools and meta-regressions of a review's trials with their derivatives, compiled.

With P = W - W X (X'WX)^-1 X'W for weights w = 1 / (v + tau^2), the residual sum of squares is y'Py, and every estimator of tau^2
solves an equation in it: y'P0y = k - p + tau^2 tr(P0) (DerSimonian and Laird), y'Py = k - p (Paule and Mandel), y'PPy = tr(P)
(restricted maximum likelihood). Since dP/dv_i = -P_i P_i', all derivatives are products of P.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.families.review.codes import COCHRAN, DL, ESTIMATE, EXCESS, FE, HK, PM, SE, TAU_SQUARED

_STEPS = 200  # of scoring at the most; it ends where tau^2 settles


@numba.njit(cache=True, error_model="numpy")
def _project(v, stratum, x, tau2, z, out):
    """Fill P z: weighted residuals of z from means by stratum, or from a line in `x` where that has numbers."""
    n, line = v.size, not math.isnan(x[0])
    for i in range(n):
        out[i] = 0.0
    for g in range(_strata(stratum)):
        s0 = s1 = s2 = t0 = t1 = 0.0
        for i in range(n):
            if stratum[i] == g:
                w = 1 / (v[i] + tau2)
                s0 += w
                t0 += w * z[i]
                if line:
                    s1 += w * x[i]
                    s2 += w * x[i] * x[i]
                    t1 += w * x[i] * z[i]
        slope = (s0 * t1 - s1 * t0) / (s0 * s2 - s1 * s1) if line else 0.0
        middle = (t0 - slope * s1) / s0
        for i in range(n):
            if stratum[i] == g:
                out[i] = (z[i] - middle - (slope * x[i] if line else 0.0)) / (v[i] + tau2)


@numba.njit(cache=True, error_model="numpy")
def _diagonals(v, stratum, x, tau2, squares):
    """The trace of P; fills the diagonal of PP."""
    n, line, trace = v.size, not math.isnan(x[0]), 0.0
    for i in range(n):
        squares[i] = 0.0
    for g in range(_strata(stratum)):
        s0 = s1 = s2 = q0 = q1 = q2 = 0.0
        for i in range(n):
            if stratum[i] == g:
                w = 1 / (v[i] + tau2)
                s0 += w
                q0 += w * w
                if line:
                    s1 += w * x[i]
                    s2 += w * x[i] * x[i]
                    q1 += w * w * x[i]
                    q2 += w * w * x[i] * x[i]
        d = s0 * s2 - s1 * s1
        for i in range(n):
            if stratum[i] == g:
                w = 1 / (v[i] + tau2)
                a, b = (s2 - s1 * x[i]) / d if line else 1 / s0, (s0 * x[i] - s1) / d if line else 0.0
                leverage = a + b * x[i] if line else a
                across = a * a * q0 + (2 * a * b * q1 + b * b * q2 if line else 0.0)
                trace += w - w * w * leverage
                squares[i] = w * w * (1 - 2 * w * leverage + across)
    return trace


@numba.njit(cache=True, error_model="numpy")
def _strata(stratum):
    last = -1
    for g in stratum:
        last = max(last, g)
    return last + 1


@numba.njit(cache=True, error_model="numpy")
def _sum(a):
    total = 0.0
    for value in a:
        total += value
    return total


@numba.njit(cache=True, error_model="numpy")
def _dot(a, b):
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@numba.njit(cache=True, error_model="numpy")
def _tau2(y, v, stratum, x, method, freedom, start, residual, squares):
    """Tau^2; `residual` and `squares` are room to work in."""
    if method == FE or freedom <= 0:
        return 0.0
    if method == DL:
        return start
    tau2 = 0.0 if method == PM else start
    for _ in range(_STEPS):
        _project(v, stratum, x, tau2, y, residual)
        if method == PM:
            step = (_dot(y, residual) - freedom) / _dot(residual, residual)
        else:
            trace = _diagonals(v, stratum, x, tau2, squares)
            step = (_dot(residual, residual) - trace) / _sum(squares)
        before = tau2
        tau2 = max(tau2 + step, 0.0)
        # relative to tau^2 or, near zero, to a thousandth of a sampling variance
        if abs(tau2 - before) <= 1e-13 * (tau2 + 1e-3 * v[0]):
            break
    return tau2


@numba.njit(cache=True, error_model="numpy")
def fit(y, se, member, stratum, x, method, numbers, share, residual, residual0, room):
    """Fill the numbers of a fit, d estimate / d y, P y and P y at a tau^2 of zero; the centre of y is returned.

    `room`, shape (3, study), is to work in.
    """
    n, k, centre = y.size, 0, 0.0
    for i in range(n):
        if stratum[i] >= 0:
            centre += y[i]
            k += 1
    centre /= k
    gap, v, squares = room[0], room[1], room[2]
    for i in range(n):
        gap[i], v[i] = y[i] - centre, se[i] ** 2
    line = not math.isnan(x[0])
    freedom = k - (2 if line else _strata(stratum))
    _project(v, stratum, x, 0.0, gap, residual0)
    q = max(_dot(gap, residual0), 0.0) if freedom > 0 else 0.0
    excess = max(q - freedom, 0.0)
    start = excess / _diagonals(v, stratum, x, 0.0, squares) if excess > 0 else 0.0
    tau2 = _tau2(gap, v, stratum, x, method, freedom, start, residual, squares)
    _project(v, stratum, x, tau2, gap, residual)
    share[:] = 0.0
    s0 = s1 = s2 = 0.0
    for i in range(n):
        if member[i] > 0:
            w = 1 / (v[i] + tau2)
            s0 += w
            if line:
                s1 += w * x[i]
                s2 += w * x[i] * x[i]
    variance = s0 / (s0 * s2 - s1 * s1) if line else 1 / s0
    for i in range(n):
        if member[i] > 0:
            share[i] = variance / (v[i] + tau2) * ((x[i] - s1 / s0) if line else 1.0)
    numbers[ESTIMATE] = _dot(share, gap) + (0.0 if line else centre)
    numbers[SE] = math.sqrt(variance)
    numbers[HK] = math.sqrt(variance * max(_dot(gap, residual), 0.0) / freedom) if freedom > 0 else 0.0
    numbers[COCHRAN], numbers[TAU_SQUARED], numbers[EXCESS] = q, tau2, excess
    return centre


@numba.njit(cache=True, error_model="numpy")
def fit_adjoint(y, se, stratum, x, method, centre, numbers, share, residual, residual0, room, d, d_y, d_se):
    """Add the derivatives of a fit's numbers, times their adjoints `d`, to those of y and se."""
    n = y.size
    by_v, v, squares = room[0], room[1], room[2]
    for i in range(n):
        by_v[i], v[i] = 0.0, se[i] ** 2
    tau2, excess, variance = numbers[TAU_SQUARED], numbers[EXCESS], numbers[SE] ** 2
    d_variance = d[SE] / (2 * numbers[SE])
    d_square = 0.0  # of y'Py
    if d[HK] != 0.0:
        square = 0.0
        for i in range(n):
            square += (y[i] - centre) * residual[i]
        d_variance += d[HK] * 0.5 * numbers[HK] / variance
        d_square = d[HK] * 0.5 * numbers[HK] / square
    d_tau2 = d[TAU_SQUARED]
    for i in range(n):
        if stratum[i] >= 0:
            by_v[i] = -d[ESTIMATE] * share[i] * residual[i] + d_variance * share[i] ** 2 - d_square * residual[i] ** 2
            d_y[i] += d[ESTIMATE] * share[i] + 2 * d_square * residual[i]
            d_tau2 += by_v[i]
    d_q = d[COCHRAN] + (d[EXCESS] if excess > 0 else 0.0)
    if tau2 > 0 and d_tau2 != 0.0:
        if method == DL:
            trace = _diagonals(v, stratum, x, 0.0, squares)
            d_q += d_tau2 / trace
            for i in range(n):
                by_v[i] += d_tau2 * tau2 / trace * squares[i]
        elif method == PM:
            scale = d_tau2 / _dot(residual, residual)
            for i in range(n):
                d_y[i] += 2 * scale * residual[i]
                by_v[i] -= scale * residual[i] ** 2
        else:
            twice = np.empty(n)
            _project(v, stratum, x, tau2, residual, twice)
            _diagonals(v, stratum, x, tau2, squares)
            by_tau2 = _sum(squares) - 2 * _dot(residual, twice)
            for i in range(n):
                d_y[i] -= d_tau2 * 2 * twice[i] / by_tau2
                by_v[i] -= d_tau2 * (squares[i] - 2 * residual[i] * twice[i]) / by_tau2
    for i in range(n):
        if stratum[i] >= 0:
            d_y[i] += 2 * d_q * residual0[i]
            d_se[i] += 2 * se[i] * (by_v[i] - d_q * residual0[i] ** 2)
