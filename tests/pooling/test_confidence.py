"""The confidence distribution of tau^2, and the prediction interval of Nagashima, Noma and Furukawa."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.pooling.confidence import Tau2Distribution, weighted_chi_square
from bayesmeta.pooling.residuals import regression

# Riley, Higgins and Deeks (2011), doi:10.1136/bmj.d549, as the R package pimeta ships it under the name sbp
BLOOD_PRESSURE = bm.Estimates(
    [0.00, 0.10, -0.40, -0.80, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81],
    [0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594, 0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594],
)  # fmt: skip


def distribution(data):
    return Tau2Distribution(regression(data.y, data.v, np.ones((data.n_studies, 1)), data.cov))


def imhof(weights, q):
    """Distribution function by Imhof's integral: Imhof (1961), Biometrika 48:419-426."""

    def integrand(u):
        angle = 0.5 * np.sum(np.arctan(weights * u)) - 0.5 * q * u
        return math.sin(angle) / (u * math.exp(0.25 * np.sum(np.log1p((weights * u) ** 2))))

    return 0.5 - integrate.quad(integrand, 0, 300 / weights.min(), limit=2000)[0] / math.pi


@pytest.mark.parametrize("m", [1, 2, 5, 40])
@pytest.mark.parametrize("q", [0.01, 1.0, 10.0, 80.0])
def test_equal_weights_are_a_chi_square(m, q):
    assert_allclose(weighted_chi_square(np.full(m, 3.0), 3 * q), stats.chi2.cdf(q, m), atol=1e-13)


def test_pairs_of_weights_are_a_sum_of_exponentials():
    for a, b, q in ((2.0, 1.0, 3.0), (1e4, 1.0, 50.0), (7.0, 6.9, 0.2)):
        want = 1 - (a * math.exp(-q / (2 * a)) - b * math.exp(-q / (2 * b))) / (a - b)
        assert_allclose(weighted_chi_square(np.array([a, a, b, b]), q), want, atol=1e-12)


def test_unequal_weights_by_the_integral_of_imhof():
    for weights, q in (
        ([0.6, 0.3, 0.1, 0.1, 0.05], 0.7),
        ([12.0, 3.0, 1.0, 1.0, 1.0, 1.0], 30.0),
        ([5.0, 4, 3, 2, 1], 4.0),
    ):
        found = weighted_chi_square(np.array(weights), q)
        assert_allclose(found, imhof(np.array(weights), q), atol=2e-5)  # where that integral is cut off


def test_the_confidence_distribution_of_equal_variances_is_inverse_chi_square():
    """With one variance v, Q (v + tau^2) / v is what a chi-square has to exceed: a closed form."""
    y, v = np.array([0.3, -0.2, 1.1, 0.6, -0.7]), 0.09
    data = bm.Estimates(y, np.full(5, math.sqrt(v)))
    total = np.sum((y - y.mean()) ** 2)
    found = distribution(data)
    tau2 = np.array([0.0, 0.01, 0.2, 1.0, 40.0])
    assert_allclose(found.cdf(tau2), stats.chi2.sf(total / (v + tau2), 4), atol=1e-13)
    want = stats.chi2.pdf(total / (v + tau2), 4) * total / (v + tau2) ** 2
    assert_allclose(found.pdf(tau2), want, rtol=1e-9)


@settings(max_examples=8)
@given(rows=st.lists(st.tuples(st.floats(-3, 3), st.floats(0.1, 2)), min_size=2, max_size=9))
def test_the_rule_holds_all_confidence(rows):
    y, se = np.array(rows).T
    data = bm.Estimates(y, se)
    tau2, weights = distribution(data).rule()
    assert_allclose(weights.sum(), 1, atol=1e-9)
    assert (weights >= 0).all()
    found = distribution(data)
    assert (np.diff(found.cdf(tau2[::20])) >= -1e-12).all()


def test_published_intervals():
    """Two runs of pimeta on these data, 25,000 and more draws each: their limits differ by 0.002 and 0.008."""
    lower, upper = bm.pool(BLOOD_PRESSURE, "dl", prediction="nagashima").prediction
    for published in ((-0.8789, 0.2165), (-0.8807, 0.2240)):
        assert_allclose([lower, upper], published, atol=0.015)


def test_against_draws_made_as_the_authors_make_them():
    """Invert the distribution function at uniform draws; then mean + tau Z - T se, by the formulas written out."""
    rng = np.random.default_rng(20260101)
    n, y, v = 400_000, BLOOD_PRESSURE.y, BLOOD_PRESSURE.v
    grid = np.append(0.0, np.exp(np.linspace(-14, 12, 4000)))
    tau2 = np.interp(rng.uniform(size=n), distribution(BLOOD_PRESSURE).cdf(grid), grid)
    weight = 1 / (v + tau2[:, None])
    total = weight.sum(axis=1)
    mean = (weight * y).sum(axis=1) / total
    variance = (weight * (y - mean[:, None]) ** 2).sum(axis=1) / 9 / total
    draws = mean + np.sqrt(tau2) * rng.normal(size=n) - np.sqrt(variance) * rng.standard_t(9, size=n)
    for level in (0.5, 0.95):
        lower, upper = bm.pool(BLOOD_PRESSURE, level=level, prediction="nagashima").prediction
        shares = [np.mean(draws < lower), np.mean(draws < upper)]
        error = math.sqrt((1 - level) / 2 * (1 + level) / 2 / n)
        assert_allclose(shares, [(1 - level) / 2, (1 + level) / 2], atol=4 * error)


