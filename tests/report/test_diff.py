"""`bayesmeta diff` names what moved, by how much, and what differs in what the two reports were made from."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bayesmeta.analysis.records.results import Results
from bayesmeta.cli import app
from bayesmeta.report.diff import ReportDiff, diff_reports


def diff(first: dict[str, Any], second: dict[str, Any]) -> ReportDiff:
    return diff_reports(Results.model_validate(first), Results.model_validate(second))


def test_a_report_equals_itself_and_a_table_written_again(results: dict[str, Any]) -> None:
    found = diff(results, copy.deepcopy(results))
    assert found.causes == []
    assert {number.verdict for number in found.numbers} == {"equal"}
    rows = [row for outcome in results["outcomes"].values() for m in outcome["models"].values() for row in m["summary"]]
    assert len(found.numbers) > 2 * len(rows)


def test_a_prior_that_changed_is_the_cause_in_its_model_alone(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results)
    outcome, key = results["signals"][0]["outcome"], "overall"
    outcome = next(iter(results["outcomes"]))
    model = other["outcomes"][outcome]["models"][key]
    model["priors"]["tau"] = "HalfCauchy(3)"
    model["summary"][0] |= {"mean": model["summary"][0]["mean"] + 0.25}
    found = diff(results, other)
    (cause,) = found.causes
    was = results["outcomes"][outcome]["models"][key]["priors"]["tau"]
    assert (cause.kind, cause.where, cause.what) == ("prior", f"{outcome}, {key}", "tau")
    assert (cause.first, cause.second) == (was, "HalfCauchy(3)")
    (moved,) = found.of("different")
    assert moved.second is not None
    assert moved.first is not None
    assert moved.second - moved.first == pytest.approx(0.25)
    assert moved.because == ("prior",)


def test_what_another_seed_makes_of_a_number_is_no_difference(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results)
    results["signals"][0]["mcse"] = other["signals"][0]["mcse"] = 0.003
    other["analysis"]["seed"] += 1
    other["signals"][0]["probability"] -= 3.9 * 0.003 * 2**0.5
    found = diff(results, other)
    assert [cause.kind for cause in found.causes] == ["seed"]
    (moved,) = found.of("within Monte Carlo error")
    assert moved.because == ("seed",)
    other["signals"][0]["probability"] -= 0.2 * 0.003 * 2**0.5
    assert len(diff(results, other).of("different")) == 1


def test_a_study_that_changed_and_a_model_that_went(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results)
    name, outcome = next(iter(other["outcomes"].items()))
    forest = next(model["forest"] for model in outcome["models"].values() if model.get("forest"))
    known = next(study for study in forest["studies"] if study["known"])
    known["se"] *= 1.5
    found = diff(results, other)
    assert [(cause.kind, cause.where) for cause in found.causes] == [("data", name)]
    assert known["study"] in found.causes[0].what
    gone = list(outcome["models"])[-1]
    del outcome["models"][gone]
    assert {number.where for number in diff(results, other).of("in one report only")} == {f"{name}, {gone}"}


def test_words_for_a_covariate_are_no_data(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results)
    next(iter(other["outcomes"].values()))["evidence"]["labels"] = {"crps": "CRPS versus other pain"}
    assert diff(results, other).causes == []


def test_the_command(results: dict[str, Any], tmp_path: Path) -> None:
    other = copy.deepcopy(results)
    other["versions"]["pymc"] = "0.0.0"
    other["signals"][0]["probability"] = 0.123456
    for folder, content in (("a", results), ("b", other)):
        (tmp_path / folder).mkdir()
        for name in ("report.html", "posterior.nc"):
            (tmp_path / folder / name).touch()
        (tmp_path / folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    same = CliRunner().invoke(app, ["diff", first, first])
    assert (same.exit_code, same.stdout.splitlines()[0]) == (
        0,
        "Data, models, priors, sampling, seed and versions are the same.",
    )
    moved = CliRunner().invoke(app, ["diff", first, second])
    assert moved.exit_code == 1
    assert "0.0.0" in moved.stdout
    assert "0.123" in moved.stdout
    assert "1 number different." in moved.stdout
    record = json.loads(CliRunner().invoke(app, ["diff", first, second, "--json"]).stdout)
    assert [(row["second"], row["because"]) for row in record["numbers"]] == [(0.123456, ["version"])]
    assert [cause["second"] for cause in record["causes"]] == ["0.0.0"]
    missing = CliRunner().invoke(app, ["diff", first, str(tmp_path / "c")])
    assert "no such file" in str(missing.exception)


def test_studies_of_one_report_alone_are_one_line(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results)
    outcome = next(iter(results["outcomes"]))
    ours, theirs = (side["outcomes"][outcome]["evidence"]["studies"] for side in (results, other))
    forest = next(m["forest"] for m in other["outcomes"][outcome]["models"].values() if m.get("forest"))
    for studies in (theirs, forest["studies"]):
        for i, study in enumerate(studies[1:], start=1):
            study["study"] = f"new {i}"
    (cause,) = [cause for cause in diff(results, other).causes if cause.kind == "data"]
    assert (cause.where, cause.what) == (outcome, "studies in one report only")
    names = [study["study"] for study in ours[1:]]
    assert len(names) == 4
    assert cause.first == f"4 studies: {', '.join(names)}"
    assert cause.second == "4 studies: new 1, new 2, new 3, new 4"
    theirs += [ours[1] | {"study": f"further {i}"} for i in range(8)]
    (cause,) = [cause for cause in diff(results, other).causes if cause.kind == "data"]
    assert cause.second == "12 studies: new 1, new 2, new 3, 9 others"
    del theirs[1:]
    (cause,) = [cause for cause in diff(results, other).causes if cause.kind == "data"]
    assert cause.second == "none"
