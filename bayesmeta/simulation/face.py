"""What a simulation study shows of itself: a table for each scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayesmeta.text.numbers import MISSING, format_number, format_value, write_row
from bayesmeta.text.sheet import Grid, Sheet

if TYPE_CHECKING:
    from bayesmeta.simulation.result import SimulationResult

Row = Mapping[str, Any]
_COLUMNS = (
    ("bias", "bias", False),
    ("rmse", "RMSE", False),
    ("coverage", "cover", True),
    ("width", "width", False),
    ("interval_score", "score", False),
    ("rejection", "reject", True),
    ("type_s", "type S", True),
    ("type_m", "type M", False),
)  # and whether it is a share of the replications


def simulation_sheet(found: SimulationResult) -> Sheet:
    """Bias, coverage and the other measures of each analysis for the mean, and coverage for tau and a new study."""
    design, rows = found.design, found.performance.to_dict("records")
    worst = max((row["coverage_mcse"] for row in rows if row["coverage_mcse"] == row["coverage_mcse"]), default=0.0)
    notes = (
        "cover: coverage of the interval for mu; tau, new: of those for tau and a new study; score: interval score. "
        f"Monte Carlo standard error of a coverage: at most {worst:.2g}; to_dict() has that of every number."
    )
    heading = f"{design.title}: {design.replications:,} replications, {100 * design.level:g}% intervals"
    return Sheet(heading, [*_grids(rows), notes])


def _grids(rows: Sequence[Row]) -> Iterable[Grid]:
    """One table for each number of studies, mean and heterogeneity."""
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["k"], row["mu"], row["tau"]), []).append(row)
    headings = ["", *(heading for _, heading, _ in _COLUMNS), "tau", "new"]
    for (k, mu, tau), cell in cells.items():
        lines = []
        for name in dict.fromkeys(row["analysis"] for row in cell):
            own = {row["parameter"]: row for row in cell if row["analysis"] == name}
            others = (_number(own.get(other, {}), "coverage", True) for other in ("tau", "theta_new"))
            lines.append([name, *(_number(own["mu"], key, share) for key, _, share in _COLUMNS), *others])
        yield Grid(lines, headings, caption=f"k = {k}, mu = {_said(mu)}, tau = {_said(tau)}")


def _said(value: float | str) -> str:
    return value if isinstance(value, str) else format_value(value)


def _number(row: Row, key: str, share: bool) -> str:
    """Shares with three decimals; other numbers to the second digit of their Monte Carlo standard error."""
    value = row.get(key)
    if value is None:
        return MISSING
    return format_number(value, 3) if share else write_row([value], row.get(f"{key}_mcse"))[0]
