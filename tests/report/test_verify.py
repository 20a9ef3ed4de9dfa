"""`bayesmeta verify`: an untouched report passes; every edit of it, its draws, its data or its models is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from pydantic import ValidationError

from bayesmeta.analysis.records.results import Results
from bayesmeta.cli import main
from bayesmeta.errors import DataError
from bayesmeta.report import verify
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
    stated = path.read_text(encoding="utf-8").replace('label = "Pain"', 'label = "Pain"\nmeasure = "log_rr"')
    path.write_text(stated + SIGNAL, encoding="utf-8")
    write_report(path, folder / "report", quiet=True)
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "copy")
    return tmp_path / "copy"


def failures(folder: Path) -> dict[str, str]:
    checks = verify_report(folder / "report", folder / "input" / "analysis.toml")
    return {check.name: check.note for check in checks if check.passed is False}


def page(results: Any) -> str:
    """The page of results, or none where they are not those of a report."""
    try:
        return verify.render_html(Results.model_validate(results))
    except ValidationError:
        return ""


def tables(results: Any) -> dict[str, str]:
    """The tables of results, or none where they have none."""
    try:
        return verify.csv_tables(Results.model_validate(results))
    except (ValidationError, KeyError):
        return {}


def edit(folder: Path, change: Any) -> None:
    """Change results.json, and write its page again."""
    path = folder / "report" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    change(results)
    path.write_text(json.dumps(results), encoding="utf-8")
    (folder / "report" / "report.html").write_text(page(results), encoding="utf-8")
    for name, text in tables(results).items():
        (folder / "report" / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def remembered() -> dict[Any, Any]:
    return {}


@pytest.fixture
def computed_once(remembered: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What an edit of results.json cannot change is computed for the first copy of a report only.

    That is the draws, and the numbers that follow from them. And the page is the text of its results, since real ones take
    a second each: tests of pages, of edited draws and of a failed check do without this fixture.
    """
    read, again = verify.read_draws, verify._again

    def read_once(folder: Path, models: Any) -> Any:
        key = hashlib.sha256((folder / "posterior.nc").read_bytes()).hexdigest()
        if key not in remembered:
            remembered[key] = read(folder, models)
        return remembered[key]

    def again_once(name: str, checked: Any, fits: Any, exact: Any) -> Any:
        key = (name, *(result.datatree.attrs["data_hash"] for result in fits.values()))
        if key not in remembered:
            remembered[key] = again(name, checked, fits, exact)
        collected, *others = remembered[key]
        return deepcopy(collected), *others  # what a refit would give is taken out of it

    monkeypatch.setattr(verify, "read_draws", read_once)
    monkeypatch.setattr(verify, "_again", again_once)
    monkeypatch.setattr(verify, "render_html", repr)


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
@pytest.mark.usefixtures("computed_once")
def test_an_edited_number_is_found(copied: Path, change: Any) -> None:
    edit(copied, change)
    assert len(failures(copied)) == 1


def pass_check(results: Any) -> None:
    results["checks"][0].update(value=9.0, passed=True)


def pass_all(results: Any) -> None:
    results["checks"] = [check | {"limit": 99.0} for check in results["checks"]]


def add_signal(results: Any) -> None:
    results["signals"].append(results["signals"][0] | {"outcome": "joy"})


def change_methods(results: Any) -> None:
    results["methods"][0] += " Every trial was blinded."


def change_engine(results: Any) -> None:
    results["engine"] = "nuts"


def change_versions(results: Any) -> None:
    results["versions"]["numpy"] = "1.0"


def change_probability_of_intervals(results: Any) -> None:
    results["analysis"]["ci_prob"] = 0.99


@pytest.mark.parametrize(
    "change",
    [pass_check, pass_all, add_signal, change_methods, change_engine, change_versions, change_probability_of_intervals],
)
@pytest.mark.usefixtures("computed_once")
def test_an_edit_beside_the_numbers_is_found(copied: Path, change: Any) -> None:
    edit(copied, change)
    assert len(failures(copied)) == (2 if change is add_signal else 1)  # the methods count its priors


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("[sampling]", "[sampling]\ndraws = 3000", "draws"),
        ("[sampling]", "[sampling]\ntune = 3000", "tune"),
        ("[sampling]", "[sampling]\nchains = 8", "chains"),
        ("target_accept = 0.99", "target_accept = 0.8", "target_accept"),
    ],
)
@pytest.mark.usefixtures("computed_once")
def test_other_sampling_is_found(copied: Path, old: str, new: str, what: str) -> None:
    edit(copied, lambda results: None)
    path = copied / "input" / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert failures(copied) == {"pain: data and models are those of the draws": f"Changed since: {what} of overall."}


