"""`pool_glmm` against R's metafor and lme4, and against integrals and likelihoods written out."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import integrate, optimize, stats

import bayesmeta as bm
from bayesmeta.pooling.counts import Conditional

GOLDEN = Path(__file__).parents[1] / "golden"
FOUND = json.loads((GOLDEN / "glmm.json").read_text(encoding="utf-8"))["fits"]
COVARIATES = json.loads((GOLDEN / "glmm_covariates.json").read_text(encoding="utf-8"))
MEASURES = {"OR": "log_or", "IRR": "log_irr", "PLO": "logit_prop", "IRLN": "log_rate"}
METHODS = {"ML": "ml", "EE": "fe"}


def table(found):
    data = {name: np.array(values, dtype=float) for name, values in found.items()}
    arms = {"study": [f"s{i}" for i in range(len(next(iter(data.values()))))]}
    if "ai" in data:
        arms |= {"events_t": data["ai"], "n_t": data["ai"] + data["bi"]}
        return arms | {"events_c": data["ci"], "n_c": data["ci"] + data["di"]}
    if "x1i" in data:
        return arms | {"events_t": data["x1i"], "time_t": data["t1i"], "events_c": data["x2i"], "time_c": data["t2i"]}
    return arms | (
        {"events": data["xi"], "n": data["ni"]} if "ni" in data else {"events": data["xi"], "time": data["ti"]}
    )


def fitted(fit):
    return bm.pool_glmm(
        table(fit["data"]), MEASURES[fit["measure"]], fit["model"].lower() or "um.fs", METHODS[fit["method"]]
    )


def label(fit):
    return " ".join(fit[x] for x in ("name", "measure", "model", "method"))


@pytest.mark.parametrize("fit", [fit for fit in FOUND if "error" not in fit and fit["model"] != "UM.RS"], ids=label)
def test_against_metafor(fit):
    got = fitted(fit)
    by_lme4 = fit["method"] == "ML" and fit["model"] != "CM.EL"
    own = fit["measure"] == "OR" and fit["model"] == "CM.EL"  # R's numerical optimum and derivatives
    assert got.n_studies == fit["k"]
    assert_allclose(got.estimate, fit["beta"], rtol=1e-6)
    assert_allclose(got.tau2, fit["tau2"], rtol=2e-6, atol=1e-10)
    assert_allclose(got.se, fit["se"], rtol=2e-4 if own else 3e-5 if by_lme4 else 1e-7)  # lme4 differentiates by steps
    assert_allclose([got.lower, got.upper], [fit["ci_lb"], fit["ci_ub"]], rtol=2e-4, atol=2e-5)
    ratio = got.tests["likelihood ratio"]
    assert_allclose([ratio.statistic, ratio.p_value], [fit["LRT"], fit["LRTp"]], rtol=1e-7)
    assert ratio.df == (fit["QE_df"],)
    assert_allclose(got.q, fit["Wald"], rtol=1e-3 if own else 1e-8)
    if fit["method"] == "EE" or own:  # of lme4's fits metafor reports another likelihood: see docs/pooling.md
        assert_allclose(got.log_likelihood, fit["loglik"], rtol=1e-9)


@pytest.mark.parametrize("fit", [fit for fit in FOUND if fit["model"] == "UM.RS"], ids=label)
def test_random_levels_near_laplaces_approximation(fit):
    """R has one quadrature node for this model: near, and no nearer."""
    got = fitted(fit)
    assert_allclose(got.estimate, fit["beta"], rtol=1e-3)
    assert_allclose(got.se, fit["se"], rtol=4e-3)
    assert_allclose([got.tau2, got.level_variance], [fit["tau2"], fit["sigma2"]], rtol=1.2e-2)
    assert_allclose(got.tests["likelihood ratio"].statistic, fit["LRT"], rtol=2e-3)
    assert_allclose(got.q, fit["Wald"], rtol=3e-3)
    assert 0 < got.log_likelihood - fit["loglik"] < 0.1


def regressed(fit, model, method):
    columns = {f"x{i}": column for i, column in enumerate(fit["X"])}
    formula = " + ".join(["1", *columns])
    return bm.pool_glmm(table(fit["data"]) | columns, MEASURES[fit["measure"]], model, method, formula=formula)


@pytest.mark.parametrize("fit", [fit for fit in COVARIATES["fits"] if "error" not in fit], ids=label)
def test_covariates_against_metafor(fit):
    """Coefficients, their covariance, the omnibus test, and both tests of what heterogeneity is left."""
    got = regressed(fit, fit["model"].lower() or "um.fs", METHODS[fit["method"]])
    one_node = fit["model"] == "UM.RS"  # Laplace's approximation: near, and no nearer
    own = fit["measure"] == "OR" and fit["model"] == "CM.EL"  # R's numerical optimum and derivatives
    by_lme4 = fit["method"] == "ML" and not own
    rtol = 5e-3 if one_node else 2e-4 if own else 5e-6 if by_lme4 else 2e-7
    coefficients = got.coefficients
    assert_allclose(coefficients.estimate, fit["beta"], rtol=1e-3 if one_node else 1e-6)
    assert_allclose(coefficients.se, fit["se"], rtol=rtol)
    scale = np.outer(fit["se"], fit["se"])
    assert_allclose(got.covariance / scale, np.array(fit["vcov"]) / scale, rtol=3 * rtol, atol=3 * rtol)
    assert_allclose(got.tau2, fit["tau2"], rtol=1e-2 if one_node else 2e-6, atol=1e-9)
    assert_allclose(got.moderators.statistic, fit["QM"], rtol=2e-2 if one_node else 3 * rtol)
    assert got.moderators.df == (len(fit["X"]),)
    assert_allclose(
        [coefficients.lower, coefficients.upper], [fit["ci_lb"], fit["ci_ub"]], rtol=3 * rtol, atol=1e-2 * rtol**0.5
    )
    if fit["LRT"] is not None and not one_node:
        ratio = got.tests["likelihood ratio"]
        assert_allclose([ratio.statistic, ratio.p_value], [fit["LRT"], fit["LRTp"]], rtol=1e-7)
        assert ratio.df == (fit["QE_df"],)
    if (
        fit["Wald"] is not None and not one_node and not (own and fit["name"] == "bcg")
    ):  # R's differences: 24.4, not 25.1
        assert_allclose(got.q, fit["Wald"], rtol=1e-3 if own else 1e-7)
    if fit["method"] == "EE" or own:
        assert_allclose(got.log_likelihood, fit["loglik"], rtol=1e-9)
    assert (got.n_studies, got.q_df) == (fit["k"], fit["k"] - 1 - len(fit["X"]))


@pytest.mark.parametrize("fit", COVARIATES["levels"], ids=lambda fit: fit["name"])
def test_random_levels_with_a_covariate_against_lme4(fit):
    """Without random effects lme4 has as many nodes as one likes."""
    got = regressed(fit, "um.rs", "fe")
    assert_allclose(got.coefficients.estimate, fit["beta"], rtol=2e-6)
    assert_allclose(got.coefficients.se, fit["se"], rtol=1e-5)
    assert_allclose(got.level_variance, fit["sigma2"], rtol=2e-6)
    assert_allclose(got.tests["likelihood ratio"].statistic, fit["LRT"], rtol=1e-6)
    assert_allclose(got.q, fit["Wald"], rtol=1e-5)


@pytest.mark.parametrize("name", ["bcg", "nielweise2007"])
def test_the_received_tables(name):
    """R's default seven quadrature nodes and stopping rules: agreement to four digits or so."""
    received = json.loads((GOLDEN / f"tables_{name}.json").read_text(encoding="utf-8"))
    for model in ("UM_FS", "CM_AL", "CM_EL"):
        want = received["glmm"][f"{model}_ML"]
        got = bm.pool_glmm(table(received["raw"]), "log_or", model.lower().replace("_", "."))
        assert_allclose([got.estimate, got.se], [want["beta"], want["se"]], rtol=5e-4)
        assert_allclose(got.tau2, want["tau2"], rtol=2e-3)
        assert_allclose(got.tests["likelihood ratio"].statistic, want["LRT"], rtol=1e-6)


