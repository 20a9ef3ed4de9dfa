"""Priors from published intervals, power priors, allowances for bias and robust mixtures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.errors import DataWarning, SpecificationError


def test_published_intervals():
    """Standard errors that the published P values imply: z = -6.9 for the pooled difference, .029 for the risk ratio."""
    pain = bm.normal_from_interval(-1.83, -2.35, -1.31)
    assert (pain.mean, round(pain.sd, 3)) == (-1.83, 0.265)
    ratio = bm.normal_from_interval(2.43, 1.10, 5.40, ratio=True)
    assert_allclose(ratio.mean, math.log(2.43))
    assert_allclose(ratio.sd, 0.406, atol=5e-4)
    assert_allclose(2 * norm.sf(ratio.mean / ratio.sd), 0.029, atol=5e-4)


@given(mean=st.floats(-5, 5), sd=st.floats(0.01, 10), level=st.floats(0.05, 0.999))
def test_an_interval_gives_back_its_normal(mean, sd, level):
    low, high = norm(mean, sd).interval(level)
    found = bm.normal_from_interval(mean, low, high, level)
    assert_allclose([found.mean, found.sd], [mean, sd], rtol=1e-9)
    if sd < 3:
        ratio = bm.normal_from_interval(*np.exp([mean, low, high]), level, ratio=True)
        assert_allclose([ratio.mean, ratio.sd], [mean, sd], rtol=1e-8, atol=1e-12)


def test_an_asymmetric_interval_is_warned_about_and_then_refused():
    with pytest.warns(DataWarning, match=r"1 \(0 to 2.5\) is not symmetric as it stands: .* 0.20 half widths"):
        assert bm.normal_from_interval(1, 0, 2.5).mean == 1
    with pytest.raises(SpecificationError, match=r"2.43 \(1.1 to 5.4\).*ratio=True"):
        bm.normal_from_interval(2.43, 1.10, 5.40)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 2, 3), "lower < estimate < upper"),
        ((1, 3, -1), "lower < estimate < upper"),
        ((math.nan, 0, 2), "estimate must be finite"),
        ((1, 0, 2, 95), "95% is 0.95"),
        ((1, 0, math.inf), "upper must be finite"),
    ],
)
def test_refused_intervals(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        bm.normal_from_interval(*arguments)


def test_logarithms_are_no_ratios():
    with pytest.raises(SpecificationError, match="lower=-0.2.*positive.*not their logarithms"):
        bm.normal_from_interval(0.3, -0.2, 0.8, ratio=True)


INITIAL = bm.Mixture([(0.7, bm.Normal(0, 1)), (0.3, bm.Normal(2, 0.5))])


@pytest.mark.parametrize("a0", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("initial", [bm.Normal(0.5, 2), INITIAL])
def test_a_power_prior_is_the_initial_prior_times_the_likelihood_to_the_power(a0, initial):
    """Normalised by numerical integration."""
    found = bm.discounted(bm.Normal(-1.2, 0.4), a0, initial=initial)

    def density(x):
        return float(initial.pdf(x)) * norm.pdf(x, -1.2, 0.4) ** a0

    total = quad(density, -12, 12, points=[-1.2, 0, 2], epsabs=0, epsrel=1e-11, limit=200)[0]
    for x in (-2.0, -1.0, 0.3, 1.8):
        assert_allclose(found.pdf(x), density(x) / total, rtol=1e-8)


def test_flat_initial_priors():
    assert bm.discounted(bm.Normal(-1.2, 0.4), 0.25) == bm.Normal(-1.2, 0.8)
    assert bm.discounted(bm.Normal(-1.2, 0.4), 0.25, initial=bm.Flat()) == bm.Normal(-1.2, 0.8)
    assert bm.discounted(bm.Normal(-1.2, 0.3), bias_sd=0.4) == bm.Normal(-1.2, 0.5)
    assert bm.discounted(bm.Normal(-1.2, 0.3), bias_sd=0) == bm.Normal(-1.2, 0.3)


def test_nothing_left_of_the_evidence():
    assert bm.discounted(bm.Normal(-1, 1), 0, initial=INITIAL) == INITIAL
    with pytest.raises(SpecificationError, match="Give a proper initial prior"):
        bm.discounted(bm.Normal(-1, 1), 0)


def test_a_power_prior_as_prior_is_the_same_as_the_cohort_as_a_study_of_less_weight():
    """Common-effect model: the cohort enters with its variance over a0."""
    data = bm.Estimates(y=[0.1, 0.5], se=[0.2, 0.3])
    one = bm.fit(data, bm.NormalNormal(mu=bm.discounted(bm.Normal(1, 0.1), 0.2), tau=bm.PointMass(0))).marginal("mu")
    both = bm.Estimates(y=[0.1, 0.5, 1.0], se=[0.2, 0.3, 0.1 / math.sqrt(0.2)])
    other = bm.fit(both, bm.NormalNormal(tau=bm.PointMass(0))).marginal("mu")
    assert_allclose([one.mean(), one.sd()], [other.mean(), other.sd()], rtol=1e-10)


@given(a0=st.floats(0.01, 1), mean=st.floats(-3, 3))
def test_a_power_is_a_share_of_the_sample_size(a0, mean):
    prior = bm.discounted(bm.Normal(mean, 0.1), a0)
    assert_allclose(bm.effective_sample_size(prior, 2), a0 * bm.effective_sample_size(bm.Normal(mean, 0.1), 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give one of the two"),
        ({"a0": 0.5, "bias_sd": 1}, "give one of the two"),
        ({"a0": 1.5}, "between 0 and 1"),
        ({"a0": -0.1}, "between 0 and 1"),
        ({"bias_sd": -1}, "at least 0"),
        ({"bias_sd": math.inf}, "finite number"),
        ({"a0": 0.5, "initial": bm.HalfNormal(1)}, "Normal or a Mixture of normals"),
    ],
)
def test_refused_discounts(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        bm.discounted(bm.Normal(0, 1), **arguments)
    with pytest.raises(SpecificationError, match=r"Normal\(estimate, se\)"):
        bm.discounted(bm.StudentT(3, 0, 1), 0.5)


def test_a_robust_prior_yields_to_contradicting_data():
    """Posterior weight of the vague component by Bayes' rule, written out."""
    informative, weight = bm.Normal(-1.2, 0.2), 0.1
    prior = bm.robustify(informative, weight, mean=0, sd=2)
    data = bm.Estimates(y=[3.0], se=[0.3])
    found = bm.fit(data, bm.NormalNormal(mu=prior, tau=bm.PointMass(0)))
    vague, near = weight * norm.pdf(3, 0, math.hypot(2, 0.3)), (1 - weight) * norm.pdf(3, -1.2, math.hypot(0.2, 0.3))
    assert_allclose(found.log_marginal_likelihood, math.log(vague + near), rtol=1e-10)
    shares, means = np.array([near, vague]) / (near + vague), []
    for part in (informative, bm.Normal(0, 2)):
        precision = part.sd**-2 + 0.3**-2
        means.append((part.mean * part.sd**-2 + 3 * 0.3**-2) / precision)
    assert_allclose(found.marginal("mu").mean(), shares @ means, rtol=1e-9)


def test_a_mixture_is_robustified_flat():
    assert bm.robustify(INITIAL, 0.2, 0, 9).weights == pytest.approx((0.56, 0.24, 0.2))
    for weight in (0, 1, 1.2, math.nan):
        with pytest.raises(SpecificationError, match="weight="):
            bm.robustify(INITIAL, weight, 0, 9)
    for prior in (bm.Flat(), bm.HalfNormal(1), "Normal(0, 1)"):
        with pytest.raises(SpecificationError, match="proper prior on an effect"):
            bm.robustify(prior, 0.2, 0, 9)


def test_evidence_whose_variance_is_no_float_counts_for_nothing():
    assert bm.discounted(bm.Normal(0, 1e200), 0.5, initial=bm.Normal(1, 2)) == bm.Normal(1, 2)
    with pytest.raises(bm.SpecificationError, match="nothing is left of the evidence"):
        bm.discounted(bm.Normal(0, 1e200), 0.5)
