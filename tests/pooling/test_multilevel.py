"""`pool_nested` and `pool_multivariate` against R's metafor (rma.mv) and against the algebra written out."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize, stats

import bayesmeta as bm
from bayesmeta.pooling import component_profile

GOLDEN = Path(__file__).parents[1] / "golden"
FOUND = json.loads((GOLDEN / "multilevel.json").read_text(encoding="utf-8"))
INTERVALS_OF = json.loads((GOLDEN / "component_intervals.json").read_text(encoding="utf-8"))
INTERVALS = {"z": "wald", "t": "t"}
# metafor's optimisers stop where a variance is final to about 1e-7; a P value in the tail magnifies that
RTOL, P_RTOL = 1e-6, 1e-5


def received(name):
    return json.loads((GOLDEN / f"mv_{name}.json").read_text(encoding="utf-8"))


def design(fit):
    return np.array(fit["X"], dtype=float).reshape(len(fit["y"]), -1)


def label(fit):
    return " ".join(str(fit.get(x, "")) for x in ("name", "method", "struct", "test")) + f" {design(fit).shape[1]}"


def same_coefficients(got, fit):
    table = got.coefficients
    pairs = {
        "beta": table.estimate,
        "se": table.se,
        "zval": table.statistic,
        "ci_lb": table.lower,
        "ci_ub": table.upper,
    }
    for name, value in pairs.items():
        assert_allclose(value, np.ravel(fit[name]), rtol=RTOL, atol=1e-7, err_msg=name)
    assert_allclose(table.p_value, np.ravel(fit["pval"]), rtol=P_RTOL)
    assert_allclose(np.ravel(got.covariance), np.ravel(fit["vcov"]), rtol=RTOL, atol=1e-9)
    assert_allclose([got.q, got.q_p], [fit["QE"], fit["QEp"]], rtol=1e-9)
    assert_allclose(got.log_likelihood, fit["loglik"], rtol=1e-8)
    if got.moderators is not None and not math.isnan(got.coefficients.estimate.get("mu", math.nan)):
        return  # rma.mv was told of no intercept and tests it too
    if got.moderators is not None:
        assert_allclose([got.moderators.statistic], [fit["QM"]], rtol=RTOL)
        assert_allclose(got.moderators.p_value, fit["QMp"], rtol=P_RTOL)


@pytest.mark.parametrize("fit", FOUND["nested"], ids=label)
def test_nested_against_metafor(fit):
    X = design(fit)
    covariates = {f"x{i}": X[:, i] for i in range(1, X.shape[1])}
    data = bm.Estimates(fit["y"], np.sqrt(fit["v"]), covariates=covariates or None)
    formula = " + ".join(["1", *covariates])
    got = bm.pool_nested(data, fit["cluster"], fit["method"].lower(), formula=formula, interval=INTERVALS[fit["test"]])
    same_coefficients(got, fit)
    assert_allclose(list(got.variances.values()), fit["sigma2"], rtol=RTOL)
    assert_allclose(list(got.i2.values()), fit["I2"], rtol=RTOL)
    if "profile" in fit:
        assert_allclose(list(got.intervals.values()), fit["profile"], rtol=1e-7, atol=1e-10)
    if "prediction" in fit:
        assert_allclose(got.prediction["mu"], fit["prediction"], rtol=RTOL)


@pytest.mark.parametrize("fit", FOUND["multivariate"], ids=label)
def test_several_outcomes_against_metafor(fit):
    X, q = design(fit), len(fit["outcomes"])
    columns = {f"x{i}": X[:, i] for i in range(X.shape[1])}
    data = bm.Estimates(fit["y"], cov=fit["cov"], covariates=columns)
    formula = None if X.shape[1] == q else "0 + " + " + ".join(columns)
    got = bm.pool_multivariate(
        data, fit["outcome"], fit["cluster"], fit["method"].lower(),
        structure=fit["struct"].lower(), formula=formula, interval=INTERVALS[fit["test"]],
    )  # fmt: skip
    same_coefficients(got, fit)
    assert list(got.variances) == fit["outcomes"]
    sd = np.sqrt(list(got.variances.values()))
    between = np.where(np.outer(sd, sd) > 0, got.correlation, 0) * np.outer(sd, sd)
    assert_allclose(between, fit["G"], rtol=RTOL, atol=1e-8)  # a variance of zero is 1e-9 in R
    if formula is None:
        z = stats.norm.isf(0.025)
        for name, (row, variance) in zip(fit["outcomes"], zip(got.rows, np.diag(fit["G"]), strict=True), strict=True):
            half = z * math.hypot(row[1][1], math.sqrt(variance))
            assert_allclose(got.prediction[name], [row[1][0] - half, row[1][0] + half], rtol=1e-5, atol=1e-7)


def test_the_received_nested_example():
    want = received("konstantopoulos2011_nested")
    raw = want["raw"]
    data = bm.Estimates(raw["yi"], np.sqrt(raw["vi"]), covariates={"district": raw["district"]})
    got = bm.pool_nested(data, "district")
    row = got.coefficients.loc["mu"]
    assert_allclose(list(row)[:2], [want["beta"][0], want["se"][0]], rtol=RTOL)
    assert_allclose([row.lower, row.upper], [want["ci_lb"][0], want["ci_ub"][0]], rtol=RTOL)
    assert_allclose(list(got.variances.values()), want["sigma2"], rtol=1e-5)  # R's default stopping rule
    assert_allclose([got.q, got.log_likelihood, row.statistic**2], [want[x] for x in ("QE", "loglik", "QM")], rtol=1e-6)


def test_the_received_bivariate_example():
    want = received("berkey1998_bivariate")
    raw = want["raw"]
    data = bm.Estimates(raw["yi"], cov=raw["V"], covariates={"outcome": raw["outcome"], "trial": raw["trial"]})
    got = bm.pool_multivariate(data, "outcome", "trial")
    table = got.coefficients.loc[["AL", "PD"]]
    for column, name in (("estimate", "beta"), ("se", "se"), ("lower", "ci_lb"), ("upper", "ci_ub")):
        assert_allclose(table[column], want[name], rtol=1e-5)  # R's default stopping rule
    assert_allclose([got.variances["AL"], got.variances["PD"]], want["tau2"], rtol=2e-4)
    assert_allclose(got.correlation[0, 1], want["rho"][0], rtol=2e-4)
    assert_allclose(
        [got.q, got.log_likelihood, got.moderators.statistic], [want[x] for x in ("QE", "loglik", "QM")], rtol=1e-5
    )


def plain_log_likelihood(y, X, total, restricted):
    """Gaussian log density, of the effects or of their least-squares residuals, by matrix inversion."""
    weight = np.linalg.inv(total)
    inner = X.T @ weight @ X
    residual = y - X @ np.linalg.solve(inner, X.T @ weight @ y)
    value = -0.5 * (np.linalg.slogdet(total)[1] + residual @ weight @ residual)
    k, p = X.shape
    if restricted:
        value += 0.5 * (np.linalg.slogdet(X.T @ X)[1] - np.linalg.slogdet(inner)[1])
    return value - 0.5 * (k - p * restricted) * math.log(2 * math.pi)


rows = st.lists(st.tuples(st.floats(-2, 2), st.floats(0.1, 1), st.integers(0, 3)), min_size=5, max_size=9).filter(
    lambda found: 1 < len({row[2] for row in found}) < len(found)
)


@settings(max_examples=4)
@given(rows=rows, method=st.sampled_from(("ml", "reml")))
def test_no_other_variances_are_likelier(rows, method):
    y, se, cluster = map(np.array, zip(*rows, strict=True))
    got = bm.pool_nested(bm.Estimates(y, se), list(cluster), method)
    X, same = np.ones((len(y), 1)), np.equal.outer(cluster, cluster)

    def height(between, within):
        return plain_log_likelihood(y, X, np.diag(se**2 + within) + between * same, method == "reml")

    best = got.log_likelihood
    assert_allclose(height(*got.variances.values()), best, rtol=1e-9, atol=1e-9)
    between, within = got.variances.values()
    for a in (0.0, 0.5 * between, 1.02 * between + 1e-3, 3 * between + 0.3):
        for b in (0.0, 0.5 * within, 1.02 * within + 1e-3, 3 * within + 0.3):
            assert height(a, b) <= best + 1e-8


@settings(max_examples=3)
@given(rows=rows, shift=st.floats(-20, 20), scale=st.sampled_from((1e-4, 0.3, 50.0)))
def test_nested_pools_move_and_stretch_with_their_data(rows, shift, scale):
    y, se, cluster = map(np.array, zip(*rows, strict=True))
    one = bm.pool_nested(bm.Estimates(y, se), list(cluster))
    two = bm.pool_nested(bm.Estimates(scale * (y + shift), scale * se), [f"c{c}" for c in cluster])
    assert_allclose(two.log_likelihood, one.log_likelihood - (len(y) - 1) * math.log(scale), rtol=1e-7, atol=1e-7)
    near = {"rtol": 1e-4, "atol": 1e-5 * scale}  # where the likelihood is flat its maximum is less sharp
    assert_allclose(two.coefficients.estimate, scale * (one.coefficients.estimate + shift), **near)
    assert_allclose(two.coefficients.se, scale * one.coefficients.se, **near)


def test_nothing_between_clusters_is_an_ordinary_random_effects_model():
    data = bm.Estimates([0.1, 0.9, -0.4, 0.5, 1.2, -0.6], [0.2, 0.15, 0.2, 0.25, 0.2, 0.2])
    nested, plain = bm.pool_nested(data, [1, 1, 2, 2, 3, 3]), bm.pool(data, "reml", "wald")
    assert nested.variances["cluster"] == 0
    assert nested.intervals["cluster"][0] == 0
    assert_allclose(nested.variances["estimate"], plain.tau2, rtol=1e-7)
    assert_allclose(nested.coefficients, plain.coefficients, rtol=1e-7)
    assert_allclose(
        [nested.log_likelihood, nested.q, nested.q_p], [plain.log_likelihood, plain.q, plain.q_p], rtol=1e-9
    )
    assert_allclose(nested.i2["estimate"], plain.i2, rtol=1e-7)
    assert_allclose(nested.prediction["mu"], plain.prediction, rtol=1e-7)


def test_outcomes_without_correlation_are_separate_meta_analyses():
    y, se = [0.5, -0.3, 0.2, -0.9, 0.8, 0.1, 0.0, -0.4], [0.1, 0.1, 0.2, 0.1, 0.15, 0.1, 0.1, 0.3]
    got = bm.pool_multivariate(bm.Estimates(y, se), ["x", "y"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], structure="diag")
    for i, name in enumerate(("x", "y")):
        alone = bm.pool(bm.Estimates(y[i::2], se[i::2]), "reml", "wald")
        assert_allclose(got.variances[name], alone.tau2, rtol=1e-6)
        assert_allclose(got.coefficients.loc[name], alone.coefficients.loc["mu"], rtol=1e-6)


def test_refusals_name_what_is_allowed():
    data = bm.Estimates([0.1, 0.2, 0.4, 0.3], [0.1, 0.1, 0.2, 0.1], covariates={"group": ["a", "a", "b", "b"]})
    nested, several = bm.pool_nested, bm.pool_multivariate
    outcomes = ["x", "y", "x", "y"]
    cases = (
        (lambda: nested(data, [1, 2, 3, 4]), bm.SpecificationError, "every cluster has one estimate"),
        (lambda: nested(data, [1, 1, 1, 1]), bm.DataError, "all estimates are in cluster '1'"),
        (lambda: nested(data, [1, 2]), bm.DataError, "2 labels for 4 estimates"),
        (lambda: nested(data, "grop"), bm.SpecificationError, "Did you mean 'group'"),
        (lambda: nested(data, "group", "dl"), bm.SpecificationError, "method='dl' is not known; choose one of 'reml', 'ml'"),
        (lambda: nested(data, "group", interval="hksj"), bm.SpecificationError, "'wald', 't'"),
        (lambda: nested(data, "group", level=95), bm.SpecificationError, "95% is 0.95"),
        (lambda: nested(data.subset(np.array([True, False, True, True])).y, "group"), bm.DataError, "must be Estimates"),
        (lambda: several(data, ["x"] * 4, "group"), bm.DataError, "all estimates are of outcome 'x'"),
        (lambda: several(data, outcomes, "group", structure="ar"), bm.SpecificationError, "'un', 'cs', 'diag'"),
        (lambda: several(data, outcomes, "group"), bm.SpecificationError, "at least 5 are needed"),
        (lambda: several(data, outcomes, [1, 2, 3, 4]), bm.SpecificationError, "no cluster has both 'x' and 'y'"),
    )  # fmt: skip
    for call, error, words in cases:
        with pytest.raises(error, match=words):
            call()


def test_results_print_and_are_plain_json():
    nested = bm.pool_nested(bm.Estimates([0.1, 0.3, 0.9, 0.7, 0.2, -0.3], [0.1] * 6), ["a", "a", "b", "b", "c", "c"])
    values = json.loads(json.dumps(nested.as_dict(), allow_nan=False))
    assert values["variances"]["cluster"] == nested.variances["cluster"]
    text = str(nested)
    assert text.startswith("Three-level model: 6 estimates in 3 clusters (REML)")
    assert "Intervals and tests: normal" in text
    assert "Between clusters" in text
    y = [0.5, -0.3, 0.2, -0.9, 0.8, 0.1, 0.0, -0.4]
    several = bm.pool_multivariate(bm.Estimates(y, [0.1] * 8), ["x", "y"] * 4, [1, 1, 2, 2, 3, 3, 4, 4])
    values = json.loads(json.dumps(several.as_dict(), allow_nan=False))
    assert_allclose(values["correlation"][0][1], several.correlation[0, 1])
    assert "Correlation of x and y  " in str(several)
    assert values["moderators"]["df"] == [2]


def test_an_outcome_may_be_called_mu():
    """Both means are tested, whatever their names."""
    data, trial = bm.Estimates([0.5, -0.3, 0.2, -0.9, 0.8, 0.1, 0.0, -0.4], [0.1] * 8), [1, 1, 2, 2, 3, 3, 4, 4]
    one, two = (bm.pool_multivariate(data, [name, "y"] * 4, trial).moderators for name in ("mu", "x"))
    assert (one.statistic, one.df) == (two.statistic, (2,))


@pytest.mark.parametrize("fit", INTERVALS_OF["fits"], ids=lambda fit: f"{fit['name']} {fit['method']} {fit['struct']}")
def test_profile_intervals_against_metafor(fit):
    """Variances and correlations; but for three outcomes R's correlations leave the covariance matrices: see the next test."""
    got = bm.pool_multivariate(
        bm.Estimates(fit["y"], cov=fit["cov"]), fit["outcome"], fit["cluster"], fit["method"].lower(),
        structure=fit["struct"].lower(),
    )  # fmt: skip
    variances = [name for name in got.intervals if not name.startswith("correlation")]
    correlations = [name for name in got.intervals if name.startswith("correlation")]
    wanted = [limits for name, limits in fit["limits"].items() if name.startswith("variance")]
    assert_allclose([got.intervals[name] for name in variances], wanted, rtol=1e-7, atol=1e-10)
    if correlations and not (fit["struct"] == "UN" and fit["name"] == "three"):
        wanted = [limits for name, limits in fit["limits"].items() if name.startswith("correlation")]
        assert_allclose([got.intervals[name] for name in correlations], wanted, rtol=1e-7, atol=1e-9)


