"""`bayesmeta fit` on arms measured twice: the numbers of the grid, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.families.arm_changes.grid import fit_change_grid

ARMS = """Author,n_t,n_c,Before tx,sd_pre_t,mean_pre_c,sd_pre_c,mean_post_t,sd_post_t,mean_post_c,sd_post_c,correlation,site,dose
A,20,20,6.2,2.1,6.1,2.0,3.9,2.2,5.0,2.2,0.75,x,1
B,35,33,6.4,1.9,6.0,2.1,4.4,2.0,5.1,2.3,,,2
C,15,16,5.5,2.3,5.9,2.2,4.6,2.4,5.2,2.3,0.8,x,3
D,40,41,6.0,2.0,6.1,1.9,3.9,2.3,5.4,2.2,,x,1
"""
AFTER = "E,30,31,,,,,3.5,2.1,4.9,2.4,,x,3\n"
NAMES = ("--column", "study=Author", "--column", "mean_pre_t=Before tx")
MODEL = ("--model", "change_normal")
PRIORS = (*MODEL, "--tau", "HalfNormal(1)", "--mu", "Normal(0, 4)")
CORRELATION = ("--prior", "correlation=Uniform(0.3, 1)")  # lower ones are a long thin tail, where chains seldom go
VARIATION = ("--prior", "correlation_variation=HalfNormal(0.3)")
OWN = (*CORRELATION, *VARIATION)
CLAIM = "correlation > 0.7"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def arms(tmp_path: Path) -> Path:
    (tmp_path / "arms.csv").write_text(ARMS)
    return tmp_path / "arms.csv"


def fitted(capsys, arms, baseline, *options):
    """What the command prints as JSON, its rows by parameter, and the grid of the same data and model from Python."""
    status, out, err = run(
        capsys, "fit", arms, *NAMES, *PRIORS, *OWN, "--option", f"baseline={baseline}", "--claim", "mu < 0", "--claim", CLAIM,
        "--json", *options,
    )  # fmt: skip
    assert (status, err) == (0, "")
    content = json.loads(out)
    assert (content["schema"], content["measure"]) == ("bayesmeta-fit/1", "md")
    assert (content["model"]["model"], content["model"]["baseline"]) == ("ChangeNormal", baseline)
    model = bm.ChangeNormal(
        base=bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)), correlation=bm.Uniform(0.3, 1),
        correlation_variation=bm.HalfNormal(0.3), baseline=baseline,
    )  # fmt: skip
    columns = {"Author": "study", "Before tx": "mean_pre_t"}
    data = bm.ArmChanges.from_frame(bm.read_table(arms, columns=columns), covariates=[])
    assert content["data_hash"] == data.hash
    rows = {row["parameter"]: row for row in content["summary"]}
    assert list(rows) == ["mu", "tau", "correlation", "correlation_variation", "theta_new"]
    assert [row["claim"] for row in content["probabilities"]] == ["mu < 0", CLAIM]
    assert "choices" not in content
    return content, rows, fit_change_grid(data, model, 1)


@pytest.mark.slow
def test_the_fit_is_that_of_the_grid(capsys, arms):
    arms.write_text(ARMS + AFTER)
    content, rows, grid = fitted(capsys, arms, "common", "--seed", 3, "--draws", 2000)
    assert content["engine"] == "nuts"
    for name in ("mu", "tau", "correlation", "correlation_variation"):
        mean, sd = grid.mean_sd(name)
        error = rows[name]["ess_bulk"] ** -0.5
        assert max(error, rows[name]["sd_error"]) < 0.06
        assert rows[name]["mean"] == pytest.approx(mean, abs=4 * error * sd)
        assert rows[name]["sd"] == pytest.approx(sd, rel=4 * rows[name]["sd_error"])


def test_separate_baselines_go_into_the_model(capsys, arms):
    """To the digit, by the exact engine; draws of such models are compared in tests/analysis/test_change_outcomes.py."""
    content, rows, grid = fitted(capsys, arms, "separate", "--engine", "quadrature")
    assert content["engine"] == "quadrature"
    for name in ("mu", "tau", "correlation", "correlation_variation"):
        assert [rows[name]["mean"], rows[name]["sd"]] == pytest.approx(grid.mean_sd(name), rel=1e-3), name


def test_it_is_printed_with_its_priors(capsys, arms):
    _, out, _ = run(capsys, "fit", arms, *NAMES, *PRIORS, *OWN, "--measure", "md", "--engine", "quadrature")
    said = " ".join(out.split())
    assert "correlation ~ Uniform(0.3, 1), correlation_variation ~ HalfNormal(0.3)" in said
    names = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert {"mu", "correlation", "correlation_variation", "theta_new"} <= set(names)  # each whole, on one line


def test_quadrature_gives_the_grid_with_its_error_and_marginal_likelihood(capsys, arms):
    status, out, err = run(
        capsys, "fit", arms, *NAMES, *PRIORS, *OWN, "--engine", "quadrature", "--claim", "correlation > 0.7"
    )
    assert (status, err) == (0, "")
    assert "P(correlation > 0.7) = " in out
    assert "(exact to " in out
    assert "Log marginal likelihood " in out


REFUSED = {
    "one prior": (VARIATION, "--model change_normal needs a prior on correlation, the median correlation of"),
    "the other": (CORRELATION, "--model change_normal needs a prior on correlation_variation"),
    "another model": ((*OWN, "--model", "normal"), "fit --model change_normal takes arms measured twice"),
    "baseline": ((*OWN, "--option", "baseline=comon"), "baseline=comon': choose one of separate, common. Did"),
    "both": (
        (*OWN, "--prior", "typical_sd=HalfNormal(3)"), "'typical_sd'. It is of --model arm_normal.",
    ),
    "prior": ((*VARIATION, "--prior", "correlation=Unifrm(0, 1)"), "Did you mean 'Uniform'"),
    "above one": ((*VARIATION, "--prior", "correlation=Uniform(0, 2)"), "prior for correlation is Uniform(0, 2)"),
    "measure": ((*OWN, "--measure", "smd"), "measure 'smd': theta of change_normal is a mean difference"),
    "claim": ((*OWN, "--claim", "rho > 0.5"), "no parameter 'rho'"),
    "formula": ((*OWN, "--formula", "1 + dosis"), "column 'dosis' is missing, and the formula '1 + dosis' needs it. Did you"),
    "empty covariate": ((*OWN, "--formula", "1 + site"), "row 3, column 'site'"),
    "covariate": (
        (*OWN, "--formula", "1 + dose", "--engine", "quadrature"), "formula '1 + dose': the grid takes '1' only",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_line_and_status_2(capsys, arms, name):
    options, message = REFUSED[name]
    status, out, err = run(capsys, "fit", arms, *NAMES, *PRIORS, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_what_was_measured_afterwards_alone_needs_a_common_baseline(capsys, arms):
    arms.write_text(ARMS + AFTER)
    status, out, err = run(capsys, "fit", arms, *NAMES, *PRIORS, *OWN)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "study 'E' reports what was measured afterwards alone, which needs baseline='common'" in err


def test_without_its_priors_arms_are_refused(capsys, arms):
    status, out, err = run(capsys, "fit", arms, *NAMES, "--tau", "HalfNormal(1)")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "fit --model change_normal takes arms measured twice" in err


def test_a_doubtful_baseline_is_said_once(capsys, arms):
    arms.write_text(ARMS.replace("6.4,1.9,6.0", "8.4,1.9,6.0"))
    exact = ("--engine", "quadrature")
    _, _, err = run(capsys, "fit", arms, *NAMES, *PRIORS, *OWN, "--option", "baseline=common", *exact)
    assert err.count("warning: study 'B': the arms differ by 4.9 standard errors at baseline") == 1
