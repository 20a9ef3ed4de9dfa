"""Newton's method for the effects that meet printed numbers, for many sets of trials and starts at once: compiled."""

from __future__ import annotations

import math

import numba
import numpy as np

from bayesmeta.families.review.importance.kernel_slopes import slope, workspace

STEPS, LONGEST = 40, 2.0  # Newton steps, and the longest, in units of z
MET = 1e-10  # error of a solution


@numba.njit(cache=True, error_model="numpy")
def newton(
    middle, directions, known, latent, se, z, stretched, centre, square, most, first, member, stratum, x, method,
    quantity, plain, scale, unknown,
):  # fmt: skip
    """Solve for the unknowns of every set of trials from every start, in place; nan where that ends in no solution.

    Shapes: middle (set, latent) and directions (set, latent, unknown): effects are middle + directions times unknowns;
    known (study,); latent (latent,), places of the latent trials; se (set, study); z (set, test), what tests should be;
    centre and square (set, study) and most (set,): the quadratic form of `moments` and what it should be, where the last
    unknown is a stretch, which stays positive; first (test + 1,): the fits of each test in member, stratum, x, (fit, study),
    and method (fit,); quantity, plain, scale (test,): as in `slope`, and what it is divided by; unknown (start, set, unknown).
    """
    n_tests, n_unknown = quantity.size, unknown.shape[2]
    room = workspace(method.size, known.size)
    y, by_effect, miss = known.copy(), np.empty(known.size), np.empty(n_unknown)
    matrix = np.empty((n_unknown, n_unknown))
    for begin in range(unknown.shape[0]):
        for i in range(unknown.shape[1]):
            u, met = unknown[begin, i], False
            for step in range(STEPS):
                if not _usable(u, stretched):
                    break
                for a in range(latent.size):
                    effect = middle[i, a]
                    for b in range(n_unknown):
                        effect += directions[i, a, b] * u[b]
                    y[latent[a]] = effect
                for t in range(n_tests):
                    rows = slice(first[t], first[t + 1])
                    value = slope(
                        y, se[i], member[rows], stratum[rows], x[rows], method[rows], quantity[t], plain[t], by_effect,
                        room,
                    )  # fmt: skip
                    miss[t] = value / scale[t] - z[i, t]
                    _along(by_effect, latent, directions[i], scale[t], matrix[t])
                if stretched:
                    miss[n_tests] = _form(y, centre[i], square[i], by_effect) - most[i]
                    _along(by_effect, latent, directions[i], 1.0, matrix[n_tests])
                largest = _largest(miss)
                if largest < MET:
                    met = True
                    break
                if not math.isfinite(largest) or not _solved(matrix, miss):
                    break
                _move(u, miss, step, stretched)
            if not met:
                u[:] = math.nan


@numba.njit(cache=True, error_model="numpy")
def _usable(u, stretched):
    for value in u:
        if not math.isfinite(value):
            return False
    return not stretched or u[-1] > 0


@numba.njit(cache=True, error_model="numpy")
def _largest(values):
    """The largest size; nan where one is."""
    top = 0.0
    for value in values:
        if not abs(value) <= top:
            top = abs(value)
            if math.isnan(top):
                break
    return top


@numba.njit(cache=True, error_model="numpy")
def _along(by_effect, latent, directions, scale, row):
    """Derivatives by the unknowns."""
    for b in range(row.size):
        row[b] = 0.0
        for a in range(latent.size):
            row[b] += by_effect[latent[a]] * directions[a, b]
        row[b] /= scale


@numba.njit(cache=True, error_model="numpy")
def _form(y, centre, square, by_effect):
    """The quadratic form; fills its derivatives by the effects."""
    total = mean = value = moved = 0.0
    for i in range(y.size):
        if centre[i] != 0 or square[i] != 0:
            total += centre[i]
            mean += centre[i] * y[i]
    mean /= total
    for i in range(y.size):
        gap = y[i] - mean if square[i] != 0 else 0.0
        value += square[i] * gap * gap
        moved += square[i] * gap
        by_effect[i] = 2 * square[i] * gap
    for i in range(y.size):
        by_effect[i] -= 2 * moved * centre[i] / total
    return value


@numba.njit(cache=True, error_model="numpy")
def _solved(matrix, right):
    """Solve a small system in place, by elimination with pivots; false where it is singular."""
    n = right.size
    for j in range(n):
        pivot = j
        for i in range(j + 1, n):
            if abs(matrix[i, j]) > abs(matrix[pivot, j]):
                pivot = i
        if not abs(matrix[pivot, j]) > 0 or not math.isfinite(matrix[pivot, j]):
            return False
        for b in range(n):
            matrix[j, b], matrix[pivot, b] = matrix[pivot, b], matrix[j, b]
        right[j], right[pivot] = right[pivot], right[j]
        for i in range(j + 1, n):
            factor = matrix[i, j] / matrix[j, j]
            for b in range(j, n):
                matrix[i, b] -= factor * matrix[j, b]
            right[i] -= factor * right[j]
    for j in range(n - 1, -1, -1):
        for b in range(j + 1, n):
            right[j] -= matrix[j, b] * right[b]
        right[j] /= matrix[j, j]
    return True


@numba.njit(cache=True, error_model="numpy")
def _move(u, step, number, stretched):
    """Take a step of limited length; full steps may go to and fro between the sides of a kink."""
    # Five full steps, then five of two fifths.
    share = min(1.0, LONGEST / _largest(step)) * (0.4 if number // 5 % 2 else 1.0)
    before = u[-1]
    for b in range(u.size):
        u[b] -= share * step[b]
    if stretched:
        u[-1] = max(u[-1], 0.1 * before)  # a stretch stays positive, however long the step
