"""What the command line says on standard error, beside its result on standard output."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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


OPTIONS: ContextVar[frozenset[str]] = ContextVar("options", default=frozenset())  # of the command that runs
_VALUE = r"'[^']*'|\"[^\"]*\"|[-+]?[\w.]+(?:\([^()]*\))?|\([^()]*\)|(?=[,;. ])"
_ARGUMENT = re.compile(  # in a call of Python it stays as it is
    r"(?P<call>\b[A-Za-z_][\w.]*\([^()]*(?:\([^()]*\)[^()]*)*\))|"
    rf"(?<![\w'\".-])(?P<name>[a-z][a-z0-9_]*)=(?P<value>{_VALUE})"
)
_SUBJECT = re.compile(r"^([a-z][a-z0-9_]*)(?=: )")


def in_options(message: str, options: Collection[str] | None = None) -> str:
    """Return a message in which arguments of Python that are options of the command are written as these.

    Parameters
    ----------
    message : str
    options : collection of str, optional
        By default those of the command that runs, `OPTIONS`.

    Examples
    --------
    >>> in_options("sheet='a b': it is for an Excel file; correlation= is missing.", ["--sheet", "--correlation"])
    "--sheet 'a b': it is for an Excel file; --correlation is missing."
    >>> in_options("level=95: give 0.95, or Estimates(level=0.95).", ["--level"])
    '--level 95: give 0.95, or Estimates(level=0.95).'
    """
    known = OPTIONS.get() if options is None else options

    def option(match: re.Match[str]) -> str:
        if match["call"]:
            return match[0]
        name = f"--{match['name'].replace('_', '-')}"
        if name not in known:
            return match[0]
        value = f"'{match['value']}'" if match["value"].endswith(")") else match["value"]
        return name if value in ("", "True") else f"--no-{name[2:]}" if value == "False" else f"{name} {value}"

    def subject(match: re.Match[str]) -> str:
        return name if (name := f"--{match[0].replace('_', '-')}") in known else match[0]

    return _SUBJECT.sub(subject, _ARGUMENT.sub(option, message))


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print what is probably wrong as one line for each on standard error; what is found twice is said once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        try:
            yield
        finally:
            for message in dict.fromkeys(one_line(str(warning.message)) for warning in caught):
                say(f"bayesmeta: warning: {in_options(message)}")
