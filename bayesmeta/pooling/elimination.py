"""Residual contrasts of many studies: as many rows as there are coefficients are solved for them, and the others left.

What is left is diagonal but for a matrix of that rank, so that every sum takes time and memory linear in the number of
studies. The rows that are solved for are those of most leverage: no sum cancels where one study has nearly all the weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayesmeta.pooling.contrasts import Floats, Indices, Sums, Values, last


@dataclass(frozen=True)
class _At:
    """What the sums at one tau^2 share: weights of the rows left, variances of those solved for, and p x p matrices."""

    weight: Floats
    solved: Floats
    root: Floats
    inner: Floats  # Q = D^1/2 C'WC D^1/2, with D of the rows solved for
    inverse: Floats  # (I + Q)^-1


@dataclass(frozen=True)
class Eliminated:
    """Contrasts d = y_left - C y_solved, with the coefficients solved from as many rows: N(0, D_left + C D_solved C').

    Attributes
    ----------
    v, solved : ndarray, shapes (..., row) and (..., coefficient)
        Sampling variances of the rows that are left, and of those solved for.
    C : ndarray, shape (..., row, coefficient)
    y, y_solved : ndarray, shapes (..., row) and (..., coefficient)
    """

    v: Floats
    solved: Floats
    C: Floats
    y: Floats
    y_solved: Floats

    def lanes(self) -> Eliminated:
        """The contrasts with one dimension of data sets."""
        v, solved, y, y_solved = (
            part.reshape(-1, part.shape[-1]) for part in (self.v, self.solved, self.y, self.y_solved)
        )
        return Eliminated(v, solved, self.C.reshape(-1, *self.C.shape[-2:]), y, y_solved)

    def take(self, lanes: Indices) -> Eliminated:
        """The contrasts of some data sets, where there is one dimension of them."""
        return Eliminated(*(part[lanes] for part in (self.v, self.solved, self.C, self.y, self.y_solved)))

    @cached_property
    def d(self) -> Floats:
        """The contrasts, shape (..., row)."""
        return self.y - _times(self.C, self.y_solved)

    def _at(self, tau2: Values) -> _At:
        solved = self.solved + last(tau2)
        weight, root = 1 / (self.v + last(tau2)), np.sqrt(solved)
        inner = root[..., :, None] * self._gram(weight) * root[..., None, :]
        return _At(weight, solved, root, inner, np.linalg.inv(np.eye(self.C.shape[-1]) + inner))

    def _gram(self, weight: Floats) -> Floats:
        """C' W C, for each set of weights."""
        return np.asarray(np.matmul(np.swapaxes(self.C, -1, -2) * weight[..., None, :], self.C))

    def _applied(self, at: _At, d: Floats) -> tuple[Floats, Floats, Floats]:
        """For contrasts d of some x, with covariance M: d' M^-1 d, and P x in the rows left and in those solved for."""
        pull = np.matmul((at.weight * d)[..., None, :], self.C)[..., 0, :]
        fitted = at.root * _times(at.inverse, at.root * pull)  # of the rows solved for
        residual = d - _times(self.C, fitted)
        left = at.weight * residual
        q = np.sum(left * residual, axis=-1) + np.sum(fitted**2 / at.solved, axis=-1)
        return q, left, -fitted / at.solved

    def q(self, tau2: Floats) -> Floats:
        """The generalised Q statistic."""
        return self._applied(self._at(tau2), self.d)[0]

    def q_slope(self, tau2: Floats) -> tuple[Floats, Floats]:
        """Q and minus its derivative in tau^2."""
        q, left, solved = self._applied(self._at(tau2), self.d)
        return q, np.sum(left**2, axis=-1) + np.sum(solved**2, axis=-1)

    def sums(self, tau2: Floats) -> Sums:
        """From the covariance of the contrasts, diagonal but for the rank of the coefficients."""
        at = self._at(tau2)
        q, left, solved = self._applied(at, self.d)
        q3, _, _ = self._applied(at, left - _times(self.C, solved))
        return Sums(q, np.sum(left**2, axis=-1) + np.sum(solved**2, axis=-1), q3, *self._traces(at))

    def traces(self, tau2: Values) -> tuple[Floats, Floats]:
        """Traces of P and of PP."""
        return self._traces(self._at(tau2))

    def _traces(self, at: _At) -> tuple[Floats, Floats]:
        """By blocks of P: the rows left, those solved for, and between them."""
        second = self._gram(at.weight**2)
        E = at.root[..., :, None] * at.inverse * at.root[..., None, :]
        E2 = np.matmul(E, second)
        own = np.matmul(at.inverse, at.inner) / (at.root[..., :, None] * at.root[..., None, :])
        trace = np.sum(at.weight, axis=-1) - _trace(E2) + _trace(own)
        left = np.sum(at.weight**2, axis=-1) - 2 * _trace(np.matmul(E, self._gram(at.weight**3))) + _trace(E2 @ E2)
        between = np.diagonal(np.matmul(E2, E), axis1=-2, axis2=-1) / at.solved**2
        return trace, left + 2 * np.sum(between, axis=-1) + np.sum(own * np.swapaxes(own, -1, -2), axis=(-2, -1))

    @cached_property
    def _inverse(self) -> Floats:
        """(I + C'C)^-1."""
        return np.asarray(np.linalg.inv(np.eye(self.C.shape[-1]) + self._gram(np.ones_like(self.v))))

    def log_det(self, tau2: Floats) -> Floats:
        """Log determinant of the covariance of the contrasts, were they orthonormal."""
        logs = np.sum(np.log(self.v + last(tau2)), axis=-1)
        return np.asarray(logs + self._log_inner(tau2) + np.linalg.slogdet(self._inverse)[1])

    def log_det_ratio(self, tau2: Values) -> Floats:
        """The same less its value at 0; `tau2` may be complex."""
        logs = np.sum(np.log1p(last(tau2) / self.v), axis=-1)
        return np.asarray(logs + self._log_inner(tau2) - self._log_inner(np.zeros(())))

    def _log_inner(self, tau2: Values) -> Floats:
        """Log of det(I + Q)."""
        return np.asarray(np.log(np.linalg.det(np.eye(self.C.shape[-1]) + self._at(tau2).inner)))

    def least_squares(self) -> tuple[Floats, Floats, Floats]:
        """z'z, and the traces of A'VA and of its square."""
        C, F = self.C, self._inverse
        fitted = _times(F, np.matmul(self.d[..., None, :], C)[..., 0, :])
        squares = np.sum((self.d - _times(C, fitted)) ** 2, axis=-1) + np.sum(fitted**2, axis=-1)
        own = np.matmul(F, self._gram(np.ones_like(self.v)))  # of the rows solved for
        first, second = np.matmul(F, self._gram(self.v)), np.matmul(F, self._gram(self.v**2))
        trace = np.sum(self.v, axis=-1) - _trace(first)
        trace = trace + np.sum(self.solved * np.diagonal(own, axis1=-2, axis2=-1), axis=-1)
        left = np.sum(self.v**2, axis=-1) - 2 * _trace(second) + _trace(first @ first)
        between = np.sum(self.solved * np.diagonal(np.matmul(first, F), axis1=-2, axis2=-1), axis=-1)
        pairs = self.solved[..., :, None] * own
        return squares, trace, left + 2 * between + np.sum(pairs * np.swapaxes(pairs, -1, -2), axis=(-2, -1))

    def spread_ratio(self, tau2: Floats, at: Floats) -> Floats:
        """Trace of (P(at) (V + tau^2 I))^2, with V + tau^2 I = (V + at I) + (tau^2 - at) I."""
        more = tau2 - at
        trace, trace2 = self.traces(at)
        return np.asarray(self.v.shape[-1] + 2 * more * trace + more**2 * trace2)

    def range(self) -> tuple[Floats, Floats, Floats]:
        """Smallest and largest variance, between which the eigenvalues lie, and the largest square of a residual."""
        both = np.concatenate([self.v, self.solved], axis=-1)
        return both.min(axis=-1), both.max(axis=-1), (self.d**2).max(axis=-1)


def eliminated(y: Floats, v: Floats, X: Floats) -> Eliminated:
    """Solve the coefficients of `X` from the rows of most leverage, one after the other.

    Parameters
    ----------
    y, v : ndarray, shape (..., row)
    X : ndarray, shape (row, coefficient) or (..., row, coefficient)
    """
    basis = np.broadcast_to(np.linalg.qr(X)[0], (*y.shape, X.shape[-1]))
    rest = basis / np.sqrt(v)[..., None]
    chosen = []
    for _ in range(X.shape[-1]):
        size = np.sum(rest**2, axis=-1)
        row = np.argmax(size, axis=-1)[..., None]
        direction = np.take_along_axis(rest, row[..., None], axis=-2)
        direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        rest = rest - np.sum(rest * direction, axis=-1, keepdims=True) * direction
        np.put_along_axis(rest, row[..., None], 0.0, axis=-2)
        chosen.append(row)
    solved = np.concatenate(chosen, axis=-1)
    left = np.ones(y.shape, dtype=bool)
    np.put_along_axis(left, solved, False, axis=-1)
    rows = np.nonzero(left)[-1].reshape(*y.shape[:-1], -1)
    top = np.take_along_axis(basis, solved[..., None], axis=-2)
    C = np.swapaxes(
        np.linalg.solve(np.swapaxes(top, -1, -2), np.swapaxes(np.take_along_axis(basis, rows[..., None], axis=-2), -1, -2)),
        -1, -2,
    )  # fmt: skip
    of = [np.take_along_axis(np.broadcast_to(part, y.shape), at, axis=-1) for part in (v, y) for at in (rows, solved)]
    return Eliminated(of[0], of[1], C, of[2], of[3])


def _times(C: Floats, x: Floats) -> Floats:
    return np.asarray(np.matmul(C, x[..., None])[..., 0])


def _trace(matrix: Floats) -> Floats:
    return np.asarray(np.trace(matrix, axis1=-2, axis2=-1))
