"""What holds for any data: order, scale, shift and sign; distribution functions that are; probabilities that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import bayesmeta as bm

EFFECT = st.floats(-5, 5).map(lambda v: round(v, 3))
ERROR = st.floats(0.02, 5).map(lambda v: round(v, 3))
STUDIES = st.lists(st.tuples(EFFECT, ERROR), min_size=2, max_size=8)
LEVELS = np.array([0.001, 0.05, 0.3, 0.5, 0.8, 0.95, 0.999])
FEW = settings(max_examples=15)
BOUND = 2e-8  # of two fits, each with an error of at most 1e-8 in a probability

TAU = st.sampled_from(
    [
        (bm.HalfNormal, (0.7,)), (bm.HalfCauchy, (0.5,)), (bm.HalfStudentT, (4, 0.6)), (bm.LogNormal, (-1.0, 0.8)),
        (bm.Uniform, (0, 3)), (bm.Uniform, (0.2, 1.5)), (bm.Exponential, (2,)), (bm.InvGamma, (2, 0.4)), (bm.Lomax, (3, 1)),
    ]
)  # fmt: skip
SCALED = {
    bm.HalfNormal: lambda c, s: (s * c,),
    bm.HalfCauchy: lambda c, s: (s * c,),
    bm.HalfStudentT: lambda c, nu, s: (nu, s * c),
    bm.LogNormal: lambda c, m, s: (m + np.log(c), s),
    bm.Uniform: lambda c, a, b: (a * c, b * c),
    bm.Exponential: lambda c, r: (r / c,),
    bm.InvGamma: lambda c, a, s: (a, s * c),
    bm.Lomax: lambda c, a, s: (a, s * c),
}


def _fit(studies, tau, mu, **other):
    y, se = np.array(studies).T
    return bm.fit(bm.Estimates(y, se, **other), bm.NormalNormal(mu=mu, tau=tau), "quadrature")


def _prior(tau):
    family, parameters = tau
    return family(*parameters)


def _assert_same(first, second, name, move=lambda x: x, reflect=False):
    """The CDF of `name` in one fit at points, and in the other at these points moved."""
    points = np.asarray(first.marginal(name).ppf(LEVELS))
    other = second.marginal(name).cdf(move(points))
    np.testing.assert_allclose(1 - other if reflect else other, LEVELS, rtol=0, atol=BOUND)


@FEW
@given(studies=STUDIES, tau=TAU, seed=st.integers(0, 100))
def test_the_order_of_studies_does_not_matter(studies, tau, seed):
    order = np.random.default_rng(seed).permutation(len(studies))
    first, second = (_fit(s, _prior(tau), bm.Normal(0, 2)) for s in (studies, [studies[i] for i in order]))
    for name in ("tau", "mu", "theta_new"):
        assert first.marginal(name).mean() == pytest.approx(second.marginal(name).mean(), rel=1e-10, abs=1e-12)
        _assert_same(first, second, name)
    moved = first.shrinkage()["mean"].to_numpy()[order]
    np.testing.assert_allclose(second.shrinkage()["mean"], moved, rtol=1e-9, atol=1e-12)
    assert first.log_marginal_likelihood == pytest.approx(second.log_marginal_likelihood, rel=1e-10, abs=1e-10)


@FEW
@given(studies=STUDIES, tau=TAU, c=st.sampled_from([1e-6, 1e-3, 0.37, 50.0, 1e5]))
def test_rescaling_the_data_and_the_priors_rescales_the_posterior(studies, tau, c):
    family, parameters = tau
    first = _fit(studies, _prior(tau), bm.Normal(0.3, 2))
    second = _fit(c * np.array(studies), family(*SCALED[family](c, *parameters)), bm.Normal(0.3 * c, 2 * c))
    for name in ("tau", "mu", "theta_new"):
        _assert_same(first, second, name, lambda x: c * x)
        assert second.marginal(name).sd() == pytest.approx(c * first.marginal(name).sd(), rel=1e-6)
    shift = len(studies) * np.log(c)
    assert first.log_marginal_likelihood == pytest.approx(second.log_marginal_likelihood + shift, abs=1e-7)


@FEW
@given(studies=STUDIES, tau=TAU, shift=st.sampled_from([-3.0, 0.5, 100.0, 1e6]))
def test_translating_the_data_and_the_prior_of_mu_translates_mu(studies, tau, shift):
    moved = [(y + shift, se) for y, se in studies]
    first, second = _fit(studies, _prior(tau), bm.Normal(0, 2)), _fit(moved, _prior(tau), bm.Normal(shift, 2))
    for name in ("mu", "theta_new"):
        _assert_same(first, second, name, lambda x: x + shift)
    _assert_same(first, second, "tau")
    assert first.log_marginal_likelihood == pytest.approx(second.log_marginal_likelihood, abs=1e-7)


@FEW
@given(studies=STUDIES, tau=TAU)
def test_swapping_the_sign_reflects_mu(studies, tau):
    swapped = [(-y, se) for y, se in studies]
    first, second = _fit(studies, _prior(tau), bm.Normal(1, 2)), _fit(swapped, _prior(tau), bm.Normal(-1, 2))
    _assert_same(first, second, "mu", lambda x: -x, reflect=True)
    _assert_same(first, second, "tau")
    assert first.probability("mu < 0.3") == pytest.approx(second.probability("mu > -0.3"), abs=BOUND)


@settings(max_examples=12)
@given(studies=STUDIES, tau=TAU)
@example(studies=[(0.0, 1.0), (0.0, 1.0)], tau=(bm.Uniform, (0.2, 1.5)))
@example(studies=[(0.1, 0.02), (0.2, 5), (5, 5)], tau=(bm.LogNormal, (-3.0, 3.0)))
@example(studies=[(0.0, 0.02)], tau=(bm.HalfCauchy, (0.5,)))
def test_distribution_functions_are_monotone_and_invert(studies, tau):
    result = _fit(studies, _prior(tau), bm.Normal(0, 2))
    names = ["tau", "mu", "theta_new", "theta[study 1]", *(["I2", "H"] if len(studies) > 1 else [])]
    for name in names:
        marginal = result.marginal(name)
        ends = np.asarray(marginal.ppf([1e-5, 1 - 1e-5]))
        fine = np.concatenate([np.linspace(ends[0], ends[1], 400), marginal.ppf(np.linspace(0.001, 0.999, 100))])
        cdf = np.asarray(marginal.cdf(np.sort(fine)))
        assert np.all(np.diff(cdf) >= 0), name
        assert cdf[0] >= 0
        assert cdf[-1] <= 1
        points = np.asarray(marginal.ppf(LEVELS))
        # a point is known to its last digit only, and H differs from one by less than that for small tau
        known = 1e-8 + 2.0**-51 * np.abs(points) * np.where(np.isfinite(d := marginal.pdf(points)), d, 0)
        assert np.all(np.abs(marginal.cdf(points) - LEVELS) <= known), name
        assert np.all(np.diff(marginal.ppf(np.linspace(0, 1, 101)[1:-1])) >= 0), name
        assert np.all(np.asarray(marginal.pdf(fine)) >= 0)
        low, high = marginal.hdi(0.9)
        assert marginal.cdf(high) - marginal.cdf(low) == pytest.approx(0.9, abs=1e-7)
        equal = marginal.interval(0.9, "eti")
        assert high - low <= (equal[1] - equal[0]) * (1 + 1e-9)


@FEW
@given(studies=STUDIES, tau=TAU)
def test_densities_are_the_slopes_of_distribution_functions(studies, tau):
    result = _fit(studies, _prior(tau), bm.Normal(0, 2))
    for name in ("tau", "mu", "theta_new"):
        marginal = result.marginal(name)
        points = np.asarray(marginal.ppf([0.1, 0.4, 0.75, 0.95]))
        assume(points[0] > 1e-4 or name in ("mu", "theta_new"))
        step = 1e-4 * np.maximum(np.abs(points), 1e-3 if name in ("mu", "theta_new") else 0)
        slope = (np.asarray(marginal.cdf(points + step)) - marginal.cdf(points - step)) / (2 * step)
        known = 1e-8 / step + 1e-4 * np.asarray(marginal.pdf(points))
        assert np.all(np.abs(slope - marginal.pdf(points)) <= known), name


@FEW
@given(studies=STUDIES, tau=TAU, cut=st.floats(-3, 3), scale=st.floats(0.01, 3))
def test_probabilities_lie_between_zero_and_one_and_add_up(studies, tau, cut, scale):
    result = _fit(studies, _prior(tau), bm.Normal(0, 2))
    for claim, opposite in (
        (f"mu < {cut}", f"mu >= {cut}"),
        (f"tau < {scale}", f"tau >= {scale}"),
        (f"theta_new < {cut} and tau < {scale}", f"theta_new >= {cut} or tau >= {scale}"),
        (f"mu < {cut} and theta_new < 0", f"mu >= {cut} or theta_new >= 0"),
        (f"mu < {cut} + {scale} * tau", f"mu >= {cut} + {scale} * tau"),
    ):
        found = result.probability(claim), result.probability(opposite)
        assert min(found) >= 0
        assert max(found) <= 1
        assert sum(found) == pytest.approx(1, abs=1e-9)
    assert result.probability(f"mu < {cut}") == pytest.approx(result.marginal("mu").cdf(cut), abs=1e-12)
    assert result.probability(f"tau < {scale}") == pytest.approx(result.marginal("tau").cdf(scale), abs=1e-9)


@FEW
@given(studies=STUDIES, tau=TAU)
def test_a_true_effect_lies_between_its_estimate_and_the_mean(studies, tau):
    result = _fit(studies, _prior(tau), bm.Normal(0, 2))
    table, known = result.shrinkage(), [bm.PointMass(t) for t in (0.05, 0.8)]
    assert np.all(table["sd"] > 0)
    assert np.all(table["lower"] < table["upper"])
    for fixed in known:  # given tau it holds exactly; over tau the mean of mu moves along
        given_tau = _fit(studies, fixed, bm.Normal(0, 2))
        mean, found = given_tau.marginal("mu").mean(), given_tau.shrinkage()
        low, high = np.minimum(found["y"], mean), np.maximum(found["y"], mean)
        assert np.all((found["mean"] >= low - 1e-12) & (found["mean"] <= high + 1e-12))
