"""Events with participants, and means with standard deviations, in one cell: "4/123", "3.1 (2.0)"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bayesmeta.data.cells import is_missing, plain_signs
from bayesmeta.data.names import normalised, without_unit
from bayesmeta.data.tables import Table

_NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"
_COUNTS = re.compile(r"(\d+)\s*(?:/|(?:out )?of)\s*(\d+)(?:\s*[(\[]\s*[\d.,]+\s*%?\s*[)\]])?", re.IGNORECASE)
_MEANS = re.compile(rf"({_NUMBER})\s*(?:[(\[]|±|\+/?-)\s*(?:SD\s*[=:]?\s*)?({_NUMBER})\s*[)\]]?", re.IGNORECASE)
_ARMS = {
    "_t": ("treatment", "treated", "intervention", "experimental", "active"),
    "_c": ("control", "controls", "placebo", "comparator"),
    "": (),
}
_LONGEST = 60  # characters of a cell, beyond which it is prose


def with_parts(table: Table) -> Table:
    """Return a table in which columns of two numbers in a cell are two, where what these are is said.

    Events are those of `events_t`, `events_c` or `events`, or of a column called by its arm, with participants behind a stroke.
    Means are those of `mean_t`, `mean_c` or `mean`, with a standard deviation behind, where the name in the source says SD.

    Examples
    --------
    >>> table = Table("a.csv", {"study": ("A", "B"), "Treatment": ("4/123", "6/306"), "Control": ("11/139", "29/303")}, (2, 3))
    >>> list(with_parts(table).columns)
    ['study', 'events_t', 'n_t', 'events_c', 'n_c']
    """
    for suffix, words in _ARMS.items():
        called = [name for name in table.columns if without_unit(name) in words]
        table = _split(table, [f"events{suffix}", *called], (f"events{suffix}", f"n{suffix}"), _COUNTS)
        mean = f"mean{suffix}"
        if "sd" in normalised(table.recognised.get(mean, mean)).split("_"):
            table = _split(table, [mean], (mean, f"sd{suffix}"), _MEANS)
    return table


def _split(table: Table, names: Sequence[str], ours: tuple[str, str], pattern: re.Pattern[str]) -> Table:
    """The table with the first of some columns that has this pattern in every cell as two, if it has no second one yet."""
    if ours[1] in table.columns:
        return table
    for name in names:
        parts = _parts(table.columns.get(name, ()), pattern)
        if parts is None or (name != ours[0] and ours[0] in table.columns):
            continue
        columns: dict[str, tuple[object, ...]] = {}
        for other in table.columns:
            columns |= dict(zip(ours, parts, strict=True)) if other == name else {other: table.columns[other]}
        theirs = table.recognised.get(name, name)
        said = {one: theirs for one in ours if one != theirs}
        return replace(table, columns=columns, recognised={**table.recognised, **said})
    return table


def _parts(
    cells: Sequence[object], pattern: re.Pattern[str]
) -> tuple[tuple[str | None, ...], tuple[str | None, ...]] | None:
    """Both numbers of each cell as texts, or None where another text is in one."""
    texts = ["" if is_missing(cell) else plain_signs(str(cell)).strip() for cell in cells]
    if not any(texts) or max(map(len, texts)) > _LONGEST:
        return None
    matches = [pattern.fullmatch(text) if text else None for text in texts]
    if any(bool(text) != (match is not None) for text, match in zip(texts, matches, strict=True)):
        return None
    first, second = (tuple(None if match is None else match[part] for match in matches) for part in (1, 2))
    return first, second
