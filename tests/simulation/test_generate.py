"""Simulated data against the exact moments of what they are drawn from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from bayesmeta.errors import DataWarning, InferenceError, SpecificationError
from bayesmeta.simulation.design import Design, Selection, Studies, Truth, scenarios
from bayesmeta.simulation.generate import Simulated, publication_probability, simulate_block, standard_effects
from bayesmeta.simulation.run import simulate


def drawn(n: int = 40_000, *, seed: int = 7, **sections: object) -> Simulated:
    design = Design(title="", seed=0, replications=2, estimators=("fe wald",), **sections)
    return simulate_block(design, scenarios(design)[0], n, np.random.default_rng(seed))


def assert_mean(values, expected, z=4.5):
    error = np.std(values, ddof=1) / np.sqrt(np.size(values))
    assert abs(np.mean(values) - expected) < z * error, (np.mean(values), expected, error)


def exact_binary(measure, n_t, n_c, p_t, p_c, correction):
    """Mean and variance of y, and mean of se^2, over all pairs of counts, by metafor's formulas written out anew."""
    a, c = np.meshgrid(np.arange(n_t + 1.0), np.arange(n_c + 1.0), indexing="ij")
    weight = stats.binom.pmf(a, n_t, p_t) * stats.binom.pmf(c, n_c, p_c)
    b, d = n_t - a, n_c - c
    plus = correction * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    a, b, c, d = a + plus, b + plus, c + plus, d + plus
    if measure == "log_or":
        y, v = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    elif measure == "log_rr":
        y, v = np.log(a / (a + b) * (c + d) / c), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    else:
        y, v = a / (a + b) - c / (c + d), a * b / (a + b) ** 3 + c * d / (c + d) ** 3
    mean = (weight * y).sum()
    return mean, (weight * (y - mean) ** 2).sum(), (weight * v).sum()


@pytest.mark.parametrize(
    ("measure", "mu", "p_t"),
    [
        ("log_or", 0.8, 0.2 * np.exp(0.8) / (0.8 + 0.2 * np.exp(0.8))),
        ("log_rr", 0.5, 0.2 * np.exp(0.5)),
        ("rd", 0.3, 0.5),
    ],
)
@pytest.mark.parametrize("correction", [0.5, 0.25])
def test_binary_outcomes_have_exact_binomial_moments(measure, mu, p_t, correction):
    studies = Studies(outcome="binary", measure=measure, k=1, n_t=12, n_c=9, control_risk=0.2, correction=correction)
    data = drawn(truth=Truth(mu=mu), studies=studies)
    mean, variance, v = exact_binary(measure, 12, 9, p_t, 0.2, correction)
    assert_mean(data.y, mean)
    assert_mean((data.y - mean) ** 2, variance)
    assert_mean(data.se**2, v)
    assert not data.clipped.any()


def test_mean_differences_have_their_exact_moments():
    data = drawn(truth=Truth(mu=1.5), studies=Studies(outcome="means", measure="md", k=1, n_t=5, n_c=8, sd=3))
    variance = 9 * (1 / 5 + 1 / 8)
    assert_mean(data.y, 1.5)
    assert_mean((data.y - 1.5) ** 2, variance)
    assert_mean(data.se**2, variance)
    assert_mean((data.se**2 - variance) ** 2, 81 * (2 / 4 / 25 + 2 / 7 / 64))  # of two scaled chi-squares


def test_standardised_differences_are_a_scaled_noncentral_t():
    data = drawn(truth=Truth(mu=4.0), studies=Studies(outcome="means", measure="smd", k=1, n_t=6, n_c=9, sd=10))
    scale, df = np.sqrt(1 / 6 + 1 / 9), 13
    exact = stats.nct(df, 4.0 / scale)
    assert_mean(data.y, 4.0)  # Hedges' factor makes it unbiased
    assert_mean((data.y - 4.0) ** 2, exact.var() * (4.0 / exact.mean()) ** 2)
    np.testing.assert_allclose(data.se**2, 1 / 6 + 1 / 9 + data.y**2 / 30, rtol=1e-12)


@pytest.mark.parametrize(
    ("truth", "skewness", "kurtosis"),
    [
        (Truth(), 0.0, 3.0),
        (Truth(shape="t", df=12), 0.0, 3.0 + 6 / 8),
        (Truth(shape="skewed", skewness=1.2), 1.2, 3.0 + 1.5 * 1.2**2),
        (Truth(shape="skewed", skewness=-0.7), -0.7, 3.0 + 1.5 * 0.7**2),
        (Truth(shape="outliers", share=0.1, factor=3), 0.0, 3 * (0.9 + 0.1 * 81) / (0.9 + 0.1 * 9) ** 2),
    ],
)
def test_true_effects_have_mean_0_sd_1_and_the_shape_asked_for(truth, skewness, kurtosis):
    z = standard_effects(truth, (400_000,), np.random.default_rng(3))
    for power, expected in ((1, 0.0), (2, 1.0), (3, skewness), (4, kurtosis)):
        assert_mean(z**power, expected)


