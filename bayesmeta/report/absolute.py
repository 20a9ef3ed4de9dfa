"""What `bayesmeta fit` says of patients: events per 1,000 and number needed to treat at a baseline risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bayesmeta.effects.baseline_risk import baseline_risk
from bayesmeta.errors import SpecificationError
from bayesmeta.report.console import PlainConsole
from bayesmeta.report.layout import print_table
from bayesmeta.results.findings import SummaryOfFindings, summary_of_findings
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.sheet import Grid


@dataclass(frozen=True, slots=True)
class Patients:
    """Options of a command: the baseline risk, the smallest difference that matters, and which side is better."""

    baseline_risk: str
    mid: float | None
    benefit: str

    @classmethod
    def stated(cls, risk: str | None, mid: float | None, benefit: str | None) -> Self | None:
        """The options as they were given, checked; None where there is no baseline risk.

        Raises
        ------
        SpecificationError
            If an option has no use, or cannot be right.
        """
        if risk is None:
            for option, value in (("--mid", mid), ("--benefit", benefit)):
                if value is not None:
                    raise SpecificationError(
                        f"{option} {value}: it is for --baseline-risk. Give that, or leave it out."
                    )
            return None
        baseline_risk(risk)
        if benefit not in (None, "lower", "higher"):
            raise SpecificationError(f"--benefit {benefit}: choose lower or higher.")
        if mid is not None and not 0 <= mid < 1000:
            raise SpecificationError(f"--mid {mid:g}: events per 1,000, from 0 to less than 1,000.")
        return cls(risk, mid, benefit or "lower")

    def of(self, result: MetaResult, ci_prob: float) -> SummaryOfFindings:
        """The numbers of a fit."""
        return summary_of_findings(result, self.baseline_risk, self.mid, benefit=self.benefit, ci_prob=ci_prob)


def print_findings(console: PlainConsole, found: SummaryOfFindings) -> None:
    """Print them below a fit."""
    sheet = found.sheet()
    console.print(f"{sheet.heading}:")
    for part in sheet.parts:
        if isinstance(part, Grid) and part.columns:
            print_table(console, part.columns, part.rows)
        elif isinstance(part, Grid):
            for name, value in part.rows:
                console.print(f"{name}: {value}" if not name.startswith("P(") else f"{name} = {value}")
        else:
            console.print(part)
