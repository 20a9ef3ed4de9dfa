"""Blocks as Markdown (CommonMark with pipe tables), and the pictures that lie beside it as SVG files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bayesmeta.report.document.blocks import Block, Command, Heading, Items, Paragraph, plain
from bayesmeta.report.figures import Picture
from bayesmeta.report.html_table import HtmlTable

MARKDOWN = "report.md"
PICTURES = "report-figure-*.svg"
_SIGNS = re.compile(r"[\\`*_{}\[\]<>#|~$&]")
_FIRST = re.compile(
    r"^(\d*)(?=[-+.)=])(?=.(?:\s|$)|[-=]+$)"
)  # before what begins a list, a rule or the line below a heading
_EMOJI = re.compile(r":(?=[a-z_+-]+:)")


def markdown_files(blocks: Iterable[Block]) -> dict[str, bytes]:
    """The text of a document and its pictures, by the names of their files."""
    files, parts = dict[str, bytes](), list[str]()
    for block in blocks:
        if isinstance(block, Picture):
            name = PICTURES.replace("*", str(len(files) + 1))
            files[name] = block.src.image("svg")
            parts.append(_picture(block, name))
        else:
            parts.append(_text(block))
    return {MARKDOWN: ("\n\n".join(filter(None, parts)) + "\n").encode(), **files}


def escaped(text: str) -> str:
    r"""Text on one line that Markdown shows as it is.

    Examples
    --------
    >>> print(escaped("1. *high_dose* <b> :warning:"))
    1\. \*high\_dose\* \<b\> \:warning:
    >>> print(escaped("-1.83 (95% CI 0.5 to 2)"), escaped("- a"), escaped("---"))
    -1.83 (95% CI 0.5 to 2) \- a \---
    """
    text = _EMOJI.sub(r"\:", _SIGNS.sub(r"\\\g<0>", plain(text)))
    return _FIRST.sub(r"\1\\", text)


def _text(block: Heading | Paragraph | Items | Command | HtmlTable) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text):
            return escaped(text)
        case Items(items, numbered):
            return "\n".join(f"{f'{i}.' if numbered else '-'} {_item(*one)}" for i, one in enumerate(items, start=1))
        case Command(text):
            return f"    {plain(text)}"
        case HtmlTable():
            return _table(block)


def _item(head: str, text: str) -> str:
    return f"**{escaped(head)}** {escaped(text)}" if head else escaped(text)


def _picture(picture: Picture, name: str) -> str:
    caption = f"\n\n{escaped(picture.caption)}" if picture.caption else ""
    return f"![{escaped(picture.alt)}]({name}){caption}"


def _table(table: HtmlTable) -> str:
    rule = ["---:" if column.align[:1] == "n" else ":---" for column in table.columns]
    rows = [[escaped(column.heading) for column in table.columns], rule, *([*map(escaped, row)] for row in table.rows)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    caption = f"**{escaped(table.caption)}**\n\n" if table.caption else ""
    return f"{caption}{text}" + (f"\n\n{escaped(table.note)}" if table.note else "")
