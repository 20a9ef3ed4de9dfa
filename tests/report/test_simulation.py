"""`bayesmeta simulate`: what it prints and keeps, and its exit status."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bayesmeta.cli import app
from bayesmeta.report.simulation_plots import coverage
from bayesmeta.simulation.design import read_design
from bayesmeta.simulation.run import simulate

DESIGN = """
title = "Three small trials"
seed = 1
replications = 200
estimators = ["dl wald", "pm hksj-adhoc"]
[truth]
tau = [0, 0.4]
[studies]
outcome = "estimates"
k = 3
se = 0.2
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "design.toml"
    file.write_text(DESIGN)
    return file


def test_the_table_shows_every_number_in_full(path):
    run = CliRunner().invoke(app, ["simulate", str(path)])
    assert run.exit_code == 0
    assert "…" not in run.stdout
    row = simulate(read_design(path)).performance.iloc[0]
    line = next(line for line in run.stdout.splitlines() if line.startswith(" dl wald") or line.startswith("dl wald"))
    assert f"{row['coverage']:.3f}" in line
    assert f"{row['width']:.3f}" in line


def test_json_and_files_hold_the_same_numbers_in_every_run(path, tmp_path):
    first = CliRunner().invoke(app, ["simulate", str(path), "--json", "--out", str(tmp_path / "a")])
    again = CliRunner().invoke(app, ["simulate", str(path), "--json", "--out", str(tmp_path / "b")])
    content = json.loads(first.stdout)
    assert content["schema"] == "bayesmeta-simulate/1"
    assert len(content["performance"]) == 2 * 2 * 3
    assert first.stdout == again.stdout
    for name in ("results.json", "performance.csv", "calibration.csv", "coverage.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a" / "results.json").read_text()) == content


def test_an_analysis_without_any_interval_is_a_failed_check(path):
    path.write_text(DESIGN.replace("k = 3", "k = 1"))
    run = CliRunner().invoke(app, ["simulate", str(path)])
    assert run.exit_code == 1
    assert "check failed: pm hksj-adhoc gave no interval with k = 1" in run.stderr


def test_the_figure_has_marks_at_the_coverages(path):
    rows = simulate(read_design(path)).to_dict()["performance"]
    ax = coverage(rows, 0.95).axes[0]
    chosen = [r for r in rows if r["parameter"] == "mu" and r["analysis"] == "dl wald"]
    heights = [list(line.get_ydata()) for line in ax.get_lines()]
    assert [r["coverage"] for r in chosen] in heights
    assert ax.get_title() == "k = 3, μ = 0.0"
