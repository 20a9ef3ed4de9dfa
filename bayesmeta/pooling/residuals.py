"""Regression of effects with known variances on covariates, at any between-study variance."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.pooling.contrasts import Contrasts, Spectrum
from bayesmeta.pooling.elimination import eliminated

Floats = NDArray[np.float64]
_MANY = 100  # studies, from which on no matrix has a row and a column for each


@dataclass(frozen=True)
class Regression:
    """y ~ N(X beta, v + tau^2) with independent rows; leading dimensions are separate data sets.

    Attributes
    ----------
    y, v : ndarray, shape (..., study)
        Effects and sampling variances. A known covariance has been rotated to its eigenvectors.
    X : ndarray, shape (study, coefficient) or (..., study, coefficient)
        Design matrix of full column rank, rotated likewise.
    spread : ndarray, shape (...)
        Mean squared deviation of the effects from their mean, before any rotation.
    """

    y: Floats
    v: Floats
    X: Floats
    spread: Floats

    @cached_property
    def _kept(self) -> dict[Hashable, Any]:
        return {}

    def once[T](self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what `compute` gives, computed once for all estimators that share these data."""
        if key not in self._kept:
            self._kept[key] = compute()
        value: T = self._kept[key]
        return value

    @property
    def k(self) -> int:
        """Number of studies."""
        return int(self.y.shape[-1])

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return int(self.X.shape[-1])

    @property
    def m(self) -> int:
        """Residual degrees of freedom."""
        return self.k - self.p

    @cached_property
    def _common(self) -> Floats | None:
        """The first effect, where there is an intercept to hold it: less it, equal effects are exactly zero."""
        first = self.X[..., :1, :1]
        same = self.p > 0 and np.all(self.X[..., :1] == first) and np.all(first != 0)
        return self.y[..., :1] if same else None

    @cached_property
    def _reduced(self) -> Floats:
        return self.y if self._common is None else self.y - self._common

    @cached_property
    def _change(self) -> Floats:
        q, r = np.linalg.qr(self.X)
        return _solve(r, np.matmul(np.swapaxes(q, -1, -2), self._reduced[..., None]))[..., 0]

    @cached_property
    def start(self) -> Floats:
        """Least-squares coefficients: all sums are taken around them, so that a large common value cancels no digits."""
        start = self._change.copy()
        if self._common is not None:
            start[..., 0] += self._common[..., 0] / self.X[..., 0, 0]
        return start

    @cached_property
    def gap(self) -> Floats:
        """Effects less the fit of `start`, shape (..., study)."""
        gap: Floats = self._reduced - np.matmul(self.X, self._change[..., None])[..., 0]
        return gap

    @cached_property
    def contrasts(self) -> Contrasts:
        """The residual contrasts, on which every estimator of tau^2 rests.

        Nothing is inverted for their spectrum, so that standard errors may differ by many orders of magnitude.
        """
        if self.m == 0:
            empty = np.zeros((*self.y.shape[:-1], 0))
            return Spectrum(empty, empty)
        if self.p == 0:  # the effects themselves
            return Spectrum(self.v, self.gap**2)
        if self.k >= _MANY:
            return eliminated(self.gap, self.v, self.X)
        basis = np.linalg.qr(self.X, mode="complete")[0][..., self.p :]
        across = np.swapaxes(basis, -1, -2)
        rotation, size, _ = np.linalg.svd(across * np.sqrt(self.v)[..., None, :], full_matrices=False)
        contrast = np.matmul(across, self.gap[..., None])
        return Spectrum(size**2, np.matmul(np.swapaxes(rotation, -1, -2), contrast)[..., 0] ** 2)

    @cached_property
    def scale(self) -> Floats:
        """A variance in the middle of `v`, shape (...)."""
        return np.exp(np.mean(np.log(self.v), axis=-1))

    def q(self, tau2: Floats | float = 0.0) -> Floats:
        """Generalised Q statistic y'Py at `tau2`; Cochran's Q at 0."""
        return self.contrasts.q(np.asarray(tau2, dtype=float))

    def coefficients(self, tau2: Floats | float) -> tuple[Floats, Floats]:
        """Weighted least squares at `tau2`: estimates, shape (..., p), and covariance, shape (..., p, p)."""
        root = 1 / np.sqrt(self.v + _last(tau2))
        q, r = np.linalg.qr(root[..., None] * self.X)
        change = _solve(r, np.matmul(np.swapaxes(q, -1, -2), (root * self.gap)[..., None]))[..., 0]
        inverse = _solve(r, np.eye(self.p))
        return self.start + change, np.matmul(inverse, np.swapaxes(inverse, -1, -2))

    def log_likelihood(self, tau2: Floats | float) -> Floats:
        """Maximum over beta of the log likelihood at `tau2`."""
        log_det = np.sum(np.log(self.v + _last(tau2)), axis=-1)
        return np.asarray(-0.5 * (self.k * np.log(2 * np.pi) + log_det + self.q(tau2)))

    def restricted_log_likelihood(self, tau2: Floats | float) -> Floats:
        """Restricted log likelihood at `tau2`: log density of the residual contrasts."""
        log_det = self.contrasts.log_det(np.asarray(tau2, dtype=float))
        return np.asarray(-0.5 * (self.m * np.log(2 * np.pi) + log_det + self.q(tau2)))


def regression(y: Floats, v: Floats, X: Floats, cov: Floats | None = None) -> Regression:
    """Return the regression of `y` on `X` with sampling variances `v`, or with a known covariance instead.

    Parameters
    ----------
    y, v : ndarray, shape (..., study)
    X : ndarray, shape (study, coefficient) or (..., study, coefficient)
    cov : ndarray, shape (study, study), optional
        Known covariance of `y`; `v` is then not used.
    """
    spread = np.var(y - y[..., :1], axis=-1)
    if cov is None:
        return Regression(y, np.broadcast_to(v, y.shape), X, spread)
    values, vectors = np.linalg.eigh(cov)
    turned = np.matmul(y, vectors)
    return Regression(turned, np.broadcast_to(values, y.shape), np.matmul(vectors.T, X), spread)


def _last(tau2: Floats | float) -> Floats:
    return np.asarray(tau2, dtype=float)[..., None]


def _solve(upper: Floats, right: Floats) -> Floats:
    """Solve R x = right by back substitution, elementwise over leading dimensions."""
    p = upper.shape[-1]
    shape = np.broadcast_shapes(upper.shape[:-2], right.shape[:-2])
    x = np.zeros((*shape, p, right.shape[-1]))
    for i in reversed(range(p)):
        solved = np.sum(upper[..., i, i + 1 :, None] * x[..., i + 1 :, :], axis=-2)
        x[..., i, :] = (right[..., i, :] - solved) / upper[..., i, i, None]
    return x
