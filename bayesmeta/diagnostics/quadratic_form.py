"""Distribution of Cochran's Q when tau is not known: a mixture of weighted sums of chi-squares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NODES = 16  # on half the contour: an error of 8.1 ** -16, at which rounding begins
_TERMS = 6  # how many chi-squares turn the integrand so much that the contour needs as many nodes again


def quadratic_tail(q: float, factors: Floats, weights: Floats) -> tuple[float, float]:
    """Probabilities of at most and of more than `q`, for a sum of scaled chi-squares with one degree of freedom each.

    The Laplace transform, a mean of ``prod((1 + 2 z factor)^-1/2)``, has its singularities at negative z: it is inverted
    along a parabola around them, on which the trapezoid rule converges geometrically.

    Parameters
    ----------
    q : float
    factors : ndarray of float, shape (node, term)
        Scale of each chi-square, for each of the values that they are mixed over.
    weights : ndarray of float, shape (node,)
        They sum to one.

    Returns
    -------
    tuple of float
        Both to about 1e-13 for up to 50 terms, 1e-10 for 150 and 1e-6 for 400, whatever their size.

    References
    ----------
    Weideman and Trefethen (2007), Math. Comput. 76:1341-1356, doi:10.1090/S0025-5718-07-01945-X
    """
    if q <= 0:
        return 0.0, 1.0
    n = _NODES * (1 + factors.shape[1] // _TERMS)
    step = 3 / n
    u = (np.arange(n) + 0.5) * step
    size = max(math.pi * _NODES / 12, math.sqrt(factors.shape[1])) / q  # where the contour crosses the real line
    z, slope = size * (1 + 1j * u) ** 2, 2j * size * (1 + 1j * u)
    transform = weights @ np.exp(-0.5 * np.log(1 + 2 * factors[:, :, None] * z).sum(axis=1))
    kernel = np.exp(z * q) * slope / z * step / math.pi
    less, greater = (kernel * transform).imag.sum(), (kernel * (1 - transform)).imag.sum()
    return float(np.clip(less, 0.0, 1.0)), float(np.clip(greater, 0.0, 1.0))


def heterogeneity_factors(X: Floats, v: Floats, g: Floats) -> tuple[Floats, Floats]:
    """What Cochran's Q is made of, in the model y ~ N(X beta, V + tau^2 G).

    Parameters
    ----------
    X : ndarray, shape (study, coefficient)
    v, g : ndarray, shape (study,) or (study, study)
        V and G, or their diagonals.

    Returns
    -------
    basis : ndarray, shape (study, degree of freedom)
        Q is the sum of squares of ``y @ basis``, whatever beta.
    slopes : ndarray, shape (degree of freedom,)
        Q is distributed as ``sum((1 + tau^2 slope) chi-square)``.
    """
    V, G = (np.diag(m) if m.ndim == 1 else m for m in (v, g))
    inverse = np.linalg.inv(np.linalg.cholesky(V))
    whitened = inverse @ X
    rank = np.linalg.matrix_rank(whitened) if X.shape[1] else 0
    null_space = np.linalg.svd(whitened)[0][:, rank:] if rank else np.eye(len(V))
    basis = inverse.T @ null_space
    return basis, np.maximum(np.linalg.eigvalsh(basis.T @ G @ basis), 0.0)
