"""Truncated priors against SciPy's truncated normal, against conditional probabilities, and against mpmath."""

from __future__ import annotations

import math
import pickle

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Cauchy,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    Normal,
    OnVariance,
    StudentT,
    Truncated,
    parse_prior,
)

INF = math.inf
Q = np.array([1e-9, 0.025, 0.3, 0.5, 0.8, 0.975, 1 - 1e-9])
CASES = [
    (Truncated(Normal(0.35, 0.1), 0, INF), stats.norm(0.35, 0.1)),
    (Truncated(Normal(0, 1), -0.5, 2), stats.norm(0, 1)),
    (Truncated(StudentT(3, 0.35, 0.102), 0, INF), stats.t(3, 0.35, 0.102)),
    (Truncated(StudentT(5, 1, 2), -INF, 0.5), stats.t(5, 1, 2)),
    (Truncated(Cauchy(0, 0.7), -1, 4), stats.cauchy(0, 0.7)),
    (Truncated(Cauchy(1, 0.7), 2, INF), stats.cauchy(1, 0.7)),
]
ids = [str(prior) for prior, _ in CASES]


@pytest.mark.parametrize(("prior", "whole"), CASES, ids=ids)
def test_it_is_the_conditional_distribution(prior, whole):
    lower, upper = prior.support
    mass = whole.cdf(upper) - whole.cdf(lower)
    x = np.linspace(max(lower, -3), min(upper, 3), 9)
    np.testing.assert_allclose(prior.pdf(x), whole.pdf(x) / mass, rtol=1e-11)
    np.testing.assert_allclose(prior.cdf(x), (whole.cdf(x) - whole.cdf(lower)) / mass, rtol=1e-10, atol=1e-15)
    inner = Q[1:-1]
    np.testing.assert_allclose(prior.ppf(inner), whole.ppf(whole.cdf(lower) + inner * mass), rtol=1e-10)
    np.testing.assert_allclose(prior.cdf(prior.ppf(Q)), Q, rtol=1e-10, atol=1e-15)  # rounding of the bounds' own
    assert prior.ppf([0, 1]).tolist() == [lower, upper]
    outside = [value for value in (lower - 0.1, upper + 0.1) if math.isfinite(value)]
    assert np.all(prior.pdf(outside) == 0)
    assert stats.kstest(prior.rvs(4000, seed=3), prior.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("mean", "sd", "lower", "upper"),
    [(0.35, 0.1, 0, INF), (0, 1, -0.5, 2), (0, 1, 5, INF), (0, 1, 8, 9), (2, 3, -INF, -20)],
)
def test_moments_and_tails_of_the_truncated_normal_are_those_of_scipy(mean, sd, lower, upper):
    prior = Truncated(Normal(mean, sd), lower, upper)
    witness = stats.truncnorm((lower - mean) / sd, (upper - mean) / sd, loc=mean, scale=sd)
    np.testing.assert_allclose(
        prior.moments(), (witness.mean(), witness.std()), rtol=1e-7
    )  # SciPy cancels in the variance
    np.testing.assert_allclose(prior.ppf(Q), witness.ppf(Q), rtol=1e-9)
    np.testing.assert_allclose(prior.logpdf(witness.ppf(Q)), witness.logpdf(witness.ppf(Q)), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("nu", "mean", "scale", "lower", "upper"), [(3, 0.35, 0.102, 0, INF), (5, 1, 2, -1, 3)])
def test_moments_of_the_truncated_t_are_those_of_mpmath(nu, mean, scale, lower, upper):
    def density(x):
        return (1 + ((x - mean) / scale) ** 2 / mpmath.mpf(nu)) ** (-mpmath.mpf(nu + 1) / 2)

    ends = [lower, mean, mean + 10 * scale, mpmath.inf] if upper == INF else [lower, mean, upper]
    total, first, second = (mpmath.quad(lambda x, k=k: x**k * density(x), ends) for k in (0, 1, 2))
    expected = (float(first / total), float(mpmath.sqrt(second / total - (first / total) ** 2)))
    np.testing.assert_allclose(Truncated(StudentT(nu, mean, scale), lower, upper).moments(), expected, rtol=1e-9)


@pytest.mark.parametrize("prior", [Truncated(StudentT(3, 1, 0.5), 0, INF), Truncated(Normal(-1, 0.4), 0, INF)], ids=str)
def test_moments_of_its_square_root(prior):
    """As the prior of tau^2: mean and mean square of tau by mpmath."""
    density = stats.t(3, 1, 0.5).pdf if isinstance(prior.prior, StudentT) else stats.norm(-1, 0.4).pdf
    ends = [0, 0.5, 1, 2, 5, 30, mpmath.inf]
    total, first, second = (
        mpmath.quad(lambda x, k=k: mpmath.mpf(x) ** k * float(density(float(x))), ends) for k in (0, 0.5, 1)
    )
    mean = float(first / total)
    expected = (mean, math.sqrt(float(second / total) - mean**2))
    np.testing.assert_allclose(OnVariance(prior).moments(), expected, rtol=1e-6)  # mpmath's, of a float density


