"""Everything that is Gaussian given tau: coefficients integrated out, for all nodes, components and lanes at once.

Written against the array API standard: NumPy, PyTorch and JAX arrays take the same path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bayesmeta.inference.quadrature.special import namespace

Array = Any  # of any library that follows the array API standard
_LOG_2PI = math.log(2 * math.pi)
_BLOCK = 64  # studies summed at a time: fixed, so that a sum's rounding does not depend on the number of lanes
_GROUP = 8  # factors of a determinant multiplied before one logarithm is taken, where none can overflow


@dataclass(frozen=True)
class Problem:
    """y ~ N(X beta, a + tau^2 d) with independent studies, which any known V and G can be rotated to.

    Attributes
    ----------
    y, a : array, shape (study, *lanes, 1, 1)
        Effects, and variances at tau = 0.
    columns : tuple of array or None
        Design matrix by column, each broadcastable with `y`; None is a column of ones.
    d : array or None
        What tau^2 is multiplied by, broadcastable with `y`; None is one.
    log_jacobian : float or array
        Log density of the original y over that of the rotated one.
    clusters : tuple of slice
        Runs of studies whose effects share a deviation of variance `between`.
    between : array, shape (*lanes, 1, 1)
    """

    y: Array
    a: Array
    columns: tuple[Array | None, ...]
    d: Array | None = None
    log_jacobian: Array = 0.0
    clusters: tuple[slice, ...] = ()
    between: Array = 0.0

    @cached_property
    def reference(self) -> Array:
        """A variance in the middle of `a`, on the scale of tau^2, shape (*lanes, 1, 1)."""
        xp = namespace(self.y)
        scaled = self.a if self.d is None else self.a / xp.where(self.d > 0, self.d, 1.0)
        logs = xp.log(scaled)
        twice = xp.concat([logs, logs], axis=-1)  # a sum whose order does not depend on the number of lanes
        return xp.exp(xp.sum(twice, axis=0) / self.y.shape[0])[..., :1]


@dataclass(frozen=True, slots=True)
class CoefficientPrior:
    """A finite mixture of normals on the coefficients, each component of a precision of any rank.

    Attributes
    ----------
    mean : tuple of array, one for each coefficient, shape (*lanes, component, 1) or broadcastable
    precision : tuple of tuple of array
        Lower triangle, by row. Zero rows are flat priors of density one.
    log_norm : array
        Log of the component's weight, plus half the log determinant of its precision over the proper part.
    n_flat : int
        How many of the coefficients are flat.
    """

    mean: tuple[Array, ...]
    precision: tuple[tuple[Array, ...], ...]
    log_norm: Array
    n_flat: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """Posterior of the coefficients given tau at each node.

    Attributes
    ----------
    log_likelihood : array, shape (*lanes, component, node)
        Log marginal density of y given tau and component, times the component's weight.
    mean : tuple of array, shape (*lanes, component, node)
    root : tuple of tuple of array
        Lower Cholesky factor of the posterior precision.
    """

    log_likelihood: Array
    mean: tuple[Array, ...]
    root: tuple[tuple[Array, ...], ...]

    def contrast(self, weights: Sequence[Any]) -> tuple[Array, Array]:
        """Mean and variance of a linear combination of the coefficients, shape (*lanes, component, node)."""
        mean = sum((w * m for w, m in zip(weights, self.mean, strict=True)), 0.0 * self.log_likelihood)
        solved = solve_lower(self.root, weights)
        return mean, sum((q**2 for q in solved), 0.0 * self.log_likelihood)


def condition(
    problem: Problem, prior: CoefficientPrior, tau2: Array, shift: Sequence[Array] | None = None
) -> Conditional:
    """Integrate the coefficients out at each tau^2.

    Parameters
    ----------
    problem : Problem
    prior : CoefficientPrior
    tau2 : array, shape (*lanes, 1, node)
    shift : sequence of array, optional
        A point near the posterior mean, shape (*lanes, component, 1): the algebra is done around it, so that
        large numbers do not cancel.
    """
    xp = namespace(problem.y)
    scale = problem.reference + tau2  # all sums are taken relative to it: neither end of tau over- or underflows
    gram, cross, square, log_weight = (_cluster_sums if problem.clusters else _sums)(problem, tau2, scale)
    p = len(problem.columns)
    start = prior.mean
    if shift is not None:
        moved = [cross[i] - sum(_entry(gram, i, j) * shift[j] for j in range(p)) for i in range(p)]
        square = square - sum((shift[i] * (cross[i] + moved[i]) for i in range(p)), 0.0)
        cross, start = moved, tuple(m - s for m, s in zip(prior.mean, shift, strict=True))
    precision = tuple(tuple(gram[i][j] / scale + prior.precision[i][j] for j in range(i + 1)) for i in range(p))
    pull = [sum(_entry(prior.precision, i, j) * start[j] for j in range(p)) for i in range(p)]
    root = cholesky(precision)
    solved = solve_lower(root, [cross[i] / scale + pull[i] for i in range(p)])
    quadratic = square / scale + sum((pull[i] * start[i] for i in range(p)), 0.0) - sum((z**2 for z in solved), 0.0)
    log_root = sum((xp.log(root[i][i]) for i in range(p)), 0.0)
    n = problem.y.shape[0]
    log_density = 0.5 * (log_weight - n * xp.log(scale) - quadratic) - log_root + prior.log_norm
    log_density = log_density - 0.5 * (n - prior.n_flat) * _LOG_2PI + problem.log_jacobian
    mean = solve_upper(root, solved)
    if shift is not None:
        mean = [m + s for m, s in zip(mean, shift, strict=True)]
    return Conditional(log_density, tuple(mean), root)


def _sums(problem: Problem, tau2: Array, scale: Array) -> tuple[list[list[Array]], list[Array], Array, Array]:
    """X'WX, X'Wy, y'Wy and log|W| for the weights W = scale / (a + tau^2 d)."""
    xp, n, p = namespace(problem.y), problem.y.shape[0], len(problem.columns)
    gram: list[list[Any]] = [[0.0] * (i + 1) for i in range(p)]
    cross: list[Any] = [0.0] * p
    square: Any = 0.0
    log_weight: Any = 0.0
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        y, columns = problem.y[rows, ...], [None if x is None else _rows(x, rows) for x in problem.columns]
        added = tau2 if problem.d is None else tau2 * _rows(problem.d, rows)
        w = scale / (problem.a[rows, ...] + added)
        wy = w * y
        square = square + xp.sum(wy * y, axis=0)
        log_weight = log_weight + (_log_product(xp, w) if problem.d is None else xp.sum(xp.log(w), axis=0))
        for i, x in enumerate(columns):
            cross[i] = cross[i] + xp.sum(wy if x is None else wy * x, axis=0)
            wx = w if x is None else w * x
            for j in range(i + 1):
                other = columns[j]
                gram[i][j] = gram[i][j] + xp.sum(wx if other is None else wx * other, axis=0)
    return gram, cross, square, log_weight


