"""Log density of a published review and its gradient, compiled: the inner loop of sampling.

Given the trials (y, se), the fitted means and tau, the kernel adds up, for every scenario, the studies' marginal
normal densities and the densities of what the review printed, and sums the scenarios out. `terms` beside it computes
the same in NumPy; the tests hold the two to each other, and the gradient to finite differences. A compiled graph of
elementary operations was ten times slower, since each of its hundred small arrays costs more than its arithmetic.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.families.review.codes import COUNT, I2, I2_ZERO, POOLED, STUDY_BELOW, SUBGROUP

_FLOOR = 1e-9  # as in `bayesmeta.pooling.dersimonian_laird`
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@numba.njit(cache=True, error_model="numpy")
def _log_logistic(x):
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))


@numba.njit(cache=True, error_model="numpy")
def _logistic(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


@numba.njit(cache=True, error_model="numpy")
def _pool(y, se, mask, out):
    """DerSimonian-Laird: fills out with estimate, se, q, tau2, A, B, S1, C, W, sum(w g), excess."""
    total = first = second = squares = k = 0.0
    centre, n = 0.0, 0
    for i in range(y.size):
        if mask[i] > 0:
            centre += y[i]
            n += 1
    centre /= n
    for i in range(y.size):
        if mask[i] > 0:
            a, gap = 1 / se[i] ** 2, y[i] - centre
            total += a
            first += a * gap
            second += a * gap * gap
            squares += a * a
            k += 1
    q = max(second - first * first / total, 0.0)
    scale = total - squares / total
    excess = max(q - (k - 1), 0.0) if k > 1 else 0.0
    tau2 = excess / max(scale, _FLOOR * total)
    weight = moment = 0.0
    for i in range(y.size):
        if mask[i] > 0:
            w = 1 / (se[i] ** 2 + tau2)
            weight += w
            moment += w * (y[i] - centre)
    out[0], out[1], out[2], out[3] = centre + moment / weight, weight**-0.5, q, tau2
    out[4], out[5], out[6], out[7], out[8], out[9], out[10] = (
        total,
        squares,
        first,
        scale,
        weight,
        moment,
        excess,
    )
    out[11] = centre


@numba.njit(cache=True, error_model="numpy")
def _pool_adjoint(y, se, mask, out, d_estimate, d_se, d_q, d_y, d_se_study):
    """Add the derivatives of a pool's estimate, se and q, times their adjoints, to those of y and se."""
    tau2, total, squares, first, scale = out[3], out[4], out[5], out[6], out[7]
    weight, moment, excess, centre = out[8], out[9], out[10], out[11]
    d_weight = -0.5 * weight**-1.5 * d_se - moment / weight**2 * d_estimate
    d_moment = d_estimate / weight
    d_tau2 = 0.0
    for i in range(y.size):
        if mask[i] > 0:
            w, gap = 1 / (se[i] ** 2 + tau2), y[i] - centre
            d_v = -w * w * (d_weight + gap * d_moment)
            d_y[i] += w * d_moment
            d_se_study[i] += 2 * se[i] * d_v
            d_tau2 += d_v
    d_total = d_squares = 0.0
    if excess > 0:
        divisor = max(scale, _FLOOR * total)
        d_q += d_tau2 / divisor
        d_divisor = -d_tau2 * tau2 / divisor
        if scale > _FLOOR * total:
            d_total += d_divisor * (1 + squares / total**2)
            d_squares = -d_divisor / total
        else:
            d_total += d_divisor * _FLOOR
    d_first = -2 * first / total * d_q
    d_total += first * first / total**2 * d_q
    for i in range(y.size):
        if mask[i] > 0:
            a, gap = 1 / se[i] ** 2, y[i] - centre
            d_a = d_total + gap * d_first + gap * gap * d_q + 2 * a * d_squares
            d_y[i] += a * d_first + 2 * a * gap * d_q
            d_se_study[i] -= 2 * d_a * a / se[i]


@numba.njit(cache=True, error_model="numpy")
def _count_chance(chance, included, skip, count):
    """Probability of exactly `count` events, leaving out event `skip`."""
    counted = np.zeros(count + 1)
    counted[0] = 1.0
    for i in range(chance.size):
        if i != skip and included[i] > 0:
            p = chance[i]
            for c in range(count, 0, -1):
                counted[c] += p * (counted[c - 1] - counted[c])
            counted[0] *= 1 - p
    return counted


