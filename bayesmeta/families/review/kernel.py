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

from bayesmeta.families.review.codes import (
    ABOVE,
    BELOW,
    BETWEEN,
    COCHRAN,
    COUNT,
    ESTIMATE,
    EXCESS,
    GAP,
    HK,
    I2,
    LIMIT_HK,
    N_NUMBERS,
    NEW,
    NEW_HK,
    RATIO,
    SE,
    STUDY,
    TAU2,
    TAU_SQUARED,
    Q,
)
from bayesmeta.families.review.kernel_fit import fit, fit_adjoint

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@numba.njit(cache=True, error_model="numpy")
def _log_logistic(x):
    return -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x))


@numba.njit(cache=True, error_model="numpy")
def _logistic(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


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
def fit_quantity(quantity, critical, numbers, slots, d):
    """A number of one or several fits; fills its derivatives by slot and number of the fit, shape (slot, number)."""
    first = numbers[slots[0]]
    d[:] = 0.0
    if quantity == GAP:
        second = numbers[slots[1]]
        variance = first[SE] ** 2 + second[SE] ** 2
        z = (first[ESTIMATE] - second[ESTIMATE]) / math.sqrt(variance)
        d[0, ESTIMATE], d[1, ESTIMATE] = 1 / math.sqrt(variance), -1 / math.sqrt(variance)
        d[0, SE], d[1, SE] = -z * first[SE] / variance, -z * second[SE] / variance
        return z
    if quantity == BETWEEN:
        total = mean = square = 0.0
        for slot in slots:
            if slot >= 0:
                total += numbers[slot, SE] ** -2
                mean += numbers[slot, SE] ** -2 * numbers[slot, ESTIMATE]
        mean /= total
        for slot in slots:
            if slot >= 0:
                square += numbers[slot, SE] ** -2 * (numbers[slot, ESTIMATE] - mean) ** 2
        root = math.sqrt(max(square, 1e-300))
        for i in range(slots.size):
            if slots[i] >= 0:
                se, gap = numbers[slots[i], SE], numbers[slots[i], ESTIMATE] - mean
                d[i, ESTIMATE], d[i, SE] = gap / se**2 / root, -(gap**2) / se**3 / root
        return root
    if quantity == RATIO:
        d[0, ESTIMATE], d[0, SE] = 1 / first[SE], -first[ESTIMATE] / first[SE] ** 2
        return first[ESTIMATE] / first[SE]
    if quantity == I2:
        q = max(first[COCHRAN], 1e-300)
        if first[EXCESS] > 0:
            d[0, EXCESS], d[0, COCHRAN] = 100 / q, -100 * first[EXCESS] / q**2
        return 100 * first[EXCESS] / q
    if quantity in (Q, TAU2):
        which = COCHRAN if quantity == Q else TAU_SQUARED
        d[0, which] = 1.0
        return first[which]
    which = HK if quantity in (LIMIT_HK, NEW_HK) else SE
    error, d[0, ESTIMATE] = first[which], 1.0
    if quantity in (NEW, NEW_HK):
        error = math.sqrt(first[which] ** 2 + first[TAU_SQUARED])
        d[0, TAU_SQUARED] = 0.5 * critical / error
    d[0, which] = critical * first[which] / error
    return first[ESTIMATE] + critical * error


@numba.njit(cache=True, error_model="numpy")
def _observe(relation, value, target, sign, spread):
    """Log density of what was printed of a number, and its derivative by the number."""
    turned = abs(value) if sign == 0 else sign * value
    turn = np.sign(value) if sign == 0 else sign
    if relation == ABOVE:
        margin = (turned - target) / spread
        return _log_logistic(margin), (1 - _logistic(margin)) * turn / spread
    if relation == BELOW:
        margin = (target - turned) / spread
        return _log_logistic(margin), -(1 - _logistic(margin)) * turn / spread
    miss = (turned - target) / spread
    density, slope = -0.5 * miss * miss - math.log(spread) - _HALF_LOG_2PI, -miss / spread
    if sign == 0:
        mirror = (turned + target) / spread
        mirrored = math.exp(-0.5 * (mirror * mirror - miss * miss))
        density, slope = density + math.log1p(mirrored), (slope - mirrored * mirror / spread) / (1 + mirrored)
    return density, slope * turn


@numba.njit(cache=True, error_model="numpy")
def _counted(y, se, included, bound, width, direction, count, d_z):
    """Log probability that so many trials are significant; fills its derivatives by their z."""
    chance = np.empty(y.size)
    for i in range(y.size):
        chance[i] = _logistic((direction * y[i] / se[i] - bound) / width)
    p = max(_count_chance(chance, included, -1, count)[count], 1e-300)
    for i in range(y.size):
        if included[i] > 0:
            chances = _count_chance(chance, included, i, count)
            change = (chances[count - 1] if count > 0 else 0.0) - chances[count]
            d_z[i] = change / p * chance[i] * (1 - chance[i]) * direction / width
    return math.log(p)


# Loops, since expressions of whole arrays bring in messages on their shapes, which take seconds to compile.
@numba.njit(cache=True, error_model="numpy")
def _log_sum(logs):
    top, total = -math.inf, 0.0
    for log in logs:
        top = max(top, log)
    for log in logs:
        total += math.exp(log - top)
    return top + math.log(total)


@numba.njit(cache=True, error_model="numpy")
def _any(values):
    size = 0.0
    for value in values:
        size += abs(value)
    return size != 0


@numba.njit(cache=True, error_model="numpy")
def review_log_density(
    y, se, fitted, tau, log_weight, reading, included, member, stratum, x, method, what, how, by_scenario, slots
):
    """Log density summed over scenarios, and its derivatives with respect to y, se, fitted and tau.

    Shapes: y, se (reading, study); fitted (scenario, study); log_weight, reading (scenario,); included (study,);
    member, stratum, x (fit, study) and method (fit,) of `fits.encoded`; what (observation, 3): quantity, relation and study;
    how (observation, 2): sign and spread; by_scenario (observation, 2, scenario): target and critical value;
    slots (observation, scenario, slot): fits.
    """
    n_readings, n_studies = y.shape
    n_scenarios, n_observations, n_fits = log_weight.size, what.shape[0], method.size
    numbers = np.empty((n_readings, n_fits, N_NUMBERS))
    vectors, centres = np.empty((n_readings, n_fits, 3, n_studies)), np.empty((n_readings, n_fits))
    room = np.empty((3, n_studies))
    for r in range(n_readings):
        for f in range(n_fits):
            share, residual, first = vectors[r, f, 0], vectors[r, f, 1], vectors[r, f, 2]
            centres[r, f] = fit(
                y[r], se[r], member[f], stratum[f], x[f], method[f], numbers[r, f], share, residual, first, room
            )
    joint = log_weight.copy()
    d_fits = np.zeros((n_observations, n_scenarios, slots.shape[2], N_NUMBERS))
    alone, d_zs = np.zeros((n_observations, n_readings)), np.zeros((n_observations, n_readings, n_studies))
    for j in range(n_observations):
        for r in range(n_readings):
            if what[j, 0] == COUNT:
                count, bound = int(by_scenario[j, 0, 0]), by_scenario[j, 1, 0]
                alone[j, r] = _counted(y[r], se[r], included, bound, how[j, 1], how[j, 0], count, d_zs[j, r])
            elif what[j, 0] == STUDY:
                i = what[j, 2]
                target = by_scenario[j, 0, 0]
                alone[j, r], d_zs[j, r, i] = _observe(what[j, 1], y[r, i] / se[r, i], target, how[j, 0], how[j, 1])
    for s in range(n_scenarios):
        r = reading[s]
        for i in range(n_studies):
            variance = se[r, i] ** 2 + tau**2
            joint[s] -= 0.5 * (y[r, i] - fitted[s, i]) ** 2 / variance + 0.5 * math.log(variance) + _HALF_LOG_2PI
        for j in range(n_observations):
            if what[j, 0] >= COUNT:
                joint[s] += alone[j, r]
                continue
            value = fit_quantity(what[j, 0], by_scenario[j, 1, s], numbers[r], slots[j, s], d_fits[j, s])
            density, slope = _observe(what[j, 1], value, by_scenario[j, 0, s], how[j, 0], how[j, 1])
            joint[s] += density
            for m in range(slots.shape[2]):
                for i in range(N_NUMBERS):
                    d_fits[j, s, m, i] *= slope
    evidence = _log_sum(joint)
    d_y, d_se, d_fitted, d_tau = np.zeros_like(y), np.zeros_like(se), np.zeros_like(fitted), 0.0
    if not math.isfinite(evidence):
        return evidence, d_y, d_se, d_fitted, d_tau
    d_numbers = np.zeros((n_readings, n_fits, N_NUMBERS))
    for s in range(n_scenarios):
        r, p = reading[s], math.exp(joint[s] - evidence)
        if p < 1e-18:  # no term of a derivative shows it
            continue
        for i in range(n_studies):
            variance, gap = se[r, i] ** 2 + tau**2, y[r, i] - fitted[s, i]
            d_variance = 0.5 * p * (gap * gap / variance - 1) / variance
            d_y[r, i] -= p * gap / variance
            d_fitted[s, i] += p * gap / variance
            d_se[r, i] += 2 * se[r, i] * d_variance
            d_tau += 2 * tau * d_variance
        for j in range(n_observations):
            if what[j, 0] >= COUNT:
                for i in range(n_studies):
                    d_y[r, i] += p * d_zs[j, r, i] / se[r, i]
                    d_se[r, i] -= p * d_zs[j, r, i] * y[r, i] / se[r, i] ** 2
                continue
            for m in range(slots.shape[2]):
                if slots[j, s, m] >= 0:
                    for i in range(N_NUMBERS):
                        d_numbers[r, slots[j, s, m], i] += p * d_fits[j, s, m, i]
    for r in range(n_readings):
        for f in range(n_fits):
            if _any(d_numbers[r, f]):
                share, residual, first = vectors[r, f, 0], vectors[r, f, 1], vectors[r, f, 2]
                fit_adjoint(
                    y[r], se[r], stratum[f], x[f], method[f], centres[r, f], numbers[r, f], share, residual, first,
                    room, d_numbers[r, f], d_y[r], d_se[r],
                )  # fmt: skip
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