def two_arm(row, alpha, theta, u):
    """Log density of the two counts of a study, by scipy, where its level is `alpha` and its deviation `u`."""
    a, b, c, d = row
    treated, control = 1 / (1 + np.exp(-(alpha + theta + u / 2))), 1 / (1 + np.exp(-(alpha - u / 2)))
    return stats.binom.logpmf(a, a + b, treated) + stats.binom.logpmf(c, c + d, control)


def conditional(row, theta):
    """Log density of the first cell given the margins, with binomial coefficients written out."""
    a, b, c, d = row
    low, high = max(0, a - d), min(a + b, a + c)
    weights = np.array([math.comb(a + b, j) * math.comb(c + d, a + c - j) for j in range(low, high + 1)], dtype=float)
    terms = weights * np.exp(np.multiply.outer(theta, np.arange(low, high + 1) - a))
    return np.log(weights[a - low] / terms.sum(axis=-1))


def by_quadrature(log_density, tau):
    """Log of the integral over a normal deviation, by Simpson's rule on a fine grid."""
    u = np.linspace(-12 * tau, 12 * tau, 6001)
    logs = log_density(u) + stats.norm.logpdf(u, 0, tau)
    return logs.max() + math.log(integrate.simpson(np.exp(logs - logs.max()), x=u))


