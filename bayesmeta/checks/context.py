"""A table to be checked, arm by arm, with what the user said of its outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bayesmeta.checks.finding import Finding
from bayesmeta.data.cells import is_missing
from bayesmeta.data.printed import decimals, known_numbers
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

_LARGEST = 1e100
SUFFIXES = ("", "_t", "_c")
NUMBERS = ("n", "mean", "sd", "se", "events", "percent", "plus_minus")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm of a study, NaN where it does not report a number.

    Parameters
    ----------
    i : int
        Position of its row in the table.
    suffix : str
        ``"_t"`` or ``"_c"``, or ``""`` in a table with one row for each arm.
    study, outcome : str
    n, mean, sd, se, events, percent, plus_minus : float
    """

    i: int
    suffix: str
    study: str
    outcome: str
    n: float
    mean: float
    sd: float
    se: float
    events: float
    percent: float
    plus_minus: float

    def column(self, name: str) -> str:
        """Return the name of a column of this arm."""
        return name + self.suffix


@dataclass(frozen=True, kw_only=True)
class Context:
    """A table and its arms.

    Parameters
    ----------
    table : Table
    arms : tuple of Arm
    scale : tuple of two floats, optional
        Lowest and highest score of the outcome; a row's own ``scale_min`` and ``scale_max`` come first.
    integers : bool
        Whether scores are whole numbers.
    items : int
        Items averaged for a score; a row's own ``items`` comes first.
    """

    table: Table
    arms: tuple[Arm, ...]
    scale: tuple[float, float] | None
    integers: bool
    items: int
    _own: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _most: dict[str, int] = field(default_factory=dict)  # decimals of a column of numbers

    def pairs(self) -> Iterator[tuple[Arm, Arm]]:
        """Yield treatment and control of each row that has both."""
        rows: dict[int, dict[str, Arm]] = {}
        for arm in self.arms:
            rows.setdefault(arm.i, {})[arm.suffix] = arm
        for arms in rows.values():
            if {"_t", "_c"} <= set(arms):
                yield arms["_t"], arms["_c"]

    @classmethod
    def read(cls, table: Table, *, scale: tuple[float, float] | None, integers: bool, items: int) -> Context:
        """Read the arms of a table; a cell that should hold a number and does not is rejected."""
        limits = {name: tuple(known_numbers(table, name).tolist()) for name in ("scale_min", "scale_max", "items")}
        arms = tuple(_arms(table))
        return cls(table=table, arms=arms, scale=scale, integers=integers, items=items, _own=limits)

    def scale_of(self, i: int) -> tuple[float, float] | None:
        """Return the scale of row `i`, where it is known."""
        low, high = self._own["scale_min"][i], self._own["scale_max"][i]
        if not math.isnan(high):
            return (0.0 if math.isnan(low) else low), high
        return self.scale

    def items_of(self, i: int) -> float:
        """Return how many items a score in row `i` is the mean of."""
        items = self._own["items"][i]
        return self.items if math.isnan(items) else items

    def decimals(self, i: int, column: str) -> int:
        """Return with how many decimals a cell was printed."""
        cell = self.table.columns[column][i]
        if isinstance(cell, str):
            return decimals(cell)
        if column not in self._most:
            cells = self.table.columns[column]
            self._most[column] = max((decimals(other) for other in cells if not is_missing(other)), default=0)
        return self._most[column]

    def finding(self, check: str, i: int, column: str, why: str, normal: str) -> Finding:
        """Return a finding about one cell of the table."""
        return Finding(
            check=check,
            source=self.table.source,
            row=self.table.rows[i],
            study=text(self.table, "study", i),
            column=self.table.recognised.get(column, column),
            value=text(self.table, column, i),
            why=why,
            normal=normal,
        )


def text(table: Table, column: str, i: int) -> str:
    """Return what is in a cell as text, "" where there is nothing or no such column."""
    cell = table.columns[column][i] if column in table.columns else None
    return "" if cell is None or (is_missing(cell) and not isinstance(cell, str)) else str(cell).strip()


def _sane(table: Table, column: str) -> NDArray[np.float64]:
    """Return a column of numbers whose squares are numbers too."""
    values = known_numbers(table, column)
    for i in np.flatnonzero(np.abs(values) > _LARGEST):
        raise DataError(
            f"{table.cell(int(i), column)}: {values[i]:g} is not a number that a study reports. Look it up."
        )
    return values


def _arms(table: Table) -> Iterator[Arm]:
    for suffix in SUFFIXES:
        if not any(name + suffix in table.columns for name in ("mean", "sd", "events", "percent", "plus_minus")):
            continue
        numbers = {name: _sane(table, name + suffix).tolist() for name in NUMBERS}
        for i in range(len(table)):
            numbers_of_arm = {name: numbers[name][i] for name in NUMBERS}
            yield Arm(
                i=i, suffix=suffix, study=text(table, "study", i), outcome=text(table, "outcome", i), **numbers_of_arm
            )
