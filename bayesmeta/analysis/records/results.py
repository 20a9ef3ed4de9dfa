"""The whole of ``results.json``, written and read."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from bayesmeta.analysis.records.base import Record
from bayesmeta.analysis.records.model import Named, SummaryRow
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.diagnostics.check import Check

SCHEMA = "bayesmeta-report/1"


class AnalysisRecord(Record):
    """What was asked, and where the answer was written to."""

    title: str
    question: str
    source: str
    file: str
    seed: int
    ci_prob: float
    out: str
    risk_of_bias: str = ""
    certainty: list[str] = Field(default_factory=list)
    defaults: list[str] = Field(default_factory=list)


class ReportedRow(SummaryRow, Named):
    """A parameter of any model."""


class ExternalRecord(Record):
    """What another review found, or says in words."""

    review: str
    outcome: str
    estimate: float | None
    lower: float | None
    upper: float | None
    scale: str
    comparable: bool
    outcome_key: str = ""
    note: str
    source: str
    certainty: str = ""


class DrawsRecord(Record):
    """The file of the draws."""

    file: str
    sha256: str


class Results(Record):
    """The results of an analysis."""

    schema_version: Literal["bayesmeta-report/1"] = Field(alias="schema")
    created: str
    analysis: AnalysisRecord
    engine: str
    versions: dict[str, str]
    signals: list[SignalRecord]
    checks: list[Check]
    summary: list[ReportedRow]
    outcomes: dict[str, OutcomeRecord] = Field(min_length=1)
    external: list[ExternalRecord]
    methods: list[str]
    limitations: list[str]
    references: list[str]
    draws: DrawsRecord

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.passed is False]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they are in the file."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def as_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n"
