"""What a checklist consists of: items in our words, each with a function that answers it from the records of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bayesmeta.analysis.records.results import Results

NOT_DONE = "not done"
NOT_HERE = "not in this file"


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be reported.

    Attributes
    ----------
    number : str
        As the guideline has it.
    asks : str
    answer : callable
        What the report has of it and where; empty where it has nothing.
    without : str
        The answer then: "not done" of an analysis, "not in this file" of what an analysis file does not hold.
    """

    number: str
    asks: str
    answer: Callable[[Results], str]
    without: str = NOT_DONE

    def answered(self, results: Results) -> tuple[str, bool]:
        """The answer, and whether the report has one."""
        found = self.answer(results)
        return found or self.without, bool(found)


@dataclass(frozen=True, slots=True)
class Checklist:
    """A guideline: its name, source, and what is said of items that it has and this list lacks."""

    name: str
    source: str
    items: Sequence[Item]
    left_out: str = ""
