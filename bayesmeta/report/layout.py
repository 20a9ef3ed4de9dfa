"""Tables on standard output, of which nothing is cut off: they wrap, widen where nobody looks, or become records."""

from __future__ import annotations

from collections.abc import Sequence

from bayesmeta.report.console import PlainConsole, PlainTable
from bayesmeta.text.plain_text import visible, width_of

_GAP = 2  # characters between columns
_NAME = 24  # characters of a text that are kept on one line where there is room for them


def print_table(console: PlainConsole, headings: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> None:
    """Print a table whose headings and first columns, which are texts, wrap at words, and whose numbers stay whole.

    Where standard output is not a terminal, it is as much wider as its numbers need. On a terminal that is too narrow for them,
    each row becomes a block of lines.

    Parameters
    ----------
    console : PlainConsole
    headings : sequence of str
        A line break in one is kept.
    rows : sequence of sequence of str
    texts : int
        How many of the first columns are texts.
    """
    headings, rows = list(map(visible, headings)), [list(map(visible, row)) for row in rows]
    widths = _widths(headings, rows, texts, console.width, _NAME)
    needed = sum(widths) + _GAP * len(widths)
    if console.is_terminal and needed > console.width:
        widths = _widths(headings, rows, texts, console.width, 0)
        needed = sum(widths) + _GAP * len(widths)
    if console.is_terminal and needed > console.width:
        _print_records(console, headings, rows, texts)
        return
    table = PlainTable()
    for i, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        table.add_column(heading, justify="left" if i < texts else "right", width=width, overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = console.width
    console.width = max(width, needed)
    console.print(table)
    console.width = width


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]], texts: int, space: int, name: int) -> list[int]:
    """The width of each column: numbers as they are, texts as far as there is room, all at least their longest word."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in headings]
    words = [_longest_word(heading) for heading in headings]
    lines = [_longest_line(heading) for heading in headings]
    widths = [max([word, *map(_longest_line, column)]) for word, column in zip(words, columns, strict=True)]
    least = [max([word, *map(_longest_word, column)]) for word, column in zip(words, columns, strict=True)]
    least = [max(smallest, min(width, name)) for smallest, width in zip(least, widths, strict=True)]
    remaining = space - sum(widths[texts:]) - _GAP * len(widths)
    for i in range(texts):
        share = max(remaining // (texts - i), 0)
        widths[i] = min(max(widths[i], lines[i]), max(least[i], share))
        remaining -= widths[i]
    for i in range(texts, len(widths)):  # what is left goes to headings, which then need not wrap
        more = min(max(lines[i] - widths[i], 0), max(remaining, 0))
        widths[i] += more
        remaining -= more
    return widths


def _longest_line(text: str) -> int:
    return max(map(width_of, text.split("\n")))  # signs of East Asia are two characters wide


def _longest_word(text: str) -> int:
    return max(map(width_of, text.split()), default=0)


def _print_records(console: PlainConsole, headings: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> None:
    names = [" ".join(heading.split()) for heading in headings]
    for row in rows:
        console.print()
        for i, (name, cell) in enumerate(zip(names, row, strict=True)):
            if not name:
                console.print(cell)
            elif cell or i >= texts:
                console.print(f"  {name}: {cell}")
    console.print()