def test_the_interval_of_a_correlation_among_three_by_a_direct_search():
    """Over all covariance matrices with this correlation the likelihood has fallen by 1.92 at the limit.

    metafor's limit is 0.29, where its other correlations give a matrix with a negative eigenvalue.
    """
    fit = next(fit for fit in INTERVALS_OF["fits"] if fit["name"] == "three")
    y, V, which = np.array(fit["y"]), np.array(fit["cov"]), np.array(["abc".index(name) for name in fit["outcome"]])
    X, same = np.eye(3)[which], np.equal.outer(fit["cluster"], fit["cluster"])
    got = bm.pool_multivariate(bm.Estimates(y, cov=V), fit["outcome"], fit["cluster"])
    lower, upper = got.intervals["correlation a, b"]
    assert upper == 1

    def loss(p):
        first, second = np.exp(p[:2])
        root = np.array([[first, 0, 0], [second * lower, second * math.sqrt(1 - lower**2), 0], p[2:]])
        return -plain_log_likelihood(y, X, V + same * (root @ root.T)[np.ix_(which, which)], restricted=True)

    starts = ([-1.0, -1.5, 0.2, 0.2, 0.1], [-1.0, -1.5, 0.3, 0.0, 0.2])
    options = {"maxiter": 8000, "xatol": 1e-8, "fatol": 1e-11}
    found = [optimize.minimize(loss, start, method="Nelder-Mead", options=options) for start in starts]
    drop = got.log_likelihood + min(one.fun for one in found)
    assert_allclose(drop, stats.chi2.ppf(0.95, 1) / 2, atol=1e-4)


