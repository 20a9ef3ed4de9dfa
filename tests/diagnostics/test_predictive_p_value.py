"""Posterior predictive P values against chi-square and normal tails, R's bayesmeta, and sums over grids."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from numpy.testing import assert_allclose
from scipy.stats import chi2, halfnorm, norm

import bayesmeta as bm
from bayesmeta.errors import InferenceError, SpecificationError

SCHOOLS = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
RESULT = bm.fit(SCHOOLS, MODEL)
DOSE = np.array([0.0, 1.0, 3.0, 1.5, 2.5])
COVARIANCE = np.diag([0.2, 0.1, 0.4, 0.3, 0.15]) + 0.04 * (np.eye(5, k=1) + np.eye(5, k=-1))
DOSES = bm.Estimates(y=[0.3, -0.9, 1.6, 0.2, 0.1], cov=COVARIANCE, covariates={"dose": DOSE})
LINEAR = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 2)})


def assert_near(found, want, z=4.0, most=0.003):
    assert 0 < found.mcse < most
    assert abs(found.value - want) < z * found.mcse, (found, want)


def test_q_without_heterogeneity_has_a_chi_square_tail():
    """R's pppvalue printed 0.2315 from 2,000 draws, so with a standard error of 0.0094."""
    case = json.loads((Path(__file__).parents[1] / "golden" / "ppp.json").read_text(encoding="utf-8"))
    y, se = np.array(case["y"]), np.array(case["sigma"])
    result = bm.fit(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5)))
    w = se**-2.0
    q = (w * (y - (w * y).sum() / w.sum()) ** 2).sum()
    exact, peer = chi2(5).sf(q), case["results"]["Q"]
    found = bm.predictive_p_value(result, "q", "tau = 0", draws=100_000)
    assert_allclose(found.observed, q, rtol=1e-12)
    assert_near(found, exact)
    assert abs(peer["p_value"] - exact) < 4 * np.sqrt(exact * (1 - exact) / peer["n"])
    assert_near(bm.predictive_p_value(result, "q", "tau = 0", "less", draws=100_000, seed=1), 1 - exact)


def test_q_of_a_regression_with_correlated_estimates():
    """Generalised least squares written out; with two coefficients three degrees of freedom are left."""
    X, W = np.column_stack([np.ones(5), DOSE]), np.linalg.inv(COVARIANCE)
    residual = DOSES.y - X @ np.linalg.solve(X.T @ W @ X, X.T @ W @ DOSES.y)
    q = residual @ W @ residual
    found = bm.predictive_p_value(bm.fit(DOSES, LINEAR), "q", "tau = 0", draws=100_000)
    assert_allclose(found.observed, q, rtol=1e-10)
    assert_near(found, chi2(3).sf(q))


def test_mean_under_a_fixed_mu():
    """Given tau the replicated mean is normal around the fixed mu: its tail averaged over tau's posterior."""
    y, v = SCHOOLS.y, SCHOOLS.v
    w = 1 / v
    mean = (w * y).sum() / w.sum()
    x, weight = leggauss(400)
    tau = 40 * (x + 1)
    total = v[:, None] + tau**2
    posterior = weight * halfnorm(scale=10).pdf(tau) * np.prod(norm.pdf(y[:, None], 2.0, np.sqrt(total)), axis=0)
    posterior /= posterior.sum()
    spread = np.sqrt((w[:, None] ** 2 * total).sum(axis=0)) / w.sum()
    want = (posterior * norm.sf((mean - 2.0) / spread)).sum()
    for statistic, observed in (("mean", mean), ("t", mean * np.sqrt(w.sum()))):
        found = bm.predictive_p_value(RESULT, statistic, "mu = 2", draws=100_000)
        assert_allclose(found.observed, observed, rtol=1e-12)
        assert_near(found, want)
        assert_near(bm.predictive_p_value(RESULT, statistic, "mu = 2", "two-sided", draws=100_000), 2 * want)


def test_largest_effect_under_the_model():
    """The distribution function of a maximum is a product; summed over mu and tau."""
    y, se = SCHOOLS.y, SCHOOLS.se
    x, weight = leggauss(200)
    mu, tau = 60 * x[:, None], 40 * (x + 1)
    sds = [np.hypot(s, tau) for s in se]
    density = np.prod([norm.pdf(a, mu, s) for a, s in zip(y, sds, strict=True)], axis=0)
    posterior = density * norm.pdf(mu, 0, 20) * halfnorm(scale=10).pdf(tau) * weight[:, None] * weight
    posterior /= posterior.sum()
    below = (posterior * np.prod([norm.cdf(y.max(), mu, s) for s in sds], axis=0)).sum()
    assert_near(bm.predictive_p_value(RESULT, "max", draws=100_000), 1 - below)
    assert_near(bm.predictive_p_value(RESULT, np.max, tail="less", draws=100_000), below)
    above = (posterior * np.prod([norm.sf(y.min(), mu, s) for s in sds], axis=0)).sum()
    assert_near(bm.predictive_p_value(RESULT, "min", tail="less", draws=100_000), 1 - above)


