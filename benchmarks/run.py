"""Time what users wait for: `make bench`, or `python benchmarks/run.py --only import --rounds 3`.

Each `bench_*.py` beside this file has a docstring (its title) and `CASES`, a dictionary from a label to a
function without arguments. The first case is the baseline: machines differ, so what counts is the ratio to it
in the same run. A function is timed from outside, unless it returns seconds that it measured itself. A file may
set `ROUNDS`, and put a line for a case into `NOTES`; one without cases (its peer is not installed) is passed over.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
Case = Callable[[], float | None]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seconds(case: Case) -> float:
    start = time.perf_counter()
    measured = case()
    elapsed = time.perf_counter() - start
    return elapsed if measured is None else measured


def measure(cases: dict[str, Case], rounds: int) -> dict[str, dict[str, float]]:
    """Median and fastest seconds of each case; rounds alternate, so a busy spell hits every case."""
    for case in cases.values():
        seconds(case)  # the first run fills caches and compiles
    times: dict[str, list[float]] = {label: [] for label in cases}
    for _ in range(rounds):
        for label, case in cases.items():
            times[label].append(seconds(case))
    baseline = statistics.median(next(iter(times.values())))
    return {
        label: {"median_s": (m := statistics.median(t)), "fastest_s": min(t), "ratio": m / baseline}
        for label, t in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="part of the name of the files to run")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    console = Console()
    results: dict[str, object] = {
        "bayesmeta": version("bayesmeta"), "python": platform.python_version(), "machine": platform.machine(),
    }  # fmt: skip
    for path in sorted(HERE.glob(f"bench_*{arguments.only}*.py")):
        module = load(path)
        if not module.CASES:
            continue
        rows = measure(module.CASES, getattr(module, "ROUNDS", arguments.rounds))
        notes = getattr(module, "NOTES", {})
        results[path.stem] = {
            label: row | ({"note": notes[label]} if label in notes else {}) for label, row in rows.items()
        }
        table = Table("case", title=(module.__doc__ or path.stem).partition("\n")[0], title_justify="left")
        for heading in ("median (s)", "fastest (s)", "ratio to the first"):
            table.add_column(heading, justify="right")
        for label, row in rows.items():
            cells = (f"{row['median_s']:.4f}", f"{row['fastest_s']:.4f}", f"{row['ratio']:.3g}")
            table.add_row(label, *cells)
        console.print(table)
        for label, note in notes.items():
            console.print(f"  {label}: {note}")
    out = HERE / "results" / "latest.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    console.print(f"Written to {out.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
