"""The words of a formula: names, numbers, text in quotes and signs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<number>([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)(?![\w.])
    | `(?P<quoted>[^`]+)`
    | (?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)
    | (?P<text>'[^'\\{}]*'|"[^"\\{}]*")
    | (?P<sign>\*\*|%in%|<=|>=|==|!=|[-+*/:^()=,<>\[\]])""",
    re.VERBOSE,
)


class RejectedError(Exception):
    """What is wrong with a formula, without the formula."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word and its kind."""

    kind: str
    text: str


def tokens_of(source: str) -> Iterator[Token]:
    """Words of a formula in their order.

    Raises
    ------
    RejectedError
        At the first sign that has no meaning in a formula.
    """
    place = 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None:
            raise RejectedError(_why_not(source[place]))
        place = match.end()
        kind = str(match.lastgroup) if match.lastgroup in ("space", "quoted", "text", "sign") else _kind(match)
        if kind != "space":
            if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in match.group()):
                raise RejectedError(f"{match.group()!r}: control characters cannot stand in a name.")
            yield Token(kind, match[kind])


def _kind(match: re.Match[str]) -> str:
    return next(kind for kind in ("number", "name") if match[kind] is not None)


def _why_not(sign: str) -> str:
    if sign == "~":
        return "'~': give the right-hand side only, e.g. '1 + crps'; y is implied."
    if sign == "|":
        return "'|': a formula has one part."
    return f"{sign!r} has no meaning in it; a name with spaces or signs goes in backticks, `mg/kg`."
