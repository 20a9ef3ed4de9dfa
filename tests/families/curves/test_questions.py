"""What is asked of every kind of counts by their own likelihood: other priors, draws, studies left out, reports, the sampler."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.analysis.records.model import ForestRecord
from bayesmeta.cli import main
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.errors import BayesmetaError
from bayesmeta.plots.forest import forest

PRIORS = {"mu": bm.Normal(0, 2), "tau": bm.HalfNormal(0.5)}
DOSE = {"dose": [0.0, 1.0, 2.0, 0.5]}


@dataclass(frozen=True)
class Case:
    """Data, a model of one mean, its kind on the command line, and words that the report must have."""

    data: Any
    model: Any
    kind: str
    said: tuple[str, ...]


CASES = {
    "proportions": Case(
        bm.Proportions(events=[4, 0, 12, 9], n=[30, 25, 12, 60], study=list("ABCD"), covariates=DOSE),
        bm.BinomialNormal(**PRIORS, measure="logit_prop"), "binomial_normal",
        ("1 have no event, 1 events only", "0 of 25 with the event", "single arm", "proportion"),
    ),
    "given their total": Case(
        bm.Counts(
            events_t=[4, 0, 9, 0], n_t=[30, 25, 60, 12], events_c=[7, 3, 11, 0], n_c=[31, 24, 58, 14], study=list("ABCD"),
            covariates=DOSE,
        ),
        bm.HypergeometricNormal(**PRIORS), "hypergeometric_normal",
        ("1 of them says nothing of the odds ratio", "conditional likelihood", "0 of 25"),
    ),
    "rates": Case(
        bm.Rates(
            events_t=[4, 0, 9, 1], time_t=[30, 25.5, 60, 12], events_c=[7, 3, 11, 0], time_c=[31, 24, 58, 14],
            study=list("ABCD"), covariates=DOSE,
        ),
        bm.PoissonNormal(**PRIORS, baseline=bm.Normal(-1, 2)), "poisson_normal",
        ("2 have an arm without events", "Poisson likelihood", "rate ratio", "units of time", "Normal(-1, 2)"),
    ),
    "incidence rates": Case(
        bm.IncidenceRates(events=[4, 0, 12, 9], time=[30, 25.5, 12, 60], study=list("ABCD"), covariates=DOSE),
        bm.PoissonNormal(**PRIORS), "poisson_normal",
        ("1 have no event", "0 events in 25.5 units of time", "single arm", "incidence rate"),
    ),
    "mixed": Case(
        bm.MixedStudies.from_frame(
            {
                "study": list("ABCD"), "events_t": [4, None, None, None], "n_t": [30, None, None, None],
                "events_c": [7, None, None, None], "n_c": [31, None, None, None], "y": [None, 0.3, None, 0.5],
                "se": [None, 0.4, 0.3, None], "df": [None, 7, None, None], "p": [None, None, ">0.05", "0.04"], **DOSE,
            }
        ),
        bm.MixedNormal(**PRIORS, baseline=bm.Normal(-1, 2), measure="log_or"), "mixed_normal",
        (
            "1 with a P value", "t likelihood, since its standard deviation is unknown", "7 of 31",
            "printed intervals are known as far as their digits", "Normal(-1, 2)",
        ),
    ),
}  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, words)))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.mark.parametrize("label", CASES)
def test_draws_are_of_the_posterior(label: str) -> None:
    case = CASES[label]
    result = bm.fit(case.data, case.model, seed=3)
    for name in result.parameters:
        x, marginal = np.asarray(result._many_draws[name]), result.marginal(name)
        assert x.mean() == pytest.approx(marginal.mean(), abs=4.5 * marginal.sd() / math.sqrt(x.size))
        kurtosis = stats.kurtosis(x, fisher=False)
        assert x.std() == pytest.approx(marginal.sd(), abs=4.5 * marginal.sd() * math.sqrt((kurtosis - 1) / 4 / x.size))
    shrunk, drawn = result.shrinkage(), result.datatree["posterior"]["theta"]
    for study, row in shrunk.iterrows():
        x = np.asarray(drawn.sel(study=study)).ravel()
        assert x.mean() == pytest.approx(row["mean"], abs=4.5 * row["sd"] / math.sqrt(x.size))
        assert x.std() == pytest.approx(row["sd"], rel=0.08)
        assert np.quantile(x, [0.025, 0.975]) == pytest.approx([row["lower"], row["upper"]], abs=0.25 * row["sd"])


@pytest.mark.parametrize("label", CASES)
def test_other_priors_and_studies_left_out_are_fits(label: str) -> None:
    case = CASES[label]
    mu, tau = [bm.Normal(0, 1), bm.HalfNormal(1)], [bm.HalfNormal(1), PRIORS["tau"]]
    surface = bm.prior_sensitivity(case.data, case.model, "mu < 0.2", mu=mu, tau=tau)
    assert not surface.simulated
    table = surface.table().set_index(["mu", "tau"])
    for one in mu:
        for other in tau:
            fit = bm.fit(case.data, replace(case.model, base=bm.NormalNormal(mu=one, tau=other)))
            assert table.loc[(str(one), str(other)), "P(mu < 0.2)"] == fit.probability("mu < 0.2")
    loo = bm.leave_one_out(case.data, case.model, claim="mu < 0")
    full = bm.fit(case.data, case.model)
    rest = bm.fit(case.data.drop("B"), case.model)
    row = loo.table.loc["B"]
    assert row["elpd"] == pytest.approx(full.log_marginal_likelihood - rest.log_marginal_likelihood, abs=1e-9)
    assert row["probability"] == rest.probability("mu < 0")
    if label != "proportions":  # every one of them takes a while
        return
    tipping = bm.tipping_point(case.data, case.model, "mu < 0.2", 0.9)
    for kind in ("sceptical_sd", "tau_factor", "tau_fixed"):
        for tip in tipping[kind].tips:
            assert tip.probability == pytest.approx(0.9, abs=1e-6)
    assert any(tipping[kind].tips for kind in ("sceptical_sd", "prior_mean", "tau_factor"))


@pytest.mark.parametrize("label", CASES)
def test_bayes_factors_are_of_marginal_likelihoods(label: str) -> None:
    case = CASES[label]
    result = bm.fit(case.data, case.model)
    for name in ("mu", "tau"):
        base = replace(case.model.base, **{name: bm.PointMass(0)})
        null = bm.fit(case.data, replace(case.model, base=base))
        gap = null.log_marginal_likelihood - result.log_marginal_likelihood
        assert math.log(result.bayes_factor(f"{name} = 0")) == pytest.approx(gap, abs=1e-7)
    odds = result.probability("mu < 0") / (1 - result.probability("mu < 0"))
    assert result.bayes_factor("mu < 0") == pytest.approx(odds, rel=1e-6)  # the prior is symmetric


SINGLE = ("proportions", "incidence rates")
ANALYSIS = """title = "T"
question = "Q?"
source = "made up"
seed = 3
[outcomes.events]
measure = "{measure}"
benefit = "higher"
arms = "arms.csv"
[outcomes.events.models.all]
kind = "{kind}"
label = "All studies"
{baseline}
mu = "Normal(0, 2)"
tau = "HalfNormal(0.5)"
[[outcomes.events.signals]]
name = "signal"
model = "all"
claim = "mu < 0"
claim_label = "below zero"
quantity = "mu"
[outcomes.events.sensitivity]
effect = [{{ label = "narrow", prior = "Normal(0, 1)" }}]
tau = [{{ label = "wide", prior = "HalfNormal(1)" }}]
"""


@pytest.mark.parametrize("label", CASES)
def test_a_report_says_it_and_can_be_verified(
    label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[label]
    monkeypatch.chdir(tmp_path)
    exact = bm.fit(case.data, case.model)
    own = 'baseline = "Normal(-1, 2)"' if label in ("rates", "mixed") else ""
    Path("arms.csv").write_bytes(csv_bytes(case.data.to_frame()))
    Path("analysis.toml").write_text(
        ANALYSIS.format(measure=exact.measure, kind=case.kind, baseline=own), encoding="utf-8"
    )
    status, _, err = run(capsys, "report", "analysis.toml", "--out", "out")
    assert status == 0, err
    page = Path("out/report.html").read_text(encoding="utf-8")
    for words in case.said:
        assert words in page
    results = json.loads(Path("out/results.json").read_text(encoding="utf-8"))
    model = results["outcomes"]["events"]["models"]["all"]
    assert model["engine"] == "quadrature"
    assert ("higher values favour treatment" in page) == (label not in SINGLE)  # which have no control
    forest_label = forest(
        ForestRecord.model_validate(model["forest"]), display=exact.display, x_label="x", benefit="higher"
    ).get_xlabel()
    assert ("favours control" in forest_label) == (label not in SINGLE)
    (signal,) = results["signals"]
    assert signal["probability"] == exact.probability("mu < 0")
    status, out, err = run(capsys, "verify", "out")
    assert status == 0, out + err
    names: dict[str, Any] = {"__file__": str(tmp_path / "out" / "analysis.py")}
    exec(compile(Path("out/analysis.py").read_text(encoding="utf-8"), "analysis.py", "exec"), names)
    capsys.readouterr()
    assert names["data"] == case.data
    assert names["fits"]["all"].model == exact.model
    status, out, err = run(
        capsys, "fit", "arms.csv", "--model", case.kind, "--mu", "Normal(0, 2)", "--tau", "HalfNormal(0.5)", "--claim",
        "mu < 0", "--json", *(["--option", "baseline=Normal(-1, 2)"] if own else []),
    )  # fmt: skip
    assert status == 0, err
    assert json.loads(out)["probabilities"][0]["probability"] == exact.probability("mu < 0")


@pytest.mark.slow
@pytest.mark.parametrize(
    "label", [label for label in CASES if label != "incidence rates"]
)  # the report has both engines
def test_the_sampler_has_the_exact_posterior(label: str, assert_within_mcse: Any) -> None:
    case = CASES[label]
    exact = bm.fit(case.data, case.model)
    chains = bm.fit(case.data, case.model, "nuts", seed=11, draws=2000, target_accept=0.98)
    for name in exact.parameters:
        marginal = exact.marginal(name)
        assert_within_mcse(chains.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    shrunk, drawn = exact.shrinkage(), chains.posterior["theta"]
    for study in case.data.study:
        row = shrunk.loc[study]
        assert_within_mcse(drawn.sel(study=study), mean=row["mean"], sd=row["sd"], max_mcse=0.06, label=study)


EVENTS = {"events": [3, 0], "n": [20, 30]}
REFUSED = {
    "a baseline of single arms": (
        lambda: bm.fit(bm.Proportions(**EVENTS), bm.BinomialNormal(**PRIORS, baseline=bm.Normal(-2, 1))),
        "baseline=Normal(-2, 1): a single arm has no control arm. Leave it out.",
    ),
    "and of a model that says so": (
        lambda: bm.BinomialNormal(**PRIORS, baseline=bm.Normal(-2, 1), measure="logit_prop"),
        "baseline=Normal(-2, 1): a single arm has no control arm. Leave it out.",
    ),
    "two arms without one": (
        lambda: bm.fit(
            bm.Counts(events_t=[1], n_t=[9], events_c=[2], n_c=[9]), bm.BinomialNormal(**PRIORS, baseline=None)
        ),
        "without a baseline the model is of single arms, Proportions, and Counts have two",
    ),
    "no event under a flat prior": (
        lambda: bm.fit(bm.Proportions(events=[0, 0], n=[9, 8]), bm.BinomialNormal(tau=bm.HalfNormal(1))),
        "the data leave the effect without a bound",
    ),
    "another model": (
        lambda: bm.fit(bm.Proportions(**EVENTS), bm.NormalNormal(**PRIORS)),
        "and the data are Proportions. Use BinomialNormal(mu=..., tau=...)",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_what_cannot_be_is_rejected_in_one_line(label: str) -> None:
    ask, said = REFUSED[label]
    with pytest.raises(BayesmetaError) as caught:
        ask()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words", "said"),
    [
        ("study,events,n", ["--option", "baseline=Normal(-2, 1)"], "baseline=Normal(-2, 1): a single arm has no control arm"),
        ("study,events,n", ["--measure", "log_or"], "theta of binomial_normal is the logit of a proportion where"),
        ("study,event,size", [], "column 'events_t' is missing"),
    ],
)  # fmt: skip
def test_a_command_about_single_arms_that_cannot_be(
    columns: str, words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "arms.csv").write_text(f"{columns}\nA,3,20\nB,0,30\n", encoding="utf-8")
    command = ("fit", tmp_path / "arms.csv", "--model", "binomial_normal", "--tau", "HalfNormal(1)", *words)
    status, out, err = run(capsys, *command)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize("two", [True, False])
def test_the_table_decides_how_many_arms_there_are(
    two: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study with a row for each of its arms has two; studies with one row each have one, whatever it is called."""
    names = "AABB" if two else "ABCD"
    rows = [f"{study},{arm},{x},20" for study, arm, x in zip(names, ["drug", "control"] * 2, (3, 5, 0, 2), strict=True)]
    (tmp_path / "arms.csv").write_text("\n".join(["study,arm,events,n", *rows, ""]), encoding="utf-8")
    status, out, err = run(
        capsys, "fit", tmp_path / "arms.csv", "--model", "binomial_normal", "--mu", "Normal(0, 2)", "--tau", "HalfNormal(0.5)",
        "--json",
    )  # fmt: skip
    assert status == 0, err
    content = json.loads(out)
    assert (content["measure"], content["n_studies"]) == (("log_or", 2) if two else ("logit_prop", 4))
    if two:
        data: Any = bm.Counts(events_t=[3, 0], n_t=[20, 20], events_c=[5, 2], n_c=[20, 20])
    else:
        data = bm.Proportions(events=[3, 5, 0, 2], n=[20] * 4)
    mean = next(row["mean"] for row in content["summary"] if row["parameter"] == "mu")
    assert mean == bm.fit(data, bm.BinomialNormal(**PRIORS)).marginal("mu").mean()