SMALL = {"ai": [0, 1, 7, 4], "bi": [20, 30, 33, 16], "ci": [3, 2, 2, 9], "di": [18, 29, 41, 12]}
ROWS = list(zip(*SMALL.values(), strict=True))


def test_the_conditional_likelihood_is_highest_there_by_another_integration():
    got = bm.pool_glmm(table(SMALL), "log_or", "cm.el")

    def height(beta, tau):
        return sum(by_quadrature(lambda u, r=row: conditional(r, beta + u), tau) for row in ROWS)

    top = height(got.estimate, got.tau)
    assert_allclose(got.log_likelihood, top, rtol=1e-9)
    for beta, tau in ((0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)):
        assert height(got.estimate + beta, got.tau + tau) < top
    step = 0.02
    at = np.array([got.estimate, got.tau])
    moves = [np.array([step, 0]), np.array([0, step])]
    bend = [
        [height(*(at + a + b)) - height(*(at + a - b)) - height(*(at - a + b)) + height(*(at - a - b)) for b in moves]
        for a in moves
    ]
    se = math.sqrt(np.linalg.inv(-np.array(bend) / (4 * step**2))[0, 0])
    assert_allclose(got.se, se, rtol=2e-3)  # differences of size 0.02


def test_the_wald_test_of_conditional_likelihoods_written_out():
    received = json.loads((GOLDEN / "tables_bcg.json").read_text(encoding="utf-8"))["raw"]
    for found, rows in ((SMALL, ROWS), (received, list(zip(*received.values(), strict=True))[:3])):
        kept = {name: values[: len(rows)] for name, values in found.items()}
        got = bm.pool_glmm(table(kept), "log_or", "cm.el", "fe")
        peaks, weights = [], []
        for row in rows:
            if row[0] == 0:
                continue  # highest at infinity: no weight
            start = math.log(row[0] * row[3] / (row[1] * row[2]))
            best = optimize.minimize_scalar(
                lambda x, r=row: -conditional(r, x), bounds=(start - 1, start + 1), method="bounded"
            )
            h = 1e-3
            bend = conditional(row, best.x + h) - 2 * conditional(row, best.x) + conditional(row, best.x - h)
            peaks.append(best.x)
            weights.append(-bend / h**2)
        peaks, weights = np.array(peaks), np.array(weights)
        want = np.sum(weights * (peaks - np.average(peaks, weights=weights)) ** 2)
        assert_allclose(got.q, want, rtol=1e-4)  # second differences


def test_the_unconditional_likelihood_by_another_integration_and_search():
    got = bm.pool_glmm(table(SMALL), "log_or", "um.fs")

    def height(beta, tau):
        total = 0.0
        for row in ROWS:
            found = optimize.minimize_scalar(
                lambda alpha, r=row: -by_quadrature(lambda u: two_arm(r, alpha, beta, u), tau),
                bounds=(-8, 4),
                method="bounded",
                options={"xatol": 1e-7},
            )
            total -= found.fun
        return total

    assert_allclose(got.log_likelihood, height(got.estimate, got.tau), rtol=1e-8)


