"""Any known sampling covariance V and between-study structure G, turned into independent studies.

With V = L L' and L^-1 G L^-T = Q D Q', the rotated effects Q' L^-1 y have covariance I + tau^2 D for every tau.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
_ZERO = 1e-13  # of the largest eigenvalue: what rounding leaves of one that is zero, a few hundred times 2e-16


@dataclass(frozen=True, slots=True)
class Rotation:
    """Independent variances a + tau^2 d, and the matrix B with y = B y*.

    Attributes
    ----------
    a, d : ndarray, shape (study,)
    back : ndarray of shape (study, study), or None
        B, so that theta = X beta + B u*; None where nothing was rotated.
    log_jacobian : float
        Log density of y over that of y*.
    """

    a: Floats
    d: Floats
    back: Floats | None = None
    forth: Floats | None = None
    log_jacobian: float = 0.0

    def apply(self, x: Floats) -> Floats:
        """Rotate effects or columns of the design, shape (study, ...)."""
        return x if self.forth is None else self.forth @ x


def rotate(V: Floats, G: Floats | None = None) -> Rotation:
    """Rotation that makes the studies independent.

    Parameters
    ----------
    V : ndarray, shape (study,) or (study, study)
        Sampling variances, or their positive definite covariance.
    G : ndarray, shape (study,) or (study, study), optional
        What tau^2 multiplies, positive semidefinite; the identity by default.
    """
    k = len(V)
    G = np.ones(k) if G is None else G
    if V.ndim == 1 and G.ndim == 1:
        return Rotation(V, G)
    V, G = (np.diag(x) if x.ndim == 1 else x for x in (V, G))
    a, d, back, forth = np.ones(k), np.zeros(k), np.zeros((k, k)), np.zeros((k, k))
    log_jacobian = 0.0
    n_blocks, label = connected_components((V != 0) | (G != 0), directed=False)
    for block in range(n_blocks):
        rows = np.flatnonzero(label == block)
        at = np.ix_(rows, rows)
        root = np.linalg.cholesky(V[at])
        inverse = np.linalg.inv(root)
        values, vectors = np.linalg.eigh(inverse @ G[at] @ inverse.T)
        d[rows] = np.where(values > _ZERO * max(values.max(), 0.0), values, 0.0)
        back[at], forth[at] = root @ vectors, vectors.T @ inverse
        log_jacobian -= float(np.log(np.diag(root)).sum())
    return Rotation(a, d, back, forth, log_jacobian)
