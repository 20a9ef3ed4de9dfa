"""What the command line says on standard error, beside its result on standard output."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bayesmeta.errors import DataWarning
from bayesmeta.text.plain_text import visible


def say(message: str) -> None:
    """Print on standard error."""
    typer.echo(visible(message), err=True)


def one_line(error: BaseException | str) -> str:
    """Return a message without its line breaks.

    Examples
    --------
    >>> one_line("se must be positive;   got 0.0.")
    'se must be positive; got 0.0.'
    """
    return visible(" ".join(str(error).split()))


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print what is probably wrong as one line for each on standard error; what is found twice is said once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        try:
            yield
        finally:
            for message in dict.fromkeys(one_line(str(warning.message)) for warning in caught):
                say(f"bayesmeta: warning: {message}")
