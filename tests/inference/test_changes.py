"""Densities of arms measured twice, against SciPy, effect sizes with a known correlation, regressions and simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import cumulative_simpson, quad
from scipy.stats import kstest, multivariate_normal, norm, t

import bayesmeta as bm
from bayesmeta.families.arm_changes.arrays import change_arrays
from bayesmeta.families.likelihood import Point
from bayesmeta.families.prepared import prepare

NAN = float("nan")
ONE = {
    "n_t": [20], "mean_pre_t": [5.2], "sd_pre_t": [2.1], "mean_post_t": [3.1], "sd_post_t": [2.0],
    "n_c": [15], "mean_pre_c": [5.9], "sd_pre_c": [1.8], "mean_post_c": [5.0], "sd_post_c": [2.4],
}  # fmt: skip
CHANGE = {
    "n_t": [9],
    "mean_change_t": [-2],
    "sd_change_t": [1.5],
    "n_c": [8],
    "mean_change_c": [0],
    "sd_change_c": [1.4],
}
POST = {"n_t": [9], "mean_post_t": [-2], "sd_post_t": [1.5], "n_c": [8], "mean_post_c": [0], "sd_post_c": [1.4]}


def fisher(z, n, rho):
    """Density of Fisher's z of a sample correlation, by Fisher's integral of 1915 over the geometry of the sample."""
    r = np.tanh(z)
    ends = (0, 0.5, 2, 8, 60)
    integral = sum(quad(lambda w: (np.cosh(w) - rho * r) ** -(n - 1), *pair, epsabs=0)[0] for pair in pairwise(ends))
    return (n - 2) / np.pi * (1 - rho**2) ** ((n - 1) / 2) * (1 - r**2) ** ((n - 2) / 2) * integral


def evidence_of(n_t, n_c, zeta, r):
    """Log density of Fisher's z of one printed correlation `r` in two arms of these sizes."""
    sizes = {"n_t": np.full(len(r), n_t), "n_c": np.full(len(r), n_c)}
    columns = {name: np.full(len(r), values[0]) for name, values in ONE.items()} | sizes
    return change_arrays(bm.ArmChanges(**columns, correlation=r), "separate").evidence(zeta, np)[:, 0]


@pytest.mark.parametrize("size", [3, 4, 10, 200])
@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.6, 0.97])
def test_the_density_of_a_sample_correlation_is_fishers(size, rho):
    """Two arms of 2 and size - 1 estimate one mean more than one sample of `size`."""
    z = np.arctanh(rho) + np.array([-1.2, -0.3, 0.0, 0.5, 1.0]) / np.sqrt(max(size - 3, 1))
    want = [fisher(value, size, rho) for value in z]
    atol = {3: 2e-3, 4: 1.1e-4}.get(size, 2e-9)  # terms left out of the series
    assert_allclose(evidence_of(2, size - 1, np.arctanh(rho), np.tanh(z)), np.log(want), atol=atol)


def test_without_a_true_correlation_it_is_students_t():
    r = np.array([-0.7, 0.0, 0.2, 0.9])
    statistic = r * np.sqrt(8 / (1 - r**2))  # of a sample of 10
    slope = np.sqrt(8) / (1 - r**2) ** 1.5 * (1 - r**2)  # of the statistic in z
    assert_allclose(evidence_of(6, 5, 0.0, r), t.logpdf(statistic, 8) + np.log(slope), atol=1e-9)


