"""What priors say: published readings, closed forms, SciPy's studentized range, and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm, studentized_range

import bayesmeta as bm
from bayesmeta.diagnostics.heterogeneity_scale import range_cdf, tau_rule
from bayesmeta.errors import SpecificationError


def rows(model, **options):
    return bm.prior_predictive(model, **options).table


def test_published_readings():
    """Röver (2020), section 2.2: with half-normal scale 0.5 true odds ratios lie within a factor of 3 of the mean with
    95% probability, with scale 1 within a factor of 9; under a half-Cauchy of 0.5 the 97.5% point is 5.05, OR 156."""
    factor = [math.exp(rows(bm.HalfNormal(scale)).loc["deviation", "upper"]) for scale in (0.5, 1)]
    assert [round(x) for x in factor] == [3, 9]
    far = rows(bm.HalfCauchy(0.5)).loc["deviation", "upper"]
    assert round(far, 2) == 5.05
    assert round(math.exp(far)) == 156


def test_functions_of_tau_in_closed_form():
    """Quantiles of a half-normal are those of |Z| times its scale."""
    found = rows(bm.HalfNormal(0.5), v=0.1, ratio=True, ci_prob=0.9)
    tau = 0.5 * norm.ppf((1 + np.array([0.5, 0.05, 0.95])) / 2)
    width = norm.ppf(0.975) - norm.ppf(0.025)
    assert_allclose(found.loc["tau"], tau, rtol=1e-12)
    assert_allclose(found.loc["spread"], width * tau, rtol=1e-12)
    assert_allclose(found.loc["spread_ratio"], np.exp(width * tau), rtol=1e-12)
    assert_allclose(found.loc["I2"], tau**2 / (tau**2 + 0.1), rtol=1e-12)


def test_i2_takes_the_typical_variance_that_the_posterior_takes():
    """Higgins and Thompson's, written out."""
    v = np.array([0.1, 0.3, 0.05])
    w = 1 / v
    typical = 2 * w.sum() / (w.sum() ** 2 - (w**2).sum())
    tau = bm.HalfNormal(0.5).ppf([0.5, 0.025, 0.975])
    assert_allclose(rows(bm.HalfNormal(0.5), v=v).loc["I2"], tau**2 / (tau**2 + typical), rtol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 7, 40, 300])
def test_the_range_of_normals(k):
    w = np.array([0.1, 1, 2.5, 4, 7])
    assert_allclose(range_cdf(w, k), studentized_range.cdf(w, k, np.inf), atol=1e-11)
    assert range_cdf(np.array([-1.0, 0.0]), k).tolist() == [0, 0]


PRIORS = [
    bm.HalfNormal(0.5),
    bm.HalfCauchy(0.3),
    bm.Uniform(0.1, 2),
    bm.OnVariance(bm.LogNormal(-2.5, 1.7)),
    bm.InvGamma(1.7, 0.4),
]


@pytest.mark.parametrize("prior", PRIORS)
def test_means_over_tau(prior):
    """A bounded function of tau, by adaptive quadrature over log tau."""
    nodes, weights = tau_rule(prior)

    def integrand(u):
        tau = math.exp(u)
        return tau * float(prior.pdf(tau)) * float(studentized_range.cdf(1.2 / tau, 4, np.inf)) if tau < 50 else 0.0

    exact = quad(integrand, -30, math.log(50), epsabs=1e-9, limit=60, points=[math.log(0.1), math.log(2)])[0]
    assert_allclose(weights.sum(), 1, rtol=1e-12)
    found = float(weights[nodes < 50] @ range_cdf(1.2 / nodes[nodes < 50], 4))
    assert_allclose(found, exact, atol=1e-7)


@pytest.mark.parametrize(
    "prior", [bm.HalfNormal(0.5), bm.HalfCauchy(0.3), bm.Mixture([(1, bm.PointMass(0)), (3, bm.Uniform(0, 2))])]
)
def test_ranges_and_signs_against_simulation(prior):
    n, k, rng = 200_000, 5, np.random.default_rng(20260101)
    mu_prior = bm.StudentT(4, 0.3, 0.6)
    found = bm.prior_predictive(bm.NormalNormal(mu=mu_prior, tau=prior), n_studies=k)
    tau, mu = prior.rvs(n, rng), mu_prior.rvs(n, rng)
    theta = mu[:, None] + tau[:, None] * rng.standard_normal((n, k))
    for name, draws in (("range", np.ptp(theta, axis=1)), ("deviation", theta[:, 0] - mu), ("theta_new", theta[:, 0])):
        for q, x in zip((0.5, 0.025, 0.975), found.table.loc[name], strict=True):
            mcse = math.sqrt(q * (1 - q) / n)
            at_most, below = np.mean(draws <= x + 1e-12), np.mean(draws < x - 1e-12)
            assert below - 4 * mcse < q < at_most + 4 * mcse, (name, q, x)
    opposite = np.mean(theta[:, 0] * theta[:, 1] < 0)
    mcse = math.sqrt(opposite * (1 - opposite) / n)
    assert abs(found.opposite_signs - opposite) < 4 * mcse < 0.005


