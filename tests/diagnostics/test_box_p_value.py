"""Box's P value: chi-square tails, direct simulation, uniformity under the prior predictive."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import chi2, kstest, multivariate_normal

import bayesmeta as bm
from bayesmeta.diagnostics.box_p_value import _log_density
from bayesmeta.errors import DataError, SpecificationError

SCHOOLS = bm.load_dataset("eight_schools")


def test_a_known_tau_gives_a_chi_square_tail():
    covariance = np.diag(SCHOOLS.v + 25) + 400
    distance = (SCHOOLS.y - 3) @ np.linalg.solve(covariance, SCHOOLS.y - 3)
    found = bm.box_p_value(SCHOOLS, bm.NormalNormal(mu=bm.Normal(3, 20), tau=bm.PointMass(5)))
    assert_allclose(found.value, chi2(8).sf(distance), rtol=1e-11)
    assert_allclose(found.log_density, multivariate_normal(np.full(8, 3.0), covariance).logpdf(SCHOOLS.y), rtol=1e-11)
    assert (found.mcse, found.draws) == (0, 0)


COV = np.diag([0.2, 0.1, 0.4, 0.3, 0.15]) + 0.04 * (np.eye(5, k=1) + np.eye(5, k=-1))
DOSES = bm.Estimates(y=[0.3, -0.9, 1.6, 0.2, 0.1], cov=COV, covariates={"dose": [0.0, 1.0, 3.0, 1.5, 2.5]})


@pytest.mark.parametrize("fixed", [False, True])
def test_a_regression_with_correlated_estimates(fixed):
    slope = bm.PointMass(-0.5) if fixed else bm.Normal(-0.5, 0.3)
    model = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(1, 2), tau=bm.PointMass(0.4), beta={"dose": slope})
    dose = DOSES.covariates["dose"].to_numpy()
    covariance = COV + 0.16 * np.eye(5) + 4 + (0 if fixed else 0.09 * np.outer(dose, dose))
    found = bm.box_p_value(DOSES, model)
    exact = multivariate_normal(1 - 0.5 * dose, covariance)
    assert_allclose(found.log_density, exact.logpdf(DOSES.y), rtol=1e-10)
    gap = DOSES.y - exact.mean
    assert_allclose(found.value, chi2(5).sf(gap @ np.linalg.solve(covariance, gap)), rtol=1e-10)


@pytest.mark.parametrize(
    ("mu", "tau"),
    [
        (bm.Normal(0, 1), bm.HalfNormal(0.7)),
        (bm.Normal(0.5, 1), bm.HalfCauchy(0.3)),
        (
            bm.Mixture([(1, bm.Normal(-1, 0.2)), (1, bm.Normal(1, 0.2))]),
            bm.Mixture([(1, bm.PointMass(0)), (2, bm.Uniform(0, 2))]),
        ),
    ],
)
def test_one_study_by_numerical_integration(mu, tau):
    """The density of one estimate on a grid: Box's P is the mass where it is no higher."""
    y, se, model = 1.6, 0.4, bm.NormalNormal(mu=mu, tau=tau)
    found = bm.box_p_value(bm.Estimates(y=[y], se=[se]), model, draws=3000)

    def density(x):
        return math.exp(bm.fit(bm.Estimates(y=[x], se=[se]), model).log_marginal_likelihood)  # tested elsewhere

    rng, n = np.random.default_rng(5), 200_000
    simulated = mu.rvs(n, rng) + np.sqrt(se**2 + tau.rvs(n, rng) ** 2) * rng.standard_normal(n)
    grid = np.linspace(-9, 10, 39)
    higher = np.array([density(x) for x in grid]) > density(y)
    crossings = [
        _crossing(density, density(y), grid[i], grid[i + 1]) for i in np.flatnonzero(higher[:-1] != higher[1:])
    ]
    inside = np.zeros(n, dtype=bool)
    for low, high in zip(crossings[::2], crossings[1::2], strict=True):
        inside |= (simulated > low) & (simulated < high)
    assert abs(found.value - (1 - inside.mean())) < 4 * math.hypot(found.mcse, 0.5 / math.sqrt(n))
    assert found.mcse < 0.01


