"""Compiled code: densities between equally spaced nodes, and mixtures of normals and of sinc functions at points."""

from __future__ import annotations

import math

import numba
import numpy as np

_ORDER = 10  # nodes of a polynomial between which a log density is followed
_FAR = 8.7  # standard deviations, beyond which a normal density is left out
_WEIGHTS = np.array([(-1.0) ** j * math.comb(_ORDER - 1, j) for j in range(_ORDER)])


@numba.njit(cache=True, error_model="numpy", inline="always")
def _at(row, place):
    """Polynomial through the nodes about a place, in steps from the first node."""
    first = min(max(math.floor(place) - _ORDER // 2 + 1, 0), row.size - _ORDER)
    above, below = 0.0, 0.0
    for j in range(_ORDER):
        gap = place - (first + j)
        if gap == 0:
            return row[first + j]
        share = _WEIGHTS[j] / gap
        above += share * row[first + j]
        below += share
    return above / below


@numba.njit(cache=True, error_model="numpy")
def between(values, low, high, x):
    """Rows of log values on equally spaced nodes from low to high, at points x, shape (row, point): -inf beyond the ends."""
    found = np.full((values.shape[0], x.size), -np.inf)
    for r in range(values.shape[0]):
        step = (high[r] - low[r]) / (values.shape[1] - 1)
        for q in range(x.size):
            if low[r] <= x[q] <= high[r]:
                found[r, q] = _at(values[r], (x[q] - low[r]) / step)
    return found


@numba.njit(cache=True, error_model="numpy")
def row_between(row, low, high, x):
    """The same of one row, at points of any order, shape (point,)."""
    found, step = np.full(x.size, -np.inf), (high - low) / (row.size - 1)
    for q in range(x.size):
        if low <= x[q] <= high:
            found[q] = _at(row, (x[q] - low) / step)
    return found


@numba.njit(cache=True, error_model="numpy")
def panel_marks(mean, sd, low, high, width, reach, most):
    """Ends of panels over densities with these means, standard deviations and ends.

    A panel is as wide as `width` standard deviations of the narrowest density near it, and `reach` of them from its mean wider.
    """
    last, marks = high.max(), np.empty(most + 1)
    at, n = low.min(), 1
    marks[0] = at
    while at < last and n <= most:
        narrowest, after = np.inf, last
        for r in range(mean.size):
            if low[r] - width * sd[r] <= at < high[r]:
                narrowest = min(narrowest, width * max(sd[r], abs(at - mean[r]) / reach))
            if low[r] > at:
                after = min(after, low[r])
        at = min(at + max(narrowest if narrowest < np.inf else after - at, 1e-14 * (1 + abs(at))), last)
        marks[n] = at
        n += 1
    return marks[:n]


@numba.njit(cache=True, error_model="numpy")
def place_below(weight, u):
    """Place among equally spaced nodes with a density, a line between them, below which there is the probability u."""
    total, before = 0.0, 0.0
    for j in range(1, weight.size):
        total += (weight[j] + weight[j - 1]) / 2
    goal = u * total
    for j in range(1, weight.size):
        left, right = weight[j - 1], weight[j]
        mass = (left + right) / 2
        if before + mass >= goal or j == weight.size - 1:
            share = min(max((goal - before) / mass, 0.0), 1.0)
            root = math.sqrt(left * left + share * (right * right - left * left))
            return j - 1 + share * (left + right) / (left + root)
        before += mass
    return 0.0


@numba.njit(cache=True, error_model="numpy")
def normals(x, mean, sd, weight):
    """Density at points of a mixture of normals; sd is of each."""
    found = np.zeros(x.size)
    for j in range(mean.size):
        factor = weight[j] / (sd[j] * math.sqrt(2 * math.pi))
        for q in range(x.size):
            z = (x[q] - mean[j]) / sd[j]
            if abs(z) < _FAR:
                found[q] += factor * math.exp(-z * z / 2)
    return found


@numba.njit(cache=True, error_model="numpy")
def blurred_rows(x, first, step, tau, mass):
    """Density at points of masses on rows of equally spaced nodes, each node blurred by N(0, tau^2), tau being of a row.

    From the node nearest to a point outwards, the normal density follows from one node to the next without an exponential.
    """
    found = np.zeros(x.size)
    for r in range(first.size):
        n, d = mass.shape[1], step[r] / tau[r]
        fall, factor = math.exp(-d * d), 1 / (tau[r] * math.sqrt(2 * math.pi))
        for q in range(x.size):
            place = (x[q] - first[r]) / step[r]
            near = min(max(math.floor(place + 0.5), 0), n - 1)
            z = (near - place) * d
            if abs(z) > _FAR:
                continue
            start, ahead = math.exp(-z * z / 2), math.exp(-d * z - d * d / 2)
            back = fall / ahead
            count = int((_FAR + abs(z)) / d) + 1
            total, g = start * mass[r, near], start
            for j in range(near + 1, min(near + count, n)):
                g *= ahead
                ahead *= fall
                total += g * mass[r, j]
            g = start
            for j in range(near - 1, max(near - count, -1), -1):
                g *= back
                back *= fall
                total += g * mass[r, j]
            found[q] += factor * total
    return found


@numba.njit(cache=True, error_model="numpy")
def finer(values, times):
    """Rows of log values on equally spaced nodes, at so many nodes for one."""
    n = values.shape[1]
    found = np.empty((values.shape[0], times * (n - 1) + 1))
    for r in range(values.shape[0]):
        for j in range(found.shape[1]):
            found[r, j] = values[r, j // times] if j % times == 0 else _at(values[r], j / times)
    return found


@numba.njit(cache=True, error_model="numpy")
def sincs(x, node, spacing, weight):
    """Density at points of masses on equally spaced nodes, each of which stands for a sinc function."""
    found = np.zeros(x.size)
    for j in range(node.size):
        for q in range(x.size):
            u = math.pi * (x[q] - node[j]) / spacing[j]
            found[q] += weight[j] / spacing[j] * (math.sin(u) / u if abs(u) > 1e-9 else 1.0)
    return found
