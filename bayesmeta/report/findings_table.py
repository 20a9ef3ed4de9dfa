"""Absolute effects of all outcomes in one table: events per 1,000 without and with treatment, and number needed to treat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bayesmeta.analysis.records.outcome import DerivedRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.report.html_table import Cell, Head, HtmlTable, html_table, lines, numbers, small
from bayesmeta.report.know_first import short
from bayesmeta.text.numbers import format_estimate

_NOTE = "Medians with 95% intervals; each baseline risk is the one that the file states, and its uncertainty is in the intervals."


def findings_table(results: Results) -> HtmlTable | None:
    """A row for each baseline risk of an outcome; None where no risks were asked for."""
    rows = [
        [lines(short(outcome.label), small(control.label.removeprefix("risk, "))), *cells]
        for outcome in results.outcomes.values()
        for control, cells in _questions(outcome.derived)
    ]
    heads = [
        Head("Outcome, and baseline risk"),
        *numbers("Without, per 1,000", "With, per 1,000", "Difference", "Number needed to treat"),
    ]
    return html_table("Absolute effects", heads, rows, _NOTE)


def _questions(derived: Sequence[DerivedRecord]) -> Iterator[tuple[DerivedRecord, list[Cell]]]:
    """The baseline risk of each question, and its cells: risks, difference and number needed to treat."""
    for control, treated, difference, needed in zip(derived, derived[1:], derived[2:], derived[3:], strict=False):
        if treated.label == "risk, treatment":
            yield control, [*map(_per_1000, (control, treated, difference)), needed.text]


def _per_1000(row: DerivedRecord) -> str:
    """A percentage as events per 1,000."""
    return format_estimate(*(None if one is None else 10 * one for one in (row.median, row.lower, row.upper)))
