"""Every option and every key has a parameter, a table or a question that it is for, or is rejected: nothing is ignored.

An option of the command line, or a key of an analysis or design file, that is not in the tables below fails these tests:
say what happens where it has no effect, and show that it is rejected there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Analysis
from bayesmeta.analysis.toml import _sections
from bayesmeta.cli import app, main
from bayesmeta.errors import BayesmetaError
from bayesmeta.families.kinds import KINDS
from bayesmeta.simulation.design import Design

ESTIMATES = "study,y,se,group,dose\nA,0.1,0.2,x,1\nB,0.3,0.2,x,2\nC,-0.4,0.2,z,3\nD,-0.1,0.2,z,4\n"
MEASURED = "study,y,se,measure\nA,0.1,0.2,log_or\nB,0.3,0.2,log_or\n"
MEANS = "study,mean_t,sd_t,n_t,mean_c,sd_c,n_c\nA,1,2,20,2,2,20\nB,1,2,20,3,2,20\n"
COUNTS = "study,events_t,n_t,events_c,n_c\nA,1,20,2,20\nB,3,20,4,20\n"
PRINTED = "study,estimate,se\nA,0.1,0.2\nB,0.3,0.2\n"
FILES = {"e.csv": ESTIMATES, "m.csv": MEASURED, "means.csv": MEANS, "counts.csv": COUNTS, "printed.csv": PRINTED}
FILES |= {"one.csv": "study,y,se,one\nA,0.1,0.2,1\nB,0.3,0.2,-1\n", "cov.csv": "study,A,B\nA,0.04,0\nB,0,0.04\n"}
FILES |= {"times.csv": "study,time,y,se\nA,1,0.1,0.2\nB,2,0.3,0.2\n"}
TAU = ["--tau", "HalfNormal(0.5)"]
OUT, PAGE = ["--out", "out.svg"], ["--out", "out.html"]
NO_MU = ["e.csv", "--formula", "0 + group", *TAU]
TYPICAL, VARIATION = ["--prior", "typical_sd=LogNormal(0.7, 0.5)"], ["--prior", "sd_variation=HalfNormal(0.3)"]
ARMS = ["means.csv", *TAU, "--model", "arm_normal", *TYPICAL, *VARIATION]
CURVE = ["e.csv", *TAU, "--model", "dose_response", "--option", "shape=emax", "--prior", "ed50=LogNormal(1, 1)"]
TIMES = ["times.csv", *TAU, "--model", "time_course", "--prior", "rho=Uniform(0, 1)"]

# What always has an effect, or has one as soon as there is something that it is for, and why that is enough.
ALWAYS = {
    "report": {"analysis", "--out", "--also", "--json"},
    "verify": {"folder", "--analysis", "--json"},
    "diff": {"first", "second", "--json"},
    # an exact fit draws nothing: how many draws, and which, has no bearing on its numbers
    "fit": {"effects", "--tau", "--formula", "--engine", "--seed", "--draws", "--chains", "--ci-prob", "--json"},
    # zero cells and rows of one arm: done where there are any, which standard error says
    "effects": {"arms", "--combine", "--json"},
    # what is known of a table, for the checks that apply to it
    "check": {"table", "--scale", "--integers", "--ratio", "--level", "--strict", "--json"},
    "convert": {"table"},
    "template": {"--measure"},
    "compare": {"effects", "--tau", "--formula", "--ci-prob", "--plot", "--json"},
    "pool": {"table", "--formula", "--ci-prob", "--json"},
    "priors": {"--search", "--json"},
    "sensitivity": {
        "effects",
        "--tau",
        "--formula",
        "--level",
        "--threshold",
        "--ci-prob",
        "--engine",
        "--seed",
        "--json",
    },
    "bias": {"effects", "--direction", "--tau", "--mu", "--leave-one-out", "--tipping", "--json"},
    # an exact fit draws nothing: which seed has no bearing on it
    "plot": {"effects", "--out", "--kind", "--tau", "--formula", "--width", "--engine", "--seed"},
    # the words of a page and where it begins; a seed as for plot
    "explore": {
        "effects", "--out", "--tau", "--formula", "--level", "--title", "--unit", "--benefit", "--ci-prob", "--engine", "--seed",
    },
    # what is asked of the posterior and of the trial; a seed as for fit
    "next": {
        "effects", "--tau", "--formula", "--benefit", "--threshold", "--level", "--alpha", "--cost", "--trials",
        "--design-effect", "--engine", "--seed", "--json",
    },
    "bias-map": {"effects", "--tau", "--formula", "--bias", "--spread", "--sd", "--level", "--json"},
    "simulate": {"design", "--out", "--json"},
    # what is entered of a review stands in its files
    "new": {
        "folder", "--from", "--review", "--no-input", "--title", "--citation", "--outcome", "--measure", "--benefit", "--trials",
        "--method", "--interval", "--i2", "--significant",
    },
}  # fmt: skip
NEW = ["new", "--review", "--no-input"]
MAPPED = ["e.csv", *TAU, "--bias", "0", "--biased", "A"]
NEXT = ["e.csv", *TAU, "--benefit", "lower", "--se", "0.1"]
_MODEL = {
    "--prior": (["e.csv", *TAU, "--prior", "tau_group=HalfNormal(1)"], "no parameter 'tau_group'"),
    "--option": (["e.csv", *TAU, "--option", "between=multi-arm"], "no trial has several contrasts"),
    "--between": (["e.csv", *TAU, "--between", "MultiArm(trial)"], "no trial has several contrasts"),
    "--cluster": (["e.csv", *TAU, "--cluster", "dose", "--prior", "tau_dose=HalfNormal(1)"], "each has one row"),
}
_FILE = {
    "--sheet": (["e.csv", "--sheet", "x"], "--sheet 'x': it is for an Excel file"),
    "--analysis": (["e.csv", "--analysis", "1.2"], "--analysis '1.2': it is for a file of RevMan"),
    "--drop": (["e.csv", "--drop", "doze"], "no such column. Did you mean 'dose'?"),
    "--labels": (["e.csv", "--labels", "grup"], "no column 'grup'. Did you mean 'group'?"),
}


def _with(more: list[str]) -> dict[str, tuple[list[str], str]]:
    return {option: ([*given, *more], message) for option, (given, message) in _FILE.items()}


_OF_ESTIMATES = {
    "--cov": (["e.csv", *TAU, "--cov", "cov.csv"], "2 rows and 2 columns beside 'study', for 4 estimates"),
    "--model": (ARMS, "ArmMeans have no estimates with known standard errors, nor estimators of their own"),
    **_MODEL,
}
# Every option of a model, and every parameter of its own, where it has no effect.
OF_MODELS = {
    "normal.between": (["e.csv", *TAU, "--option", "between=multi-arm"], "no trial has several contrasts"),
    "normal.between_matrix": (["e.csv", *TAU, "--option", "between_matrix=cov.csv"], "2 rows and 2 columns"),
    "normal.cluster": (["e.csv", *TAU, "--option", "cluster=dose", "--prior", "tau_dose=HalfNormal(1)"], "each has one row"),
    "normal.cluster_tau": (["e.csv", *TAU, "--prior", "tau_group=HalfNormal(1)"], "no parameter 'tau_group'"),
    "normal.cluster_tau without": (["e.csv", *TAU, "--prior", "tau_<cluster>=HalfNormal(1)"], "no parameter 'tau_<cluster>'"),
    "normal.slope": (["one.csv", *TAU, "--option", "slope=one", "--prior", "tau_one=HalfNormal(1)"], "of one size in all rows"),
    "normal.slope_tau": (["e.csv", *TAU, "--prior", "tau_dose=HalfNormal(1)"], "no parameter 'tau_dose'"),
    "arm_normal.typical_sd": (["e.csv", *TAU, *TYPICAL], "It is of --model arm_normal"),
    "arm_normal.sd_variation": (["e.csv", *TAU, *VARIATION], "It is of --model arm_normal"),
    "arm_normal.equal_variances": (["e.csv", *TAU, "--option", "equal_variances=true"], "It is of --model arm_normal"),
    "arm_normal.sd_probability": ([*ARMS, "--option", "sd_probability=0.8"], "nothing to choose between"),
    "change_normal.correlation": (["e.csv", *TAU, "--prior", "correlation=Uniform(0, 1)"], "It is of --model change_normal"),
    "change_normal.correlation_variation": (
        [*ARMS, "--prior", "correlation_variation=HalfNormal(1)"], "It is of --model change_normal",
    ),
    "change_normal.baseline": ([*ARMS, "--option", "baseline=common"], "It is of --model change_normal"),
    "binomial_normal.baseline": (
        ["e.csv", *TAU, "--option", "baseline=Normal(0, 1)"], "It is of --model change_normal or binomial_normal",
    ),
    "beta_binomial.rho": (["e.csv", *TAU, "--prior", "rho=Uniform(0, 1)"], "It is of --model beta_binomial"),
    "beta_binomial.baseline": (["e.csv", *TAU, "--prior", "baseline=Normal(0, 1)"], "It is of --model beta_binomial"),
    "dose_response.shape": (["e.csv", *TAU, "--option", "shape=emax"], "It is of --model dose_response"),
    "dose_response.heterogeneity": (
        ["e.csv", *TAU, "--option", "heterogeneity=amplitude"], "It is of --model dose_response",
    ),
    "dose_response.unit_dose": ([*CURVE, "--option", "unit_dose=5"], "shape 'emax' has none"),
    "dose_response.ed50": (["e.csv", *TAU, "--prior", "ed50=LogNormal(1, 1)"], "no parameter 'ed50'"),
    "dose_response.hill": ([*CURVE, "--prior", "hill=LogNormal(0, 1)"], "no parameter 'hill'"),
    "dose_response.delta": ([*CURVE, "--prior", "delta=LogNormal(0, 1)"], "no parameter 'delta'"),
    "poisson_normal.baseline": (["e.csv", *TAU, "--option", "baseline=Normal(0, 1)"], "or poisson_normal or"),
    "mixed_normal.baseline": (["e.csv", *TAU, "--option", "baseline=Normal(0, 1)"], "or mixed_normal."),
    "time_course.rho": (["e.csv", *TAU, "--prior", "rho=Uniform(0, 1)"], "It is of --model"),
    "time_course.rho_within": ([*TIMES, "--prior", "rho_within=PointMass(0.8)"], "no study has several follow-ups"),
    "time_course.half_time": ([*TIMES, "--prior", "half_time=LogNormal(1, 1)"], "no parameter 'half_time'"),
    "time_course.between": ([*TIMES, "--option", "between=ar1"], "--between 'ar1': no study has several follow-ups"),
    "time_course.between without": ([*TIMES, "--cluster", "time"], "--cluster: --model time_course takes no such structure"),
    "time_course.within": ([*TIMES, "--option", "within=compound_symmetry"], "within='compound_symmetry': no study has several"),
    "time_course.curve": (["e.csv", *TAU, "--option", "curve=emax"], "It is of --model time_course"),
    "time_course.time": (["e.csv", *TAU, "--option", "time=dose"], "It is of --model time_course"),
}  # fmt: skip
# What is rejected where it has no effect: arguments that give it there, and the message.
REJECTED: dict[str, dict[str, tuple[list[str], str]]] = {
    "fit": {
        "--mu": ([*NO_MU, "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": (["e.csv", *TAU, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--claim": ([*NO_MU, "--claim", "mu < 0"], "no parameter 'mu'"),
        "--bayes-factor": ([*NO_MU, "--bayes-factor", "mu = 0"], "no parameter 'mu'"),
        "--measure": (["m.csv", *TAU, "--measure", "md"], "are 'log_or'"),
        "--cov": ([*ARMS, "--cov", "cov.csv"], "--cov: it is for estimates"),
        "--model": (["e.csv", *TAU, "--model", "arm_normal"], "column 'n_t' is missing"),
        "--column": (["e.csv", *TAU, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        "--exp": (["e.csv", *TAU, "--exp", "--measure", "smd"], "not logarithms of ratios"),
        "--baseline-risk": (["e.csv", *TAU, "--baseline-risk", "0.2", "--measure", "smd"], "gives no risk under treatment"),
        "--mid": (["e.csv", *TAU, "--mid", "20"], "it is for --baseline-risk"),
        "--benefit": (["e.csv", *TAU, "--benefit", "higher"], "it is for --baseline-risk"),
        **_with(TAU),
        **_MODEL,
    },
    "effects": {
        "--complete": (["means.csv", "--measure", "md", "--complete"], "none of these columns"),
        "--quantiles": (["means.csv", "--measure", "md", "--quantiles", "fitted"], "it is for medians"),
        "--correction": (["means.csv", "--measure", "md", "--correction", "0.5"], "no counts to correct"),
        "--to": (["means.csv", "--measure", "md", "--to", "all"], "no counts to correct"),
        "--drop00": (["means.csv", "--measure", "md", "--drop00"], "no events in two arms"),
        "--correlation": (["means.csv", "--measure", "md", "--correlation", "0.5"], "takes none"),
        "--level": (["printed.csv", "--measure", "reported", "--level", "0.9"], "no confidence intervals"),
        "--reference": (["means.csv", "--measure", "md", "--reference", "x"], "one row for each arm"),
        "--icc": (["means.csv", "--measure", "md", "--icc", "0.1"], "cluster_size is missing"),
        "--cluster-size": (["means.csv", "--measure", "md", "--cluster-size", "9"], "icc is missing"),
        "--measure": (["means.csv", "--measure", "mdd"], "Did you mean 'md'"),
        **_with([]),
        "--column": (["means.csv", "--measure", "md", "--column", "doze=n_t"], "neither a column that is read"),
    },
    "check": {
        "--items": (["means.csv", "--items", "3"], "--integers"),
        "--sheet": (["means.csv", "--sheet", "x"], "Excel"),
        "--analysis": (["means.csv", "--analysis", "1.2"], "RevMan"),
        "--column": (["means.csv", "--column", "doze=n_t"], "neither a column that is read"),
    },
    "convert": {
        "--sheet": (["means.csv", "--sheet", "x"], "Excel"),
        "--analysis": (["means.csv", "--analysis", "1.2"], "RevMan"),
        "--column": (["means.csv", "--column", "doze=nt"], "no column 'nt'"),
        "--out": (["means.csv", "--out", "a.rm5"], "it must end in one of .csv"),
    },
    "template": {"--arms": (["--measure", "fisher_z", "--arms"], "no table with one row for each arm")},
    "compare": {
        "--mu": ([*NO_MU, "--mu", "Normal(0, 0.01)"], "priors with --prior"),  # it has no --beta to point at
        "--claim": (["e.csv", *TAU, "--claim", "dose < 0"], "no parameter 'dose'"),
        "--parameter": (["e.csv", *TAU, "--parameter", "dose"], "no such coefficient"),
        "--estimator": (
            ["e.csv", *TAU, "--option", "cluster=group", "--prior", "tau_group=HalfNormal(1)", "--estimator", "dl wald"],
            "pool_nested",
        ),
        "--measure": (["m.csv", *TAU, "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", *TAU, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with(TAU),
        **_OF_ESTIMATES,
    },
    "pool": {
        "--method": (["e.csv", "--cluster", "group", "--method", "dl"], "--method 'dl'"),
        "--interval": (
            ["counts.csv", "--glmm", "cm.el", "--measure", "log_or", "--interval", "hksj"], "--interval: it is for estimates",
        ),
        "--cov": (["e.csv", "--cov", "cov.csv"], "2 rows and 2 columns beside 'study', for 4 estimates"),
        "--between": (["e.csv", "--between", "multi-arm"], "no trial has several contrasts"),
        "--cluster": (["e.csv", "--cluster", "dose"], "each has one row"),
        "--glmm": (["counts.csv", "--glmm", "cm.el"], "it needs --measure"),
        "--measure": (["m.csv", "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_FILE,
    },
    "priors": {
        "--measure": (["--measure", "log_0r"], "has no prior for it"),
        "--source": (["--source", "turner"], "no such source"),
        "--parameter": (["--parameter", "sigma"], "no such parameter"),
    },
    "sensitivity": {
        "--mu": ([*NO_MU, "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": (["e.csv", *TAU, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--claim": ([*NO_MU, "--claim", "mu < 0"], "no parameter 'mu'"),
        "--measure": (["m.csv", *TAU, "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", *TAU, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with(TAU),
        "--cov": ([*ARMS, "--cov", "cov.csv"], "--cov: it is for estimates"),
        "--model": (["e.csv", *TAU, "--model", "arm_normal"], "column 'n_t' is missing"),
        **_MODEL,
    },
    "plot": {
        "--mu": ([*NO_MU, *OUT, "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": (["e.csv", *TAU, *OUT, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--parameter": (["e.csv", *TAU, *OUT, "--parameter", "mu"], "--kind forest does not use it"),
        "--claim": (["e.csv", *TAU, *OUT, "--claim", "mu < 0"], "--kind forest does not use it"),
        "--order": (["e.csv", *TAU, *OUT, "--order", "dose"], "--kind forest does not use it"),
        "--direction": (["e.csv", *TAU, *OUT, "--direction", "negative"], "--kind forest does not use it"),
        "--measure": (["m.csv", *TAU, *OUT, "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", *TAU, *OUT, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with([*TAU, *OUT]),
        "--cov": ([*ARMS, *OUT, "--cov", "cov.csv"], "--cov: it is for estimates"),
        "--model": (["e.csv", *TAU, *OUT, "--model", "arm_normal"], "column 'n_t' is missing"),
        **{option: ([*given, *OUT], message) for option, (given, message) in _MODEL.items()},
    },
    "bias": {
        "--measure": (["m.csv", "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with([]),
    },
    "explore": {
        "--mu": ([*NO_MU, *PAGE, "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": (["e.csv", *TAU, *PAGE, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--claim": (["e.csv", *TAU, *PAGE, "--claim", "tau < 1"], "compares mu, theta_new with a number"),
        "--measure": (["m.csv", *TAU, *PAGE, "--measure", "md"], "are 'log_or'"),
        "--column": (["e.csv", *TAU, *PAGE, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with([*TAU, *PAGE]),
        "--cov": ([*ARMS, *PAGE, "--cov", "cov.csv"], "--cov: it is for estimates"),
        "--model": (["e.csv", *TAU, *PAGE, "--model", "arm_normal"], "column 'n_t' is missing"),
        **{option: ([*given, *PAGE], message) for option, (given, message) in _MODEL.items()},
    },
    "next": {
        "--n": ([*NEXT, "--n", "50"], "one of them"),
        "--se": (["e.csv", *TAU, "--benefit", "lower", "--n", "50", "--se", "0.1"], "one of them"),
        "--sd": ([*NEXT, "--sd", "2"], "nothing follows from it"),
        "--control-risk": ([*NEXT, "--control-risk", "0.2"], "nothing follows from it"),
        "--effect": ([*NEXT, "--effect", "mu + dose"], "no parameter 'dose'"),
        "--mu": ([*NO_MU, *NEXT[3:], "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": ([*NEXT, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--measure": (["m.csv", *NEXT[1:], "--measure", "md"], "are 'log_or'"),
        "--column": ([*NEXT, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        **_with(NEXT[1:]),
        "--cov": ([*ARMS, *NEXT[3:], "--cov", "cov.csv"], "--cov: it is for estimates"),
        "--model": ([*NEXT, "--model", "arm_normal"], "column 'n_t' is missing"),
        **{option: ([*given, *NEXT[3:]], message) for option, (given, message) in _MODEL.items()},
    },
    "bias-map": {
        "--claim": ([*MAPPED, "--claim", "dose < 0"], "no parameter 'dose'"),
        "--rob": ([*MAPPED, "--rob", "e.csv"], "one of them"),
        "--biased": (["e.csv", *TAU, "--bias", "0", "--biased", "Z"], "'Z' is none of the studies"),
        "--mu": ([*NO_MU, *MAPPED[3:], "--mu", "Normal(0, 0.01)"], "has no mu"),
        "--beta": ([*MAPPED, "--beta", "dose=Normal(0, 1)"], "no parameter 'dose'"),
        "--measure": (["m.csv", *MAPPED[1:], "--measure", "md"], "are 'log_or'"),
        "--column": ([*MAPPED, "--column", "mean_t=dose"], "'mean_t' is not read here"),
        "--cov": ([*MAPPED, "--cov", "cov.csv"], "2 rows and 2 columns beside 'study', for 4 estimates"),
        **_with(MAPPED[1:]),
        **{option: ([*given, *MAPPED[3:]], message) for option, (given, message) in _MODEL.items()},
    },
    "new": {
        "--unit": ([*NEW, "--measure", "rr", "--unit", "points"], "it is for --measure md"),
        "--trial": ([*NEW, "--trials", "1", "--trial", "A; 20", "--trial", "B; 20"], "this is one more"),
        "--total": ([*NEW, "--trials", "2", "--total", "60"], "it is for trials that have a size"),
        "--pooled": ([*NEW, "--pooled", "-1 (-2 to 0)"], "it needs --measure"),
        "--tau2": ([*NEW, "--method", "fe", "--tau2", "0.1"], "a fixed-effect pool has none"),
        "--trial-p": ([*NEW, "--trial-p", "A; NS;"], "it needs the --trial"),
        "--subgroup": ([*NEW, "--trial", "A; 20", "--subgroup", "high; .2; lower; 1"], "covariate without variation"),
        "--sd": ([*NEW, "--measure", "rr", "--sd", "2"], "it is for --measure md"),
        "--risk": ([*NEW, "--measure", "md", "--risk", "20"], "it is for --measure rr, or, hr and rd"),
        "--important": ([*NEW, "--important", "1"], "it needs --measure"),
        "--mu": ([*NEW, "--mu", "Normal(0, 1)"], "it needs --measure"),
        "--tau": ([*NEW, "--measure", "md", "--tau", "HalfNormal(1)"], "of a mean difference --sd"),
        "--beta": ([*NEW, "--measure", "rr", "--beta", "Normal(0, 1)"], "it is for a --subgroup"),
        "--column": ([*NEW, "--column", "y=yi"], "it is for --from"),
        "--sheet": ([*NEW, "--sheet", "x"], "it is for --from"),
        "--analysis": ([*NEW, "--analysis", "1.2"], "it is for --from"),
    },
    "simulate": {
        "--scheduler": (["design.toml", "--scheduler", "tcp://x:1", "--workers", "2"], "give one; a scheduler has its own"),
        "--workers": (["design.toml", "--scheduler", "tcp://x:1", "--workers", "2"], "give one; a scheduler has its own"),
    },
}  # fmt: skip
DESIGN = """
title = "x"
seed = 1
replications = 2
estimators = ["dl wald"]
[studies]
outcome = "estimates"
k = 3
se = 0.2
"""


def options() -> Iterator[tuple[str, str]]:
    """Every command with each of its options and arguments, as typer has them."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for parameter in command.params:
            yield name, next((text for text in parameter.opts if text.startswith("--")), parameter.name)


