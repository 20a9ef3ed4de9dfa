"""Bad input ends with status 2 and one line that names the place; nothing is written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bayesmeta.analysis.run import plan
from bayesmeta.cli import main
from bayesmeta.data.statistics import SignificantCount
from bayesmeta.errors import BayesmetaError
from bayesmeta.report.run import write_report

KETAMINE = Path(__file__).parents[2] / "models" / "ketamine"
SMALL = Path(__file__).parent / "small"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SMALL, tmp_path / "small")
    return tmp_path / "small"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


REFUSED = {
    "unknown key": ("analysis.toml", "formula =", "formla =", r"unknown key.*formla.*Did you mean 'formula'"),
    "missing key": ("analysis.toml", 'title = "Small"\n', "", "key 'title' is missing"),
    "no TOML": ("analysis.toml", "schema = 1", "schema =", "not a TOML file"),
    "missing file": ("analysis.toml", "effects.csv", "efects.csv", r"efects\.csv"),
    "missing column": ("effects.csv", "study,y,se", "study,y,sigma", "column 'se' is missing"),
    "formula": ("analysis.toml", "1 + dose", "1 + dosis", "no column 'dosis'.*Did you mean 'dose'"),
    "se": ("effects.csv", "0.3,2", "0,2", r"row 3.*se.*must be positive; got 0"),
    "negative se": ("effects.csv", "0.3,2", "-0.3,2", "must be positive; got -0.3"),
    "not a number": ("effects.csv", "0.3,2", "abc,2", "row 3, column 'se'.*'abc' is not a number"),
    "duplicate": ("effects.csv", "B,", "A,", "'A'"),
    "tau below zero": ("analysis.toml", "HalfNormal(0.5)", "Normal(0, 1)", "Normal.0, 1., which puts mass below zero"),
    "unknown prior": ("analysis.toml", "HalfNormal(0.5)", "HalfNorml(0.5)", "HalfNormal"),
    "no variation": ("effects.csv", "2\nC,-0.9,0.25,4", "1\nC,-0.9,0.25,1", "without variation"),
    "claim": ("analysis.toml", "mu < 0", "mew < 0", "no parameter 'mew'.*Parameters: mu, tau"),
    "no claim": ("analysis.toml", "mu < 0", "mu", "is not a claim"),
    "model": ("analysis.toml", 'model = "overall"', 'model = "overal"', "no model 'overal'.*Did you mean 'overall'"),
    "seed": ("analysis.toml", "seed = 1", "seed = -1", "seed = -1"),
    "seed as text": ("analysis.toml", "seed = 1", 'seed = "1"', "seed = '1': input should be a valid integer"),
    "seed as truth": ("analysis.toml", "seed = 1", "seed = true", "seed = True: input should be a valid integer"),
    "beta": ("analysis.toml", "beta = { dose", "beta = { doze", "no such column.*Did you mean 'dose'"),
    "column twice": ("effects.csv", "study,y,se,dose", "study,y,se,se", "column 'se' appears twice"),
    "semicolons": (
        "effects.csv",
        "study,y,se,dose",
        "study;y;se;dose",
        "where the header has 4 .study, y, se, dose.. A cell that contains a semicolon",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_analysis_is_refused_in_one_line(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file, old, new, message = REFUSED[name]
    edit(folder / file, old, new)
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder / "analysis.toml"), "--out", str(folder / "out")])
    said = capsys.readouterr()
    assert stop.value.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert re.search(message, said.err), said.err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "text", ["[outcomes]\n", '[outcomes.pain]\nlabel = "P"\nestimates = "e.csv"\n[outcomes.pain.models]\n']
)
def test_nothing_to_fit_is_refused(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = (folder / "analysis.toml").read_text().split("[outcomes")[0]
    (folder / "analysis.toml").write_text(head + text)
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder / "analysis.toml"), "--out", str(folder / "out")])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.search(r"outcomes(\.pain\.models)? is empty: give one or more", line)
    assert not (folder / "out").exists()


KETAMINE_REFUSED = {
    "ci without estimate": ("estimate = -1.83", "estimate = -3.83", "does not contain its estimate"),
    "p of zero": ("p = 0.079", "p = 0.0", r"P must lie in \(0, 1\]"),
    "p above one": ("p = 0.213", "p = 1.213", r"P must lie in \(0, 1\]"),
    "unknown study": ("values = { Salas2012", "values = { Salas2021", "no study 'Salas2021'.*Did you mean 'Salas2012'"),
    "covariate": ('covariate = "crps"', 'covariate = "crp"', "no covariate 'crp'.*Did you mean 'crps'"),
    "total": ("n_total = 211", "n_total = 300", "leaves 121 participants"),
    "external row": ('review = "Zhao 2018"', 'review = "Zhao 2081"', "0 rows match"),
    "external outcome": (
        'summaries.csv"\noutcome = "pain"',
        'summaries.csv"\noutcome = "pian"',
        "external.*no outcome 'pian'.*Did you mean 'pain'",
    ),
    "external beside": ('beside = "responder_counts"', 'beside = "responder"', "no outcome 'responder'.*Did you mean"),
    "external divisor": ('divide_by = "10"', 'divide_by = "0"', "divide_by.*must be a positive number; got '0'"),
    "external divisor text": ('divide_by = "10"', 'divide_by = "ten"', "divide_by.*got 'ten'"),
    "signal p of zero": ("published_p = 0.079", "published_p = 0.0", r"published_p.*P must lie in \(0, 1\]; got 0"),
    "signal p above one": ("published_p = 0.079", "published_p = 1.5", r"published_p.*P must lie in \(0, 1\]; got 1.5"),
    "option covariate": (
        "{ Salas2012 = { high_dose = 1 }",
        "{ Salas2012 = { high_doze = 1 }",
        "'high_doze' is not a covariate.*Did you mean 'high_dose'",
    ),
    "sensitivity tau": ('"small", prior = "HalfNormal(0.5)"', '"small", prior = "Normal(0, 1)"', "mass below zero"),
    "sensitivity reference": (
        '"small", prior = "HalfNormal(0.5)"',
        '"small", prior = "Jeffreys()"',
        "are not all known",
    ),
    "sensitivity effect": ('prior = "Normal(0, 0.5)"', 'prior = "Norml(0, 0.5)"', "Did you mean 'Normal'"),
    "sensitivity factor": ('prior = "Normal(0, 0.5)"', 'prior = "Flat()"', "rescales priors with a scale"),
    "baseline": ("baseline_n = [31, 36, 62, 67, 72]", "baseline_n = [10]", "no whole number .* of 10 rounds to 19.4%"),
    "baseline above 100": ("baseline_percent = 19.4", "baseline_percent = 194.0", "no whole number"),
    "baseline of none": ("baseline_n = [31, 36, 62, 67, 72]", "baseline_n = [0]", "baseline_n"),
    "threshold": ('threshold = "crps < -1"', 'threshold = "crps"', "is not a claim"),
    "negative digits": ("tolerance = 0.03", "digits = -3", "digits"),
}


@pytest.mark.parametrize("name", KETAMINE_REFUSED)
def test_bad_review_is_refused(tmp_path: Path, name: str) -> None:
    shutil.copytree(KETAMINE, tmp_path / "k")
    old, new, message = KETAMINE_REFUSED[name]
    edit(tmp_path / "k" / "analysis.toml", old, new)
    with pytest.raises(BayesmetaError, match=message) as caught:
        plan(tmp_path / "k" / "analysis.toml")
    assert "\n" not in str(caught.value)


def test_a_tolerance_softens_the_border_of_significance(tmp_path: Path) -> None:
    shutil.copytree(KETAMINE, tmp_path / "k")
    statistics = plan(tmp_path / "k" / "analysis.toml").data["pain"].statistics  # type: ignore[union-attr]
    assert [s.width for s in statistics if isinstance(s, SignificantCount)] == [0.15]
    edit(tmp_path / "k" / "analysis.toml", "tolerance = 0.15\n", "tolerance = -0.15\n")
    with pytest.raises(BayesmetaError, match="tolerance must be positive"):
        plan(tmp_path / "k" / "analysis.toml")


def test_in_review_is_yes_or_no(tmp_path: Path) -> None:
    shutil.copytree(KETAMINE, tmp_path / "k")
    table = tmp_path / "k" / "studies.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},in_review", *(f"{row},maybe" for row in rows)]) + "\n")
    with pytest.raises(BayesmetaError, match=r"row 2, column 'in_review'.*'maybe'.*1 or 0"):
        plan(tmp_path / "k" / "analysis.toml")


def test_more_events_than_patients(tmp_path: Path) -> None:
    shutil.copytree(KETAMINE, tmp_path / "k")
    edit(tmp_path / "k" / "responder_counts.csv", "Hardy2012,29,93", "Hardy2012,129,93")
    with pytest.raises(BayesmetaError, match=r"Hardy2012.*129"):
        plan(tmp_path / "k" / "analysis.toml")


def test_fit_refuses_and_effects_prints(tmp_path: Path) -> None:
    shutil.copy(SMALL / "effects.csv", tmp_path)
    (tmp_path / "arms.csv").write_text("study,events_t,n_t,events_c,n_c\nA,12,100,24,100\n")

    def bayesmeta(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bayesmeta", *arguments], capture_output=True, text=True, check=False
        )

    refused = bayesmeta("fit", str(tmp_path / "effects.csv"), "--tau", "Normal(0, 1)", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.strip().splitlines()) == 1
    printed = bayesmeta("effects", str(tmp_path / "arms.csv"), "--measure", "log_or")
    assert printed.stdout.splitlines()[1].startswith("A,-0.83975")  # doi:10.1111/j.1469-1809.1955.tb01348.x


def test_an_improper_posterior_is_a_refused_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "effects.csv"
    table.write_text("study,y,se\nA,0.1,0.2\nB,0.9,0.3\n")
    with pytest.raises(SystemExit) as stop:
        main(["fit", str(table), "--tau", "ImproperUniform()"])
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "improper" in printed.err


def test_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.csv").write_text("study,y,se\nA,1,0.5\nB,2,0.5\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bayesmeta.report.comparison.compare_and_print", full)
    with pytest.raises(SystemExit) as stopped:
        main(["compare", str(tmp_path / "e.csv")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "bayesmeta: [Errno 28] No space left on device\n"


def test_a_folder_that_cannot_be_written_is_refused_before_sampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(KETAMINE, tmp_path / "k")
    monkeypatch.setattr("bayesmeta.report.run.os.access", lambda path, mode: False)
    with pytest.raises(BayesmetaError, match=r"cannot be written to\. Give another folder for --out"):
        write_report(tmp_path / "k" / "analysis.toml", tmp_path / "out" / "deep")
    assert not (tmp_path / "out").exists()
