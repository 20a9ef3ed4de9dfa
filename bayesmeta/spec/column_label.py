"""Columns of a design in words: what a formula calls ``pain_class[T.mixed]``, as a reader would say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_LEVEL = re.compile(r"^(?P<name>.*)\[(?:T\.)?(?P<level>[^\]]*)\]$", re.S)


def column_label(column: str, columns: Sequence[str], levels: Mapping[str, Sequence[str]]) -> str:
    """A column of a design in words; a level names the one that it is compared with.

    Parameters
    ----------
    column : str
    columns : sequence of str
        All columns of the design.
    levels : mapping of str to sequence of str
        The values of each covariate that holds text.

    Examples
    --------
    >>> groups = {"pain": ["back", "CRPS", "mixed"]}
    >>> column_label("pain[T.CRPS]", ["pain[T.CRPS]", "pain[T.mixed]"], groups)
    'pain: CRPS versus back'
    >>> column_label("pain[CRPS]", ["pain[back]", "pain[CRPS]", "pain[mixed]"], groups)
    'pain: CRPS'
    >>> column_label("pain[T.CRPS]:dose", ["pain[T.CRPS]", "pain[T.mixed]", "dose", "pain[T.CRPS]:dose"], groups)
    'pain: CRPS × dose'
    """
    parts = column.split(":")
    if len(parts) > 1 and not any(part.count("[") != part.count("]") for part in parts):
        return " × ".join(_part(part, None) for part in parts)
    return _part(column, _reference(column, columns, levels))


def levels(data: Any) -> dict[str, list[str]]:
    """The values of each covariate that holds text, in their order."""
    studies = getattr(data, "studies", None)
    values: dict[str, list[Any]] = {}
    for covariate in data.covariate_names:
        values[covariate] = (
            list(data.covariates[covariate]) if studies is None else [one.covariates.get(covariate) for one in studies]
        )
    texts = {name: [str(x) for x in column if isinstance(x, str)] for name, column in values.items()}
    return {name: sorted(set(column)) for name, column in texts.items() if column}


def _part(text: str, reference: str | None) -> str:
    found = _LEVEL.match(text)
    if found is None:
        return text
    return f"{found['name']}: {found['level']}{f' versus {reference}' if reference else ''}"


def _reference(column: str, columns: Sequence[str], levels: Mapping[str, Sequence[str]]) -> str | None:
    """The one level of the column's covariate that has no column, where there is one."""
    found = _LEVEL.match(column)
    if found is None or found["name"] not in levels:
        return None
    there = {match["level"] for one in columns if (match := _LEVEL.match(one)) and match["name"] == found["name"]}
    left = [level for level in dict.fromkeys(levels[found["name"]]) if level not in there]
    return left[0] if len(left) == 1 else None
