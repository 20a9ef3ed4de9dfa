"""Compiled code: the likelihood curve of a study at a point, and its mean over N(m, tau^2), for many m and tau.

A curve is a polynomial on each of its panels, in logs, and near its top also numbers on an even grid. Where tau is wide beside
the grid's step, the mean is a sum over the grid times a normal density, by its recurrence, without an exponential; where tau is
narrow, a Gauss-Hermite rule about m; elsewhere, in the tails of a curve above all, a trapezoid rule about the mode of the
product, in logs. Each is off by less than 1e-9 of the mean. A curve that ends, or bends at a point, has a sum over its panels.
A curve that is a mixture of normal densities with one centre, as that of a t statistic is, has all of this in closed form,
however heavy its tails.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.quadrature.study_curves.curve_kernel import panel_of, slopes, value
from bayesmeta.quadrature.study_curves.lines import place_below
from bayesmeta.quadrature.study_curves.pieces import NOTHING, sums

_LOG_2PI = math.log(2 * math.pi)
_REACH = 8.6  # standard deviations of the normal density: exp(-37) is left beyond
_FAST = 1e-4  # of a curve's top, below which it may be too narrow for the step of its grid
_DEEPEST = 38.0  # log of what is left out of a sum in logs
_WIDE, _COARSE = 1.4, 6.0  # tau, in steps of the grid, from which on the grid resolves it, and every second node does
_SLOPE, _BEND = 0.8, 0.13  # derivatives of a curve times tau and its square, up to which Gauss-Hermite resolves it
_SMOOTH = 0.1  # steps over tau, up to which a sum of the normal density over half a line is known without adding
_FAINT = (
    1e-9  # of a curve's top, below which a sum over its grid is too near to its rounding error where tau is that wide
)
_TINY = 0.01  # tau, in steps of the grid, up to which a curve is normal
_LEAST = 1e-300  # sum over panels, where tau is too small beside its distance from them
_PIECE, _SURE = (
    5.0,
    9.0,
)  # tau: widest piece of a sum over panels, and how far the normal density is seen from its middle
_BLOCK = 64  # terms of a recurrence, whose error grows with their square
_MOST = 100_000  # terms
_NOTHING, _UNDERFLOW = 1e-19, 1e-250  # share of a sum that no longer counts, and a sum whose terms may be lost
GAUSS_X, GAUSS_W = np.polynomial.hermite_e.hermegauss(11)
GAUSS_W = GAUSS_W / GAUSS_W.sum()
_OTHERS, _OTHERS_W = np.delete(GAUSS_X, GAUSS_X.size // 2), np.delete(GAUSS_W, GAUSS_X.size // 2)  # but for the middle


@numba.njit(cache=True, error_model="numpy")
def peak(edges, series, n, centre, scale, m, tau):
    """Mode of a curve times N(m, tau^2), to a hundredth of its width, and the width."""
    precision = 1 / tau**2
    x = (m * precision + centre / scale**2) / (precision + 1 / scale**2)
    low, high, width = -np.inf, np.inf, tau
    for _ in range(100):
        _, first, second = slopes(edges, series, n, x)
        gradient, curvature = first - (x - m) * precision, max(precision - second, 1e-3 * precision)
        width = 1 / math.sqrt(curvature)
        if gradient > 0:
            low = x
        else:
            high = x
        step = gradient / curvature
        if abs(step) < 0.01 * width:
            break
        moved = x + step
        if not low < moved < high:
            moved = (low + high) / 2 if high - low < np.inf else x + math.copysign(tau, step)
        x = moved
    return x, width


@numba.njit(cache=True, error_model="numpy")
def _in_logs(edges, series, n, centre, scale, unit, m, tau):
    """Log of the mean of a curve over N(m, tau^2), by a trapezoid rule about the mode of the product."""
    mode, width = peak(edges, series, n, centre, scale, m, tau)
    step = min(0.5 * width, 2 * unit)
    top = value(edges, series, n, mode) - ((mode - m) / tau) ** 2 / 2
    total = 1.0
    for side in (-1.0, 1.0):
        for j in range(1, _MOST):
            x = mode + side * j * step
            gap = value(edges, series, n, x) - ((x - m) / tau) ** 2 / 2 - top
            total += math.exp(gap)
            if gap < -_DEEPEST:
                break
    return top + math.log(total * step / tau) - _LOG_2PI / 2


@numba.njit(cache=True, error_model="numpy")
def _beyond(z, d):
    """Sum of the normal density times d at z - d, z - 2 d and so on: its integral, and Euler and Maclaurin's terms."""
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    first, third, fifth = -z, 3 * z - z**3, 10 * z**3 - z**5 - 15 * z  # derivatives over the density
    ends = -d / 2 + d**2 * first / 12 - d**4 * third / 720 + d**6 * fifth / 30240
    return math.erfc(-z / math.sqrt(2)) / 2 + density * ends


