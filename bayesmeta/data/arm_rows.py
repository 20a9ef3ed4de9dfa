"""Tables with a row for each arm, of which studies have two: a row for each study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bayesmeta.data.synonyms import recognised_arms
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

CONTROLS = frozenset({"c", "control", "placebo"})  # arms that others are compared with
_SUFFIXES = ("_t", "_c")


def paired(table: Table, wanted: Iterable[str], kept: Iterable[str] = ()) -> Table:
    """Return a table with a row for each study where it has a row for each arm, and any other table as it is.

    It has one if there is a column ``arm`` and none of those in `wanted` that are of one arm (``events_t``), but their like
    without the ending (``events``). Covariates are those of the treated arm.

    Parameters
    ----------
    table : Table
    wanted : iterable of str
    kept : iterable of str
        Columns that keep their names.

    Raises
    ------
    DataError
        If a study has not two arms, or not one that is called control, placebo or c.
    """
    names = [name for name in wanted if name.endswith(_SUFFIXES)]
    bases = list(dict.fromkeys(name[:-2] for name in names))
    rows = recognised_arms(table, [*bases, "arm"], kept)
    if "arm" not in rows.columns or set(names) & set(table.columns) or not set(bases[:1]) & set(rows.columns):
        return table
    rows.require("study")
    treated, control = _pairs(rows)
    there = [name for name in bases if name in rows.columns]
    shared = [name for name in rows.columns if name not in (*there, "arm")]
    columns = {name: tuple(rows.columns[name][i] for i in treated) for name in shared}
    for suffix, index in zip(_SUFFIXES, (treated, control), strict=True):
        columns |= {f"{name}{suffix}": tuple(rows.columns[name][i] for i in index) for name in there}
    return replace(rows, columns=columns, rows=tuple(rows.rows[i] for i in treated))


def _pairs(table: Table) -> tuple[list[int], list[int]]:
    """Rows of the treated arm and of the control arm of each study."""
    studies: dict[str, list[int]] = {}
    for i, label in enumerate(table.columns["study"]):
        studies.setdefault(str(label).strip(), []).append(i)
    treated, control = [], []
    for study, rows in studies.items():
        arms = [str(table.columns["arm"][i]).strip() for i in rows]
        place, present = table.where(rows[0], study=study), ", ".join(map(repr, arms))
        if len(rows) != 2:
            raise DataError(
                f"{place}: it has {len(rows)} arms ({present}), and a row for each study is of two. Put groups of one arm "
                "together, with bayesmeta effects --combine or combine_arms, or leave arms out."
            )
        controls = [i for i, arm in zip(rows, arms, strict=True) if arm.lower() in CONTROLS]
        if len(controls) != 1:
            raise DataError(
                f"{place}: which of its arms ({present}) is the control? Call one of the two control, placebo or c."
            )
        control += controls
        treated += [i for i in rows if i not in controls]
    return treated, control
