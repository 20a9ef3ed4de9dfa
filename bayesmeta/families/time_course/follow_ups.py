"""The follow-ups of each study: which rows belong together, how far apart they are, and the matrices that follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import TRIAL, Estimates
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.spec.time_course import TimeCourse

Floats = NDArray[np.float64]
_LOG_2 = float(np.log(2))


@dataclass(frozen=True, eq=False)
class FollowUps:
    """Rows of a table of estimates by study and time.

    Attributes
    ----------
    label : tuple of str
        Of the study of each row.
    time : ndarray, shape (row,)
    se : ndarray, shape (row,)
    cov : ndarray, shape (row, row), or None
        Covariance of the sampling errors, where the data have it.
    """

    label: tuple[str, ...]
    time: Floats
    se: Floats
    cov: Floats | None

    @cached_property
    def same(self) -> Floats:
        """One where two rows are of one study, zero elsewhere, shape (row, row)."""
        return np.array([[float(a == b) for b in self.label] for a in self.label])

    @cached_property
    def gap(self) -> Floats:
        """Time between two rows of a study, zero between studies."""
        return np.asarray(self.same * np.abs(self.time[:, None] - self.time))

    @cached_property
    def studies(self) -> list[NDArray[np.intp]]:
        """Rows of each study."""
        label = np.array(self.label, dtype=object)
        return [np.flatnonzero(label == name) for name in dict.fromkeys(self.label)]

    @property
    def repeated(self) -> bool:
        """Whether any study has several follow-ups."""
        return len(self.studies) < len(self.label)


def follow_ups(data: Estimates, model: TimeCourse) -> FollowUps:
    """The follow-ups of estimates.

    Raises
    ------
    DataError, SpecificationError
        If there is no column of times, it holds text or a negative time, or a study has two rows at one time.
    """
    name, names = model.time, data.covariate_names
    if name in data.left_out:
        raise DataError(f"time={name!r}: {data.left_out[name]}")
    if name not in names:
        raise SpecificationError(
            f"time={name!r}: no such covariate.{did_you_mean(name, names)} Covariates: {', '.join(names) or 'none'}."
        )
    values = list(data.covariates[name])
    label = tuple(map(str, data.covariates[TRIAL])) if TRIAL in names else data.study
    seen: dict[tuple[str, float], str] = {}
    for row, trial, value in zip(data.study, label, values, strict=True):
        if isinstance(value, str):
            raise DataError(f"study {row!r}: {name} is {value!r}; times are numbers, in one unit for all studies.")
        if value < 0:
            raise DataError(f"study {row!r}: {name} is {value:g}; a time of follow-up is 0 or above.")
        if (trial, float(value)) in seen:
            raise DataError(
                f"study {row!r}: {seen[trial, float(value)]!r} is of the same study ({TRIAL} {trial!r}) at the same {name}, "
                f"{value:g}. Keep one estimate for each time."
            )
        seen[trial, float(value)] = row
    return FollowUps(label, np.array(values, dtype=float), data.se, data.cov)


def correlations(kind: str, rows: FollowUps, rho: Any, at: NDArray[np.intp] | None = None) -> Any:
    """Correlations of rows over time, zero between studies, shape (..., row, row).

    Parameters
    ----------
    kind : {"compound_symmetry", "ar1"}
    rho : float, array of shape (...), or a variable of a graph
    at : ndarray of int, optional
        Rows, by default all.
    """
    chosen = np.arange(len(rows.label)) if at is None else at
    pairs = np.ix_(chosen, chosen)
    same, gap = rows.same[pairs], rows.gap[pairs]
    rho = rho[..., None, None] if hasattr(rho, "ndim") else rho
    if kind == "ar1":
        return same * rho**gap
    alone = np.eye(len(chosen))
    return alone + rho * (same - alone)


def error_covariance(model: TimeCourse, rows: FollowUps, rho: Any, at: NDArray[np.intp] | None = None) -> Any:
    """Covariance of the sampling errors: that of the data, or with the correlation `rho` over time."""
    chosen = np.arange(len(rows.label)) if at is None else at
    if rows.cov is not None:
        return rows.cov[np.ix_(chosen, chosen)]
    size = np.outer(rows.se[chosen], rows.se[chosen])
    if rho is None:
        return size * np.eye(len(chosen))
    return size * correlations(model.within, rows, rho, at)


def course(curve: str, time: Any, half_time: Any, exp: Any) -> Any:
    """What mu is multiplied by at a time: 2^(-t / half_time), or t / (half_time + t)."""
    if curve == "exponential":
        return exp(-_LOG_2 * time / half_time)
    return time / (half_time + time)
