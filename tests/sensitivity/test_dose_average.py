"""Averages over dose-response shapes, against brute force, closed forms of single shapes, and plain arithmetic on draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SCALES = {"ari_md": (30.0, 20.0, 5.0), "alcohol_cvd": (40.0, 1.0, 0.5)}  # unit dose, and the golden priors' scales
ED50 = bm.LogNormal(float(np.log(10)), 1)
DATA = bm.Estimates([0.4, 0.7, 0.9, 0.2], [0.1, 0.1, 0.12, 0.1], covariates={"dose": [2.0, 5, 10, 1]})
LINE: dict[str, Any] = {"mu": bm.Normal(0, 2), "tau": bm.PointMass(0), "unit_dose": 10}


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


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("heterogeneity", ["contrast", "amplitude"])
def test_the_average_is_that_of_brute_force(name, heterogeneity):
    content, data = golden(name)
    case = next(case for case in content["cases"] if case["heterogeneity"] == heterogeneity)
    unit, sd, tau = SCALES[name]
    average = bm.dose_average(
        data, ["flat", "linear", "log_linear", "quadratic", "emax"], mu=bm.Normal(0, sd), tau=bm.HalfNormal(tau),
        unit_dose=unit, ed50=ED50, heterogeneity=heterogeneity,
    )  # fmt: skip
    expected = list(case["model_probabilities"].values())
    np.testing.assert_allclose(average.models["posterior_probability"], expected, atol=1e-8)
    assert average.models.loc["flat", "log_marginal_likelihood"] == pytest.approx(
        case["null"]["log_marginal_likelihood"], abs=1e-7
    )
    assert average.response_probability == pytest.approx(1 - expected[0], abs=1e-8)
    flat = expected[0]
    for dose, want in case["averaged_without_null"]["effect_at_dose"].items():
        given, whole = (average.effect(float(dose), given_response=given) for given in (True, False))
        assert (given.mean(), given.sd()) == pytest.approx((want["mean"], want["sd"]), abs=1e-7)
        assert float(given.cdf(0.0)) == pytest.approx(want["p_lt_0"], abs=1e-8)
        assert whole.mean() == pytest.approx((1 - flat) * want["mean"], abs=1e-7)
        assert float(whole.cdf(0.0)) == pytest.approx(flat + (1 - flat) * want["p_lt_0"], abs=1e-8)
    if name == "ari_md":
        assert f"{len(data.y)} estimates of 5 studies" in str(average)


def test_a_line_has_the_answers_of_a_normal_slope():
    """With tau known to be zero the slope is normal, and everything follows by hand."""
    x, v = np.array([0.2, 0.5, 1, 0.1]), DATA.se**2
    precision = (x**2 / v).sum() + 1 / 4
    mean, sd = float((x * DATA.y / v).sum() / precision), float(precision**-0.5)
    average = bm.dose_average(DATA, ["linear"], **LINE)
    assert average.response_probability == 1
    assert average.effect(5).mean() == pytest.approx(mean / 2, rel=1e-9)
    assert average.probability(10, 5, above=0.4) == pytest.approx(norm.sf(0.4, mean / 2, sd / 2), abs=1e-9)
    curve = average.curve([5, 20])
    np.testing.assert_allclose(curve.loc[5, ["lower", "upper"]], norm.ppf([0.025, 0.975], mean / 2, sd / 2), rtol=1e-4)
    assert curve["beyond"].tolist() == [0, 10]
    assert average.effective_dose(0.9)["median"] == pytest.approx(9, abs=1e-6)
    assert average.monotone_probability == 1
    least = average.minimum_dose(0.5)
    assert least["probability"] == pytest.approx(norm.sf(0.5, mean, sd), abs=4 * 0.5 / 200)
    assert least["median"] == pytest.approx(5 / mean, rel=0.01)
    assert average.minimum_dose(-50)["probability"] == 0
    assert len(average.contraction) == 0


def test_a_new_study_varies_by_tau_around_the_curve_or_along_it():
    tau = bm.PointMass(0.3)
    for heterogeneity, spread in (("contrast", 0.3), ("amplitude", 0.3 * 0.5)):
        average = bm.dose_average(DATA, ["linear"], **LINE | {"tau": tau}, heterogeneity=heterogeneity)
        mean, new = average.effect(5), average.effect(5, new_study=True)
        assert new.sd() ** 2 - mean.sd() ** 2 == pytest.approx(spread**2, rel=1e-9)


def test_an_emax_curve_says_where_it_bends_and_whether_the_data_do():
    """The dose of half of what is reached at the largest dose M is ed50 M / (M + 2 ed50); one dose alone says nothing of ed50."""
    average = bm.dose_average(DATA, ["emax"], mu=bm.Normal(0, 2), tau=bm.PointMass(0), ed50=ED50)
    draws = average.results["emax"].draws("10 * ed50 / (10 + 2 * ed50)")
    found = average.effective_dose(0.5)
    assert found["median"] == pytest.approx(np.median(draws), rel=0.02)
    assert (found["lower"], found["upper"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), rel=0.05)
    assert not average.contraction["is_prior"].any()
    vague = bm.Estimates([0.4, 0.5], [0.6, 0.6], covariates={"dose": [4.0, 4.0]})
    average = bm.dose_average(vague, ["emax"], mu=bm.Normal(0, 1), tau=bm.PointMass(0), ed50=ED50)
    assert average.contraction["is_prior"].all()
    assert "do not say where the curve bends: ed50 (Emax)." in str(average).replace("\n", " ")


def test_prior_probabilities_are_those_stated():
    even, stated = (
        bm.dose_average(DATA, ["flat", "linear"], **LINE, probabilities=p) for p in (None, {"flat": 0.9, "linear": 0.1})
    )
    odds = [
        one.models["posterior_probability"]["linear"] / one.models["posterior_probability"]["flat"]
        for one in (even, stated)
    ]
    assert odds[1] == pytest.approx(odds[0] / 9, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"shapes": []}, "shapes is empty"),
        ({"shapes": ["lineal"]}, "Did you mean 'linear'"),
        ({"shapes": ["linear", "linear"]}, "'linear' is there twice"),
        ({"shapes": ["linear"], "mu": bm.Flat()}, "need a proper prior with a spread"),
        ({"shapes": ["linear"], "ed50": ED50}, "ed50=.*: none of the shapes has it"),
        ({"shapes": ["emax"]}, "shape 'emax' needs a prior on ed50"),
        ({"shapes": ["flat", "linear"], "probabilities": {"flat": 1.0}}, "a positive one for each of flat, linear"),
    ],
)
def test_what_cannot_be_averaged_is_rejected(arguments, said):
    with pytest.raises(SpecificationError, match=said):
        bm.dose_average(DATA, **LINE | arguments)


def test_questions_that_cannot_be_are_rejected():
    average = bm.dose_average(DATA, ["flat"], **LINE)
    assert average.effect(5).atoms == (0.0,)
    for ask, said in (
        (lambda: average.effect(-1), "dose=-1: a dose is 0 or a positive number"),
        (lambda: average.effective_dose(2), "share=2"),
        (lambda: average.minimum_dose(0), "threshold=0"),
        (lambda: average.effective_dose(0.5), "flat alone has no curve"),
    ):
        with pytest.raises(SpecificationError, match=said):
            ask()
    assert "ED50" not in str(average)


def test_what_is_no_number_or_prior_is_rejected_in_one_line():
    data = bm.Estimates(y=[0.2, 0.4], se=[0.1, 0.1], covariates={"dose": [1, 2]})
    stated = {"mu": "Normal(0, 1)", "tau": bm.HalfNormal(0.3), "unit_dose": 2}  # text is a prior
    average = bm.dose_average(data, ["flat", "linear"], **stated)
    assert average.curve(2).shape == average.curve([2.0]).shape
    for ask in (lambda: average.effective_dose(0.5, ci_prob=95), lambda: average.curve([1.0], ci_prob=95)):
        with pytest.raises(bm.SpecificationError, match="ci_prob=95"):
            ask()
    with pytest.raises(bm.SpecificationError, match="prior for mu must be a prior"):
        bm.dose_average(data, ["flat", "linear"], **stated | {"mu": 1.5})
