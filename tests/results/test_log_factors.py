"""Logarithms of Bayes factors that are beyond floats, versus the normal densities that they are ratios of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.text.numbers import format_factor

Y, SE, TAU = np.array([50.0, 52.0, 49.0]), np.full(3, 0.01), 0.02
DATA = bm.Estimates(Y, SE)


def _evidence(sd, center=0.0):
    """Log density of equally precise estimates whose mean is Normal(center, sd): that of their mean and of their residuals."""
    v, n = SE[0] ** 2 + TAU**2, Y.size
    mean = norm.logpdf(Y.mean(), center, math.sqrt(v / n + sd**2))
    return mean - 0.5 * ((Y - Y.mean()) ** 2).sum() / v - 0.5 * (n - 1) * math.log(2 * math.pi * v) - 0.5 * math.log(n)


def _model(sd=100.0, tau=None):
    return bm.NormalNormal(mu=bm.Normal(0, sd), tau=tau or bm.PointMass(TAU))


def test_a_point_hypothesis_that_is_out_of_the_question():
    result, expected = bm.fit(DATA, _model()), _evidence(0) - _evidence(100)
    assert expected < -1e6
    assert result.log_bayes_factor("mu = 0") == pytest.approx(expected, rel=1e-12)
    assert result.bayes_factor("mu = 0") == 0
    at = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(-50, 0.01), tau=bm.PointMass(TAU)), tolerance=1e-6)
    against, known = _evidence(0.01, -50.0), _evidence(0.0, 50.0)
    assert at.log_bayes_factor("mu = 50") == pytest.approx(known - against, rel=1e-10)
    assert at.bayes_factor("mu = 50") == math.inf


def test_curves_surfaces_and_averages_keep_the_logarithm():
    curve = bm.bayes_factor_curve(DATA, _model(), "mu = 0", scales=[0.01, 1, 100])
    expected = [_evidence(0) - _evidence(sd) for sd in (1, 100, 10_000)]
    np.testing.assert_allclose(curve.table["log_bayes_factor"], expected, rtol=1e-12)
    power = (_evidence(0) - _evidence(100)) / math.log(10)
    assert f"10^{power:.1f}" in str(curve)
    assert "multiple of its scale" in str(curve)
    surface = bm.prior_sensitivity(DATA, _model(0.001), mu=[bm.Normal(0, 100), bm.Normal(0, 0.001)], claim="mu < 0")
    factors = surface.table()[["bayes_factor", "log_bayes_factor"]]
    assert factors.iloc[0].tolist() == [math.inf, pytest.approx(_evidence(100) - _evidence(0.001), rel=1e-10)]
    average = bm.model_average(DATA, _model(tau=bm.HalfNormal(1)), inclusion={"mu": 0.2, "tau": 1}).inclusion
    present, absent = (
        bm.fit(DATA, bm.NormalNormal(mu=mu, tau=bm.HalfNormal(1))).log_marginal_likelihood
        for mu in (bm.Normal(0, 100), bm.PointMass(0))
    )
    assert average.loc["mu", "log_bayes_factor"] == pytest.approx(present - absent, abs=1e-7)
    wide = bm.Estimates([1e6, 1.1e6], [1.0, 1.0])
    found = bm.model_average(wide, bm.NormalNormal(mu=bm.Normal(0, 1e6), tau=bm.HalfNormal(1)), inclusion={"mu": 0.5})
    assert found.inclusion.loc["mu", "bayes_factor"] == math.inf
    assert 1e3 < found.inclusion.loc["mu", "log_bayes_factor"] < math.inf


def test_the_least_factor_of_a_finding_that_is_beyond_doubt():
    t = 60.0
    found = bm.reverse_bayes(estimate=t, se=1.0)
    assert found.log_minimum_bayes_factor == pytest.approx(norm.logpdf(t) - norm.logpdf(t, scale=t), rel=1e-12)
    assert found.minimum_bayes_factor == 0
    assert "10^-" in str(found)


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (3.8058, "3.806"),
        (9999.9, "10000"),
        (54321, "54321"),
        (1e-3, "0.001"),
        (1.0, "1"),
        (2e6, "10^6.3"),
        (5e-5, "10^-4.3"),
    ],
)
def test_factors_as_text(factor, text):
    assert format_factor(math.log(factor)) == text


def test_scales_say_that_they_are_multiples():
    for scales in ([0, 1], [-1.0], [math.inf]):
        with pytest.raises(
            SpecificationError, match=r"multiples of the scale of Normal\(0, 100\) on mu: 1 is the prior itself"
        ):
            bm.bayes_factor_curve(DATA, _model(), "mu = 0", scales=scales)
    data = bm.Estimates([0.3, 0.1, 0.4], [0.1, 0.2, 0.15])
    directed = bm.NormalNormal(mu=bm.Truncated(bm.Normal(0, 0.5), 0, math.inf), tau=bm.PointMass(0.1))
    curve = bm.bayes_factor_curve(data, directed, "mu = 0", scales=[1, 2])
    variance = np.diag(data.se**2 + 0.01)
    for multiple, log_factor in zip((1, 2), curve.table["log_bayes_factor"], strict=True):
        w = np.linalg.inv(variance)
        precision = w.sum() + (0.5 * multiple) ** -2
        mean = w.sum(axis=0) @ data.y / precision
        whole = multivariate_normal(np.zeros(3), variance + (0.5 * multiple) ** 2).logpdf(data.y)
        log_evidence = whole + math.log(2 * norm.cdf(mean * math.sqrt(precision)))
        null = multivariate_normal(np.zeros(3), variance).logpdf(data.y)
        assert log_factor == pytest.approx(null - log_evidence, rel=1e-9)
        assert f"Truncated(Normal(0, {0.5 * multiple:g}), 0, inf)" in curve.table["prior"].tolist()


def test_zero_on_tau_is_a_common_effect():
    common = bm.fit(DATA, bm.NormalNormal(mu=bm.Normal(0, 100), tau=0))
    w = 1 / SE**2
    precision = w.sum() + 1e-4
    assert common.marginal("mu").mean() == pytest.approx(w @ Y / precision, rel=1e-12)
    assert common.marginal("mu").sd() == pytest.approx(precision**-0.5, rel=1e-12)
    assert bm.NormalNormal(tau=0.0) == bm.NormalNormal(tau=bm.PointMass(0))
    assert bm.parse_prior("0") == bm.parse_prior("0.0") == bm.PointMass(0)
    with pytest.raises(SpecificationError, match=r"a value that is known is PointMass\(0.3\)"):
        bm.parse_prior("0.3")
    for value in (0.3, -1):
        with pytest.raises(SpecificationError, match=rf"A value that is known is PointMass\({value}\)"):
            bm.NormalNormal(tau=value)
