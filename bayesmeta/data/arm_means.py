"""Means of two arms with whatever was printed of their spread: a standard deviation, a standard error, either, nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data._checks import Columns, PlainColumns, check_covariates, check_labels, check_vector, count
from bayesmeta.data.cells import is_missing
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
SPREADS = ("sd", "se", "sd_or_se")
_NUMBERS = ("n_t", "mean_t", "sd_t", "n_c", "mean_c", "sd_c")
_KNOWN = "A mean or an arm size that is not known cannot be a parameter here: leave the study out."


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class ArmMeans:
    """Means of a treatment and a control arm, one row for each study; a spread that was not reported is nan.

    Immutable; two are equal when `hash` is. For `ArmNormal`, in which every standard deviation is a parameter.

    Parameters
    ----------
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    mean_t, mean_c : array_like of float, shape (study,)
        Mean outcome in each arm.
    sd_t, sd_c : array_like of float, shape (study,)
        What was printed as the spread of each arm, in units of the outcome; nan where nothing was.
    spread : str or sequence of str, default "sd"
        What the printed spread of a study is: ``"sd"``, a standard deviation; ``"se"``, the standard error of the
        arm's mean; ``"sd_or_se"``, one of the two, the same in both arms, and nobody says which.
    instrument : str or sequence of str, default "outcome"
        The scale on which a study measured: studies on one instrument borrow standard deviations from each other.
    study : sequence of str, optional
        One label for each study, none twice; ``study 1``, ``study 2``, ... by default.
    covariates : DataFrame or mapping of columns, optional
        Study-level covariates in the order of the studies.

    Raises
    ------
    DataError
        If anything cannot be right; the message names the study, the value and the rule.

    Examples
    --------
    >>> data = ArmMeans(
    ...     n_t=[30, 20], mean_t=[2.7, 3.1], sd_t=[0.5, float("nan")],
    ...     n_c=[30, 20], mean_c=[5.4, 5.0], sd_c=[0.5, float("nan")],
    ...     spread=["sd_or_se", "sd"], study=["A", "B"],
    ... )
    >>> data, data.difference.round(1)
    (ArmMeans(n_studies=2, missing_sds=2, covariates=[]), array([-2.7, -1.9]))
    """

    n_t: Floats
    mean_t: Floats
    sd_t: Floats
    n_c: Floats
    mean_c: Floats
    sd_c: Floats
    spread: tuple[str, ...]
    instrument: tuple[str, ...]
    study: tuple[str, ...]
    _columns: PlainColumns

    def __init__(
        self,
        *,
        n_t: ArrayLike,
        mean_t: ArrayLike,
        sd_t: ArrayLike,
        n_c: ArrayLike,
        mean_c: ArrayLike,
        sd_c: ArrayLike,
        spread: str | Sequence[str] = "sd",
        instrument: str | Sequence[str] = "outcome",
        study: Iterable[object] | None = None,
        covariates: Columns | None = None,
    ) -> None:
        given = dict(zip(_NUMBERS, (n_t, mean_t, sd_t, n_c, mean_c, sd_c), strict=True))
        arrays = {name: check_vector(name, values) for name, values in given.items()}
        n = arrays["n_t"].size
        if n == 0:
            raise DataError("n_t has no values: a meta-analysis needs at least one study.")
        for name, array in arrays.items():
            if array.size != n:
                raise DataError(f"n_t has {count(n)} and {name} has {array.size}: give one for each study.")
        labels = check_labels(study, n)
        spreads = _texts("spread", spread, n)
        _check_spreads(spreads, [f"study {label!r}" for label in labels])
        _check_numbers(arrays, lambda i, name: f"study {labels[i]!r}")
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "spread", spreads)
        object.__setattr__(self, "instrument", _texts("instrument", instrument, n))
        object.__setattr__(self, "study", labels)
        object.__setattr__(self, "_columns", check_covariates(covariates, labels))

    @classmethod
    def from_frame(cls, frame: TableSource, *, covariates: Sequence[str] | None = None) -> ArmMeans:
        """Build from a data frame, a mapping of columns, or the path of a CSV file.

        Parameters
        ----------
        frame : DataFrame, mapping of columns, str or Path
            Columns ``study n_t mean_t sd_t n_c mean_c sd_c``, and ``spread`` and ``instrument`` where they are not
            the same for all. A missing value in ``sd_t`` or ``sd_c`` is a spread that was not reported.
        covariates : sequence of str, optional
            Columns to keep as covariates; by default all that are not used otherwise.

        Returns
        -------
        ArmMeans

        Raises
        ------
        DataError
            If a column or a value is missing or cannot be right: one line that names the row, the column, the
            value and the rule. A row of a file is named by its line, so the first study is row 2.

        Examples
        --------
        >>> columns = {"study": ["A"], "n_t": [20], "mean_t": [3.1], "sd_t": [""], "n_c": [20], "mean_c": [5], "sd_c": [2]}
        >>> ArmMeans.from_frame(columns).sd_t
        array([nan])
        """
        table = open_table(frame, "arm table")
        table.require("study", *_NUMBERS)
        arrays = {
            name: table.numbers_or_nan(name) if name.startswith("sd_") else table.numbers(name) for name in _NUMBERS
        }
        _check_numbers(arrays, table.cell)
        texts = {name: _text_column(table, name) for name in ("spread", "instrument") if name in table.columns}
        if "spread" in texts:
            _check_spreads(texts["spread"], [table.cell(i, "spread") for i in range(len(table))])
        used = ("study", *_NUMBERS, "spread", "instrument")
        columns = table.covariates(covariates, used=used)
        return cls(**arrays, **texts, study=table.labels(), covariates=columns)  # type: ignore[arg-type]

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.study)

    @property
    def difference(self) -> Floats:
        """Mean under treatment minus mean under control, shape (study,), in units of the outcome."""
        return self.mean_t - self.mean_c

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments, in the order of first mention."""
        return tuple(dict.fromkeys(self.instrument))

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether the standard deviations of both arms are known, as such or from standard errors, shape (study,)."""
        sure = np.array([spread != "sd_or_se" for spread in self.spread])
        return np.asarray(sure & np.isfinite(self.sd_t) & np.isfinite(self.sd_c))

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
        parts = [(name, getattr(self, name).tolist()) for name in _NUMBERS]
        rest = (self.spread, self.instrument, self.study, sorted(self._columns))
        return hashlib.sha256(repr(("bayesmeta.ArmMeans/1", parts, rest)).encode()).hexdigest()

    def subset(self, mask: ArrayLike) -> ArmMeans:
        """Keep the studies where `mask`, shape (study,), is true.

        Examples
        --------
        >>> nan = float("nan")
        >>> data = ArmMeans(n_t=[9, 9], mean_t=[1, 2], sd_t=[1, nan], n_c=[9, 9], mean_c=[0, 0], sd_c=[1, 1])
        >>> data.subset(data.complete).study
        ('study 1',)
        """
        keep = np.asarray(mask)
        if keep.dtype != np.bool_ or keep.shape != self.n_t.shape:
            raise DataError(f"mask must hold one true or false for each of {self.n_studies} studies; got {mask!r}.")
        if not keep.any():
            raise DataError("mask is false for every study: nothing would be left.")
        rows = np.flatnonzero(keep)
        return ArmMeans(
            **{name: getattr(self, name)[rows] for name in _NUMBERS},
            spread=[self.spread[i] for i in rows],
            instrument=[self.instrument[i] for i in rows],
            study=[self.study[i] for i in rows],
            covariates={name: [values[i] for i in rows] for name, values in self._columns},
        )

    def __len__(self) -> int:
        return len(self.study)

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if type(other) is ArmMeans else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        missing = int(np.isnan(self.sd_t).sum() + np.isnan(self.sd_c).sum())
        return f"ArmMeans(n_studies={self.n_studies}, missing_sds={missing}, covariates={list(self.covariate_names)})"


def _texts(name: str, values: str | Sequence[str], n: int) -> tuple[str, ...]:
    if isinstance(values, str):
        return (values,) * n
    texts = tuple(values)
    if len(texts) != n:
        raise DataError(f"{name} has {count(len(texts))} for {n} studies: give one for each, or one for all.")
    for i, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{name}, row {i + 1}: expected text; got {text!r}.")
    return texts


def _check_spreads(spreads: Sequence[str], places: Sequence[str]) -> None:
    for place, spread in zip(places, spreads, strict=True):
        if spread not in SPREADS:
            raise DataError(
                f"{place}: spread is {spread!r}; choose 'sd', 'se' or 'sd_or_se'.{did_you_mean(spread.lower(), SPREADS)}"
            )


def _check_numbers(arrays: dict[str, Floats], place: object) -> None:
    """Refuse a size, mean or spread that cannot be right; `place` names a cell from its row and column."""
    assert callable(place)

    def refuse(bad: NDArray[np.bool_], name: str, rule: str, hint: str = "") -> None:
        for i in np.flatnonzero(bad):
            raise DataError(f"{place(int(i), name)}: {name} {rule}; got {arrays[name][i]:.10g}.{hint and ' ' + hint}")

    for arm in ("t", "c"):
        n, mean, sd = (arrays[f"{stem}_{arm}"] for stem in ("n", "mean", "sd"))
        refuse(~np.isfinite(n) | (n < 1) | (n % 1 != 0), f"n_{arm}", "must be a whole number of at least 1", _KNOWN)
        refuse(~np.isfinite(mean), f"mean_{arm}", "must be a finite number", _KNOWN)
        refuse(np.isinf(sd) | (sd <= 0), f"sd_{arm}", "must be positive, or nan where it was not reported")
        refuse(np.isfinite(sd) & (n < 2), f"sd_{arm}", "must be nan in an arm of one participant, which has none")


def _text_column(table: Table, column: str) -> list[str]:
    for i, cell in enumerate(table.columns[column]):
        if is_missing(cell):
            raise DataError(f"{table.cell(i, column)}: the value is missing. Fill it in, or leave the column out.")
    return [str(cell).strip() for cell in table.columns[column]]
