"""What `Estimates` checks when it is built; each function returns a clean copy or raises DataError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.cells import Labels
from bayesmeta.data.columns import Places
from bayesmeta.data.tables import frame_columns, plain_column, unique_labels
from bayesmeta.errors import DataError, did_you_mean
from bayesmeta.numbers import real_array

if TYPE_CHECKING:
    import pandas as pd

type Columns = pd.DataFrame | Mapping[str, Sequence[object] | NDArray[Any]]
type PlainColumns = tuple[tuple[str, tuple[int | float | str, ...]], ...]


def check_vector(name: str, values: ArrayLike | None) -> NDArray[np.float64]:
    """Return a one-dimensional float array, sharing no memory with the caller's."""
    array = _floats(name, values)
    if array.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, one value for each study; got shape {array.shape}.")
    return array


def refuse(bad: NDArray[np.bool_], values: NDArray[np.float64], labels: tuple[str, ...], rule: str) -> None:
    """Name the first study that is bad, its value and the rule."""
    what = "standard error" if rule.startswith("se ") else "effect"
    for i in np.flatnonzero(bad):
        hint = f"Leave the study out if its {what} is not known."
        raise DataError(f"study {labels[i]!r}: {rule}; got {float(values[i])!r}. {hint}")


def check_labels(study: Iterable[object] | None, n: int) -> tuple[str, ...]:
    """Return `n` study labels, none twice; ``study 1``, ``study 2``, ... by default."""
    if study is None:
        return tuple(f"study {i}" for i in range(1, n + 1))
    if isinstance(study, str):
        raise DataError(f"study must be a sequence with one label for each study; got the text {study!r}.")
    if isinstance(study, Labels) and len(study) == n:
        return tuple(study)
    labels = tuple(study)
    if len(labels) != n:
        raise DataError(f"y has {count(n)} and study has {len(labels)}: give one label for each study.")
    checked: tuple[str, ...] = unique_labels(labels, lambda i: f"study labels, row {i + 1}", range(1, n + 1))
    return tuple(checked)


def check_covariates(covariates: Columns | None, labels: tuple[str, ...]) -> PlainColumns:
    """Return covariates as complete columns of one type, in the order of the studies."""
    if covariates is None:
        return ()
    frame = hasattr(covariates, "columns")  # a mapping has no index
    index = [str(x) for x in getattr(covariates, "index", ())] if frame else []
    if len(index) == len(labels) and index != list(labels) and sorted(index) == sorted(labels):
        raise DataError(
            "the index of covariates holds the study labels in another order than y, and rows are matched by "
            "position. Use covariates.loc[study]."
        )
    columns = []
    for name, cells in frame_columns(covariates, "covariates").items():
        if len(cells) != len(labels):
            raise DataError(f"covariate {name!r} has {count(len(cells))} for {len(labels)} studies.")
        places = Places(len(labels), partial(_place, name, labels))
        columns.append((name, plain_column(cells, places.__getitem__)))
    return tuple(columns)


def _place(name: str, labels: tuple[str, ...], i: int) -> str:
    return f"study {labels[i]!r}, covariate {name!r}"


def check_covariance(cov: ArrayLike, labels: tuple[str, ...]) -> NDArray[np.float64]:
    """Return a known covariance of the estimates: finite, symmetric and positive definite."""
    array = _floats("cov", cov)
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
    return array


def check_cluster(cluster: str | None, columns: PlainColumns) -> str | None:
    """Return the name of the covariate of clusters, which there must be."""
    names = [name for name, _ in columns]
    if cluster is not None and cluster not in names:
        raise DataError(
            f"cluster={cluster!r}: there is no such covariate.{did_you_mean(str(cluster), names)} "
            f"Covariates: {', '.join(names) or 'none'}."
        )
    return cluster


def check_added(added: ArrayLike | None, labels: tuple[str, ...]) -> NDArray[np.float64] | None:
    """Return what was added to the cells of each study, or None where nothing was."""
    if added is None:
        return None
    array = check_vector("added", added)
    if array.shape != (len(labels),):
        raise DataError(f"added has {count(array.size)} for {len(labels)} studies.")
    for i in np.flatnonzero(~(np.isfinite(array) & (array >= 0))):
        raise DataError(f"study {labels[i]!r}: added must be a finite number, 0 or above; got {array[i]:g}.")
    array.setflags(write=False)
    return array if array.any() else None


def count(n: int) -> str:
    """Return ``"1 value"``, ``"2 values"``, ...

    Examples
    --------
    >>> count(1), count(3)
    ('1 value', '3 values')
    """
    return f"{n} value{'s' if n != 1 else ''}"


def _floats(name: str, values: ArrayLike | None) -> NDArray[np.float64]:
    return real_array(name, values) + 0.0  # -0.0 becomes 0.0: they compare equal, and should hash so
