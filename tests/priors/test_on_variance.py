"""Priors published on tau**2: change of variables, simulation, and the published quantiles of tau."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    Normal,
    OnVariance,
    PointMass,
    Rayleigh,
    Uniform,
)

VARIANCES = [
    HalfNormal(0.7),
    HalfStudentT(6, 0.4),
    HalfLogistic(0.6),
    Rayleigh(0.5),
    Uniform(0, 4),
    Uniform(1, 3),
    Exponential(2.5),
    Gamma(0.5, 4),
    Gamma(3, 4),
    InvGamma(4, 0.4),
    LogNormal(-1.28, 0.87),
    Lomax(7, 2),
    Mixture([(0.3, HalfNormal(1)), (0.7, InvGamma(5, 1))]),
    OnVariance(HalfNormal(1)),
]
HEAVY = [HalfCauchy(0.3), LogStudentT(5, -3, 2), InvGamma(1, 0.15), Lomax(0.8, 1)]


@pytest.mark.parametrize("prior", [*VARIANCES, *HEAVY], ids=str)
def test_change_of_variables(prior):
    tau = np.sqrt(prior.ppf([0.001, 0.1, 0.5, 0.9, 0.999]))
    np.testing.assert_allclose(OnVariance(prior).pdf(tau), 2 * tau * prior.pdf(tau**2), rtol=1e-12)
    np.testing.assert_allclose(OnVariance(prior).cdf(tau), prior.cdf(tau**2), rtol=1e-12)
    np.testing.assert_allclose(OnVariance(prior).ppf([0.001, 0.1, 0.5, 0.9, 0.999]), tau, rtol=1e-12)


@pytest.mark.parametrize("prior", [*VARIANCES, *HEAVY], ids=str)
def test_square_of_the_draws_follows_the_prior_of_the_variance(prior):
    tau = OnVariance(prior).rvs(4000, seed=7)
    assert stats.kstest(tau**2, prior.cdf).pvalue > 1e-3


@pytest.mark.parametrize("prior", VARIANCES, ids=str)
def test_moments_by_numerical_integration(prior):
    """The mean is the integral of the probability above tau; the mean square is the mean of the variance."""
    mean, _ = integrate.quad(lambda tau: 1 - prior.cdf(tau**2), 0, np.inf, epsabs=0, epsrel=1e-9, limit=200)
    pushed = OnVariance(prior)
    np.testing.assert_allclose(pushed.mean(), mean, rtol=1e-7)
    np.testing.assert_allclose(pushed.sd() ** 2 + pushed.mean() ** 2, prior.mean(), rtol=1e-10)


@pytest.mark.parametrize(
    ("prior", "mean"),
    [
        (OnVariance(HalfCauchy(0.25)), 0.5 * math.sqrt(2)),
        (OnVariance(OnVariance(HalfCauchy(1))), 1 / math.cos(math.pi / 8)),
        (OnVariance(Lomax(0.8, 4)), math.sqrt(math.pi) * math.gamma(0.3) / math.gamma(0.8)),
        (OnVariance(HalfStudentT(1, 0.25)), 0.5 * math.sqrt(2)),
        (OnVariance(Gamma(1e8, 1e8)), 1 - 1 / 8e8),
        (OnVariance(HalfLogistic(1)), math.sqrt(math.pi) * 0.6048986434216304),  # eta(1/2)
    ],
    ids=str,
)
def test_mean_in_closed_form(prior, mean):
    np.testing.assert_allclose(prior.mean(), mean, rtol=1e-13)


def test_digits_survive_where_the_variance_underflows():
    """At tau = 1e-200 the variance 1e-400 is not a float; log(variance) is Cauchy with scale 20."""
    log_t = LogStudentT(1, 0, 20)
    want = stats.cauchy.cdf(-400 * math.log(10), scale=20)
    for prior in (OnVariance(log_t), OnVariance(Mixture([(0.5, log_t), (0.5, log_t)]))):
        np.testing.assert_allclose(prior.cdf(1e-200), want, rtol=1e-12)
    np.testing.assert_allclose(OnVariance(log_t).ppf(want), 1e-200, rtol=1e-10)


def test_published_quantiles_of_tau():
    """Turner 2015, all settings: published for tau**2 with median 0.08 and 95% range 0.003 to 2.34."""
    tau = OnVariance(LogNormal(-2.56, 1.74)).ppf([0.025, 0.5, 0.975])
    printed = [f"{v:.{digits}f}" for v, digits in zip(tau**2, (3, 2, 2), strict=True)]
    assert printed == ["0.003", "0.08", "2.34"]


def test_support_is_that_of_the_square_root():
    assert OnVariance(Uniform(1, 4)).support == (1, 2)
    assert OnVariance(HalfNormal(1)).support == (0, math.inf)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0.5, "OnVariance(prior=0.5): give a prior, e.g. LogNormal(-1.83, 1.52)."),
        (
            Normal(0, 1),
            "OnVariance(Normal(0, 1)): a prior of the variance must lie on [0, inf); this one does not.",
        ),
        (
            Uniform(-1, 2),
            "OnVariance(Uniform(-1, 2)): a prior of the variance must lie on [0, inf); this one does not.",
        ),
        (
            PointMass(1),
            "OnVariance(PointMass(1)): the prior of the variance must have a density; "
            "give a point mass for tau itself, outside OnVariance.",
        ),
    ],
)
def test_refusals(given, message):
    with pytest.raises(SpecificationError) as refused:
        OnVariance(given)
    assert str(refused.value) == message