def test_a_correlation_within_two_arms_is_that_of_one_sample_less_a_participant():
    """The Kolmogorov-Smirnov distance of 40,000 simulated pairs of arms, whose means differ, from the density."""
    rng, rho, runs, sizes = np.random.default_rng(5), 0.6, 40_000, (6, 4)
    products = np.zeros((runs, 2, 2))
    for n in sizes:
        x = rng.multivariate_normal([3 * n, -n], [[4, 4 * rho], [4 * rho, 4]], (runs, n))
        centred = x - x.mean(axis=1, keepdims=True)
        products += np.einsum("rni,rnj->rij", centred, centred)
    r = products[:, 0, 1] / np.sqrt(products[:, 0, 0] * products[:, 1, 1])
    grid = np.tanh(np.linspace(-3, 4.5, 2001))
    density = np.exp(evidence_of(*sizes, np.arctanh(rho), grid))
    cdf = cumulative_simpson(density, x=np.arctanh(grid), initial=0)
    assert cdf[-1] == pytest.approx(1, abs=1e-5)
    assert kstest(r, lambda values: np.interp(values, grid, cdf)).pvalue > 0.01
    wrong = cumulative_simpson(
        np.exp(evidence_of(sizes[0], sizes[1] + 1, np.arctanh(rho), grid)), x=np.arctanh(grid), initial=0
    )
    assert kstest(r, lambda values: np.interp(values, grid, wrong)).pvalue < 1e-4


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.65])
def test_separate_baselines_give_the_effect_size_with_that_correlation(rho):
    y, v = change_arrays(bm.ArmChanges(**ONE), "separate").estimate(np.array([rho]))
    want = bm.effect_sizes({"study": ["A"], **ONE}, measure="md_change", correlation=rho)
    assert_allclose([y, np.sqrt(v)], [want.y, want.se])


@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.65])
def test_a_common_baseline_is_one_of_two_jointly_normal_differences(rho):
    """The density of both, less that of the difference at baseline, which has mean 0 whatever theta is."""
    mean, tau = -1.1, 0.4
    found = change_arrays(bm.ArmChanges(**ONE), "common").effect(np.array([rho]), mean, tau, np)
    cov = sum(
        np.array([[pre**2, rho * pre * post], [rho * pre * post, post**2]]) / n
        for pre, post, n in ((2.1, 2.0, 20), (1.8, 2.4, 15))
    )
    gaps = [5.2 - 5.9, 3.1 - 5.0]
    both = multivariate_normal([0, mean], cov + np.diag([0, tau**2])).logpdf(gaps)
    assert_allclose(found, both - norm.logpdf(gaps[0], 0, np.sqrt(cov[0, 0])))


def test_a_common_baseline_gives_the_analysis_of_covariance():
    """Least squares on participants, in arms of equal spread: the estimate, and its variance but for the slope's own."""
    rng, n = np.random.default_rng(3), 30
    pre = rng.normal(size=n)
    post = 0.8 * pre + rng.normal(size=n)
    arms = {"t": (pre + 1.7, post + 3), "c": (2.1 - pre, 4 - post)}  # the other arm is the first, turned round
    columns = {f"n_{arm}": [n] for arm in arms}
    for arm, values in arms.items():
        for when, x in zip(("pre", "post"), values, strict=True):
            columns |= {f"mean_{when}_{arm}": [x.mean()], f"sd_{when}_{arm}": [x.std(ddof=1)]}
    r = np.corrcoef(pre, post)[0, 1]
    y, v = change_arrays(bm.ArmChanges(**columns), "common").estimate(np.array([r]))

    baseline, outcome = (np.concatenate([arms[arm][i] for arm in "tc"]) for i in (0, 1))
    X = np.column_stack([np.repeat([1.0, 0.0], n), np.ones(2 * n), baseline])
    coef, rss, *_ = np.linalg.lstsq(X, outcome, rcond=None)
    assert y[0] == pytest.approx(coef[0])
    assert v[0] == pytest.approx(np.var(post, ddof=1) * (1 - r**2) * 2 / n)  # Frison and Pocock (1992)
    residual = rss[0] / (2 * n - 2)  # as the standard deviations have it; regression takes one more for the slope
    of_slope = (arms["t"][0].mean() - arms["c"][0].mean()) ** 2 / (2 * (n - 1) * np.var(pre, ddof=1))
    assert np.linalg.inv(X.T @ X)[0, 0] * residual == pytest.approx(v[0] + residual * of_slope)


