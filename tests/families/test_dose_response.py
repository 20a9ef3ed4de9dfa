"""Dose-response models through `fit`: all shapes against brute force, NUTS against quadrature, and what is rejected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import block_diag
from scipy.special import expit
from scipy.stats import lognorm, multivariate_normal

import bayesmeta as bm
from bayesmeta.errors import DataError, SpecificationError

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SCALES = {"ari_md": (30.0, 20.0, 5.0), "alcohol_cvd": (40.0, 1.0, 0.5)}  # unit dose, and the golden priors' scales
SHAPES = {"linear": "linear", "loglinear": "log_linear", "quadratic": "quadratic", "emax": "emax"}
ED50 = bm.LogNormal(float(np.log(10)), 1)
CASES = [(name, kind, shape) for name in SCALES for kind in ("contrast", "amplitude") for shape in SHAPES]


def golden(name: str) -> tuple[dict[str, Any], bm.Estimates]:
    content = json.loads((GOLDEN / f"doseresp_{name}.json").read_text())
    blocks = content["blocks"]
    columns = {
        "trial": [str(b["study"]) for b in blocks for _ in b["y"]],
        "dose": [dose for b in blocks for dose in b["doses"]],
        "reference_dose": [b["reference_dose"] for b in blocks for _ in b["y"]],
    }
    y = [value for b in blocks for value in b["y"]]
    return content, bm.Estimates(y, cov=block_diag(*[b["V"] for b in blocks]), covariates=columns)


def model(name: str, shape: str, heterogeneity: str = "contrast") -> bm.DoseResponse:
    unit, sd, tau = SCALES[name]
    own: dict[str, Any] = {"ed50": ED50} if shape == "emax" else {"unit_dose": unit}
    return bm.DoseResponse(shape, bm.Normal(0, sd), bm.HalfNormal(tau), heterogeneity=heterogeneity, **own)


@pytest.mark.parametrize(("name", "heterogeneity", "shape"), CASES)
def test_a_fit_is_that_of_brute_force(name, heterogeneity, shape):
    content, data = golden(name)
    want = next(case for case in content["cases"] if case["heterogeneity"] == heterogeneity)["models"][shape]
    result = bm.fit(data, model(name, SHAPES[shape], heterogeneity))
    assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], abs=1e-7)
    named = dict(zip(("mu", "curvature"), want["coefficients"], strict=False)) | {"tau": want["tau"]}
    named |= {"ed50": want["ed50"]} if shape == "emax" else {}
    for parameter, one in named.items():
        marginal = result.marginal(parameter)
        assert (marginal.mean(), marginal.sd()) == pytest.approx((one["mean"], one["sd"]), abs=1e-6)
        levels = np.array(list(one["quantiles"]), float)
        np.testing.assert_allclose(marginal.ppf(levels), list(one["quantiles"].values()), rtol=1e-6, atol=1e-6)
        if "p_lt_0" in one:
            assert result.probability(f"{parameter} < 0") == pytest.approx(one["p_lt_0"], abs=1e-8)
    if shape == "emax":
        middle = want["ed50"]["quantiles"]["0.5"]
        assert result.probability(f"ed50 < {middle!r}") == pytest.approx(0.5, abs=1e-6)
        area = quad(lambda x: float(result.marginal("ed50").pdf(x)), 0, middle, limit=200)[0]
        assert area == pytest.approx(0.5, abs=1e-5)


def test_exponential_and_sigmoid_curves_are_those_of_scipy():
    """Tau and the amplitude are known, so that SciPy integrates over the one shape parameter that is not."""
    dose, y = np.array([1.0, 5, 20]), np.array([0.1, 0.4, 1.6])
    data = bm.Estimates(y, [0.2, 0.3, 0.2], covariates={"dose": dose})
    known = {"mu": bm.PointMass(1.5), "tau": bm.PointMass(0.2)}
    curves = {
        "exponential": (
            lambda x: np.exp((dose - 20) / x) * np.expm1(-dose / x) / np.expm1(-20 / x),
            {"unit_dose": 20, "delta": bm.LogNormal(2, 0.5)},
        ),
        "sigmoid_emax": (
            lambda x: expit(x * np.log(dose / 8)), {"ed50": bm.PointMass(8), "hill": bm.LogNormal(2, 0.5)}
        ),
    }  # fmt: skip
    cov = np.diag([0.04, 0.09, 0.04]) + 0.04 * np.eye(3)

    def density(x: float, curve: Any, power: int) -> float:
        return x**power * lognorm.pdf(x, 0.5, scale=np.exp(2)) * multivariate_normal.pdf(y, 1.5 * curve(x), cov)

    for shape, (curve, own) in curves.items():
        result = bm.fit(data, bm.DoseResponse(shape, **known, **own))
        asked = {"limit": 900, "epsabs": 1e-13, "points": (5.0, 20.0, 200.0)}
        whole, first = (quad(density, 0.1, 3000, args=(curve, power), **asked)[0] for power in (0, 1))
        assert result.log_marginal_likelihood == pytest.approx(np.log(whole), abs=1e-7)
        name = "delta" if shape == "exponential" else "hill"
        assert result.marginal(name).mean() == pytest.approx(first / whole, rel=1e-6)


def test_a_flat_prior_without_heterogeneity_gives_dosresmeta():
    """Its one-stage REML estimate, where tau is zero: slope per unit of dose, standard error, and log likelihood."""
    content, data = golden("ari_md")
    want = content["flat_limit_linear_amplitude"]["REML"]
    linear = bm.DoseResponse("linear", tau=bm.PointMass(0), unit_dose=1, heterogeneity="amplitude")
    result = bm.fit(data, linear)
    marginal = result.marginal("mu")
    assert (marginal.mean(), marginal.sd()) == pytest.approx((want["slope_per_dose_unit"], want["se"]), rel=1e-8)
    assert result.fit.log_evidence == pytest.approx(want["loglik"], abs=1e-6)


def test_bayes_factors_are_ratios_of_evidence():
    content, data = golden("ari_md")
    case = content["cases"][0]
    emax = bm.fit(data, model("ari_md", "emax"))
    null = case["null"]["log_marginal_likelihood"]
    expected = null - case["models"]["emax"]["log_marginal_likelihood"]
    assert emax.log_bayes_factor("mu = 0") == pytest.approx(expected, abs=1e-6)
    spiked = replace(model("ari_md", "emax"), base=bm.NormalNormal(
        mu=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 20))]), tau=bm.HalfNormal(5)
    ))  # fmt: skip
    assert bm.fit(data, spiked).log_bayes_factor("mu = 0") == pytest.approx(expected, abs=1e-6)
    assert emax.bayes_factor("ed50 < 10") == pytest.approx(
        emax.probability("ed50 < 10") / emax.probability("ed50 > 10"), rel=1e-6
    )  # the prior's median is 10


@pytest.mark.slow
@pytest.mark.parametrize("heterogeneity", ["contrast", "amplitude"])
def test_chains_agree_with_quadrature(heterogeneity, assert_within_mcse):
    _, data = golden("ari_md")
    asked = model("ari_md", "emax", heterogeneity)
    exact = bm.fit(data, asked)
    chains = bm.fit(data, asked, "nuts", seed=1, draws=1000, target_accept=0.95)
    for name in ("mu", "tau", "ed50"):
        marginal = exact.marginal(name)
        assert_within_mcse(chains.posterior[name], mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.5)
    ours, theirs = (result.shrinkage()["mean"].to_numpy() for result in (exact, chains))  # of draws, both
    np.testing.assert_allclose(ours, theirs, atol=0.3)


@pytest.mark.parametrize("heterogeneity", ["contrast", "amplitude"])
def test_true_effects_are_those_of_joint_normal_algebra(heterogeneity):
    """With tau known all is normal: true contrasts given the observed ones, their mean and their standard deviations."""
    _, data = golden("ari_md")
    line = bm.DoseResponse("linear", bm.Normal(0, 20), bm.PointMass(3), unit_dose=30, heterogeneity=heterogeneity)
    x, trial = data.covariates["dose"].to_numpy(float) / 30, data.covariates["trial"].to_numpy()
    same = trial[:, None] == trial
    spread = 9 * (same * np.outer(x, x) if heterogeneity == "amplitude" else 0.5 * (same + np.eye(x.size)))
    prior = spread + 400 * np.outer(x, x)
    gain = prior @ np.linalg.inv(prior + data.cov)
    mean, cov = gain @ data.y, prior - gain @ prior
    shrunk = bm.fit(data, line).shrinkage()
    sd = np.sqrt(np.diag(cov))
    np.testing.assert_allclose((shrunk["mean"] - mean) / sd, 0, atol=4 / np.sqrt(4000))
    np.testing.assert_allclose(shrunk["sd"] / sd, 1, atol=4 / np.sqrt(8000))
    replicated = bm.fit(data, line).datatree["posterior_predictive"]["y"].to_numpy().reshape(-1, x.size)
    total = spread + data.cov + (1 / (1 / 400 + x @ np.linalg.solve(spread + data.cov, x))) * np.outer(x, x)
    wide = np.sqrt(np.diag(total))
    np.testing.assert_allclose(
        np.cov(replicated.T) / np.outer(wide, wide), total / np.outer(wide, wide), atol=5 / np.sqrt(4000)
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("emax", "Maximum effect (mu)"), ("linear", "Effect at dose 30 (mu)"), ("quadratic", "Quadratic term there (curvature)"),
    ],
)  # fmt: skip
def test_a_printed_fit_says_what_its_parameters_are(shape, words):
    _, data = golden("ari_md")
    for heterogeneity, spread in (("contrast", "contrasts"), ("amplitude", "amplitudes")):
        result = bm.fit(data, model("ari_md", shape, heterogeneity))
        said, labels = str(result), result.prepared.labels.values()
        assert words in labels
        assert f"SD of {spread} (tau)" in labels
        assert "13 estimates of 5 studies" in said
        assert said.startswith("Bayesian dose-response meta-analysis")
        assert "I2" not in said
        assert "covariates" not in said
        assert ("Dose of half of the maximum (ed50)" in labels) == (shape == "emax")


def test_plots_of_effects_around_one_mean_are_not_drawn_of_a_curve():
    _, data = golden("ari_md")
    result = bm.fit(data, model("ari_md", "emax"))
    for draw in (bm.plot_radial, bm.plot_funnel, bm.plot_baujat):
        with pytest.raises(SpecificationError, match="a dose-response meta-analysis has none. Use plot_dose_response"):
            draw(result)
    assert "has no one pooled effect" in bm.alt_text(bm.plot_forest(result))


COLUMNS = {"trial": ["A", "A", "B"], "dose": [1.0, 5, 2]}
COV = [[0.04, 0.02, 0], [0.02, 0.04, 0], [0, 0, 0.09]]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"trial": ["A", "A", "B"]}, "needs a covariate 'dose'.*covariates present: trial"),
        (COLUMNS | {"dose": [1.0, -5, 2]}, "study 'study 2': dose is -5; a dose is 0 or a positive number"),
        (COLUMNS | {"dose": ["low", "high", "middle"]}, "covariate 'dose' holds text"),
        (COLUMNS | {"reference_dose": [0.0, 0, 2]}, "study 'study 3': dose 2 is that of its reference arm"),
    ],
)
def test_doses_that_cannot_be_are_rejected_in_one_line(columns, said):
    data = bm.Estimates([0.1, 0.3, 0.2], cov=COV, covariates=columns)
    with pytest.raises(DataError, match=said) as error:
        bm.fit(data, model("ari_md", "emax"))
    assert "\n" not in str(error.value)


def test_a_reference_dose_that_is_missing_is_not_taken_for_none():
    """A column with a missing value is no covariate, which must not mean that reference arms had no dose."""
    table = {"study": ["A", "B"], "y": [0.1, 0.2], "se": [0.1, 0.1], "dose": [5, 10], "reference_dose": [1, None]}
    with pytest.raises(DataError, match="reference_dose.*the value is missing"):
        bm.fit(bm.Estimates.from_frame(table), model("ari_md", "linear"))
    complete = bm.Estimates.from_frame(table | {"reference_dose": [1, 2]}, covariates=["dose"])
    assert complete.covariates["reference_dose"].tolist() == [1, 2]


def test_contrasts_that_covary_without_a_trial_are_rejected():
    data = bm.Estimates([0.1, 0.3, 0.2], cov=COV, covariates={"dose": [1.0, 5, 2]})
    with pytest.raises(DataError, match="'study 1' and 'study 2' covary: add a covariate 'trial'"):
        bm.fit(data, model("ari_md", "linear"))


def test_contrasts_of_one_arm_without_a_covariance_are_rejected():
    data = bm.Estimates([0.1, 0.3, 0.2], [0.2, 0.2, 0.3], covariates=COLUMNS)
    with pytest.raises(DataError, match="trial 'A' has several contrasts, which share their reference arm"):
        bm.fit(data, model("ari_md", "linear"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"shape": "emaxx"}, "Did you mean 'emax'"),
        ({"shape": "emax"}, "shape 'emax' needs a prior on ed50"),
        ({"shape": "linear", "unit_dose": 5, "ed50": ED50}, "shape 'linear' has no ed50; 'emax' or 'sigmoid_emax' has"),
        ({"shape": "linear"}, "needs unit_dose"),
        ({"shape": "linear", "unit_dose": 0}, "must be a positive number"),
        ({"shape": "emax", "ed50": ED50, "unit_dose": 5}, "shape 'emax' has none"),
        ({"shape": "emax", "ed50": bm.Normal(0, 1)}, "puts mass below zero"),
    ],
)
def test_a_model_that_cannot_be_is_rejected(arguments, said):
    with pytest.raises(SpecificationError, match=said):
        bm.DoseResponse(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1), **arguments)


def test_an_exponential_curve_ends_at_its_unit_dose():
    data = bm.Estimates([0.1, 0.3, 0.2], cov=COV, covariates=COLUMNS)
    curve = bm.DoseResponse("exponential", bm.Normal(0, 1), bm.HalfNormal(1), unit_dose=4, delta=ED50)
    with pytest.raises(DataError, match="a dose of the data is 5. State unit_dose=5 or more"):
        bm.fit(data, curve)


def test_one_dose_and_one_study_have_the_posterior_that_their_prior_gives():
    """A single contrast at one dose, where mu and ed50 are told apart by their priors alone."""
    data = bm.Estimates([2.0], [0.5], covariates={"dose": [10.0]})
    result = bm.fit(data, bm.DoseResponse("emax", bm.Normal(0, 3), bm.PointMass(0), ed50=ED50))

    def density(x: float) -> float:
        share = 10 / (10 + x)
        return lognorm.pdf(x, 1, scale=10) * multivariate_normal.pdf(2.0, 0, 0.25 + 9 * share**2)

    whole, first = quad(density, 0, 2000, limit=800)[0], quad(lambda x: x * density(x), 0, 5000, limit=800)[0]
    assert result.log_marginal_likelihood == pytest.approx(np.log(whole), abs=1e-6)
    assert result.marginal("ed50").mean() == pytest.approx(first / whole, rel=1e-4)


def test_a_table_of_arms_keeps_the_doses_of_its_reference_arms():
    """The lowest dose is the reference where there is no placebo: a known line is then fitted to differences of doses."""
    arms = {
        "study": ["A", "A", "A", "B", "B"], "arm": ["low", "mid", "high", "low", "high"], "dose": [5, 10, 20, 2, 8],
        "mean": [1.0, 2.1, 3.9, 0.5, 1.6], "sd": [2.0, 2.2, 2.1, 1.9, 2.0], "n": [40, 42, 41, 30, 33],
    }  # fmt: skip
    data = bm.effect_sizes(arms, "md", reference="low", covariates=["dose", "trial"])
    assert data.covariates["reference_dose"].tolist() == [5, 5, 2]
    x, y = np.array([5.0, 15, 6]), np.array([1.1, 2.9, 1.1])
    shared, own = 4.0 / 40, np.array([2.2**2 / 42, 2.1**2 / 41])
    V = block_diag(np.diag(own) + shared, 1.9**2 / 30 + 2.0**2 / 33)
    weighted = np.linalg.solve(V, x)
    precision = x @ weighted + 1 / 4
    result = bm.fit(data, bm.DoseResponse("linear", bm.Normal(0, 2), bm.PointMass(0), unit_dose=1)).marginal("mu")
    assert (result.mean(), result.sd()) == pytest.approx((weighted @ y / precision, precision**-0.5), rel=1e-9)
