"""Exact probabilities of claims against independent draws of the same posterior, and against each other."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.results.claim_cells import bivariate_cdf
from bayesmeta.results.claims import evaluate
from bayesmeta.results.exact_claims import exact_probability

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
EQUAL = [  # two ways to write one claim
    ("abs(mu) < 0.1", "-0.1 < mu < 0.1"),
    ("abs(mu + dose) >= 0.4", "mu + dose <= -0.4 or mu + dose >= 0.4"),
    ("abs(mu) < abs(dose)", "(mu - dose < 0 and mu + dose > 0) or (mu - dose > 0 and mu + dose < 0)"),
    ("abs(abs(mu) - 1) < 0.2", "0.8 < mu < 1.2 or -1.2 < mu < -0.8"),
    ("abs(mu) < tau", "-tau < mu and mu < tau"),
    ("exp(mu) < 0.8", "mu < -0.2231435513142097557662950903"),
    ("exp(-mu) <= 0.8", "mu >= 0.2231435513142097557662950903"),
    ("exp(mu) < -1", "1 > 2"),
    ("exp(mu) < 0.8 * exp(dose)", "mu - dose < -0.2231435513142097557662950903"),
    ("expit(mu) > 0.5", "mu > 0"),
    ("expit(mu - dose) <= 0.8", "mu - dose <= 1.386294361119890618834464243"),
    ("0.2 < expit(mu) < 0.8", "-1.386294361119890618834464243 < mu < 1.386294361119890618834464243"),
    ("1 - expit(mu) < 0.2", "mu > 1.386294361119890618834464243"),
    ("expit(mu) > 1", "1 > 2"),
    ("mu < expit(-1000)", "mu < 0"),
    ("2 ** mu > 0.5", "mu > -1"),
    ("log(tau + 1) < 0.5", "tau < 0.6487212707001281468486507878"),
    ("mu > 0 and log(mu) < -1", "0 < mu < 0.3678794411714423215955237702"),
    ("sqrt(tau + 1) < 1.5", "tau < 1.25"),
    ("tau ** 2 < 0.25", "tau < 0.5"),
    ("mu ** 2 >= 0.25", "mu <= -0.5 or mu >= 0.5"),
    ("mu ** 3 < -8", "mu < -2"),
    ("mu ** 2 + mu < 2", "-2 < mu < 1"),
    ("mu * mu > 1", "mu < -1 or mu > 1"),
    ("mu / (1 - mu) > 0.5", "0.3333333333333333333333 < mu < 1"),
    ("mu / (1 - mu) < 0.5", "mu < 0.3333333333333333333333 or mu > 1"),
    ("1 / (1 + exp(-mu)) > 0.25", "mu > -1.0986122886681096913952452369"),
    ("exp(mu) / (1 + exp(mu)) > 0.25", "mu > -1.0986122886681096913952452369"),
    ("mu * dose > 0", "(mu > 0 and dose > 0) or (mu < 0 and dose < 0)"),
    ("mu / (tau + 1) < -1", "mu < -tau - 1"),
    ("0 < 1 < mu", "mu > 1"),
    ("mu = 0", "mu <= 0 and mu >= 0"),
    ("mu == 0", "not (mu < 0 or mu > 0)"),
    ("exp(mu) == 1", "mu == 0"),
    ("mu < -tau and mu < -0.5", "mu < -0.5 and not (mu >= -tau)"),
]
CLAIMS = [
    *(claim for pair in EQUAL for claim in pair),
    "mu < -tau or (mu > 2 * tau and dose < 1)",
    "theta_new < mu - tau and dose > tau",
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


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_two_ways_to_write_a_claim_have_one_probability(fitted, one, other):
    result, _, _ = fitted
    assert result.probability(one) == pytest.approx(result.probability(other), abs=1e-12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mu * 1e200 * 1e200 < 0", "mu < 0"),
        ("1e-200 * mu * 1e-200 < 0", "mu < 0"),
        ("mu / 1e-200 / 1e-200 < dose * 1e200 * 1e200", "mu < dose"),
        ("tau * 1e-200 * 1e-200 > 0.1 * 1e-200 * 1e-200", "tau > 0.1"),
        ("exp(800 * mu) < 1e300 * 1e300", "mu < 1.726938819745534"),
    ],
)
def test_coefficients_beyond_the_range_of_floats_change_nothing(fitted, one, other):
    result, _, _ = fitted
    assert result.probability(one) == pytest.approx(result.probability(other), abs=1e-12)


@pytest.mark.parametrize("claim", ["log(mu) < 0", "sqrt(mu) < 1", "mu ** 0.5 < 1 or tau > 0.2", "not log(mu) > 0"])
def test_a_claim_that_is_undefined_for_a_part_of_the_posterior_is_refused(fitted, claim):
    result, _, _ = fitted
    share = result.probability("mu < 0" if "sqrt" in claim or "0.5" in claim else "mu <= 0")
    if " or " in claim:
        share = result.probability("mu < 0 and tau <= 0.2")
    with pytest.raises(bm.SpecificationError, match=re.escape(f"undefined in {100 * share:.2g}% of the posterior")):
        result.probability(claim)


def test_a_division_by_a_point_mass_at_zero_is_refused():
    result = bm.fit(DATA, MODELS["spikes"], "quadrature")
    with pytest.raises(bm.SpecificationError, match="undefined in .*% of the posterior"):
        result.probability("1 / mu > 1")
    assert bm.fit(DATA, MODELS["regression"], "quadrature").probability("1 / mu > 1") == pytest.approx(
        bm.fit(DATA, MODELS["regression"], "quadrature").probability("0 < mu < 1"), abs=1e-14
    )


def test_sums_that_are_equal_in_decimals_are_equal():
    """In floats 3 * 0.1 is more than 0.3, and a point mass would fall on the wrong side."""
    prior = bm.Mixture([(0.5, bm.PointMass(0.1)), (0.5, bm.Normal(0, 1))])
    result = bm.fit(DATA, bm.NormalNormal(mu=prior, tau=bm.HalfNormal(1)), "quadrature")
    spike = result.probability("mu = 0.1")
    assert spike == pytest.approx(result.probability("mu <= 0.1") - result.probability("mu < 0.1"), abs=1e-14)
    assert result.probability("3 * mu = 0.3") == spike > 0.05
    assert result.probability("0.1 * mu + 0.2 * mu - 0.3 * mu + tau < 1") == result.probability("tau < 1")
    assert result.probability("mu = 0") == 0


def test_an_edge_that_moves_with_tau_crosses_a_fixed_one_exactly():
    """P(mu < min(-0.6, -tau)) by an integral over tau of normal probabilities."""
    y, se = DATA.y, DATA.se
    result = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1)), "quadrature")

    def given(tau: float) -> tuple[float, float]:
        w = 1 / (se**2 + tau**2)
        precision = w.sum() + 1
        mean = (w @ y) / precision
        log_evidence = 0.5 * (np.log(w).sum() - np.log(precision) - w @ y**2 + mean**2 * precision) - tau**2 / 2
        return np.exp(log_evidence), norm.cdf(min(-0.6, -tau), mean, precision**-0.5)

    total = quad(lambda t: given(t)[0], 0, 9, points=[0.6, 2], epsabs=0, epsrel=1e-12, limit=200)[0]
    inside = quad(lambda t: np.prod(given(t)), 0, 9, points=[0.6, 2], epsabs=0, epsrel=1e-12, limit=200)[0]
    assert result.probability("mu < -0.6 and mu < -tau") == pytest.approx(inside / total, abs=1e-9)


def test_a_moving_edge_and_a_point_mass():
    """Where mu is known to be 0.3 the claim mu < tau cuts the integral over tau, and no normal distribution."""
    prior = bm.Mixture([(0.5, bm.PointMass(0.3)), (0.5, bm.Normal(0, 1))])
    mixed = bm.fit(DATA, bm.NormalNormal(mu=prior, tau=bm.HalfNormal(1)), "quadrature")
    known = bm.fit(DATA, bm.NormalNormal(mu=bm.PointMass(0.3), tau=bm.HalfNormal(1)), "quadrature")
    free = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1)), "quadrature")
    share = mixed.probability("mu = 0.3")
    want = share * known.probability("tau > 0.3") + (1 - share) * free.probability("mu < tau")
    assert mixed.probability("mu < tau") == pytest.approx(want, abs=1e-9)


def test_what_is_simulated_draws_no_study_effects(monkeypatch):
    """At k = 2,000 the draws of all study effects would take 11 GiB."""
    rng = np.random.default_rng(1)
    data = bm.Estimates(rng.normal(0, 1, 2000), rng.uniform(0.1, 1, 2000))
    result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1)), "quadrature")
    monkeypatch.setattr("bayesmeta.inference.exact_draws.restored", None)
    assert result.probability("exp(mu) > 1.2") == result.probability("mu > 0.18232155679395462621")
    assert 0.9 < result.probability("mu ** 3 + mu < tau") <= 1
    assert result.probability_mcse("mu ** 3 + mu < tau") > 0
    assert result.draws("exp(mu) + tau").shape == (4, 1000)


@pytest.mark.parametrize(("name", "strict", "closed"), [("mu", "<", "<="), ("dose", ">", ">="), ("tau", ">", ">=")])
def test_a_point_mass_at_the_threshold_is_counted_as_the_sign_says(name, strict, closed):
    result = bm.fit(DATA, MODELS["spikes"], "quadrature")
    index = -1 if name == "tau" else result.fit.names.index(name)
    spike = sum(p.probability for p in result.fit.parts if (p.scale == 0.0 if index < 0 else index in p.piece.fixed))
    assert 0 < spike < 1
    gap = result.probability(f"{name} {closed} 0") - result.probability(f"{name} {strict} 0")
    assert gap == pytest.approx(spike, abs=1e-12)


@pytest.mark.parametrize(
    "claim", ["mu * dose > 1", "abs(mu) + abs(dose) < 1", "mu < -1 and dose < 0 and mu + dose < -1", "mu ** 3 + mu > 2"]
)
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
