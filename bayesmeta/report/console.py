"""The terminal: every table, line and bar is made here, so that text of users is printed as the text that it is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress, ProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from bayesmeta.text.plain_text import visible


class PlainConsole(Console):
    """A console that takes brackets, colons and numbers for what they are: no markup, no emoji, no colours.

    Parameters
    ----------
    stderr, quiet : bool, default False
        Print on standard error; print nothing.
    width : int, optional
        Characters of a line; by default as many as the terminal has.

    Examples
    --------
    >>> PlainConsole(width=40).print("[random] :warning: 12/kg")
    [random] :warning: 12/kg
    """

    def __init__(self, *, stderr: bool = False, quiet: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, quiet=quiet, width=width, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self) -> None:
        """Leave to the command line how a command ends whose reader has gone; rich would exit with status 1."""
        raise BrokenPipeError

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, with what moves a cursor or reverses text shown by its code."""
        super().print(*(visible(x) if isinstance(x, str) else x for x in objects), **options)


class PlainTable(Table):
    """A table without frames, whose headings and cells are text."""

    def __init__(self, *, title: str | None = None, padding: tuple[int, int, int, int] = (0, 1, 0, 0)) -> None:
        shown = None if title is None else _text(title)
        super().__init__(title=shown, box=box.SIMPLE_HEAD, pad_edge=False, padding=padding)

    def add_column(self, header: Any = "", *arguments: Any, **options: Any) -> None:
        """Add a column, as rich does."""
        super().add_column(_text(header), *arguments, **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row, as rich does."""
        super().add_row(*map(_text, cells), **options)


def _text(cell: Any) -> Any:
    return Text(visible(cell)) if isinstance(cell, str) else cell


def json_value(value: Any) -> Any:
    """Return text as it is and a number as JSON knows it: None where it is infinite or has no meaning."""
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def print_json(content: Any) -> None:
    """Print one JSON object in one line on standard output."""
    typer.echo(json.dumps(content, allow_nan=False))


@contextmanager
def progress_bar(
    *columns: ProgressColumn, console: Console | None = None, transient: bool = False
) -> Iterator[Progress]:
    """Yield a bar on standard error, whose tasks are described by text; it is not shown where the console is quiet."""
    described = TextColumn("{task.description}", markup=False)
    with Progress(described, *columns, console=console or PlainConsole(stderr=True), transient=transient) as bar:
        yield bar
