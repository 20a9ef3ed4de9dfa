"""Two arms measured at baseline and afterwards, with whatever was printed of how the two measurements go together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data._checks import Columns, PlainColumns, check_covariates, check_labels, check_vector, count
from bayesmeta.data.change_checks import (
    CHANGE,
    COLUMNS,
    POST,
    PRE,
    check_changes,
    implied_correlation,
    refuse_near_names,
)
from bayesmeta.data.tables import TableSource, open_table
from bayesmeta.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class ArmChanges:
    """A treatment and a control arm, each measured at baseline and afterwards, one row for each study; nan is not reported.

    Immutable; two are equal when `hash` is. For `ChangeNormal`, in which the correlation of a participant's two
    measurements is a parameter. A study reports one of three: both times; the changes alone; the time afterwards alone.

    Parameters
    ----------
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm, measured twice where both times or the changes are reported.
    mean_pre_t, sd_pre_t, mean_pre_c, sd_pre_c : array_like of float, shape (study,), optional
        Mean and standard deviation of each arm at baseline, in units of the outcome.
    mean_post_t, sd_post_t, mean_post_c, sd_post_c : array_like of float, shape (study,), optional
        The same afterwards.
    mean_change_t, mean_change_c : array_like of float, shape (study,), optional
        Mean change of each arm, where the two times are not reported.
    sd_change_t, sd_change_c : array_like of float, shape (study,), optional
        Standard deviation of the changes; with those of both times it tells the correlation in its arm.
    correlation : array_like of float, shape (study,), optional
        Correlation of the two measurements within arms, as printed.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of the studies.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    References
    ----------
    Higgins & Green (2011), Cochrane Handbook 5.1.0, section 16.1.3.2 (the correlation from three standard deviations)

    Examples
    --------
    >>> data = ArmChanges(
    ...     n_t=[40], mean_pre_t=[15], sd_pre_t=[5], mean_post_t=[11], sd_post_t=[6], sd_change_t=[4],
    ...     n_c=[41], mean_pre_c=[16], sd_pre_c=[5], mean_post_c=[15], sd_post_c=[5], sd_change_c=[4],
    ... )
    >>> data, data.implied_correlation
    (ArmChanges(n_studies=1, unknown_correlations=0, covariates=[]), array([[0.75, 0.68]]))
    """

    n_t: Floats
    mean_pre_t: Floats
    sd_pre_t: Floats
    mean_post_t: Floats
    sd_post_t: Floats
    mean_change_t: Floats
    sd_change_t: Floats
    n_c: Floats
    mean_pre_c: Floats
    sd_pre_c: Floats
    mean_post_c: Floats
    sd_post_c: Floats
    mean_change_c: Floats
    sd_change_c: Floats
    correlation: Floats
    study: tuple[str, ...]
    _columns: PlainColumns

    def __init__(
        self,
        *,
        n_t: ArrayLike,
        n_c: ArrayLike,
        mean_pre_t: ArrayLike | None = None,
        sd_pre_t: ArrayLike | None = None,
        mean_pre_c: ArrayLike | None = None,
        sd_pre_c: ArrayLike | None = None,
        mean_post_t: ArrayLike | None = None,
        sd_post_t: ArrayLike | None = None,
        mean_post_c: ArrayLike | None = None,
        sd_post_c: ArrayLike | None = None,
        mean_change_t: ArrayLike | None = None,
        sd_change_t: ArrayLike | None = None,
        mean_change_c: ArrayLike | None = None,
        sd_change_c: ArrayLike | None = None,
        correlation: ArrayLike | None = None,
        study: Iterable[object] | None = None,
        covariates: Columns | None = None,
    ) -> None:
        values = locals()
        arrays = {name: check_vector(name, values[name]) for name in COLUMNS if values[name] is not None}
        n = arrays["n_t"].size
        if n == 0:
            raise DataError("n_t has no values: a meta-analysis needs at least one study.")
        for name, array in arrays.items():
            if array.size != n:
                raise DataError(f"n_t has {count(n)} and {name} has {array.size}: give one for each study.")
        arrays = {name: arrays.get(name, np.full(n, np.nan)) for name in COLUMNS}
        labels = check_labels(study, n)
        self._set(arrays, labels, check_covariates(covariates, labels), lambda i, name: f"study {labels[i]!r}")

    def _set(
        self,
        arrays: dict[str, Floats],
        labels: tuple[str, ...],
        columns: PlainColumns,
        place: Callable[[int, str], str],
    ) -> None:
        check_changes(arrays, place)
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "study", labels)
        object.__setattr__(self, "_columns", columns)

    @classmethod
    def from_frame(cls, frame: TableSource, *, covariates: Sequence[str] | None = None) -> ArmChanges:
        """Build from a data frame, a mapping of columns, or the path of a CSV file.

        Parameters
        ----------
        frame : DataFrame, mapping of columns, str or Path
            Columns ``study n_t n_c`` and those of the constructor that any study reports; a missing value is one that was
            not reported. Where a time has one of its columns it has all four.
        covariates : sequence of str, optional
            Columns to keep as covariates; by default all that are not used otherwise.

        Returns
        -------
        ArmChanges

        Raises
        ------
        DataError
            If a column or a value is missing or cannot be right: one line that names the row, the column, the
            value and the rule. A row of a file is named by its line, so the first study is row 2.

        Examples
        --------
        >>> columns = {"study": ["A", "B"], "n_t": [20, 9], "n_c": [20, 9], "mean_change_t": [-2.1, -1.5],
        ...            "sd_change_t": [1.9, 2.4], "mean_change_c": [-0.3, -0.4], "sd_change_c": [1.8, 2.2]}
        >>> ArmChanges.from_frame(columns).mean_change_t
        array([-2.1, -1.5])
        """
        table = open_table(frame, "arm table")
        table.require("study", "n_t", "n_c")
        for group in (PRE, POST, CHANGE):
            if any(name in table.columns for name in group):
                table.require(*(name for name in group if group is not CHANGE or name.startswith("sd_")))
        if not any(name in table.columns for name in ("mean_post_t", "mean_change_t")):
            table.require(*POST)
        arrays = {name: table.numbers(name) for name in ("n_t", "n_c")}
        for name in COLUMNS[2:]:
            arrays[name] = table.numbers_or_nan(name) if name in table.columns else np.full(len(table), np.nan)
        labels = table.labels()
        if covariates is None:
            refuse_near_names(table.columns, table.source)
        kept = table.covariates(covariates, used=("study", *COLUMNS))
        made = object.__new__(cls)
        made._set(arrays, tuple(labels), check_covariates(kept, tuple(labels)), table.cell)
        return made

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.study)

    @property
    def both_times(self) -> NDArray[np.bool_]:
        """Whether baseline and afterwards are both reported, shape (study,)."""
        return np.isfinite(self.mean_pre_t)

    @property
    def changes_only(self) -> NDArray[np.bool_]:
        """Whether the changes alone are reported, shape (study,)."""
        return np.isfinite(self.mean_change_t)

    @property
    def implied_correlation(self) -> Floats:
        """Correlation in each arm from its three standard deviations, shape (study, 2), treatment first; nan without."""
        return implied_correlation({name: getattr(self, name) for name in COLUMNS})

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether the correlation was printed, follows from what was, or is not needed, shape (study,)."""
        told = np.isfinite(self.correlation) | np.isfinite(self.implied_correlation).any(axis=1)
        return np.asarray(told | ~self.both_times)

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
        """SHA-256 of the content, the same on every machine."""
        parts = [(name, getattr(self, name).tolist()) for name in COLUMNS]
        rest = (self.study, sorted(self._columns))
        return hashlib.sha256(repr(("bayesmeta.ArmChanges/1", parts, rest)).encode()).hexdigest()

    def subset(self, mask: ArrayLike) -> ArmChanges:
        """Keep the studies where `mask`, shape (study,), is true.

        Examples
        --------
        >>> pre, post = dict.fromkeys(["mean_pre_t", "sd_pre_t"], [5, 4]), dict.fromkeys(["mean_post_t", "sd_post_t"], [3, 3])
        >>> pre |= dict.fromkeys(["mean_pre_c", "sd_pre_c"], [5, 5])
        >>> post |= dict.fromkeys(["mean_post_c", "sd_post_c"], [4, 5])
        >>> data = ArmChanges(n_t=[9, 9], n_c=[9, 9], **pre, **post, correlation=[0.5, float("nan")])
        >>> data.subset(data.complete).study
        ('study 1',)
        """
        keep = np.asarray(mask)
        if keep.dtype != np.bool_ or keep.shape != self.n_t.shape:
            raise DataError(f"mask must hold one true or false for each of {self.n_studies} studies; got {mask!r}.")
        if not keep.any():
            raise DataError("mask is false for every study: nothing would be left.")
        rows = np.flatnonzero(keep)
        return ArmChanges(
            **{name: getattr(self, name)[rows] for name in COLUMNS},
            study=[self.study[i] for i in rows],
            covariates={name: [values[i] for i in rows] for name, values in self._columns},
        )

    def __len__(self) -> int:
        return len(self.study)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if type(other) is ArmChanges else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        unknown = int((~self.complete).sum())
        return (
            f"ArmChanges(n_studies={self.n_studies}, unknown_correlations={unknown}, "
            f"covariates={list(self.covariate_names)})"
        )
