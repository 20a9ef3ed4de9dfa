"""Published statistics: what each number stands for, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bayesmeta.data.statistics import (
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    StudyTest,
    SubgroupTest,
    printed_half_width,
)
from bayesmeta.errors import DataError

KETAMINE = PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31)


def test_pooled_estimate_of_the_ketamine_review():
    assert KETAMINE.se == pytest.approx(1.04 / (2 * 1.959964), rel=1e-6)
    assert KETAMINE.rounding == 0.005
    assert PooledEstimate(estimate=-1.8, lower=-2.3, upper=-1.3, digits=1).rounding == 0.05
    assert PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31, half_width=0.02).rounding == 0.02
    assert PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31, level=0.9).z == pytest.approx(1.644854, rel=1e-6)


def test_subgroup_tests_of_the_ketamine_review():
    crps = SubgroupTest(covariate="crps", p=0.079, direction=-1)
    assert crps.z == pytest.approx(-1.7565, abs=5e-5)
    assert crps.flat_prior_probability == pytest.approx(0.9605)
    high = SubgroupTest(covariate="high", p=0.213, direction=1)
    assert high.z == pytest.approx(1.2454, abs=5e-5)


@given(p=st.integers(1, 999).map(lambda i: i / 1000), direction=st.sampled_from([-1, 1]))
def test_p_value_and_z_are_each_other(p, direction):
    test = SubgroupTest(covariate="x", p=p, direction=direction)
    assert 2 * norm.sf(abs(test.z)) == pytest.approx(p, rel=1e-9)
    assert math.copysign(1, test.z) == direction
    # twice the spread on either side is what rounds to p: within a few percent in the middle, where z is linear in p
    if 0.05 < p < 0.95:
        inside = 2 * norm.sf(abs(test.z) + 2 * test.spread), 2 * norm.sf(abs(test.z) - 2 * test.spread)
        assert inside == pytest.approx((p - 0.0005, p + 0.0005), abs=2e-5)


def test_spread_of_a_subgroup_test():
    assert SubgroupTest(covariate="x", p=0.213, direction=1, tolerance=0.05).spread == 0.05
    one_digit, three = (SubgroupTest(covariate="x", p=0.2, direction=1, digits=d).spread for d in (1, 3))
    assert one_digit == pytest.approx(100 * three, rel=0.1)
    for extreme in (1.0, 0.001, 1e-9):
        assert 0 < SubgroupTest(covariate="x", p=extreme, direction=1).spread < 5


def test_half_widths_of_printed_numbers():
    assert printed_half_width(2) == 0.005
    assert Heterogeneity(i2=42).rounding == 0.5
    assert Heterogeneity(i2=42.3, digits=1).rounding == pytest.approx(0.05)


def test_bound_of_a_study_test():
    assert StudyTest(study="A", p=0.0001, relation="<", direction=-1).z == pytest.approx(3.890592, rel=1e-6)


def test_names_tell_statistics_apart():
    names = {
        KETAMINE.name,
        SubgroupTest(covariate="crps", p=0.1, direction=1).name,
        SubgroupTest(covariate="dose", p=0.1, direction=1).name,
        Heterogeneity(i2=0).name,
        SignificantCount(count=3, direction=-1).name,
        StudyTest(study="A", p=0.05, relation=">").name,
        StudyTest(study="B", p=0.05, relation=">").name,
    }
    assert len(names) == 7


REFUSED = {
    "estimate outside its interval": (
        lambda: PooledEstimate(estimate=1.83, lower=-2.35, upper=-1.31),
        r"pooled estimate: the confidence interval \(-2.35, -1.31\) does not contain its estimate 1.83",
    ),
    "swapped limits": (lambda: PooledEstimate(estimate=-1.83, lower=-1.31, upper=-2.35), "limits swapped"),
    "ratio with its limits": (
        lambda: PooledEstimate(estimate=2.43, lower=1.10, upper=5.40),
        r"\(1.1, 5.4\) is not symmetric about 2.43 within its rounding \(0.005\).*log scale",
    ),
    "missing limit": (lambda: PooledEstimate(estimate=1, lower=math.nan, upper=2), "must be numbers"),
    "infinite limit": (lambda: PooledEstimate(estimate=1, lower=0, upper=math.inf), "must be numbers"),
    "level in percent": (
        lambda: PooledEstimate(estimate=1, lower=0, upper=2, level=95),
        r"got 95\. 95% is 0\.95",
    ),
    "half-width zero": (
        lambda: PooledEstimate(estimate=1, lower=0, upper=2, half_width=0.0),
        "pooled estimate: tolerance must be positive; got 0.0",
    ),
    "P zero": (
        lambda: SubgroupTest(covariate="crps", p=0.0, direction=1),
        r"subgroup test: crps: P must lie in \(0, 1\]",
    ),
    "P above one": (
        lambda: SubgroupTest(covariate="crps", p=1.2, direction=1),
        r"must lie in \(0, 1\]; got 1.2",
    ),
    "P missing": (
        lambda: SubgroupTest(covariate="crps", p=math.nan, direction=1),
        r"must lie in \(0, 1\]; got nan",
    ),
    "no direction": (
        lambda: SubgroupTest(covariate="crps", p=0.1, direction=0),
        r"direction must be -1 \(lower\) or 1 \(higher\); got 0",
    ),
    "negative tolerance": (
        lambda: SubgroupTest(covariate="crps", p=0.1, direction=1, tolerance=-0.1),
        "tolerance must be positive; got -0.1",
    ),
    "I2 above 100": (lambda: Heterogeneity(i2=120), r"I-squared must lie in \[0, 100\) percent; got 120"),
    "I2 negative": (lambda: Heterogeneity(i2=-1), "got -1"),
    "half a study": (
        lambda: SignificantCount(count=2.5, direction=1),
        "count must be a whole number.*got 2.5",
    ),
    "negative count": (lambda: SignificantCount(count=-1, direction=1), "not negative; got -1"),
    "count without direction": (lambda: SignificantCount(count=1, direction=2), "direction must be"),
    "count with alpha 0": (lambda: SignificantCount(count=1, direction=1, alpha=0), "P must lie in"),
    "count with no softness": (lambda: SignificantCount(count=1, direction=1, width=0), "must be positive"),
    "study test at P zero": (
        lambda: StudyTest(study="A", p=0, relation="<", direction=1),
        "P value of A: P must",
    ),
    "study test with a wrong sign": (
        lambda: StudyTest(study="A", p=0.05, relation="<="),
        "must be '<' or '>'; got '<='",
    ),
    "study test without direction": (lambda: StudyTest(study="A", p=0.05, relation="<"), "direction must be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    build, message = REFUSED[case]
    with pytest.raises(DataError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)