def _crossing(density, level, low, high):
    for _ in range(15):
        middle = (low + high) / 2
        low, high = (middle, high) if (density(middle) > level) == (density(low) > level) else (low, middle)
    return low


def test_it_is_uniform_under_the_prior_predictive():
    """80 data sets of three studies. Fixed seed."""
    rng = np.random.default_rng(13)
    se, model = np.array([0.2, 0.5, 0.3]), bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.7))
    values = []
    for _ in range(80):
        mu, tau = model.mu.rvs(None, rng), model.tau.rvs(None, rng)
        y = mu + np.sqrt(se**2 + tau**2) * rng.standard_normal(3)
        values.append(bm.box_p_value(bm.Estimates(y=y, se=se), model, draws=200).value)
    assert kstest(values, "uniform").pvalue > 0.01


def test_the_log_density_is_the_marginal_likelihood():
    """By adaptive quadrature over tau, mu integrated out by algebra."""
    v, y = SCHOOLS.v, SCHOOLS.y
    model = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))

    def integrand(tau):
        return float(model.tau.pdf(tau)) * math.exp(
            multivariate_normal(np.zeros(8), np.diag(v + tau**2) + 400).logpdf(y) + 30
        )

    exact = math.log(quad(integrand, 0, 100, epsrel=1e-9, limit=100)[0]) - 30
    found = bm.box_p_value(SCHOOLS, model, draws=100)
    assert_allclose(found.log_density, exact, rtol=1e-8)
    assert found == bm.box_p_value(SCHOOLS, model, draws=100)


def test_the_rule_that_compares_densities():
    """Its log densities are the marginal likelihoods, for many studies too, where tau is known well."""
    rng = np.random.default_rng(2)
    for k, mu, tau in (
        (3, bm.Normal(0, 1), bm.HalfNormal(0.5)),
        (40, bm.Cauchy(0, 1), bm.HalfCauchy(0.5)),
        (8, bm.PointMass(0), bm.Uniform(0, 3)),
    ):
        se = rng.uniform(0.1, 0.5, k)
        y = np.vstack([rng.normal(0.5, np.hypot(se, spread)) for spread in (0.02, 0.4, 2.0)])
        found = _log_density(y, se**2, mu, tau)
        wanted = [
            bm.fit(bm.Estimates(y=row, se=se), bm.NormalNormal(mu=mu, tau=tau)).log_marginal_likelihood for row in y
        ]
        assert_allclose(found, wanted, atol=1e-5)


def test_contradiction():
    near, far = bm.Normal(8, 5), bm.Normal(-60, 5)
    values = [
        bm.box_p_value(SCHOOLS, bm.NormalNormal(mu=mu, tau=bm.HalfNormal(5)), draws=500).value for mu in (near, far)
    ]
    assert values[0] > 0.3
    assert values[1] == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (bm.NormalNormal(tau=bm.HalfNormal(1)), "proper priors only"),
        (bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.Jeffreys()), "proper priors only"),
        (bm.Normal(0, 1), "takes a NormalNormal"),
    ],
)
def test_refused_models(model, message):
    with pytest.raises(SpecificationError, match=message):
        bm.box_p_value(SCHOOLS, model)


def test_other_refusals():
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    with pytest.raises(SpecificationError, match="independent estimates without covariates"):
        bm.box_p_value(DOSES, model)
    with pytest.raises(SpecificationError, match="draws=0"):
        bm.box_p_value(SCHOOLS, model, draws=0)
    with pytest.raises(DataError, match="takes a NormalNormal of Estimates, .* got"):
        bm.box_p_value([1.0], model)
