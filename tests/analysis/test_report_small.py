"""A small analysis from file to report: status, bytes, and what happens when chains are too short."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.cli import main

SMALL = Path(__file__).parent / "small"
pytestmark = pytest.mark.slow


def run(folder: Path, out: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder / "analysis.toml"), "--out", str(folder / out)])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("small")
    shutil.copytree(SMALL, made, dirs_exist_ok=True)
    return made


def test_same_seed_same_bytes(folder: Path) -> None:
    assert run(folder, "one") == 0
    assert run(folder, "two") == 0
    texts = [
        re.sub(r'"(created|out)": "[^"]*"', "", (folder / out / "results.json").read_text()) for out in ("one", "two")
    ]
    assert texts[0] == texts[1]
    results = json.loads((folder / "one" / "results.json").read_text())
    assert results["schema"] == "bayesmeta-report/1"
    assert {check["passed"] for check in results["checks"]} <= {True, None}
    assert "<html" in (folder / "one" / "report.html").read_text()
    with xr.open_datatree(folder / "one" / "posterior.nc", engine="h5netcdf") as tree:
        posterior = tree["pain/overall/posterior"]
        compared = results["outcomes"]["pain"]["models"]["overall"]["agreement"]
        assert [row["parameter"] for row in compared] == ["mu", "tau", "dose", "theta_new"]
        assert float(posterior["mu"].mean()) == pytest.approx(compared[0]["drawn_mean"], rel=1e-12)
    row = next(row for row in results["summary"] if row["parameter"] == "mu")
    assert row["mean"] == compared[0]["exact_mean"]  # the report shows the exact number
    schools = [row["school"] for row in results["outcomes"]["pain"]["side_by_side"]["rows"]]
    assert schools == ["frequentist"] * 5 + ["Bayesian"]
    assert "side by side, with P values" in (folder / "one" / "report.html").read_text()
    assert "Agreement of the engines" in (folder / "one" / "report.html").read_text()


SIGNAL = """
[[outcomes.pain.signals]]
name = "dose"
model = "overall"
claim = "dose < 0"
claim_label = "grows with the dose"
quantity = "dose"
[outcomes.pain.sensitivity]
effect = [{ label = "far away", prior = "Normal(3, 0.05)" }]
tau = [{ label = "as stated", prior = "HalfNormal(0.5)" }, { label = "common effect", prior = "PointMass(0)" }]
"""


def test_other_priors_are_fitted_exactly_where_that_is_possible(folder: Path) -> None:
    stated = (SMALL / "analysis.toml").read_text()
    (folder / "analysis.toml").write_text(stated + SIGNAL)
    try:
        assert run(folder, "exact") == 0
    finally:
        (folder / "analysis.toml").write_text(stated)
    results = json.loads((folder / "exact" / "results.json").read_text())
    rows = results["signals"][0]["sensitivity"]
    assert [row["method"] for row in rows] == ["primary", "exact", "exact"]
    data = bm.read_estimates(SMALL / "effects.csv")
    far = {"dose": bm.Normal(3, 0.05)}
    for row, tau in zip(rows[1:], (bm.HalfNormal(0.5), bm.PointMass(0)), strict=True):
        model = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 2), tau=tau, beta=far)
        assert row["probability"] == pytest.approx(bm.fit(data, model).probability("dose < 0"), abs=1e-12)
    assert results["engine"] == "quadrature"


def test_a_refit_under_another_prior_is_checked_too(folder: Path) -> None:
    """One run cannot be reweighted that far; the new fit has to converge like the first."""
    stated = (SMALL / "analysis.toml").read_text().replace('mu = "Normal(0, 2)"', 'mu = "Uniform(-5, 5)"')  # for NUTS
    own = stated.replace('label = "all"', 'label = "all"\ndraws = 1200')
    (folder / "analysis.toml").write_text(own + SIGNAL)
    try:
        run(folder, "refit")
    finally:
        shutil.copy(SMALL / "analysis.toml", folder)
    results = json.loads((folder / "refit" / "results.json").read_text())
    assert [row["method"] for row in results["signals"][0]["sensitivity"]] == ["primary", "refitted", "refitted"]
    assert results["signals"][0]["sensitivity"][1]["probability"] < 0.01
    assert results["outcomes"]["pain"]["models"]["overall"]["convergence"]["draws"] == 1200
    names = [check["name"] for check in results["checks"] if "under other priors" in check["name"]]
    checked = ("R-hat", "bulk ESS", "tail ESS", "error of the SD", "divergences", "saturated tree depth")
    assert names == [f"pain, overall under other priors: {what}" for what in checked]


def test_a_known_heterogeneity_is_reported(folder: Path) -> None:
    """A point mass is a legitimate prior for tau, and has neither a density nor an R-hat."""
    stated = (SMALL / "analysis.toml").read_text()
    (folder / "analysis.toml").write_text(stated.replace("HalfNormal(0.5)", "PointMass(0.2)"))
    try:
        assert run(folder, "known") == 0
    finally:
        (folder / "analysis.toml").write_text(stated)
    rows = json.loads((folder / "known" / "results.json").read_text())["summary"]
    assert next(row for row in rows if row["parameter"] == "tau")["mean"] == pytest.approx(0.2)


def test_too_few_draws_end_with_status_one_and_a_warning(folder: Path) -> None:
    stated = (SMALL / "analysis.toml").read_text()
    text = stated.replace("target_accept = 0.99\n", "draws = 100\ntune = 100\nchains = 2\n")
    (folder / "analysis.toml").write_text(text)
    try:
        assert run(folder, "short") == 1
    finally:
        (folder / "analysis.toml").write_text(stated)
    failed = [
        c["name"] for c in json.loads((folder / "short" / "results.json").read_text())["checks"] if c["passed"] is False
    ]
    assert "pain, overall: bulk ESS" in failed
    assert "bulk ESS" in (folder / "short" / "report.html").read_text()
