"""`bayesmeta plot`: every kind of plot from one file, as the function of Python draws it, or one line and no file."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

import bayesmeta as bm
from bayesmeta.cli import app, main
from bayesmeta.plots.registry import PLOTS
from bayesmeta.report.command_examples import EXAMPLES
from bayesmeta.report.comparison import DEFAULT_TAU

ROOT = Path(__file__).resolve().parent.parent.parent
PRIORS = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}
GIVEN = ["--mu", "Normal(0, 2)", "--tau", "HalfNormal(0.5)"]
MODEL = bm.NormalNormal(**PRIORS)
ALONG = bm.NormalNormal(formula="1 + latitude", **PRIORS)
TAUS = [bm.HalfNormal(0.5), bm.HalfNormal(0.1), bm.HalfNormal(2)]
TAU_TEXTS = [text for prior in TAUS[1:] for text in ("--tau", str(prior))]


@functools.cache
def bcg() -> bm.Estimates:
    return bm.load_dataset("bcg")


@functools.cache
def fitted(model: bm.NormalNormal = MODEL) -> bm.MetaResult:
    return bm.fit(bcg(), model)


@functools.cache
def ensemble() -> bm.RobustAverage:
    return bm.robust_average(bcg(), **PRIORS, direction="negative")


# What the command line says beside kind, file and priors, and what the functions of Python are given.
CASES: dict[str, tuple[list[str], Callable[[], Any], list[str]]] = {
    "forest": ([], fitted, []),
    "funnel": ([], fitted, []),
    "prior-posterior": (["--parameter", "tau"], fitted, ["tau"]),
    "tau-mu": ([], fitted, []),
    "regression": (["--formula", "1 + latitude", "--parameter", "latitude"], lambda: fitted(ALONG), ["latitude"]),
    "predictive": ([], fitted, []),
    "radial": ([], fitted, []),
    "baujat": ([], fitted, []),
    "sensitivity": (
        [*TAU_TEXTS, "--claim", "mu < -0.5"], lambda: bm.prior_sensitivity(bcg(), MODEL, "mu < -0.5", tau=TAUS), [],
    ),
    "tipping": (["--claim", "mu < -0.3"], lambda: bm.tipping_point(bcg(), MODEL, "mu < -0.3"), []),
    "leave-one-out": (["--parameter", "tau"], lambda: bm.leave_one_out(bcg(), MODEL), ["tau"]),
    "cumulative": (["--order", "year"], lambda: bm.cumulative(bcg(), MODEL, "year"), []),
    "weight-function": (["--direction", "negative"], lambda: ensemble(), []),
    "model-probabilities": (["--direction", "negative"], lambda: ensemble(), []),
    "comparison": ([], lambda: bm.compare(bcg(), {"Bayes HalfNormal(0.5)": MODEL}), []),
}  # fmt: skip


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data on BCG; the measure is left to the command line."""
    monkeypatch.chdir(tmp_path)
    bcg().to_frame().drop(columns="measure").to_csv("effects.csv", index=False)
    return tmp_path


