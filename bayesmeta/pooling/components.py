"""Maximum likelihood of y ~ N(X beta, V + sum of random terms), where each term is shared by the rows of a group.

A term has a covariance matrix G = L L' between its levels (outcomes; or one level), with L linear in the parameters, so
that G stays a covariance matrix and a variance of zero is an ordinary point. Rows i and j of one group covary by
G[level of i, level of j].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize
from scipy.sparse import csgraph

from bayesmeta.errors import InferenceError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Objective = Callable[[Floats], tuple[float, Floats]]
_NEWTON = 25
_STEP = 1e-5  # of the scale of the effects: for second differences
_FLAT = 1e-6  # largest derivative, in log likelihood per unit of scale, at what counts as a maximum
_FINAL = 1e-12  # the same, below which Newton's method has nothing left to do
_ZERO = 1e-4  # of that scale: a standard deviation this small is tried at zero
_ROUNDING = 1e-9  # of the log likelihood


@dataclass(frozen=True)
class Term:
    """One random effect.

    Attributes
    ----------
    same : ndarray, shape (row, row)
        1 where two rows belong to one group, else 0.
    level : ndarray of int, shape (row,)
        Level of each row: which outcome it is of.
    basis : ndarray, shape (parameter, level, level)
        L is the sum of parameter times basis.
    """

    same: Floats
    level: Indices
    basis: Floats

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.basis)

    def root(self, parameter: Floats) -> Floats:
        """Return L."""
        return np.tensordot(parameter, self.basis, axes=1)

    def between(self, parameter: Floats) -> Floats:
        """Return G, shape (level, level)."""
        root = self.root(parameter)
        return root @ root.T


@dataclass(frozen=True)
class Blocks:
    """Rows that covary with no others: all blocks of one size, in one stack.

    Attributes
    ----------
    V : ndarray, shape (block, row, row)
    X : ndarray, shape (block, row, coefficient)
    gap : ndarray, shape (block, row)
    same, member : tuple of ndarray, shapes (block, row, row) and (block, row, level)
        For each term: who shares its effects, and the level of each row as zeros and a one.
    """

    V: Floats
    X: Floats
    gap: Floats
    same: tuple[Floats, ...]
    member: tuple[Floats, ...]

    def covariance(self, between: Sequence[Floats]) -> Floats:
        """Return the marginal covariance of each block, given G of each term."""
        total = self.V
        for same, member, g in zip(self.same, self.member, between, strict=True):
            total = total + same * (member @ g @ np.swapaxes(member, -1, -2))
        return total


class Fit(NamedTuple):
    """Generalised least squares at one covariance, in an orthonormal basis of the design."""

    weights: list[Floats]
    log_det: float
    coefficients: Floats
    covariance: Floats
    pulls: list[Floats]
    q: float


@dataclass(frozen=True)
class Components:
    """The likelihood of one data set; `restricted` takes the coefficients out first."""

    y: Floats
    X: Floats
    V: Floats
    terms: tuple[Term, ...]
    restricted: bool

    @cached_property
    def _basis(self) -> tuple[Floats, Floats]:
        q, r = np.linalg.qr(self.X)
        return np.asarray(q), np.asarray(r)

    @cached_property
    def gap(self) -> Floats:
        """Effects less their least-squares fit: sums around it lose no digits to a large common value."""
        basis, _ = self._basis
        return np.asarray(self.y - basis @ (basis.T @ self.y))

    @cached_property
    def scale(self) -> float:
        """Typical size of residuals and standard errors."""
        return math.sqrt(float(np.mean(self.gap**2)) + float(np.median(np.diag(self.V))))

    @cached_property
    def blocks(self) -> tuple[Blocks, ...]:
        """The data cut into rows that covary, stacked by size."""
        linked = sum((term.same for term in self.terms), np.zeros_like(self.V)) + (self.V != 0)
        _, label = csgraph.connected_components(linked > 0, directed=False)
        rows = [np.flatnonzero(label == one) for one in np.unique(label)]
        sizes = sorted({len(one) for one in rows})
        return tuple(self._stack(np.stack([one for one in rows if len(one) == size])) for size in sizes)

    def _stack(self, rows: Indices) -> Blocks:
        pairs = rows[:, :, None], rows[:, None, :]
        return Blocks(
            V=self.V[pairs],
            X=self._basis[0][rows],
            gap=self.gap[rows],
            same=tuple(term.same[pairs] for term in self.terms),
            member=tuple(np.eye(term.basis.shape[1])[term.level[rows]] for term in self.terms),
        )

    def split(self, parameters: Floats) -> list[Floats]:
        """Return the parameters of each term."""
        return np.split(parameters, np.cumsum([term.size for term in self.terms])[:-1])

    def coefficients(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Generalised least squares: coefficients and their covariance."""
        fit, (basis, r) = self._fit(parameters), self._basis
        change = linalg.solve_triangular(r, fit.coefficients + basis.T @ self.y)
        inverse = linalg.solve_triangular(r, np.linalg.cholesky(fit.covariance))
        return np.asarray(change), np.asarray(inverse @ inverse.T)

    def without(self) -> tuple[float, float]:
        """Q without any random effect, and the typical sampling variance (k - p) / tr P."""
        fit = self._fit(np.zeros(sum(term.size for term in self.terms)))
        levers = (weight @ block.X for weight, block in zip(fit.weights, self.blocks, strict=True))
        inner = sum(np.einsum("bsp,bsq->pq", lever, lever) for lever in levers)
        trace = sum(float(np.trace(w, axis1=1, axis2=2).sum()) for w in fit.weights)
        k, p = self.X.shape
        return fit.q, (k - p) / (trace - float(np.sum(fit.covariance * inner)))

    def _fit(self, parameters: Floats) -> Fit:
        between = [term.between(part) for term, part in zip(self.terms, self.split(parameters), strict=True)]
        p = self.X.shape[1]
        weights, log_det, inner, right = [], 0.0, np.zeros((p, p)), np.zeros(p)
        for block in self.blocks:
            total = block.covariance(between)
            roots = np.linalg.cholesky(total)
            log_det += 2 * float(np.sum(np.log(np.diagonal(roots, axis1=1, axis2=2))))
            weight = np.linalg.inv(total)
            lever = weight @ block.X
            inner += np.einsum("bsp,bsq->pq", block.X, lever)
            right += np.einsum("bsp,bs->p", lever, block.gap)
            weights.append(weight)
        covariance = np.linalg.inv(inner)
        beta = covariance @ right
        pulls = [
            np.einsum("bst,bt->bs", weight, block.gap - block.X @ beta)
            for weight, block in zip(weights, self.blocks, strict=True)
        ]
        q = sum(float(np.sum(block.gap * pull)) for block, pull in zip(self.blocks, pulls, strict=True))
        return Fit(weights, log_det, beta, (covariance + covariance.T) / 2, pulls, q)

    def log_likelihood(self, parameters: Floats) -> tuple[float, Floats]:
        """Log likelihood, with the coefficients at their best, and its derivatives in the parameters."""
        fit = self._fit(parameters)
        k, p = self.X.shape
        log_det = fit.log_det - (float(np.linalg.slogdet(fit.covariance)[1]) if self.restricted else 0.0)
        n = k - p if self.restricted else k
        value = -0.5 * (n * math.log(2 * math.pi) + log_det + fit.q)
        totals = [np.zeros(term.basis.shape[1:]) for term in self.terms]
        for block, weight, pull in zip(self.blocks, fit.weights, fit.pulls, strict=True):
            slope = pull[:, :, None] * pull[:, None, :] - weight
            if self.restricted:
                lever = weight @ block.X
                slope = slope + lever @ fit.covariance @ np.swapaxes(lever, -1, -2)
            for total, same, member in zip(totals, block.same, block.member, strict=True):
                total += np.einsum("bsl,bsm->lm", member, (slope * same) @ member)
        parts = zip(self.terms, totals, self.split(parameters), strict=True)
        slopes = [np.tensordot(one.basis, total @ one.root(at), axes=([1, 2], [0, 1])) for one, total, at in parts]
        return value, np.concatenate(slopes)


