"""Means and SDs from medians: metafor's conv.fivenum, estmeansd's qe.mean.sd, and distributions with known moments."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.effects.quantile_estimation import family_fits, fitted_mean_sd
from bayesmeta.effects.quantiles import mean_sd_from_quantiles
from bayesmeta.errors import DataError, DataWarning

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "partial.json").read_text())
OURS = {"min": "minimum", "max": "maximum"}


def ours(given):
    return {OURS.get(name, name): value for name, value in given.items()}


@pytest.mark.parametrize("case", GOLDEN["five"], ids=lambda c: f"{c['case']} n={c['given']['n']}")
def test_means_sds_and_skewness_are_those_of_metafor(case):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        mean, sd = mean_sd_from_quantiles(**ours(case["given"]))
    np.testing.assert_allclose([mean[0], sd[0]], [case["mean"], case["sd"]], rtol=1e-12)
    assert [w.category for w in found] == [DataWarning] * case["skewed"]


def test_the_golden_cases_are_of_both_kinds():
    assert {case["skewed"] for case in GOLDEN["five"]} == {True, False}
    assert len({case["family"] for case in GOLDEN["qe"]}) == 4


@pytest.mark.parametrize("case", GOLDEN["qe"], ids=lambda c: f"{c['case']} n={c['given']['n']}")
def test_each_fit_is_at_least_as_near_as_that_of_estmeansd(case):
    """Its optimiser stops early and bounds its parameters, so some of its fits are worse; where as near, the same."""
    values = np.array([case["given"].get(name, math.nan) for name in ("min", "q1", "median", "q3", "max")])
    fits = family_fits(values, case["given"]["n"])
    same = 0
    for theirs in case["families"]:
        if theirs["family"] == "beta":
            continue
        value, mean, sd = fits[theirs["family"]]
        assert value <= theirs["value"] * (1 + 1e-6) + 1e-9
        if value > theirs["value"] * 0.9999 - 1e-9:
            same += 1
            np.testing.assert_allclose([mean, sd], [theirs["mean"], theirs["sd"]], rtol=0.01)
    assert same >= 1


def test_the_nearest_family_is_that_of_estmeansd():
    agree = 0
    for case in GOLDEN["qe"]:
        mean, sd, family = fitted_mean_sd(**ours(case["given"]))
        if family == (case["family"],):
            agree += 1
            np.testing.assert_allclose([mean[0], sd[0]], [case["mean"], case["sd"]], rtol=0.02)
    assert agree >= len(GOLDEN["qe"]) - 1


LAWS = {
    "normal": stats.norm(5, 2),
    "log-normal": stats.lognorm(0.8, scale=math.exp(1.2)),
    "gamma": stats.gamma(1.7, scale=3),
    "weibull": stats.weibull_min(1.4, scale=20),
}


@pytest.mark.parametrize("unit", [1.0, 1e-4, 1e5])
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("case", ["range", "quartiles", "both"])
def test_exact_quantiles_give_exact_moments(name, case, unit):
    law, n = LAWS[name], 50
    levels = {"minimum": 1 / n, "q1": 0.25, "median": 0.5, "q3": 0.75, "maximum": 1 - 1 / n}
    drop = {"range": ("q1", "q3"), "quartiles": ("minimum", "maximum"), "both": ()}[case]
    summary = {key: law.ppf(p) * unit for key, p in levels.items() if key not in drop}
    mean, sd, family = fitted_mean_sd(n, **summary)
    np.testing.assert_allclose([mean[0], sd[0]], [law.mean() * unit, law.std() * unit], rtol=1e-5)
    assert family == (name,)


def test_the_estimate_of_normal_samples_is_unbiased():
    """By simulation, 4 Monte Carlo standard errors; the bias of the SD by Wan and Shi is below 2%."""
    rng, n, repeats = np.random.default_rng(3), 41, 4000
    x = np.sort(rng.normal(10, 3, (repeats, n)), axis=1)
    columns = {"median": x[:, 20], "q1": x[:, 10], "q3": x[:, 30], "minimum": x[:, 0], "maximum": x[:, -1]}
    for drop in ((), ("q1", "q3"), ("minimum", "maximum")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            mean, sd = mean_sd_from_quantiles(n, **{k: v for k, v in columns.items() if k not in drop})
        assert abs(mean.mean() - 10) < 4 * mean.std() / math.sqrt(repeats)
        assert sd.mean() == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize(("n", "ranks"), [(9, (0, 2, 4, 6, 8)), (41, (0, 10, 20, 30, 40))])
def test_normal_samples_are_seldom_called_skewed(n, ranks):
    """The test has a level of 5%: by simulation, with room for its critical values' being approximations."""
    x = np.sort(np.random.default_rng(5).normal(0, 1, (1500, n)), axis=1)[:, ranks]
    names = ("minimum", "q1", "median", "q3", "maximum")
    for drop in ((), ("q1", "q3"), ("minimum", "maximum")):
        columns = {name: x[:, j] for j, name in enumerate(names) if name not in drop}
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            mean_sd_from_quantiles(n, **columns)
        assert 0.02 < len(found) / 1500 < 0.09