@pytest.mark.parametrize(
    ("prior", "mean", "sd"),
    [
        (Truncated(Cauchy(0, 1), 0, INF), INF, INF),
        (Truncated(Cauchy(0, 1), -INF, 0), -INF, INF),
        (Truncated(Cauchy(0, 1), -INF, INF), math.nan, math.nan),
        (Truncated(StudentT(2, 0, 1), 0, INF), HalfStudentT(2, 1).mean(), INF),
        (Truncated(StudentT(1, 0, 1), -1, 1), 0, math.sqrt(4 / math.pi - 1)),  # E x^2 = 2/arctan(1)/2 - 1
    ],
    ids=str,
)
def test_moments_that_do_not_exist(prior, mean, sd):
    np.testing.assert_allclose(prior.moments(), (mean, sd), rtol=1e-9, atol=1e-12)


@given(scale=st.floats(0.01, 100), nu=st.floats(0.5, 50), x=st.floats(0, 500))
def test_cut_at_the_centre_it_is_the_half_family(scale, nu, x):
    for cut, half in (
        (Truncated(Normal(0, scale), 0, INF), HalfNormal(scale)),
        (Truncated(StudentT(nu, 0, scale), 0, INF), HalfStudentT(nu, scale)),
        (Truncated(Cauchy(0, scale), 0, INF), HalfCauchy(scale)),
    ):
        np.testing.assert_allclose(cut.logpdf(x), half.logpdf(x), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(cut.cdf(x), half.cdf(x), rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(cut.ppf(0.9), half.ppf(0.9), rtol=1e-9)


@given(
    mean=st.floats(-5, 5),
    sd=st.floats(0.1, 5),
    lower=st.floats(-10, 10),
    width=st.floats(0.1, 20),
    q=st.floats(0.01, 0.99),
)
def test_its_mirror_image_is_that_of_the_mirrored_prior(mean, sd, lower, width, q):
    if abs(lower + width / 2 - mean) > 30 * sd:
        return
    for family, arguments in ((Normal, (mean, sd)), (Cauchy, (mean, sd))):
        here = Truncated(family(*arguments), lower, lower + width)
        there = Truncated(family(-mean, sd), -(lower + width), -lower)
        np.testing.assert_allclose(here.ppf(q), -there.ppf(1 - q), rtol=1e-6, atol=1e-7 * sd)
        np.testing.assert_allclose(here.logpdf(here.ppf(q)), there.logpdf(-here.ppf(q)), rtol=1e-9, atol=1e-9)


def test_text_and_value():
    for prior, _ in CASES:
        assert parse_prior(str(prior)) == prior == pickle.loads(pickle.dumps(prior))
    assert parse_prior("Truncated(prior=Normal(0, 1), lower=-inf, upper=1/2)") == Truncated(Normal(0, 1), -INF, 0.5)
    assert str(Truncated(Normal(0, 1), -INF, 0.5)) == "Truncated(Normal(0, 1), -inf, 0.5)"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Truncated(HalfNormal(1), 0, 1), "give a Normal, StudentT or Cauchy"),
        (lambda: Truncated(0.5, 0, 1), r"prior=0.5\): give a Normal"),
        (lambda: Truncated(Normal(0, 1), math.nan, 1), "lower must be a number"),
        (lambda: Truncated(Normal(0, 1), 1, 1), "upper must exceed lower, which is 1"),
        (lambda: Truncated(Normal(0, 1), 50, 60), "has no mass there"),
        (lambda: parse_prior("Truncated(Normal(0, 1), 0, infinity)"), "give a number"),
        (lambda: parse_prior("HalfNormal(inf)"), "give a number"),
    ],
)
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(SpecificationError, match=message):
        build()


DATA = bm.Estimates(y=[0.1, 0.5, 0.3, -0.2], se=[0.2, 0.3, 0.1, 0.25])


def test_quadrature_takes_it_for_tau():
    """Cut at zero it is the half-normal; cut at both ends, the half-normal given the interval."""
    cut = bm.fit(DATA, bm.NormalNormal(tau=Truncated(Normal(0, 0.5), 0, INF)))
    half = bm.fit(DATA, bm.NormalNormal(tau=HalfNormal(0.5)))
    np.testing.assert_allclose(cut.summary(), half.summary(), rtol=1e-8, atol=1e-9)
    between = bm.fit(DATA, bm.NormalNormal(mu=Normal(0, 1), tau=Truncated(Normal(0, 0.5), 0.1, 0.4)))
    whole = bm.fit(DATA, bm.NormalNormal(mu=Normal(0, 1), tau=HalfNormal(0.5)))
    inside = whole.probability("tau > 0.1") - whole.probability("tau > 0.4")
    expected = (whole.probability("tau > 0.1") - whole.probability("tau > 0.25")) / inside
    assert between.probability("tau < 0.25") == pytest.approx(expected, rel=1e-7)


@pytest.mark.slow
def test_nuts_takes_it_for_mu(assert_rarely_diverges):
    """The posterior is that without the cut, given mu > 0: exact from the quadrature engine's draws of mu."""
    prior = Normal(0, 0.3)
    model = bm.NormalNormal(mu=Truncated(prior, 0, INF), tau=HalfNormal(0.5))
    cut = bm.fit(DATA, model, "nuts", seed=1, draws=4000, target_accept=0.99)
    assert_rarely_diverges(cut)
    assert cut.engine == "nuts"
    whole = bm.fit(DATA, bm.NormalNormal(mu=prior, tau=HalfNormal(0.5)))
    above = whole.probability("mu > 0")
    for point in (0.1, 0.2, 0.35):
        claim = f"mu > {point}"
        error = 4 * cut.probability_mcse(claim)
        assert error < 0.06
        assert cut.probability(claim) == pytest.approx(whole.probability(claim) / above, abs=error)
    assert cut.draws("mu").min() > 0