def test_every_option_has_a_decision() -> None:
    decided = {(command, name) for command, names in ALWAYS.items() for name in names}
    decided |= {(command, name) for command, cases in REJECTED.items() for name in cases}
    assert set(options()) - {(command, "--help") for command in ALWAYS} == decided


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (FILES | {"design.toml": DESIGN}).items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("command", "option"), [(c, o) for c, cases in REJECTED.items() for o in cases], ids=lambda text: text
)
def test_an_option_without_use_is_rejected(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REJECTED[command][option]
    assert option in arguments
    with pytest.raises(SystemExit) as stop:
        main([command, *arguments])
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    (line,) = said.err.strip().splitlines()
    assert message in line, line
    assert set(re.findall(r"--[a-z][a-z-]+", line)) <= {name for owner, name in options() if owner == command}, line


def test_every_option_of_a_model_has_a_decision() -> None:
    assert {name.removesuffix(" without") for name in OF_MODELS} == {
        f"{kind}.{name}" for kind, keys in KINDS.items() for name in keys.names
    }


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", OF_MODELS)
def test_an_option_of_a_model_without_use_is_rejected(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = OF_MODELS[name]
    with pytest.raises(SystemExit) as stop:
        main(["fit", *arguments])
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    (line,) = said.err.strip().splitlines()
    assert message in line, line


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", ["fit", "compare"])
@pytest.mark.parametrize("mu", ["Normal(0, 0.01)", "Flat()"])
def test_even_a_flat_prior_on_a_mu_that_is_not_there_is_rejected(command: str, mu: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, *NO_MU, "--mu", mu])
    assert stop.value.code == 2


SMALL = Path(__file__).parent / "analysis" / "small"
SIGNAL = '[[outcomes.pain.signals]]\nname = "s"\nmodel = "overall"\nclaim = "mu < 0"\nclaim_label = "less"\nquantity = "mu"\n'
# Keys of sections that describe, or that always have an effect.
PLAIN = {
    "Analysis": "schema_version title question source seed sampling outcomes external limitations references "
    "risk_of_bias certainty",
    "Sampling": "draws tune chains target_accept ess_limit",
    "Published": "kind",
    "OptionSection": "label weight values",
    "ChoiceSection": "name options",
    "Probability": "label note",
    "Signal": "name claim_label note published_p published_verdict",
    "Derived": "baseline_label baseline baseline_percent baseline_n mid note",  # a risk is stated in one of two ways
    "Variant": "label prior",
    "Belief": "label source note tau",
    "OtherEvidence": "label source",
    "Outcome": "label measure unit basis benefit models probabilities signals columns covariates missing sampling "
    "studies estimates arms choices published sensitivity",
    "Statement": "review says source",
    "Label": "label",
    "External": "file outcome rows statements",
    "NormalSection": "kind label formula tau draws",
    "ArmNormalSection": "kind label formula tau draws equal_variances",
    "ChangeNormalSection": "kind label formula tau draws baseline",
    "BinomialNormalSection": "kind label formula tau draws baseline",
    "HypergeometricNormalSection": "kind label formula tau draws",
    "PoissonNormalSection": "kind label formula tau draws baseline",
    "MixedNormalSection": "kind label formula tau draws baseline",
    "BetaBinomialSection": "kind label formula draws",
    "DoseResponseSection": "kind label formula tau draws shape unit_dose heterogeneity",  # the model rejects what its shape lacks
    "TimeCourseSection": "kind label formula tau draws between within curve time",
    "Sensitivity": "",
    "EffectsSection": "combine",
    "Design": "title seed replications level truth studies selection estimators priors",
    "Truth": "mu tau shape df skewness share factor",  # its validator holds each to the shape
    "Studies": "outcome measure k file se n_t n_c control_risk sd correction",  # and to the outcome
    "Selection": "cuts weights alternative",
    "BayesianModel": "label tau mu likelihood baseline",
}
# Keys that are rejected where they have no effect: what the small analysis becomes, and the message.
KEYS: dict[str, tuple[str, str]] = {
    "NormalSection.mu": ('0 + dose|mu = "Normal(0, 2)"', "has no mu"),
    "NormalSection.beta": ('model|beta = { doze = "Normal(0, 1)" }', "no such column"),
    "NormalSection.between_matrix": ('model|between_matrix = "missing.csv"', "missing.csv"),
    "NormalSection.slope": ('model|slope = "dose"', "needs slope_tau"),
    "NormalSection.slope_tau": ('model|slope_tau = "HalfNormal(1)"', "needs slope"),
    "NormalSection.between": ('model|between = "multi-arm"', "no trial has several contrasts"),
    "NormalSection.cluster": ('model|cluster = "dose"', "needs cluster_tau"),
    "NormalSection.cluster_tau": ('model|cluster_tau = "HalfNormal(1)"', "needs cluster"),
    "Outcome.effects": ("end|[outcomes.pain.effects]\ncombine = true", "pain.effects: it is for arms"),
    "Outcome.sheet": ('outcome|sheet = "x"', "it is for an Excel file"),
    "Outcome.analysis": ('outcome|analysis = "1.2"', "it is for a file of RevMan"),
    "Outcome.cov": ('outcome|cov = "missing.csv"', "missing.csv"),
    "Outcome.n_total": ("outcome|n_total = 9", "n_total: it is for studies"),
    "Outcome.sd_prior": ('outcome|sd_prior = "LogNormal(0, 1)"', "sd_prior: it is for studies"),
    "Outcome.derived": (
        'end|[[outcomes.pain.derived]]\nmodel = "overal"\nbaseline_label = "x"\nbaseline_percent = 50.0\nbaseline_n = [2]',
        "no model 'overal'",
    ),
    "Outcome.labels": ('end|[outcomes.pain.labels]\ndoze = "Dose"', "labels.doze: neither a covariate nor a parameter"),
    "Label.log": ('end|[outcomes.pain.labels]\ntau = { label = "Spread", log = 2 }', "labels.tau: unit and log are for"),
    "Label.unit": ('end|[outcomes.pain.labels]\ntau = { label = "Spread", unit = "mm" }', "labels.tau: unit and log are for"),
    "Outcome.confounding": ('outcome|confounding = ["overall", "dose", "doze"]', "no parameter 'doze'"),
    "Probability.model": (
        'end|[[outcomes.pain.probabilities]]\nlabel = "x"\nmodel = "x"\nclaim = "mu < 0"', "no model 'x'",
    ),
    "Probability.claim": (
        'end|[[outcomes.pain.probabilities]]\nlabel = "x"\nmodel = "overall"\nclaim = "muu < 0"', "no parameter 'muu'",
    ),
    "Signal.model": ("signal|model|none", "no model 'none'"),
    "Signal.claim": ("signal|claim|muu < 0", "no parameter 'muu'"),
    "Signal.quantity": ("signal|quantity|muu", "no parameter 'muu'"),
    "Signal.threshold": ('signal+|threshold = "muu < 1"', "no parameter 'muu'"),
    "Signal.threshold_label": ('signal+|threshold_label = "much"', "and there is none"),
    "Signal.prior_factor": ("signal+|prior_factor = 0.5", "for the priors of sensitivity.effect"),
    "Derived.model": (
        'end|[[outcomes.pain.derived]]\nmodel = "none"\nbaseline_label = "x"\nbaseline_percent = 50.0\nbaseline_n = [2]',
        "no model 'none'",
    ),
    "Derived.baseline_digits": (
        'end|[[outcomes.pain.derived]]\nmodel = "overall"\nbaseline_label = "x"\nbaseline = 0.2\nbaseline_digits = 0',
        "baseline and baseline_digits: give a risk as it is known",
    ),
    "Sensitivity.effect": (
        'signal+|[outcomes.pain.sensitivity]\neffect = [{ label = "a", prior = "Normal(0, 1)" }]', "is crossed with",
    ),
    "Sensitivity.tau": (
        'signal+|[outcomes.pain.sensitivity]\ntau = [{ label = "a", prior = "HalfNormal(1)" }]', "is crossed with",
    ),
    "Sensitivity.beliefs": (
        'end|[[outcomes.pain.sensitivity.beliefs]]\nlabel = "a"\nsource = "x"\ntau = "HalfNormal(1)"', "is of the signals",
    ),
    "Sensitivity.level": ("end|[outcomes.pain.sensitivity]\nlevel = 0.9", "is of the signals"),
    "Belief.mu": (
        'no mu|[[outcomes.pain.sensitivity.beliefs]]\nlabel = "a"\nsource = "x"\nmu = "Normal(0, 1)"', "no parameter 'mu'",
    ),
    "Belief.beta": (
        'signal+|[[outcomes.pain.sensitivity.beliefs]]\nlabel = "a"\nsource = "x"\nbeta = { doze = "Normal(0, 1)" }',
        "no model has a coefficient 'doze'",
    ),
}  # fmt: skip
KEYS |= {
    f"EffectsSection.{key}": (f"end|[outcomes.pain.effects]\n{key} = {value}", "effects: it is for arms")
    for key, value in {
        "complete": "true", "quantiles": '"fitted"', "correction": "0.5", "to": '"all"', "drop00": "true",
        "correlation": "0.5", "level": "0.9", "reference": '"a"', "icc": "0.1", "cluster_size": "9",
        "printed_measure": '"md"',
    }.items()
}  # fmt: skip
KEYS |= {
    key: (
        f'signal+|[[outcomes.pain.sensitivity.evidence]]\nlabel = "a"\nsource = "x"\n{text}',
        "sensitivity.evidence: it is of a published review",
    )
    for key, text in {
        "Sensitivity.evidence": "", "OtherEvidence.published": 'published = [{ kind = "i2", i2 = 30.0 }]',
        "OtherEvidence.without": 'without = ["I-squared"]', "OtherEvidence.options": 'options = { a = "b" }',
        "OtherEvidence.outside": 'outside = ["A"]',
    }.items()
}  # fmt: skip
# Keys that one kind of model or statistic takes and others do not: pydantic or the kind's own table rejects them there.
OF_A_KIND = {
    "ArmNormalSection": "mu beta typical_sd sd_variation sd_probability",
    "ChangeNormalSection": "mu beta correlation correlation_variation",
    "BinomialNormalSection": "mu beta",
    "HypergeometricNormalSection": "mu beta",
    "PoissonNormalSection": "mu beta",
    "MixedNormalSection": "mu beta",
    "BetaBinomialSection": "mu beta tau rho baseline",
    "DoseResponseSection": "mu beta ed50 hill delta",
    "TimeCourseSection": "mu beta rho rho_within half_time",
    "Published": "estimate lower upper level digits covariate group method interval rule tau p direction tolerance i2 tau2 q "
    "count study relation ratio",
}


def sections(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    seen, todo = list[type[BaseModel]](), [root]
    while todo:
        section = todo.pop()
        if section in seen:
            continue
        seen.append(section)
        yield section
        for field in section.model_fields.values():
            todo += _sections(field.annotation)


def status(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return stop.value.code


def test_a_second_prior_on_one_coefficient_is_rejected_where_one_model_is_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.csv").write_text(ESTIMATES)
    priors = ["--beta", "dose=Normal(0, 1)", "--beta", "dose=Normal(0, 0.01)"]
    command = [str(tmp_path / "e.csv"), *TAU, "--formula", "1 + dose", *priors]
    assert status(["fit", *command]) == 2
    assert "'dose' has the prior Normal(0, 1) already. Give one; `bayesmeta sensitivity`" in capsys.readouterr().err
    assert status(["sensitivity", *command]) == 0  # as the message says


def test_a_claim_is_asked_for_by_a_name_that_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e.csv").write_text(ESTIMATES)
    assert status(["sensitivity", str(tmp_path / "e.csv"), *TAU, "--formula", "0 + group"]) == 2
    assert "name what to report, e.g. 'group[x] < 0'" in " ".join(capsys.readouterr().err.split())


def test_every_key_has_a_decision() -> None:
    keys = {
        f"{section.__name__}.{name}"
        for root in (Analysis, Design)
        for section in sections(root)
        for name in section.model_fields
    }
    decided = {
        f"{section}.{name}"
        for table in (PLAIN, OF_A_KIND)
        for section, names in table.items()
        for name in names.split()
    }
    decided |= set(KEYS)
    assert keys - decided == set(), "say where these keys have no effect, and reject them there"
    assert decided - keys == set(), "these keys are gone"


def edited(text: str, change: str) -> str:
    """The small analysis with one change, told by the word before the bar."""
    place, _, rest = change.partition("|")
    if place == "0 + dose":
        return text.replace('formula = "1 + dose"', 'formula = "0 + dose"').replace(
            'claim = "mu < 0"', 'claim = "tau > 1"'
        )
    if place == "model":
        kept = text.replace('beta = { dose = "Normal(0, 1)" }\n', "") if rest.startswith("beta") else text
        kept = kept.replace('formula = "1 + dose"\nmu = "Normal(0, 2)"\n', "") if "formula" in rest else kept
        return kept.replace('tau = "HalfNormal(0.5)"\n', f'tau = "HalfNormal(0.5)"\n{rest}\n')
    if place == "outcome":
        return text.replace('estimates = "effects.csv"\n', f'estimates = "effects.csv"\n{rest}\n')
    if place == "signal":
        key, _, value = rest.partition("|")
        return text + re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', SIGNAL, flags=re.M)
    if place == "signal+":
        return f"{text}{SIGNAL}{rest}\n"
    if place == "no mu":
        text = text.replace('formula = "1 + dose"\nmu = "Normal(0, 2)"', 'formula = "0 + dose"')
        signal = SIGNAL.replace('"mu < 0"', '"dose < 0"').replace('quantity = "mu"', 'quantity = "dose"')
        return f"{text.replace('claim = "mu < 0"', 'claim = "dose < 0"')}{signal}{rest}\n"
    return f"{text}{rest}\n"


@pytest.mark.parametrize("key", KEYS)
def test_a_key_without_use_is_rejected_before_anything_is_sampled(key: str, tmp_path: Path) -> None:
    shutil.copytree(SMALL, tmp_path / "small")
    path = tmp_path / "small" / "analysis.toml"
    change, message = KEYS[key]
    path.write_text(edited(path.read_text(), change))
    with pytest.raises(BayesmetaError) as caught:
        plan(path)
    said = str(caught.value)
    assert re.search(message, said), said
    assert "pain" in said or "missing.csv" in said


def test_a_model_without_an_intercept_is_planned_and_its_claims_on_mu_are_not(tmp_path: Path) -> None:
    """`0 + region` used to sample for minutes and to fail on mu then."""
    shutil.copytree(SMALL, tmp_path / "small")
    path = tmp_path / "small" / "analysis.toml"
    text = path.read_text().replace('formula = "1 + dose"\nmu = "Normal(0, 2)"', 'formula = "0 + dose"')
    path.write_text(text)
    with pytest.raises(BayesmetaError, match=r"analysis.toml: outcomes.pain, model 'overall': .*no parameter 'mu'"):
        plan(path)
    path.write_text(text.replace('"mu < 0"', '"dose < 0"'))
    model = plan(path).models["pain"]["overall"]
    assert not getattr(model, "has_mu", True)
