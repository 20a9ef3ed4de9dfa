"""What a result shows of itself: a heading, lines, tables and notes, as plain text and as HTML from the same cells."""

from __future__ import annotations

import html
import textwrap
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from bayesmeta.text.numbers import MINUS, MISSING
from bayesmeta.text.plain_text import visible, width_of

WIDTH = 80
_NARROWEST = 12  # of a column of words that is broken into lines
_GAP = "  "
_PARAGRAPH = "margin:0 0 .6em"
_TABLE = "border-collapse:collapse;margin:0 0 .8em;color:inherit;background:none;font-variant-numeric:tabular-nums"
_CAPTION = "caption-side:top;text-align:left;color:inherit;padding:0 .6em .3em 0"
_CELL = "padding:.15em 1.2em .15em 0;vertical-align:top;font-weight:{weight};text-align:{align}"
_HEAD = ";border-bottom:1px solid currentColor"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: cells are text, the first of each row is what the row is about.

    Attributes
    ----------
    rows : sequence of sequence of str
    columns : sequence of str
        Headings; none for a list of facts.
    texts : int
        How many columns hold words, on the left; the others hold numbers, on the right.
    caption : str
    """

    rows: Sequence[Sequence[str]]
    columns: Sequence[str] = ()
    texts: int = 1
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A heading and what stands below it.

    Attributes
    ----------
    heading : str
    parts : sequence of str or Grid
        Paragraphs and tables.

    Examples
    --------
    >>> grid = Grid([["Mean effect", "−0.71", "−1.07 to −0.36"]], ["", "median", "95% interval"])
    >>> print(Sheet("Thirteen studies", [grid, "Intervals are equal-tailed."]).text())
    Thirteen studies
    <BLANKLINE>
                 median    95% interval
    Mean effect   -0.71  -1.07 to -0.36
    <BLANKLINE>
    Intervals are equal-tailed.
    """

    heading: str
    parts: Sequence[str | Grid]

    def text(self, width: int = WIDTH) -> str:
        """Plain text, in lines of at most `width` characters where words can be broken, with ASCII signs of our own."""
        blocks = [_wrapped(self.heading, width)]
        blocks += [_wrapped(part, width) if isinstance(part, str) else _grid_text(part, width) for part in self.parts]
        return "\n\n".join(visible(block) for block in blocks)

    def html(self) -> str:
        """A fragment of HTML that takes its colours from the page around it and loads nothing."""
        heading = f'<p style="{_PARAGRAPH}"><strong>{_escaped(self.heading)}</strong></p>'
        blocks = [
            f'<p style="{_PARAGRAPH}">{_escaped(part)}</p>' if isinstance(part, str) else _grid_html(part)
            for part in self.parts
        ]
        return "\n".join(['<div class="bayesmeta">', heading, *blocks, "</div>"])


class Shown:
    """What ``print(x)`` and a notebook show of a result: the same sheet."""

    __slots__ = ()

    @abstractmethod
    def sheet(self) -> Sheet:
        """What ``print`` and a notebook show, as a heading, paragraphs and tables."""

    def __str__(self) -> str:
        return self.sheet().text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sheet().heading}>"

    def _repr_html_(self) -> str:
        return self.sheet().html()


def facts(rows: Sequence[tuple[str, str]]) -> Grid:
    """A list of what is known, without what is empty.

    Examples
    --------
    >>> facts([("Prior", "Normal(0, 1)"), ("Note", "")]).rows
    [('Prior', 'Normal(0, 1)')]
    """
    return Grid([row for row in rows if row[1]], texts=2)


def ascii_signs(cell: str) -> str:
    """Signs of our own as every terminal and file has them; a dash alone is a missing value."""
    return "-" if cell == MISSING else cell.replace(MINUS, "-").replace("∞", "Inf").replace(" × ", " x ")


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(ascii_signs(text), width, break_long_words=False, break_on_hyphens=False)


def _grid_text(grid: Grid, width: int) -> str:
    """Columns side by side; where they are too wide, headings of numbers and then the last column of words are broken."""
    head = [ascii_signs(cell) for cell in grid.columns]
    body = [[ascii_signs(cell) for cell in row] for row in grid.rows]
    if not head and not body:
        return grid.caption
    columns = [*zip(*([head, *body] if head else body), strict=True)]
    widths = [max(map(width_of, column)) for column in columns]
    wide = grid.texts - 1
    if head and _excess(widths, width) > 0:
        for j in range(grid.texts, len(head)):
            widths[j] = max(map(width_of, [*(row[j] for row in body), *head[j].split()]), default=0)
    longest = max((width_of(word) for row in body for word in row[wide].split()), default=0)
    narrowest = min(widths[wide], max(longest, _NARROWEST))
    widths[wide] = max(widths[wide] - max(_excess(widths, width), 0), narrowest)
    lines = [_wrapped(grid.caption, width)] if grid.caption else []
    broken = [textwrap.wrap(cell, size, break_on_hyphens=False) for cell, size in zip(head, widths, strict=False)]
    deepest = max(map(len, broken), default=0)
    for i in range(deepest):
        lines.append(_line([_at(cell, i - deepest + len(cell)) for cell in broken], widths, grid.texts))
    for row in body:
        words = textwrap.wrap(row[wide], widths[wide], break_on_hyphens=False) or [""]
        for i, part in enumerate(words):
            cells = [part if j == wide else cell if i == 0 else "" for j, cell in enumerate(row)]
            lines.append(_line(cells, widths, grid.texts))
    return "\n".join(lines)


def _excess(widths: Sequence[int], width: int) -> int:
    """By how much columns are too wide together."""
    return sum(widths) + len(_GAP) * (len(widths) - 1) - width


def _at(cell: Sequence[str], i: int) -> str:
    return cell[i] if 0 <= i < len(cell) else ""


def _line(cells: Sequence[str], widths: Sequence[int], texts: int) -> str:
    padded = []
    for j, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - width_of(cell))
        padded.append(cell + space if j < texts else space + cell)
    return _GAP.join(padded).rstrip()


def _grid_html(grid: Grid) -> str:
    caption = f'<caption style="{_CAPTION}">{_escaped(grid.caption)}</caption>' if grid.caption else ""
    head = [_cell("th", cell, j < grid.texts, ' scope="col"', _HEAD) for j, cell in enumerate(grid.columns)]
    head = ["<thead><tr>", *head, "</tr></thead>"] if head else []
    body = [
        "<tr>"
        + _cell("th", row[0], True, ' scope="row"')
        + "".join(_cell("td", cell, j < grid.texts) for j, cell in enumerate(row[1:], start=1))
        + "</tr>"
        for row in grid.rows
    ]
    return "".join([f'<table style="{_TABLE}">', caption, *head, "<tbody>", *body, "</tbody></table>"])


def _cell(tag: str, text: str, left: bool, scope: str = "", more: str = "") -> str:
    if tag == "th" and not text:  # the corner above the headings of rows is no heading
        tag, scope = "td", ""
    nowrap = "" if left and not scope else ";white-space:nowrap"
    style = _CELL.format(weight="600" if "col" in scope else "400", align="left" if left else "right") + nowrap + more
    return f'<{tag}{scope} style="{style}">{_escaped(text)}</{tag}>'


def _escaped(text: str) -> str:
    return html.escape(visible(text))
