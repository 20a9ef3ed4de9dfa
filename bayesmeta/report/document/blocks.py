"""The parts that a document is made of; their texts are plain, and each writer escapes what its format needs."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bayesmeta.report.figures import Picture
from bayesmeta.report.html_table import HtmlTable
from bayesmeta.text.plain_text import visible


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the title."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; each item has words in bold before it, which may be empty."""

    items: Sequence[tuple[str, str]]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A line to type."""

    text: str


Block = Heading | Paragraph | Items | Command | HtmlTable | Picture


def plain(text: str) -> str:
    r"""Text on one line, without tags where it is markup, and with codes for what hides text or moves a cursor.

    Examples
    --------
    >>> from bayesmeta.report.html_table import code, lines
    >>> plain(lines(code("mu < 0"), "all\x1b trials")), plain("<b>\nA & B")
    ('mu < 0; all\\x1b trials', '<b> A & B')
    """
    if isinstance(text, Markup):
        text = html.unescape(re.sub("<[^>]*>", "", re.sub("<br ?/?>", "; ", str(text))))
    return " ".join(visible(str(text)).split())
