"""Standard errors from intervals, P values and test statistics: metafor's conv.wald, published examples, R's t."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.precision import (
    add_reading_error,
    se_bounds_from_p_value,
    se_from_interval,
    se_from_p_value,
    se_from_statistic,
)
from bayesmeta.errors import DataError, DataWarning, SpecificationError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "partial.json").read_text())
WALD = GOLDEN["wald"]


@pytest.mark.parametrize("case", [c for c in WALD if "lower" in c])
def test_an_interval_gives_the_variance_of_metafor(case):
    lower, upper = case["lower"], case["upper"]
    if case.get("log"):
        lower, upper = math.log(lower), math.log(upper)
    np.testing.assert_allclose(se_from_interval(lower, upper, level=case["level"]) ** 2, case["vi"], rtol=1e-12)


@pytest.mark.parametrize("case", [c for c in WALD if "p" in c])
def test_a_p_value_gives_the_variance_of_metafor(case):
    se = se_from_p_value(case["y"], case["p"])
    np.testing.assert_allclose(se**2, case["vi"], rtol=1e-11)
    np.testing.assert_allclose(se_from_p_value(case["y"], case["p"] / 2, sides=1), se, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:.*different signs")
@pytest.mark.parametrize("case", [c for c in WALD if "z" in c])
def test_a_statistic_gives_the_variance_of_metafor(case):
    np.testing.assert_allclose(se_from_statistic(case["y"], case["z"]) ** 2, case["vi"], rtol=1e-12)
    np.testing.assert_allclose(se_from_statistic(case["y"], case["z"] ** 2, kind="f") ** 2, case["vi"], rtol=1e-12)


@pytest.mark.parametrize("case", GOLDEN["t"])
def test_t_distributions_are_those_of_r(case):
    se = se_from_p_value(1.0, case["p"], df=case["df"])
    np.testing.assert_allclose(1 / se, case["quantile"], rtol=1e-10)
    half = case["quantile"] * 0.7
    np.testing.assert_allclose(se_from_interval(-half, half, level=1 - case["p"], df=case["df"]), 0.7, rtol=1e-8)


def test_published_examples():
    """Altman & Bland (2011), whose formula for z is an approximation: 17 (P = .032) and a ratio of 0.30 (P = .034)."""
    assert se_from_p_value(17, 0.032)[0] == pytest.approx(7.940, abs=0.02)
    se = se_from_p_value(math.log(0.30), 0.034)[0]
    assert [round(math.exp(math.log(0.30) + sign * 1.96 * se), 2) for sign in (-1, 1)] == [0.10, 0.91]


def test_an_inequality_gives_a_bound():
    low, high = se_bounds_from_p_value([-2.0, 2.0], 0.05, relation="<")
    np.testing.assert_allclose(low, 0)
    np.testing.assert_allclose(high, 2 / 1.959963984540054)
    low, high = se_bounds_from_p_value(2.0, 0.05, relation=">")
    assert (low[0], high[0]) == (pytest.approx(2 / 1.959963984540054), math.inf)
    low, high = se_bounds_from_p_value(2.0, 0.05, relation="<", df=4)
    assert high[0] == pytest.approx(2 / 2.7764451051977934)  # tables of t
    low, high = se_bounds_from_p_value(2.0, 0.0004, rounding=0.0005)
    assert low[0] == 0
    low, high = se_bounds_from_p_value(2.0, 0.9996, rounding=0.0005)
    assert high[0] == math.inf
    low, high = se_bounds_from_p_value(2.0, 0.49, sides=1, rounding=0.02)
    assert high[0] == math.inf


@given(
    y=st.floats(0.01, 100), se=st.floats(0.01, 100), level=st.floats(0.5, 0.999), df=st.sampled_from([3, 20.5, np.inf])
)
def test_what_a_report_prints_leads_back_to_its_standard_error(y, se, level, df):
    from scipy import stats

    law = stats.norm() if np.isinf(df) else stats.t(df)
    half = law.isf((1 - level) / 2) * se
    np.testing.assert_allclose(se_from_interval(y - half, y + half, level=level, df=df), se, rtol=1e-6)
    np.testing.assert_allclose(se_from_statistic(-y, -y / se, kind="t"), se, rtol=1e-12)
    p = 2 * law.sf(y / se)
    if 1e-250 < p < 0.999:
        np.testing.assert_allclose(se_from_p_value(-y, p, df=df), se, rtol=1e-6)
        low, high = se_bounds_from_p_value(y, p, rounding=p / 4, df=df)
        assert low < se < high


def test_a_reading_error_adds_its_variance():
    """A uniform error of half-width h has variance h^2/3: by simulation."""
    rng = np.random.default_rng(1)
    draws = rng.normal(0, 0.4, 400_000) + rng.uniform(-0.5, 0.5, 400_000)
    assert add_reading_error(0.4, 0.5)[0] == pytest.approx(draws.std(), rel=4 / math.sqrt(2 * 400_000))
    assert add_reading_error(0.4, 0)[0] == 0.4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: se_from_interval(1, 1, where=["x.csv, row 2"]),
            "x.csv, row 2: lower must be below upper; got lower = 1",
        ),
        (lambda: se_from_interval(0, 1, level=95), "study 1: level must lie between 0 and 1"),
        (lambda: se_from_interval(0, 1, df=0), "df must be positive"),
        (
            lambda: se_from_p_value([1, 2], [0.5, 0.0]),
            "study 2: p must lie between 0 and 1, ends excluded; got p = 0. A P",
        ),
        (lambda: se_from_p_value(1, 1), "study 1: p must lie between"),
        (lambda: se_from_p_value(0, 0.5), "study 1: an estimate of 0 has no standard error by its P value"),
        (lambda: se_from_p_value(1, 0.5, sides=1), "study 1: a one-sided p of 0.5"),
        (lambda: se_from_p_value(1, 0.5, sides=3), "study 1: sides must be 1 or 2; got sides = 3"),
        (lambda: se_bounds_from_p_value(1, 0.7, sides=1, relation="<"), "study 1: a one-sided inequality"),
        (lambda: se_from_statistic(1, 0), "study 1: z must be other than 0"),
        (lambda: se_from_statistic(1, -2, kind="f"), "study 1: f must be positive"),
        (lambda: se_from_statistic(0, 2), "study 1: an estimate of 0"),
        (lambda: add_reading_error(0, 1), "study 1: se must be positive"),
        (lambda: add_reading_error(1, -1), "study 1: half_width must be 0 or above"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(DataError, match="^" + message.replace(".", r"\.").replace("(", r"\(")):
        call()


def test_options_are_checked():
    with pytest.raises(SpecificationError, match="kind='chi'"):
        se_from_statistic(1, 2, kind="chi")
    with pytest.raises(SpecificationError, match="relation='~'"):
        se_bounds_from_p_value(1, 0.2, relation="~")


def test_signs_that_differ_are_warned_of():
    with pytest.warns(DataWarning, match="study 2: estimate 1 and t = -2 have different signs"):
        se_from_statistic([1, 1], [2, -2], kind="t")
