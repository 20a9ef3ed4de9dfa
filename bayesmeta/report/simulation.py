"""`bayesmeta simulate`: a simulation study, printed for a reader or as JSON, and kept as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

from bayesmeta.data.text_files import csv_bytes
from bayesmeta.report.console import PlainConsole, print_json, progress_bar
from bayesmeta.report.layout import print_table
from bayesmeta.simulation.design import read_design
from bayesmeta.simulation.result import SimulationResult
from bayesmeta.simulation.run import simulate
from bayesmeta.simulation.store import Store
from bayesmeta.text.numbers import MISSING, format_number, write_row

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


def simulate_and_print(
    path: Path, out: Path | None, scheduler: str | None, workers: int | None, as_json: bool
) -> SimulationResult:
    """Run a design file, print the table, and write results beside the blocks.

    Parameters
    ----------
    path : Path
        Design file.
    out : Path, optional
        Folder for blocks, results.json, performance.csv, calibration.csv and coverage.svg.
    scheduler, workers
        As in `simulate`.
    as_json : bool
        Print one JSON object instead of a table.

    Returns
    -------
    SimulationResult
    """
    design = read_design(path)
    with _progress() as progress:
        result = simulate(design, out=out, scheduler=scheduler, workers=workers, progress=progress)
    content = result.to_dict()
    if out is not None:
        Store(out, design).write_results(_files(result, content))
    if as_json:
        print_json(content)
    else:
        _print(content)
    return result


def _files(result: SimulationResult, content: dict[str, Any]) -> dict[str, bytes]:
    from bayesmeta.plots.canvas import image
    from bayesmeta.plots.coverage import coverage

    return {
        "results.json": (json.dumps(content, allow_nan=False, indent=1) + "\n").encode(),
        "performance.csv": csv_bytes(result.performance),
        "calibration.csv": csv_bytes(result.calibration),
        "coverage.svg": image("svg", coverage, content["performance"], content["design"]["level"]),
    }


@contextmanager
def _progress() -> Iterator[Any]:
    """Show on standard error how many meta-analyses are done."""
    with progress_bar(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("meta-analyses")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(content: dict[str, Any]) -> None:
    console = PlainConsole()
    design = content["design"]
    console.print(f"{design['title']}: {design['replications']:,} replications, {100 * design['level']:g}% intervals")
    for cell in _cells(content["performance"]):
        console.print(f"\nk = {cell[0]['k']}, mu = {cell[0]['mu']}, tau = {cell[0]['tau']}")
        headings = ["", *(heading for _, heading, _ in _COLUMNS), "tau", "new"]
        lines = []
        for name in dict.fromkeys(row["analysis"] for row in cell):
            rows = {row["parameter"]: row for row in cell if row["analysis"] == name}
            lines.append([name, *(_number(rows["mu"], key, share) for key, _, share in _COLUMNS), *_others(rows)])
        print_table(console, headings, lines)
    worst = max((row["coverage_mcse"] or 0.0 for row in content["performance"]), default=0.0)
    console.print(
        "cover: coverage of the interval for mu; tau, new: of those for tau and a new study; score: interval score.\n"
        f"Monte Carlo standard error of a coverage: at most {worst:.2g}; --json gives that of every number."
    )


def _cells(rows: Sequence[Row]) -> list[list[Row]]:
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["k"], row["mu"], row["tau"]), []).append(row)
    return list(cells.values())


def _others(rows: Mapping[str, Row]) -> tuple[str, str]:
    tau, new = (_number(rows.get(name, {}), "coverage", True) for name in ("tau", "theta_new"))
    return tau, new


def _number(row: Row, key: str, share: bool) -> str:
    """Shares with three decimals; other numbers to the second digit of their Monte Carlo standard error."""
    value = row.get(key)
    if value is None:
        return MISSING
    return format_number(value, 3) if share else write_row([value], row.get(f"{key}_mcse"))[0]
