"""`bm.pool` against R's metafor: every estimator, interval and test, on published and on awkward data."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

import bayesmeta as bm
from bayesmeta.pooling.arrays import METHODS, pool_arrays
from bayesmeta.pooling.pool import design_matrix

GOLDEN = Path(__file__).parents[1] / "golden"
PUBLISHED = ("bcg_RR", "hackshaw1998_OR", "molloy2014_ZCOR", "normand1999_MD", "pritz1997_PFT")
INTERVALS = {"z": "wald", "t": "t", "knha": "hksj", "adhoc": "hksj-adhoc"}
ITERATED = ("REML", "ML", "EB", "PM")
STOP = 5e-5  # metafor stops once tau^2 moves by less than 1e-5, or its bracket is below 1e-4
TIGHT = json.loads((GOLDEN / "pooling.json").read_text(encoding="utf-8"))["sets"]


def published(name):
    return json.loads((GOLDEN / f"metafor_{name}.json").read_text(encoding="utf-8"))


def method_of(fit):
    return {"EE": "fe"}.get(fit["method"], fit["method"].lower())


def close(got, want, name, rtol, atol=0.0):
    """Compare where R prints a number; it prints none where there is none."""
    want, got = np.ravel(np.array(want, dtype=float)), np.ravel(np.array(got, dtype=float))
    assert got.shape == want.shape, name
    keep = np.isfinite(want)
    assert_allclose(got[keep], want[keep], rtol=rtol, atol=atol, err_msg=name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data_at_the_tau2_of_metafor(name):
    """All that follows from tau^2: coefficients, standard errors, intervals, tests, Q, I^2, H^2, likelihood."""
    found = published(name)
    y, se = np.array(found["y"]), np.sqrt(found["v"])
    parts = [(None, found["fits"])]
    for r in found.get("regressions", []):
        parts.append((np.column_stack([np.ones(len(y)), np.array(r["X"], float)]), r["fits"]))
    for X, fits in parts:
        for fit in fits:
            kind = {"method": method_of(fit), "interval": INTERVALS[fit["test"]]}
            got = pool_arrays(y, se, X, tau2=np.array(fit["tau2"]), **kind)
            names = {"beta": "beta", "se": "se", "lower": "ci_lb", "upper": "ci_ub", "statistic": "zval", "i2": "I2"}
            names |= {"h2": "H2", "q": "QE", "covariance": "vcov", "log_likelihood": "loglik", "tau2_se": "se_tau2"}
            for ours, theirs in names.items():
                if fit[theirs] is not None:
                    close(getattr(got, ours), fit[theirs], f"{fit['method']} {theirs}", 3e-8, 1e-9)
            close(got.p_value, fit["pval"], "pval", 1e-7)  # of a statistic with ten digits, far in the tail
            close(got.q_p, fit["QEp"], "QEp", 1e-7)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_tau2_to_the_precision_of_metafor(name):
    found = published(name)
    y, se = np.array(found["y"]), np.sqrt(found["v"])
    for fit in found["fits"]:
        got = pool_arrays(y, se, method=method_of(fit)).tau2
        close(got, fit["tau2"], fit["method"], 1e-8, STOP if fit["method"] in ITERATED else 1e-10)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_prediction_and_tau2_intervals(name):
    found = published(name)
    data = bm.Estimates(found["y"], np.sqrt(found["v"]))
    for fit in found["fits"]:
        got = bm.pool(data, method_of(fit), INTERVALS[fit["test"]])
        if fit["method"] != "FE":
            want = [fit["prediction"]["lb"], fit["prediction"]["ub"]]
            atol = 5e-4 if fit["method"] in ITERATED else 0.0  # what stopping early does to sqrt(se^2 + tau^2)
            assert_allclose(got.prediction, want, rtol=1e-8, atol=atol)
        if "confint" in fit:
            lower, upper = fit["confint"]["tau^2"][1:]
            assert_allclose(got.tau2_interval[0], lower, rtol=1e-6, atol=STOP)
            capped = math.isclose(upper, max(100, 10 * fit["tau2"]), rel_tol=1e-6)  # R prints its search bound there
            assert got.tau2_interval[1] > upper if capped else abs(got.tau2_interval[1] - upper) < STOP


@pytest.mark.parametrize("case", TIGHT, ids=lambda case: case["name"])
def test_awkward_data_against_converged_metafor(case):
    """R iterated to rounding: k = 2, equal effects, tau^2 = 0, Q below its df, an outlier, se from 0.001 to 10."""
    covariates = {"x": case["x"], "g": case["g"]} if "x" in case else None
    data = bm.Estimates(case["y"], case["se"], covariates=covariates)
    small = 1e-10 * min(case["se"]) ** 2
    for formula, fits in (("1", case["fits"]), ("1 + x + g", case["regressions"])):
        for fit in fits:
            method = method_of(fit)
            got = bm.pool(data, method, INTERVALS[fit["test"]], formula=formula)
            table = got.coefficients
            pairs = {"beta": table.estimate, "se": table.se, "zval": table.statistic, "pval": table.p_value}
            pairs |= {"ci_lb": table.lower, "ci_ub": table.upper, "QEp": got.q_p, "se_tau2": got.tau2_se}
            pairs |= {"tau2": got.tau2, "I2": got.i2, "H2": got.h2, "QE": got.q}
            if method in ("fe", "ml", "reml"):
                pairs["loglik"] = got.log_likelihood
            if formula == "1" and method != "fe":
                pairs["prediction"] = got.prediction
            if formula != "1":
                pairs |= {"QM": got.moderators.statistic, "QMp": got.moderators.p_value, "R2": got.r2}
            if "confint" in fit:
                pairs["confint"] = (got.tau2_interval, got.i2_interval, got.h2_interval)
            if "profile" in fit:
                profiled = bm.pool(data, method, formula=formula, tau2_interval="profile")
                pairs["profile"] = profiled.tau2_interval
            for name, value in pairs.items():
                if fit[name] is not None:
                    atol = {
                        "tau2": small,
                        "confint": 1e-9 * max(case["se"]) ** 2,
                        "profile": 1e-9 * max(case["se"]) ** 2,
                    }
                    close(value, fit[name], f"{method} {fit['test']} {name}", 1e-8, atol.get(name, 1e-9))


def test_profile_likelihood_interval_by_a_direct_search():
    """The limits are where the likelihood, maximised over tau^2 at a fixed mean, has fallen by 1.92."""
    data = bm.Estimates([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    spread = bm.Estimates([-1.9, -0.4, -0.7, -2.4, -3.1, 0.2, -1.1], [0.6, 0.3, 0.4, 0.5, 0.9, 0.35, 0.45])
    for one in (data, spread):
        got = bm.pool(one, "ml", "profile")
        tau2 = np.linspace(0, 4 * max(got.tau2_interval[1], 1), 200_001)
        total = one.v[:, None] + tau2

        def height(mu, one=one, total=total):
            return (-0.5 * (np.log(total) + (one.y[:, None] - mu) ** 2 / total).sum(axis=0)).max()

        top = height(got.estimate)
        for limit in (got.lower, got.upper):
            assert_allclose(height(limit), top - 3.841458820694124 / 2, atol=2e-7)
        assert_allclose(got.p_value, math.erfc(math.sqrt(top - height(0.0))), rtol=1e-6)


def test_a_common_effect_has_the_normal_interval_as_its_profile():
    data = bm.load_dataset("bcg")
    profile, wald = bm.pool(data, "fe", "profile"), bm.pool(data, "fe", "wald")
    assert_allclose([profile.lower, profile.upper], [wald.lower, wald.upper], rtol=1e-12)
    assert_allclose(profile.p_value, wald.p_value, rtol=1e-9)


def test_one_study():
    """It is its own estimate; nothing tells about heterogeneity, and t intervals have no degrees of freedom."""
    data = bm.Estimates([0.4], [0.2])
    for method in METHODS:
        got = bm.pool(data, method, "wald")
        assert_allclose([got.estimate, got.se, got.tau2, got.q, got.i2], [0.4, 0.2, 0, 0, 0], atol=1e-15)
        assert_allclose([got.lower, got.upper], [0.4 - 1.959963984540054 * 0.2, 0.4 + 1.959963984540054 * 0.2])
        assert math.isnan(bm.pool(data, method, "hksj").lower)
    assert math.isnan(bm.pool(data).tau2_interval[1])
    assert str(bm.pool(data)).startswith("Random-effects model: 1 study (tau^2 by REML)")
    assert str(bm.pool(data, "fe")).startswith("Common-effect model: 1 study (inverse variance)")


def test_a_known_covariance_that_is_diagonal_changes_nothing():
    data = bm.load_dataset("bcg")
    other = bm.Estimates(data.y, cov=np.diag(data.v), covariates=data.covariates)
    for method in METHODS:
        one, two = bm.pool(data, method, formula="1 + latitude"), bm.pool(other, method, formula="1 + latitude")
        assert_allclose(two.coefficients, one.coefficients, rtol=1e-9)
        assert_allclose([two.tau2, two.i2, two.q, two.r2], [one.tau2, one.i2, one.q, one.r2], rtol=1e-9)


def test_a_known_covariance_by_matrix_algebra():
    rng = np.random.default_rng(5)
    root = rng.normal(size=(6, 6))
    cov, y = root @ root.T / 6 + 0.1 * np.eye(6), rng.normal(size=6)
    got = bm.pool(bm.Estimates(y, cov=cov), "pm", "wald")
    total = np.linalg.inv(cov + got.tau2 * np.eye(6))
    mean = total.sum(axis=0) @ y / total.sum()
    assert_allclose([got.estimate, got.se], [mean, total.sum() ** -0.5], rtol=1e-10)
    q = (y - mean) @ total @ (y - mean)
    assert (got.tau2 == 0 and q <= 5) or math.isclose(q, 5, rel_tol=1e-10)
    weight = np.linalg.inv(cov)
    mean = weight.sum(axis=0) @ y / weight.sum()
    assert_allclose(got.q, (y - mean) @ weight @ (y - mean), rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_leading_dimensions_are_a_loop(method):
    rng = np.random.default_rng(2)
    se = rng.uniform(0.2, 0.8, size=(3, 4, 6))
    y, X = rng.normal(size=se.shape), np.column_stack([np.ones(6), rng.normal(size=6)])
    for interval in ("hksj", "wald", *(["profile"] if method in ("ml", "fe") else [])):
        together = pool_arrays(y, se, X, method=method, interval=interval)
        for i in np.ndindex(3, 4):
            alone = pool_arrays(y[i], se[i], X, method=method, interval=interval)
            for name, value in together._asdict().items():
                assert_allclose(value[i], getattr(alone, name), rtol=1e-9, atol=1e-12, err_msg=name)


trials = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.1, 1.5)), min_size=2, max_size=9)
kinds = st.tuples(st.sampled_from(METHODS), st.sampled_from(("wald", "t", "hksj", "hksj-adhoc")))


@given(rows=trials, kind=kinds, shift=st.floats(-50, 50), scale=st.floats(0.1, 10), sign=st.sampled_from((-1, 1)))
def test_pools_move_stretch_and_turn_with_their_data(rows, kind, shift, scale, sign):
    y, se = np.array(rows).T
    order = np.random.default_rng(len(rows)).permutation(len(y))
    one = pool_arrays(y, se, method=kind[0], interval=kind[1])
    two = pool_arrays(shift + sign * scale * y[order], scale * se[order], method=kind[0], interval=kind[1])
    size = scale * max(1.0, np.abs(y).max()) + abs(shift)
    near = {"rtol": 1e-6, "atol": 1e-7 * size}
    assert_allclose(two.beta, shift + sign * scale * one.beta, **near)
    ends = (one.lower, one.upper) if sign > 0 else (one.upper, one.lower)
    assert_allclose([two.lower, two.upper], [shift + sign * scale * end for end in ends], **near)
    assert_allclose(two.tau2, scale**2 * one.tau2, rtol=1e-6, atol=1e-8 * scale**2)
    assert_allclose([two.q, two.h2], [one.q, one.h2], rtol=1e-6, atol=1e-7)
    assert_allclose(two.tau2_upper, scale**2 * one.tau2_upper, rtol=1e-6, atol=1e-8 * scale**2)


@given(rows=trials)
def test_likelihoods_are_highest_at_their_estimates(rows):
    y, se = np.array(rows).T
    for method in ("ml", "reml"):
        best = pool_arrays(y, se, method=method)
        for tau2 in (0.0, *(float(best.tau2) * f for f in (0.99, 1.01)), float(best.tau2) + 1e-4):
            other = pool_arrays(y, se, method=method, tau2=np.array(tau2))
            assert other.log_likelihood <= best.log_likelihood + 1e-11


@given(rows=trials)
def test_the_q_profile_solves_its_equation(rows):
    y, se = np.array(rows).T
    found = pool_arrays(y, se, method="pm")
    k = len(y)
    if found.tau2 > 0:
        assert_allclose(weighted_q(y, se, found.tau2), k - 1, rtol=1e-9)
    assert found.tau2_lower <= found.tau2_upper


def weighted_q(y, se, tau2):
    weight = 1 / (se**2 + tau2)
    return (weight * (y - (weight * y).sum() / weight.sum()) ** 2).sum()


def test_a_formula_without_an_intercept_gives_one_mean_for_each_group():
    data = bm.load_dataset("bcg")
    found = bm.pool(data, "fe", "wald", formula="0 + allocation")
    assert math.isnan(found.estimate)
    assert found.r2 is None
    for row in found.coefficients.itertuples():
        group = row.Index.split("[")[1].removeprefix("T.").rstrip("]")
        part = bm.pool(data.subset(data.covariates["allocation"].to_numpy() == group), "fe", "wald")
        assert_allclose([row.estimate, row.se], [part.estimate, part.se], rtol=1e-10)


def test_the_design_matrix_starts_with_the_intercept():
    names, X, factors = design_matrix(bm.load_dataset("bcg"), "1 + latitude + year")
    assert names == ("mu", "latitude", "year")
    assert_allclose(X[:, 0], 1)
    assert factors == ()


def test_refusals_name_what_is_allowed():
    data = bm.Estimates([0.1, 0.2, 0.4], [0.1, 0.1, 0.2], covariates={"x": [1, 2, 3], "z": [2, 1, 5]})
    cases = (
        ({"method": "REM"}, "choose one of 'fe'"),
        ({"interval": "hk"}, "choose one of 'wald'"),
        ({"interval": "profile"}, "method='ml'"),
        ({"tau2_interval": "profile", "method": "dl"}, "method='ml' or 'reml'"),
        ({"prediction": "htss"}, "'metafor', 'hts', 'nagashima'"),
        ({"level": 95}, "95% is 0.95"),
        ({"formula": "1 + x + z"}, "3 studies cannot identify 3 coefficients and tau: at least 4"),
        ({"formula": "1 + nothing"}, "no column 'nothing'"),
    )
    for options, words in cases:
        with pytest.raises(bm.SpecificationError, match=words):
            bm.pool(data, **options)
    with pytest.raises(bm.DataError, match="must be Estimates; got list"):
        bm.pool([1, 2])


def test_the_defaults_are_reml_with_knapp_hartung_and_wald_for_a_common_effect():
    data = bm.load_dataset("bcg")
    assert (bm.pool(data).method, bm.pool(data).interval, bm.pool(data, "fe").interval) == ("reml", "hksj", "wald")


def test_a_result_is_plain_json():
    found = bm.pool(bm.load_dataset("bcg"), formula="1 + latitude")
    text = json.dumps(found.as_dict(), allow_nan=False)
    assert json.loads(text)["coefficients"]["latitude"]["estimate"] == found.coefficients.loc["latitude", "estimate"]
    assert "Test of covariates  F = " in str(found)
    assert "R^2" in str(found)


def test_prediction_intervals_of_many_data_sets_at_once():
    rng = np.random.default_rng(3)
    se = rng.uniform(0.2, 0.8, size=(4, 6))
    y = rng.normal(size=se.shape)
    for kind in ("metafor", "hts"):
        for method, interval in (("reml", "hksj"), ("dl", "wald"), ("fe", "wald")):
            found = pool_arrays(y, se, method=method, interval=interval, prediction=kind)
            for i in range(4):
                alone = bm.pool(bm.Estimates(y[i], se[i]), method, interval, prediction=kind).prediction
                assert_allclose([found.prediction_lower[i], found.prediction_upper[i]], alone, rtol=1e-12)
    with pytest.raises(bm.SpecificationError, match="'metafor', 'hts'"):
        pool_arrays(y, se, prediction="nagashima")


def test_equal_effects_leave_nothing_to_rounding():
    """No residual, so no heterogeneity for a covariate to explain, and a slope of 0 over a standard error of 0."""
    data = bm.Estimates([0.4] * 8, [0.1, 0.15, 0.2, 0.25, 0.3, 0.12, 0.17, 0.22], covariates={"x": np.arange(8.0) ** 2})
    for method in METHODS:
        got = bm.pool(data, method, "hksj", formula="1 + x")
        assert (got.q, got.tau2, got.r2) == (0, 0, 0)
        table = got.coefficients
        assert (table.estimate["mu"], table.estimate["x"], table.se["mu"], table.se["x"]) == (0.4, 0, 0, 0)
        assert math.isnan(table.p_value["x"])
        assert math.isnan(got.moderators.p_value)
        assert (bm.pool(data, method, "wald").q, bm.pool(data, method, "hksj").se) == (0, 0)


def test_the_profile_interval_of_one_study_has_a_closed_form():
    """Twice the drop of the likelihood at a distance d > se is log(d^2 / se^2) + 1."""
    got = bm.pool(bm.Estimates([0.3], [0.1]), "ml", "profile")
    half = 0.1 * math.exp((3.841458820694124 - 1) / 2)
    assert_allclose([got.lower, got.upper], [0.3 - half, 0.3 + half], rtol=1e-7)
    assert_allclose(got.p_value, math.erfc(math.sqrt((math.log(9) + 1) / 2)), rtol=1e-9)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_the_highest_of_several_maxima_is_found(method):
    """Standard errors from 1 to 30: in one of a hundred data sets the maximum near Hedges' estimate is not the highest."""
    rng = np.random.default_rng(8)
    se = np.exp(rng.uniform(0, math.log(30), (1000, 5)))
    y = rng.normal(0, np.hypot(se, np.exp(rng.uniform(-1, 4, (1000, 1)))))
    best = pool_arrays(y, se, method=method)
    grid = np.append(0, np.exp(np.linspace(-3, 10, 150)))
    heights = [pool_arrays(y, se, method=method, tau2=np.full(1000, tau2)).log_likelihood for tau2 in grid]
    assert (np.max(heights, axis=0) - best.log_likelihood).max() < 0.01  # as much as the grid inside may miss


