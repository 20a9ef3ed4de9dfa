"""A problem made ready to integrate: independent studies, one piece of the priors at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import Problem
from bayesmeta.quadrature.integrate import Integrand
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.rotate import rotate
from bayesmeta.quadrature.scale_density import ScaleDensity, scale_density, separated

Floats = NDArray[np.float64]
# Columns of the design further from orthogonal than this are rotated first: normal equations square a condition number, and
# 1e3 squared leaves ten of a float's sixteen digits.
_ILL_CONDITIONED = 1e3
_RANK = 1e-12  # columns closer to collinear than this are left as they are: a prior tells them apart, no rotation does


class Setting:
    """A problem made ready: the rotation to independence, the pieces of the prior on its coefficients."""

    def __init__(self, problem: GaussianProblem, finer: int = 1) -> None:
        self.problem, self.tau = problem, problem.priors[problem.scale]
        self.pieces = problem.pieces(finer)
        self.rotation = rotate(problem.V, problem.structures[problem.scale])
        self._y, self._columns = self.rotation.apply(problem.y), self.rotation.apply(problem.X)

    def integrand(
        self, piece: Piece, scale: ScaleDensity | float, improper: bool, order: NDArray[np.intp] | None = None
    ) -> tuple[Integrand, Floats]:
        """What to integrate over tau for one piece and one component, and the basis of its coefficients."""
        rows = np.arange(len(self._y)) if order is None else order
        y, X, a, d = self._y[rows], self._columns[rows], self.rotation.a[rows], self.rotation.d[rows]
        fixed = sum((X[:, i] * value for i, value in piece.fixed.items()), np.zeros(len(y)))
        free, basis = _orthogonal(X[:, list(piece.free)], a)
        problem = Problem(
            y=(y - fixed)[:, None, None],
            a=a[:, None, None],
            columns=tuple(None if np.all(column == 1) else column[:, None, None] for column in free.T),
            d=None if np.all(d == 1) else d[:, None, None],
            log_jacobian=self.rotation.log_jacobian,
        )
        return Integrand(problem, piece.prior(basis), scale, improper, tuple(piece.parities)), basis


def tau_components(prior: Prior) -> list[tuple[float, ScaleDensity | float, bool]]:
    """Components of a prior on a scale with their weights, point masses as numbers, and whether each is improper."""
    prior = plain(prior)
    if prior.atom is not None:
        return [(1.0, prior.atom, False)]
    if prior.is_mixture:
        parts = [(w, inner) for w, part in prior.parts for inner in tau_components(part)]
        return [(w * share, component, improper) for w, (share, component, improper) in parts]
    if prior.valleys is not None:
        return [(weight, piece, False) for weight, piece in separated(prior)]
    return [(1.0, scale_density(prior), not prior.is_proper)]


def _orthogonal(X: Floats, a: Floats) -> tuple[Floats, Floats]:
    """The columns, made orthonormal where they are nearly collinear or of very different size, and the basis."""
    p = X.shape[1]
    if p < 2:
        return X, np.eye(p)
    scaled = X / np.sqrt(a)[:, None]
    singular = np.linalg.svd(scaled, compute_uv=False)
    if singular[-1] <= _RANK * singular[0] or singular[0] < _ILL_CONDITIONED * singular[-1]:
        return X, np.eye(p)
    basis = np.linalg.inv(np.linalg.qr(scaled, mode="r"))
    return X @ basis, basis
