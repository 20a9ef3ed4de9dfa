"""A table of the page: caption, columns, rows and a note, as one macro of the template writes it, and the parts of its cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bayesmeta.text.numbers import MISSING, format_number

Cell = str  # plain text, or Markup where a cell has parts


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its heading, the class of its cells, and whether it stays where no row has anything in it."""

    heading: Cell
    align: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """A table; the first cell of each row is its heading."""

    caption: Cell
    columns: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    kind: str = "scroll"


def html_table(
    caption: Cell, columns: Sequence[Head], rows: Iterable[Sequence[Cell]], note: str = "", kind: str = "scroll"
) -> HtmlTable | None:
    """A table without the columns that can be left out and have nothing in any row; None without rows."""
    rows = list(rows)
    if not rows:
        return None
    kept = [i for i, head in enumerate(columns) if head.needed or any(row[i] not in ("", MISSING) for row in rows)]
    return HtmlTable(caption, [columns[i] for i in kept], [[row[i] for i in kept] for row in rows], note, kind)


def code(text: str, css: str = "") -> Markup:
    """Text as code."""
    return Markup('<code class="{}">{}</code>' if css else "<code>{1}</code>").format(css, text)


def small(text: Cell) -> Markup:
    """Text in small print."""
    return Markup('<span class="small">{}</span>').format(text)


def lines(*cells: Cell | None) -> Cell:
    """Cells below each other, those that are there."""
    return Markup("<br>").join(cell for cell in cells if cell)


def words(*cells: Cell | None) -> Cell:
    """Cells behind each other."""
    return Markup(" ").join(cell for cell in cells if cell)


def percent(share: float | None) -> str:
    """A share as percent; nothing where there is none."""
    return "" if share is None else f"{format_number(100 * share, 1)}%"


def numbers(*headings: str) -> list[Head]:
    """Columns of numbers."""
    return [Head(heading, "n") for heading in headings]
