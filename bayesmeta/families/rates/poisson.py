"""Compiled code: the probability of a Poisson count whose log rate is normal, and the log rate given the count."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.quadrature.study_curves.lines import place_below

# Steps of the rule: in standard deviations at the mode, and where no event is expected and the density bends.
_STEP, _WIDEST = 0.6, 0.3
_DEEPEST = 34.0  # log of what is left out
_MOST = 100_000
_NEAR = 8.0  # above the mode a step by Newton is one unit at the most: farther away halves are quicker


@numba.njit(cache=True, error_model="numpy", inline="always")
def _log_joint(x, count, mean, sd):
    """Log of exp(count x - exp(x)) over its largest value, and of the normal density but for its constant."""
    if count > 0:
        gap = x - math.log(count)
        said = count * (gap - math.expm1(min(gap, 700.0)))
    else:
        said = -math.exp(min(x, 700.0))
    return said - ((x - mean) / sd) ** 2 / 2


@numba.njit(cache=True, error_model="numpy")
def _peak(count, mean, sd):
    """Mode of the log rate, and the standard deviation there."""
    if count > 0:
        low, high = min(mean, math.log(count)), max(mean, math.log(count))
    else:
        low, high = min(mean, 0.0) - sd**2, mean
    x = low if count == 0 else math.log(count)
    for _ in range(200):
        rate = math.exp(min(x, 700.0))
        gradient, curvature = count - rate - (x - mean) / sd**2, rate + 1 / sd**2
        if gradient > 0:
            low = x
        else:
            high = x
        step = gradient / curvature
        if abs(step) < 0.01 / math.sqrt(curvature):
            break
        moved = x + step
        x = moved if low < moved < high and high - low < _NEAR else (low + high) / 2
    return x, 1 / math.sqrt(math.exp(min(x, 700.0)) + 1 / sd**2)


@numba.njit(cache=True, error_model="numpy")
def log_poisson_normal(count, mean, sd):
    """Log of the mean of exp(count x - exp(x)) over N(mean, sd^2), relative to its largest value, for many means."""
    found = np.empty(mean.size)
    for g in range(mean.size):
        mode, width = _peak(count, mean[g], sd)
        step = min(_STEP * width, _WIDEST)
        top = _log_joint(mode, count, mean[g], sd)
        total = 1.0
        for side in (-1.0, 1.0):
            for j in range(1, _MOST):
                gap = _log_joint(mode + side * j * step, count, mean[g], sd) - top
                total += math.exp(gap)
                if gap < -_DEEPEST:
                    break
        found[g] = top + math.log(total * step / sd) - math.log(2 * math.pi) / 2
    return found


@numba.njit(cache=True, error_model="numpy")
def draw_log_rates(u, count, mean, sd):
    """Log rates given the count at the probabilities u, for many means: fine nodes, and a line between them."""
    found = np.empty(mean.size)
    for g in range(mean.size):
        mode, width = _peak(count, mean[g], sd)
        step = min(_STEP * width, _WIDEST) / 4
        top = _log_joint(mode, count, mean[g], sd)
        ends = np.zeros(2)
        for side in range(2):
            for j in range(1, _MOST):
                ends[side] = j
                if _log_joint(mode + (2 * side - 1) * j * step, count, mean[g], sd) < top - 20:
                    break
        nodes = int(ends[0] + ends[1]) + 1
        weight = np.empty(nodes)
        for j in range(nodes):
            weight[j] = math.exp(_log_joint(mode + (j - ends[0]) * step, count, mean[g], sd) - top)
        found[g] = mode + (place_below(weight, u[g]) - ends[0]) * step
    return found