@pytest.mark.parametrize(("mean", "sd", "tau"), [(0.0, 1.0, 0.5), (1.0, 0.7, 0.5), (-2.0, 0.3, 3.0)])
def test_opposite_signs_of_two_studies(mean, sd, tau):
    """The two effects are bivariate normal: SciPy's distribution function, and arccos(r) / pi around zero."""
    found = bm.prior_predictive(bm.NormalNormal(mu=bm.Normal(mean, sd), tau=bm.PointMass(tau))).opposite_signs
    total, shared = sd**2 + tau**2, sd**2
    both = multivariate_normal([mean, mean], [[total, shared], [shared, total]])
    below = float(both.cdf([0, 0]))
    assert_allclose(found, 2 * (norm.cdf(0, mean, math.sqrt(total)) - below), atol=1e-7)
    if mean == 0:
        assert_allclose(found, math.acos(shared / total) / math.pi, rtol=1e-12)


def test_a_known_tau():
    """Two normals differ by a normal; a new study's effect is normal."""
    found = bm.prior_predictive(bm.NormalNormal(mu=bm.Normal(1, 2), tau=bm.PointMass(0.5)), n_studies=2).table
    q = np.array([0.5, 0.025, 0.975])
    assert_allclose(found.loc["range"], 0.5 * math.sqrt(2) * norm.ppf((1 + q) / 2), rtol=1e-9)
    assert_allclose(found.loc["theta_new"], norm(1, math.sqrt(4.25)).ppf(q), rtol=1e-9)
    none = bm.prior_predictive(bm.NormalNormal(mu=bm.Normal(1, 2), tau=bm.PointMass(0)))
    assert none.opposite_signs == 0
    assert none.table.loc[["tau", "spread", "range", "deviation"]].to_numpy().any() == np.False_
    fixed = bm.prior_predictive(bm.NormalNormal(mu=bm.PointMass(0), tau=bm.HalfNormal(1)))
    assert_allclose(fixed.opposite_signs, 0.5, rtol=1e-10)


@settings(max_examples=8, deadline=None)
@given(scale=st.floats(1e-3, 1e3), k=st.integers(2, 30))
def test_scales_carry_over(scale, k):
    one, other = rows(bm.HalfNormal(1), n_studies=k), rows(bm.HalfNormal(scale), n_studies=k)
    assert_allclose(other.to_numpy(), scale * one.to_numpy(), rtol=1e-8, atol=1e-12 * scale)


def test_no_prior_on_mu():
    found = bm.prior_predictive(bm.NormalNormal(tau=bm.HalfNormal(1)))
    assert found.opposite_signs is None
    assert list(found.table.index) == ["tau", "spread", "range", "deviation"]
    assert "A true effect minus the mean" in str(found)


@pytest.mark.parametrize(
    ("prior", "options", "message"),
    [
        (bm.ImproperUniform(), {}, "does not integrate to one"),
        (bm.DuMouchel(), {}, r"give DuMouchel\(\).given"),
        (bm.Normal(0, 1), {}, "puts mass below zero"),
        (0.5, {}, "must be a prior"),
        (bm.HalfNormal(1), {"n_studies": 1}, "at least 2"),
        (bm.HalfNormal(1), {"v": [0.1, -1]}, "positive and finite"),
        (bm.HalfNormal(1), {"v": []}, "positive and finite"),
        (bm.HalfNormal(1), {"v": "a"}, "v must hold numbers only"),
        (bm.HalfNormal(1), {"ci_prob": 95}, "95% is 0.95"),
        (bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(1)), {}, "without covariates"),
    ],
)
def test_refusals(prior, options, message):
    with pytest.raises(SpecificationError, match=message):
        bm.prior_predictive(prior, **options)