def test_sum_of_correlated_estimates():
    """A sum of replicates of correlated estimates is normal; its mean and variance by the covariance of all."""
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.PointMass(0.1), tau=bm.PointMass(0.3), beta={"dose": bm.PointMass(0.2)}
    )
    found = bm.predictive_p_value(bm.fit(DOSES, model), sum, draws=50_000)
    mean, sd = 0.5 + 0.2 * DOSE.sum(), np.sqrt(COVARIANCE.sum() + 5 * 0.09)
    assert_near(found, norm.sf(DOSES.y.sum(), mean, sd))
    assert found.statistic == "sum"
    W = np.linalg.inv(COVARIANCE)
    a = W.sum(axis=0) / W.sum()  # weights of the weighted mean
    mean, sd = a @ (0.1 + 0.2 * DOSE), np.sqrt(a @ (COVARIANCE + 0.09 * np.eye(5)) @ a)
    for statistic, observed in (("mean", a @ DOSES.y), ("t", a @ DOSES.y * np.sqrt(W.sum()))):
        found = bm.predictive_p_value(bm.fit(DOSES, model), statistic, draws=50_000)
        assert_allclose(found.observed, observed, rtol=1e-10)
        assert_near(found, norm.sf(a @ DOSES.y, mean, sd))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("range", np.ptp),
        ("median", np.median),
        ("sd", lambda y: np.std(y, ddof=1)),
        ("min", min),
        ("mean", lambda y, se: np.average(y, weights=se**-2.0)),
        ("q", lambda y, se: (((y - np.average(y, weights=se**-2.0)) / se) ** 2).sum()),
        ("t", lambda y, se: (y / se**2).sum() / np.sqrt((se**-2.0).sum())),
    ],
)
def test_a_function_is_as_good_as_a_name(name, function):
    by_name, by_function = (bm.predictive_p_value(RESULT, s, draws=500) for s in (name, function))
    assert by_name.value == by_function.value
    assert_allclose(
        by_name.observed, function(*(SCHOOLS.y, SCHOOLS.se)[: 1 + (name in ("mean", "q", "t"))]), rtol=1e-12
    )


def test_standard_error_is_the_spread_over_seeds():
    found = [bm.predictive_p_value(RESULT, "q", draws=400, seed=seed) for seed in range(200)]
    values = np.array([f.value for f in found])
    assert_allclose(values.std(ddof=1), np.mean([f.mcse for f in found]), rtol=4 / np.sqrt(400))
    twice = [bm.predictive_p_value(RESULT, "q", None, "two-sided", draws=400, seed=seed) for seed in range(3)]
    share = [min(f.value, 1 - f.value) for f in found[:3]]
    assert_allclose([f.value for f in twice], 2 * np.array(share), atol=1e-12)
    assert_allclose([f.mcse for f in twice], [2 * f.mcse for f in found[:3]], rtol=1e-12)


def test_the_same_seed_gives_the_same_answer_and_zero_is_not_certain():
    one, other = (bm.predictive_p_value(RESULT, "max", draws=100, seed=3) for _ in range(2))
    assert one == other
    far = bm.Estimates(y=[-40.0, 0, 40], se=[1, 1, 1])
    found = bm.predictive_p_value(bm.fit(far, MODEL), "q", "tau = 0", draws=1000)
    assert found.value == 0
    assert_allclose(found.mcse, 0.001)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"statistic": "Q2"}, SpecificationError, "statistic='Q2' is not known. .*Choose one of 'q', 'mean'"),
        ({"statistic": lambda y: y}, SpecificationError, "must give one number"),
        ({"statistic": lambda y: np.nan}, InferenceError, "is not a finite number"),
        ({"hypothesis": "crps = 0"}, SpecificationError, "no parameter 'crps'"),
        ({"hypothesis": "mu < 0"}, SpecificationError, "write a parameter and a number"),
        ({"hypothesis": "tau = -1"}, SpecificationError, "at least 0"),
        ({"tail": "upper"}, SpecificationError, "tail='upper' is not known; choose one of 'greater', 'less'"),
        ({"draws": 0}, SpecificationError, "draws=0"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        bm.predictive_p_value(RESULT, **arguments)


def test_only_for_exact_fits():
    with pytest.raises(SpecificationError, match="fit with engine='quadrature'"):
        bm.predictive_p_value("a fit by NUTS")


def test_only_for_models_whose_replicates_it_can_make():
    with pytest.raises(SpecificationError, match="takes a NormalNormal of Estimates, .* got str"):
        bm.predictive_p_value(replace(RESULT, model="another model"))
