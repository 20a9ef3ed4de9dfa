"""Compiled code: the likelihood of the events in two arms as a curve of the log odds ratio, the baseline integrated out."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.quadrature.study_curves.lines import place_below

# Steps of the rule: in standard deviations at the mode, and in logits, where an arm without events bends.
_STEP, _WIDEST = 0.6, 0.3
_DEEPEST = 34.0  # log of what is left out
_MOST = 100_000


@numba.njit(cache=True, error_model="numpy", inline="always")
def _softplus(x):
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


@numba.njit(cache=True, error_model="numpy", inline="always")
def _log_joint(alpha, theta, a, n_t, c, n_c, mean, sd):
    treated = a * (alpha + theta) - n_t * _softplus(alpha + theta)
    return treated + c * alpha - n_c * _softplus(alpha) - ((alpha - mean) / sd) ** 2 / 2


@numba.njit(cache=True, error_model="numpy")
def baseline_peak(start, theta, a, n_t, c, n_c, mean, sd):
    """Mode of the logit of the control arm given the log odds ratio, and the standard deviation there."""
    x, low, high, width = start, -np.inf, np.inf, sd
    for _ in range(200):
        p, q = 1 / (1 + math.exp(-(x + theta))), 1 / (1 + math.exp(-x))
        gradient = a - n_t * p + c - n_c * q - (x - mean) / sd**2
        curvature = n_t * p * (1 - p) + n_c * q * (1 - q) + 1 / sd**2
        width = 1 / math.sqrt(curvature)
        if gradient > 0:
            low = x
        else:
            high = x
        step = gradient / curvature
        if abs(step) < 0.01 * width:
            break
        moved = x + min(max(step, -64.0), 64.0)
        if not low < moved < high:
            moved = (low + high) / 2
        x = moved
    return x, width


@numba.njit(cache=True, error_model="numpy")
def log_curve(theta, a, n_t, c, n_c, mean, sd):
    """Log of the integral of Bin(a | n_t, expit(alpha + theta)) Bin(c | n_c, expit(alpha)) N(alpha; mean, sd) over alpha.

    Without binomial coefficients; theta is in order, so that each mode is near the last one.
    """
    found = np.empty(theta.size)
    start = mean
    for g in range(theta.size):
        mode, width = baseline_peak(start, theta[g], a, n_t, c, n_c, mean, sd)
        start = mode
        step = min(_STEP * width, _WIDEST)
        top = _log_joint(mode, theta[g], a, n_t, c, n_c, mean, sd)
        total = 1.0
        for side in (-1.0, 1.0):
            for j in range(1, _MOST):
                gap = _log_joint(mode + side * j * step, theta[g], a, n_t, c, n_c, mean, sd) - top
                total += math.exp(gap)
                if gap < -_DEEPEST:
                    break
        found[g] = top + math.log(total * step / sd) - math.log(2 * math.pi) / 2
    return found


@numba.njit(cache=True, error_model="numpy")
def draw_baselines(theta, u, a, n_t, c, n_c, mean, sd):
    """Logits of the control arm given the log odds ratios, at the probabilities u: fine nodes, and a line between them."""
    found = np.empty(theta.size)
    for g in range(theta.size):
        mode, width = baseline_peak(mean, theta[g], a, n_t, c, n_c, mean, sd)
        step = min(_STEP * width, _WIDEST) / 4
        top = _log_joint(mode, theta[g], a, n_t, c, n_c, mean, sd)
        ends = np.zeros(2)
        for side in range(2):
            for j in range(1, _MOST):
                ends[side] = j
                if _log_joint(mode + (2 * side - 1) * j * step, theta[g], a, n_t, c, n_c, mean, sd) < top - 20:
                    break
        count = int(ends[0] + ends[1]) + 1
        weight = np.empty(count)
        for j in range(count):
            weight[j] = math.exp(_log_joint(mode + (j - ends[0]) * step, theta[g], a, n_t, c, n_c, mean, sd) - top)
        found[g] = mode + (place_below(weight, u[g]) - ends[0]) * step
    return found
