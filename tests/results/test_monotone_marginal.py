"""Marginals of monotone functions: log-normal and logit-normal laws, and probabilities of claims about the same expression."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats
from scipy.special import expit, logit

import bayesmeta as bm
from bayesmeta.data.review import PublishedReview, Study
from bayesmeta.data.statistics import PooledEstimate
from bayesmeta.errors import SpecificationError
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.monotone_marginal import MonotoneMarginal

LEVELS = np.array([0.001, 0.025, 0.3, 0.5, 0.975, 0.999])
V = 1 / (1 / (0.2**2 + 0.5**2) + 1)  # of mu: one study with se 0.2, tau = 0.5 and mu ~ Normal(0, 1)
MU = stats.norm(V * 0.3 / (0.2**2 + 0.5**2), V**0.5)


@pytest.fixture(scope="module")
def one_study():
    """A posterior of mu that is normal."""
    data = bm.Estimates(y=[0.3], se=[0.2])
    return bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.5)))


@pytest.fixture(scope="module")
def trials():
    model = bm.NormalNormal(
        formula="1 + x",
        mu=bm.Normal(0, 1),
        tau=bm.Mixture([(0.3, bm.PointMass(0)), (0.7, bm.HalfNormal(0.5))]),
        beta={"x": bm.Normal(0, 1)},
    )
    data = bm.Estimates([-0.4, 0.1, 0.3, -0.2], [0.2, 0.3, 0.25, 0.2], covariates={"x": [0, 1, 1, 0]})
    return bm.fit(data, model)


def test_exp_of_a_normal_is_log_normal(one_study):
    law = stats.lognorm(s=MU.std(), scale=np.exp(MU.mean()))
    found = one_study.marginal("exp(mu)")
    assert isinstance(found, MonotoneMarginal)
    x = law.ppf(LEVELS)
    assert_allclose(found.ppf(LEVELS), x, rtol=1e-12)
    assert_allclose(found.cdf(x), LEVELS, rtol=1e-12)
    assert_allclose(found.pdf(x), law.pdf(x), rtol=1e-12)
    assert found.interval(0.95, "eti") == pytest.approx(law.interval(0.95), rel=1e-12)
    assert found.mode() == pytest.approx(np.exp(MU.mean() - V), rel=1e-6)  # flat there: half the digits of a density
    assert_allclose([found.cdf(0), found.cdf(-1), found.pdf(0), found.pdf(-1)], 0)
    assert_allclose(found.ppf([0, 1]), [0, np.inf])
    lower = optimize.brentq(lambda a: law.pdf(a) - law.pdf(law.ppf(law.cdf(a) + 0.9)), 0.1, law.ppf(0.09))
    assert found.hdi(0.9) == pytest.approx((lower, law.ppf(law.cdf(lower) + 0.9)), rel=1e-6)
    assert_allclose([found.mean(), found.sd()], [law.mean(), law.std()], rtol=0.03)  # of 100,000 draws


@pytest.mark.parametrize("expression", ["exp(mu)/(1 + exp(mu))", "1/(1 + exp(-mu))"])
def test_a_proportion_is_logit_normal(one_study, expression):
    found = one_study.marginal(expression)
    p = expit(MU.ppf(LEVELS))
    assert_allclose(found.ppf(LEVELS), p, rtol=1e-12)
    assert_allclose(found.cdf(p), LEVELS, rtol=1e-12)
    assert_allclose(found.pdf(p), MU.pdf(logit(p)) / (p * (1 - p)), rtol=1e-10)
    assert_allclose(found.ppf([0, 1]), [0, 1])
    assert_allclose(found.cdf([-0.1, 1.1]), [0, 1])


def test_a_decreasing_function_swaps_the_tails(one_study):
    found = one_study.marginal("1/exp(mu)")
    assert_allclose(found.ppf(LEVELS), np.exp(-MU.ppf(1 - LEVELS)), rtol=1e-12)
    assert_allclose(found.cdf(found.ppf(LEVELS)), LEVELS, rtol=1e-12)


def test_multiples_have_the_moments_of_what_they_multiply(one_study):
    found = one_study.marginal("1 - 3 * theta_new")
    law = stats.norm(1 - 3 * MU.mean(), 3 * np.hypot(MU.std(), 0.5))
    assert_allclose(found.ppf(LEVELS), law.ppf(LEVELS), rtol=1e-12)
    assert_allclose([found.mean(), found.sd()], [law.mean(), law.std()], rtol=1e-12)


MONOTONE = [
    "exp(mu + x)", "exp(mu)", "mu**3", "tau**2", "sqrt(tau)", "2 * tau + 1", "-tau", "abs(tau)", "exp(-tau)",
    "exp(theta_new - mu)", "1/(1 + tau)", "log(1 + tau**2)", "100 * (exp(mu) - 1)", "1/(1 + exp(-theta_new))",
]  # fmt: skip


@pytest.mark.parametrize("expression", MONOTONE)
def test_it_agrees_with_claims_and_with_draws(trials, expression):
    """The probability of the claim is computed in another way: the comparison is inverted, not the quantity."""
    found = trials.marginal(expression)
    assert isinstance(found, MonotoneMarginal)
    draws = trials.draws(expression)
    for level in (0.05, 0.35, 0.5, 0.9):
        x = float(found.ppf(level))
        at_most = trials.probability(f"{expression} <= {x!r}")
        assert at_most == pytest.approx(float(found.cdf(x)), abs=1e-7)
        assert at_most >= level - 1e-7
        assert abs((draws <= x).mean() - at_most) < 4 * (at_most * (1 - at_most) / draws.size + 1e-7) ** 0.5
    if not found.atoms:
        low, high = (float(found.ppf(q)) for q in (0.2, 0.8))
        x = np.linspace(low, high, 4001)
        assert np.trapezoid(found.pdf(x), x) == pytest.approx(0.6, abs=1e-5)


def test_point_masses_are_where_the_function_puts_them(trials):
    nothing = trials.probability("tau = 0")
    found = trials.marginal("exp(-tau)")  # the point mass is at the upper end
    assert found.atoms == (1.0,)
    assert 1 - found.cdf(np.nextafter(1.0, 0)) == pytest.approx(nothing, abs=1e-8)
    assert found.ppf(1 - nothing / 2) == 1
    other = trials.marginal("3 * tau + 0.3")
    assert float(other.cdf(0.3)) == pytest.approx(nothing, abs=1e-8)
    assert float(other.ppf(nothing / 2)) == 0.3
    assert other.mode() == 0.3


def test_a_point_mass_counts_below_its_value_under_a_decreasing_function():
    mu = bm.Mixture([(0.5, bm.PointMass(0.1)), (0.5, bm.Normal(0, 1))])
    result = bm.fit(bm.Estimates([0.3], [0.2]), bm.NormalNormal(mu=mu, tau=bm.PointMass(0.5)))
    there, above = result.probability("mu = 0.1"), result.probability("mu > 0.1")
    found = result.marginal("1 / exp(mu)")
    x = float(1 / np.exp(0.1))
    assert float(found.cdf(x)) == pytest.approx(above + there, abs=1e-9)
    assert float(found.cdf(np.nextafter(x, 0))) == pytest.approx(above, abs=1e-9)
    assert float(found.ppf(above + there / 2)) == found.mode() == x


@pytest.mark.parametrize("expression", ["mu**2", "abs(mu)", "mu + tau", "mu * x", "exp(mu) + mu"])
def test_others_come_from_draws(trials, expression):
    assert isinstance(trials.marginal(expression), DrawsMarginal)


@pytest.mark.parametrize("expression", ["log(mu)", "exp(mu) + 0 * log(mu)", "log(tau)"])
def test_what_has_no_value_in_part_of_the_posterior_is_rejected(trials, expression):
    with pytest.raises(SpecificationError, match="undefined in"):
        trials.marginal(expression)


def test_two_standard_deviations():
    data = bm.Estimates([-0.4, 0.1, 0.3, -0.2], [0.2, 0.3, 0.25, 0.2], covariates={"lab": ["a", "a", "b", "b"]})
    model = bm.TwoScales(
        bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)), bm.Cluster("lab"), bm.HalfNormal(0.4)
    )
    result = bm.fit(data, model)
    (second,) = set(result.parameters) - {"mu", "tau", "theta_new"}
    found = result.marginal(f"{second}**2")
    assert_allclose(found.ppf([0.1, 0.5, 0.9]), result.marginal(second).ppf([0.1, 0.5, 0.9]) ** 2, rtol=1e-12)
    assert result.probability(f"{second}**2 < 0.04") == pytest.approx(float(found.cdf(0.04)), abs=1e-8)


def test_grids_and_weighted_samples_transform_too():
    nan = float("nan")
    arms = bm.ArmMeans(
        n_t=[12, 20, 9], mean_t=[3.1, 2.2, 4.9], sd_t=[2.0, nan, 1.4],
        n_c=[14, 19, 9], mean_c=[4.6, 3.0, 4.1], sd_c=[2.4, nan, 1.9],
    )  # fmt: skip
    base = bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5))
    model = bm.ArmNormal(base=base, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3), measure="md")
    studies = [Study(name=name, n=n) for name, n in (("A", 40), ("B", 60))]
    pool = PooledEstimate(estimate=-0.6, lower=-1.1, upper=-0.1, half_width=0.25)
    review = PublishedReview(studies=studies, statistics=[pool], sd=bm.LogNormal(0.1, 0.5))
    for result in (bm.fit(arms, model, "quadrature"), bm.fit(review, base, "importance")):
        for inner, outer, function in (("mu", "exp(mu)", np.exp), ("tau", "tau**2", np.square)):
            found = result.marginal(outer)
            assert isinstance(found, MonotoneMarginal)
            assert_allclose(found.ppf(LEVELS), function(result.marginal(inner).ppf(LEVELS)), rtol=1e-12)
        assert result.probability("exp(mu) < 0.7") == pytest.approx(
            float(result.marginal("exp(mu)").cdf(0.7)), abs=1e-5
        )
