"""What is in a cell: nothing, a number, the text of one, or something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"\d{1,3}(?:[,.' \u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?")
_MINUS = "\u2212\u2013\u2014"  # minus sign, en dash, em dash
_SIGNS = str.maketrans(dict.fromkeys(f"{_MINUS}\u2011", "-") | {"\u00b7": ".", "\u00a0": " "})
_HUGE = 10**300  # whole numbers from here on have no finite float
_DIGITS = frozenset("0123456789.+-eE")
_MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "."})
_NOT_REPORTED = frozenset({"-", *_MINUS, "nr", "n.r.", "not reported"})  # in the place of a number
_DATE = re.compile(
    r"\d{1,2}[-./ ]+[^\W\d_]{3,4}\.?([-./ ]+\d{2,4})?|[^\W\d_]{3}[- ]\d{2,4}|"
    r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
)
_SEVERAL = re.compile(rf"(?:{NUMBER.pattern})\s*[(\[±].*\d.*")
_NO_TEXT = re.compile(
    rf"^[^\S\n]*(?:{NUMBER.pattern}|{'|'.join(map(re.escape, sorted(_MISSING_WORDS)))})[^\S\n]*$",
    re.IGNORECASE | re.MULTILINE,
)


def is_missing(value: object) -> bool:
    """Tell whether a cell holds no value: None, NaN, NaT, pandas' NA, or a word that stands for them.

    Examples
    --------
    >>> [is_missing(x) for x in (None, float("nan"), " NA ", "", 0, "0")]
    [True, True, True, True, False, False]
    """
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return value.strip().lower() in _MISSING_WORDS
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return isinstance(value, np.datetime64) and bool(np.isnat(value))


def no_number(value: object) -> bool:
    """Tell whether a cell of a column of numbers holds none: it is missing, or a dash stands for it.

    Examples
    --------
    >>> [no_number(x) for x in ("", "-", "NR", "x", "0")]
    [True, True, True, False, False]
    """
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NOT_REPORTED)


def plain_signs(text: str) -> str:
    """Return printed text with hyphens for dashes and minus signs, points for middle dots, and plain spaces.

    Examples
    --------
    >>> plain_signs("\u22121\u00b783 (\u22122\u00b735\u2013\u22121\u00b731)")
    '-1.83 (-2.35--1.31)'
    """
    return text.translate(_SIGNS)


def with_plain_minus(text: str) -> str:
    """Return a number that is printed with a minus sign or a dash in front with a hyphen there, and other text as it is.

    Examples
    --------
    >>> with_plain_minus("\u22121.83"), with_plain_minus("\u2013 .5"), with_plain_minus("\u2013")
    ('-1.83', '-.5', '\u2013')
    """
    if (
        text[:1] in _MINUS
        and (bare := text[1:].lstrip())
        and (_is_bare(bare) or NUMBER.fullmatch(bare.replace(",", ".", 1)))
    ):
        return f"-{bare}"
    return text


def as_number(value: object) -> int | float | None:
    """Return a cell as int or float, and None where it is neither a number nor the text of one."""
    if isinstance(value, bool | np.bool_ | np.timedelta64):
        return None
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) < _HUGE else np.inf
    if isinstance(value, float | np.floating | Decimal):
        return float(value)
    if isinstance(value, str) and NUMBER.fullmatch(text := value.strip()):
        return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    return None


def notation(value: object) -> str:
    """Return how to write a number that is not written as one here, and "" where a text is none.

    Examples
    --------
    >>> notation("3,1"), notation("76%"), notation("high")
    ('Write decimals with a point', 'Leave out the percent sign', '')
    """
    text = value.strip() if isinstance(value, str) else ""
    dashed = text[:1] in _MINUS and bool(text)
    bare = text[1:].lstrip() if dashed else text.lstrip("+-")
    if _is_bare(bare):
        return "Write the minus as -" if dashed else ""
    if bare.endswith("%") and _is_bare(bare[:-1].strip()):
        return "Leave out the percent sign"
    if _GROUPED.fullmatch(bare):
        return "Write thousands without separators, and decimals with a point"
    if NUMBER.fullmatch(bare.replace(",", ".", 1)):
        return "Write decimals with a point"
    return ""


def advice(value: object) -> str:
    """Return what to do about a cell of a column of numbers that holds something else, and "" where nobody can tell.

    Examples
    --------
    >>> advice("3,1"), advice("0.79 (0.65 to 0.96)")
    ('Write decimals with a point', 'Give each of its numbers a column of its own')
    >>> advice("01-Mar")
    'It looks like a date that a spreadsheet made of what was typed, 1-3 or 1/3 for instance: type it anew, in a column of text'
    """
    if type(value).__name__ in ("datetime", "date", "Timestamp", "time") or (
        isinstance(value, str) and _DATE.fullmatch(value.strip())
    ):
        return (
            "It looks like a date that a spreadsheet made of what was typed, 1-3 or 1/3 for instance: type it anew, in a "
            "column of text"
        )
    if isinstance(value, str) and _SEVERAL.fullmatch(value.strip()[:200]):
        return "Give each of its numbers a column of its own"
    return notation(value)


def _is_bare(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def all_numbers(cells: Sequence[object]) -> NDArray[np.float64] | None:
    """Return cells as floats where each is a number, or the plain text of one; otherwise None."""
    types = set(map(type, cells))
    if types <= {int, float} or (types == {str} and _DIGITS.issuperset("".join(cells))):  # type: ignore[arg-type]
        try:
            return np.array([float(cell) for cell in cells], dtype=np.float64)  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            return None
    return None


def all_texts(cells: Sequence[object]) -> bool:
    """Tell whether every cell is text that is there, and spells no number; one pass over a million of them.

    A cell with a line break may be taken for something else, and then the answer is False.

    Examples
    --------
    >>> all_texts(["a", "b 2"]), all_texts(["a", "2"]), all_texts(["a", " NA "]), all_texts(["a", ""])
    (True, False, False, False)
    """
    if set(map(type, cells)) != {str}:
        return False
    lines = "\n".join(cells)  # type: ignore[arg-type]
    return _NO_TEXT.search(lines) is None


class Labels(tuple[str, ...]):
    """Study labels that were found to be there, and none twice: nobody needs to check them again."""

    __slots__ = ()
