"""Conflict of one prior with the data: chi-square and normal tails, simulation, uniformity under the prior."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import chi2, kstest, norm

import bayesmeta as bm
from bayesmeta.errors import DataError, SpecificationError

SCHOOLS = bm.load_dataset("eight_schools")


def check(data, model):
    return bm.prior_data_conflict(data, model).table


def test_a_known_tau_and_equal_errors():
    """Q / (1 + tau^2 / v) is chi-square with k - 1, the mean is normal."""
    y, v, tau = np.array([0.3, -0.4, 1.2, 0.9, 0.1]), 0.25, 0.6
    found = check(bm.Estimates(y=y, se=np.full(5, 0.5)), bm.NormalNormal(mu=bm.Normal(-1, 0.4), tau=bm.PointMass(tau)))
    q = ((y - y.mean()) ** 2).sum() / v
    assert_allclose(found.loc["tau", "observed"], q, rtol=1e-12)
    tail = chi2(4).sf(q / (1 + tau**2 / v))
    assert_allclose(found.loc["tau", ["less", "greater"]].astype(float), [1 - tail, tail], atol=1e-12)
    z = (y.mean() + 1) / math.sqrt(0.16 + (v + tau**2) / 5)
    assert_allclose(found.loc["mu", "observed"], y.mean(), rtol=1e-12)
    assert_allclose(found.loc["mu", ["less", "greater"]].astype(float), [norm.cdf(z), norm.sf(z)], rtol=1e-8)
    assert_allclose(found["p_value"].astype(float), [2 * norm.sf(abs(z)), 2 * min(tail, 1 - tail)], rtol=1e-8)


def test_equal_errors_with_tau_averaged_over_its_prior():
    """Chi-square tails integrated over a half-normal."""
    y, scale = np.array([0.3, -0.4, 1.2, 0.9, 2.1]), 0.7
    found = check(bm.Estimates(y=y, se=np.full(5, 0.5)), bm.NormalNormal(tau=bm.HalfNormal(scale)))
    assert list(found.index) == ["tau"]
    q = ((y - y.mean()) ** 2).sum() / 0.25
    tail = quad(lambda t: 2 * norm.pdf(t, 0, scale) * chi2(4).sf(q / (1 + 4 * t**2)), 0, 10, epsabs=1e-12)[0]
    assert_allclose(found.loc["tau", "greater"], tail, atol=1e-10)


@pytest.mark.parametrize(
    "tau", [bm.HalfNormal(3), bm.HalfCauchy(20), bm.Mixture([(1, bm.PointMass(0)), (1, bm.HalfNormal(9))])]
)
def test_q_against_simulation(tau):
    found = check(SCHOOLS, bm.NormalNormal(tau=tau))
    rng, n = np.random.default_rng(7), 100_000
    spread = np.sqrt(SCHOOLS.v + tau.rvs(n, rng)[:, None] ** 2)
    y = spread * rng.standard_normal((n, 8))
    w = 1 / SCHOOLS.v
    q = ((y - (y @ w / w.sum())[:, None]) ** 2) @ w
    share = np.mean(q >= found.loc["tau", "observed"])
    assert abs(share - found.loc["tau", "greater"]) < 4 * math.sqrt(share * (1 - share) / n)


def test_mu_by_adaptive_quadrature():
    """The normal tail of the least-squares mean, over the distribution of tau given the residuals."""
    v, y, prior = SCHOOLS.v, SCHOOLS.y, bm.Normal(-10, 5)
    found = check(SCHOOLS, bm.NormalNormal(mu=prior, tau=bm.HalfNormal(10)))

    def pieces(tau):
        w = 1 / (v + tau**2)
        mean = (w * y).sum() / w.sum()
        restricted = 0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * (w * (y - mean) ** 2).sum()
        return math.exp(restricted + 20 - 0.5 * (tau / 10) ** 2), (mean + 10) / math.sqrt(25 + 1 / w.sum())

    total = quad(lambda t: pieces(t)[0], 0, 90, epsrel=1e-11, limit=200)[0]
    tail = quad(lambda t: pieces(t)[0] * norm.sf(pieces(t)[1]), 0, 90, epsrel=1e-11, limit=200)[0]
    assert_allclose(found.loc["mu", "greater"], tail / total, rtol=1e-7)


def test_the_p_values_are_uniform_and_independent_under_the_prior():
    """150 data sets from the model with its priors. Fixed seed: the smallest Kolmogorov-Smirnov P value is 0.1 or so."""
    rng, n = np.random.default_rng(11), 150
    se = np.array([0.2, 0.5, 0.3, 0.9])
    model = bm.NormalNormal(mu=bm.Mixture([(0.6, bm.Normal(0, 1)), (0.4, bm.Normal(2, 0.2))]), tau=bm.HalfNormal(0.7))
    less = np.empty((n, 2))
    for i in range(n):
        mu, tau = model.mu.rvs(None, rng), model.tau.rvs(None, rng)
        y = mu + np.sqrt(se**2 + tau**2) * rng.standard_normal(4)
        less[i] = check(bm.Estimates(y=y, se=se), model)["less"]
    for column in less.T:
        assert kstest(column, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(less.T)[0, 1]) < 4 / math.sqrt(n)


COV = np.diag([0.2, 0.1, 0.4, 0.3, 0.15]) + 0.04 * (np.eye(5, k=1) + np.eye(5, k=-1))
DOSES = bm.Estimates(y=[0.3, -0.9, 1.6, 0.2, 0.1], cov=COV, covariates={"dose": [0.0, 1.0, 3.0, 1.5, 2.5]})


def test_a_regression_with_correlated_estimates_and_a_known_tau():
    """Each coefficient has the tail of its generalised least-squares estimate, whatever the priors on the others."""
    tau = 0.4
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(5, 0.1), tau=bm.PointMass(tau), beta={"dose": bm.Normal(-1, 0.3)}
    )
    found = check(DOSES, model)
    X = np.column_stack([np.ones(5), DOSES.covariates["dose"]])
    W = np.linalg.inv(COV + tau**2 * np.eye(5))
    covariance = np.linalg.inv(X.T @ W @ X)
    estimate = covariance @ X.T @ W @ DOSES.y
    for i, (name, mean, sd) in enumerate([("mu", 5, 0.1), ("dose", -1, 0.3)]):
        z = (estimate[i] - mean) / math.sqrt(covariance[i, i] + sd**2)
        assert_allclose(found.loc[name, "less"], norm.cdf(z), rtol=1e-8)
    assert found.loc["mu", "p_value"] < 1e-6 < 1e-4 < found.loc["dose", "p_value"]
    W = np.linalg.inv(COV)
    residual = DOSES.y - X @ np.linalg.solve(X.T @ W @ X, X.T @ W @ DOSES.y)
    assert_allclose(found.loc["tau", "observed"], residual @ W @ residual, rtol=1e-10)
    joint = bm.NormalNormal(
        formula="1 + dose",
        tau=bm.PointMass(tau),
        beta={("mu", "dose"): bm.MultivariateNormal([5, -1], [[0.01, 0.02], [0.02, 0.09]])},
    )
    assert_allclose(check(DOSES, joint)["less"].astype(float), found["less"].astype(float), rtol=1e-9)


def test_reference_priors():
    """A proper one is checked given the standard errors; under an improper one mu still is."""
    one = check(SCHOOLS, bm.NormalNormal(tau=bm.DuMouchel()))
    other = check(SCHOOLS, bm.NormalNormal(tau=bm.DuMouchel().given(SCHOOLS.v)))
    assert_allclose(one.loc["tau", "less"], other.loc["tau", "less"], rtol=1e-12)
    assert list(check(SCHOOLS, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.Jeffreys())).index) == ["mu"]


def test_one_study():
    """mu with the prior of tau as it is: the normal tail averaged over it."""
    found = check(bm.Estimates(y=[2.0], se=[0.3]), bm.NormalNormal(mu=bm.Normal(0, 0.5), tau=bm.HalfNormal(0.4)))
    tail = quad(lambda t: 2 * norm.pdf(t, 0, 0.4) * norm.sf(2 / math.sqrt(0.34 + t**2)), 0, 8, epsabs=1e-13)[0]
    assert list(found.index) == ["mu"]
    assert_allclose(found.loc["mu", "greater"], tail, rtol=1e-7)


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-50, 50), size=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]))
def test_units_do_not_matter(shift, size, sign):
    y, se = np.array([0.3, -0.4, 1.2]), np.array([0.5, 0.2, 0.4])
    one = check(bm.Estimates(y=y, se=se), bm.NormalNormal(mu=bm.Normal(1, 2), tau=bm.HalfNormal(0.5)))
    model = bm.NormalNormal(mu=bm.Normal(sign * size + shift, 2 * size), tau=bm.HalfNormal(0.5 * size))
    other = check(bm.Estimates(y=sign * size * y + shift, se=size * se), model)
    assert_allclose(other["p_value"].astype(float), one["p_value"].astype(float), rtol=1e-6)


def test_far_outliers():
    data = bm.Estimates(y=[0.1, 0.2, 1e4], se=[0.1, 0.1, 0.1])
    found = check(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)))
    assert found.loc["tau", "greater"] < 1e-12
    assert found.loc["tau", "less"] == pytest.approx(1)
    assert np.isfinite(found["p_value"].astype(float)).all()


def test_refusals():
    with pytest.raises(SpecificationError, match="no proper prior"):
        check(SCHOOLS, bm.NormalNormal(tau=bm.ImproperUniform()))
    with pytest.raises(DataError, match="takes a NormalNormal of Estimates, .* got list"):
        check([1, 2], bm.NormalNormal(tau=bm.HalfNormal(1)))
    with pytest.raises(SpecificationError, match="takes a NormalNormal"):
        check(SCHOOLS, bm.HalfNormal(1))
    assert "tau ~ HalfNormal(1)" in str(bm.prior_data_conflict(SCHOOLS, bm.NormalNormal(tau=bm.HalfNormal(1))))
