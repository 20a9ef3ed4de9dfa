"""Priors that no golden file holds, against posteriors found without conjugacy or with textbook algebra.

Student t, Cauchy and mixtures on mu: a product rule over tau and mu. The others: panels over log(tau).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import lognorm

import bayesmeta as bm

LEVELS = np.array([1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-4])
SCHOOLS = ([28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16], [14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6])
FAR = ([100.0, 100.3, 99.8], [0.2, 0.3, 0.25])
ROUNDING = 1e-12

ON_MU = {
    "Cauchy": (*SCHOOLS, bm.Cauchy(0, 5), 0),
    "Cauchy, off centre": (*SCHOOLS, bm.Cauchy(-30, 1), -30),
    "t": (*SCHOOLS, bm.StudentT(4, 0, 5), 0),
    "t, heavy": (*SCHOOLS, bm.StudentT(0.5, 0, 1), 0),
    "t, nearly normal": (*SCHOOLS, bm.StudentT(100, 0, 1), 0),
    "Cauchy, conflict": (*FAR, bm.Cauchy(0, 1), 0),
    "t, conflict": (*FAR, bm.StudentT(4, 0, 1), 0),
    "t, nearly normal, conflict": (*FAR, bm.StudentT(30, 0, 1), 0),
    "mixture of normals": (*SCHOOLS, bm.Mixture([(0.3, bm.Normal(0, 1)), (0.7, bm.Normal(8, 20))]), 0),
    "robust mixture": (*SCHOOLS, bm.Mixture([(0.5, bm.Normal(0, 1)), (0.5, bm.StudentT(3, 0, 20))]), 0),
    "one precise study": ([0.4], [0.001], bm.Cauchy(0, 1), 0),
}


@pytest.mark.parametrize("name", ON_MU)
def test_a_prior_on_mu_that_is_not_normal(name, plane):
    y, se, prior, location = ON_MU[name]
    scale = bm.HalfNormal(5 if y is SCHOOLS[0] else 0.5)
    result = bm.fit(bm.Estimates(y, se), bm.NormalNormal(mu=prior, tau=scale), "quadrature")
    mu, tau = result.marginal("mu"), result.marginal("tau")
    x, t = mu.ppf(LEVELS), tau.ppf(LEVELS)
    exact = plane(
        y, se, log_prior_mu=prior.logpdf, log_prior_tau=scale._logpdf_of_log, high=6.0, tau_breaks=t, mu_breaks=x,
        around=[location],
    )  # fmt: skip
    assert result.error_bound < 5e-8  # the rule over a t prior's scale is fixed
    np.testing.assert_allclose(mu.cdf(x), exact.mu_cdf(x), rtol=0, atol=result.error_bound + ROUNDING)
    np.testing.assert_allclose(tau.cdf(t), exact.tau_cdf(t), rtol=0, atol=result.error_bound + ROUNDING)
    assert result.log_marginal_likelihood == pytest.approx(exact.log_evidence, rel=1e-10)
    np.testing.assert_allclose((mu.mean(), mu.sd()), exact.moments(exact.mu), rtol=1e-7)
    np.testing.assert_allclose((tau.mean(), tau.sd()), exact.moments(exact.tau), rtol=1e-7)


def test_data_a_hundred_million_scales_away_lengthen_the_rule_over_a_t_prior():
    """The log prior has slope -31 / mu there, so that it moves the mean by that times the variance, and little else."""
    y, se = np.array(FAR[0]) * 1e6, FAR[1]
    tau = bm.HalfNormal(0.5)
    far = bm.fit(bm.Estimates(y - 99e6, se), bm.NormalNormal(mu=bm.StudentT(30, -99e6, 1), tau=tau), "quadrature")
    flat = bm.fit(bm.Estimates(y - 99e6, se), bm.NormalNormal(tau=tau), "quadrature")
    assert far.error_bound < 1e-8
    mean, sd = flat.marginal("mu").mean(), flat.marginal("mu").sd()
    assert far.marginal("mu").mean() - mean == pytest.approx(-31 / (mean + 99e6) * sd**2, rel=1e-3)
    assert far.marginal("mu").sd() == pytest.approx(sd, rel=1e-5)


X = np.array([1990.0, 1993, 1996, 1999, 2004, 2007, 2009, 2010])
CENTRED = np.column_stack([np.ones(8), X - 2001])


def _assert_same(result, exact, contrasts):
    """CDFs of tau and of contrasts, given as an expression and as weights of the witness's coefficients."""
    tau = result.marginal("tau")
    points = tau.ppf(LEVELS)
    inside = exact.tau_cdf(points)
    np.testing.assert_allclose(tau.cdf(points), inside, rtol=0, atol=1e-8)
    for expression, weights in contrasts.items():
        marginal = result.marginal(expression)
        points = marginal.ppf(LEVELS)
        np.testing.assert_allclose(marginal.cdf(points), exact.cdf(weights, points), rtol=0, atol=1e-8)
        mean, sd = exact.moments(weights)
        assert marginal.mean() == pytest.approx(mean, abs=1e-8 * sd)
        assert marginal.sd() == pytest.approx(sd, rel=1e-7)


