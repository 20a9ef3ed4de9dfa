"""What went into the models of an outcome."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from bayesmeta.analysis.records.base import Record
from bayesmeta.families.words import Column, Marks

Value = str | bool | int | float | None
Row = dict[str, Value | list[Value]]


class StudyRecord(Record):
    """A study: what it printed, in words, and whether its effect entered or is latent; `read` has covariates in their units."""

    study: str
    label: str
    n: str
    known: bool
    evidence: str
    covariates: dict[str, str]
    read: dict[str, str] = Field(default_factory=dict)


class TableRecord(Record):
    """How the list of rows under `key` is shown."""

    key: str
    caption: str
    columns: list[Column]
    note: str


class EvidenceRecord(Record):
    """Studies, then lists of rows by key: a review's statistics and choices, what a family has; `corrected`: zero cells."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[Row]] = Field(init=False)

    studies: list[StudyRecord]
    statistics: list[Row]
    choices: list[Row]
    missing: list[str]
    inferred: str = ""
    counted: str = ""
    corrected: str = ""
    tables: list[TableRecord] = Field(default_factory=list)
    marks: dict[str, Marks] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)

    def rows(self, key: str) -> list[Row]:
        """The rows of a table."""
        rows: list[Row] = getattr(self, key)
        return rows

    @property
    def latent(self) -> int:
        """How many studies are latent."""
        return sum(not study.known for study in self.studies)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.studies or self.tables or self.missing)
