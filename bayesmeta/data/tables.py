"""Tables as they arrive, a CSV file or a data frame, with the place of every cell kept for messages.

A row in a file is named by its line, so the first study below the header is row 2. A row in a data frame is
counted from 1. No pandas is needed to read a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.cells import Labels, advice, all_numbers, all_texts, as_number, is_missing, no_number, notation
from bayesmeta.data.columns import FrameColumns
from bayesmeta.errors import DataError, DataWarning, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

type TableSource = pd.DataFrame | Mapping[str, Sequence[object]] | str | Path | Table

# Columns that describe one arm of two. They are never covariates, whichever effect size is asked for.
ARM_COLUMNS = ("n_t", "n_c", "events_t", "events_c", "mean_t", "sd_t", "mean_c", "sd_c", "time_t", "time_c")

_OWN_NAMES = frozenset({"study", "y", "se", "v", "lower", "upper", *ARM_COLUMNS})
# What other programs call our columns. Only used to suggest a name: nothing is renamed on its own.
_OTHER_NAMES = {
    "study": ("slab", "studlab", "label", "author", "trial", "publication", "id"),
    "y": ("yi", "te", "es", "effect", "estimate", "effect_size"),
    "se": ("sei", "sete", "stderr", "std_error", "standard_error", "sigma"),
    "v": ("vi", "var", "variance"),
}

# What is right for several rows of one study.
ONE_STUDY = (
    "Rows of one study are dependent: say how. Contrasts that share an arm have a covariance: take them from a table with one "
    "row for each arm (bayesmeta effects, effect_sizes), or state it in columns cov_1, cov_2, ... or se_ref, or with --cov, "
    "Estimates(cov=...). Effects in different participants of one study, cohort or laboratory vary within and between: "
    "--cluster study, TwoScales(..., Cluster('trial'), ...), pool_nested. Groups of one arm become one: effects --combine, "
    "combine_arms. Analysis files have keys of these names."
)


class Kept(dict[str, tuple[int | float | str, ...]]):
    """Covariates by name; `left_out` says of the other columns why they are none."""

    def __init__(self, columns: Mapping[str, Any] | None = None, left_out: Mapping[str, str] | None = None) -> None:
        super().__init__(columns or {})
        self.left_out = dict(left_out or {})


@dataclass(frozen=True)
class Table:
    """Columns of cells that know where they came from.

    Parameters
    ----------
    source : str
        What to call the table in messages: a path, or ``"arm table"``.
    columns : mapping of str to tuple of object
        Cells by column name, all of one length.
    rows : tuple of int
        The number by which each row is named in messages.
    label : str, default "study"
        The column that names the study of a row.
    recognised : mapping of str to str
        From our name of a column to that in the source, where they differ; messages give the latter.
    """

    source: str
    columns: Mapping[str, tuple[object, ...]]
    rows: tuple[int, ...]
    label: str = "study"
    recognised: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, i: int, column: str | None = None, study: str | None = None) -> str:
        """Name one place: ``"effects.csv, row 3, column 'se' (study 'Amr2010')"``."""
        name = f"{self.source}, row {self.rows[i]}"
        name += f", column {self.recognised.get(column, column)!r}" if column else ""
        return name + (f" (study {show(study)})" if study else "")

    def cell(self, i: int, column: str) -> str:
        """Name one cell, and its study when that is known."""
        labels = self.columns.get(self.label, ())
        labelled = bool(labels) and column != self.label and not is_missing(labels[i])
        return self.where(i, column, str(labels[i]).strip() if labelled else None)

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with these columns; its index names the rows as messages do."""
        import pandas as pd

        return pd.DataFrame(
            {name: list(cells) for name, cells in self.columns.items()}, index=pd.Index(self.rows, name="row")
        )

    def require(self, *names: str, note: str = "") -> None:
        """Reject the table, with the nearest name it has, when it lacks one of these columns."""
        for name in names:
            if name not in self.columns:
                raise DataError(
                    f"{self.source}: column {name!r} is missing{note}.{_nearest_column(name, self.columns)} "
                    f"Columns present: {', '.join(' '.join(column.split()) for column in self.columns)}."
                )

    def take(self, index: Sequence[int]) -> Table:
        """Return the table with these rows alone, by position; they keep their numbers."""
        columns: Mapping[str, tuple[object, ...]]
        if isinstance(self.columns, FrameColumns):
            columns = self.columns.take(index)
        else:
            columns = {name: tuple(map(cells.__getitem__, index)) for name, cells in self.columns.items()}
        return replace(self, columns=columns, rows=tuple(map(self.rows.__getitem__, index)))

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of finite numbers; text that spells one is read."""
        self.require(column)
        plain = self.columns.numbers(column) if isinstance(self.columns, FrameColumns) else None
        if plain is not None and np.isfinite(plain).all():
            return plain
        array = all_numbers(self.columns[column])
        if array is not None and np.isfinite(array).all():
            return array
        return np.array([self._number(i, column) for i in range(len(self))], dtype=np.float64)

    def numbers_or_nan(self, column: str) -> NDArray[np.float64]:
        """Return a column of finite numbers, nan where a value is missing."""
        self.require(column)
        there = [i for i, cell in enumerate(self.columns[column]) if not no_number(cell)]
        values = np.full(len(self), np.nan)
        if there:
            values[there] = self.take(there).numbers(column)
        return values

    def texts(self, column: str) -> tuple[str, ...]:
        """Return the cells of a column as text, without space around it."""
        return tuple(str(cell).strip() for cell in self.columns[column])

    def _number(self, i: int, column: str) -> float:
        value = self.columns[column][i]
        if no_number(value):
            raise DataError(
                f"{self.cell(i, column)}: the value is missing, and a number is needed. Fill it in, or leave "
                "the study out."
            )
        number = as_number(value)
        if number is None:
            hint = f" {said}." if (said := advice(value)) else ""
            raise DataError(f"{self.cell(i, column)}: {show(value)} is not a number.{hint}")
        if not np.isfinite(number):
            raise DataError(f"{self.cell(i, column)}: {show(value)} is not a finite number.")
        return float(number)

    def labels(self) -> Labels:
        """Return the study labels: one for each row, none twice."""
        self.require(self.label)
        return unique_labels(self.columns[self.label], lambda i: self.where(i, self.label), self.rows)

    def covariates(self, names: Sequence[str] | None, used: Iterable[str]) -> Kept:
        """Return the named columns as complete columns of one type; without names, all that are not used and are so.

        Raises
        ------
        DataError
            If a named column is not there, or has a missing value, or numbers beside text.
        """
        if names is None:
            taken = set(used)
            kept = Kept()
            for name in self.columns:
                if name not in taken:
                    try:
                        kept[name] = self._covariate(name)
                    except DataError as error:
                        kept.left_out[name] = str(error)
            return kept
        self.require(*names)
        if (
            "dose" in names and "reference_dose" in self.columns
        ):  # a dose without that of its reference arm says something else
            names = list(dict.fromkeys([*names, "reference_dose"]))
        columns = Kept({name: plain_column(self.columns[name], partial(self.cell, column=name)) for name in names})
        for name, cells in columns.items():
            if said := _as_text(cells, partial(self.cell, column=name)):
                warnings.warn(said, DataWarning, stacklevel=2)
        return columns

    def _covariate(self, name: str) -> tuple[int | float | str, ...]:
        """A column as a covariate that nobody has named: one whose texts are numbers in another notation is none."""
        place = partial(self.cell, column=name)
        cells = plain_column(self.columns[name], place)
        if said := _as_text(cells, place):
            raise DataError(said)
        return cells


def unique_labels(values: Sequence[object], where: Callable[[int], str], rows: Sequence[int]) -> Labels:
    """Return study labels as text, after checking that there is one in each row and none twice."""
    if (types := set(map(type, values))) <= {str, int}:  # usually nothing to reject
        texts = tuple(map(str.strip, values if types == {str} else map(str, values)))  # type: ignore[arg-type]
        if len(distinct := set(texts)) == len(texts) and "" not in distinct:
            return Labels(texts)
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        label = str(value).strip()
        if not label or (is_missing(value) and not isinstance(value, str)):
            raise DataError(f"{where(i)}: the study has no label. Give each study its own.")
        if label in first:
            raise DataError(f"{where(i)}: study label {label!r} is also in row {first[label]}. {ONE_STUDY}")
        first[label] = rows[i]
    return Labels(first)


def plain_column(values: Sequence[object], where: Callable[[int], str]) -> tuple[int | float | str, ...]:
    """Return a covariate as Python values of one type: whole numbers, numbers (finite), or text.

    True and False become 1 and 0, so that a coefficient keeps the column's name. `where` names a cell.
    """
    if all_texts(values):
        return tuple(map(str.strip, values))  # type: ignore[arg-type]
    for i, value in enumerate(values):
        if is_missing(value):
            raise DataError(f"{where(i)}: the value is missing. Fill it in, or leave the study or the column out.")
    for i, value in enumerate(values):
        if isinstance(value, complex | np.complexfloating):
            raise DataError(f"{where(i)}: {show(value)} is a complex number. A covariate holds real numbers or text.")
    plain = [int(v) if isinstance(v, bool | np.bool_) else v for v in values]
    numbers = [as_number(v) for v in plain]
    first_text = next((i for i, x in enumerate(numbers) if x is None), None)
    first_number = next((i for i, x in enumerate(numbers) if x is not None), None)
    if first_text is not None and first_number is not None:
        raise DataError(
            f"{where(first_text)}: {show(values[first_text])} is text, where {where(first_number)} has the "
            f"number {show(values[first_number])}. A covariate holds numbers only or text only."
        )
    if first_text is not None:
        return tuple(str(v).strip() for v in plain)
    for i, number in enumerate(numbers):
        if number is not None and not np.isfinite(number):
            raise DataError(f"{where(i)}: {show(values[i])} is not a finite number.")
    present = [x for x in numbers if x is not None]
    return tuple(present) if all(isinstance(x, int) for x in present) else tuple(float(x) for x in present)


def _as_text(texts: Sequence[object], where: Callable[[int], str]) -> str:
    """What to say of a text covariate whose every cell is a number in another notation; "" of any other."""
    if not ((said := notation(texts[0])) and all(map(notation, texts))):
        return ""
    return f"{where(0)}: {show(texts[0])} is taken as text, and so is the whole column. {said} if these are numbers."


def open_table(data: TableSource, name: str) -> Table:
    """Return a Table from a data frame, a mapping of columns, or the path of a CSV file; a Table as it is."""
    if isinstance(data, Table):
        return data
    if isinstance(data, str | Path):
        from bayesmeta.data.formats import open_file

        return open_file(data)
    columns = frame_columns(data, name)
    lengths = columns.lengths()
    if len(lengths) > 1:
        raise DataError(f"{name}: columns differ in length; got {sorted(lengths)}.")
    n_rows = lengths.pop() if lengths else 0
    if not n_rows:
        raise DataError(f"{name}: there are no studies in it.")
    return Table(name, columns, tuple(range(1, n_rows + 1)))


def frame_columns(data: Any, name: str) -> FrameColumns:
    """Return the columns of a data frame or mapping, in order; the index of a data frame plays no part."""
    if not hasattr(data, "keys") and hasattr(data, "get_column"):  # polars
        data = {key: data.get_column(key).to_list() for key in data.columns}
    if not (hasattr(data, "keys") and hasattr(data, "__getitem__")) or np.ndim(data) == 1:  # pandas' Series has keys
        raise DataError(f"{name}: expected a data frame or a mapping of columns; got {type(data).__name__}.")
    originals = list(data)
    keys = [str(k) for k in originals]
    for key in keys:
        if keys.count(key) > 1:
            raise DataError(f"{name}: column {key!r} appears twice. Rename or leave out one of them.")
    columns: dict[str, Any] = {}
    for key, original in zip(keys, originals, strict=True):
        cells = data[original]
        if isinstance(cells, list | tuple):
            cells = [None if cell is np.ma.masked else cell for cell in cells]
        if isinstance(cells, str) or np.ndim(cells) != 1:
            raise DataError(f"{name}: column {key!r} must hold one value for each study; got {show(cells)}.")
        columns[key] = list(cells) if isinstance(cells, np.ma.MaskedArray) else cells
    return FrameColumns(columns)


def show(value: object) -> str:
    """Return a value for a one-line message."""
    if type(value).__name__ in ("datetime", "date", "Timestamp"):
        return f"the date {str(value)[:10]}"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest_column(name: str, present: Iterable[str]) -> str:
    """Return a suggestion: the same name in other letters, another program's name for it, or a near one.

    Columns that have a meaning of their own are not offered, so not ``n_t`` for ``n_c``. Names of one or two
    letters are not matched by likeness, which would offer ``sd`` for ``se``.
    """
    by_lower = {key.lower(): key for key in present if key not in _OWN_NAMES}
    for word in (name, *_OTHER_NAMES.get(name, ())):
        if word in by_lower:
            return f" Did you mean {by_lower[word]!r}?"
    return did_you_mean(name, by_lower.values()) if len(name) > 2 else ""