def replaced(old: str, new: str) -> Any:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:500], "not a JSON file"),
        (lambda text: "[" * 100_000, "not a JSON file"),
        (lambda text: '{"schema": "bayesmeta-report/1"}', r"created: it is missing\. "),
        (replaced('"checks": [', '"checks": [1, '), r"checks\[0\]: .*; got 1"),
        (replaced('"passed": true', '"passed": 1'), r"checks\[0\].passed: input should be a valid boolean; got 1"),
        (replaced('"sd": ', '"sd": NaN, "was": '), "not a JSON file: NaN is not a number"),
        (replaced('"schema": "bayesmeta-report/1"', '"schema": "other/1"'), "schema is 'other/1'"),
    ],
)
def test_what_is_no_report_is_refused(copied: Path, change: Any, message: str) -> None:
    path = copied / "report" / "results.json"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError, match=r"results\.json: .*" + message):
        failures(copied)


def test_results_without_a_page_are_found(copied: Path) -> None:
    path = copied / "report" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    results["signals"][0]["model"] = "none"
    path.write_text(json.dumps(results), encoding="utf-8")
    assert "it has no page" in failures(copied)["report.html shows results.json"]
    (copied / "report" / "report.html").write_bytes(b"\xff\xfe")
    assert "report.html shows results.json" in failures(copied)


def remove(name: str) -> Any:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def remove_hash(file: h5py.File) -> None:
    del file["pain/overall/posterior"].attrs["data_hash"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("pain/overall/posterior"), "pain/overall lacks draws"),
        (remove("pain/overall"), "pain/overall lacks draws"),
        (remove("pain/overall/posterior/tau"), "No variable named 'tau'"),
        (remove_hash, "lacks the attribute 'data_hash'"),
    ],
)
def test_draws_of_something_else_are_refused(copied: Path, change: Any, message: str) -> None:
    with h5py.File(copied / "report" / "posterior.nc", "r+") as file:
        change(file)
    with pytest.raises(DataError, match=r"posterior\.nc: .*" + message):
        failures(copied)


@pytest.mark.parametrize("size", [0, 1000, 100_000])
def test_cut_off_draws_are_refused_in_one_line(copied: Path, size: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied / "report" / "posterior.nc"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SystemExit) as stopped:
        main(["verify", str(copied / "report"), "--analysis", str(copied / "input" / "analysis.toml")])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "posterior.nc: cannot be read as netCDF" in line


def test_an_edited_page_is_found(copied: Path) -> None:
    page = copied / "report" / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("Pain", "Joy"), encoding="utf-8")
    assert list(failures(copied)) == ["report.html shows results.json"]


@pytest.mark.usefixtures("computed_once")
def test_an_edited_table_is_found(copied: Path) -> None:
    (copied / "report" / "report.html").write_text(
        page(json.loads((copied / "report" / "results.json").read_text(encoding="utf-8"))), encoding="utf-8"
    )
    table, gone = copied / "report" / "report-parameters.csv", copied / "report" / "report-checks.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("mu", "tau", 1), encoding="utf-8")
    gone.unlink()
    assert failures(copied) == {
        "tables beside report.html show results.json": "Edited, missing, or written by another version: "
        "report-parameters.csv, report-checks.csv."
    }


def test_edited_draws_are_found(copied: Path) -> None:
    with h5py.File(copied / "report" / "posterior.nc", "r+") as file:
        rhat = file["pain/overall/posterior/tau"]
        rhat[0, 0] = np.float64(9.0)
    notes = " ".join(failures(copied).values())
    assert "convergence" in notes
    assert "checks[" in notes


@pytest.mark.usefixtures("computed_once")
def test_other_data_are_found(copied: Path) -> None:
    edit(copied, lambda results: None)
    table = copied / "input" / "effects.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(rows[:-1]) + "\n", encoding="utf-8")
    assert list(failures(copied)) == ["pain: data and models are those of the draws"]


@pytest.mark.usefixtures("computed_once")
def test_another_prior_is_found(copied: Path) -> None:
    edit(copied, lambda results: None)
    path = copied / "input" / "analysis.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("HalfNormal(0.5)", "HalfNormal(0.6)"), encoding="utf-8")
    assert failures(copied) == {"pain: data and models are those of the draws": "Changed since: the model overall."}


