"""Everything that is Gaussian given tau: coefficients integrated out, for all nodes, components and lanes at once.

Written against the array API standard: NumPy, PyTorch and JAX arrays take the same path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from bayesmeta.quadrature.cut import Cut, log_mass
from bayesmeta.quadrature.special import added, namespace, product, total

Array = Any  # of any library that follows the array API standard
_LOG_2PI = math.log(2 * math.pi)
BLOCK = 64  # studies summed at a time: fixed, so that a sum's rounding does not depend on the number of lanes
_GRADED = 1e10  # ratio of variances from which sums of squares are computed around each node's own fitted values
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
        return xp.exp(total(twice) / self.y.shape[0])[..., :1]

    @cached_property
    def graded(self) -> Array:
        """Whether variances are so unequal that sums of squares around one point would cancel, shape (*lanes, 1, 1)."""
        xp = namespace(self.y)
        scaled = self.a if self.d is None else self.a / xp.where(self.d > 0, self.d, 1.0)
        return (xp.max(scaled, axis=0) > _GRADED * xp.min(scaled, axis=0))[..., :1]

    def lane(self, j: int) -> Problem:
        """One of several lanes, without their axis."""

        def pick(x: Array) -> Array:
            return None if x is None else x[:, j]

        columns = tuple(map(pick, self.columns))
        jacobian, between = (x[j] if hasattr(x, "shape") else x for x in (self.log_jacobian, self.between))
        return Problem(pick(self.y), pick(self.a), columns, pick(self.d), jacobian, self.clusters, between)

    def with_effects(self, y: Array) -> Problem:
        """The same problem with other effects, and the same `reference`."""
        moved = replace(self, y=y)
        moved.__dict__.update(reference=self.reference, graded=self.graded)
        return moved


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
    cut : Cut, optional
        Bounds of a combination of them, for NumPy arrays; `log_norm` is then that of the whole normals less the log of the
        prior mass between the bounds.
    """

    mean: tuple[Array, ...]
    precision: tuple[tuple[Array, ...], ...]
    log_norm: Array
    n_flat: int
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Conditional:
    """Posterior of the coefficients given tau at each node; where the prior is cut, what it is without the bounds.

    Attributes
    ----------
    log_likelihood : array, shape (*lanes, component, node)
        Log marginal density of y given tau and component, times the component's weight; under the prior as it is cut.
    mean : tuple of array, shape (*lanes, component, node)
    root : tuple of tuple of array
        Lower Cholesky factor of the posterior precision.
    size : array
        Sum of the sizes of the terms of `log_likelihood`, which its rounding error is in proportion to, if asked for.
    """

    log_likelihood: Array
    mean: tuple[Array, ...]
    root: tuple[tuple[Array, ...], ...]
    size: Array = 0.0

    def contrast(self, weights: Sequence[Any]) -> tuple[Array, Array]:
        """Mean and variance of a linear combination of the coefficients, shape (*lanes, component, node)."""
        mean = sum((w * m for w, m in zip(weights, self.mean, strict=True)), 0.0 * self.log_likelihood)
        solved = solve_lower(self.root, weights)
        return mean, sum((q**2 for q in solved), 0.0 * self.log_likelihood)

    def correlated(self, weights: Sequence[Any], others: Sequence[Any]) -> Array:
        """Covariance of a linear combination of the coefficients with another one, over the standard deviation of that."""
        first, second = solve_lower(self.root, weights), solve_lower(self.root, others)
        return added(p * q for p, q in zip(first, second, strict=True)) / added(q**2 for q in second) ** 0.5

    def moved(self, origin: Sequence[Array]) -> Conditional:
        """The same with means that were measured from `origin` measured from zero."""
        return replace(self, mean=tuple(m + value for m, value in zip(self.mean, origin, strict=True)))