def _breaks(data, model):
    return bm.fit(data, model, "quadrature").marginal("tau").ppf(LEVELS)


def test_years_that_are_not_centred(witness):
    """The same posterior as that of centred years: mu at the year 0 is 2,001 slopes away."""
    data = bm.Estimates(*SCHOOLS, covariates={"year": X})
    model = bm.NormalNormal(formula="1 + year", tau=bm.HalfNormal(5))
    exact = witness(SCHOOLS[0], np.square(SCHOOLS[1]), CENTRED, log_prior=bm.HalfNormal(5)._logpdf_of_log,
                    breaks=_breaks(data, model))  # fmt: skip
    contrasts = {"year": [0, 1], "mu + 2001 * year": [1, 0], "mu": [1, -2001], "mu + 1990 * year": [1, -11]}
    _assert_same(bm.fit(data, model, "quadrature"), exact, contrasts)


def test_a_quadratic_in_years(witness):
    data = bm.Estimates(*SCHOOLS, covariates={"year": X})
    model = bm.NormalNormal(formula="1 + year + I(year**2)", tau=bm.HalfNormal(5))
    design = np.column_stack([CENTRED, (X - 2001) ** 2])
    exact = witness(SCHOOLS[0], np.square(SCHOOLS[1]), design, log_prior=bm.HalfNormal(5)._logpdf_of_log)
    result = bm.fit(data, model, "quadrature")
    square = result.coefficients[1]
    mean, sd = exact.moments([0, 0, 1])
    assert result.marginal(square).mean() == pytest.approx(mean, abs=1e-6 * sd)
    assert result.marginal(square).sd() == pytest.approx(sd, rel=1e-6)


def test_a_formula_without_intercept(witness):
    group = np.array([0, 1, 0, 1, 1, 0, 1, 0.0])
    data = bm.Estimates(*SCHOOLS, covariates={"a": 1 - group, "b": group})
    priors = {"a": bm.Normal(0, 5), "b": bm.Normal(3, 10)}
    model = bm.NormalNormal(formula="0 + a + b", tau=bm.HalfCauchy(5), beta=priors)
    exact = witness(SCHOOLS[0], np.square(SCHOOLS[1]), np.column_stack([1 - group, group]), mean=[0, 3],
                    precision=np.diag([1 / 25, 1 / 100]), log_prior=bm.HalfCauchy(5)._logpdf_of_log,
                    breaks=_breaks(data, model))  # fmt: skip
    result = bm.fit(data, model, "quadrature")
    assert "theta_new" not in result.parameters
    _assert_same(result, exact, {"a": [1, 0], "b": [0, 1], "b - a": [-1, 1]})
    assert result.log_marginal_likelihood == pytest.approx(exact.log_evidence, rel=1e-11)


