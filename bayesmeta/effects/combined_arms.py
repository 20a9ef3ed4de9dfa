"""Tables in which an arm stands in several rows, one for each of its groups: men and women, or two doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bayesmeta.data.cells import as_number, is_missing
from bayesmeta.data.printed import known_numbers
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects._arms import Floats, read_arms
from bayesmeta.effects.arm_reports import STANDINS
from bayesmeta.effects.groups import combine_groups
from bayesmeta.errors import DataError, SpecificationError

_SUMS = ("n", "events", "time")
_MOMENTS = (("mean", "sd"), ("mean_pre", "sd_pre"), ("mean_post", "sd_post"))
_NUMBERS = (*_SUMS, *(name for pair in _MOMENTS for name in pair))
_ESTIMATES = ("y", "v", "estimate", "lower", "upper", "t", "z", "f", "p", "r")
_NOTES = "derived"  # of complete_arms


def combine_arms(arms: TableSource) -> Table:
    """Make one row of the rows that have the same study and arm, as if their participants had been one group.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, Table, or path of a file
        One row for each group, with ``study``, ``arm`` (left out where a study has one) and ``n``; what is combined is
        ``mean sd`` (also ``_pre`` and ``_post``), ``events`` and ``time``. ``subgroup`` distinguishes the groups of an arm.

    Returns
    -------
    Table
        For `effect_sizes`, in the order of first rows, whose numbers name the new ones in messages. ``n``, ``events`` and
        ``time`` are sums; the standard deviation has the differences between the groups' means in it. ``subgroup`` is
        left out, and an arm in one row stays as it is.

    Raises
    ------
    DataError
        If groups of one arm report different things, something that has no formula (a median: run `complete_arms`
        before), or differ in any other column: one line with the row, the column and the study.
    SpecificationError
        If the table has one row for each study, columns ending in ``_t`` and ``_c``.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, version 6.4, section 6.5.2.10,
    https://training.cochrane.org/handbook

    Examples
    --------
    >>> arms = {"study": ["A", "A", "A"], "arm": ["drug", "drug", "placebo"], "subgroup": ["men", "women", ""]}
    >>> arms |= {"n": [50, 50, 90], "mean": [26.5, 32.9, 31], "sd": [4.5, 5.8, 5]}
    >>> table = combine_arms(arms)
    >>> table.columns["arm"], table.numbers("n"), table.numbers("sd").round(3)
    (('drug', 'placebo'), array([100.,  90.]), array([6.084, 5.   ]))
    """
    table = open_table(arms, "arm table")
    table = replace(table, label="study")
    two = sorted(name for name in table.columns if name.endswith(("_t", "_c")) and name[:-2] in _NUMBERS)
    if two:
        raise SpecificationError(
            f"{table.source}: to combine the groups of an arm, give each a row, columns study and arm; column {two[0]!r} is "
            "of a table with one row for each study."
        )
    table.require("study", "n", note=", and groups are combined by it")
    groups = _groups(table)
    columns = {name: [cells[rows[0]] for rows in groups] for name, cells in table.columns.items() if name != "subgroup"}
    for j, rows in enumerate(groups):
        if len(rows) > 1:
            for name, cell in _combined(table.take(rows)).items():
                columns[name][j] = cell
    first = tuple(table.rows[rows[0]] for rows in groups)
    return replace(table, columns={name: tuple(cells) for name, cells in columns.items()}, rows=first)


def _groups(table: Table) -> list[list[int]]:
    """Return the rows of each arm, in the order of first mention."""
    names = [name for name in ("study", "arm") if name in table.columns]
    for name in names:
        for i, cell in enumerate(table.columns[name]):
            if not str(cell).strip() or (is_missing(cell) and not isinstance(cell, str)):
                raise DataError(f"{table.where(i, name)}: the {name} has no label. Give each {name} its own.")
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, cells in enumerate(zip(*(table.columns[name] for name in names), strict=True)):
        groups.setdefault(tuple(str(cell).strip() for cell in cells), []).append(i)
    return list(groups.values())


def _combined(rows: Table) -> dict[str, object]:
    """Return what the combined row has in place of the first one's cells."""
    _reject_others(rows)
    numbers = {name: known_numbers(rows, name) for name in _NUMBERS if name in rows.columns}
    for mean, sd in _MOMENTS:
        if sd in numbers and mean in numbers:  # a group of one has no standard deviation
            numbers[sd] = np.where(
                np.isnan(numbers[sd]) & (numbers["n"] == 1) & ~np.isnan(numbers[mean]), 0.0, numbers[sd]
            )
    whole = {name: values for name, values in numbers.items() if _all_or_none(rows, name, values)}
    _check(rows, whole)
    cells: dict[str, object] = {name: float(whole[name].sum()) for name in _SUMS if name in whole}
    for mean, sd in _MOMENTS:
        if (mean in whole) != (sd in whole):
            missing = sd if mean in whole else mean
            raise DataError(
                f"{rows.cell(0, missing)}: {missing} is missing in every group, and the groups' {mean} and {sd} are combined "
                "together. Fill it in, or leave the arm out."
            )
        if mean in whole:
            _, centre, spread = combine_groups(whole["n"], whole[mean], whole[sd], where=_places(rows))
            cells |= {mean: float(centre), sd: float(spread)}
    if _NOTES in rows.columns:
        cells[_NOTES] = "; ".join(dict.fromkeys(map(str, rows.columns[_NOTES])))
    return cells


