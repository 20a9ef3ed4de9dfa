"""Beta-binomial events: brute force written elsewhere and here, closed forms of what is restored, reports, what is rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.errors import SpecificationError
from bayesmeta.families.beta_binomial.tables import BetaBinomialArms

GOLDEN = Path(__file__).parents[1] / "golden"
COUNTS = bm.Counts(events_t=[4, 0, 9, 0], n_t=[30, 25, 60, 12], events_c=[7, 3, 11, 0], n_c=[31, 24, 58, 14])
SEVERAL = bm.Counts(events_t=[14, 5, 19, 8], n_t=[60, 45, 80, 42], events_c=[17, 9, 31, 9], n_c=[61, 44, 78, 44])
MODEL = bm.BetaBinomial(mu=bm.Normal(0, 2.5))


@pytest.mark.parametrize("name", ["pritz1997", "nielweise2007"])
def test_posteriors_are_those_of_brute_force(name: str) -> None:
    """Dense grids, with their refinement in the file: single arms, and two (Kuss 2015)."""
    content = json.loads((GOLDEN / f"counts_{name}.json").read_text("utf-8"))
    want = next(case["exact"] for case in content["cases"] if case["likelihood"] == "betabinomial")
    kind = bm.Counts if "events_t" in content["data"] else bm.Proportions
    result = bm.fit(kind(**{column.name: content["data"][column.name] for column in kind.columns}), MODEL)
    assert result.error_bound < 1e-7
    assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], abs=1e-7)
    single = {"mu": "mu", "mean_probability": "expit(mu)"}
    names = {"rho": "rho", **(single if kind is bm.Proportions else {"log_or": "mu", "baseline_logit": "baseline"})}
    for key, expression in names.items():
        marginal, other = result.marginal(expression), want[key]
        assert (marginal.mean(), marginal.sd()) == pytest.approx((other["mean"], other["sd"]), abs=1e-7)
        for level, value in other.get("quantiles", {}).items():
            assert float(marginal.ppf(float(level))) == pytest.approx(value, abs=1e-7), (key, level)
    if "p_log_or_lt_0" in want:
        assert result.probability("mu < 0") == pytest.approx(want["p_log_or_lt_0"], abs=1e-8)


@pytest.mark.parametrize(
    ("events", "n"), [([0], [1]), ([1], [1]), ([0, 0, 0], [10, 20, 30]), ([0, 10, 0], [10, 10, 10]), ([1, 13, 23], [5, 20, 48])]
)  # fmt: skip
def test_few_studies_without_events_or_with_nothing_else_have_the_posterior_of_a_grid(events: Any, n: Any) -> None:
    mu, logit = np.linspace(-16, 16, 1201), np.linspace(-30, 30, 1201)
    rho, m = expit(logit), expit(mu)[:, None]
    log_density = stats.norm.logpdf(mu, 0, 2.5)[:, None] + stats.logistic.logpdf(logit)
    for one, of in zip(events, n, strict=True):  # participant by participant, each given those before
        for i in range(of):
            seen, failed = (i, 0) if i < one else (one, i - one)
            share = m * (1 - rho) + seen * rho if i < one else (1 - m) * (1 - rho) + failed * rho
            log_density = log_density + np.log(share / (1 - rho + i * rho))
        log_density = log_density + np.log(stats.binom.pmf(one, of, 0.5)) + of * np.log(2)
    weight = np.exp(log_density)
    total = weight.sum() * (mu[1] - mu[0]) * (logit[1] - logit[0])
    result = bm.fit(bm.Proportions(events=events, n=n), MODEL)
    assert result.error_bound < 1e-7
    assert result.log_marginal_likelihood == pytest.approx(np.log(total), abs=1e-7)
    for name, values in (("mu", mu[:, None]), ("rho", rho)):
        mean = float((weight * values).sum() / weight.sum())
        sd = float(np.sqrt((weight * (values - mean) ** 2).sum() / weight.sum()))
        assert (result.marginal(name).mean(), result.marginal(name).sd()) == pytest.approx((mean, sd), abs=1e-7)


def test_a_million_participants_have_a_mode_at_either_end_of_rho() -> None:
    """Events nearly as many say that rho is near zero, where a uniform prior has little: nodes reach over both modes."""
    arms = BetaBinomialArms(np.array([2000.0, 2100, 1950]), np.full(3, 1e6) - [2000, 2100, 1950])
    mu, logits = np.linspace(-16, 12, 4001), np.linspace(-30, 25, 551)
    terms = [stats.norm.logpdf(mu, 0, 2.5) + stats.logistic.logpdf(one) for one in logits]
    for term, one in zip(terms, logits, strict=True):
        term += arms.log_means(mu[:, None], np.ones((3, 1)), np.full(mu.size, expit(one))).sum(axis=1)
    weight = np.exp(np.array(terms) - np.max(terms))
    result = bm.fit(bm.Proportions(events=arms.events, n=np.full(3, 1e6)), MODEL)
    near = weight[logits < -9].sum() / weight.sum()
    assert 0.05 < near < 0.15
    assert result.probability(f"rho < {float(expit(-9.0))!r}") == pytest.approx(near, abs=0.002)  # the grid's cells
    assert result.marginal("mu").mean() == pytest.approx((weight * mu).sum() / weight.sum(), abs=1e-5)


@pytest.mark.parametrize("rho", [0.0, 1e-12, 1e-6, 0.01, 0.3, 0.999999])
def test_the_likelihood_is_that_of_participants_one_after_the_other(rho: float) -> None:
    arms = BetaBinomialArms(np.array([0.0, 1, 13, 40, 3, 0]), np.array([1.0, 0, 7, 60000, 0, 0]))
    eta, X = np.array([-40.0, -6, 0.3, 5, 30]), np.ones((6, 1))
    found = arms.log_means(eta[:, None], X, np.full(5, rho))
    for i in range(6):
        assert_allclose(found[:, i], arms.again(i, eta, np.full(5, rho)), rtol=1e-11, atol=3e-8)  # a sum of 60,000 logs
    from bayesmeta.families.beta_binomial.likelihood import log_beta_binomial
    from bayesmeta.families.likelihood import NUMPY

    for i in range(6):  # the density of draws and of graphs
        other = log_beta_binomial(eta, np.full(5, rho), arms.events[i], arms.others[i], NUMPY)
        assert_allclose(other, found[:, i], rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("rho", [0.2, 0.0])
def test_risks_and_replicates_are_beta_and_beta_binomial(rho: float) -> None:
    """With everything at the top known there are closed forms: conjugacy for the risks, moments for new events."""
    data = bm.Proportions(events=[0, 13, 6], n=[6, 20, 6])
    model = bm.BetaBinomial(mu=bm.PointMass(-0.4), rho=bm.PointMass(rho))
    result, m = bm.fit(data, model, draws=20_000, chains=1), float(expit(-0.4))
    size = (1 - rho) / rho if rho else 1e12
    a, b = m * size + data.events, (1 - m) * size + data.n - data.events
    risk = result.posterior["proportion"].to_numpy().reshape(-1, 3)
    exact = stats.beta(a, b)
    assert_allclose(risk.mean(axis=0), exact.mean(), atol=4 * exact.std().max() / 140 + 1e-9)
    assert_allclose(risk.std(axis=0), exact.std(), rtol=0.03, atol=1e-5)
    new = result.datatree["posterior_predictive"]["events"].to_numpy().reshape(-1, 3)
    variance = data.n * m * (1 - m) * (1 + (data.n - 1) * rho)
    assert_allclose(new.mean(axis=0), data.n * m, atol=4 * np.sqrt(variance / 20_000).max())
    assert_allclose(new.var(axis=0), variance, rtol=0.05)
    assert result.log_marginal_likelihood == pytest.approx(
        (stats.binom.logpmf(data.events, data.n, m) if not rho
         else stats.betabinom.logpmf(data.events, data.n, m * size, (1 - m) * size)).sum(), abs=1e-9,
    )  # fmt: skip


def test_questions_of_two_arms() -> None:
    result = bm.fit(SEVERAL, MODEL)
    binomial = bm.fit(SEVERAL, bm.BetaBinomial(mu=bm.Normal(0, 2.5), rho=bm.PointMass(0)))
    factor = binomial.log_marginal_likelihood - result.log_marginal_likelihood
    assert result.log_bayes_factor("rho = 0") == pytest.approx(factor, abs=1e-9)
    half = bm.fit(SEVERAL, bm.BetaBinomial(mu=bm.Normal(0, 2.5), rho=bm.Uniform(0, 0.5)))
    gain = half.log_marginal_likelihood - result.log_marginal_likelihood  # of a region of its prior
    assert np.log(result.probability("rho < 0.5") / 0.5) == pytest.approx(gain, abs=1e-6)
    without = bm.leave_one_out(SEVERAL, MODEL, claim="mu < 0")
    kept = bm.Counts(**{column.name: getattr(SEVERAL, column.name)[1:] for column in bm.Counts.columns})
    rest = bm.fit(kept, MODEL)
    frame = without.table
    assert frame["elpd"].iloc[0] == pytest.approx(
        result.log_marginal_likelihood - rest.log_marginal_likelihood, abs=1e-8
    )
    pointwise = result.datatree["log_likelihood"]["events"].to_numpy().reshape(-1, 4)
    p_loo = np.log(np.exp(pointwise).mean(axis=0)) - frame["elpd"].to_numpy()
    assert_allclose(frame["p_loo"], p_loo, atol=0.05)  # of 4,000 draws
    tried = bm.prior_sensitivity(SEVERAL, MODEL, "mu < 0", own={"rho": [bm.Uniform(0, 1), bm.Uniform(0, 0.5)]})
    assert tried.probability.ravel()[1] == pytest.approx(half.probability("mu < 0"), abs=1e-9)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: bm.BetaBinomial(rho=bm.HalfNormal(1)),
            "prior for rho is HalfNormal(1), which puts mass outside 0 to 1",
        ),
        (lambda: bm.BetaBinomial(rho=bm.PointMass(1)), "prior for rho is PointMass(1): .* from 0 to below 1"),
        (lambda: bm.BetaBinomial(base=bm.NormalNormal(tau=bm.HalfNormal(1))), "risks vary by rho"),
        (lambda: bm.fit(COUNTS, bm.BetaBinomial(baseline=None)), "Counts have two. State one"),
        (
            lambda: bm.fit(COUNTS, MODEL).probability("theta_new < 0"),
            "no parameter 'theta_new'. Parameters: mu, rho, baseline",
        ),
        (lambda: bm.fit(COUNTS, MODEL).marginal("tau"), "no parameter 'tau'"),
        (lambda: bm.prior_sensitivity(COUNTS, MODEL, "mu < 0", tau=[bm.HalfNormal(1)]), "rho says how much risks vary"),
    ],
)
def test_what_does_not_apply_is_said_in_one_line(ask: Any, said: str) -> None:
    with pytest.raises(SpecificationError, match=said.replace("(", r"\(").replace(")", r"\)")) as error:
        ask()
    assert "\n" not in str(error.value)


ANALYSIS = """schema = 1
title = "x"
question = "x"
source = "x"
seed = 1
[outcomes.infection]
arms = "c.csv"
[outcomes.infection.models.one]
kind = "beta_binomial"
mu = "Normal(0, 2.5)"
[[outcomes.infection.signals]]
name = "fewer"
model = "one"
quantity = "mu"
claim = "mu < 0"
claim_label = "fewer events under treatment"
"""


def status(*arguments: str) -> Any:
    """Exit status of a command."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code


@pytest.mark.slow
def test_a_report_agrees_with_the_sampler_and_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_bytes(csv_bytes(COUNTS.to_frame()))
    Path("analysis.toml").write_text(ANALYSIS)
    assert status("report", "analysis.toml", "--out", "out") == 0
    checks = {one["name"]: one["passed"] for one in json.loads(Path("out/results.json").read_text("utf-8"))["checks"]}
    (agree,) = [passed for name, passed in checks.items() if "engines agree" in name]
    assert agree is True
    page = Path("out/report.html").read_text("utf-8")
    for text in ("Kuss 2015", "Correlation within arms", "Effects in a new study (prediction intervals)", "0 of 25"):
        assert text in page
    assert "tau, whose nodes" not in page
    assert status("verify", "out") == 0
