"""How a command ends: an exit status for each kind of error, and one line that says what happened."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from bayesmeta.errors import BayesmetaError, ImproperPosteriorError, InferenceError
from bayesmeta.report.messages import OPTIONS, in_options, one_line, say

TRACEBACK = "--traceback"
FAILED, REJECTED, UNEXPECTED, INTERRUPTED, PIPE_CLOSED = 1, 2, 70, 130, 141  # 70 is EX_SOFTWARE; 128 + the signal


class Commands(TyperGroup):
    """Commands whose reader may leave, or whose user interrupts, before typer gives both a status of its own."""

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        """Find the command that was given, whose options its messages name."""
        name, command, rest = super().resolve_command(ctx, args)
        params = command.params if command is not None else []
        OPTIONS.set(frozenset(text for one in params for text in (*one.opts, *one.secondary_opts)))
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except BayesmetaError as error:
            error.args = (in_options(str(error)),)
            raise
        except (BrokenPipeError, KeyboardInterrupt) as error:
            raise typer.Exit(ended(error, trace=bool(ctx.params.get("traceback")))) from error


def ended(error: BaseException, *, trace: bool = False) -> int:
    """Say what went wrong, and return the exit status.

    Parameters
    ----------
    error : BaseException
        What ended the command.
    trace : bool, default False
        Print the traceback before.

    Examples
    --------
    >>> from bayesmeta.errors import DataError
    >>> ended(DataError("se must be positive")), ended(InferenceError("NUTS failed")), ended(ZeroDivisionError("x"))
    (2, 1, 70)
    """
    if isinstance(error, BrokenPipeError):
        _close_standard_output()
        return PIPE_CLOSED
    if trace:
        say("".join(traceback.format_exception(error)).rstrip("\n"))
    if isinstance(error, KeyboardInterrupt):
        say("bayesmeta: interrupted")
        return INTERRUPTED
    status, line = _status_and_line(error)
    say(f"bayesmeta: {line}")
    return status


def _status_and_line(error: BaseException) -> tuple[int, str]:
    if isinstance(error, InferenceError) and not isinstance(error, ImproperPosteriorError):  # whose input is at fault
        return FAILED, one_line(error)
    if isinstance(error, BayesmetaError):
        return REJECTED, one_line(error)
    if isinstance(error, OSError):  # standard output is full, or a folder cannot be written
        return REJECTED, one_line(error)
    if isinstance(error, ImportError) and error.name and not error.name.startswith("bayesmeta"):
        package = error.name.partition(".")[0]
        return REJECTED, (
            f"the Python package {package} cannot be imported, and this needs it: {one_line(error)}. Install it, e.g. with "
            f"python -m pip install {package}, or install bayesmeta again with what it depends on."
        )
    kind, said = type(error).__name__, one_line(error)
    return UNEXPECTED, (
        f"unexpected {kind}{': ' if said else ''}{said.rstrip('.')}. This is a fault of bayesmeta: please report it with the "
        "command and what `bayesmeta --traceback ...` prints."
    )


def _close_standard_output() -> None:
    """Whoever read standard output has left (`| head`); what is still buffered goes nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # it is not a file, or closed
        return