@numba.njit(cache=True, error_model="numpy")
def _pool_statistic(kind, parameter, inside, outside, d_pool):
    """Log density of a statistic of pools; fills its derivatives by (inside, outside) x (estimate, se, q)."""
    value = 0.0
    if kind == POOLED:
        z, spread = parameter[0], parameter[3]
        low = (inside[0] - z * inside[1] - parameter[1]) / spread
        high = (inside[0] + z * inside[1] - parameter[2]) / spread
        value = -0.5 * (low * low + high * high) - 2 * math.log(spread) - 2 * _HALF_LOG_2PI
        d_pool[0, 0], d_pool[0, 1] = -(low + high) / spread, -z * (high - low) / spread
    elif kind == SUBGROUP:
        gap, variance = inside[0] - outside[0], inside[1] ** 2 + outside[1] ** 2
        z = gap / math.sqrt(variance)
        miss = (z - parameter[0]) / parameter[1]
        value = -0.5 * miss * miss - math.log(parameter[1]) - _HALF_LOG_2PI
        d = -miss / parameter[1]
        d_pool[0, 0], d_pool[1, 0] = d / math.sqrt(variance), -d / math.sqrt(variance)
        d_pool[0, 1], d_pool[1, 1] = -d * z * inside[1] / variance, -d * z * outside[1] / variance
    elif kind == I2_ZERO:
        margin = (parameter[0] - inside[2]) / parameter[1]
        value = _log_logistic(margin)
        d_pool[0, 2] = -(1 - _logistic(margin)) / parameter[1]
    elif kind == I2:
        q, excess = max(inside[2], 1e-300), inside[10]
        miss = (100 * excess / q - parameter[0]) / parameter[1]
        value = -0.5 * miss * miss - math.log(parameter[1]) - _HALF_LOG_2PI
        if excess > 0:
            d_pool[0, 2] = -miss / parameter[1] * 100 * (q - excess) / q**2
    return value


@numba.njit(cache=True, error_model="numpy")
def _study_statistic(kind, parameter, y, se, included, d_z):
    """Log density of a statistic of single studies; fills its derivatives with respect to their z."""
    value = 0.0
    if kind == COUNT:
        bound, width, direction, count = parameter[0], parameter[1], parameter[2], int(parameter[3])
        chance = np.empty(y.size)
        for i in range(y.size):
            chance[i] = _logistic((direction * y[i] / se[i] - bound) / width)
        p = max(_count_chance(chance, included, -1, count)[count], 1e-300)
        value = math.log(p)
        for i in range(y.size):
            if included[i] > 0:
                rest = _count_chance(chance, included, i, count)
                change = (rest[count - 1] if count > 0 else 0.0) - rest[count]
                d_z[i] = change / p * chance[i] * (1 - chance[i]) * direction / width
    else:
        i, width, direction = int(parameter[3]), parameter[1], parameter[2]
        z = y[i] / se[i]
        if kind == STUDY_BELOW:
            margin = (direction * z - parameter[0]) / width
            value, d_z[i] = _log_logistic(margin), (1 - _logistic(margin)) * direction / width
        else:
            margin = (parameter[0] - abs(z)) / width
            value, d_z[i] = _log_logistic(margin), -(1 - _logistic(margin)) * np.sign(z) / width
    return value