@pytest.mark.parametrize("baseline", ["separate", "common"])
def test_changes_alone_and_the_time_afterwards_alone_are_mean_differences(baseline):
    for columns, prefix in ((CHANGE, "change"), (POST, "post")):
        y, v = change_arrays(bm.ArmChanges(**columns), baseline).estimate(np.array([0.7]))
        arms = {name.replace(f"_{prefix}", ""): values for name, values in columns.items()}
        want = bm.effect_sizes({"study": ["A"], **arms}, measure="md")
        assert_allclose([y, np.sqrt(v)], [want.y, want.se])


def integrated(data, baseline, mean, tau, typical, variation):
    """Log density of each study, its correlation integrated out, as the package has it."""
    base = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
    model = bm.ChangeNormal(
        base=base, correlation=bm.Uniform(0, 1), correlation_variation=bm.HalfNormal(1), baseline=baseline
    )
    top = {"mu": mean, "tau": tau, "correlation": np.tanh(typical), "correlation_variation": variation}
    at = Point({name: np.array(value) for name, value in top.items()}, np.zeros(0), np.zeros(0), {})
    return prepare(data, model).likelihood.pointwise(at)


@pytest.mark.parametrize("baseline", ["separate", "common"])
@pytest.mark.parametrize("variation", [0.05, 0.3, 1.0])
@pytest.mark.parametrize(
    "told", [{}, {"correlation": [0.9]}, {"sd_change_t": [0.9]}, {"sd_change_t": [0.9], "sd_change_c": [2.9]}], ids=str
)
def test_evidence_is_an_integral_over_the_correlation(baseline, variation, told):
    """By Gauss-Legendre quadrature over Fisher's z, with the density of each sample correlation from Fisher's integral."""
    data, typical, mean, tau = bm.ArmChanges(**ONE, **told), np.arctanh(0.5), -0.3, 0.2
    arrays = change_arrays(data, baseline)
    x, w = np.polynomial.legendre.leggauss(300)
    half = 8 * variation
    zeta = typical + half * x
    samples = [(0.9, 34)] if "correlation" in told else []
    samples += [(data.implied_correlation[0, j], n) for j, n in enumerate((20, 15)) if f"sd_change_{'tc'[j]}" in told]
    density = norm.pdf(zeta, typical, variation)
    for r, n in samples:
        density = density * [fisher(np.arctanh(r), n, np.tanh(at)) for at in zeta]
    density = density * np.exp([arrays.effect(np.tanh(at), mean, tau, np)[0] for at in zeta])
    found = integrated(data, baseline, mean, tau, typical, variation)
    assert_allclose(found, np.log(half * w @ density), atol=3e-5)


def test_without_variation_it_is_the_density_at_one_correlation():
    data = bm.ArmChanges(**ONE, correlation=[0.7])
    arrays, zeta = change_arrays(data, "common"), np.arctanh(0.4)
    found = integrated(data, "common", -0.3, 0.2, zeta, 0.0)
    want = np.log(fisher(np.arctanh(0.7), 34, 0.4)) + arrays.effect(0.4, -0.3, 0.2, np)
    assert_allclose(found, want, atol=1e-9)


@settings(max_examples=20)
@given(
    scale=st.floats(0.1, 30),
    shift=st.floats(-9, 9),
    rho=st.floats(-0.95, 0.95),
    baseline=st.sampled_from(["separate", "common"]),
)
def test_units_origin_and_arms_do_not_matter(scale, shift, rho, baseline):
    moved = {
        name: np.array(values) * (scale if name[0] in "ms" else 1) + (shift if name[0] == "m" else 0)
        for name, values in ONE.items()
    }
    swapped = {name[:-1] + {"t": "c", "c": "t"}[name[-1]]: values for name, values in moved.items()}
    y, v = change_arrays(bm.ArmChanges(**ONE), baseline).estimate(np.array([rho]))
    found = change_arrays(bm.ArmChanges(**swapped), baseline).estimate(np.array([rho]))
    assert_allclose(found, [-scale * y, scale**2 * v], rtol=1e-9, atol=1e-9)