def test_the_likelihood_of_random_levels_by_another_integration():
    """Simpson's rule on a plane, by scipy's distributions; no step in any direction is likelier."""
    got = bm.pool_glmm(table(SMALL), "log_or", "um.rs")
    grid = np.linspace(-8, 8, 321)
    w, z = np.meshgrid(grid, grid, indexing="ij")
    prior = stats.norm.pdf(w) * stats.norm.pdf(z)

    def height(mu, beta, sigma, tau):
        total = 0.0
        for row in ROWS:
            logs = two_arm(row, mu + sigma * w, beta, tau * z)
            total += math.log(integrate.simpson(integrate.simpson(np.exp(logs) * prior, x=grid), x=grid))
        return total

    sigma = math.sqrt(got.level_variance)
    found = optimize.minimize_scalar(
        lambda mu: -height(mu, got.estimate, sigma, got.tau), bounds=(-3, 0), method="bounded", options={"xatol": 1e-5}
    )
    assert_allclose(got.log_likelihood, -found.fun, rtol=1e-8)
    for step in ((0.05, 0, 0), (-0.05, 0, 0), (0, 0.05, 0), (0, -0.05, 0), (0, 0, 0.05), (0, 0, -0.05)):
        beta, more, tau = step
        assert height(found.x, got.estimate + beta, sigma + more, got.tau + tau) < got.log_likelihood
    assert bm.pool_glmm(table(SMALL), "log_or", "um.rs", "fe").log_likelihood <= got.log_likelihood


def test_the_conditional_distribution_by_scipy():
    x, n_t, n_c, m = (np.array([value], dtype=float) for value in (7, 40, 43, 9))
    eta = np.array([[-3.0, -0.4, 0.0, 0.8, 5.0]])
    value, slope, bend = Conditional(x, n_t, n_c, m)(eta)
    for j, theta in enumerate(eta[0]):
        peer = stats.nchypergeom_fisher(83, 40, 9, math.exp(theta))
        assert_allclose(value[0, j], peer.logpmf(7), rtol=1e-9)
        assert_allclose(slope[0, j], 7 - peer.mean(), rtol=1e-8)
        assert_allclose(-bend[0, j], peer.var(), rtol=1e-7)


def test_a_wide_spread_of_effects_by_adaptive_integration():
    """tau far above the standard errors, with empty and full cells: the rule has to follow one-sided integrands."""
    data = {"events": [0, 1, 30, 29, 15, 0, 30], "n": [30] * 7}
    got = bm.pool_glmm({"study": list("abcdefg"), **data}, "logit_prop")
    assert got.tau > 2

    def density(x, u):
        return stats.binom.logpmf(x, 30, 1 / (1 + np.exp(-(got.estimate + u))))

    top = sum(by_quadrature(lambda u, x=x: density(x, u), got.tau) for x in data["events"])
    assert_allclose(got.log_likelihood, top, rtol=1e-9)


counts = st.lists(
    st.tuples(st.integers(0, 12), st.integers(3, 25), st.integers(0, 12), st.integers(3, 25)), min_size=3, max_size=5
)


@settings(max_examples=4)
@given(rows=counts, model=st.sampled_from(("um.fs", "um.rs", "cm.el")))
def test_swapping_arms_turns_the_sign(rows, model):
    a, b, c, d = np.array(rows, dtype=float).T
    a[0], c[0], a[1], c[1] = 1, 2, 3, 1  # so that the likelihood has a maximum
    one = table({"ai": a, "bi": b, "ci": c, "di": d})
    two = table({"ai": c, "bi": d, "ci": a, "di": b})
    first, second = bm.pool_glmm(one, "log_or", model), bm.pool_glmm(two, "log_or", model)
    assert_allclose(second.estimate, -first.estimate, rtol=1e-5, atol=1e-6)
    assert_allclose([second.se, second.log_likelihood], [first.se, first.log_likelihood], rtol=1e-5)