@numba.njit(cache=True, error_model="numpy")
def review_log_density(y, se, fitted, tau, log_weight, reading, included, mask, kind, parameter, inside, outside):
    """Log density summed over scenarios, and its derivatives with respect to y, se, fitted and tau.

    Shapes: y, se (reading, study); fitted (scenario, study); log_weight, reading (scenario,); included (study,);
    mask (mask, study); kind (statistic,); parameter (statistic, 4); inside, outside (statistic, scenario).
    """
    n_readings, n_studies = y.shape
    n_scenarios, n_statistics = log_weight.size, kind.size
    pools = np.empty((n_readings, mask.shape[0], 12))
    for r in range(n_readings):
        for u in range(mask.shape[0]):
            _pool(y[r], se[r], mask[u], pools[r, u])
    joint = log_weight.copy()
    d_pools = np.zeros((n_statistics, n_scenarios, 2, 3))
    alone, d_zs = np.zeros((n_statistics, n_readings)), np.zeros((n_statistics, n_readings, n_studies))
    for j in range(n_statistics):
        if kind[j] >= COUNT:
            for r in range(n_readings):
                alone[j, r] = _study_statistic(kind[j], parameter[j], y[r], se[r], included, d_zs[j, r])
    for s in range(n_scenarios):
        r = reading[s]
        for i in range(n_studies):
            variance = se[r, i] ** 2 + tau**2
            joint[s] -= 0.5 * (y[r, i] - fitted[s, i]) ** 2 / variance + 0.5 * math.log(variance) + _HALF_LOG_2PI
        for j in range(n_statistics):
            if kind[j] >= COUNT:
                joint[s] += alone[j, r]
            else:
                pool, other = pools[r, inside[j, s]], pools[r, outside[j, s]]
                joint[s] += _pool_statistic(kind[j], parameter[j], pool, other, d_pools[j, s])
    top = joint.max()
    evidence = top + math.log(np.exp(joint - top).sum())
    d_y, d_se, d_fitted, d_tau = np.zeros_like(y), np.zeros_like(se), np.zeros_like(fitted), 0.0
    if not math.isfinite(evidence):
        return evidence, d_y, d_se, d_fitted, d_tau
    d_pool = np.zeros((n_readings, mask.shape[0], 3))
    for s in range(n_scenarios):
        r, p = reading[s], math.exp(joint[s] - evidence)
        if p < 1e-18:
            continue
        for i in range(n_studies):
            variance, gap = se[r, i] ** 2 + tau**2, y[r, i] - fitted[s, i]
            d_variance = 0.5 * p * (gap * gap / variance - 1) / variance
            d_y[r, i] -= p * gap / variance
            d_fitted[s, i] += p * gap / variance
            d_se[r, i] += 2 * se[r, i] * d_variance
            d_tau += 2 * tau * d_variance
        for j in range(n_statistics):
            if kind[j] >= COUNT:
                for i in range(n_studies):
                    d_y[r, i] += p * d_zs[j, r, i] / se[r, i]
                    d_se[r, i] -= p * d_zs[j, r, i] * y[r, i] / se[r, i] ** 2
                continue
            for m in range(3):
                d_pool[r, inside[j, s], m] += p * d_pools[j, s, 0, m]
                d_pool[r, outside[j, s], m] += p * d_pools[j, s, 1, m]
    for r in range(n_readings):
        for u in range(mask.shape[0]):
            d = d_pool[r, u]
            if d[0] != 0 or d[1] != 0 or d[2] != 0:
                _pool_adjoint(y[r], se[r], mask[u], pools[r, u], d[0], d[1], d[2], d_y[r], d_se[r])
    return evidence, d_y, d_se, d_fitted, d_tau


@numba.njit(cache=True, error_model="numpy")
def fitted_values(mu, beta, u, base, where, change):
    """Mu + X beta, shape (scenario, study), for X = base plus u times the change of every range.

    `where`, shape (entry, 4), holds slot, scenario, study and column of each entry of X that a range moves by
    `change`, shape (entry,), when its unit-uniform position `u` goes from 0 to 1.
    """
    fitted = np.full(base.shape[:2], mu)
    for s in range(base.shape[0]):
        for i in range(base.shape[1]):
            for p in range(beta.size):
                fitted[s, i] += base[s, i, p] * beta[p]
    for e in range(change.size):
        slot, s, i, p = where[e]
        fitted[s, i] += u[slot] * change[e] * beta[p]
    return fitted


@numba.njit(cache=True, error_model="numpy")
def fitted_adjoint(d_fitted, beta, u, base, where, change):
    """Derivatives with respect to mu, beta and u, from those with respect to the fitted values."""
    d_beta, d_u = np.zeros(beta.size), np.zeros(u.size)
    for s in range(base.shape[0]):
        for i in range(base.shape[1]):
            for p in range(beta.size):
                d_beta[p] += d_fitted[s, i] * base[s, i, p]
    for e in range(change.size):
        slot, s, i, p = where[e]
        d_beta[p] += d_fitted[s, i] * u[slot] * change[e]
        d_u[slot] += d_fitted[s, i] * change[e] * beta[p]
    return d_fitted.sum(), d_beta, d_u