def test_intervals_are_searched_for_when_they_are_looked_up(monkeypatch):
    y, trial = [0.5, -0.3, 0.2, -0.9, 0.8, 0.1, 0.0, -0.4], [1, 1, 2, 2, 3, 3, 4, 4]

    def never(*_):
        raise AssertionError

    real = component_profile.settle
    monkeypatch.setattr(component_profile, "settle", never)
    found = [bm.pool_nested(bm.Estimates(y, [0.1] * 8), trial)]
    found.append(bm.pool_multivariate(bm.Estimates(y, [0.1] * 8), ["x", "y"] * 4, trial))
    for one in found:
        assert str(one)
        assert one.as_dict()
        assert len(one.intervals) in (2, 3)
        with pytest.raises(AssertionError):
            dict(one.intervals)
    monkeypatch.setattr(component_profile, "settle", real)
    assert list(found[1].intervals) == ["x", "y", "correlation x, y"]
    for name, (lower, upper) in found[1].intervals.items():
        assert lower <= found[1].variances.get(name, found[1].correlation[0, 1]) <= upper
    again = pickle.loads(pickle.dumps(found[0]))
    assert dict(again.intervals) == dict(found[0].intervals)


def test_a_variance_of_zero_tells_of_no_correlation():
    """Effects of x agree better than their standard errors: their variance is 0, and any correlation is as likely."""
    y = [0.1, -0.3, 0.1, -0.9, 0.1, 0.7, 0.1, -0.4]
    got = bm.pool_multivariate(bm.Estimates(y, [0.3, 0.1] * 4), ["x", "y"] * 4, [1, 1, 2, 2, 3, 3, 4, 4])
    assert got.variances["x"] == 0
    assert got.intervals["correlation x, y"] == (-1, 1)
    assert got.intervals["x"][0] == 0
