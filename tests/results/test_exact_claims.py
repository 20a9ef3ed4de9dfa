"""Exact probabilities of claims against independent draws of the same posterior, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import bayesmeta as bm
from bayesmeta.results.claims import evaluate
from bayesmeta.results.exact_claims import bivariate_cdf, exact_probability

DOSE = [30.0, 80, 42, 55, 60, 20, 75]
DATA = bm.Estimates(
    [-1.9, -0.4, -0.7, -2.5, 0.3, -1.1, -3.0],
    [0.6, 0.3, 0.4, 0.9, 0.5, 0.35, 1.2],
    covariates={"dose": np.array(DOSE) / 50 - 1, "crps": [1, 0, 0, 1, 0, 1, 1]},
)
SPIKE = bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))])
MODELS = {
    "regression": bm.NormalNormal(
        formula="1 + dose + crps",
        mu=bm.Normal(0, 2),
        tau=bm.HalfNormal(1),
        beta={"dose": bm.Normal(0, 2), "crps": bm.Normal(0, 2)},
    ),
    "mixtures": bm.NormalNormal(
        formula="1 + dose",
        mu=bm.Mixture([(0.3, bm.Normal(-2, 0.3)), (0.7, bm.Normal(0, 2))]),
        tau=bm.Mixture([(0.2, bm.PointMass(0.5)), (0.8, bm.HalfCauchy(1))]),
        beta={"dose": bm.Mixture([(0.5, bm.Normal(0, 0.2)), (0.5, bm.Normal(1, 2))])},
    ),
    "spikes": bm.NormalNormal(
        formula="1 + dose",
        mu=SPIKE,
        tau=bm.Mixture([(0.4, bm.PointMass(0)), (0.6, bm.Uniform(0.1, 3))]),
        beta={"dose": SPIKE},
    ),
}
CLAIMS = [
    "mu < -1",
    "mu >= -1",
    "dose > 0",
    "mu + dose < -1.2",
    "2 * mu - dose <= -2",
    "theta_new < 0",
    "theta_new - mu > 0.5",
    "theta_new > mu",
    "theta_new + dose < -0.5",
    "tau > 0.5",
    "tau <= 0",
    "-1.5 < mu < -0.5",
    "-1.5 < mu + 0.5 * dose <= 0",
    "0.3 < tau < 0.9",
    "mu < -1 and tau < 0.7",
    "mu < -1 or tau > 0.7",
    "not (mu < -1 and tau < 0.7)",
    "mu < -1 and dose < 0",
    "mu < -1 or (dose > 0 and tau > 0.4)",
    "mu < -1 and theta_new < -1",
    "mu < 0 and theta_new > 0 and 0.2 < tau < 2",
    "mu < 0 and dose < 0 and mu + 0 * dose < -1",
    "mu < -tau",
    "mu + 2 * tau < 0",
    "theta_new < 3 * tau - 2",
    "tau > -1 and mu < -1",
    "mu > 0",
    "mu < 0",
    "dose >= 0 and mu < 0",
    "dose <= 0",
    "1 > 2 or mu < -1",
]


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    result = bm.fit(DATA, MODELS[request.param], "quadrature", seed=11, draws=5_000, chains=4)
    names = result.parameters
    draws = {name: result.draws(name).ravel() for name in names}
    return result, draws, names


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_has_the_probability_that_draws_give_it(fitted, claim):
    result, draws, names = fitted
    found = exact_probability(result.fit, claim, names)
    assert found is not None
    assert result.probability(claim) == found
    assert result.probability_mcse(claim) == 0
    holds = np.asarray(evaluate(claim, draws.__getitem__, names), float) * np.ones(draws["mu"].size)
    mcse = np.sqrt(max(found * (1 - found), 1 / holds.size) / holds.size)
    assert abs(holds.mean() - found) <= 4 * mcse, f"{holds.mean()} from draws, {found} exact, MCSE {mcse:.2g}"


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_and_its_opposite_add_to_one(fitted, claim):
    result, _, _ = fitted
    total = result.probability(claim) + result.probability(f"not ({claim})")
    assert total == pytest.approx(1, abs=1e-9)
    assert 0 <= result.probability(claim) <= 1


@pytest.mark.parametrize(("name", "strict", "closed"), [("mu", "<", "<="), ("dose", ">", ">="), ("tau", ">", ">=")])
def test_a_point_mass_at_the_threshold_is_counted_as_the_sign_says(name, strict, closed):
    result = bm.fit(DATA, MODELS["spikes"], "quadrature")
    index = -1 if name == "tau" else result.fit.names.index(name)
    spike = sum(p.probability for p in result.fit.parts if (p.scale == 0.0 if index < 0 else index in p.piece.fixed))
    assert 0 < spike < 1
    gap = result.probability(f"{name} {closed} 0") - result.probability(f"{name} {strict} 0")
    assert gap == pytest.approx(spike, abs=1e-12)


@pytest.mark.parametrize("claim", ["abs(mu) > 1", "mu * dose > 0", "mu < -1 and dose < 0 and mu + dose < -1"])
def test_a_claim_without_an_exact_form_comes_from_draws_and_says_so(claim):
    result = bm.fit(DATA, MODELS["regression"], "quadrature")
    assert exact_probability(result.fit, claim, result.parameters) is None
    assert result.probability_mcse(claim) > 0


def test_two_directions_agree_with_one_where_they_are_the_same():
    result = bm.fit(DATA, MODELS["regression"], "quadrature")
    assert result.probability("mu < -1 and 2 * mu < -2") == pytest.approx(result.probability("mu < -1"), abs=1e-14)
    near = result.probability("mu < -1 and mu + 1e-9 * dose < -1")  # almost the same direction
    assert near == pytest.approx(result.probability("mu < -1"), abs=1e-6)


def test_the_bivariate_distribution_function_is_that_of_scipy():
    rng = np.random.default_rng(3)
    h, k, rho = rng.normal(0, 2, 60), rng.normal(0, 2, 60), rng.uniform(-0.999, 0.999, 60)
    h[:3], k[2:5] = 0.0, 0.0
    wanted = [
        multivariate_normal.cdf([a, b], [0, 0], [[1, r], [r, 1]], abseps=1e-12, releps=1e-12)
        for a, b, r in zip(h, k, rho, strict=True)
    ]
    np.testing.assert_allclose(bivariate_cdf(h, k, rho), wanted, atol=1e-10)


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_the_bivariate_distribution_function_at_perfect_correlation(rho):
    from scipy.special import ndtr

    h, k = np.meshgrid([-2.0, -0.3, 0.0, 0.4, 1.7], [-1.1, 0.0, 0.3, 2.0])
    wanted = ndtr(np.minimum(h, k)) if rho > 0 else np.maximum(ndtr(h) + ndtr(k) - 1, 0)
    np.testing.assert_allclose(bivariate_cdf(h, k, np.array(rho)), wanted, atol=1e-12)


def test_the_bivariate_distribution_function_has_its_margins():
    from scipy.special import ndtr

    h, rho = np.linspace(-8, 8, 33), np.linspace(-0.99, 0.99, 33)
    np.testing.assert_allclose(bivariate_cdf(h, np.array(1e30), rho), ndtr(h), atol=1e-15)
    np.testing.assert_allclose(bivariate_cdf(np.array(-1e30), h, rho), 0, atol=1e-300)