def test_a_joint_normal_prior(witness):
    data = bm.Estimates(*SCHOOLS, covariates={"x": X - 2000})
    cov = np.array([[25.0, 3.5], [3.5, 1.0]])
    joint = {("mu", "x"): bm.MultivariateNormal([2, 0.5], cov.tolist())}
    model = bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(5), beta=joint)
    exact = witness(SCHOOLS[0], np.square(SCHOOLS[1]), np.column_stack([np.ones(8), X - 2000]), mean=[2, 0.5],
                    precision=np.linalg.inv(cov), log_prior=bm.HalfNormal(5)._logpdf_of_log,
                    breaks=_breaks(data, model))  # fmt: skip
    result = bm.fit(data, model, "quadrature")
    _assert_same(result, exact, {"mu": [1, 0], "x": [0, 1], "mu - 3 * x": [1, -3]})
    assert result.log_marginal_likelihood == pytest.approx(exact.log_evidence, rel=1e-11)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_a_known_covariance(shared, witness):
    y, se = (np.array(values) for values in SCHOOLS)
    cov = np.diag(se**2)
    for block in (slice(0, 2), slice(2, 5)):
        cov[block, block] = np.where(np.eye(cov[block, block].shape[0]) > 0, cov[block, block],
                                     shared * np.outer(se[block], se[block]))  # fmt: skip
    data, model = bm.Estimates(y, cov=cov), bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(5))
    exact = witness(y, cov, mean=[0], precision=[[1 / 400]], log_prior=bm.HalfNormal(5)._logpdf_of_log,
                    low=-20, high=6, breaks=_breaks(data, model))  # fmt: skip
    result = bm.fit(data, model, "quadrature")
    _assert_same(result, exact, {"mu": [1]})
    assert result.log_marginal_likelihood == pytest.approx(exact.log_evidence, abs=1e-8)
    inverse = np.linalg.inv(cov + exact.tau[:, None, None] ** 2 * np.eye(8))
    gain = exact.tau[:, None, None] ** 2 * inverse
    theta = exact.mass @ (exact.mean + np.einsum("nij,nj->ni", gain, y - exact.mean))
    np.testing.assert_allclose(result.shrinkage()["mean"], theta, rtol=1e-8)


def test_a_function_of_the_user_is_the_family_that_it_is():
    data = bm.Estimates(*SCHOOLS)
    own = bm.CustomScale(lambda tau: lognorm(0.87, scale=np.exp(1.0)).logpdf(tau), name="log-normal")
    fits = [bm.fit(data, bm.NormalNormal(tau=prior), "quadrature") for prior in (own, bm.LogNormal(1, 0.87))]
    mine, family = (fit.marginal("tau") for fit in fits)
    np.testing.assert_allclose(mine.ppf(LEVELS), family.ppf(LEVELS), rtol=1e-7)
    assert fits[0].fit.log_evidence == pytest.approx(fits[1].fit.log_evidence, abs=1e-9)


def test_a_mixture_on_tau_is_the_average_of_its_parts():
    data, mu = bm.Estimates(*SCHOOLS), bm.Normal(0, 20)
    parts = [(0.2, bm.PointMass(0)), (0.5, bm.HalfNormal(5)), (0.3, bm.LogNormal(1, 0.5))]
    own = [bm.fit(data, bm.NormalNormal(mu=mu, tau=prior), "quadrature") for _, prior in parts]
    both = bm.fit(data, bm.NormalNormal(mu=mu, tau=bm.Mixture(parts)), "quadrature")
    evidence = np.array([w * np.exp(fit.log_marginal_likelihood) for (w, _), fit in zip(parts, own, strict=True)])
    assert np.exp(both.log_marginal_likelihood) == pytest.approx(evidence.sum(), rel=1e-9)
    for name, points in (("tau", [0.0, 0.5, 2, 9]), ("mu", [-3, 5, 11]), ("theta_new", [-9, 4, 20])):
        averaged = (evidence / evidence.sum()) @ [fit.marginal(name).cdf(points) for fit in own]
        np.testing.assert_allclose(both.marginal(name).cdf(points), averaged, rtol=0, atol=2e-8)
    assert both.bayes_factor("tau = 0") == pytest.approx(evidence[0] / 0.2 / (evidence[1:].sum() / 0.8), rel=1e-8)
    assert both.marginal("tau").ppf(0.05) == 0


def test_a_t_prior_on_a_coefficient_is_a_mixture_of_normal_ones():
    """A t prior with two more is the limit of many; here of 400 equally likely variances."""
    from scipy.stats import gamma

    data = bm.Estimates(*SCHOOLS, covariates={"x": (X - 2001) / 10})
    n, nu, scale = 400, 5, 4.0
    share = (np.arange(n) + 0.5) / n
    sds = scale / np.sqrt(gamma(nu / 2, scale=2 / nu).ppf(share))
    grid = bm.Mixture([(1 / n, bm.Normal(1, sd)) for sd in sds])
    fits = [
        bm.fit(data, bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 10), tau=bm.HalfNormal(5), beta={"x": prior}))
        for prior in (bm.StudentT(nu, 1, scale), grid)
    ]
    t, mixture = (fit.marginal("x") for fit in fits)
    np.testing.assert_allclose(t.cdf(t.ppf(LEVELS[1:-1])), mixture.cdf(t.ppf(LEVELS[1:-1])), rtol=0, atol=1e-4)
    assert fits[0].log_marginal_likelihood == pytest.approx(fits[1].log_marginal_likelihood, abs=1e-4)
