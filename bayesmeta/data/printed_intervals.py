"""Estimates with their intervals in one cell, as tables of articles have them: "0.79 (0.60 to 1.04)"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bayesmeta.data.cells import is_missing, plain_signs
from bayesmeta.data.synonyms import PRECISION, called_effect, recognised
from bayesmeta.data.tables import Table

_LEVEL = r"(?:(?P<level>\d+(?:\.\d+)?)\s*%\s*(?:C[rR]?I|confidence interval|credible interval)?\s*[:=,]?\s*)?"
_LONGEST = 100  # characters of a cell, beyond which it is prose
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")  # as well as a number with three decimals
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _cell(number: str, comma: str) -> re.Pattern[str]:
    """The pattern of a cell, given how decimals are written and whether a comma alone separates limits."""
    between = rf"(?:\s*(?:\bto\b|;|/{comma})\s*|\s*-\s*)"
    limits = rf"(?P<lower>{number}){between}(?P<upper>{number})"
    return re.compile(
        rf"(?P<estimate>{number})(?:\s*[;,(\[]|\s)\s*[(\[]?\s*{_LEVEL}[(\[]?\s*{limits}\s*[)\]]*", re.IGNORECASE
    )


_CELLS = (
    _cell(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)", "|,"),
    _cell(r"[-+]?\d+(?:,\d+)?", ""),
)  # decimals with a point, else with a comma


def with_limits(table: Table) -> Table:
    """Return a table whose only column of effects with 95% intervals is three: the effect, `ci_lower` and `ci_upper`.

    The effect keeps the name of the column, which says that it is one: an age with its range is none. A table that states
    precision in another column, under any name, has several columns of this kind or intervals of another level stays as it is.

    Examples
    --------
    >>> table = Table("a.csv", {"study": ("A", "B"), "OR (95% CI)": ("0.79 (0.60 to 1.04)", "1.1 (0.8-1.51)")}, (2, 3))
    >>> dict(with_limits(table).columns)["ci_upper"]
    ('1.04', '1.51')
    """
    split = _split(table)
    if len(split) != 1 or recognised(table.columns, PRECISION) or set(PRECISION) & set(table.columns):
        return table
    ((name, parts),) = split.items()
    columns = {other: parts["estimate"] if other == name else table.columns[other] for other in table.columns}
    theirs = table.recognised.get(name, name)
    said = dict.fromkeys(("ci_lower", "ci_upper"), theirs)
    limits = {limit: parts[limit.removeprefix("ci_")] for limit in said}
    return replace(table, columns=columns | limits, recognised={**table.recognised, **said})


def several_with_limits(table: Table) -> str:
    """Return what to do with a table that has several columns of estimates with their intervals, "" where it has not."""
    names = [repr(name) for name in _split(table)]
    if len(names) < 2:
        return ""
    return f"Columns {', '.join(names)} have estimates with their intervals: leave out all but one with --drop."


def printed_interval(text: str) -> dict[str, str] | None:
    """Return the estimate, the limits and the level in per cent of one cell as printed, or None where it is something else.

    Examples
    --------
    >>> printed_interval("0.79 (0.60 to 1.04)")
    {'estimate': '0.79', 'lower': '0.60', 'upper': '1.04', 'level': '95'}
    >>> printed_interval("-1.83 (90% CI -2.35, -1.31)")["level"], printed_interval("0.79 (0.2)")
    ('90', None)
    """
    plain = plain_signs(text).strip()
    match = (
        next((match for pattern in _CELLS if (match := pattern.fullmatch(plain))), None)
        if len(plain) <= _LONGEST
        else None
    )
    parts = ("estimate", "lower", "upper")
    if match is None or all(_THOUSANDS.fullmatch(match[part]) for part in parts):
        return None
    return {part: match[part].replace(",", ".") for part in parts} | {"level": match["level"] or "95"}


def _split(table: Table) -> dict[str, Mapping[str, tuple[str | None, ...]]]:
    """Columns of estimates with their intervals; that which is called estimate or y alone, if there is one."""
    cells = {name: column for name, column in table.columns.items() if called_effect(table.recognised.get(name, name))}
    found = {name: parts for name, column in cells.items() if (parts := _parts(name, column)) is not None}
    chosen = [name for name in ("estimate", "y") if name in found]
    return {name: found[name] for name in chosen[:1]} or found


def _parts(name: str, cells: tuple[object, ...]) -> Mapping[str, tuple[str | None, ...]] | None:
    """The three numbers of each cell of a column as texts, or None where any other text is in it."""
    texts = ["" if is_missing(cell) else plain_signs(str(cell)).strip() for cell in cells]
    if not any(texts) or max(map(len, texts)) > _LONGEST:
        return None
    stated = _PERCENT.search(name)
    for pattern in _CELLS:
        found = [pattern.fullmatch(text) if text else None for text in texts]
        levels = {match["level"] for match in found if match is not None} | ({stated[1]} if stated else set())
        if all(bool(text) == (match is not None) for text, match in zip(texts, found, strict=True)):
            if not levels <= {None, "95"}:
                return None
            parts = {
                part: tuple(None if match is None else match[part].replace(",", ".") for match in found)
                for part in ("estimate", "lower", "upper")
            }
            return parts if all(map(_inside, *parts.values())) else None
    return None


def _inside(estimate: str | None, lower: str | None, upper: str | None) -> bool:
    """Whether an estimate lies between its limits, or there is none."""
    return estimate is None or float(str(lower)) <= float(estimate) <= float(str(upper))
