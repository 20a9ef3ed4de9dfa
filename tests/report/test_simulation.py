"""`bayesmeta simulate`: its exit status, the files that it keeps, and the figure."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bayesmeta.cli import app
from bayesmeta.plots.coverage import coverage
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


def test_files_are_the_same_bytes_in_every_run(path, tmp_path):
    for name in ("a", "b"):
        assert CliRunner().invoke(app, ["simulate", str(path), "--out", str(tmp_path / name)]).exit_code == 0
    for name in ("results.json", "performance.csv", "calibration.csv", "coverage.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_analysis_without_any_interval_is_a_failed_check(path):
    path.write_text(DESIGN.replace("k = 3", "k = 1"))
    run = CliRunner().invoke(app, ["simulate", str(path)])
    assert run.exit_code == 1
    assert "check failed: pm hksj-adhoc gave no interval with k = 1" in run.stderr


def test_the_figure_has_marks_at_the_coverages(path):
    rows = simulate(read_design(path)).to_dict()["performance"]
    ax = coverage(rows, 0.95)
    chosen = [r["coverage"] for r in rows if r["parameter"] == "mu" and r["analysis"] == "dl wald"]
    assert chosen in [list(line.get_ydata()) for line in ax.get_lines()]
    assert ax.get_title() == "k = 3, μ = 0.0"
