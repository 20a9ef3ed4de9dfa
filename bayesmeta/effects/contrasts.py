"""From a table, with one row for each study or one for each arm, to the columns that a measure takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.cells import is_missing
from bayesmeta.data.columns import Places
from bayesmeta.data.tables import Table
from bayesmeta.effects._arms import Floats, read_arms
from bayesmeta.effects.registry import Measure
from bayesmeta.errors import DataError, SpecificationError, did_you_mean

type Reference = str | Mapping[str, str] | None

_CONTROLS = frozenset({"c", "control", "placebo"})


@dataclass(frozen=True)
class Contrasts:
    """One effect for each row of `table`.

    Parameters
    ----------
    table : Table
        The rows that the effects belong to: of the study, or of its treated arm.
    labels : tuple of str
        What to call each effect.
    columns : mapping of str to ndarray, shape (effect,)
        The columns of the measure.
    study : ndarray of int, shape (effect,)
        Which study each effect comes from, counted from 0.
    extra : mapping of str to tuple
        Covariates that tell the effects of a study apart.
    """

    table: Table
    labels: tuple[str, ...]
    columns: Mapping[str, Floats]
    study: NDArray[np.intp]
    extra: Mapping[str, tuple[str, ...]]

    @property
    def where(self) -> Places:
        """What to call each effect in messages."""
        return Places(len(self.labels), lambda i: self.table.where(i, study=self.labels[i]))

    @property
    def largest(self) -> int:
        """How many effects the study with most of them has."""
        return int(np.bincount(self.study).max())

    def take(self, keep: NDArray[np.bool_]) -> Contrasts:
        """Keep the effects where `keep` is true."""
        index = np.flatnonzero(keep).tolist()
        _, study = np.unique(self.study[index], return_inverse=True)
        return Contrasts(
            self.table.take(index),
            tuple(self.labels[i] for i in index),
            {name: values[index] for name, values in self.columns.items()},
            study,
            {name: tuple(values[i] for i in index) for name, values in self.extra.items()},
        )


def is_long(table: Table, measure: Measure) -> bool:
    """Tell whether a table has one arm in each row, where `measure` compares two."""
    return measure.two_arms and "arm" in table.columns and measure.columns[0] not in table.columns


def wide_contrasts(table: Table, measure: Measure, note: str) -> Contrasts:
    """Return the rows of a table that has one for each study."""
    table.require("study", *measure.columns, note=note)
    columns = {name: table.numbers(name) for name in measure.columns}
    return Contrasts(table, table.labels(), columns, np.arange(len(table)), {})


def long_contrasts(table: Table, measure: Measure, note: str, reference: Reference) -> Contrasts:
    """Return each arm of a study against its reference arm, from a table that has one row for each arm."""
    names = measure.arm_columns
    table.require("study", "arm", *names, note=note)
    numbers = {name: table.numbers(name) for name in names}
    _check_rows(table, numbers)
    study, arm = _texts(table, "study"), _texts(table, "arm")
    rows = _rows_by_study(table, study, arm)
    chosen = {label: _reference(table, label, arms, reference) for label, arms in rows.items()}
    control = np.array([rows[s][chosen[s]] for s in study], dtype=np.intp)
    treated = np.flatnonzero(control != np.arange(len(table)))
    number = {label: i for i, label in enumerate(rows)}
    columns = {f"{name}_t": values[treated] for name, values in numbers.items()}
    columns |= {f"{name}_c": values[control[treated]] for name, values in numbers.items()}
    index = treated.tolist()
    labels = tuple(study[i] if len(rows[study[i]]) == 2 else f"{study[i]}: {arm[i]}" for i in index)
    extra = {"trial": tuple(study[i] for i in index), "arm": tuple(arm[i] for i in index)}
    which = np.array([number[study[i]] for i in index], dtype=np.intp)
    return Contrasts(table.take(index), labels, columns, which, extra)


def _check_rows(table: Table, numbers: Mapping[str, Floats]) -> None:
    """Refuse an arm that cannot be right by its own row."""
    study = table.columns["study"]
    where = Places(len(table), lambda i: table.where(i, study=str(study[i]).strip()))
    arms = read_arms(where, **numbers)
    if "n" in numbers:
        arms.check_sizes("n")
    if {"events", "n"} <= set(numbers):
        arms.check_events("events", "n")
    arms.check_positive(*(name for name in numbers if name.startswith("sd") or name == "time"))


def _texts(table: Table, column: str) -> list[str]:
    texts = []
    for i, value in enumerate(table.columns[column]):
        text = str(value).strip()
        if not text or (is_missing(value) and not isinstance(value, str)):
            raise DataError(f"{table.where(i, column)}: the {column} has no label. Give each {column} its own.")
        texts.append(text)
    return texts


def _rows_by_study(table: Table, study: Sequence[str], arm: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return for each study the row of each arm: two arms or more, none twice."""
    rows: dict[str, dict[str, int]] = {}
    for i, (label, name) in enumerate(zip(study, arm, strict=True)):
        arms = rows.setdefault(label, {})
        if name in arms:
            raise DataError(
                f"{table.where(i, 'arm', label)}: arm {name!r} is also in row {table.rows[arms[name]]}. Give each "
                "arm of a study its own label."
            )
        arms[name] = i
    for label, arms in rows.items():
        if len(arms) == 1:
            (name, i), *_ = arms.items()
            raise DataError(f"{table.where(i, 'arm', label)}: {name!r} is its only arm; a contrast needs two.")
    return rows


def _reference(table: Table, study: str, arms: Mapping[str, int], reference: Reference) -> str:
    """Return the arm of a study that the others are compared with."""
    place = f"{table.source} (study {study!r})"
    found = ", ".join(map(repr, arms))
    if reference is None:
        controls = [name for name in arms if name.lower() in _CONTROLS]
        if len(controls) != 1:
            raise SpecificationError(
                f"{place}: which of its arms is the reference? Name it, reference={next(iter(arms))!r}; got {found}. "
                "(An arm called control, placebo or c is found without.)"
            )
        return controls[0]
    name = str(reference.get(study, "")) if isinstance(reference, Mapping) else str(reference)
    if name not in arms:
        raise DataError(f"{place}: it has no reference arm {name!r}; its arms are {found}.{did_you_mean(name, arms)}")
    return name