def test_studies_without_events_change_nothing():
    more = {name: [*values, extra] for (name, values), extra in zip(SMALL.items(), (0, 50, 0, 40), strict=True)}
    for model in ("um.fs", "um.rs", "cm.el", "cm.al"):
        one, two = bm.pool_glmm(table(SMALL), "log_or", model), bm.pool_glmm(table(more), "log_or", model)
        assert (one.estimate, one.se, one.n_studies) == (two.estimate, two.se, two.n_studies)


def test_one_study_is_its_own_odds_ratio():
    one = table({name: values[2:3] for name, values in SMALL.items()})
    got = bm.pool_glmm(one, "log_or", "um.fs")
    assert_allclose(
        [got.estimate, got.se], [math.log(7 * 41 / (33 * 2)), math.sqrt(1 / 7 + 1 / 33 + 1 / 2 + 1 / 41)], rtol=1e-6
    )
    assert (got.tau2, got.q_df, got.q_p) == (0, 0, 1)


def test_refusals_name_what_is_allowed():
    arms = table(SMALL)
    cases = (
        (lambda: bm.pool_glmm(arms, "rd"), bm.SpecificationError, "measure='rd' is not known; choose one of 'log_or'"),
        (lambda: bm.pool_glmm(arms, model="um.fx"), bm.SpecificationError, "Did you mean 'um.fs'"),
        (lambda: bm.pool_glmm(arms, method="reml"), bm.SpecificationError, "choose one of 'ml', 'fe'"),
        (lambda: bm.pool_glmm(arms, level=95), bm.SpecificationError, "95% is 0.95"),
        (lambda: bm.pool_glmm(arms, "log_irr"), bm.DataError, "time_t"),
        (lambda: bm.pool_glmm(arms | {"events_t": [0, 1, 99, 4]}), bm.DataError, "s2"),
        (lambda: bm.pool_glmm(arms | {"events_t": [0, 1.5, 7, 4]}), bm.DataError, "whole number"),
        (lambda: bm.pool_glmm(arms | {"events_t": [0, 0, 0, 0]}), bm.DataError, "highest at infinity"),
        (lambda: bm.pool_glmm(arms | {"events_t": [0] * 4, "events_c": [0] * 4}), bm.DataError, "no study has both"),
    )  # fmt: skip
    for call, error, words in cases:
        with pytest.raises(error, match=words):
            call()


def test_a_result_prints_and_is_plain_json():
    got = bm.pool_glmm(table(SMALL))
    assert json.loads(json.dumps(got.as_dict(), allow_nan=False))["i2"] is None
    assert "Likelihood ratio  chi-square = " in str(got)
    assert "nan" not in str(got)


@pytest.mark.parametrize("model", ["um.fs", "cm.el", "cm.al"])
def test_a_mean_for_each_group_is_the_pool_of_the_group(model):
    received = json.loads((GOLDEN / "tables_bcg.json").read_text(encoding="utf-8"))["raw"]
    group = np.array(["a", "b"] * 6 + ["a"])
    together = bm.pool_glmm(table(received) | {"g": group}, "log_or", model, "fe", formula="0 + g")
    assert math.isnan(together.estimate)
    for name, row in zip(("a", "b"), together.coefficients.itertuples(), strict=True):
        part = {key: np.array(values)[group == name] for key, values in received.items()}
        alone = bm.pool_glmm(table(part), "log_or", model, "fe")
        assert_allclose([row.estimate, row.se], [alone.estimate, alone.se], rtol=1e-7)
    z = together.coefficients.estimate / together.coefficients.se
    assert_allclose(together.moderators.statistic, (z**2).sum(), rtol=1e-6)


