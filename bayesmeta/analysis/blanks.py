"""Blanks of a template: values that somebody has yet to fill in, rejected by name before anything else is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, SpecificationError

BLANK = "FILL IN"


def blank(text: str) -> str:
    """Return what a template has in place of a value.

    Examples
    --------
    >>> blank("lower limit, as printed")
    'FILL IN: lower limit, as printed'
    """
    return f"{BLANK}: {text}"


def is_blank(value: object) -> bool:
    """Tell whether a value is still that of a template.

    Examples
    --------
    >>> is_blank(blank("the estimate")), is_blank("Smith 2001"), is_blank(0.5)
    (True, False, False)
    """
    return isinstance(value, str) and value.strip().startswith(BLANK)


def blanks_in(content: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the text of every blank in the content of a TOML file, in order."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from blanks_in(value, f"{place}.{key}" if place else key)
    elif isinstance(content, list):
        for i, value in enumerate(content):
            yield from blanks_in(value, f"{place}.{i}")
    elif is_blank(content):
        yield place, str(content).strip()


def reject_blanks(content: Any, path: Path) -> None:
    """Reject an analysis file in which something has yet to be filled in.

    Raises
    ------
    SpecificationError
        It names the first blank by its key, and says how many more there are.
    """
    blanks = list(blanks_in(content))
    if blanks:
        raise SpecificationError(_still_blank(f"{path}: {blanks[0][0]}", blanks[0][1], len(blanks) - 1))


def reject_blank_cells(table: Table) -> Table:
    """Return a table without blanks.

    Raises
    ------
    DataError
        It names the first blank by row and column, and says how many more there are.
    """
    cells = [(i, column) for i in range(len(table)) for column in table.columns if is_blank(table.columns[column][i])]
    if cells:
        i, column = cells[0]
        raise DataError(_still_blank(table.cell(i, column), str(table.columns[column][i]).strip(), len(cells) - 1))
    return table


def _still_blank(place: str, text: str, more: int) -> str:
    note = f" {more} more {'blank follows' if more == 1 else 'blanks follow'}." if more else ""
    return f"{place} is still blank ({text!r}). Fill it in.{note}"
