"""Sums over interpolated values, against polynomials, which interpolation does not change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from numpy.testing import assert_allclose

from bayesmeta.quadrature.parameter_grid import chebyshev, integral_weights


@pytest.mark.parametrize("shape", [(3, 4, 25), (5, 20, 400)])  # the second is more than is gone through at once
def test_polynomials_are_summed_exactly(shape):
    rng = np.random.default_rng(5)
    x, weight = rng.uniform(1.5, 4.0, shape), rng.uniform(size=shape)
    x[..., -1], weight[..., -1] = 1e4, 0.0  # far off, and not in the sum
    nodes = chebyshev(1.5, 4.0, 12)
    found = integral_weights(nodes, x, weight)
    assert found.shape == (*shape[:2], 12)
    for degree in range(12):
        polynomial = Polynomial(rng.normal(size=degree + 1), domain=[1.5, 4.0])
        assert_allclose(
            found @ polynomial(nodes), (weight * polynomial(x))[..., :-1].sum(axis=-1), rtol=1e-11, atol=1e-11
        )