def test_the_wald_test_of_what_a_covariate_leaves_written_out():
    """Weighted least squares of the conditional estimates, each found by root finding on scipy's distribution."""
    received = json.loads((GOLDEN / "tables_bcg.json").read_text(encoding="utf-8"))["raw"]
    small = {name: values[:5] for name, values in received.items()}
    x = np.array([44.0, 55, 42, 52, 13])
    got = bm.pool_glmm(table(small) | {"x": x}, "log_or", "cm.el", formula="1 + x")
    peaks, weights = [], []
    for a, b, c, d in zip(*small.values(), strict=True):
        peer = lambda theta, n=(a + b + c + d, a + b, a + c): stats.nchypergeom_fisher(*n, math.exp(theta))  # noqa: E731
        start = math.log(a * d / (b * c))
        peak = optimize.brentq(
            lambda theta, a=a, peer=peer: peer(theta).mean() - a, start - 0.5, start + 0.5, xtol=1e-12
        )
        peaks.append(peak)
        weights.append(peer(peak).var())
    root = np.sqrt(weights)
    left = root[:, None] * np.column_stack([np.ones(5), x])
    residual = root * peaks - left @ np.linalg.lstsq(left, root * peaks)[0]
    assert_allclose(got.q, residual @ residual, rtol=1e-6)
    assert_allclose(got.q_p, stats.chi2.sf(residual @ residual, 3), rtol=1e-6)


def test_random_levels_with_a_covariate_by_another_integration():
    """Simpson's rule on a plane gives the same likelihood, and no step in any direction is likelier."""
    x = [1.0, 2.0, 4.0, 7.0]
    got = bm.pool_glmm(table(SMALL) | {"x": x}, "log_or", "um.rs", formula="1 + x")
    grid = np.linspace(-8, 8, 161)
    w, z = np.meshgrid(grid, grid, indexing="ij")
    prior = stats.norm.pdf(w) * stats.norm.pdf(z)

    def height(mu, first, second, sigma, tau):
        total = 0.0
        for row, dose in zip(ROWS, x, strict=True):
            logs = two_arm(row, mu + sigma * w, first + second * dose, tau * z)
            total += math.log(integrate.simpson(integrate.simpson(np.exp(logs) * prior, x=grid), x=grid))
        return total

    beta, sigma = list(got.coefficients.estimate), math.sqrt(got.level_variance)
    found = optimize.minimize_scalar(
        lambda mu: -height(mu, *beta, sigma, got.tau), bounds=(-3, 0), method="bounded", options={"xatol": 1e-5}
    )
    assert_allclose(got.log_likelihood, -found.fun, rtol=1e-7)
    for step in itertools.chain(0.05 * np.eye(4), -0.05 * np.eye(4)):
        assert (
            height(found.x, beta[0] + step[0], beta[1] + step[1], sigma + step[2], got.tau + step[3])
            < got.log_likelihood
        )


def test_units_of_a_covariate_do_not_matter():
    """Years, and thousandths of a year from some date: the same regression."""
    for model in ("um.fs", "um.rs", "cm.el"):
        one, two = (
            bm.pool_glmm(table(SMALL) | {"x": x}, "log_or", model, formula="1 + x")
            for x in (np.array([1990.0, 1994, 2001, 2007]), np.array([-5000.0, -1000, 6000, 12000]))
        )
        a, b = one.coefficients, two.coefficients
        assert_allclose([b.estimate["x"], b.se["x"]], [a.estimate["x"] / 1000, a.se["x"] / 1000], rtol=1e-4)
        assert_allclose(b.estimate["mu"], a.estimate["mu"] + 1995 * a.estimate["x"], rtol=1e-4, atol=1e-5)
        assert_allclose([two.log_likelihood, two.q], [one.log_likelihood, one.q], rtol=1e-7)


def test_an_infinite_coefficient_is_named():
    arms = table(SMALL | {"ai": [0, 0, 7, 4]}) | {"g": ["u", "u", "v", "v"]}
    for model in ("um.fs", "um.rs", "cm.el", "cm.al"):
        with pytest.raises(bm.DataError, match=r"highest where g\[u\] is infinite"):
            bm.pool_glmm(arms, "log_or", model, formula="0 + g")
    arms |= {"g": ["u", "v", "u", "v"], "note": [None, 1, 2, 3]}  # what the formula does not name need not be complete
    assert math.isfinite(bm.pool_glmm(arms, "log_or", "um.rs", formula="1 + g").estimate)
    with pytest.raises(bm.DataError, match="column 'note'"):
        bm.pool_glmm(arms, "log_or", "um.rs", formula="1 + note")
    with pytest.raises(bm.SpecificationError, match="2 studies cannot identify 2 coefficients and tau"):
        bm.pool_glmm({name: values[1:3] for name, values in arms.items()}, formula="1 + g")
