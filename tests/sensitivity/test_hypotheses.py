"""Curves of Bayes factors against closed forms at known tau, marginal likelihoods by scipy, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import cauchy, halfnorm, norm

import bayesmeta as bm
from bayesmeta.sensitivity.hypotheses import bayes_factor_curve

Y, SE = np.array([0.5, 0.2, 0.7]), np.array([0.2, 0.25, 0.3])
DATA = bm.Estimates(y=Y, se=SE)


def estimate(tau: float) -> tuple[float, float]:
    w = 1 / (SE**2 + tau**2)
    return float(w @ Y / w.sum()), float(w.sum() ** -0.5)


def test_known_tau_by_closed_form_and_the_minimum_at_t_squared_minus_one() -> None:
    m, s = estimate(0.1)
    scales = np.array([0.1, 0.5, 1, 2, 10, 1e6])
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.1))
    curve = bayes_factor_curve(DATA, model, "mu = 0", scales=scales)
    want = norm.pdf(m, 0, s) / norm.pdf(m, 0, np.hypot(s, scales))
    np.testing.assert_allclose(curve.table["bayes_factor"], want, rtol=1e-9)
    t = m / s
    assert curve.least.scale == pytest.approx(s * math.sqrt(t**2 - 1), rel=1e-5)
    assert curve.least.bayes_factor == pytest.approx(t * math.exp(-0.5 * (t**2 - 1)), rel=1e-9)
    assert not curve.least.at_end
    assert curve.largest.at_end


def test_lindley_the_point_is_favoured_in_proportion_to_the_scale() -> None:
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    logs = bayes_factor_curve(DATA, model, "mu = 0", scales=[1e4, 1e6, 1e8, 1e-8]).table["log_bayes_factor"].to_numpy()
    assert logs[0] == pytest.approx(0, abs=1e-9)  # no wider than the point
    np.testing.assert_allclose(np.diff(logs[1:]), math.log(100), rtol=1e-6)


def test_cauchy_priors_by_integration() -> None:
    m, s = estimate(0.1)
    model = bm.NormalNormal(mu=bm.Cauchy(0, 0.707), tau=bm.PointMass(0.1))
    curve = bayes_factor_curve(DATA, model, "mu = 0", scales=[0.5, 1, 2])
    for scale, found in zip([0.5, 1, 2], curve.table["bayes_factor"], strict=True):
        other = quad(lambda x, c=0.707 * scale: norm.pdf(m, x, s) * cauchy.pdf(x, 0, c), -4, 5, epsrel=1e-12)[0]
        assert found == pytest.approx(norm.pdf(m, 0, s) / other, rel=1e-8)


def test_no_heterogeneity_by_marginal_likelihoods() -> None:
    def likelihood(tau: float) -> float:
        cov = np.diag(SE**2 + tau**2) + 1
        return math.exp(-0.5 * Y @ np.linalg.solve(cov, Y)) / math.sqrt(np.linalg.det(cov))

    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    curve = bayes_factor_curve(DATA, model, "tau = 0", scales=[0.2, 1, 4])
    for scale, found in zip([0.2, 1, 4], curve.table["bayes_factor"], strict=True):
        rest = quad(lambda t, c=0.5 * scale: likelihood(t) * halfnorm.pdf(t, scale=c), 0, 20, epsrel=1e-11, limit=200)
        assert found == pytest.approx(likelihood(0) / rest[0], rel=1e-8)
    assert curve.table["prior"].tolist() == ["HalfNormal(0.1)", "HalfNormal(0.5)", "HalfNormal(2)"]


def test_regions_and_listed_priors() -> None:
    m, s = estimate(0.1)
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.1))
    curve = bayes_factor_curve(DATA, model, "mu < 0", priors=[bm.Normal(0.2, 1), bm.Normal(0, 0.3)])
    for (mean, sd), found in zip([(0.2, 1), (0, 0.3)], curve.table["bayes_factor"], strict=True):
        v = 1 / (s**-2 + sd**-2)
        after, before = norm.cdf(-(v * (m / s**2 + mean / sd**2)) / math.sqrt(v)), norm.cdf(-mean / sd)
        assert found == pytest.approx(after / (1 - after) / (before / (1 - before)), rel=1e-9)
    assert math.isnan(curve.least.scale)
    assert curve.least.bayes_factor == curve.table["bayes_factor"].min()


@pytest.mark.parametrize(
    ("hypothesis", "options", "message"),
    [
        ("mu = 0", {}, "either scales or priors"),
        ("mu = 0", {"scales": [1], "priors": [bm.Normal(0, 1)]}, "either scales or priors"),
        ("mu = 0", {"scales": [0]}, "positive and finite"),
        ("mu = 0", {"priors": []}, "at least one"),
        ("mu = 0", {"scales": ["wide"]}, "scales must hold numbers only"),
        ("mu = 0", {"priors": bm.Normal(0, 1)}, "a list of priors"),
        (0, {"scales": [1]}, "write a text"),
        ("mu < tau", {"scales": [1]}, "a curve is about one"),
        ("mu = 0", {"priors": [bm.Flat()]}, "improper"),
        ("nu = 0", {"scales": [1]}, "no parameter 'nu'"),
    ],
)
def test_what_cannot_be_right_is_refused(hypothesis: str, options: dict, message: str) -> None:
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    with pytest.raises(bm.SpecificationError, match=message):
        bayes_factor_curve(DATA, model, hypothesis, **options)


def test_a_flat_prior_has_no_scale() -> None:
    with pytest.raises(bm.SpecificationError, match="has no scale"):
        bayes_factor_curve(DATA, bm.NormalNormal(tau=bm.HalfNormal(0.3)), "mu = 0", scales=[1])


@pytest.mark.parametrize("prior", [bm.Normal(0, 1), bm.StudentT(4, 0, 1)])
def test_a_prior_too_narrow_for_floats_is_refused_in_words(prior: bm.Prior) -> None:
    with pytest.raises(bm.InferenceError, match=r"1e-200.*Use PointMass\(0\)"):
        bayes_factor_curve(DATA, bm.NormalNormal(mu=prior, tau=bm.HalfNormal(0.3)), "mu = 0", scales=[1e-200])
