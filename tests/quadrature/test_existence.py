"""Moments that do not exist are infinite, and posteriors that do not exist are refused, with the reason.

Given tau, k effects with p flat coefficients have a likelihood that falls like tau^-(k - p) for large tau.
"""

from __future__ import annotations

import math

import pytest

import bayesmeta as bm

EFFECTS, SE = [0.1, 0.6, -0.4, 0.3, 0.2], [0.2, 0.3, 0.25, 0.4, 0.3]


def _fit(k, tau, mu=None, formula="1"):
    data = bm.Estimates(EFFECTS[:k], SE[:k], covariates={"x": [0.0, 1, 3, 2, 5][:k]})
    return bm.fit(data, bm.NormalNormal(formula=formula, mu=mu or bm.Flat(), tau=tau), "quadrature")


@pytest.mark.parametrize(
    ("tau", "k", "mu", "tail"),  # the posterior density of tau falls like tau^-tail
    [
        (bm.HalfCauchy(0.5), 1, None, 2),
        (bm.HalfCauchy(0.5), 1, bm.Normal(0, 1), 3),
        (bm.HalfCauchy(0.5), 2, None, 3),
        (bm.HalfCauchy(0.5), 2, bm.Normal(0, 1), 4),
        (bm.HalfCauchy(0.5), 3, None, 4),
        (bm.HalfStudentT(2, 0.5), 1, None, 3),
        (bm.HalfStudentT(3, 0.5), 1, None, 4),
        (bm.Lomax(1, 1), 1, None, 2),
        (bm.DuMouchel(), 2, None, 3),
        (bm.Jeffreys(), 2, None, 2),
        (bm.Jeffreys(), 3, None, 3),
        (bm.Jeffreys(), 4, None, 4),
        (bm.ImproperUniform(), 3, None, 2),
        (bm.ImproperUniform(), 4, None, 3),
        (bm.ImproperUniform(), 5, None, 4),
        (bm.ImproperUniform(), 2, bm.Normal(0, 1), 2),
        (bm.SqrtUniform(), 3, None, 2.5),
        (bm.SqrtUniform(), 4, None, 3.5),
        (bm.SqrtUniform(), 2, None, 1.5),
        (bm.HalfNormal(1), 1, None, math.inf),
        (bm.Uniform(0, 4), 1, None, math.inf),
    ],
)
def test_a_moment_exists_if_the_tail_is_steep_enough(tau, k, mu, tail):
    result = _fit(k, tau, mu)
    found = result.marginal("tau")
    assert math.isfinite(found.mean()) == (tail > 2)
    assert math.isfinite(found.sd()) == (tail > 3)
    assert math.isfinite(result.marginal("theta_new").sd()) == (tail > 3)
    assert math.isfinite(result.marginal("mu").sd()) == (tail > 3 or mu is not None)
    assert 0 < found.median() < math.inf
    table = result.summary()
    assert math.isfinite(table.loc["tau", "sd"]) == (tail > 3)


@pytest.mark.parametrize(
    ("tau", "k", "mu"),
    [
        (bm.ImproperUniform(), 1, None),
        (bm.ImproperUniform(), 2, None),
        (bm.ImproperUniform(), 1, bm.Normal(0, 1)),
        (bm.SqrtUniform(), 1, None),
        (bm.BergerDeely(), 1, None),
        (bm.Jeffreys(), 1, None),
    ],
)
def test_an_improper_posterior_is_refused_and_the_reason_given(tau, k, mu):
    with pytest.raises(bm.InferenceError, match=r"improper: .*large tau does not vanish.*Use a proper prior on tau"):
        _fit(k, tau, mu)


@pytest.mark.parametrize(("tau", "k", "mu"), [(bm.SqrtUniform(), 2, None), (bm.SqrtUniform(), 1, bm.Normal(0, 1))])
def test_the_square_root_prior_is_proper_with_one_study_fewer_than_the_uniform(tau, k, mu):
    """tau^-1/2 times tau^-(k - p): integrable from k - p = 1."""
    assert _fit(k, tau, mu).marginal("tau").mean() == math.inf


def test_a_flat_slope_needs_one_study_more():
    with pytest.raises(bm.InferenceError, match="improper"):
        _fit(3, bm.ImproperUniform(), formula="1 + x")
    assert _fit(4, bm.ImproperUniform(), formula="1 + x").marginal("tau").mean() == math.inf


def test_more_flat_coefficients_than_studies_are_refused():
    with pytest.raises(bm.SpecificationError, match="can be told apart with 1 studies|covariate without variation"):
        _fit(1, bm.HalfNormal(1), formula="1 + x")


def test_a_normal_prior_on_mu_keeps_its_moments_where_tau_has_none():
    result = _fit(1, bm.HalfCauchy(0.5), bm.Normal(0, 1))
    assert result.marginal("mu").sd() < 1
    assert result.marginal("theta[study 1]").sd() < 1
