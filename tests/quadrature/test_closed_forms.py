"""Where the posterior has a closed form, the engine gives it: tau known, one study, flat priors, tau from Q alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import invgamma, multivariate_normal, norm
from scipy.stats import t as student

import bayesmeta as bm

Y = np.array([-0.4, -0.1, 0.2, 0.9])
SE = np.array([0.2, 0.3, 0.25, 0.5])
X = np.array([0.0, 1.0, 3.0, 4.0])
COV = np.diag(SE**2) + 0.01


def _closed(V, X, mean, precision):
    """Mean and covariance of the coefficients, and the log density of y if they are proper."""
    W = np.linalg.inv(V)
    P = precision + X.T @ W @ X
    b = np.linalg.solve(P, precision @ mean + X.T @ W @ Y)
    log_density = None
    if np.all(np.diag(precision) > 0):
        log_density = multivariate_normal(X @ mean, V + X @ np.linalg.inv(precision) @ X.T).logpdf(Y)
    return b, np.linalg.inv(P), log_density


@pytest.mark.parametrize("tau", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("known", ["se", "cov"])
@pytest.mark.parametrize("proper", [True, False])
def test_known_tau_is_a_normal_posterior(tau, known, proper):
    made = {"se": SE} if known == "se" else {"cov": COV}
    priors = {"mu": bm.Normal(0.3, 0.7), "beta": {"x": bm.Normal(-1, 0.2)}} if proper else {}
    precision = np.diag([0.7**-2, 0.2**-2]) if proper else np.zeros((2, 2))
    result = bm.fit(
        bm.Estimates(Y, covariates={"x": X}, **made),
        bm.NormalNormal(formula="1 + x", tau=bm.PointMass(tau), **priors),
        "quadrature",
    )
    design = np.column_stack([np.ones(4), X])
    V = (np.diag(SE**2) if known == "se" else COV) + tau**2 * np.eye(4)
    mean, cov, log_density = _closed(V, design, np.array([0.3, -1.0]) * proper, precision)
    for name, contrast, new in (
        ("mu", [1, 0], 0),
        ("x", [0, 1], 0),
        ("mu + 2 * x", [1, 2], 0),
        ("theta_new", [1, 0], 1),
    ):
        c = np.array(contrast)
        exact = norm(c @ mean, np.sqrt(c @ cov @ c + new * tau**2))
        marginal = result.marginal(name)
        assert marginal.mean() == pytest.approx(exact.mean(), rel=1e-10)
        assert marginal.sd() == pytest.approx(exact.std(), rel=1e-10)
        points = exact.ppf([0.001, 0.2, 0.5, 0.9])
        np.testing.assert_allclose(marginal.cdf(points), exact.cdf(points), rtol=1e-10)
        np.testing.assert_allclose(marginal.pdf(points), exact.pdf(points), rtol=1e-10)
        np.testing.assert_allclose(marginal.ppf([0.001, 0.9]), exact.ppf([0.001, 0.9]), rtol=1e-10)
        np.testing.assert_allclose(marginal.hdi(0.9), exact.ppf([0.05, 0.95]), rtol=1e-7)
    if proper:
        assert result.log_marginal_likelihood == pytest.approx(log_density, rel=1e-12)
    shrunk = tau**2 * np.linalg.inv(V)
    theta = design @ mean + shrunk @ (Y - design @ mean)
    rest = design - shrunk @ design
    within = tau**2 * np.eye(4) - tau**2 * shrunk
    np.testing.assert_allclose(result.shrinkage()["mean"], theta, rtol=1e-10)
    sd = np.sqrt(np.diag(within + rest @ cov @ rest.T))
    np.testing.assert_allclose(result.shrinkage()["sd"], sd, rtol=1e-9)


def test_one_study_without_heterogeneity_is_that_study():
    result = bm.fit(bm.Estimates([0.4], [0.2]), bm.NormalNormal(tau=bm.PointMass(0)))
    assert result.marginal("mu").mean() == pytest.approx(0.4, rel=1e-14)
    assert result.marginal("mu").sd() == pytest.approx(0.2, rel=1e-14)


@pytest.mark.parametrize(
    "prior", [bm.HalfNormal(0.5), bm.HalfCauchy(1), bm.LogNormal(-1, 2), bm.Uniform(0.2, 3)], ids=str
)
def test_one_study_under_a_flat_mean_says_nothing_of_tau(prior):
    tau = bm.fit(bm.Estimates([0.4], [0.2]), bm.NormalNormal(tau=prior)).marginal("tau")
    levels = np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(tau.ppf(levels), prior.ppf(levels), rtol=1e-7)
    points = prior.ppf(levels)
    np.testing.assert_allclose(tau.cdf(points), levels, atol=1e-9)
    np.testing.assert_allclose(tau.pdf(points), prior.pdf(points), rtol=1e-9)


@pytest.mark.parametrize("k", [3, 8])
def test_equal_and_vanishing_se_give_the_normal_sample_posterior(k):
    """With se near zero and 1/tau as the prior, mu is Student t and tau^2 inverse gamma (Jeffreys, k - 1 df)."""
    y = np.linspace(-1, 2, k) ** 2
    result = bm.fit(bm.Estimates(y, np.full(k, 1e-7)), bm.NormalNormal(tau=bm.LogNormal(0, 1e4)))
    mu, tau = result.marginal("mu"), result.marginal("tau")
    exact = student(k - 1, y.mean(), y.std(ddof=1) / np.sqrt(k))
    points = exact.ppf([0.01, 0.3, 0.9])
    np.testing.assert_allclose(mu.cdf(points), [0.01, 0.3, 0.9], atol=1e-6)  # the prior's slope is 1e-8
    square = invgamma((k - 1) / 2, scale=(k - 1) * y.var(ddof=1) / 2)
    np.testing.assert_allclose(tau.cdf(np.sqrt(square.ppf([0.01, 0.5, 0.99]))), [0.01, 0.5, 0.99], atol=1e-6)


def test_flat_priors_give_the_restricted_likelihood():
    """The density of tau over its prior is REML's, with the constant of Harville's form."""
    prior = bm.HalfNormal(1)
    result = bm.fit(bm.Estimates(Y, SE, covariates={"x": X}), bm.NormalNormal(formula="1 + x", tau=prior))
    tau = np.array([0.0, 0.05, 0.2, 0.5, 1.3, 4.0])
    design = np.column_stack([np.ones(4), X])

    def restricted(value):
        w = 1 / (SE**2 + value**2)
        gram = design.T @ (w[:, None] * design)
        b = np.linalg.solve(gram, design.T @ (w * Y))
        square = (w * (Y - design @ b) ** 2).sum()
        return 0.5 * (np.log(w).sum() - np.linalg.slogdet(gram)[1] - square) - np.log(2 * np.pi)

    found = np.log(result.marginal("tau").pdf(tau) / prior.pdf(tau)) + result.fit.log_evidence
    np.testing.assert_allclose(found, [restricted(value) for value in tau], rtol=1e-10)


def test_equal_effects_leave_the_determinant_only():
    """All y equal and se equal: the likelihood of tau is (1 + tau^2)^(-(k - 1) / 2), a half-t prior's own kernel."""
    k = 5
    result = bm.fit(bm.Estimates([0.3] * k, [1.0] * k), bm.NormalNormal(tau=bm.ImproperUniform()))
    nu = k - 2  # (1 + tau^2)^(-(nu + 1) / 2) is a half-t of scale nu^-0.5
    exact = bm.HalfStudentT(nu, nu**-0.5)
    tau = result.marginal("tau")
    points = exact.ppf([0.01, 0.2, 0.5, 0.8, 0.99])
    np.testing.assert_allclose(tau.cdf(points), exact.cdf(points), atol=1e-9)
    assert tau.mean() == pytest.approx(exact.mean(), rel=1e-8)
    assert tau.sd() == pytest.approx(exact.sd(), rel=1e-6)
    total = gammaln(nu / 2) - gammaln((nu + 1) / 2) + 0.5 * np.log(np.pi) - np.log(2)
    evidence = total - (k - 1) / 2 * np.log(2 * np.pi) - 0.5 * np.log(k)
    assert result.fit.log_evidence == pytest.approx(evidence, rel=1e-9)