def maximise(model: Components, starts: Sequence[Floats], what: str) -> tuple[Floats, float]:
    """Highest point of the likelihood over several starts, in units of the scale of the effects: parameters and value.

    `what` names the model in the message of the InferenceError that is raised where the search does not settle.
    """

    def loss(parameters: Floats) -> tuple[float, Floats]:
        value, slope = model.log_likelihood(parameters * model.scale)
        return -value, -slope * model.scale

    best, height = try_zero(loss, *settle(loss, starts, what), range(len(starts[0])))
    return best * model.scale, -height


def try_zero(loss: Objective, best: Floats, height: float, which: Iterable[int]) -> tuple[Floats, float]:
    """Set to zero what is almost zero, where the likelihood says nothing against it."""
    for i in which:
        if 0 < abs(best[i]) < _ZERO:
            trial = best.copy()
            trial[i] = 0.0
            at_zero = loss(trial)[0]
            if at_zero <= height + _ROUNDING * max(1.0, abs(height)):
                best, height = trial, at_zero
    return best, height


def settle(loss: Objective, starts: Sequence[Floats], what: str) -> tuple[Floats, float]:
    """Lowest point of `loss` that a quasi-Newton search finds from any start, made final by Newton's method."""
    minima = [optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7}) for start in starts]
    best = np.asarray(min(minima, key=lambda minimum: float(minimum.fun)).x)
    height, slope = loss(best)
    for _ in range(_NEWTON):
        if np.abs(slope).max() < _FINAL * max(1.0, abs(height)):
            break
        trial = best - np.linalg.lstsq(curvature(loss, best), slope, rcond=1e-10)[0]
        value, new = loss(trial)
        if not np.abs(new).max() < np.abs(slope).max() or value > height + _ROUNDING * max(1.0, abs(height)):
            break
        best, height, slope = trial, value, new
    if not np.abs(slope).max() < _FLAT * max(1.0, abs(height)):
        raise InferenceError(f"{what}: the likelihood has no maximum that the search settles on.")
    return best, height


def curvature(loss: Objective, at: Floats) -> Floats:
    """Second derivatives by central differences of the first."""
    rows = []
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = _STEP
        rows.append((loss(at + step)[1] - loss(at - step)[1]) / (2 * _STEP))
    hessian = np.stack(rows)
    return np.asarray((hessian + hessian.T) / 2)
