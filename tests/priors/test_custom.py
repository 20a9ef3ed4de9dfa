"""CustomScale: the same answers as the family whose density it was given, and clear refusals."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from scipy import stats

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import CustomScale, HalfNormal, Mixture, OnVariance, require_scale_prior

# Log densities without their constants, and SciPy's distribution with them.
STEPS = (np.array([1.0, 0.2]), np.array([0.0, 1.0, 3.0]))
WITNESSES = [
    ("half-normal", lambda t: -0.5 * (t / 0.7) ** 2, stats.halfnorm(scale=0.7)),
    ("half-Cauchy", lambda t: 5 - np.log1p((t / 0.3) ** 2), stats.halfcauchy(scale=0.3)),
    ("uniform", lambda t: np.where(t < 2, 0.0, -np.inf), stats.uniform(0, 2)),
    (
        "two steps",
        lambda t: np.select([t < 1, t < 3], [0.0, math.log(0.1)], -np.inf),
        stats.rv_histogram(STEPS, density=False),
    ),
    ("gamma, infinite at zero", lambda t: -0.7 * np.log(t) - t, stats.gamma(0.3)),
    ("inverse gamma", lambda t: -2.7 * np.log(t) - 0.4 / t, stats.invgamma(1.7, scale=0.4)),
    ("narrow", lambda t: -0.5 * ((t - 3) / 1e-5) ** 2, stats.norm(3, 1e-5)),
    ("tiny", lambda t: -t / 1e-40, stats.expon(scale=1e-40)),
    ("huge", lambda t: 800 - t / 1e40, stats.expon(scale=1e40)),
    ("heavy", lambda t: -1.2 * np.log1p(t), stats.lomax(0.2)),
]
Q = np.array([1e-6, 0.01, 0.3, 0.5, 0.77, 0.999])
with_witness = pytest.mark.parametrize(("name", "log_density", "witness"), WITNESSES, ids=[w[0] for w in WITNESSES])


@with_witness
def test_matches_scipy(name, log_density, witness):
    prior, t = CustomScale(logpdf=log_density, name=name), witness.ppf(Q)
    np.testing.assert_allclose(prior.logpdf(t), witness.logpdf(t), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(prior.cdf(t), witness.cdf(t), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(prior.ppf(Q), t, rtol=1e-9)
    np.testing.assert_allclose(prior._logpdf_of_log(np.log(t)), witness.logpdf(t) + np.log(t), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(prior.moments(), (witness.mean(), witness.std()), rtol=1e-9)
    assert (prior.ppf(0), prior.ppf(1)) == prior.support == (0, math.inf)


def test_draws_follow_the_distribution():
    prior = CustomScale(WITNESSES[0][1], "half-normal")
    draws = prior.rvs((4, 1000), seed=2)
    assert draws.shape == (4, 1000)
    np.testing.assert_array_equal(draws, prior.rvs((4, 1000), seed=2))
    assert stats.kstest(draws.ravel(), WITNESSES[0][2].cdf).pvalue > 0.001


def log_density_of_this_module(t):
    return -t


def test_compares_by_function_and_name():
    prior = CustomScale(log_density_of_this_module, "exponential")
    assert prior == CustomScale(log_density_of_this_module, "exponential")
    assert hash(prior) == hash(CustomScale(log_density_of_this_module, "exponential"))
    assert prior != CustomScale(log_density_of_this_module, "another")
    assert prior != CustomScale(lambda t: -t, "exponential")
    assert str(prior) == repr(prior) == "CustomScale(exponential)"
    assert CustomScale(np.negative, "exponential") == pickle.loads(
        pickle.dumps(CustomScale(np.negative, "exponential"))
    )
    with pytest.raises(AttributeError):
        prior.name = "another"


def test_goes_where_a_scale_prior_goes():
    prior = CustomScale(np.negative, "exponential")
    assert require_scale_prior(prior) is prior
    np.testing.assert_allclose(OnVariance(prior).cdf(1.5), -np.expm1(-2.25), rtol=1e-10)
    mixed = Mixture([(1, prior), (1, HalfNormal(1))])
    np.testing.assert_allclose(mixed.moments().mean, (1 + math.sqrt(2 / math.pi)) / 2, rtol=1e-10)


def test_a_formula_that_fails_at_zero_alone_is_accepted():
    prior = CustomScale(lambda t: np.log(t) - t - 0 * np.log(t), "gamma")
    assert prior.logpdf(0.0) < -300
    np.testing.assert_allclose(prior.pdf(2.0), 2 * math.exp(-2), rtol=1e-10)


@pytest.mark.parametrize(
    ("log_density", "reason"),
    [
        (lambda t: np.zeros_like(t), "the integral of the density diverges towards infinity"),
        (lambda t: -np.log(t), "the integral of the density diverges towards"),
        (lambda t: -1.01 * np.log1p(t), "the integral of the density diverges towards infinity"),
        (lambda t: -1.5 * np.log(t) - t, "the integral of the density diverges towards zero"),
        (lambda t: np.full_like(t, -np.inf), "logpdf is -inf for all tau"),
        (lambda t: np.where(t > 1, np.nan, 0), "logpdf returned nan at tau = 1.28; it must be a number or -inf"),
        (lambda t: np.where(t > 1, np.inf, 0), "logpdf returned inf at tau = 1.28; it must be a number or -inf"),
        (lambda t: 1.0, "logpdf returned shape () for tau of shape (2801,); it must return one value for each."),
    ],
)
def test_refused_functions(log_density, reason):
    with pytest.raises(SpecificationError) as refused:
        CustomScale(log_density, name="mine")
    assert str(refused.value).startswith(f"CustomScale(mine): {reason}")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((0.5, "mine"), "logpdf must be a function of tau; got 0.5."),
        ((np.negative, ""), "name must be a text to call the prior by; got ''."),
        ((np.negative, 1), "name must be a text to call the prior by; got 1."),
    ],
)
def test_refused_arguments(arguments, reason):
    with pytest.raises(SpecificationError) as refused:
        CustomScale(*arguments)
    assert str(refused.value) == f"CustomScale: {reason}"
