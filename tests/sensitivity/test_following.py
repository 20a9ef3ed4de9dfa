"""Crossings of a level along a family of priors, against closed forms and refits."""

import math

import numpy as np
import pytest
from scipy.stats import norm

import bayesmeta as bm
from bayesmeta.diagnostics.weights import Reweighted
from bayesmeta.errors import SpecificationError
from bayesmeta.sensitivity.following import crossing

SCALES = np.geomspace(0.01, 100, 25)


def exact(function):
    return lambda s: Reweighted(function(s), 0.0, 0.0)


def test_a_sceptics_prior_in_closed_form():
    """One study y = -1, se = 0.4: under Normal(0, s) the mean is y s^2 / (s^2 + se^2), P(mu < 0) = Phi(-y / se * ...)."""
    y, se, level = -1.0, 0.4, 0.9
    data = bm.Estimates([y], [se])

    def probability(s):
        model = bm.NormalNormal(mu=bm.Normal(0, s), tau=bm.PointMass(0.0))
        return Reweighted(bm.fit(data, model).probability("mu < 0"), 0.0, 0.0)

    found = crossing(probability, SCALES, level)
    z = norm.ppf(level) / (abs(y) / se)  # sqrt of s^2 / (s^2 + se^2)
    assert found.at == pytest.approx([se * z / math.sqrt(1 - z**2)], rel=1e-9)
    assert found.probabilities[0] < level < found.probabilities[1]


def test_two_crossings_are_both_found():
    found = crossing(exact(lambda s: 0.5 + 0.4 * math.exp(-(math.log(s) ** 2))), SCALES, 0.7)
    root = math.exp(math.sqrt(math.log(2)))
    assert found.at == pytest.approx([1 / root, root], rel=1e-9)


def test_no_crossing():
    assert crossing(exact(lambda s: 0.9), SCALES, 0.8).at == ()
    found = crossing(exact(lambda s: 0.5 + 0.1 * s / (1 + s)), SCALES, 0.8)
    assert found.at == ()
    assert found.extremes == pytest.approx((0.5 + 0.1 * 0.01 / 1.01, 0.5 + 0.1 * 100 / 101))


def test_only_scales_that_can_be_trusted_are_searched():
    found = crossing(lambda s: Reweighted(s / (1 + s), 0.0, 0.2 if s > 1 else 0.9), SCALES, 0.3)
    assert found.ends[0] > 1
    assert found.at == ()
    assert crossing(lambda s: Reweighted(math.nan, math.nan, math.inf), SCALES, 0.3) is None


@pytest.mark.parametrize("level", [0.0, 1.0, -1, math.nan])
def test_a_level_is_a_probability(level):
    with pytest.raises(SpecificationError, match="level="):
        crossing(exact(lambda s: 0.5), SCALES, level)
