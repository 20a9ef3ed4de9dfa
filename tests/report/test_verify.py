"""`bayesmeta verify`: an untouched report passes; every edit of it, its draws, its data or its models is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from bayesmeta.cli import main
from bayesmeta.errors import DataError
from bayesmeta.report.html import render_html
from bayesmeta.report.run import write_report
from bayesmeta.report.verify import verify_report

pytestmark = pytest.mark.slow
SMALL = Path(__file__).resolve().parent.parent / "analysis" / "small"
SIGNAL = """
[[outcomes.pain.signals]]
name = "benefit"
model = "overall"
claim = "mu < 0"
claim_label = "benefit"
quantity = "mu"
published_p = 0.2
[[outcomes.pain.derived]]
model = "overall"
baseline_label = "control"
baseline_percent = 20.0
baseline_n = [60]
[outcomes.pain.sensitivity]
effect = [{ label = "narrow", prior = "Normal(0, 1)" }]
tau = [{ label = "wide", prior = "HalfNormal(1)" }]
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    shutil.copytree(SMALL, folder / "input")
    path = folder / "input" / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8") + SIGNAL, encoding="utf-8")
    write_report(path, folder / "report", quiet=True)
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "copy")
    return tmp_path / "copy"


def failures(folder: Path) -> dict[str, str]:
    checks = verify_report(folder / "report", folder / "input" / "analysis.toml")
    return {check.name: check.note for check in checks if check.passed is False}


def edit(folder: Path, change: Any) -> None:
    """Change results.json, and write its page again."""
    path = folder / "report" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    change(results)
    path.write_text(json.dumps(results), encoding="utf-8")
    (folder / "report" / "report.html").write_text(render_html(results), encoding="utf-8")


def test_an_untouched_report_passes(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures(written) == {}
    arguments = ["verify", str(written / "report"), "--analysis", str(written / "input" / "analysis.toml")]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--json"])
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "bayesmeta-verify/1"
    assert all(check["passed"] for check in found["checks"])


def scale_probability(results: Any) -> None:
    results["signals"][0]["probability"] *= 1 + 1e-6


def change_sd(results: Any) -> None:
    results["summary"][1]["sd"] += 1e-6


def change_sensitivity(results: Any) -> None:
    results["signals"][0]["sensitivity"][1]["probability"] += 1e-6


def drop_row(results: Any) -> None:
    results["summary"].pop()


def add_words(results: Any) -> None:
    results["limitations"].append("None.")


@pytest.mark.parametrize("change", [scale_probability, change_sd, change_sensitivity, drop_row, add_words])
def test_an_edited_number_is_found(copied: Path, change: Any) -> None:
    edit(copied, change)
    assert len(failures(copied)) == 1


def test_an_edited_page_is_found(copied: Path) -> None:
    page = copied / "report" / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("Pain", "Joy"), encoding="utf-8")
    assert list(failures(copied)) == ["report.html shows results.json"]


def test_edited_draws_are_found(copied: Path) -> None:
    with h5py.File(copied / "report" / "posterior.nc", "r+") as file:
        rhat = file["pain/overall/posterior/tau"]
        rhat[0, 0] = np.float64(9.0)
    (note,) = failures(copied).values()
    assert "convergence" in note or "agreement" in note or "summary" in note


def test_other_data_are_found(copied: Path) -> None:
    table = copied / "input" / "effects.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(rows[:-1]) + "\n", encoding="utf-8")
    assert list(failures(copied)) == ["pain: data and models are those of the draws"]


def test_another_prior_is_found(copied: Path) -> None:
    path = copied / "input" / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("HalfNormal(0.5)", "HalfNormal(0.6)"), encoding="utf-8")
    assert failures(copied) == {"pain: data and models are those of the draws": "Changed since: the model overall."}


def test_a_failed_check_is_told(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(copied, lambda results: results["checks"][0].update(passed=False))
    found = failures(copied)
    assert list(found) == ["checks of the report itself"]
    with pytest.raises(SystemExit) as stopped:
        main(["verify", str(copied / "report"), "--analysis", str(copied / "input" / "analysis.toml")])
    assert stopped.value.code == 1
    assert "failed  checks of the report itself: Failed: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["results.json", "report.html", "posterior.nc"])
def test_a_missing_file_is_named(copied: Path, name: str) -> None:
    (copied / "report" / name).unlink()
    with pytest.raises(DataError, match=f"{name}: no such file"):
        failures(copied)


def test_what_cannot_be_compared_is_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="no such file. Give the analysis file"):
        verify_report(copied / "report", copied / "none.toml")
    path = copied / "input" / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("overall", "other"), encoding="utf-8")
    with pytest.raises(DataError, match=r"has the models pain\.other; the report has pain\.overall"):
        failures(copied)
    edit(copied, lambda results: results.update(schema="bayesmeta-report/0"))
    with pytest.raises(SystemExit) as stopped:
        main(["verify", str(copied / "report")])
    assert stopped.value.code == 2
    assert "this version reads 'bayesmeta-report/1'" in capsys.readouterr().err
