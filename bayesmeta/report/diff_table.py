"""Two reports side by side on the terminal."""

from __future__ import annotations

from bayesmeta.report.console import PlainConsole
from bayesmeta.report.diff import VERDICTS, WITHIN, Compared, ReportDiff
from bayesmeta.report.layout import print_table
from bayesmeta.text.numbers import count_of, format_number, write_row


def print_diff(found: ReportDiff) -> None:
    """Print causes, then the numbers that moved, then how many of each kind there are."""
    console = PlainConsole()
    if found.causes:
        console.print("What they were made from differs:\n")
        rows = [[cause.kind, cause.where, cause.what, cause.first, cause.second] for cause in found.causes]
        print_table(console, ["what", "of", "which", "first", "second"], rows, texts=5)
    else:
        console.print("Data, models, priors, sampling, seed and versions are the same.\n")
    moved = [*found.of("different"), *found.of("in one report only"), *found.of("within Monte Carlo error")]
    if moved:
        print_table(
            console,
            ["model", "number", "first", "second", "difference", "in MC\nerrors", "because of"],
            list(map(_row, moved)),
            texts=2,
        )
    said = [f"{count_of(len(numbers), 'number')} {verdict}" for verdict in VERDICTS if (numbers := found.of(verdict))]
    console.print(f"{'; '.join(said)}.")
    if found.of("within Monte Carlo error"):
        console.print(f"Within Monte Carlo error: by at most {WITHIN} standard errors of the difference.")


def _row(number: Compared) -> list[str]:
    difference = None if number.first is None or number.second is None else number.second - number.first
    first, second, by = write_row([number.first, number.second, difference], difference and abs(difference) / 10)
    errors = format_number(abs(difference) / number.error, 1) if difference is not None and number.error else ""
    return [number.where, number.what, first, second, by, errors, ", ".join(number.because)]