def test_levels_are_numbers_and_printed_in_full():
    data = bm.Estimates([0.1, 0.2, 0.4], [0.1, 0.1, 0.2])
    for level in ("0.95", None, [0.95], True, math.nan):
        with pytest.raises(bm.SpecificationError, match="95% is 0.95"):
            bm.pool(data, level=level)
    assert "99.9% interval" in str(bm.pool(data, level=0.999))


def test_fisher_scoring_that_goes_back_and_forth_still_ends_where_the_score_is_zero():
    """Steps too long by a factor of two and more return for ever: in 11 of these 10,000 sets of ordinary studies."""
    rng = np.random.default_rng(0)
    se = rng.uniform(0.1, 0.5, (10_000, 7))
    y = rng.normal(0.3, np.hypot(se, 0.2))
    tau2 = pool_arrays(y, se, method="reml").tau2
    weight = 1 / (se**2 + tau2[:, None])
    total = weight.sum(axis=1)
    pulled = weight * (y - ((weight * y).sum(axis=1) / total)[:, None])  # P y, which the weights' mean does not change
    score = (pulled**2).sum(axis=1) - (total - (weight**2).sum(axis=1) / total)
    inside = tau2 > 0
    assert inside.sum() > 5000
    assert_allclose(score[inside] / total[inside], 0, atol=1e-9)


