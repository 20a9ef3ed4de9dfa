"""Where the posterior of the coefficients lies at each tau: a mode, and the root of its covariance."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.study_curves.problem import CurvesProblem, Piece
from bayesmeta.quadrature.study_curves.surface import Surface, around, surface

Floats = NDArray[np.float64]
_STEPS = 12  # of Newton's method
_NEAR = 0.05  # standard deviations that it may still move
_STENCIL = 0.2  # standard deviations between points of which it takes differences
_FARTHEST = 3.0  # standard deviations that it moves at once


class Likelihood:
    """The log likelihood of one piece: of the free coefficients and tau."""

    def __init__(self, problem: CurvesProblem, piece: Piece) -> None:
        self.problem, self.piece = problem, piece

    def __call__(self, beta: Floats, tau: Floats) -> Floats:
        """Log likelihood of the studies, shapes (point, free) and (point,) to (point,)."""
        if self._surface is None:
            return self._of_curves(beta, tau)
        found = self._surface(np.ascontiguousarray(beta[:, 0]), np.ascontiguousarray(tau))
        beyond = np.isnan(found)
        if beyond.any():
            found[beyond] = self._of_curves(beta[beyond], tau[beyond])
        return found

    def placed(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        """See `place`; found once for the same values of tau."""
        key = tau.tobytes()
        if key not in self._known:
            self._known[key] = place(self, tau)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[bytes, tuple[Floats, Floats, Floats]]:
        return {}

    def _of_curves(self, beta: Floats, tau: Floats) -> Floats:
        return self.problem.tables.log_totals(self.all_of(beta), self.problem.X, tau)

    @cached_property
    def _surface(self) -> Surface | None:
        """What is computed once for all priors, where one coefficient is free."""
        if len(self.piece.free) != 1 or not self.problem.tables.surfaces:
            return None
        tables, (slope, offset) = self.problem.curves, self._line
        found: Surface | None = tables.kept(
            (slope.tobytes(), offset.tobytes()),
            lambda: surface(tables, slope, offset, lambda beta, tau: self._of_curves(beta[:, None], tau)),
        )
        return found

    @cached_property
    def _line(self) -> tuple[Floats, Floats]:
        """How much of the only free coefficient a study's effect has, and what else it has, shape (study,)."""
        X = self.problem.X
        offset = sum((X[:, i] * value for i, value in self.piece.fixed.items()), np.zeros(len(X)))
        return np.ascontiguousarray(X[:, self.piece.free[0]]), offset

    def around(self, tau: Floats) -> tuple[Floats, Floats]:
        """Where the only free coefficient would lie at each tau, were all curves normal, and its standard deviation."""
        slope, offset = self._line
        return around(tau, slope, self.problem.tables.centre - offset, self.problem.tables.scale)

    @property
    def error(self) -> float:
        """What the surface leaves open of a log likelihood."""
        return 0.0 if self._surface is None else self._surface.error

    def all_of(self, beta: Floats) -> Floats:
        """The free coefficients with those that are fixed, shape (point, coefficient)."""
        full = np.empty((len(beta), len(self.problem.names)))
        full[:, list(self.piece.free)] = beta
        for i, value in self.piece.fixed.items():
            full[:, i] = value
        return full


def start(problem: CurvesProblem, piece: Piece, tau: Floats) -> tuple[Floats, Floats]:
    """Mean and precision of the coefficients at each tau, were curves and prior normal, shapes (tau, free[, free])."""
    tables, X = problem.tables, problem.X[:, list(piece.free)]
    offset = sum((problem.X[:, i] * value for i, value in piece.fixed.items()), np.zeros(len(X)))
    mean, prior = piece.normal()
    weight = 1 / (tables.scale**2 + tau[:, None] ** 2)
    precision = np.einsum("ti,ia,ib->tab", weight, X, X) + prior
    score = np.einsum("ti,ia,i->ta", weight, X, tables.centre - offset) + prior @ mean
    return np.asarray(np.linalg.solve(precision, score[..., None])[..., 0]), np.asarray(precision)


def place(likelihood: Likelihood, tau: Floats) -> tuple[Floats, Floats, Floats]:
    """Mode, lower root of the covariance and log density there, at each tau, by Newton's method with differences.

    The prior is a normal distribution about where its mass is: what is left of it is seen at the ends of the rule.
    """
    piece = likelihood.piece
    prior_mean, prior = piece.normal()
    mode, precision = start(likelihood.problem, piece, tau)
    p = mode.shape[1]
    stencil = _offsets(p)

    def density(beta: Floats) -> Floats:
        flat = beta.reshape(-1, p)
        gap = flat - prior_mean
        log_prior = -np.einsum("na,ab,nb->n", gap, prior, gap) / 2
        found = likelihood(flat, np.repeat(tau, beta.shape[1])) + log_prior
        return np.asarray(found.reshape(beta.shape[:2]))

    for _ in range(_STEPS):
        root = _root(precision)
        points = mode[:, None, :] + _STENCIL * stencil @ root.transpose(0, 2, 1)
        gradient, hessian = _differences(density(points), p)
        values, vectors = np.linalg.eigh(hessian)
        values = np.maximum(values, 0.05)
        step = np.einsum("tab,tb->ta", vectors, np.einsum("tba,tb->ta", vectors, gradient) / values)
        size = np.linalg.norm(step, axis=1)
        step *= np.minimum(1, _FARTHEST / np.maximum(size, 1e-12))[:, None]
        mode = mode + np.einsum("tab,tb->ta", root, step)
        inverse = np.linalg.inv(root)
        precision = inverse.transpose(0, 2, 1) @ (vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1) @ inverse
        if size.max() < _NEAR:
            break
    return mode, _root(precision), density(mode[:, None, :])[:, 0]


def _root(precision: Floats) -> Floats:
    """Lower triangular root of the covariance."""
    return np.asarray(np.linalg.cholesky(np.linalg.inv(precision)))


def _offsets(p: int) -> Floats:
    """Points of the differences: the middle, both sides of each axis, both ways along each diagonal."""
    rows = [np.zeros(p)]
    for a in range(p):
        rows += [np.eye(p)[a], -np.eye(p)[a]]
    for a in range(p):
        for b in range(a):
            rows += [np.eye(p)[a] + np.eye(p)[b], -np.eye(p)[a] - np.eye(p)[b]]
    return np.array(rows)


def _differences(f: Floats, p: int) -> tuple[Floats, Floats]:
    """Gradient and negative second derivatives in units of the root, shapes (tau, free[, free])."""
    h = _STENCIL
    up, down, middle = f[:, 1 : 2 * p + 1 : 2], f[:, 2 : 2 * p + 2 : 2], f[:, :1]
    gradient = (up - down) / (2 * h)
    hessian = np.zeros((len(f), p, p))
    bend = (up + down - 2 * middle) / h**2
    hessian[:, np.arange(p), np.arange(p)] = bend
    at = 2 * p + 1
    for a in range(p):
        for b in range(a):
            both = (f[:, at] + f[:, at + 1] - 2 * middle[:, 0]) / h**2
            hessian[:, a, b] = hessian[:, b, a] = (both - bend[:, a] - bend[:, b]) / 2
            at += 2
    return gradient, -hessian
