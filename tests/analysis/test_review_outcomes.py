"""A report of a published review: one sample of trials for all models and priors, and NUTS as a check."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.analysis import run
from bayesmeta.analysis.chains import Here
from bayesmeta.analysis.fits import computed_fits
from bayesmeta.analysis.run import plan
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.sample import sample_checks
from bayesmeta.errors import ConvergenceWarning, ImportanceError
from bayesmeta.families.review.importance import engine
from bayesmeta.report.run import write_report
from bayesmeta.report.verify import verify_report

ANALYSIS = Path(__file__).parent / "review" / "analysis.toml"
SETTINGS = {"draws": 2500, "chains": 2}


def test_models_of_a_review_share_one_sample_and_pass_its_checks() -> None:
    checked = plan(ANALYSIS)
    fits = computed_fits(checked.data["pain"], checked.models["pain"], 5, SETTINGS).fits
    assert {name: fit.engine for name, fit in fits.items()} == {"overall": "importance", "dose": "importance"}
    assert fits["overall"].fit.sets.sample is fits["dose"].fit.sets.sample
    checks = sample_checks("pain, dose", fits["dose"])
    assert [check.name.split(": ")[1] for check in checks] == [
        "effective sets of trials", "largest weight", "share missed",
    ]  # fmt: skip
    assert all(check.passed for check in checks)
    assert (
        sample_checks("schools", bm.fit(bm.load_dataset("eight_schools"), bm.NormalNormal(tau=bm.HalfNormal(5)))) == []
    )


def test_with_a_prior_that_it_does_not_take_every_model_is_sampled() -> None:
    checked = plan(ANALYSIS)
    models = checked.models["pain"] | {"heavy": bm.NormalNormal(mu=bm.StudentT(3, 0, 1), tau=bm.HalfNormal(0.5))}
    found = computed_fits(checked.data["pain"], models, 5, SETTINGS)
    assert found.fits == {}
    assert found.refused.startswith("model 'heavy': ")


def written_twice(folder: Path) -> Path:
    """An analysis of the review as two outcomes."""
    text = ANALYSIS.read_text(encoding="utf-8")
    outcome = text[text.index("[outcomes.pain]") :].replace("outcomes.pain", "outcomes.relief")
    path = folder / "analysis.toml"
    path.write_text(text + outcome.replace('"Pain"', '"Relief"').replace("High dose", "Again"), encoding="utf-8")
    (folder / "studies.csv").write_bytes((ANALYSIS.parent / "studies.csv").read_bytes())
    return path


def verified(folder: Path, path: Path) -> list[Check]:
    return verify_report(folder, path, tell=lambda _: None)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A report of both outcomes, which the tests below share, and what it wrote to the terminal."""
    folder = tmp_path_factory.mktemp("review")
    path, told = written_twice(folder), io.StringIO()
    with contextlib.redirect_stderr(told):
        results = write_report(path, folder / "report")
    return SimpleNamespace(path=path, folder=folder / "report", results=results, told=told.getvalue())


@pytest.mark.slow
def test_a_report_says_of_which_review_no_model_was_sampled(reported: SimpleNamespace) -> None:
    said, results = reported.told, reported.results
    assert said.index("Pain") < said.index("Relief") < said.index("Invented review")  # tables of outcomes, then of all
    for name in ("pain", "relief"):
        (check,) = [check for check in results.checks if check.name.startswith(name) and "engines agree" in check.name]
        assert (check.passed, check.note.startswith("Not compared")) == (
            (True, False) if name == "pain" else (None, True)
        )
    relief = results.outcomes["relief"].models
    assert [(model.convergence, model.agreement) for model in relief.values()] == [(None, []), (None, [])]
    assert "As a check the model 'All trials' of 'Pain' was sampled by NUTS too" in " ".join(results.methods)
    assert "Of 'Relief' no model was sampled by NUTS." in " ".join(results.methods)


@pytest.mark.slow
def test_a_report_says_why_a_review_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ImportanceError("importance sampling leaves 12 effective sets of trials of 65536; 400 are needed.")

    monkeypatch.setattr(engine, "solve", refuse)
    monkeypatch.setattr(run, "chains", lambda _, progress: Here(progress))  # where refits use what is compiled already
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # refits under other priors are refused too
        results = write_report(ANALYSIS, tmp_path / "report")
    assert (
        "Pain: importance sampling was refused, so that NUTS samples every model: importance" in capsys.readouterr().err
    )
    models = results.outcomes["pain"].models
    assert {model.engine for model in models.values()} == {"nuts"}
    assert {model.refused for model in models.values()} == {
        "importance sampling leaves 12 effective sets of trials of 65536; 400 are needed."
    }
    assert "every model was sampled by NUTS instead: importance sampling leaves 12" in " ".join(results.methods)
    assert "As a check the model" not in " ".join(results.methods)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert (
        "Pain, By dose: sampled by NUTS, since importance sampling was refused: importance sampling leaves 12" in page
    )
    assert all(check.passed is not False for check in verified(tmp_path / "report", ANALYSIS))


@pytest.mark.slow
def test_a_report_of_a_review_is_verified_in_full(reported: SimpleNamespace, tmp_path: Path) -> None:
    results = reported.results
    assert results.failed == []
    models = results.outcomes["pain"].models
    assert [model.refused for model in models.values()] == ["", ""]
    assert [models["overall"].convergence is None, models["dose"].convergence is None] == [False, True]
    assert {row.parameter for row in models["overall"].agreement} == {"mu", "tau", "theta_new"}
    assert models["dose"].sample is not None
    checked = plan(reported.path)
    alone = bm.fit(checked.data["pain"], checked.models["pain"]["dose"], seed=5)
    assert [signal.name for signal in results.signals] == ["High dose", "Again"]
    for signal in results.signals:
        assert_allclose(signal.probability, alone.probability("high < 0"), rtol=1e-12)
        assert {row.method for row in signal.sensitivity} == {"primary", "importance"}
    page = (reported.folder / "report.html").read_text(encoding="utf-8")
    for said in (
        "Importance sampling of the trials",
        "numbers of importance sampling",
        "were fitted by importance sampling",
    ):
        assert said in page
    assert all(check.passed is not False for check in verified(reported.folder, reported.path))
    folder = shutil.copytree(reported.folder, tmp_path / "report")
    file = folder / "results.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["outcomes"]["pain"]["models"]["dose"]["sample"]["n_effective"] *= 1.1
    file.write_text(json.dumps(content), encoding="utf-8")
    failed = [check.name for check in verified(folder, reported.path) if check.passed is False]
    assert "pain: every number follows from draws and data" in failed
    assert "relief: every number follows from draws and data" not in failed
