"""The tables of what went in: the studies, and what their family made tables of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bayesmeta.report.html_table import Head, HtmlTable, html_table
from bayesmeta.report.numbers import MISSING, format_estimate, format_number, format_probability

Record = Mapping[str, Any]
_ALIGNED = {"number": "n", "probability": "n", "estimate": "n", "long": "long"}


def evidence_tables(evidence: Record) -> list[HtmlTable | None]:
    """The studies of an outcome, then what its family made tables of."""
    tables: list[HtmlTable | None] = [_studies(evidence.get("studies") or [])]
    for table in evidence.get("tables") or []:
        heads = [Head(column["heading"], _ALIGNED.get(column.get("form", ""), "")) for column in table["columns"]]
        rows = [[_cell(row, column) for column in table["columns"]] for row in evidence[table["key"]]]
        tables.append(html_table(table["caption"], heads, rows, table["note"]))
    return tables


def _studies(studies: Sequence[Record]) -> HtmlTable | None:
    covariates = list(dict.fromkeys(name for study in studies for name in study.get("covariates") or {}))
    latent = any(not study.get("known") for study in studies)
    heads = [Head("Trial"), Head("n", "n", needed=False), Head("Result", needed=False), Head("What entered", "long")]
    heads += [Head(_breakable(name)) for name in covariates]
    rows = [
        [
            str(study.get("label") or study.get("study") or ""),
            format_number(study.get("n") or None),
            ("known" if study.get("known") else "latent") if latent else "",
            format_number(study.get("evidence")),
            *(format_number((study.get("covariates") or {}).get(name) or MISSING) for name in covariates),
        ]
        for study in studies
    ]
    return html_table("Trials", heads, rows, kind="scroll trials")


def _breakable(name: str) -> Markup:
    """A name that may be broken behind its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _cell(row: Record, column: Record) -> str:
    """A value of a table of evidence as its column writes it."""
    value, digits = row.get(column["key"]), column.get("digits")
    if column.get("form") == "estimate":
        return format_estimate(value, row.get("lower"), row.get("upper"))
    if column.get("form") == "probability":
        return format_probability(value)
    if isinstance(value, list):
        known = any(one is not None for one in value)
        return " v ".join(format_number(one, digits) for one in value) if known else MISSING
    text, aside = format_number(value, digits), row.get(column.get("aside", ""))
    return f"{text} ({str(aside).replace('_', ' ')})" if aside and value is not None else text
