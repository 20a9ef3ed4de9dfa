"""Marginals from draws, against the distribution that the draws come from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesmeta.errors import SpecificationError
from bayesmeta.results.marginal import DrawsMarginal, shortest_interval

N = 40_000
GRID = (np.arange(N) + 0.5) / N  # quantiles at equal steps: a sample without sampling error


def marginal(distribution, lower=-np.inf, step=1):
    values = np.random.default_rng(1).permutation(distribution.ppf(GRID[step // 2 :: step]))
    return DrawsMarginal(values.reshape(4, -1), lower)


NORMAL, GAMMA, HALF = stats.norm(-1, 2), stats.gamma(2, scale=0.7), stats.halfnorm(scale=0.5)


@pytest.mark.parametrize("law", [NORMAL, GAMMA, HALF], ids=["normal", "gamma", "half-normal"])
def test_moments_quantiles_and_probabilities(law):
    found = marginal(law)
    assert found.mean() == pytest.approx(law.mean(), abs=1e-3)
    assert found.sd() == pytest.approx(law.std(), rel=1e-3)
    assert found.median() == pytest.approx(law.median(), abs=1e-3)
    q = np.array([[0.025, 0.1], [0.5, 0.99]])
    assert_allclose(found.ppf(q), law.ppf(q), rtol=2e-3)
    assert_allclose(found.cdf(law.ppf(q)), q, atol=1e-4)
    assert found.interval(0.9, "eti") == pytest.approx((law.ppf(0.05), law.ppf(0.95)), rel=2e-3)


@pytest.mark.parametrize("prob", [0.5, 0.89, 0.95])
def test_shortest_interval_has_a_closed_form(prob):
    """Symmetric about the mode of a normal; from zero on for a decreasing density; equal densities for a gamma."""
    half = stats.norm.ppf((1 + prob) / 2)
    # the width is flat near its minimum, so its place is known to about a fiftieth of an sd
    assert marginal(NORMAL).hdi(prob) == pytest.approx((-1 - 2 * half, -1 + 2 * half), abs=0.05)
    lower, upper = marginal(NORMAL).hdi(prob)
    assert upper - lower == pytest.approx(4 * half, rel=1e-3)
    assert marginal(HALF).hdi(prob) == pytest.approx((0, HALF.ppf(prob)), abs=1e-3)
    lower, upper = marginal(GAMMA).interval(prob, "hdi")
    assert GAMMA.cdf(upper) - GAMMA.cdf(lower) == pytest.approx(prob, abs=1e-3)
    assert GAMMA.pdf(lower) == pytest.approx(GAMMA.pdf(upper), abs=0.02)


def test_density_and_mode():
    x = np.linspace(-6, 4, 21)
    found = marginal(NORMAL, step=20)  # 2,000 draws, whose kernel is wider
    assert_allclose(found.pdf(x), NORMAL.pdf(x), atol=0.03 * NORMAL.pdf(-1))
    assert found.mode() == pytest.approx(-1, abs=0.1)
    assert marginal(GAMMA, lower=0.0, step=20).mode() == pytest.approx(0.7, abs=0.1)
    assert np.shape(found.pdf(0.0)) == ()


def test_density_is_reflected_where_the_quantity_cannot_be_less():
    found = marginal(HALF, lower=0.0, step=20)
    x = np.array([0.0, 0.1, 0.5, 1.0])
    assert_allclose(found.pdf(x), HALF.pdf(x), rtol=0.05)
    assert found.pdf(-0.1) == 0
    assert found.mode() == pytest.approx(0, abs=0.1)
    total = np.trapezoid(found.pdf(np.linspace(0, 4, 401)), dx=0.01)
    assert total == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("prob", [0, 1, 95, -0.1])
def test_refused_probability(prob):
    with pytest.raises(SpecificationError, match="95% is 0.95"):
        marginal(NORMAL).interval(prob, "eti")
    with pytest.raises(SpecificationError, match="95% is 0.95"):
        shortest_interval(GRID, prob)


def test_refused_kind_and_quantile():
    with pytest.raises(SpecificationError, match="ci_kind='HDI' is not known; choose 'eti'"):
        marginal(NORMAL).interval(0.9, "HDI")
    with pytest.raises(SpecificationError, match=r"q must lie in \[0, 1\]; got 2.5"):
        marginal(NORMAL).ppf(2.5)
