"""The residual contrasts of a regression, z ~ N(0, A'(V + tau^2 I)A) with A'X = 0 and A'A = I: every sum over them.

With P = W - W X (X'WX)^-1 X'W and W = (V + tau^2 I)^-1, an estimator of tau^2 uses y'Py, y'PPy, y'PPPy, tr P and tr PP.
`Spectrum` rotates the contrasts until they are independent, after which each is a sum over eigenvalues, for many values
of tau^2 at once. That takes a k x k matrix; `elimination` has the same sums for many studies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Values = NDArray[Any]  # real or complex


class Sums(NamedTuple):
    """At one tau^2: y'Py, y'PPy, y'PPPy, tr P and tr PP."""

    q: Floats
    q2: Floats
    q3: Floats
    trace: Floats
    trace2: Floats


class Contrasts(Protocol):
    """What estimators of tau^2 ask; `tau2` has the shape (..., lane), as everything that is returned."""

    def lanes(self) -> Self:
        """The contrasts with one dimension of data sets."""

    def take(self, lanes: Indices) -> Self:
        """The contrasts of some data sets, where there is one dimension of them."""

    def q(self, tau2: Floats) -> Floats:
        """The generalised Q statistic, y'Py."""

    def q_slope(self, tau2: Floats) -> tuple[Floats, Floats]:
        """Q and minus its derivative in tau^2."""

    def sums(self, tau2: Floats) -> Sums:
        """Everything that a step of a search needs."""

    def traces(self, tau2: Values) -> tuple[Floats, Floats]:
        """Traces of P and of PP."""

    def log_det(self, tau2: Floats) -> Floats:
        """Log determinant of the covariance of the contrasts."""

    def log_det_ratio(self, tau2: Values) -> Floats:
        """The same less its value at 0; `tau2` may be complex."""

    def least_squares(self) -> tuple[Floats, Floats, Floats]:
        """z'z, and the traces of A'VA and of its square."""

    def spread_ratio(self, tau2: Floats, at: Floats) -> Floats:
        """Trace of (P(at) (V + tau^2 I))^2."""

    def range(self) -> tuple[Floats, Floats, Floats]:
        """Bounds of the eigenvalues of A'VA, and the size of the largest square of a contrast."""


@dataclass(frozen=True)
class Spectrum:
    """Independent contrasts: their variances at tau = 0 and their squares, both of shape (..., contrast)."""

    lam: Floats
    z2: Floats

    def lanes(self) -> Spectrum:
        """The contrasts with one dimension of data sets."""
        return Spectrum(*(part.reshape(-1, part.shape[-1]) for part in (self.lam, self.z2)))

    def take(self, lanes: Indices) -> Spectrum:
        """The contrasts of some data sets, where there is one dimension of them."""
        return Spectrum(self.lam[lanes], self.z2[lanes])

    def q(self, tau2: Floats) -> Floats:
        """The generalised Q statistic."""
        return np.sum(self.z2 / (self.lam + last(tau2)), axis=-1)

    def q_slope(self, tau2: Floats) -> tuple[Floats, Floats]:
        """Q and minus its derivative in tau^2."""
        total = self.lam + last(tau2)
        return np.sum(self.z2 / total, axis=-1), np.sum(self.z2 / total**2, axis=-1)

    def sums(self, tau2: Floats) -> Sums:
        """Sums over the contrasts."""
        total = self.lam + last(tau2)
        q, q2, q3 = (np.sum(self.z2 / power, axis=-1) for power in (total, total**2, total**3))
        return Sums(q, q2, q3, *self.traces(tau2))

    def traces(self, tau2: Values) -> tuple[Floats, Floats]:
        """Traces of P and of PP."""
        weight = 1 / (self.lam + last(tau2))
        return np.sum(weight, axis=-1), np.sum(weight**2, axis=-1)

    def log_det(self, tau2: Floats) -> Floats:
        """Log determinant of the covariance of the contrasts."""
        return np.sum(np.log(self.lam + last(tau2)), axis=-1)

    def log_det_ratio(self, tau2: Values) -> Floats:
        """The same less its value at 0; `tau2` may be complex."""
        return np.sum(np.log1p(last(tau2) / self.lam), axis=-1)

    def least_squares(self) -> tuple[Floats, Floats, Floats]:
        """z'z, and the traces of A'VA and of its square."""
        return np.sum(self.z2, axis=-1), np.sum(self.lam, axis=-1), np.sum(self.lam**2, axis=-1)

    def spread_ratio(self, tau2: Floats, at: Floats) -> Floats:
        """Trace of (P(at) (V + tau^2 I))^2."""
        return np.sum(((self.lam + last(tau2)) / (self.lam + last(at))) ** 2, axis=-1)

    def range(self) -> tuple[Floats, Floats, Floats]:
        """Smallest and largest eigenvalue of A'VA, and the largest square."""
        return self.lam.min(axis=-1), self.lam.max(axis=-1), self.z2.max(axis=-1)


def last(tau2: Values) -> Values:
    """With a dimension for studies behind."""
    return np.asarray(tau2)[..., None]