@given(
    st.lists(st.floats(-50, 50), min_size=5, max_size=5, unique=True),
    st.integers(5, 500),
    st.floats(0.01, 100),
    st.floats(-99, 99),
)
def test_units_and_origin_move_mean_and_sd_with_them(values, n, scale, shift):
    a, q1, m, q3, b = sorted(values)
    if q3 - q1 < 1e-3:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        mean, sd = mean_sd_from_quantiles(n, m, q1=q1, q3=q3, minimum=a, maximum=b)
        moved = [x * scale + shift for x in (a, q1, m, q3, b)]
        mean_2, sd_2 = mean_sd_from_quantiles(n, moved[2], q1=moved[1], q3=moved[3], minimum=moved[0], maximum=moved[4])
    np.testing.assert_allclose(mean_2, mean * scale + shift, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(sd_2, sd * scale, rtol=1e-6)


def test_arms_of_all_three_kinds_in_one_call():
    nan = math.nan
    mean, sd = mean_sd_from_quantiles(
        20, [6, 6, 6], q1=[nan, 4.1, 4.1], q3=[nan, 7.5, 7.5], minimum=[2, nan, 2], maximum=[10.6, nan, 10.6]
    )
    want = [c for c in GOLDEN["five"] if c["given"]["n"] == 20]
    np.testing.assert_allclose(mean, [c["mean"] for c in want])
    np.testing.assert_allclose(sd, [c["sd"] for c in want])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"q1": 4}, "study 1: q1 and q3 are needed together; got q1 = 4 and q3 = nan"),
        ({}, "study 1: a median alone has no standard deviation"),
        ({"q1": 7, "q3": 9}, "study 1: q1 <= median <= q3 must hold; got q1 = 7, median = 6, q3 = 9"),
        ({"minimum": 6, "maximum": 6}, "study 1: no standard deviation follows from equal quantiles"),
        ({"minimum": 1, "maximum": math.inf}, "study 1: quantiles must be finite"),
        ({"q1": 1, "q3": 8, "n": 2}, "study 1: n must be a whole number, at least 3; got n = 2"),
    ],
)
@pytest.mark.parametrize("function", [mean_sd_from_quantiles, fitted_mean_sd])
def test_refusals(function, columns, message):
    with pytest.raises(DataError, match="^" + message):
        function(**{"n": 20, "median": 6, **columns})


def test_a_fitted_mean_lies_within_the_extremes():
    """With a minimum of 0 and a far maximum a log-normal is nearest whose mean is 5e15, where none is above a million."""
    with pytest.raises(
        DataError, match=r"study 1: the nearest distribution, log-normal, has mean .*, outside the extremes"
    ):
        fitted_mean_sd([45], [5.0], q1=[4.0], q3=[6.0], minimum=[0], maximum=[1e6])
