"""Egger's test, PET-PEESE, and trim and fill, against R's metafor and meta."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesmeta as bm

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLISHED = ("bcg_RR", "hackshaw1998_OR", "molloy2014_ZCOR", "normand1999_MD", "pritz1997_PFT")


def read(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def estimates(found):
    return bm.Estimates(found["y"], np.sqrt(found["v"]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_egger_matches_metafor(name):
    found = read(f"metafor_{name}")
    data, bias = estimates(found), found["publication_bias"]
    tests = {"egger_lm": ("se", "lm"), "egger_lm_vi": ("variance", "lm")}
    tests |= {"regtest_rma_sei": ("se", "rma"), "regtest_rma_vi": ("variance", "rma")}
    for key, options in tests.items():
        got, want = bm.egger_test(data, *options), bias[key]
        rtol = 1e-8 if "lm" in key else 2e-3  # metafor stops REML early: see test_pool.py
        pairs = (("zval", got.statistic), ("limit_est", got.limit), ("limit_lb", got.limit_lower))
        for field, value in (*pairs, ("limit_ub", got.limit_upper), ("pval", got.p_value)):
            assert_allclose(
                value, want[field], rtol=10 * rtol if field == "pval" else rtol, atol=1e-8 if rtol < 1e-6 else 1e-4
            )
        assert got.df == (want["dfs"] if want["dfs"] else math.inf)


def test_egger_matches_metafor_on_awkward_data():
    for case in read("pooling")["sets"]:
        for key, predictor in (("sei", "se"), ("vi", "variance")):
            if case["egger"]:
                got, want = bm.egger_test(bm.Estimates(case["y"], case["se"]), predictor), case["egger"][key]
                values = (got.statistic, got.p_value, got.limit, got.limit_lower, got.limit_upper)
                assert_allclose(values, [want[x] for x in ("zval", "pval", "est", "lb", "ub")], rtol=1e-8)


def test_egger_matches_the_r_package_meta():
    found = read("meta_bcg")
    fit, want = found["fits"]["OR_Inverse"]["DL_classic"], found["bias_OR"]["Egger"]
    got = bm.egger_test(bm.Estimates(fit["TE"], fit["seTE"]))
    assert_allclose([got.statistic, got.p_value, got.df], [want["statistic"], want["pval"], want["df"]], rtol=1e-8)
    assert_allclose([got.slope, got.slope_se], want["estimate"], rtol=1e-8)


@pytest.mark.parametrize("name", PUBLISHED)
def test_trim_and_fill_matches_metafor(name):
    found = read(f"metafor_{name}")
    for key, want in found["publication_bias"]["trimfill"].items():
        method, estimator = key.split("_")
        got = bm.trim_and_fill(estimates(found), estimator, method=method.lower(), interval="wald")
        assert (got.n_missing, got.side) == (want["k0"], want["side"]), key
        assert_allclose(got.n_missing_se, want["se_k0"], rtol=1e-8)
        rtol = 1e-8 if method != "REML" else 1e-3
        pooled = (got.pooled.estimate, got.pooled.se, got.pooled.lower, got.pooled.upper)
        assert_allclose(pooled, [want[x] for x in ("beta", "se", "ci_lb", "ci_ub")], rtol=rtol, err_msg=key)


def test_trim_and_fill_matches_metafor_on_awkward_data():
    compared = 0
    for case in read("pooling")["sets"]:
        for want in case["trimfill"] if len(case["y"]) > 2 else []:
            data = bm.Estimates(case["y"], case["se"])
            got = bm.trim_and_fill(data, want["estimator"], want["side"], method="dl", interval="wald")
            assert got.n_missing == want["k0"]
            assert_allclose(got.n_missing_se, want["se_k0"], rtol=1e-8, atol=1e-12)
            values = (got.pooled.estimate, got.pooled.se, got.pooled.tau2)
            assert_allclose(values, [want[x] for x in ("beta", "se", "tau2")], rtol=1e-8, atol=1e-13)
            compared += got.n_missing > 0
    assert compared > 5


def test_filled_studies_mirror_the_most_extreme():
    data = bm.Estimates([0.0, 0.1, 0.3, 0.9, 1.4], [0.1, 0.15, 0.2, 0.4, 0.5])
    got = bm.trim_and_fill(data, side="left", method="fe")
    assert got.data.study[5:] == tuple(f"filled {i + 1}" for i in range(got.n_missing))
    assert got.n_missing > 0
    assert_allclose(np.sort(got.data.se[5:]), np.sort(data.se[-got.n_missing :]))
    assert got.pooled.estimate < bm.pool(data, "fe").estimate


def test_a_standard_error_that_the_formula_does_not_give_is_missing():
    """As in metafor, which prints NA: with nearly everything below the centre, the estimated number is far below 0."""
    data = bm.Estimates([-0.7, -2.4, 0.5, 0.26, -1.5, -0.5, -0.8, 0.6, -2.3, 0.5], [*[0.5] * 7, 0.1, 1.8, 0.1])
    got = bm.trim_and_fill(data, "L0", "left", method="fe")
    assert got.n_missing == 0
    assert math.isnan(got.n_missing_se)


def test_pet_peese_takes_peese_where_pet_finds_an_effect():
    se = np.array([0.05, 0.1, 0.2, 0.3, 0.4])
    strong = bm.pet_peese(bm.Estimates(1 + 0.5 * se + np.array([0.01, -0.01, 0.02, 0, -0.01]), se))
    weak = bm.pet_peese(bm.Estimates(2 * se + np.array([0.05, -0.15, 0.2, 0.1, -0.1]), se))
    assert (strong.used, weak.used) == ("peese", "pet")
    assert (strong.estimate, strong.upper) == (strong.peese.limit, strong.peese.limit_upper)
    assert (weak.estimate, weak.p_value) == (weak.pet.limit, weak.pet.limit_p)


def test_pet_is_least_squares_by_hand():
    """Weighted least squares of y on se is ordinary least squares of y / se on 1 / se and a constant."""
    rng = np.random.default_rng(4)
    se, y = rng.uniform(0.1, 0.6, 8), rng.normal(size=8)
    A = np.column_stack([1 / se, np.ones(8)])
    (limit, slope), rss, *_ = np.linalg.lstsq(A, y / se)
    error = np.sqrt(np.diag(np.linalg.inv(A.T @ A)) * rss[0] / 6)
    got = bm.egger_test(bm.Estimates(y, se))
    assert_allclose([got.limit, got.slope, got.limit_se, got.slope_se], [limit, slope, *error], rtol=1e-10)


trials = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.1, 1.5)), min_size=4, max_size=9, unique_by=lambda r: r[1])


@given(rows=trials, scale=st.floats(0.1, 10))
def test_egger_does_not_depend_on_units_or_order(rows, scale):
    y, se = np.array(rows).T
    if np.ptp(se) < 0.05:
        return
    one, two = bm.egger_test(bm.Estimates(y, se)), bm.egger_test(bm.Estimates(-scale * y[::-1], scale * se[::-1]))
    assert_allclose(two.limit, -scale * one.limit, rtol=1e-5, atol=1e-6)
    if one.slope_se > 1e-6:
        assert_allclose(two.statistic, -one.statistic, rtol=1e-5, atol=1e-6)


def test_refusals():
    data = bm.Estimates([0.1, 0.2, 0.4], [0.1, 0.2, 0.3])
    with pytest.raises(bm.SpecificationError, match="'se', 'variance'"):
        bm.egger_test(data, "sei")
    with pytest.raises(bm.SpecificationError, match="'L0', 'R0', 'Q0'"):
        bm.trim_and_fill(data, "L1")
    with pytest.raises(bm.SpecificationError, match="95% is 0.95"):
        bm.egger_test(data, level=95)
    with pytest.raises(bm.DataError, match="at least 3 studies; got 2"):
        bm.pet_peese(data.drop("study 1"))
    with pytest.raises(bm.DataError, match="all standard errors are equal"):
        bm.egger_test(bm.Estimates([0.1, 0.2, 0.4], [0.1, 0.1, 0.1]))
    with pytest.raises(bm.DataError, match="known covariance"):
        bm.egger_test(bm.Estimates([0.1, 0.2, 0.4], cov=np.eye(3)))
    with pytest.raises(bm.SpecificationError, match="threshold=5: it is a P value"):
        bm.pet_peese(data, threshold=5)
