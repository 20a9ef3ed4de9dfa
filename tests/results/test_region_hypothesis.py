"""Bayes factors of regions: against conjugate closed forms, direct integrals of the marginal likelihood, and symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import cauchy, halfnorm, norm

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.results.region_hypothesis import prior_probability

Y, SE = np.array([0.3, -0.1, 0.4]), np.array([0.2, 0.25, 0.3])
DATA = bm.Estimates(y=Y, se=SE, covariates={"dose": [0.0, 1.0, 3.0]})


def odds(p: float) -> float:
    return p / (1 - p)


@pytest.mark.parametrize(("claim", "a", "b"), [("mu < 0", -np.inf, 0.0), ("-0.1 < mu < 0.1", -0.1, 0.1)])
def test_known_tau_is_conjugate(claim: str, a: float, b: float) -> None:
    tau, prior = 0.2, norm(0.1, 0.5)
    w = 1 / (SE**2 + tau**2)
    precision = w.sum() + 4
    after = norm((w @ Y + 0.1 * 4) / precision, precision**-0.5)
    model = bm.NormalNormal(mu=bm.Normal(0.1, 0.5), tau=bm.PointMass(tau))
    want = odds(after.cdf(b) - after.cdf(a)) / odds(prior.cdf(b) - prior.cdf(a))
    assert bm.fit(DATA, model).bayes_factor(claim) == pytest.approx(want, rel=1e-10)


def test_a_region_is_the_ratio_of_marginal_likelihoods_within_and_without() -> None:
    def joint(mu: float, tau: float) -> float:
        v = SE**2 + tau**2
        return float(np.prod(norm.pdf(Y, mu, np.sqrt(v))) * cauchy.pdf(mu, 0, 0.4) * halfnorm.pdf(tau, scale=0.3))

    inside = dblquad(joint, 0, 3, -0.1, 0.2, epsabs=1e-12, epsrel=1e-8)[0]
    below = dblquad(joint, 0, 3, -8, -0.1, epsabs=1e-12, epsrel=1e-8)[0]
    above = dblquad(joint, 0, 3, 0.2, 8, epsabs=1e-12, epsrel=1e-8)[0]
    mass = cauchy.cdf(0.2, 0, 0.4) - cauchy.cdf(-0.1, 0, 0.4)
    model = bm.NormalNormal(mu=bm.Cauchy(0, 0.4), tau=bm.HalfNormal(0.3))
    want = (inside / mass) / ((below + above) / (1 - mass))
    assert bm.fit(DATA, model).bayes_factor("-0.1 < mu < 0.2") == pytest.approx(want, rel=1e-6)


def test_tau_and_opposites() -> None:
    result = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    want = odds(float(result.marginal("tau").cdf(0.1))) / odds(halfnorm.cdf(0.1, scale=0.3))
    assert result.bayes_factor("tau < 0.1") == pytest.approx(want, rel=1e-9)
    assert result.bayes_factor("tau > 0.1") == pytest.approx(1 / want, rel=1e-9)
    assert result.bayes_factor("mu < 0 or mu > 0.2") * result.bayes_factor("0 < mu < 0.2") == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("exp(mu) < 0.8", "mu < -0.22314355131420976"),
        ("abs(mu) < 0.1", "-0.1 < mu < 0.1"),
        ("tau ** 2 < 0.04", "tau < 0.2"),
    ],
)
def test_functions_of_a_parameter_are_inverted(one: str, other: str) -> None:
    result = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    assert result.bayes_factor(one) == pytest.approx(result.bayes_factor(other), rel=1e-9)


def test_a_spike_at_the_edge_counts_on_its_own_side() -> None:
    model = bm.NormalNormal(mu=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))]), tau=bm.HalfNormal(0.3))
    names = ("mu", "tau", "theta_new")
    assert prior_probability(prepare(DATA, model).gaussian, "mu < 0", names) == pytest.approx(0.25)
    assert prior_probability(prepare(DATA, model).gaussian, "mu <= 0", names) == pytest.approx(0.75)


def test_prior_probabilities_of_several_parameters() -> None:
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(0.2, 0.7), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(-0.1, 0.3)}
    )
    names = ("mu", "tau", "dose", "theta_new")
    both = norm(0.2 - 0.2, math.hypot(0.7, 0.6))
    problem = prepare(DATA, model).gaussian
    assert prior_probability(problem, "mu + 2 * dose < 0.5", names) == pytest.approx(both.cdf(0.5), abs=1e-9)
    apart = norm.cdf(0, 0.2, 0.7) * norm.cdf(0, -0.1, 0.3)
    assert prior_probability(problem, "mu < 0 and dose < 0", names) == pytest.approx(apart, abs=1e-9)
    new = quad(lambda t: norm.cdf(0, 0.2, math.hypot(0.7, t)) * halfnorm.pdf(t, scale=0.5), 0, 6, epsabs=1e-13)[0]
    assert prior_probability(problem, "theta_new < 0", names) == pytest.approx(new, abs=1e-9)
    heavy = bm.NormalNormal(mu=bm.Cauchy(0, 1), tau=bm.HalfCauchy(2))
    want = cauchy.cdf(1) * cauchy.cdf(1, 0, 2) * 2 - cauchy.cdf(1)
    assert prior_probability(prepare(DATA, heavy).gaussian, "mu < 1 and tau < 1", names) == pytest.approx(
        want, abs=1e-8
    )


@pytest.mark.parametrize("k", [1, 2])
def test_few_studies(k: int) -> None:
    data = bm.Estimates(y=Y[:k], se=SE[:k])
    result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3)))
    assert result.bayes_factor("mu > 0") == pytest.approx(odds(result.probability("mu > 0")), rel=1e-9)
    assert result.bayes_factor("theta_new > 0") == pytest.approx(odds(result.probability("theta_new > 0")), rel=1e-7)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("mu < 0", "prior of mu is Flat.*Give mu a proper prior, e.g. Normal"),
        ("theta_new < 0", "prior of mu is Flat"),
        ("tau < -1", "prior probability is 0"),
        ("tau ** 3 + tau < 2", "no exact probability"),
        ("nu < 1", "nu"),
    ],
)
def test_what_has_no_prior_odds_is_refused(claim: str, message: str) -> None:
    result = bm.fit(DATA, bm.NormalNormal(tau=bm.HalfNormal(0.3)))
    with pytest.raises(bm.SpecificationError, match=message):
        result.bayes_factor(claim)