def _cluster_sums(problem: Problem, tau2: Array, scale: Array) -> tuple[list[list[Array]], list[Array], Array, Array]:
    """The same for effects that share a deviation within clusters.

    A shared deviation of variance b leaves the sums around the cluster's own weighted means as they are, and divides
    the weight of these means by 1 + b times it: no term is a small difference of large ones.
    """
    xp, p = namespace(problem.y), len(problem.columns)
    gram: list[list[Any]] = [[0.0] * (i + 1) for i in range(p)]
    cross: list[Any] = [0.0] * p
    square: Any = 0.0
    log_weight: Any = 0.0
    for rows in problem.clusters:
        added = tau2 if problem.d is None else tau2 * _rows(problem.d, rows)
        w = scale / (problem.a[rows, ...] + added)
        total = xp.sum(w, axis=0)
        inflated = 1.0 + total / scale * problem.between
        shared = total / inflated
        log_weight = log_weight + xp.sum(xp.log(w), axis=0) - xp.log(inflated)
        y = problem.y[rows, ...]
        columns = [xp.ones_like(y) if x is None else xp.broadcast_to(_rows(x, rows), y.shape) for x in problem.columns]
        means = [xp.sum(w * x, axis=0) / total for x in (*columns, y)]
        gaps = [x - m for x, m in zip((*columns, y), means, strict=True)]
        square = square + xp.sum(w * gaps[p] ** 2, axis=0) + shared * means[p] ** 2
        for i in range(p):
            weighted = w * gaps[i]
            cross[i] = cross[i] + xp.sum(weighted * gaps[p], axis=0) + shared * means[i] * means[p]
            for j in range(i + 1):
                gram[i][j] = gram[i][j] + xp.sum(weighted * gaps[j], axis=0) + shared * means[i] * means[j]
    return gram, cross, square, log_weight


def _rows(x: Array, rows: slice) -> Array:
    return x[rows, ...] if x.shape[0] > 1 else x


def _log_product(xp: Any, w: Array) -> Array:
    """Sum of the logs over studies, with one logarithm for eight of them."""
    n, tail = w.shape[0], w.shape[1:]
    groups = n // _GROUP
    total: Any = 0.0
    if groups:
        main = xp.reshape(w[: groups * _GROUP, ...], (_GROUP, groups, *tail))
        total = xp.sum(xp.log(xp.prod(main, axis=0)), axis=0)
    if groups * _GROUP < n:
        total = total + xp.log(xp.prod(w[groups * _GROUP :, ...], axis=0))
    return total


def _entry(lower: Sequence[Sequence[Array]], i: int, j: int) -> Array:
    return lower[i][j] if j <= i else lower[j][i]


def cholesky(matrix: Sequence[Sequence[Array]]) -> tuple[tuple[Array, ...], ...]:
    """Lower Cholesky factor of matrices given by their lower triangles, elementwise over all other axes."""
    root: list[list[Any]] = []
    for i, row in enumerate(matrix):
        out: list[Any] = []
        for j in range(i):
            rest = row[j] - sum((out[m] * root[j][m] for m in range(j)), 0.0)
            out.append(rest / root[j][j])
        out.append((row[i] - sum((q**2 for q in out), 0.0)) ** 0.5)
        root.append(out)
    return tuple(map(tuple, root))


def solve_lower(root: Sequence[Sequence[Array]], right: Sequence[Any]) -> list[Array]:
    """Solve L z = right."""
    solved: list[Any] = []
    for i, row in enumerate(root):
        solved.append((right[i] - sum((row[j] * solved[j] for j in range(i)), 0.0)) / row[i])
    return solved


def solve_upper(root: Sequence[Sequence[Array]], right: Sequence[Any]) -> list[Array]:
    """Solve L' x = right."""
    p = len(root)
    solved: list[Any] = [0.0] * p
    for i in reversed(range(p)):
        solved[i] = (right[i] - sum((root[j][i] * solved[j] for j in range(i + 1, p)), 0.0)) / root[i][i]
    return solved