def test_it_moves_and_stretches_with_the_data_and_ignores_the_method():
    one = bm.pool(BLOOD_PRESSURE, prediction="nagashima").prediction
    other = bm.Estimates(1e4 * (3 - BLOOD_PRESSURE.y), 1e4 * BLOOD_PRESSURE.se)
    two = bm.pool(other, "pm", "wald", prediction="nagashima").prediction
    assert_allclose(two, [1e4 * (3 - one[1]), 1e4 * (3 - one[0])], rtol=1e-9)


def test_a_diagonal_covariance_changes_nothing():
    data = bm.Estimates(BLOOD_PRESSURE.y, cov=np.diag(BLOOD_PRESSURE.v))
    found = bm.pool(data, prediction="nagashima").prediction
    assert_allclose(found, bm.pool(BLOOD_PRESSURE, prediction="nagashima").prediction, rtol=1e-9)


def test_few_studies():
    pair = bm.pool(bm.Estimates([0.0, 0.3], [0.2, 0.2]), prediction="nagashima").prediction
    assert pair[0] < -0.5 < 1 < pair[1]  # tau of two studies has a Cauchy-like tail: wide, and finite
    assert math.isfinite(pair[1] - pair[0])
    assert math.isnan(bm.pool(bm.Estimates([0.3], [0.2]), prediction="nagashima").prediction[0])
    assert math.isnan(bm.pool(BLOOD_PRESSURE, "fe", prediction="nagashima").prediction[0])
    assert_allclose(bm.pool(bm.Estimates([0.3] * 3, [0.2] * 3), prediction="nagashima").prediction, [0.3, 0.3])


def test_covariates_are_refused():
    data = bm.load_dataset("bcg")
    with pytest.raises(bm.SpecificationError, match="mean without covariates"):
        bm.pool(data, formula="1 + latitude", prediction="nagashima")


@pytest.mark.parametrize("m", [60, 100, 300, 1000, 5000])
def test_sums_of_many_equal_terms_are_chi_square(m):
    """Where the transform grows beyond all digits on the contour that is right for few terms."""
    for share in (0.3, 0.8, 0.99, 1.0, 1.01, 1.2, 3.0):
        q = share * m
        assert_allclose(weighted_chi_square(np.full(m, 2.0), 2 * q), stats.chi2.cdf(q, m), atol=1e-12)


@pytest.mark.parametrize("size", [0.5, 0.9, 1.0, 1.1, 1.6])
def test_many_unequal_terms_are_imhofs(size):
    """Imhof's (1961) integral of the characteristic function, by SciPy's adaptive rule: weights of which a few are large."""
    weights = np.concatenate([np.full(60, 1.0), np.full(8, 12.0), np.full(4, 30.0)])
    q = size * float(weights.sum())

    def integrand(u):
        theta = 0.5 * np.sum(np.arctan(weights * u)) - 0.5 * q * u
        return np.sin(theta) / (u * np.exp(0.25 * np.sum(np.log1p((weights * u) ** 2))))

    value, _ = integrate.quad(integrand, 0, np.inf, limit=2000, epsabs=1e-13)
    assert_allclose(weighted_chi_square(weights, q), 0.5 - value / np.pi, atol=1e-9)


@pytest.mark.parametrize("k", [62, 300])
def test_the_confidence_distribution_of_many_studies_has_all_its_mass(k):
    rng = np.random.default_rng(1)
    se = rng.uniform(0.05, 0.5, k)
    data = bm.Estimates(rng.normal(0, np.hypot(se, 0.2)), se)
    tau2, weights = Tau2Distribution(regression(data.y, data.v, np.ones((k, 1)))).rule()
    assert abs(weights.sum() - 1) < 1e-8
    mean = float(weights @ tau2)
    assert abs(mean - 0.04) < 4 * np.sqrt(weights @ (tau2 - mean) ** 2)
    grid = np.linspace(0, 1, 400) ** 2
    cdf = np.array([float(distribution(data).cdf(x)) for x in grid])
    draws = np.interp(rng.uniform(size=40_000), np.maximum.accumulate(cdf), grid)  # as its authors draw
    w = 1 / (data.v + draws[:, None])
    centre = np.sum(w * data.y, axis=1) / w.sum(axis=1)
    error = np.sqrt(np.sum(w * (data.y - centre[:, None]) ** 2, axis=1) / (k - 1) / w.sum(axis=1))
    new = centre + np.sqrt(draws) * rng.standard_normal(draws.size) - error * rng.standard_t(k - 1, draws.size)
    found = bm.pool(data, prediction="nagashima").prediction
    assert_allclose(found, np.quantile(new, [0.025, 0.975]), atol=0.02 * np.ptp(found))  # four Monte Carlo errors
