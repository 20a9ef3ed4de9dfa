"""Model averaging against RoBMA and metaBMA's public example, exact values, and marginal likelihoods of single fits."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity.averaging import model_average

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "bma_bem2011.json").read_text("utf-8"))
BEM = bm.Estimates(y=GOLDEN["y"], se=GOLDEN["sigma"])
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.InvGamma(1, 0.15))
NAMES = {(False, False): "fixed_null", (True, False): "fixed_effect", (False, True): "random_null"} | {
    (True, True): "random_effect"
}
DATA = bm.Estimates(y=[-0.8, -0.3, -0.9, -0.2, 0.1], se=[0.3, 0.25, 0.4, 0.35, 0.2], covariates={"x": [0, 0, 1, 1, 2]})


@pytest.fixture(scope="module")
def bem():
    return model_average(BEM, MODEL)


def test_models_and_inclusion_are_exact(bem) -> None:
    want = GOLDEN["exact"]
    for row in bem.models.itertuples():
        name = NAMES[row.mu, row.tau]
        assert row.prior_probability == pytest.approx(0.25)
        assert row.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"][name], rel=1e-9)
        assert row.posterior_probability == pytest.approx(want["posterior_probability"][name], rel=1e-8)
    factors = bem.inclusion["bayes_factor"]
    assert factors["mu"] == pytest.approx(want["inclusion_BF"]["effect"], rel=1e-8)
    assert factors["tau"] == pytest.approx(want["inclusion_BF"]["heterogeneity"], rel=1e-8)


def test_estimates_averaged_and_conditional_are_exact(bem) -> None:
    want = GOLDEN["exact"]
    given = bem.summary(given=["mu"]).loc["mu"]
    for column, key in (("mean", "mean"), ("sd", "sd"), ("median", "median")):
        assert given[column] == pytest.approx(want["mu_given_effect"][key], rel=1e-8)
    assert given[["lower", "upper"]].tolist() == pytest.approx(want["mu_given_effect"]["central"], rel=1e-7)
    assert bem.marginal("mu").mean() == pytest.approx(want["mu_averaged_mean"], rel=1e-8)
    assert bem.marginal("tau").mean() == pytest.approx(want["tau_averaged_mean"], rel=1e-8)
    assert bem.marginal("tau", given=["tau"]).mean() == pytest.approx(want["tau_given_heterogeneity_mean"], rel=1e-8)
    both = bem.marginal("mu", given=["mu", "tau"])
    assert (both.mean(), both.sd()) == pytest.approx((want["mu_random_effect"]["mean"], want["mu_random_effect"]["sd"]))


def test_metabma_and_robma_agree_to_their_own_accuracy(bem) -> None:
    factors = bem.inclusion["bayes_factor"]
    assert factors["mu"] == pytest.approx(GOLDEN["metaBMA"]["inclusion"]["incl.BF"], rel=1e-6)
    robma = GOLDEN["NoBMA"]["components"]
    assert factors["mu"] == pytest.approx(robma["Effect"]["inclusion_BF"], rel=2e-3)
    assert factors["tau"] == pytest.approx(robma["Heterogeneity"]["inclusion_BF"], rel=2e-3)
    peer = GOLDEN["metaBMA"]["estimates"]["averaged"]  # by sampling: sd 0.033 over thousands of draws
    assert bem.marginal("mu", given=["mu"]).sd() == pytest.approx(peer["sd"], rel=0.01)


def test_moderators_by_single_fits_with_unequal_probabilities() -> None:
    model = bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.4), beta={"x": bm.Cauchy(0, 0.5)})
    chance = {"mu": 0.7, "tau": 0.4, "x": 0.2}
    found = model_average(DATA, model, inclusion=chance)
    zero, logs = bm.PointMass(0), {}
    for mu, tau, x in itertools.product([False, True], repeat=3):
        one = bm.NormalNormal(
            formula="1 + x", mu=model.mu if mu else zero, tau=model.tau if tau else zero,
            beta={"x": model.beta["x"] if x else zero},
        )  # fmt: skip
        prior = math.prod(p if on else 1 - p for p, on in zip(chance.values(), (mu, tau, x), strict=True))
        logs[mu, tau, x] = math.log(prior), bm.fit(DATA, one).log_marginal_likelihood
    total = np.logaddexp.reduce([a + b for a, b in logs.values()])
    assert len(found.models) == 8
    for row in found.models.itertuples():
        prior, evidence = logs[row.mu, row.tau, row.x]
        assert row.prior_probability == pytest.approx(math.exp(prior), rel=1e-12)
        assert row.log_marginal_likelihood == pytest.approx(evidence, rel=1e-7)
        assert row.posterior_probability == pytest.approx(math.exp(prior + evidence - total), rel=1e-6)
    for i, (name, p) in enumerate(chance.items()):
        present = np.logaddexp.reduce([a + b for key, (a, b) in logs.items() if key[i]])
        absent = np.logaddexp.reduce([a + b for key, (a, b) in logs.items() if not key[i]])
        want = math.exp(present - absent) / (p / (1 - p))
        assert found.inclusion.loc[name, "bayes_factor"] == pytest.approx(want, rel=1e-6)


def test_weights_of_models_that_are_no_product() -> None:
    fixed, random, null = ("mu",), ("mu", "tau"), ()
    found = model_average(BEM, MODEL, weights={fixed: 0.2, random: 0.5, null: 0.3})
    logs = GOLDEN["exact"]["log_marginal_likelihood"]
    joint = {
        (True, False): math.log(0.2) + logs["fixed_effect"],
        (True, True): math.log(0.5) + logs["random_effect"],
        (False, False): math.log(0.3) + logs["fixed_null"],
    }
    total = np.logaddexp.reduce(list(joint.values()))
    assert len(found.models) == 3
    assert found.models["prior_probability"].sum() == pytest.approx(1)
    for row in found.models.itertuples():
        assert row.posterior_probability == pytest.approx(math.exp(joint[row.mu, row.tau] - total), rel=1e-7)
    mean = sum(
        math.exp(joint[key] - total) * GOLDEN["exact"][name]["mean"]
        for key, name in (((True, False), "mu_fixed_effect"), ((True, True), "mu_random_effect"))
    )
    assert found.marginal("mu").mean() == pytest.approx(mean, rel=1e-8)
    below = {
        (True, False): bm.fit(BEM, bm.NormalNormal(mu=MODEL.mu, tau=bm.PointMass(0))).probability("mu < 0"),
        (True, True): bm.fit(BEM, MODEL).probability("mu < 0"),
    }
    present = sum(math.exp(joint[key]) for key in below)
    want = sum(math.exp(joint[key]) * p for key, p in below.items()) / present
    assert found.probability("mu < 0", given=["mu"]) == pytest.approx(want, abs=1e-9)


def test_what_all_models_have_may_be_flat_and_a_single_study_is_enough() -> None:
    flat = bm.NormalNormal(tau=bm.HalfNormal(0.3))
    found = model_average(DATA, flat, inclusion={"mu": 1})
    assert found.components == ("tau",)
    assert found.models["log_marginal_likelihood"].isna().all()
    assert found.inclusion.loc["tau", "bayes_factor"] == pytest.approx(1 / bm.fit(DATA, flat).bayes_factor("tau = 0"))
    one = model_average(bm.Estimates(y=[0.4], se=[0.2]), bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    assert one.models["posterior_probability"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (bm.NormalNormal(tau=bm.HalfNormal(1)), {}, "prior for mu is Flat.*improper.*inclusion="),
        (bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.1)), {}, "prior for tau is PointMass"),
        (MODEL, {"inclusion": {"nu": 0.5}}, "no component 'nu'"),
        (MODEL, {"inclusion": {"mu": 1.5}}, "must be a probability"),
        (MODEL, {"inclusion": {"mu": "half"}}, "inclusion.*half.*must be a probability"),
        (MODEL, {"inclusion": 0.5}, "a probability for each component"),
        (MODEL, {"weights": {"mu": 1}}, "a tuple of its components"),
        (MODEL, {"weights": {("mu",): 0.5}}, "sum to 1"),
        (MODEL, {"weights": {("mu", "tau"): 0.5, ("tau", "mu"): 0.5}}, "named twice"),
        (MODEL, {"weights": {("mu",): 1.0}, "inclusion": {}}, "not both"),
    ],
)
def test_what_cannot_be_right_is_refused(model: bm.NormalNormal, options: dict, message: str) -> None:
    with pytest.raises(bm.SpecificationError, match=message):
        model_average(BEM, model, **options)


def test_an_unknown_condition_is_refused(bem) -> None:
    with pytest.raises(bm.SpecificationError, match="choose among mu, tau"):
        bem.summary(given=["dose"])


def test_coefficients_with_a_joint_prior_stay_in_all_models() -> None:
    data = bm.Estimates(y=[0.1, 0.5, 0.3, 0.9], se=[0.2] * 4, covariates={"dose": [0.0, 1.0, 2.0, 3.0]})
    joint = bm.MultivariateNormal([0, 0], [[1, 0.2], [0.2, 1]])
    model = bm.NormalNormal(formula="1 + dose", tau=bm.HalfNormal(0.3), beta={("mu", "dose"): joint})
    with pytest.raises(bm.SpecificationError, match=r"mu has a joint prior, on mu, dose.*inclusion=\{'mu': 1\}"):
        model_average(data, model)
    assert model_average(data, model, inclusion={"mu": 1, "dose": 1}).components == ("tau",)
