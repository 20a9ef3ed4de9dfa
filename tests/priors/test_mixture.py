"""Mixtures: sums over components, quantiles by bisection, weights, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    Cauchy,
    Flat,
    HalfCauchy,
    HalfNormal,
    InvGamma,
    LogStudentT,
    Mixture,
    Normal,
    PointMass,
    StudentT,
    Uniform,
)

ROBUST = Mixture([(0.8, Normal(-1, 0.5)), (0.2, Normal(0, 5))])


def test_density_and_distribution_are_weighted_sums():
    x = np.linspace(-8, 8, 9)
    parts = stats.norm(-1, 0.5), stats.norm(0, 5)
    np.testing.assert_allclose(ROBUST.pdf(x), 0.8 * parts[0].pdf(x) + 0.2 * parts[1].pdf(x), rtol=1e-12)
    np.testing.assert_allclose(ROBUST.cdf(x), 0.8 * parts[0].cdf(x) + 0.2 * parts[1].cdf(x), rtol=1e-12)


def test_moments_in_closed_form():
    mean = 0.8 * -1
    np.testing.assert_allclose(ROBUST.moments(), (mean, math.sqrt(0.8 * (0.25 + 1) + 0.2 * 25 - mean**2)))


@pytest.mark.parametrize(
    "prior",
    [
        ROBUST,
        Mixture([(0.5, Normal(-1e6, 1e-6)), (0.5, Normal(1e6, 1e-6))]),
        Mixture([(0.999, Normal(0, 1e-9)), (0.001, Cauchy(0, 1e9))]),
        Mixture([(0.5, InvGamma(1, 0.15)), (0.5, LogStudentT(3, 0, 1))]),
        Mixture([(0.5, Uniform(0, 1)), (0.5, Uniform(2, 3))]),
    ],
    ids=str,
)
def test_quantiles_invert_the_distribution(prior):
    q = np.array([1e-8, 1e-3, 0.25, 0.4995, 0.75, 0.999, 1 - 1e-7])
    x = prior.ppf(q)
    rounding = 4e-16 + np.abs(np.spacing(x)) * prior.pdf(x)
    assert np.all(np.abs(prior.cdf(x) - q) <= rounding)
    assert np.all(prior.cdf(np.nextafter(x, -np.inf)) <= q)


def test_quantiles_in_gaps_and_at_atoms():
    gap = Mixture([(0.5, Uniform(0, 1)), (0.5, Uniform(2, 3))])
    np.testing.assert_allclose(gap.ppf([0.25, 0.5, 0.75]), [0.5, 1, 2.5], rtol=1e-15)
    slab = Mixture([(0.25, PointMass(0)), (0.75, HalfNormal(1))])
    np.testing.assert_array_equal(slab.ppf([0, 0.1, 0.25]), 0)
    assert slab.ppf(0.1) == 0
    np.testing.assert_allclose(slab.ppf(0.25 + 0.75 * 0.6), stats.halfnorm.ppf(0.6), rtol=1e-14)
    spike = Mixture([(0.5, PointMass(0)), (0.5, Normal(0, 1))])
    np.testing.assert_allclose(spike.ppf([0.2, 0.5, 0.8]), [stats.norm.ppf(0.4), 0, stats.norm.ppf(0.6)])
    np.testing.assert_allclose(spike.cdf([-1e-300, 0]), [0.25, 0.75])
    assert spike.moments() == pytest.approx((0, math.sqrt(0.5)))
    draws = spike.rvs(4000, seed=3)
    assert abs(np.mean(draws == 0) - 0.5) < 4 * math.sqrt(0.25 / 4000)


def test_weights_are_normalised():
    thirds = Mixture([(1, Normal(0, 1)), (2, Normal(0, 2))])
    assert thirds.weights == pytest.approx((1 / 3, 2 / 3))
    assert thirds.priors == (Normal(0, 1), Normal(0, 2))
    assert thirds == Mixture(((1 / 3, Normal(0, 1)), [2 / 3, Normal(0, 2)]))
    assert thirds == Mixture([(5e307, Normal(0, 1)), (1e308, Normal(0, 2))])
    assert Mixture([(0.5, Normal(0, 1)), (0.500001, Normal(0, 2))]).weights[0] < 0.5
    assert str(Mixture([(0.1, Normal(0, 1)), (0.9, Normal(0, 2))])).startswith("Mixture([(0.1, ")


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=6))
def test_normalising_twice_changes_nothing(weights):
    pairs = [(w, Normal(i, 1)) for i, w in enumerate(weights)]
    try:
        once = Mixture(pairs)
    except SpecificationError as refused:
        assert "differ too much in size" in str(refused)  # noqa: PT017
        return
    assert Mixture(once.components) == once
    assert abs(math.fsum(once.weights) - 1) <= 1e-15


def test_mixtures_nest():
    inner = Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 2))])
    outer, flat = (
        Mixture([(0.5, inner), (0.5, Normal(0, 4))]),
        Mixture([(0.25, Normal(0, 1)), (0.25, Normal(0, 2)), (0.5, Normal(0, 4))]),
    )
    np.testing.assert_allclose(outer.logpdf([0, 3]), flat.logpdf([0, 3]), rtol=1e-14)
    np.testing.assert_allclose(outer.moments(), flat.moments(), rtol=1e-14)
    np.testing.assert_allclose(outer.ppf([0.1, 0.9]), flat.ppf([0.1, 0.9]), rtol=1e-14)


def test_components_share_a_support():
    assert Mixture([(0.5, HalfNormal(1)), (0.5, Uniform(0, 2))]).support == (0, math.inf)
    assert Mixture([(0.5, Uniform(-1, 0)), (0.5, Uniform(2, 3))]).support == (-1, 3)
    assert Mixture([(0.5, PointMass(0)), (0.5, StudentT(4, 0, 1))]).support == (-math.inf, math.inf)
    for negative in (Normal(0, 1), Uniform(-1, 1), PointMass(-1)):
        with pytest.raises(SpecificationError) as refused:
            Mixture([(0.5, negative), (0.5, HalfCauchy(1))])
        assert str(refused.value) == (
            f"Mixture: HalfCauchy(1) is a prior on [0, inf) and {negative} puts mass below zero; "
            "give components of the same support."
        )


EXAMPLE = "Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 0.1))])"
WEIGHT = "component 1, Normal(0, 1), has weight {}; it must be positive and finite."


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        (
            [(1, Normal(0, 1)), Normal(0, 2)],
            f"component 2 is Normal(0, 2), not (weight, prior) as in {EXAMPLE}.",
        ),
        ([(Normal(0, 1), 1)], f"component 1 is (Normal(0, 1), 1), not (weight, prior) as in {EXAMPLE}."),
        ([(0, Normal(0, 1))], WEIGHT.format("0")),
        ([("1", Normal(0, 1))], WEIGHT.format("'1'")),
        ([(math.inf, Normal(0, 1))], WEIGHT.format("inf")),
        ([(1, Flat())], "component 1, Flat(), does not integrate to one; use a proper prior."),
        (
            [(1e-300, Normal(0, 1)), (1e300, Normal(0, 1))],
            "the weights [1e-300, 1e+300] differ too much in size.",
        ),
    ],
)
def test_refusals(components, reason):
    with pytest.raises(SpecificationError) as refused:
        Mixture(components)
    assert str(refused.value) == f"Mixture: {reason}"


@pytest.mark.parametrize("components", [[], 3, None])
def test_a_mixture_has_components(components):
    with pytest.raises(SpecificationError) as refused:
        Mixture(components)
    assert str(refused.value) == f"Mixture({components}): give (weight, prior) pairs, e.g. {EXAMPLE}."
