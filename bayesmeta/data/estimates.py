"""Effect estimates, one for each study, with their standard errors: what every model is fitted to."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data._checks import (
    Columns,
    PlainColumns,
    check_added,
    check_cluster,
    check_covariance,
    check_covariates,
    check_labels,
    check_vector,
    count,
    refuse,
)
from bayesmeta.data.tables import open_table
from bayesmeta.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class Estimates:
    """Effect estimates with known standard errors, or a known covariance, one row for each study.

    Immutable: arrays are read-only, and methods return new objects. Two are equal when `hash` is.

    Parameters
    ----------
    y : array_like of float, shape (study,)
        Observed effects, treatment minus control; ratios on the natural-log scale.
    se : array_like of float, shape (study,), optional
        Standard errors of `y`, on the same scale. Give either `se` or `cov`.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of `y`: rows are matched by position, not by index. Each column is
        complete and holds numbers only or text only; True and False become 1 and 0.
    cov : array_like of float, shape (study, study), optional
        Known covariance of `y`, for estimates that share a control arm or participants. `se` is then the
        square root of its diagonal.
    measure : str, optional
        What `y` measures (``"log_or"``, ``"md"``, ...): for reports, and so that priors published for another
        measure are refused. Not part of equality or `hash`.
    cluster : str, optional
        Covariate within whose values rows are dependent, as several effects of one study: then `fit` takes models that
        say so, ``TwoScales(..., Cluster(cluster), ...)``, and `pool` refers to `pool_nested`. Not part of `hash`.
    added : array_like of float, shape (study,), optional
        What was added to each cell of a study's counts before `y` was computed, 0 where nothing was; `effect_sizes`
        states it. Not part of `hash`.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    Examples
    --------
    >>> data = Estimates(y=[-1.9, -0.4, -0.7], se=[0.6, 0.3, 0.4], covariates={"dose": [80, 30, 42]})
    >>> data
    Estimates(n_studies=3, covariates=['dose'])
    >>> data.drop("study 1").y
    array([-0.4, -0.7])
    """

    y: NDArray[np.float64]
    se: NDArray[np.float64]
    study: tuple[str, ...]
    cov: NDArray[np.float64] | None
    measure: str | None
    cluster: str | None
    added: NDArray[np.float64] | None
    _columns: PlainColumns

    def __init__(
        self,
        y: ArrayLike,
        se: ArrayLike | None = None,
        study: Iterable[object] | None = None,
        covariates: Columns | None = None,
        cov: ArrayLike | None = None,
        measure: str | None = None,
        cluster: str | None = None,
        added: ArrayLike | None = None,
    ) -> None:
        effects = check_vector("y", y)
        n = effects.size
        if n == 0:
            raise DataError("y has no values: a meta-analysis needs at least one study.")
        labels = check_labels(study, n)
        refuse(~np.isfinite(effects), effects, labels, "y must be a finite number")
        if (se is None) == (cov is None):
            raise DataError(f"give either se or cov; got {'neither' if se is None else 'both'}.")
        covariance = None if cov is None else check_covariance(cov, labels)
        errors = check_vector("se", se) if covariance is None else np.sqrt(np.diag(covariance))
        if errors.size != n:
            raise DataError(f"y has {count(n)} and se has {errors.size}: give one standard error for each study.")
        refuse(~np.isfinite(errors), errors, labels, "se must be a finite number")
        refuse(errors <= 0, errors, labels, "se must be positive")
        columns = check_covariates(covariates, labels)
        for array in (effects, errors, covariance):
            if array is not None:
                array.setflags(write=False)
        for field, value in (("y", effects), ("se", errors), ("study", labels), ("cov", covariance)):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "measure", measure)
        object.__setattr__(self, "cluster", check_cluster(cluster, columns))
        object.__setattr__(self, "added", check_added(added, labels))
        object.__setattr__(self, "_columns", columns)

    @classmethod
    def from_frame(
        cls,
        frame: Columns,
        y: str = "y",
        se: str = "se",
        study: str | None = "study",
        *,
        covariates: Sequence[str] | None = None,
        level: float = 0.95,
        measure: str | None = None,
        cov: ArrayLike | None = None,
        cluster: str | None = None,
    ) -> Estimates:
        """Build from a data frame; messages count rows from 1.

        Parameters
        ----------
        frame : DataFrame or mapping of columns
            One row for each study. In place of `se` it may have ``v`` (its square) or ``lower, upper``. Several rows of
            one study need their covariance: ``cov_1, cov_2, ...`` with the first, second, ... row of the study, or
            ``se_ref``, the standard error of the arm that its contrasts share, or ``arm`` and ``reference`` of every
            contrast that it printed; or `cov`, or `cluster`. ``measure`` and ``added`` are read too.
        y, se, study : str
            The columns to use; ``study=None`` labels the studies ``study 1``, ``study 2``, ...
        covariates : sequence of str, optional
            Columns to keep as covariates; by default all that are not used otherwise.
        level : float, default 0.95
            Coverage of the confidence interval from ``lower`` to ``upper``.
        measure : str, optional
            What `y` measures, as in `effect_sizes`; priors published for another measure are then refused.
        cov : array_like of float, shape (row, row), optional
            Known covariance of all rows, in place of `se`.
        cluster : str, optional
            Column within whose values rows are dependent through their true effects, as in `Estimates`; the column of
            the studies' labels becomes the covariate ``trial``.

        Returns
        -------
        Estimates

        Raises
        ------
        DataError
            If a column or a value is missing or cannot be right, or rows of one study carry no covariance.

        Examples
        --------
        >>> Estimates.from_frame({"trial": ["A", "B"], "y": [0.1, 0.3], "v": [0.04, 0.09]}, study="trial").se
        array([0.2, 0.3])
        """
        from bayesmeta.data.estimate_tables import from_table

        return from_table(open_table(frame, "data frame"), y, se, study, covariates, level, measure, cov, cluster)

    @property
    def v(self) -> NDArray[np.float64]:
        """Sampling variances, ``se**2``."""
        return self.se**2

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.study)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates, in order."""
        return tuple(name for name, _ in self._columns)

    @property
    def covariates(self) -> pd.DataFrame:
        """A copy of the covariates: one row for each study, indexed by study label."""
        import pandas as pd

        index = pd.Index(list(self.study), name="study")
        return pd.DataFrame({name: list(values) for name, values in self._columns}, index=index)

    @property
    def hash(self) -> str:
        """SHA-256 of y, se or cov, study labels and covariates, in hexadecimal: the same on every platform.

        The order of studies counts, the order of covariates does not, and 1 equals 1.0.
        """
        digest = hashlib.sha256(b"bayesmeta.Estimates/1")
        parts = [("y", _pack(self.y)), ("study", _pack_texts(self.study))]
        parts.append(("se", _pack(self.se)) if self.cov is None else ("cov", _pack(self.cov)))
        for name, values in sorted(self._columns):
            texts = [v for v in values if isinstance(v, str)]
            packed = b"text" + _pack_texts(texts) if texts else b"number" + _pack(np.array(values, dtype=np.float64))
            parts.append((f"covariate {name}", packed))
        for name, packed in parts:
            digest.update(_pack_texts([name]) + struct.pack("<q", len(packed)) + packed)
        return digest.hexdigest()

    def subset(self, mask: ArrayLike) -> Estimates:
        """Keep the studies where `mask` is true.

        Parameters
        ----------
        mask : array_like of bool, shape (study,)

        Returns
        -------
        Estimates

        Raises
        ------
        DataError
            If `mask` is not one true or false for each study, or keeps none.

        Examples
        --------
        >>> data = Estimates(y=[0.1, 0.3, -0.2], se=[0.2, 0.1, 0.3])
        >>> data.subset(data.se < 0.25).study
        ('study 1', 'study 2')
        """
        keep = np.asarray(mask)
        if keep.dtype != np.bool_ or keep.shape != self.y.shape:
            raise DataError(
                f"mask must hold one true or false for each of {self.n_studies} studies; "
                f"got {keep.dtype} of shape {keep.shape}."
            )
        if not keep.any():
            raise DataError("mask is false for every study: nothing would be left.")
        rows = np.flatnonzero(keep)
        return Estimates(
            y=self.y[rows],
            se=self.se[rows] if self.cov is None else None,
            study=[self.study[i] for i in rows],
            covariates={name: [values[i] for i in rows] for name, values in self._columns},
            cov=None if self.cov is None else self.cov[np.ix_(rows, rows)],
            measure=self.measure,
            cluster=self.cluster,
            added=None if self.added is None else self.added[rows],
        )

    def drop(self, study: str | Iterable[str]) -> Estimates:
        """Leave out one study, or several, by label.

        Parameters
        ----------
        study : str or iterable of str

        Returns
        -------
        Estimates

        Raises
        ------
        DataError
            If there is no such study, or none would be left.

        Examples
        --------
        >>> Estimates(y=[0.1, 0.3, -0.2], se=[0.2, 0.1, 0.3]).drop("study 2").study
        ('study 1', 'study 3')
        """
        gone = {study} if isinstance(study, str) else set(study)
        for label in sorted(gone):
            if label not in self.study:
                raise DataError(f"there is no study {label!r} to drop.{did_you_mean(label, self.study)}")
        return self.subset(np.array([label not in gone for label in self.study]))

    def to_frame(self) -> pd.DataFrame:
        """Return the table that `from_frame` takes, with the covariance, the measure and what was added where known."""
        from bayesmeta.data.estimate_tables import to_columns

        frame = self.covariates.reset_index()
        frame.insert(1, "y", self.y.copy())
        frame.insert(2, "se", self.se.copy())
        return frame.assign(**to_columns(self))

    def __len__(self) -> int:
        return len(self.study)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if type(other) is Estimates else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __reduce__(self) -> tuple[type[Estimates], tuple[object, ...]]:
        se = self.se if self.cov is None else None
        known = (self.measure, self.cluster, self.added)
        return Estimates, (self.y, se, self.study, dict(self._columns), self.cov, *known)

    def __repr__(self) -> str:
        measure = f", measure={self.measure!r}" if self.measure else ""
        cov = ", cov=known" if self.cov is not None else ""
        cluster = f", cluster={self.cluster!r}" if self.cluster else ""
        known = f"{cov}{measure}{cluster}" + ("" if self.added is None else f", added={self.added.tolist()}")
        return f"Estimates(n_studies={self.n_studies}, covariates={list(self.covariate_names)}{known})"


def _pack(values: NDArray[np.float64]) -> bytes:
    return struct.pack("<q", values.size) + np.ascontiguousarray(values + 0.0, dtype="<f8").tobytes()


def _pack_texts(texts: Iterable[str]) -> bytes:
    encoded = [text.encode() for text in texts]
    return struct.pack("<q", len(encoded)) + b"".join(struct.pack("<q", len(e)) + e for e in encoded)
