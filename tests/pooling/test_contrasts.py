"""Sums over residual contrasts: in rational arithmetic, by eigenvalues and by elimination; and what many studies cost."""

from __future__ import annotations

import json
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.pooling import residuals
from bayesmeta.pooling.arrays import METHODS, pool_arrays
from bayesmeta.pooling.elimination import eliminated
from bayesmeta.pooling.heterogeneity import solve_q

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "moderators.json").read_text())
METAFOR = {"FE": "fe"} | {name.upper(): name for name in METHODS}


def rational(rows):
    return [[Fraction(float(x)) for x in row] for row in rows]


def product(a, b):
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a]


def inverse(a):
    """Gauss-Jordan elimination."""
    n = len(a)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(n))] for i, row in enumerate(a)]
    for j in range(n):
        pivot = next(i for i in range(j, n) if rows[i][j] != 0)
        rows[j], rows[pivot] = rows[pivot], rows[j]
        rows[j] = [x / rows[j][j] for x in rows[j]]
        for i in range(n):
            if i != j:
                rows[i] = [x - rows[i][j] * y for x, y in zip(rows[i], rows[j], strict=True)]
    return [row[n:] for row in rows]


def determinant(a):
    if len(a) == 1:
        return a[0][0]
    return sum((-1) ** j * a[0][j] * determinant([row[:j] + row[j + 1 :] for row in a[1:]]) for j in range(len(a)))


def exact(y, v, X, tau2):
    """y'Py, y'PPy, y'PPPy, tr P, tr PP, log det, and the least-squares sums, from their definitions."""
    x, column, k = rational(X), rational(np.reshape(y, (-1, 1))), len(y)
    V = [Fraction(float(a)) + Fraction(float(tau2)) for a in v]
    W = [[1 / V[i] if i == j else Fraction(0) for j in range(k)] for i in range(k)]
    transposed = [list(row) for row in zip(*x, strict=True)]

    def projected(weight):
        right = product(weight, x)
        inner = inverse(product(transposed, right))
        hat = product(product(right, inner), [list(row) for row in zip(*right, strict=True)])
        return [[weight[i][j] - hat[i][j] for j in range(k)] for i in range(k)]

    def trace(a):
        return sum(a[i][i] for i in range(k))

    P = projected(W)
    powers = [column]
    for _ in range(3):
        powers.append(product(P, powers[-1]))
    squares = [product([[a[0] for a in column]], power)[0][0] for power in powers[1:]]
    dets = [determinant(product(transposed, a)) for a in (product(W, x), x)]
    log_det = np.sum(np.log([float(a) for a in V])) + np.log(float(dets[0])) - np.log(float(dets[1]))
    one = [[Fraction(int(i == j)) for j in range(k)] for i in range(k)]
    M = projected(one)
    MV = [[M[i][j] * Fraction(float(v[j])) for j in range(k)] for i in range(k)]
    least = [product([[a[0] for a in column]], product(M, column))[0][0], trace(MV), trace(product(MV, MV))]
    return [float(a) for a in (*squares, trace(P), trace(product(P, P)))], float(log_det), [float(a) for a in least]


DESIGNS = {
    "mean": np.ones((9, 1)),
    "slope": np.column_stack([np.ones(9), [0.5, 1, -2, 0.25, 3, -1.5, 0, 2, -0.75]]),
    "one study alone": np.column_stack([np.ones(9), np.eye(9)[0]]),
    "levels": np.eye(3)[[0, 0, 0, 1, 1, 1, 2, 2, 2]],
}
ERRORS = {
    "alike": [0.1, 0.2, 0.15, 0.3, 0.25, 0.12, 0.18, 0.4, 0.22],
    "one precise": [1e-7, 0.2, 0.15, 0.3, 0.25, 0.12, 0.18, 0.4, 0.22],
    "1e10": [1e-6, 1e4, 0.15, 1e-6, 0.25, 30, 0.18, 2e-3, 0.22],
}