@pytest.fixture
def run(table: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Exit status and lines on standard error; nothing is ever printed on standard output."""

    def ran(*arguments: str) -> tuple[int, list[str]]:
        with pytest.raises(SystemExit) as stopped:
            main(["plot", "effects.csv", *arguments])
        said = capsys.readouterr()
        assert said.out == ""
        return int(stopped.value.code or 0), said.err.splitlines()

    return ran


ELSEWHERE = {
    "dose-response",
    "time-course",
}  # of models that these studies have no columns for: test_blocks_of_pages.py


def test_every_kind_is_tried() -> None:
    assert set(CASES) == set(PLOTS) - ELSEWHERE


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_is_drawn_as_its_function_draws_it(kind: str, table: Path, run: Callable[..., Any]) -> None:
    extra, value, arguments = CASES[kind]
    drawn = value()
    for suffix in ("svg", "png"):
        ax = PLOTS[kind].draw(drawn, *arguments, width=120)
        name, expected = f"drawn.{suffix}", table / f"expected.{suffix}"
        given = ["--measure", "log_rr", "--kind", kind, "--out", name, "--width", "120", *GIVEN, *extra]
        assert run(*given) == (0, [f"{name}: {bm.alt_text(ax)}"])
        bm.save_plot(ax, expected)
        assert (table / name).read_bytes() == expected.read_bytes()


def test_a_ratio_is_drawn_where_the_measure_is_said(table: Path, run: Callable[..., Any]) -> None:
    assert "Forest plot" in run(*GIVEN, "--out", "plain.svg")[1][0]  # the default kind
    status, (line,) = run(*GIVEN, "--measure", "log_rr", "--out", "ratio.svg")
    assert (status, "risk ratio" in line) == (0, True)
    assert (table / "plain.svg").read_bytes() != (table / "ratio.svg").read_bytes()
    bcg().to_frame().to_csv("effects.csv", index=False)  # which has the column measure
    assert run(*GIVEN, "--out", "stated.svg")[0] == 0
    assert (table / "stated.svg").read_bytes() == (table / "ratio.svg").read_bytes()


def test_other_claims_parameters_and_defaults(table: Path, run: Callable[..., Any]) -> None:
    assert "P(mu" not in run(*GIVEN, "--kind", "tipping", "--out", "a.svg")[1][0]
    assert "mu < 0" in run(*GIVEN, "--kind", "tipping", "--out", "a.svg")[1][0]
    assert "mu < 0" in run(*GIVEN, *TAU_TEXTS, "--kind", "sensitivity", "--out", "a.svg")[1][0]
    status, (line,) = run(
        "--kind", "comparison", "--formula", "1 + latitude", "--parameter", "latitude", "--out", "b.svg"
    )
    assert status == 0
    assert line.startswith("b.svg: latitude")
    assert DEFAULT_TAU in line  # as `bayesmeta compare` has it
    status, (line,) = run(*GIVEN, *TAU_TEXTS, "--kind", "comparison", "--out", "b.svg")
    assert (status, line.count("Bayes")) == (0, 3)
    assert run(*GIVEN, "--kind", "cumulative", "--parameter", "tau", "--out", "c.png")[0] == 0
    assert run(*GIVEN, "--formula", "1 + latitude", "--kind", "regression", "--out", "d.PNG")[0] == 0


REJECTED = {
    "wrong extension": (["--out", "x.pdf"], "--out x.pdf: must end in .svg or .png."),
    "no extension": (["--out", "svg"], "--out svg: must end in .svg or .png."),
    "no folder": (["--out", "none/x.svg"], "--out none/x.svg: there is no folder none."),
    "unknown kind": (["--kind", "forrest"], "--kind forrest: choose one of forest, funnel, .* Did you mean 'forest'"),
    "too wide": (["--width", "1000"], "--width 1000: millimetres, from 60 to 600"),
    "no width": (["--width", "nan"], "--width nan: millimetres"),
    "parameter": (["--parameter", "mu"], "--parameter: --kind forest does not use it; it is for prior-posterior, regression"),
    "claim": (["--kind", "leave-one-out", "--claim", "mu < 0"], "--claim: --kind leave-one-out does not use it; .* tipping"),
    "order": (["--kind", "leave-one-out", "--order", "year"], "--order: --kind leave-one-out .* for cumulative. Leave it out"),
    "several priors": (["--tau", "HalfNormal(1)"], "'tau' has the prior HalfNormal\\(0.5\\) already"),
    "one prior": (["--kind", "sensitivity"], "--kind sensitivity: give a parameter several priors"),
    "no covariate": (["--kind", "regression"], "--kind regression: the formula '1' has no covariate of numbers"),
    "text": (["--kind", "regression", "--formula", "1 + allocation"], "has no covariate of numbers"),
    "other covariate": (
        ["--kind", "regression", "--formula", "1 + latitude", "--parameter", "latitud"], "--parameter latitud: .*'latitude'?",
    ),
    "which covariate": (
        ["--kind", "regression", "--formula", "1 + latitude + year"], "has latitude, year. Say along which with --parameter",
    ),
    "missing column": (["--kind", "regression", "--formula", "1 + dose"], "dose"),
    "other parameter": (["--kind", "prior-posterior", "--parameter", "taw"], "--parameter taw: .* Did you mean 'tau'"),
    "row parameter": (["--kind", "cumulative", "--parameter", "theta_new"], "--parameter theta_new: .* It has mu, tau"),
    "no mu": (["--kind", "leave-one-out", "--formula", "0 + latitude"], "has no mu"),
    "other order": (["--kind", "cumulative", "--order", "yaer"], "--order yaer: there is no such covariate. .*'year'"),
    "other claim": (["--kind", "tipping", "--claim", "nu < 0"], "nu"),
    "model of arms": (["--kind", "comparison", "--model", "arm_normal"], "column 'n_t' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_right_is_one_line_and_no_file(
    name: str, table: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, message = REJECTED[name]
    for function in ("fit_many", "leave_one_out", "cumulative", "tipping_point", "compare", "sensitivity_of"):
        monkeypatch.setattr(f"bayesmeta.report.plotting.{function}", None)  # nothing is computed before
    out = [] if "--out" in given else ["--out", "x.svg"]
    status, (line,) = run("--measure", "log_rr", *GIVEN, *out, *given)
    assert (status, re.search(message, line) is not None) == (2, True), line
    assert [path.name for path in table.iterdir()] == ["effects.csv"]


def test_a_file_that_was_there_stays_whole_where_drawing_fails(table: Path, run: Callable[..., Any]) -> None:
    (table / "x.svg").write_text("before")
    status, lines = run(*GIVEN, "--kind", "radial", "--formula", "1 + latitude", "--out", "x.svg")
    assert (status, len(lines)) == (2, 1)
    assert (table / "x.svg").read_text() == "before"


def test_arms_are_rejected_where_the_model_takes_estimates(table: Path, run: Callable[..., Any]) -> None:
    rows = ["A,1,2,20,2,2,20", "B,1,2,20,3,2,20", "C,1,2,20,1.5,2,20"]
    (table / "effects.csv").write_text("\n".join(["study,mean_t,sd_t,n_t,mean_c,sd_c,n_c", *rows]) + "\n")
    status, lines = run("--tau", "HalfNormal(1)", "--out", "x.svg")
    assert status == 2
    assert "it has arms" in lines[0]


def test_the_help_has_every_kind_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["plot", "--help"])
    assert stopped.value.code == 0
    assert "Example: bayesmeta plot effects.csv --kind forest" in " ".join(capsys.readouterr().out.split())
    command = typer.main.get_command(app).commands["plot"]  # type: ignore[attr-defined]
    (said,) = [one.help for one in command.params if one.name == "kind"]
    assert all(f"{plot.kind}: {plot.about}" in said for plot in PLOTS.values())


def test_the_example_of_the_help_runs(table: Path, run: Callable[..., Any]) -> None:
    words = shlex.split(EXAMPLES["plot"][0])
    assert words[:3] == ["bayesmeta", "plot", "effects.csv"]
    status, (line,) = run(*words[3:])
    assert (status, line.startswith("forest.svg: Forest plot of 13 studies, risk ratio.")) == (0, True)


def test_the_page_has_every_kind() -> None:
    page = (ROOT / "docs" / "plots.md").read_text(encoding="utf-8")
    for plot in PLOTS.values():
        assert f"ax = bm.{plot.name}(" in page
        assert f"--kind {plot.kind} " in page
