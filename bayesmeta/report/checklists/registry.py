"""Every checklist that a report answers."""

from __future__ import annotations

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.checklists.barg import BARG
from bayesmeta.report.checklists.item import Checklist
from bayesmeta.report.checklists.prisma import PRISMA
from bayesmeta.report.checklists.robust import ROBUST
from bayesmeta.report.html_table import Head, HtmlTable, html_table

CHECKLISTS = (BARG, ROBUST, PRISMA)
CHECKLISTS_SAID = (
    "Items in our words, each with the place in this report that answers it. “not done”: the analysis lacks it; “not in this "
    "file”: an analysis file does not hold it, so that the paper has to say it."
)


def checklist_tables(results: Results) -> list[tuple[str, HtmlTable | None]]:
    """Of each checklist how much of it the report answers, in one sentence, and its items with their answers."""
    return [(_said(checklist, results), _table(checklist, results)) for checklist in CHECKLISTS]


def _said(checklist: Checklist, results: Results) -> str:
    answered = sum(item.answered(results)[1] for item in checklist.items)
    return f"{checklist.name} ({checklist.source}): {answered} of {len(checklist.items)} items answered"


def _table(checklist: Checklist, results: Results) -> HtmlTable | None:
    rows = [[item.number, item.asks, item.answered(results)[0]] for item in checklist.items]
    heads = [Head("Item"), Head("What it asks for", "long"), Head("Where, and what", "long")]
    return html_table(checklist.name, heads, rows, checklist.left_out)
