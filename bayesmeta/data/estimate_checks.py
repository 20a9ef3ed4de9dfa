"""What `Estimates` checks beside its columns; each function returns a clean copy or raises DataError."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.data.study_columns import Floats, count, vector
from bayesmeta.errors import DataError, did_you_mean
from bayesmeta.numbers import real_array


def check_covariance(cov: ArrayLike, labels: tuple[str, ...]) -> Floats:
    """Return a known covariance of the estimates: finite, symmetric and positive definite."""
    array = real_array("cov", cov) + 0.0
    n = len(labels)
    if array.shape != (n, n):
        raise DataError(f"cov must have shape ({n}, {n}), a row and a column for each study; got {array.shape}.")
    for i, j in np.argwhere(~np.isfinite(array)):
        pair = f"studies {labels[i]!r} and {labels[j]!r}"
        raise DataError(f"cov of {pair} must be a finite number; got {array[i, j]}.")
    for i in np.flatnonzero(np.diag(array) <= 0):
        raise DataError(f"study {labels[i]!r}: its variance in cov must be positive; got {array[i, i]:g}.")
    scale = np.sqrt(np.outer(np.diag(array), np.diag(array)))
    for i, j in np.argwhere(np.abs(array - array.T) > 1e-8 * scale):
        pair = f"studies {labels[i]!r} and {labels[j]!r}"
        raise DataError(f"cov must be symmetric; {pair} have both {array[i, j]:g} and {array[j, i]:g}.")
    array = (array + array.T) / 2
    correlations = array / scale
    try:
        np.linalg.cholesky(correlations - 1e-10 * np.eye(n))  # ten times as fast as their eigenvalues
    except np.linalg.LinAlgError:
        smallest = float(np.linalg.eigvalsh(correlations)[0])
        raise DataError(
            f"cov must be positive definite; its correlations have an eigenvalue of {smallest:.3g}. When one "
            "estimate follows from the others, leave it out."
        ) from None
    array.setflags(write=False)
    return array


def check_cluster(cluster: str | None, names: Sequence[str]) -> str | None:
    """Return the name of the covariate of clusters, which there must be."""
    if cluster is not None and cluster not in names:
        raise DataError(
            f"cluster={cluster!r}: there is no such covariate.{did_you_mean(str(cluster), names)} "
            f"Covariates: {', '.join(names) or 'none'}."
        )
    return cluster


def check_added(added: ArrayLike | None, labels: tuple[str, ...]) -> Floats | None:
    """Return what was added to the cells of each study, or None where nothing was."""
    if added is None:
        return None
    array = vector("added", added)
    if array.shape != (len(labels),):
        raise DataError(f"added has {count(array.size)} for {len(labels)} studies.")
    for i in np.flatnonzero(~(np.isfinite(array) & (array >= 0))):
        raise DataError(f"study {labels[i]!r}: added must be a finite number, 0 or above; got {array[i]:g}.")
    return array if array.any() else None