def test_estimates_scatter_by_se_and_tau_around_mu():
    truth = Truth(mu="Normal(1, 0.5)", tau="Uniform(0.1, 0.3)")
    data = drawn(truth=truth, studies=Studies(outcome="estimates", se=[0.1, 0.4]))
    apart = data.y - data.mu[:, None]
    tau2 = (0.3**3 - 0.1**3) / 3 / 0.2
    assert_mean(data.mu, 1.0)
    assert_mean((data.mu - 1) ** 2, 0.25)
    for study, se in enumerate((0.1, 0.4)):
        np.testing.assert_array_equal(data.se[:, study], se)
        assert_mean(apart[:, study] ** 2, se**2 + tau2)
    assert_mean(apart[:, 0] * apart[:, 1], 0.0)
    assert_mean((data.theta_new - data.mu) ** 2, tau2)


def test_sizes_follow_their_distribution_and_are_whole():
    data = drawn(truth=Truth(), studies=Studies(outcome="means", measure="md", k=1, n_t="Uniform(2, 9)", n_c=10, sd=1))
    n = np.arange(2, 10)  # rounded: the ends have half the probability
    weight = np.where((n == 2) | (n == 9), 0.5, 1.0) / 7
    assert_mean(data.se**2, (weight / n).sum() + 0.1)


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_published_studies_have_the_weighted_distribution(alternative):
    sign = 1 if alternative == "greater" else -1
    selection = Selection(cuts=[0.025, 0.5], weights=[1.0, 0.4, 0.1], alternative=alternative)
    data = drawn(
        truth=Truth(mu=0.2 * sign, tau=0.3), studies=Studies(outcome="estimates", k=2, se=0.4), selection=selection
    )
    unselected = stats.norm(0.2, 0.5)  # of sign * y
    bounds = [np.inf, 0.4 * stats.norm.isf(0.025), 0.0, -np.inf]
    inside = np.array([unselected.cdf(high) - unselected.cdf(low) for high, low in itertools.pairwise(bounds)])
    shares = inside * selection.weights / (inside * selection.weights).sum()
    y = sign * data.y.ravel()
    for (high, low), share in zip(itertools.pairwise(bounds), shares, strict=True):
        assert_mean(((y < high) & (y >= low)).astype(float), share)
    part = [
        integrate.quad(lambda x: x * unselected.pdf(x), max(low, -9), min(high, 9))[0]
        for high, low in itertools.pairwise(bounds)
    ]
    assert_mean(y, np.dot(part, selection.weights) / np.dot(inside, selection.weights))


def test_the_probability_of_publication_steps_at_the_cuts():
    selection = Selection(cuts=[0.025, 0.5], weights=[1.0, 0.4, 0.1])
    y = np.array([1.97, 1.95, 0.01, -0.01])
    np.testing.assert_array_equal(publication_probability(selection, y, np.ones(4)), [1.0, 0.4, 0.4, 0.1])


def test_the_counts_are_those_behind_the_estimates():
    """After selection too, where studies are drawn again."""
    data = drawn(
        300,
        truth=Truth(mu=0.3, tau=0.2),
        studies=Studies(outcome="binary", measure="log_or", k=4, n_t=30, n_c=25, control_risk=0.1),
        selection=Selection(cuts=[0.5], weights=[1.0, 0.1]),
    )
    a, n_t, c, n_c = data.counts
    half = 0.5 * ((a == 0) | (c == 0) | (a == n_t) | (c == n_c))
    odds = (a + half) * (n_c - c + half) / ((n_t - a + half) * (c + half))
    np.testing.assert_allclose(data.y, np.log(odds), atol=1e-12)
    assert data.counts.shape == (4, 300, 4)
    assert drawn(2, studies=Studies(outcome="estimates", k=2, se=0.1)).counts.size == 0


def test_a_truth_that_is_never_published_is_refused():
    selection = Selection(cuts=[1e-12], weights=[1.0, 0.0])
    with pytest.raises(InferenceError, match="never published"):
        drawn(2, truth=Truth(mu=-1), studies=Studies(outcome="estimates", k=1, se=0.4), selection=selection)


def test_a_risk_outside_0_to_1_is_said_to_be_clipped():
    design = Design(
        title="", seed=0, replications=500, truth=Truth(mu=1.0, tau=0.5), estimators=("fe wald",),
        studies=Studies(outcome="binary", measure="log_rr", k=3, n_t=20, n_c=20, control_risk=0.3),
    )  # fmt: skip
    with pytest.warns(DataWarning, match="outside 0 to 1"):
        found = simulate(design)
    exact = 1 - stats.norm.cdf(-np.log(0.3), 1.0, 0.5) ** 3
    assert abs(found.clipped - exact) < 4.5 * np.sqrt(exact * (1 - exact) / 500)


def test_an_empty_cell_without_a_correction_stops_the_run():
    studies = Studies(outcome="binary", measure="log_or", k=3, n_t=20, n_c=20, control_risk=0.1, correction=0)
    with pytest.raises(SpecificationError, match=r"studies.correction = 0: a study without events.*Use 0.5"):
        drawn(50, truth=Truth(), studies=studies)
