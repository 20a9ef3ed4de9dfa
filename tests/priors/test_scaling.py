"""Scaled priors are the distributions of scaled quantities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Jeffreys, Prior, parse_prior

SCALES = [
    "HalfNormal(0.5)", "HalfStudentT(3, 0.5)", "HalfCauchy(0.5)", "HalfLogistic(0.5)", "Rayleigh(0.5)", "Uniform(0, 2)",
    "Exponential(3)", "Gamma(2, 3)", "InvGamma(2, 0.4)", "LogNormal(-1, 0.7)", "LogStudentT(4, -1, 0.6)", "Lomax(2, 0.3)",
    "OnVariance(LogNormal(-2, 1.5))", "PointMass(0.3)", "Truncated(StudentT(3, 0.35, 0.2), 0, inf)",
    "Truncated(Normal(0.1, 0.3), 0, 2)",
    "Mixture([(0.2, PointMass(0)), (0.8, HalfNormal(1))])",
]  # fmt: skip
LOCATIONS = [
    "Normal(0.3, 2)",
    "StudentT(4, 0.3, 1.5)",
    "Cauchy(0.3, 1)",
    "Mixture([(0.4, Normal(0, 1)), (0.6, Normal(0, 3))])",
]


@pytest.mark.parametrize("text", SCALES)
@given(factor=st.floats(0.01, 100), x=st.floats(0.001, 20))
def test_a_scaled_prior_is_that_of_the_scaled_quantity(text: str, factor: float, x: float) -> None:
    prior = parse_prior(text)
    if text == "PointMass(0.3)":
        assert prior.scaled(factor).moments().mean == pytest.approx(0.3 * factor)
        return
    assert prior.scaled(factor).cdf(factor * x) == pytest.approx(prior.cdf(x), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("text", LOCATIONS)
def test_a_widened_prior_keeps_its_centre(text: str) -> None:
    prior = parse_prior(text)
    centre = float(prior.ppf(0.5))
    x = np.array([-3.0, -0.4, 0.7, 2.5])
    np.testing.assert_allclose(prior.widened(4).cdf(centre + 4 * x), prior.cdf(centre + x), rtol=1e-12)


@pytest.mark.parametrize("change", [Jeffreys().scaled, Flat().widened])
def test_a_prior_without_a_scale_is_refused(change: Callable[[float], Prior]) -> None:
    with pytest.raises(SpecificationError, match="has no scale"):
        change(2)