@numba.njit(cache=True, error_model="numpy")
def _on_grid(grid, first, step, n, left, right, m, tau):
    """Mean of a curve over N(m, tau^2), relative to its top, as a sum over its grid, which goes on with what is at its ends."""
    stride = 2 if tau >= _COARSE * step else 1
    total, d = 0.0, stride * step / tau
    if d <= _SMOOTH:  # what is constant is not added node by node, of which there may be millions
        used = (n - 1) // stride + 1
        for j in range(0, n, stride):
            z = (first + j * step - m) / tau
            total += grid[j] * math.exp(-z * z / 2)
        last = (first + (used - 1) * stride * step - m) / tau
        rest = left * _beyond((first - m) / tau, d) + right * _beyond(-last, d)
        return total * d / math.sqrt(2 * math.pi) + rest
    start = math.ceil((m - _REACH * tau - first) / step)
    stop = math.floor((m + _REACH * tau - first) / step) + 1
    start = start if left > 0 else max(start, 0)
    stop = stop if right > 0 else min(stop, n)
    rr = math.exp(-d * d)
    for block in range(start, stop, _BLOCK * stride):
        z = (first + block * step - m) / tau
        g, r = math.exp(-z * z / 2), math.exp(-d * z - d * d / 2)
        for j in range(block, min(block + _BLOCK * stride, stop), stride):
            total += (left if j < 0 else right if j >= n else grid[j]) * g
            g *= r
            r *= rr
    return total * d / math.sqrt(2 * math.pi)