def _all_or_none(rows: Table, name: str, values: Floats) -> bool:
    """Tell whether every group reports a number; some alone are rejected, and so is a missing size."""
    missing = np.isnan(values)
    if name == "n" and missing.any():
        raise DataError(
            f"{rows.cell(int(missing.argmax()), name)}: the value is missing, and groups are combined by it."
        )
    if missing.any() and not missing.all():
        i, j = int(missing.argmax()), int(missing.argmin())
        raise DataError(
            f"{rows.cell(i, name)}: {name} is missing, and row {rows.rows[j]} of the same arm has {values[j]:g}; groups "
            "that report different things cannot be combined. Fill it in, or leave the arm out."
        )
    return not missing.all()


def _check(rows: Table, numbers: dict[str, Floats]) -> None:
    """Reject numbers that their sum would hide."""
    arms = read_arms(_places(rows), **numbers)
    arms.check_sizes("n")
    if "time" in numbers:
        arms.check_positive("time")
    elif "events" in numbers:
        arms.check_events("events", "n")
    if "events" in numbers:
        events = numbers["events"]
        arms.reject((events < 0) | (events % 1 != 0), "events must be a whole number, 0 or above", ["events"])


def _reject_others(rows: Table) -> None:
    """Reject what has no formula, and groups that differ in what belongs to the arm."""
    for name, cells in rows.columns.items():
        if name in (*_NUMBERS, "study", "arm", "subgroup", _NOTES):
            continue
        there = [i for i, cell in enumerate(cells) if not is_missing(cell)]
        if there and name in (*STANDINS, *_ESTIMATES):
            hint = "Run complete_arms, --complete, before" if name in STANDINS else "Leave the column out"
            raise DataError(
                f"{rows.cell(there[0], name)}: the {name} of groups cannot be combined, only n, mean with sd, events and "
                f"time. {hint}."
            )
        first = _same(cells[0])
        for i, cell in enumerate(cells):
            if _same(cell) != first:
                raise DataError(
                    f"{rows.cell(i, name)}: {_shown(cell)} here and {_shown(cells[0])} in row {rows.rows[0]} of the same arm; "
                    "groups that differ in it cannot be combined. Give both the arm's value, or leave the column out; what "
                    "distinguishes groups goes into column subgroup."
                )


def _same(cell: object) -> object:
    """Return what makes two cells the same: nothing, a number, or text."""
    if is_missing(cell):
        return None
    number = as_number(cell)
    return str(cell).strip() if number is None else float(number)


def _shown(cell: object) -> str:
    return "nothing" if is_missing(cell) else repr(cell)


def _places(rows: Table) -> Sequence[str]:
    return [rows.where(i, study=str(rows.columns["study"][i]).strip()) for i in range(len(rows))]
