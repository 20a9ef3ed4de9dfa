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
    a, d, back, forth, log_jacobian = _blockwise(V[None], G[None])
    return Rotation(a[0], d[0], back[0], forth[0], float(log_jacobian[0]))


def rotations(V: Floats, G: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Many rotations at once.

    Parameters
    ----------
    V, G : ndarray, shape (node, study, study)

    Returns
    -------
    a, d : ndarray, shape (node, study)
    forth : ndarray, shape (node, study, study)
    log_jacobian : ndarray, shape (node,)
    """
    a, d, _, forth, log_jacobian = _blockwise(V, G)
    return a, d, forth, log_jacobian


def _blockwise(V: Floats, G: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Rotations within the blocks that are dependent at any node: a, d, back, forth, log Jacobian."""
    n, k = V.shape[:2]
    a, d, back, forth = np.ones((n, k)), np.zeros((n, k)), np.zeros((n, k, k)), np.zeros((n, k, k))
    log_jacobian = np.zeros(n)
    n_blocks, label = connected_components(((V != 0) | (G != 0)).any(axis=0), directed=False)
    for block in range(n_blocks):
        rows = np.flatnonzero(label == block)
        at = np.ix_(np.arange(n), rows, rows)
        root = np.linalg.cholesky(V[at])
        inverse = np.linalg.inv(root)
        values, vectors = np.linalg.eigh(inverse @ G[at] @ np.swapaxes(inverse, -1, -2))
        least = _ZERO * np.maximum(values.max(axis=-1, keepdims=True), 0.0)
        d[:, rows] = np.where(values > least, values, 0.0)
        back[at], forth[at] = root @ vectors, np.swapaxes(vectors, -1, -2) @ inverse
        log_jacobian -= np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
    return a, d, back, forth, log_jacobian
