"""What a column of a design matrix is called in words: ``pain_class[T.mixed]`` is "pain class: mixed versus neuropathic"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_LEVEL = re.compile(r"(?P<factor>.+?)\[(?P<against>T\.)?(?P<level>.*)\]", re.DOTALL)
_BETWEEN = re.compile(r":(?![^\[(`]*[\])`])")  # a colon of an interaction, not of a level or a quoted name
_CALL = re.compile(r"C\(\s*`?(?P<name>[^`,()]+?)`?\s*(?:,.*)?\)", re.DOTALL)


def column_words(column: str, references: Mapping[str, str], labels: Mapping[str, str] | None = None) -> str:
    """Words for a column, made of its variable and, where that has levels, of its level and the reference.

    Parameters
    ----------
    column : str
        As the design names it.
    references : mapping of str to str
        By variable, the level that has no column.
    labels : mapping of str to str, optional
        Words for a variable, or for a whole column.

    Examples
    --------
    >>> column_words("pain_class[T.nonneuropathic]", {"pain_class": "mixed"})
    'pain class: nonneuropathic versus mixed'
    >>> column_words("region[north]", {}), column_words("high_dose:C(region)[T.b]", {"C(region)": "a"})
    ('region: north', 'high dose × region: b versus a')
    >>> column_words("crps", {}, {"crps": "CRPS versus other pain"})
    'CRPS versus other pain'
    """
    labels = labels or {}
    if column in labels:
        return labels[column]
    return " × ".join(_part(part, references, labels) for part in _BETWEEN.split(column))


def _part(part: str, references: Mapping[str, str], labels: Mapping[str, str]) -> str:
    if part in labels:
        return labels[part]
    match = _LEVEL.fullmatch(part)
    if match is None:
        return _variable(part, labels)
    factor = match["factor"]
    against = f" versus {references[factor]}" if match["against"] and factor in references else ""
    return f"{_variable(factor, labels)}: {match['level']}{against}"


def _variable(factor: str, labels: Mapping[str, str]) -> str:
    call = _CALL.fullmatch(factor)
    name = call["name"] if call else factor.strip("`")
    return labels.get(name, plain_words(name))


def plain_words(name: str) -> str:
    """A name of a column as words.

    Examples
    --------
    >>> plain_words("pain_class"), plain_words("log(dose)")
    ('pain class', 'log(dose)')
    """
    return " ".join(name.replace("_", " ").split()) or name


def parts_of(column: str) -> list[str]:
    """The factors whose product a column is.

    Examples
    --------
    >>> parts_of("high_dose:C(region)[T.b]"), parts_of("dose")
    (['high_dose', 'C(region)[T.b]'], ['dose'])
    """
    return _BETWEEN.split(column)


def level_of(part: str) -> tuple[str, str, bool] | None:
    """Factor, level, and whether that is compared with a reference, of a column that stands for a level.

    Examples
    --------
    >>> level_of("x[T.b]"), level_of("x[b]"), level_of("dose")
    (('x', 'b', True), ('x', 'b', False), None)
    """
    match = _LEVEL.fullmatch(part)
    return None if match is None else (match["factor"], match["level"], bool(match["against"]))


def references_in(columns: Iterable[str], levels: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """By factor as the columns name it, the level that no column stands for; `levels` are by factor.

    Examples
    --------
    >>> references_in(["x[T.b]", "x[T.c]", "dose"], {"x": ["c", "a", "b"]})
    {'x': 'a'}
    """
    taken: dict[str, set[str]] = {}
    for column in columns:
        for part in _BETWEEN.split(column):
            match = _LEVEL.fullmatch(part)
            if match is not None and match["against"]:
                taken.setdefault(match["factor"], set()).add(match["level"])
    left = {factor: [one for one in levels.get(factor, []) if one not in seen] for factor, seen in taken.items()}
    return {factor: rest[0] for factor, rest in left.items() if len(rest) == 1}
