"""Compiled code: the likelihood of the events in two arms as a curve of the log risk ratio or the risk difference.

Given the effect the baseline has a support of its own: both risks lie between 0 and 1. It is integrated out over a place w on the
whole line, which that support is mapped to: of the two arms one has a risk that reaches from 0 to 1, and the other a share of it
(a ratio), or one reaches up to 1 and the other down to 0 (a difference). With s = expit(w), rho = 1 - exp(-|theta|) or |theta|,
each log probability of an event or of none, the logit of the control arm and the derivative of the map are sums of log s,
log(1 - s), log u, log v and log(1 - rho), where u = 1 - s + rho s and v = s + rho (1 - s).
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.quadrature.study_curves.lines import place_below

_STEP, _WIDEST = 0.6, 0.3  # of the rule: in standard deviations at the mode, and in units of w
_DEEPEST = 34.0  # log of what is left out
_MOST = 100_000
_FLATTEST = 1e-4  # curvature that a step of Newton's method takes at least


@numba.njit(cache=True, error_model="numpy")
def terms(difference, theta, a, b, c, d):
    """What a log density has of log s, log(1 - s), log u, log v and 1: likelihood and map, shape (5,), and logit, shape (5,)."""
    size = abs(theta)
    rest = math.log1p(-size) if difference else -size  # log(1 - rho)
    if difference and theta >= 0:
        return (c, b + 1.0, d - 1.0, a, (b + c) * rest), (1.0, 0.0, -1.0, 0.0, rest), rest
    if difference:
        return (a + 1.0, d, b, c - 1.0, (a + d) * rest), (0.0, -1.0, 0.0, 1.0, -rest), rest
    if theta >= 0:
        return (a + c, b + 1.0, d - 1.0, 0.0, c * rest), (1.0, 0.0, -1.0, 0.0, rest), rest
    return (a + c, d, b, 0.0, a * rest), (1.0, -1.0, 0.0, 0.0, 0.0), rest


@numba.njit(cache=True, error_model="numpy", inline="always")
def _log_share(w, rho, log_other):
    """log(1 - s + rho s); `log_other` is log(1 - s)."""
    if rho == 0:
        return log_other
    return log_other + math.log1p(rho * math.exp(w)) if w < 0 else math.log((rho + math.exp(-w)) / (1 + math.exp(-w)))


@numba.njit(cache=True, error_model="numpy", inline="always")
def _logs(w, rho):
    ls = -math.log1p(math.exp(-w)) if w > 0 else w - math.log1p(math.exp(w))
    return ls, ls - w, _log_share(w, rho, ls - w), _log_share(-w, rho, ls)


@numba.njit(cache=True, error_model="numpy")
def log_joint(w, rho, of, logit, mean, sd):
    """Log density of the events, the logit of the control arm and the map, and that logit."""
    ls, lt, lu, lv = _logs(w, rho)
    alpha = logit[0] * ls + logit[1] * lt + logit[2] * lu + logit[3] * lv + logit[4]
    return of[0] * ls + of[1] * lt + of[2] * lu + of[3] * lv + of[4] - ((alpha - mean) / sd) ** 2 / 2, alpha


@numba.njit(cache=True, error_model="numpy")
def _slopes(w, rho, rest, of, logit, mean, sd):
    """First and second derivative of the log density."""
    ls, lt, lu, lv = _logs(w, rho)
    s, t = math.exp(ls), math.exp(lt)
    ru, rv = math.exp(rest + ls + lt - lu), math.exp(rest + ls + lt - lv)
    bu, bv = -ru * (t - s) - ru * ru, rv * (t - s) - rv * rv
    first = of[0] * t - of[1] * s - of[2] * ru + of[3] * rv
    second = -(of[0] + of[1]) * s * t + of[2] * bu + of[3] * bv
    alpha = logit[0] * ls + logit[1] * lt + logit[2] * lu + logit[3] * lv + logit[4]
    by = logit[0] * t - logit[1] * s - logit[2] * ru + logit[3] * rv
    bend = -(logit[0] + logit[1]) * s * t + logit[2] * bu + logit[3] * bv
    return first - (alpha - mean) * by / sd**2, second - (by * by + (alpha - mean) * bend) / sd**2


@numba.njit(cache=True, error_model="numpy")
def peak(start, rho, rest, of, logit, mean, sd):
    """Mode of w, and the standard deviation there."""
    x, low, high, width = start, -np.inf, np.inf, 1.0
    for _ in range(200):
        gradient, second = _slopes(x, rho, rest, of, logit, mean, sd)
        curvature = max(-second, _FLATTEST)
        width = 1 / math.sqrt(curvature)
        if gradient > 0:
            low = x
        else:
            high = x
        step = gradient / curvature
        if abs(step) < 0.01 * width:
            break
        moved = x + min(max(step, -8.0), 8.0)
        if not low < moved < high:
            moved = (low + high) / 2
        x = moved
    return x, width


@numba.njit(cache=True, error_model="numpy")
def _start(before, rho, of, logit, a, b, c, d, mean, sd):
    """Of some places the one of the highest density: a mode that is far below another is not where to begin."""
    found, top = before, log_joint(before, rho, of, logit, mean, sd)[0]
    for x in (
        math.log((a + c + 0.5) / (b + d + 0.5)),
        math.log((a + 0.5) / (b + 0.5)),
        math.log((c + 0.5) / (d + 0.5)),
        mean,
    ):
        here = log_joint(x, rho, of, logit, mean, sd)[0]
        if here > top:
            found, top = x, here
    return found


@numba.njit(cache=True, error_model="numpy")
def log_curve(difference, theta, a, n_t, c, n_c, mean, sd):
    """Log of the integral of the probability of the events times N(alpha; mean, sd) over the alpha that theta allows.

    Without binomial coefficients; theta is in order, so that each mode is near the last one.
    """
    found, b, d = np.empty(theta.size), n_t - a, n_c - c
    mode = mean
    for g in range(theta.size):
        if difference and abs(theta[g]) >= 1:
            found[g] = -np.inf
            continue
        of, logit, rest = terms(difference, theta[g], a, b, c, d)
        rho = -math.expm1(rest)
        start = _start(mode, rho, of, logit, a, b, c, d, mean, sd)
        mode, width = peak(start, rho, rest, of, logit, mean, sd)
        step = min(_STEP * width, _WIDEST)
        top = log_joint(mode, rho, of, logit, mean, sd)[0]
        total = 1.0
        for side in (-1.0, 1.0):
            for j in range(1, _MOST):
                gap = log_joint(mode + side * j * step, rho, of, logit, mean, sd)[0] - top
                total += math.exp(gap)
                if gap < -_DEEPEST:
                    break
        found[g] = top + math.log(total * step / sd) - math.log(2 * math.pi) / 2
    return found


@numba.njit(cache=True, error_model="numpy")
def draw_places(difference, theta, u, a, n_t, c, n_c, mean, sd):
    """Places w given the effects, at the probabilities u: fine nodes, and a line between them."""
    found, b, d = np.empty(theta.size), n_t - a, n_c - c
    for g in range(theta.size):
        of, logit, rest = terms(difference, theta[g], a, b, c, d)
        rho = -math.expm1(rest)
        start = _start(mean, rho, of, logit, a, b, c, d, mean, sd)
        mode, width = peak(start, rho, rest, of, logit, mean, sd)
        step = min(_STEP * width, _WIDEST) / 4
        top = log_joint(mode, rho, of, logit, mean, sd)[0]
        ends = np.zeros(2)
        for side in range(2):
            for j in range(1, _MOST):
                ends[side] = j
                if log_joint(mode + (2 * side - 1) * j * step, rho, of, logit, mean, sd)[0] < top - 20:
                    break
        weight = np.empty(int(ends[0] + ends[1]) + 1)
        for j in range(weight.size):
            weight[j] = math.exp(log_joint(mode + (j - ends[0]) * step, rho, of, logit, mean, sd)[0] - top)
        found[g] = mode + (place_below(weight, u[g]) - ends[0]) * step
    return found