@pytest.mark.parametrize("how", ["eigenvalues", "elimination"])
@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("design", DESIGNS)
def test_sums_are_those_of_rational_arithmetic(design, errors, how):
    """Rounding alone, also where one study has nearly all the weight; eigenvalues lose digits at ratios of 1e10."""
    X, v = DESIGNS[design], np.square(ERRORS[errors])
    y = np.array([0.25, -0.5, 0.125, 0.75, -0.25, 1.5, 0.5, -1.0, 0.375])
    data = residuals.regression(y, v, X)
    found = eliminated(data.gap, v, X) if how == "elimination" else data.contrasts
    rtol = 1e-11 if how == "elimination" or errors != "1e10" else 1e-4
    for tau2 in (0.0, 0.01, 3.0):
        sums, log_det, least = exact(y, v, X, tau2)
        at = np.asarray(tau2)
        assert_allclose(found.sums(at), sums, rtol=rtol)
        assert_allclose(found.log_det(at), log_det, rtol=rtol)
        assert_allclose(found.least_squares(), least, rtol=rtol)
        assert_allclose(found.q(at), sums[0], rtol=rtol)
        assert_allclose(found.q_slope(at), sums[:2], rtol=rtol)
        assert_allclose(found.traces(at), sums[3:], rtol=rtol)
        ratio = len(y) - X.shape[1] + 2 * (0.5 - tau2) * sums[3] + (0.5 - tau2) ** 2 * sums[4]  # both sides at once
        assert_allclose(found.spread_ratio(np.asarray(0.5), at), ratio, rtol=rtol)
        assert_allclose(found.log_det_ratio(at), log_det - exact(y, v, X, 0.0)[1], rtol=rtol, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("interval", ["hksj", "wald"])
def test_many_studies_have_the_numbers_of_eigenvalues(monkeypatch, method, interval):
    """Every number of 120 studies, three data sets at once, as rotated contrasts give it."""
    rng = np.random.default_rng(5)
    se = rng.uniform(0.02, 1.5, (3, 120))
    y = rng.normal(0, np.hypot(se, [[0.0], [0.1], [0.6]]))
    X = np.column_stack([np.ones(120), rng.normal(size=120), rng.integers(0, 2, 120)])
    tau2_interval = "profile" if method in ("ml", "reml") else "q-profile"
    many = pool_arrays(y, se, X, method=method, interval=interval, tau2_interval=tau2_interval)
    monkeypatch.setattr(residuals, "_MANY", 1000)
    rotated = pool_arrays(y, se, X, method=method, interval=interval, tau2_interval=tau2_interval)
    for name in many._fields:
        assert_allclose(getattr(many, name), getattr(rotated, name), rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("formula", ["1", "1 + x"])
def test_profile_intervals_of_many_studies_are_those_of_eigenvalues(monkeypatch, formula):
    """Their P values compare with a model without the coefficient, which for a mean has no columns at all."""
    rng = np.random.default_rng(4)
    se = rng.uniform(0.05, 0.8, 105)
    data = bm.Estimates(rng.normal(0.1, np.hypot(se, 0.2)), se, covariates={"x": rng.normal(size=105)})
    many = bm.pool(data, "ml", "profile", formula=formula, tau2_interval="profile")
    monkeypatch.setattr(residuals, "_MANY", 1000)
    rotated = bm.pool(data, "ml", "profile", formula=formula, tau2_interval="profile")
    assert_allclose(many.coefficients, rotated.coefficients, rtol=1e-8)
    assert_allclose(many.tau2_interval, rotated.tau2_interval, rtol=1e-9)


def test_many_studies_predict_as_eigenvalues_do(monkeypatch):
    rng = np.random.default_rng(8)
    se = rng.uniform(0.05, 0.8, 110)
    data = bm.Estimates(rng.normal(0.3, np.hypot(se, 0.2)), se)
    many = bm.pool(data, prediction="nagashima").prediction
    monkeypatch.setattr(residuals, "_MANY", 1000)
    assert_allclose(many, bm.pool(data, prediction="nagashima").prediction, rtol=1e-9)


@pytest.mark.parametrize("i", range(len(GOLDEN["fits"])))
def test_regressions_are_those_of_metafor(i):
    """13 studies, whose contrasts are rotated, and 300, that are eliminated; metafor's iterations end at about 1e-9."""
    peer = GOLDEN["fits"][i]
    data = golden_data(peer["data"])
    interval = {"z": "wald", "knha": "hksj"}[peer["test"]]
    found = bm.pool(data, METAFOR[peer["method"]], interval, formula=formula_of(peer))
    table = found.coefficients
    assert_allclose(table["estimate"], peer["beta"], rtol=1e-6, atol=1e-8)
    assert_allclose(table["se"], peer["se"], rtol=1e-6)
    assert_allclose([found.tau2, found.q, found.q_p, found.i2, found.h2], [peer[n] for n in ("tau2", "QE", "QEp", "I2", "H2")],
                    rtol=2e-6, atol=1e-9)  # fmt: skip
    test = found.moderators
    assert_allclose([test.statistic, test.df[0]], [peer["QM"], peer["QMdf"][0]], rtol=2e-6)
    assert_allclose(test.p_value, peer["QMp"], rtol=2e-6, atol=1e-300)
    if peer["se_tau2"] is not None:
        assert_allclose(found.tau2_se, peer["se_tau2"], rtol=2e-6)
    if peer.get("tau2_lower") is not None:
        assert_allclose(found.tau2_interval, [peer["tau2_lower"], peer["tau2_upper"]], rtol=1e-6, atol=1e-8)
    if peer["R2"] is not None:
        assert_allclose(found.r2, peer["R2"], rtol=1e-5, atol=1e-4)
    if peer["method"] in ("FE", "ML", "REML"):
        assert_allclose(found.log_likelihood, peer["loglik"], rtol=1e-8)


def golden_data(name):
    if name == "bcg":
        return bm.load_dataset("bcg")
    many = GOLDEN["many"]
    covariates = {"latitude": many["ablat"], "allocation": many["alloc"]}
    return bm.Estimates(many["y"], many["se"], covariates=covariates)


def formula_of(peer):
    return peer["formula"].lstrip("~").replace("ablat", "latitude").replace("alloc", "allocation")


def test_q_of_many_studies_is_solved(monkeypatch):
    rng = np.random.default_rng(2)
    se = rng.uniform(0.1, 0.5, 400)
    data = residuals.regression(rng.normal(0, np.hypot(se, 0.3)), se**2, np.ones((400, 1)))
    tau2 = solve_q(data, 350.0)
    w = 1 / (se**2 + tau2)
    assert np.sum(w * (data.y - np.sum(w * data.y) / w.sum()) ** 2) == pytest.approx(350, rel=1e-12)


@pytest.mark.parametrize("method", ["reml", "ml", "dl", "he", "pm"])
@pytest.mark.parametrize("formula", ["1", "1 + x"])
def test_memory_grows_with_the_number_of_studies_and_not_with_its_square(method, formula):
    """Ten times as many studies take ten times the memory, give or take a quarter; a k x k matrix takes a hundred."""

    def peak(k):
        rng = np.random.default_rng(k)
        se = rng.uniform(0.05, 0.5, k)
        data = bm.Estimates(rng.normal(0, np.hypot(se, 0.2)), se, covariates={"x": rng.normal(size=k)})
        bm.pool(data, method, formula=formula)  # imports and caches
        tracemalloc.start()
        try:
            bm.pool(data, method, formula=formula)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(500), peak(5000)
    assert large <= 1.25 * 10 * small
    assert large < 5000**2 * 8 / 4, "a quarter of one matrix with a row and a column for each study"


@pytest.mark.parametrize("i", range(len(GOLDEN["fits"])))
def test_factors_are_tested_as_metafor_does(i):
    """``anova(fit, btt = ...)`` of the columns of a factor, and ``anova(fit, X = ...)`` of every pair of levels."""
    peer = GOLDEN["fits"][i]
    interval = {"z": "wald", "knha": "hksj"}[peer["test"]]
    found = bm.pool(golden_data(peer["data"]), METAFOR[peer["method"]], interval, formula=formula_of(peer))
    table = found.contrasts
    levels = ["alternate", "random", "systematic"]
    assert [tuple(row) for row in table[["level", "versus"]].to_numpy()] == [
        (levels[pair["level"] - 1], levels[pair["versus"] - 1]) for pair in peer["pairs"]
    ]
    for (_, row), pair in zip(table.iterrows(), peer["pairs"], strict=True):
        names = ("estimate", "se", "statistic", "p", "lower", "upper")
        want = [pair[name] for name in names]
        got = row[["estimate", "se", "statistic", "p_value", "lower", "upper"]].astype(float)
        assert_allclose(got, want, rtol=2e-6, atol=1e-8)
    if peer["terms"]:
        test = found.tests["levels of allocation"]
        assert_allclose([test.statistic, test.p_value], [peer["terms"]["alloc"][n] for n in ("QM", "QMp")], rtol=2e-6)


def test_levels_differ_alike_with_and_without_an_intercept():
    data = bm.load_dataset("bcg")
    with_mean, without = (bm.pool(data, formula=f) for f in ("1 + allocation", "0 + allocation"))
    assert_allclose(
        with_mean.contrasts.iloc[:, 3:].astype(float), without.contrasts.iloc[:, 3:].astype(float), rtol=1e-10
    )
    tests = [found.tests["levels of allocation"] for found in (with_mean, without)]
    assert_allclose(*[[test.statistic, test.p_value] for test in tests], rtol=1e-10)
    assert with_mean.moderators.statistic == pytest.approx(tests[0].statistic, rel=1e-10)
    assert without.moderators.df[0] == 3
    assert with_mean.as_dict()["contrasts"][2]["versus"] == "random"


def test_factors_in_interactions_have_no_contrasts_of_their_own():
    found = bm.pool(bm.load_dataset("bcg"), formula="1 + allocation * latitude", method="dl")
    assert found.contrasts.empty
    assert not found.tests


def test_differences_between_levels_are_printed():
    text = " ".join(str(bm.pool(bm.load_dataset("bcg"), formula="1 + latitude + allocation")).split())
    further = text[text.index("Further differences between levels") :]
    assert "allocation: systematic versus 0.3260 0.3210 1.015 .3364 -0.4002 to 1.0521 random" in further
    assert "random versus alternate" not in further, "which is a coefficient"
    assert "Levels of allocation F = " in text
    alone = str(bm.pool(bm.load_dataset("bcg"), formula="1 + allocation"))
    assert "Levels of allocation" not in alone, "it is the test of covariates"
