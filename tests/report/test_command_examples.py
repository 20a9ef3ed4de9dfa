"""The examples that the help of each command shows run as they stand, beside files of the package."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import bayesmeta as bm
from bayesmeta.cli import app
from bayesmeta.report.command_examples import EXAMPLES

GOLDEN = Path(__file__).parents[1] / "golden"
STORED = Path(bm.__file__).parent / "data" / "datasets"
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SLOW = {
    "report",
    "verify",
    "diff",
}  # they need chains, or two reports; tests/report/test_new_analysis.py runs the first, here they are parsed alone
DESIGN = """
title = "Five trials"
seed = 1
replications = 20
estimators = ["dl wald"]
[truth]
mu = 0.3
tau = 0.2
[studies]
outcome = "estimates"
k = 5
se = 0.2
"""


def without(name: str, *columns: str) -> str:
    """A stored table without some of its columns."""
    rows = [line.split(",") for line in (STORED / f"{name}.csv").read_text(encoding="utf-8").splitlines()]
    kept = [i for i, column in enumerate(rows[0]) if column not in columns]
    return "\n".join(",".join(row[i] for i in kept) for row in rows) + "\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Runs a line as a shell would, in a folder with the tables that examples name; every question is answered by Enter."""
    monkeypatch.chdir(tmp_path)
    effects = without("bcg", "events_t", "n_t", "events_c", "n_c")
    (tmp_path / "effects.csv").write_text(effects, encoding="utf-8")
    (tmp_path / "arms.csv").write_text(without("bcg", "y", "se"), encoding="utf-8")
    (tmp_path / "metafor.csv").write_text(effects.replace("study,y,se", "slab,yi,sei"), encoding="utf-8")
    judged = [f"{line.split(',')[0]},{'High' if i < 4 else 'Low'}" for i, line in enumerate(effects.splitlines()[1:])]
    (tmp_path / "rob.csv").write_text("\n".join(["Study,Overall", *judged]), encoding="utf-8")
    (tmp_path / "design.toml").write_text(DESIGN, encoding="utf-8")

    def run(line: str) -> Any:
        words, sign, target = line.partition(" > ")
        program, *arguments = shlex.split(words)
        assert program == "bayesmeta"
        result = CliRunner().invoke(app, arguments, input="\n" * 100)
        assert result.exit_code == 0, result.output
        if sign:
            Path(target).write_text(result.stdout, encoding="utf-8")
        return result

    return run


def test_every_command_has_an_example_of_its_own_in_its_help() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        shown = CliRunner().invoke(app, [name, "--help"], env={"TERMINAL_WIDTH": "200"})
        assert shown.exit_code == 0
        for line in lines:
            assert line.startswith(f"bayesmeta {name} ")
            assert line in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    "line",
    [line for name, lines in EXAMPLES.items() if name not in SLOW for line in lines],
    ids=lambda line: line[10:40],
)
def test_an_example_runs(line: str, run: Callable[[str], Any]) -> None:
    result = run(line)
    written = re.findall(r"(?:--out|--plot|>) (\S+)|\bnew (\S+)", line)
    for out, folder in written:
        assert Path(out or folder).exists()
    assert result.output or written


@pytest.mark.parametrize("name", sorted(SLOW))
def test_an_example_that_takes_long_has_what_the_command_asks_for(name: str) -> None:
    for line in EXAMPLES[name]:
        context = COMMANDS[name].make_context(name, shlex.split(line)[2:])
        assert {one.name for one in COMMANDS[name].params if one.required} <= {
            k for k, v in context.params.items() if v
        }


def test_examples_follow_on_each_other(run: Callable[[str], Any]) -> None:
    """What `effects` writes, `compare` reads; the row by REML with Knapp and Hartung's interval is that of R's metafor."""
    run(EXAMPLES["effects"][0])
    row = next(line for line in run(EXAMPLES["compare"][0]).stdout.splitlines() if line.strip().startswith("reml"))
    fits = json.loads((GOLDEN / "metafor_bcg_RR.json").read_text())["fits"]
    (peer,) = [fit for fit in fits if (fit["method"], fit["test"]) == ("REML", "knha")]
    expected = [peer["beta"][0], peer["ci_lb"][0], peer["ci_ub"][0]]
    printed = re.findall(r"-?\d+\.\d+", row.replace("−", "-"))[:3]
    assert printed == [f"{number:.2f}" for number in expected]
