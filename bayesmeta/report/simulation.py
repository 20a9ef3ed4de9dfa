"""`bayesmeta simulate`: a simulation study, printed for a reader or as JSON, and kept as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from bayesmeta.text.sheet import Sheet


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
        _print(result.sheet())
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


def _print(sheet: Sheet) -> None:
    """What the result shows of itself, in tables as wide as the terminal."""
    console = PlainConsole()
    console.print(sheet.heading)
    for part in sheet.parts:
        if isinstance(part, str):
            console.print(part)
        else:
            console.print(f"\n{part.caption}")
            print_table(console, part.columns, part.rows)
