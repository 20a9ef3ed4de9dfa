"""Columns that a table of studies declares: what a cell may hold, and the message where it holds something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.cells import is_missing
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, did_you_mean
from bayesmeta.numbers import real_array

type Floats = NDArray[np.float64]
type Place = Callable[[int, str], str]  # names a cell for messages, from its row and column


@dataclass(eq=False, kw_only=True)
class _Declared[Cells]:
    """A column declared as an attribute of a class of tables; a table has its cells under the same name.

    Parameters
    ----------
    optional : bool
        Whether the whole column may be left out.
    """

    optional: bool = False
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, table: None, owner: type) -> Self: ...
    @overload
    def __get__(self, table: object, owner: type) -> Cells: ...
    def __get__(self, table: object | None, owner: type) -> Self | Cells:
        if table is None:
            return self
        raise AttributeError(self.name)  # a table that is built has its cells in `__dict__`, which Python reads first


@dataclass(eq=False, kw_only=True)
class Numbers(_Declared[Floats]):
    """A column of numbers.

    Parameters
    ----------
    kind : {"number", "positive", "count"}
        Finite numbers, positive ones, or whole ones.
    missing : bool
        Whether a cell may be missing: nan where it was not reported.
    least : int
        The least count.
    within : tuple of float, optional
        Limits, which no number reaches.
    words : str
        What one number is, where the name of the column does not say it.
    hint : str
        What to do about a cell that breaks the rule.
    shown : str
        Format of a number in messages.
    """

    kind: Literal["number", "positive", "count"] = field(default="number", kw_only=False)
    missing: bool = False
    least: int = 0
    within: tuple[float, float] | None = None
    words: str = ""
    hint: str = ""
    shown: str = ".10g"

    def read(self, table: Table) -> Floats:
        """Return the column of a table as it arrived."""
        return table.numbers_or_nan(self.name) if self.missing else table.numbers(self.name)

    def clean(self, given: ArrayLike | None, n: int, first: str) -> Floats:
        """Return `n` cells from an argument; `first` is the column that says how many there are."""
        array = vector(self.name, np.full(n, np.nan) if given is None and self.optional else given)
        if array.size != n:
            single = f"one {self.words}".strip()
            raise DataError(f"{first} has {count(n)} and {self.name} has {array.size}: give {single} for each study.")
        return array

    def check(self, cells: Floats, place: Place) -> None:
        """Reject the first cell that breaks the rule."""
        for broken, rule in self._rules(cells):
            if broken.any():
                i = int(broken.argmax())
                message = f"{place(i, self.name)}: {self.name} {rule}; got {format(float(cells[i]), self.shown)}."
                raise DataError(f"{message} {self.hint}".strip())

    def _rules(self, cells: Floats) -> Iterator[tuple[NDArray[np.bool_], str]]:
        """Where each rule is broken, and the rule."""
        bad, unless = (
            (np.isinf(cells), ", or nan where it was not reported") if self.missing else (~np.isfinite(cells), "")
        )
        if self.kind == "count":
            bad |= (cells < self.least) | ((np.floor(cells) != cells) & ~np.isnan(cells))
            yield bad, f"must be a whole number of at least {self.least}{unless}"
        elif self.within:
            low, high = self.within
            rule = f"must lie between {low:g} and {high:g}, ends excluded{', or be nan' if self.missing else ''}"
            yield bad | (cells <= low) | (cells >= high), rule
        elif self.kind == "positive" and self.missing:
            yield bad | (cells <= 0), f"must be positive{unless}"
        else:
            yield bad, f"must be a finite number{unless}"
            if self.kind == "positive":
                yield cells <= 0, "must be positive"

    def reported(self, cells: Floats) -> bool:
        """Whether any study has a number."""
        return bool(np.isfinite(cells).any())

    def take(self, cells: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return the cells of some rows, by position."""
        return cells[rows]


@dataclass(eq=False, kw_only=True)
class Texts(_Declared[tuple[str, ...]]):
    """A column of text; one text may stand for every study.

    Parameters
    ----------
    default : str
        What holds where the whole column is left out.
    choices : tuple of str
        The texts that are allowed; by default any.
    missing : bool
        Whether a cell may be missing: "" where nothing was reported.
    """

    default: str = field(kw_only=False)
    choices: tuple[str, ...] = ()
    missing: bool = False
    optional: bool = True

    def read(self, table: Table) -> tuple[str, ...]:
        """Return the column of a table as it arrived."""
        if self.missing:
            return _texts(table.columns[self.name])
        for i, cell in enumerate(table.columns[self.name]):
            if is_missing(cell):
                raise DataError(
                    f"{table.cell(i, self.name)}: the value is missing. Fill it in, or leave the column out."
                )
        return table.texts(self.name)

    def clean(self, given: str | Sequence[Any] | None, n: int, first: str) -> tuple[str, ...]:
        """Return `n` cells from an argument; `first` is the column that says how many there are."""
        if given is None or isinstance(given, str):
            return (self.default if given is None else given,) * n
        texts = _texts(given) if self.missing else tuple(given)
        if len(texts) != n:
            raise DataError(f"{self.name} has {count(len(texts))} for {n} studies: give one for each, or one for all.")
        for i, text in enumerate(texts):
            if not isinstance(text, str) or not (text.strip() or self.missing):
                raise DataError(f"{self.name}, row {i + 1}: expected text; got {text!r}.")
        return texts

    def check(self, cells: tuple[str, ...], place: Place) -> None:
        """Reject the first cell that breaks the rule."""
        for i, text in enumerate(cells):
            if self.choices and text not in self.choices:
                *others, last = map(repr, self.choices)
                raise DataError(
                    f"{place(i, self.name)}: {self.name} is {text!r}; choose {', '.join(others)} or {last}."
                    f"{did_you_mean(text.lower(), self.choices)}"
                )

    def reported(self, cells: tuple[str, ...]) -> bool:
        """Whether any study has a text."""
        return any(cells)

    def take(self, cells: tuple[str, ...], rows: NDArray[np.intp]) -> tuple[str, ...]:
        """Return the cells of some rows, by position."""
        return tuple(cells[i] for i in rows)


type Column = Numbers | Texts


def _texts(cells: Sequence[object]) -> tuple[str, ...]:
    """Cells as text, "" where one is missing."""
    return tuple("" if is_missing(cell) else str(cell).strip() for cell in cells)


def vector(name: str, values: ArrayLike | None) -> Floats:
    """Return a one-dimensional float array, read-only and sharing no memory with the caller's."""
    array = real_array(name, values) + 0.0  # -0.0 becomes 0.0: they compare equal, and should hash so
    if array.ndim != 1:
        raise DataError(f"{name} must be one-dimensional, one value for each study; got shape {array.shape}.")
    array.setflags(write=False)
    return array


def count(n: int) -> str:
    """Return ``"1 value"``, ``"2 values"``, ...

    Examples
    --------
    >>> count(1), count(3)
    ('1 value', '3 values')
    """
    return f"{n} value{'s' if n != 1 else ''}"