@pytest.mark.parametrize("ratio", [9.0, 99.0, 101.0, 1e4])
def test_three_hundred_studies(ratio):
    """REML and the Q profile from plain sums over studies, on both sides of where eigenvalues take over from singular values."""
    rng = np.random.default_rng(5)
    se = np.geomspace(0.02, 0.02 * ratio, 300)
    x = rng.normal(size=300)
    y = 0.3 + 0.1 * x + rng.normal(0, np.hypot(se, 0.2))
    X = np.column_stack([np.ones(300), x])

    def residual(tau2):
        w = 1 / (se**2 + tau2)
        inner = X.T @ (w[:, None] * X)
        beta = np.linalg.solve(inner, X.T @ (w * y))
        return w, inner, np.sum(w * (y - X @ beta) ** 2)

    def deviance(log_tau2):
        w, inner, q = residual(np.exp(log_tau2))
        return q + np.linalg.slogdet(inner)[1] - np.sum(np.log(w))

    found = bm.pool(bm.Estimates(y, se, covariates={"x": x}), "reml", "wald", formula="1 + x")
    best = minimize_scalar(deviance, bounds=(-8, 2), method="bounded", options={"xatol": 1e-10})
    assert found.tau2 == pytest.approx(np.exp(best.x), rel=1e-6)
    inner = residual(found.tau2)[1]
    assert found.se == pytest.approx(np.sqrt(np.linalg.inv(inner)[0, 0]), rel=1e-10)
    assert found.q == pytest.approx(residual(0.0)[2], rel=1e-10)
    for limit, tail in zip(found.tau2_interval, (0.025, 0.975), strict=True):
        assert residual(limit)[2] == pytest.approx(chi2.isf(tail, 298), rel=1e-9)
