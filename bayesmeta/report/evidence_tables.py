"""The tables of what went in: the studies, and what their family made tables of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from bayesmeta.analysis.records.evidence import EvidenceRecord, Row, StudyRecord
from bayesmeta.families.words import Column
from bayesmeta.report.html_table import Head, HtmlTable, html_table
from bayesmeta.text.numbers import MISSING, format_estimate, format_number, format_probability

_ALIGNED = {"number": "n", "probability": "n", "estimate": "n", "long": "long"}


def evidence_tables(evidence: EvidenceRecord) -> list[HtmlTable | None]:
    """The studies of an outcome, then what its family made tables of."""
    tables: list[HtmlTable | None] = [_studies(evidence)]
    for table in evidence.tables:
        heads = [Head(column.heading, _ALIGNED.get(column.form, "")) for column in table.columns]
        rows = [[_cell(row, column, evidence.labels) for column in table.columns] for row in evidence.rows(table.key)]
        tables.append(html_table(table.caption, heads, rows, table.note))
    return tables


def _studies(evidence: EvidenceRecord) -> HtmlTable | None:
    studies = evidence.studies
    covariates = list(dict.fromkeys(name for study in studies for name in study.covariates))
    latent = any(not study.known for study in studies)
    heads = [Head("Trial"), Head("n", "n", needed=False), Head("Result", needed=False), Head("What entered", "long")]
    heads += [Head(evidence.labels.get(name, name)) for name in covariates]
    yes_no = {name for name in covariates if {one.covariates.get(name) for one in studies} <= {"0", "1"}}
    rows = [
        [
            study.label,
            format_number(study.n or None),
            ("known" if study.known else "latent") if latent else "",
            format_number(study.evidence),
            *(_covariate(study, name, yes_no=name in yes_no) for name in covariates),
        ]
        for study in studies
    ]
    return html_table("Trials", heads, rows, kind="scroll trials")


def _covariate(study: StudyRecord, name: str, *, yes_no: bool) -> str:
    """A covariate as it is read: in its unit, or as yes and no where it is 1 or 0 in every study."""
    value = study.read.get(name) or study.covariates.get(name)
    if yes_no:
        return "yes" if value == "1" else "no"
    return format_number(value or MISSING)


def covariates_in_words(text: str, labels: Mapping[str, str] | None) -> str:
    """A text of the package with words for the covariates that it names: those with an underscore wherever they stand.

    Others, which may be words themselves, are taken for names behind a colon, and where a statistic or a group is of them.

    Examples
    --------
    >>> covariates_in_words("subgroup test: crps, lower where high_dose = 1", {"high_dose": "high dose", "crps": "CRPS"})
    'subgroup test: CRPS, lower where high dose = 1'
    >>> covariates_in_words("a dose: z of dose", {"dose": "mg"})
    'a dose: z of mg'
    """
    for name, words in (labels or {}).items():
        behind = r"(?<![\w.])" if "_" in name else r"(?:(?<=: )|(?<=\bz of )|(?<=\bwhere ))"
        text = re.sub(rf"{behind}{re.escape(name)}(?![\w.])", words.replace("\\", r"\\"), text)
    return text


def _cell(row: Row, column: Column, labels: Mapping[str, str]) -> str:
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
    text = covariates_in_words(text, labels)
    return f"{text} ({str(aside).replace('_', ' ')})" if aside and value is not None else text
