"""The mean effect under other priors on tau, against an integral over tau written here, and which priors are tried."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.analysis.pooled import alternatives, pooled_sensitivity
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Outcome
from bayesmeta.families.prepared import prepare

DATA = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
REVIEW = "tests/analysis/review/analysis.toml"


def outcome(**changes):
    stated = {"models": {"all": {"label": "all", "mu": "Normal(0, 20)", "tau": "HalfNormal(10)"}}}
    return Outcome.model_validate(stated | changes)


def signal(**changes):
    return {"name": "s", "model": "all", "claim": "mu > 0", "claim_label": "x", "quantity": "mu"} | changes


def below_zero(tau_density, mean=0.0, sd=20.0):
    """P(mu < 0) under Normal(mean, sd) on mu: adaptive quadrature over tau of closed forms given tau."""
    y, v = DATA.y, DATA.se**2

    def given(tau):
        w = 1 / (v + tau**2)
        precision = w.sum() + sd**-2
        centre = (w @ y + mean / sd**2) / precision
        log_marginal = 0.5 * (np.log(w).sum() - np.log(precision) - w @ y**2 - mean**2 / sd**2 + precision * centre**2)
        return np.exp(log_marginal + 20.0) * tau_density(tau), stats.norm.cdf(-centre * np.sqrt(precision))

    def integral(f):
        cuts = [0, 1, 5, 20, 100, 1000, np.inf]
        return sum(integrate.quad(f, a, b, epsabs=0, epsrel=1e-11, limit=400)[0] for a, b in itertools.pairwise(cuts))

    return integral(lambda tau: np.prod(given(tau))) / integral(lambda tau: given(tau)[0])


def shrinkage(tau):
    v0 = len(DATA.se) / (DATA.se**-2.0).sum()
    return 2 * tau * v0 / (v0 + tau**2) ** 2


def dumouchel(tau):
    s0 = np.sqrt(len(DATA.se) / (DATA.se**-2.0).sum())
    return s0 / (s0 + tau) ** 2


def test_the_default_grid_is_computed_as_an_integral_over_tau():
    fits = {"all": bm.fit(DATA, MODEL)}
    rows = pooled_sensitivity(outcome(), {"all": prepare(DATA, MODEL)}, fits, 1)["all"]
    densities = {
        "half as wide as stated": stats.halfnorm(scale=5).pdf,
        "twice as wide as stated": stats.halfnorm(scale=20).pdf,
        "uniform shrinkage": shrinkage,
        "DuMouchel": dumouchel,
    }
    assert [row.label for row in rows] == list(densities)
    assert {row.method for row in rows} == {"exact"}
    for row in rows:
        assert row.probability == pytest.approx(below_zero(densities[row.label]), abs=1e-8)  # the engine's tolerance
    assert {round(row.probability, 3) for row in rows} != {round(fits["all"].probability("mu < 0"), 3)}


def test_priors_and_beliefs_of_the_file_are_taken_where_there_are_any():
    beliefs = [
        {"label": "sceptic", "mu": "Normal(0, 2)", "source": "none"},
        {"label": "of a difference", "beta": {"x": "Normal(0, 1)"}, "source": "none"},
    ]
    tau = [{"label": "small", "prior": "HalfNormal(5)"}]
    effect = [{"label": "narrow", "prior": "Normal(0, 1)"}]  # of differences between groups, or of a signal
    stated = outcome(sensitivity={"effect": effect, "tau": tau, "beliefs": beliefs})
    rows = pooled_sensitivity(stated, {"all": prepare(DATA, MODEL)}, {"all": bm.fit(DATA, MODEL)}, 1)["all"]
    assert [row.label for row in rows] == ["small", "sceptic"]
    assert rows[0].probability == pytest.approx(below_zero(stats.halfnorm(scale=5).pdf), abs=1e-8)
    assert rows[1].probability == pytest.approx(below_zero(stats.halfnorm(scale=10).pdf, sd=2.0), abs=1e-8)


@pytest.mark.parametrize(
    ("tau", "labels"),
    [
        (bm.UniformShrinkage(), ["DuMouchel"]),
        (bm.PointMass(0), []),
        (bm.Jeffreys(), ["uniform shrinkage", "DuMouchel"]),
    ],
)
def test_priors_without_a_width_have_other_alternatives(tau, labels):
    ready = prepare(DATA, bm.NormalNormal(tau=tau))
    assert [label for label, _ in alternatives(ready, outcome())] == labels


def test_a_signal_about_the_mean_has_the_priors_that_the_file_crosses():
    fits, ready = {"all": bm.fit(DATA, MODEL)}, {"all": prepare(DATA, MODEL)}
    assert pooled_sensitivity(outcome(signals=[signal()]), ready, fits, 1) == {}
    assert pooled_sensitivity(outcome(signals=[signal(quantity="tau")]), ready, fits, 1) != {}
    assert pooled_sensitivity(outcome(), ready, {}, 1) == {}


def test_a_review_has_no_standard_errors_for_reference_priors():
    checked = plan(REVIEW)
    stated = checked.analysis.outcomes["pain"].model_copy(update={"sensitivity": outcome().sensitivity})
    found = dict(alternatives(checked.ready["pain"]["overall"], stated))
    assert {label: str(one.model.base.tau) for label, one in found.items()} == {
        "half as wide as stated": "HalfNormal(0.25)",
        "twice as wide as stated": "HalfNormal(1)",
    }


@pytest.mark.slow
def test_draws_are_weighted_where_that_can_be_trusted():
    fit = bm.fit(DATA, MODEL, engine="nuts", seed=5, draws=4000, tune=1000, chains=4, target_accept=0.95)
    rows = pooled_sensitivity(outcome(), {"all": prepare(DATA, MODEL)}, {"all": fit}, 1)["all"]
    assert {row.method for row in rows} == {"reweighted"}
    half = next(row for row in rows if row.label.startswith("half"))
    assert abs(half.probability - below_zero(stats.halfnorm(scale=5).pdf)) < 4 * half.mcse
    assert half.mcse < 0.01