def test_a_failed_check_is_told(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(copied, lambda results: results["checks"][0].update(passed=False))
    found = failures(copied)
    shared = "checks, methods and versions follow from draws and data"
    assert found.pop(shared) == "1 differ: checks[0].passed is false, computed true."
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


SAMPLED = """
[[outcomes.pain.signals]]
name = "benefit"
model = "overall"
claim = "mu < 0"
claim_label = "benefit"
quantity = "mu"
prior_factor = 2.5
[outcomes.pain.sensitivity]
effect = [{ label = "wide", prior = "Normal(0, 2)" }, { label = "far", prior = "Normal(2, 0.02)" }]
tau = [{ label = "wide", prior = "HalfNormal(1.2)" }]
beliefs = [{ label = "sceptic", mu = "Normal(0, 3)", source = "made up" }]
level = 0.97
"""


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a model that has no exact fit; what it says of convergence is not asked here."""
    folder = tmp_path_factory.mktemp("sampled")
    shutil.copytree(SMALL.parent / "arms", folder / "input")
    path = folder / "input" / "analysis.toml"
    stated = path.read_text(encoding="utf-8").replace("draws = 4000", "draws = 1000")
    path.write_text(stated + SAMPLED, encoding="utf-8")
    write_report(path, folder / "report", quiet=True)
    return folder


def test_an_untouched_report_of_a_sampled_model_passes(sampled: Path) -> None:
    assert failures(sampled) == {}


def change_label(results: Any) -> None:
    results["signals"][0]["sensitivity"][1]["tau"] = "HalfNormal(0.1)"


def stated_for_fitted(results: Any) -> None:
    """What the analysis file says, before the factor."""
    row = results["signals"][0]["sensitivity"][1]
    assert (row["beta"], row["beta_stated"], row["method"]) == ("Normal(0, 5)", "Normal(0, 2) times 2.5", "reweighted")
    row["beta"] = row["priors"]["mu"] = "Normal(0, 2)"


def change_refitted(results: Any) -> None:
    row = results["signals"][0]["sensitivity"][2]
    assert (row["beta"], row["method"]) == ("Normal(5, 0.05)", "refitted")
    row["priors"]["mu"] = "Normal(5, 0.5)"


def change_weighted(results: Any) -> None:
    results["signals"][0]["sensitivity"][1]["probability"] -= 1e-6


def call_it_refitted(results: Any) -> None:
    results["signals"][0]["sensitivity"][1].update(method="refitted", probability=0.99)


def change_belief_prior(results: Any) -> None:
    results["signals"][0]["beliefs"][0]["priors"]["mu"] = "Normal(0, 4)"


def change_family(results: Any) -> None:
    results["signals"][0]["tipping"][0]["family"] = "Normal(0, 2s)"


def change_crossing_prior(results: Any) -> None:
    (crossing,) = results["signals"][0]["tipping"][0]["crossings"]
    assert crossing["priors"]["mu"] == f"Normal(0, {crossing['scale']!r})"
    crossing["priors"]["mu"] = "Normal(0, 9)"


def change_model_prior(results: Any) -> None:
    results["outcomes"]["pain"]["models"]["overall"]["priors"]["tau"] = "HalfNormal(9)"


def change_stated(results: Any) -> None:
    results["signals"][0]["sensitivity"][0]["probability"] += 1e-6


def change_range(results: Any) -> None:
    results["signals"][0]["probability_range"][0] -= 1e-3


def change_belief(results: Any) -> None:
    results["signals"][0]["beliefs"][0]["source"] = "a survey"


def drop_belief(results: Any) -> None:
    results["signals"][0]["beliefs"].clear()


@pytest.mark.parametrize(
    "change",
    [
        change_label, stated_for_fitted, change_refitted, change_weighted, call_it_refitted, change_belief_prior,
        change_family, change_crossing_prior, change_model_prior, change_stated, change_range, change_belief, drop_belief,
    ],
)  # fmt: skip
@pytest.mark.usefixtures("computed_once")
def test_priors_and_range_of_a_sampled_model_are_compared(sampled: Path, tmp_path: Path, change: Any) -> None:
    shutil.copytree(sampled, tmp_path / "copy")
    edit(tmp_path / "copy", change)
    wanted = ["pain: every number follows from draws and data"]
    if change in (call_it_refitted, drop_belief):  # the methods count them
        wanted.append("checks, methods and versions follow from draws and data")
    assert list(failures(tmp_path / "copy")) == wanted
