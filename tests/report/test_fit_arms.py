"""`bayesmeta fit` on arm means: the numbers of the grid, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.families.arm_means.grid import fit_arm_grid

ARMS = """Author,n_t,Mean tx,sd_t,n_c,mean_c,sd_c,spread,site,dose
A,12,3.1,2.0,14,4.6,2.4,sd,x,1
B,20,2.2,,19,3.0,,sd,,2
C,9,4.9,1.4,9,4.1,1.9,sd,x,3
D,31,3.6,2.9,30,4.9,2.6,sd,x,1
E,15,1.5,,16,4.2,,se,x,2
F,6,2.9,1.1,5,3.3,,sd_or_se,x,2
"""
NAMES = ("--column", "study=Author", "--column", "mean_t=Mean tx")
VARIATION = ("--prior", "sd_variation=HalfNormal(0.3)")
MODEL = ("--model", "arm_normal")
PRIORS = (*MODEL, "--tau", "HalfNormal(1)", "--mu", "Normal(0, 4)", *VARIATION)
TYPICAL = ("--prior", "typical_sd=LogNormal(0.7, 0.5)")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture
def arms(tmp_path: Path) -> Path:
    (tmp_path / "arms.csv").write_text(ARMS)
    return tmp_path / "arms.csv"


@pytest.mark.slow
def test_the_fit_is_that_of_the_grid(capsys, arms):
    claim = "typical_sd[outcome] < 2.5"
    status, out, err = run(
        capsys, "fit", arms, *NAMES, *PRIORS, *TYPICAL, "--seed", 3, "--draws", 2500,
        "--claim", "mu < 0", "--claim", claim, "--json",
    )  # fmt: skip
    assert (status, err) == (0, "")
    content = json.loads(out)
    assert (content["schema"], content["engine"], content["measure"]) == ("bayesmeta-fit/1", "nuts", "md")
    assert content["model"]["model"] == "ArmNormal"
    assert not content["model"]["equal_variances"]
    base = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
    model = bm.ArmNormal(base=base, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))
    columns = {"Author": "study", "Mean tx": "mean_t"}
    data = bm.ArmMeans.from_frame(bm.read_table(arms, columns=columns), covariates=[])
    assert content["data_hash"] == data.hash
    grid = fit_arm_grid(data, model, 1)
    rows = {row["parameter"]: row for row in content["summary"]}
    assert list(rows) == ["mu", "tau", "typical_sd[outcome]", "sd_variation", "theta_new"]
    for name in ("mu", "tau", "sd_variation"):
        mean, sd = grid.mean_sd(name)
        error = rows[name]["ess_bulk"] ** -0.5
        assert max(error, rows[name]["sd_error"]) < 0.04
        assert rows[name]["mean"] == pytest.approx(mean, abs=4 * error * sd)
        assert rows[name]["sd"] == pytest.approx(sd, rel=4 * rows[name]["sd_error"])
    p = grid.choices["F"]["sd"]
    most = 4 * (p * (1 - p) / 2500) ** 0.5  # draws of a probability spread less than its choices; an ESS of a quarter
    assert content["choices"]["F"]["sd"] == pytest.approx(p, abs=most)
    assert [row["claim"] for row in content["probabilities"]] == ["mu < 0", claim]
    status, out, err = run(  # compiled already
        capsys, "fit", arms, *NAMES, *PRIORS, "--prior", "typical_sd[outcome]=LogNormal(0.7, 0.5)", "--draws", 200,
        "--chains", 2,
    )  # fmt: skip
    assert "typical_sd[outcome] ~ LogNormal(0.7, 0.5)" in " ".join(out.split())
    assert "Printed spread of F: standard deviation" in out


def test_quadrature_gives_the_grid_with_its_error_and_marginal_likelihood(capsys, arms):
    smd = ("--measure", "smd", "--option", "equal_variances=true")
    options = (*NAMES, *PRIORS, *TYPICAL, *smd, "--engine", "quadrature")
    claims = ("--claim", "mu < 0", "--claim", "mu < 0 and tau < 0.5")
    status, out, err = run(capsys, "fit", arms, *options, *claims, "--json")
    assert (status, err) == (0, "")
    content = json.loads(out)
    alone, both = content["probabilities"]
    assert content["engine"] == "quadrature"
    assert alone["mcse"] == 0 < both["mcse"] < 0.003
    assert both["probability"] < alone["probability"]
    (check,) = content["checks"]
    assert check["passed"]
    assert 0 < check["value"] < check["limit"] == 0.01
    status, out, err = run(capsys, "fit", arms, *options, *claims)
    assert (status, err) == (0, "")
    assert "(exact to " in out
    assert "(simulated, Monte Carlo error " in out
    assert f"Log marginal likelihood {content['log_marginal_likelihood']:.6g}" in out


REFUSED = {
    "one prior": (PRIORS, "--model arm_normal needs a prior on typical_sd, the median SD of participants: --prior"),
    "the other": ((*TYPICAL, *PRIORS[:6]), "--model arm_normal needs a prior on sd_variation"),
    "no prior": ((*PRIORS, "--prior", "typical_sd=LogNorml(0.7, 0.5)"), "Did you mean 'LogNormal'"),
    "below zero": ((*PRIORS, "--prior", "typical_sd=Normal(0, 1)"), "prior for typical_sd is Normal(0, 1)"),
    "two priors": ((*PRIORS, *TYPICAL, *TYPICAL), "'typical_sd' has the prior LogNormal(0.7, 0.5) already"),
    "instrument": ((*PRIORS, "--prior", "typical_sd[VAS]=LogNormal(0.7, 0.5)"), "no prior for instrument 'outcome'"),
    "both": (
        (*PRIORS, *TYPICAL, "--prior", "typical_sd[outcome]=LogNormal(0.7, 0.5)"),
        "typical_sd has a prior for all and others for each instrument",
    ),
    "of another": ((*PRIORS, *TYPICAL, "--prior", "correlation=Uniform(0, 1)"), "It is of --model change_normal"),
    "option": ((*PRIORS, *TYPICAL, "--option", "sd_probabilty=0.8"), "Did you mean 'sd_probability'"),
    "number": ((*PRIORS, *TYPICAL, "--option", "sd_probability=often"), "'often' is not a number"),
    "yes or no": ((*PRIORS, *TYPICAL, "--option", "equal_variances=1"), "choose true or false"),
    "twice": (
        (*PRIORS, *TYPICAL, *("--option", "sd_probability=0.8") * 2),
        "sd_probability is 0.8 already",
    ),
    "unused": ((*PRIORS, *TYPICAL, "--measure", "smd"), "--measure 'smd' needs equal_variances=True"),
    "covariance": ((*PRIORS, *TYPICAL, "--cov", "cov.csv"), "--cov: it is for estimates"),
    "measure": (
        (*PRIORS, *TYPICAL, "--measure", "log_or"),
        "--measure 'log_or' is not known; choose one of 'md', 'smd'",
    ),
    "claim": ((*PRIORS, *TYPICAL, "--claim", "typical_sd[pain] < 2"), "typical_sd[pain]"),
    "formula": (
        (*PRIORS, *TYPICAL, "--formula", "1 + dosis"),
        "column 'dosis' is missing, and the formula '1 + dosis' needs it. Did you",
    ),
    "empty covariate": ((*PRIORS, *TYPICAL, "--formula", "1 + site"), "row 3, column 'site'"),
    "covariate": (
        (*PRIORS, *TYPICAL, "--formula", "1 + dose", "--engine", "quadrature"),
        "formula '1 + dose': the grid takes '1' only",
    ),
    "heavy tail": (
        (*MODEL, *PRIORS[4:], *TYPICAL, "--tau", "HalfCauchy(1)", "--engine", "quadrature"),
        "prior for tau is HalfCauchy(1): its tail is too heavy for the grid",
    ),
    "interval": ((*PRIORS, *TYPICAL, "--ci-prob", "95"), "--ci-prob 95.0: must lie between 0 and 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_one_line_and_status_2(capsys, arms, name):
    options, message = REFUSED[name]
    status, out, err = run(capsys, "fit", arms, *NAMES, *(() if "--tau" in options else PRIORS[:4]), *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_without_its_priors_arms_are_refused(capsys, arms):
    status, out, err = run(capsys, "fit", arms, *NAMES, "--tau", "HalfNormal(1)")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "Run bayesmeta effects arms.csv --measure" in err
    assert "fit --model arm_normal takes means" in err


def test_a_wrong_spread_is_named(capsys, arms):
    arms.write_text(ARMS.replace("sd_or_se", "either"))
    status, out, err = run(capsys, "fit", arms, *NAMES, *PRIORS, *TYPICAL)
    assert (status, out) == (2, "")
    assert "row 7, column 'spread' (study 'F'): spread is 'either'; choose 'sd', 'se' or 'sd_or_se'" in err