def condition(
    problem: Problem,
    prior: CoefficientPrior,
    tau2: Array,
    shift: Sequence[Array] | None = None,
    sized: bool = False,
    sums: Sums | None = None,
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
    sized : bool
        Whether to give the size of the terms as well.
    sums : Sums, optional
        What `weighted_sums` gives for this problem and these tau^2, where it is known.
    """
    xp, n = namespace(problem.y), problem.y.shape[0]
    scale = problem.reference + tau2  # all sums are taken relative to it: neither end of tau over- or underflows
    sums = weighted_sums(problem, tau2) if sums is None else sums
    root, solved, plus = _equations(prior, scale, sums, shift)
    minus = added(z**2 for z in solved)
    squares, largest = plus - minus, xp.abs(plus) + minus
    mean = solve_upper(root, solved)
    if shift is not None:
        mean = [m + s for m, s in zip(mean, shift, strict=True)]
    if not problem.clusters and bool(xp.any(problem.graded)):
        fitted = _least_squares(problem, prior, tau2, scale, mean)
        squares = xp.where(problem.graded, fitted, squares)
        largest = xp.where(problem.graded, fitted, largest)
    log_scale = n * xp.log(scale)
    log_density = 0.5 * (sums.log_weight - log_scale - squares)
    for i in range(len(root)):
        log_density = log_density - xp.log(root[i][i])
    constant = prior.log_norm + problem.log_jacobian - 0.5 * (n - prior.n_flat) * _LOG_2PI
    size = xp.abs(sums.log_weight) + xp.abs(log_scale) + largest if sized else 0.0
    given = Conditional(log_density + constant, tuple(mean), root, size)
    if prior.cut is None:
        return given
    inside = log_mass(*prior.cut.standardised(*given.contrast(prior.cut.weights)))
    return replace(given, log_likelihood=given.log_likelihood + inside, size=size + abs(inside) if sized else 0.0)


def posterior_mean(problem: Problem, prior: CoefficientPrior, tau2: Array) -> list[Array]:
    """Means of the coefficients at each tau^2, as `condition` gives them."""
    scale = problem.reference + tau2
    sums = (_cluster_sums if problem.clusters else _sums)(problem, tau2, scale, False)
    root, solved, _ = _equations(prior, scale, sums, None)
    return solve_upper(root, solved)


class Sums(NamedTuple):
    """X'WX by its lower triangle, X'Wy, y'Wy and log|W|: all that data add to a posterior given tau, whatever the prior is."""

    gram: list[list[Array]]
    cross: list[Array]
    square: Array
    log_weight: Array


def weighted_sums(problem: Problem, tau2: Array) -> Sums:
    """Sums over studies at each tau^2, shape (*lanes, 1, node), that `condition` adds the prior to."""
    return (_cluster_sums if problem.clusters else _sums)(problem, tau2, problem.reference + tau2)


def _equations(
    prior: CoefficientPrior, scale: Array, sums: Sums, shift: Sequence[Array] | None
) -> tuple[tuple[tuple[Array, ...], ...], list[Array], Array]:
    """Factor of the posterior precision, the solution of its lower half, and the sum of squares at `shift`."""
    gram, cross, square, start, p = sums.gram, sums.cross, sums.square, prior.mean, len(sums.cross)
    if shift is not None:
        moved = [cross[i] - added(_entry(gram, i, j) * shift[j] for j in range(p)) for i in range(p)]
        square = square - added(shift[i] * (cross[i] + moved[i]) for i in range(p))
        cross, start = moved, tuple(m - s for m, s in zip(prior.mean, shift, strict=True))
    precision = tuple(tuple(gram[i][j] / scale + prior.precision[i][j] for j in range(i + 1)) for i in range(p))
    pull = [added(_entry(prior.precision, i, j) * start[j] for j in range(p)) for i in range(p)]
    root = cholesky(precision)
    solved = solve_lower(root, [cross[i] / scale + pull[i] for i in range(p)])
    return root, solved, square / scale + added(pull[i] * start[i] for i in range(p))


def _sums(problem: Problem, tau2: Array, scale: Array, determinant: bool = True) -> Sums:
    """Sums over studies for the weights W = scale / (a + tau^2 d)."""
    xp, n, p = namespace(problem.y), problem.y.shape[0], len(problem.columns)
    sums: list[Array] = []
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        y, columns = problem.y[rows, ...], [None if x is None else _rows(x, rows) for x in problem.columns]
        w = scale / (problem.a[rows, ...] + (tau2 if problem.d is None else tau2 * _rows(problem.d, rows)))
        wy = w * y
        terms = [total(wy * y)]
        if determinant:
            terms.append(_log_product(xp, w) if problem.d is None else total(xp.log(w)))
        for i, x in enumerate(columns):
            terms.append(total(wy if x is None else wy * x))
            wx = w if x is None else w * x
            terms += [total(wx if other is None else wx * other) for other in columns[: i + 1]]
        sums = [old + new for old, new in zip(sums, terms, strict=True)] if sums else terms
    square, remaining = sums[0], iter(sums[1:])
    log_weight = next(remaining) if determinant else 0.0
    gram, cross = [], []
    for i in range(p):
        cross.append(next(remaining))
        gram.append([next(remaining) for _ in range(i + 1)])
    return Sums(gram, cross, square, log_weight)


def _least_squares(
    problem: Problem, prior: CoefficientPrior, tau2: Array, scale: Array, mean: Sequence[Array]
) -> Array:
    """Weighted sum of squares around the fitted values of each node and component, and of the prior's deviations.

    At its minimum an error of the mean counts by its square: nothing cancels, however unequal the weights are.
    """
    n, square = problem.y.shape[0], 0.0 * scale
    for i in range(n):
        rows = slice(i, i + 1)
        w = 1.0 / (problem.a[rows, ...] + (tau2 if problem.d is None else tau2 * _rows(problem.d, rows)))
        gap = problem.y[rows, ...]
        for x, m in zip(problem.columns, mean, strict=True):
            gap = gap - (m if x is None else _rows(x, rows) * m)
        square = square + (w * gap * gap)[0, ...]
    away = [m - start for m, start in zip(mean, prior.mean, strict=True)]
    p = len(away)
    return square + added(_entry(prior.precision, i, j) * away[i] * away[j] for i in range(p) for j in range(p))


def _cluster_sums(problem: Problem, tau2: Array, scale: Array, determinant: bool = True) -> Sums:
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
        weight = total(w)
        inflated = 1.0 + weight / scale * problem.between
        shared = weight / inflated
        log_weight = log_weight + total(xp.log(w)) - xp.log(inflated) if determinant else 0.0
        y = problem.y[rows, ...]
        columns = [xp.ones_like(y) if x is None else xp.broadcast_to(_rows(x, rows), y.shape) for x in problem.columns]
        means = [total(w * x) / weight for x in (*columns, y)]
        gaps = [x - m for x, m in zip((*columns, y), means, strict=True)]
        square = square + total(w * gaps[p] ** 2) + shared * means[p] ** 2
        for i in range(p):
            weighted = w * gaps[i]
            cross[i] = cross[i] + total(weighted * gaps[p]) + shared * means[i] * means[p]
            for j in range(i + 1):
                gram[i][j] = gram[i][j] + total(weighted * gaps[j]) + shared * means[i] * means[j]
    return Sums(gram, cross, square, log_weight)


def _rows(x: Array, rows: slice) -> Array:
    return x[rows, ...] if x.shape[0] > 1 else x


def _log_product(xp: Any, w: Array) -> Array:
    """Sum of the logs over studies, with one logarithm for eight of them."""
    n, tail = w.shape[0], w.shape[1:]
    if n <= _GROUP:
        return xp.log(product(w))
    groups = n // _GROUP
    log_product: Any = 0.0
    if groups:
        main = xp.reshape(w[: groups * _GROUP, ...], (_GROUP, groups, *tail))
        log_product = total(xp.log(product(main)))
    if groups * _GROUP < n:
        log_product = log_product + xp.log(product(w[groups * _GROUP :, ...]))
    return log_product


def _entry(lower: Sequence[Sequence[Array]], i: int, j: int) -> Array:
    return lower[i][j] if j <= i else lower[j][i]


def cholesky(matrix: Sequence[Sequence[Array]]) -> tuple[tuple[Array, ...], ...]:
    """Lower Cholesky factor of matrices given by their lower triangles, elementwise over all other axes."""
    root: list[list[Any]] = []
    for i, row in enumerate(matrix):
        out: list[Any] = []
        for j in range(i):
            entry = row[j] - added(out[m] * root[j][m] for m in range(j))
            out.append(entry / root[j][j])
        out.append((row[i] - added(q**2 for q in out)) ** 0.5)
        root.append(out)
    return tuple(map(tuple, root))


def solve_lower(root: Sequence[Sequence[Array]], right: Sequence[Any]) -> list[Array]:
    """Solve L z = right."""
    solved: list[Any] = []
    for i, row in enumerate(root):
        solved.append((right[i] - added(row[j] * solved[j] for j in range(i))) / row[i])
    return solved


def solve_upper(root: Sequence[Sequence[Array]], right: Sequence[Any]) -> list[Array]:
    """Solve L' x = right."""
    p = len(root)
    solved: list[Any] = [0.0] * p
    for i in reversed(range(p)):
        solved[i] = (right[i] - added(root[j][i] * solved[j] for j in range(i + 1, p))) / root[i][i]
    return solved
