"""The tables of what went in: the studies, and what their family made tables of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from markupsafe import Markup

from bayesmeta.analysis.records.evidence import EvidenceRecord, Row, StudyRecord
from bayesmeta.families.words import Column
from bayesmeta.report.html_table import Head, HtmlTable, html_table
from bayesmeta.text.numbers import MISSING, format_estimate, format_number, format_probability

_ALIGNED = {"number": "n", "probability": "n", "estimate": "n", "long": "long"}


def evidence_tables(evidence: EvidenceRecord) -> list[HtmlTable | None]:
    """The studies of an outcome, then what its family made tables of."""
    tables: list[HtmlTable | None] = [_studies(evidence.studies)]
    for table in evidence.tables:
        heads = [Head(column.heading, _ALIGNED.get(column.form, "")) for column in table.columns]
        rows = [[_cell(row, column) for column in table.columns] for row in evidence.rows(table.key)]
        tables.append(html_table(table.caption, heads, rows, table.note))
    return tables


def _studies(studies: Sequence[StudyRecord]) -> HtmlTable | None:
    covariates = list(dict.fromkeys(name for study in studies for name in study.covariates))
    latent = any(not study.known for study in studies)
    heads = [Head("Trial"), Head("n", "n", needed=False), Head("Result", needed=False), Head("What entered", "long")]
    heads += [Head(_breakable(name)) for name in covariates]
    rows = [
        [
            study.label,
            format_number(study.n or None),
            ("known" if study.known else "latent") if latent else "",
            format_number(study.evidence),
            *(format_number(study.covariates.get(name) or MISSING) for name in covariates),
        ]
        for study in studies
    ]
    return html_table("Trials", heads, rows, kind="scroll trials")


def _breakable(name: str) -> Markup:
    """A name that may be broken behind its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _cell(row: Row, column: Column) -> str:
    """A value of a table of evidence as its column writes it."""
    value: Any = row.get(column.key)
    if column.form == "estimate":
        lower, upper = cast(Any, row.get("lower")), cast(Any, row.get("upper"))
        return format_estimate(value, lower, upper)
    if column.form == "probability":
        return format_probability(value)
    if isinstance(value, list):
        filled = any(one is not None for one in value)
        return " v ".join(format_number(one, column.digits) for one in value) if filled else MISSING
    text, aside = format_number(value, column.digits), row.get(column.aside)
    return f"{text} ({str(aside).replace('_', ' ')})" if aside and value is not None else text