@numba.njit(cache=True, error_model="numpy")
def _gauss(edges, series, n, m, tau, top, work):
    """Mean of a curve over N(m, tau^2), relative to its value at m, whose log is `top`, by a Gauss-Hermite rule."""
    total, reach = GAUSS_W[GAUSS_X.size // 2], tau * GAUSS_X[-1]
    p = panel_of(edges, n, m)
    if not (edges[p] <= m - reach and m + reach <= edges[p + 1]):
        for q in range(GAUSS_X.size):
            if q != GAUSS_X.size // 2:
                total += GAUSS_W[q] * math.exp(value(edges, series, n, m + tau * GAUSS_X[q]) - top)
        return total
    half = (edges[p + 1] - edges[p]) / 2
    middle, by = (m - edges[p]) / half - 1, tau / half
    for q in range(_OTHERS.size):  # Clenshaw's recurrence of all nodes side by side
        work[0, q], work[1, q], work[2, q] = 2 * (middle + by * _OTHERS[q]), 0.0, 0.0
    for j in range(series.shape[2] - 1, 0, -1):
        c = series[p, 0, j]
        for q in range(_OTHERS.size):
            now = work[0, q] * work[1, q] - work[2, q] + c
            work[2, q] = work[1, q]
            work[1, q] = now
    c = series[p, 0, 0] - top
    for q in range(_OTHERS.size):
        total += _OTHERS_W[q] * math.exp(work[0, q] * work[1, q] / 2 - work[2, q] + c)
    return total


@numba.njit(cache=True, error_model="numpy")
def _by_panels(edges, series, most, n, m, tau, work):
    """Log of the mean of a curve that ends or bends over N(m, tau^2)."""
    p = panel_of(edges, n, m)
    if edges[p] <= m - _SURE * tau and m + _SURE * tau <= edges[p + 1] and series[p, 0, 0] > NOTHING:
        at, by, curvature = slopes(edges, series, n, m)
        if abs(by) * tau < _SLOPE and abs(curvature) * tau**2 < _BEND:
            return at + math.log(_gauss(edges, series, n, m, tau, at, work))
    largest, total, _, _, _ = sums(edges, series, most, n, m, tau, _PIECE, -1.0, 0.0)
    return largest + math.log(max(total, _LEAST) / tau) - _LOG_2PI / 2


@numba.njit(cache=True, error_model="numpy")
def _mixed(n, mixture, gap, tau):
    """Log of the mean of a mixture of n normal densities over N(m, tau^2), m lying `gap` from their centre.

    From the narrowest on, up to where the rest no longer counts; in logs where all of them underflow.
    """
    total = 0.0
    for k in range(n):
        variance = mixture[1, k] + tau * tau
        term = math.exp(mixture[0, k] - gap * gap / (2 * variance)) / math.sqrt(variance)
        total += term
        if term < _NOTHING * total:
            break
    if total > _UNDERFLOW:
        return math.log(total) - _LOG_2PI / 2
    terms, highest, total = np.empty(n), -np.inf, 0.0
    for k in range(n):
        variance = mixture[1, k] + tau * tau
        terms[k] = mixture[0, k] - (gap * gap / variance + math.log(variance) + _LOG_2PI) / 2
        highest = max(highest, terms[k])
    for k in range(n):
        total += math.exp(terms[k] - highest)
    return highest + math.log(total)


@numba.njit(cache=True, error_model="numpy")
def _mixed_moments(n, mixture, centre, m, tau):
    """The same, and mean and variance of the effect given m and tau."""
    log_mean = _mixed(n, mixture, m - centre, tau)
    mean = square = 0.0  # of the distance from m
    for k in range(n):
        variance = mixture[1, k] + tau * tau
        weight = math.exp(mixture[0, k] - ((m - centre) ** 2 / variance + math.log(variance) + _LOG_2PI) / 2 - log_mean)
        share = tau * tau / variance
        mean += weight * share * (centre - m)
        square += weight * (share * mixture[1, k] + (share * (centre - m)) ** 2)
    return log_mean, m + mean, max(square - mean**2, 0.0)


@numba.njit(cache=True, error_model="numpy")
def _log_mean(
    i,
    m,
    tau,
    edges,
    series,
    panels,
    centre,
    scale,
    grid,
    first,
    step,
    nodes,
    ends,
    top,
    split,
    most,
    parts,
    mixture,
    work,
):
    """Log of the mean of the curve of study i over N(m, tau^2)."""
    if parts[i] > 0:
        return _mixed(parts[i], mixture[i], m - centre[i], tau)
    if tau == 0:
        return value(edges[i], series[i], panels[i], m)
    if split[i]:
        return _by_panels(edges[i], series[i], most[i], panels[i], m, tau, work)
    if tau < _WIDE * step[i]:
        at, by, curvature = slopes(edges[i], series[i], panels[i], m)
        if tau < _TINY * step[i] and abs(by) * tau < _SLOPE / 2:
            rest = 1 - curvature * tau**2
            return at + (by * tau) ** 2 / (2 * rest) - math.log(rest) / 2
        if abs(by) * tau < _SLOPE and abs(curvature) * tau**2 < _BEND:
            return at + math.log(_gauss(edges[i], series[i], panels[i], m, tau, at, work))
    else:
        mean = _on_grid(grid[i], first[i], step[i], nodes[i], ends[i, 0], ends[i, 1], m, tau)
        if mean > (_FAST if tau * _SMOOTH < 2 * step[i] else _FAINT):
            return top[i] + math.log(mean)
    return _in_logs(edges[i], series[i], panels[i], centre[i], scale[i], step[i], m, tau)


@numba.njit(cache=True, error_model="numpy")
def log_means(
    beta, X, tau, edges, series, panels, centre, scale, grid, first, step, nodes, ends, top, split, most, parts, mixture
):
    """Log of the mean of each study's curve over N(x_i beta, tau^2), shape (point, study)."""
    found, work = np.empty((beta.shape[0], X.shape[0])), np.empty((3, _OTHERS.size))
    for j in range(beta.shape[0]):
        for i in range(X.shape[0]):
            m = 0.0
            for c in range(X.shape[1]):
                m += X[i, c] * beta[j, c]
            found[j, i] = _log_mean(
                i,
                m,
                tau[j],
                edges,
                series,
                panels,
                centre,
                scale,
                grid,
                first,
                step,
                nodes,
                ends,
                top,
                split,
                most,
                parts,
                mixture,
                work,
            )
    return found


@numba.njit(cache=True, error_model="numpy")
def log_totals(
    beta, X, tau, edges, series, panels, centre, scale, grid, first, step, nodes, ends, top, split, most, parts, mixture
):
    """Sum of `log_means` over the studies, shape (point,)."""
    found, work = np.zeros(beta.shape[0]), np.empty((3, _OTHERS.size))
    for j in range(beta.shape[0]):
        for i in range(X.shape[0]):
            m = 0.0
            for c in range(X.shape[1]):
                m += X[i, c] * beta[j, c]
            found[j] += _log_mean(
                i,
                m,
                tau[j],
                edges,
                series,
                panels,
                centre,
                scale,
                grid,
                first,
                step,
                nodes,
                ends,
                top,
                split,
                most,
                parts,
                mixture,
                work,
            )
    return found


@numba.njit(cache=True, error_model="numpy")
def moments(m, tau, i, edges, series, panels, centre, scale, step, split, most, parts, mixture):
    """Log mean of the curve of study i over N(m, tau^2), and mean and variance of the effect given both, shape (point, 3)."""
    found = np.empty((m.size, 3))
    for j in range(m.size):
        t = tau[j]
        if parts[i] > 0:
            found[j] = _mixed_moments(parts[i], mixture[i], centre[i], m[j], t)
            continue
        if t == 0:
            found[j] = value(edges[i], series[i], panels[i], m[j]), m[j], 0.0
            continue
        if split[i]:
            largest, total, by_x, by_square, _ = sums(
                edges[i], series[i], most[i], panels[i], m[j], t, _PIECE / 2, -1.0, 0.0
            )
            total = max(total, _LEAST)
            away = by_x / total
            log_mean = largest + math.log(total / t) - _LOG_2PI / 2
            found[j] = log_mean, m[j] + away, max(by_square / total - away**2, 0.0)
            continue
        mode, width = peak(edges[i], series[i], panels[i], centre[i], scale[i], m[j], t)
        h = min(0.5 * width, 2 * step[i])
        top = value(edges[i], series[i], panels[i], mode) - ((mode - m[j]) / t) ** 2 / 2
        total, by_x, by_square = 1.0, 0.0, 0.0
        for side in (-1.0, 1.0):
            for n in range(1, _MOST):
                away = side * n * h
                x = mode + away
                gap = value(edges[i], series[i], panels[i], x) - ((x - m[j]) / t) ** 2 / 2 - top
                weight = math.exp(gap)
                total += weight
                by_x += weight * away
                by_square += weight * away**2
                if gap < -_DEEPEST:
                    break
        mean = by_x / total
        found[j] = (
            top + math.log(total * h / t) - _LOG_2PI / 2, mode + mean, max(by_square / total - mean**2, 0.0),
        )  # fmt: skip
    return found


@numba.njit(cache=True, error_model="numpy")
def _draw_by_panels(edges, series, most, n, m, tau, u):
    """An effect given m and tau at the probability u, of a curve that ends or bends."""
    largest, total, _, _, _ = sums(edges, series, most, n, m, tau, _PIECE, -1.0, 0.0)
    goal = u * total
    _, before, after, low, high = sums(edges, series, most, n, m, tau, _PIECE, goal, largest)
    logs = np.empty(65)
    for j in range(logs.size):
        x = low + (high - low) * j / (logs.size - 1)
        logs[j] = value(edges, series, n, x) - ((x - m) / tau) ** 2 / 2
    share = min((goal - before) / (after - before), 1.0)
    return low + (high - low) * place_below(np.exp(logs - logs.max()), share) / (logs.size - 1)


@numba.njit(cache=True, error_model="numpy")
def draw_effects(m, tau, i, u, edges, series, panels, centre, scale, step, split, most):
    """Effects of study i given m and tau at the probabilities u: the trapezoid rule's nodes, and a line between them."""
    found = np.empty(m.size)
    for j in range(m.size):
        t = tau[j]
        if t == 0:
            found[j] = m[j]
            continue
        if split[i]:
            found[j] = _draw_by_panels(edges[i], series[i], most[i], panels[i], m[j], t, u[j])
            continue
        mode, width = peak(edges[i], series[i], panels[i], centre[i], scale[i], m[j], t)
        h = min(0.1 * width, step[i] / 2)
        top = value(edges[i], series[i], panels[i], mode) - ((mode - m[j]) / t) ** 2 / 2
        ends = np.zeros(2)
        for side in range(2):
            for n in range(1, _MOST):
                ends[side] = n
                x = mode + (2 * side - 1) * n * h
                if value(edges[i], series[i], panels[i], x) - ((x - m[j]) / t) ** 2 / 2 - top < -20:
                    break
        count = int(ends[0] + ends[1]) + 1
        weight = np.empty(count)
        for n in range(count):
            x = mode + (n - ends[0]) * h
            weight[n] = math.exp(value(edges[i], series[i], panels[i], x) - ((x - m[j]) / t) ** 2 / 2 - top)
        found[j] = mode + (place_below(weight, u[j]) - ends[0]) * h
    return found
