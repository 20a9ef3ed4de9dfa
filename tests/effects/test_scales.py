"""Scales: against the scores of the participants themselves, and what cannot be on a scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.checks.table import check_table
from bayesmeta.effects.arm_reports import complete_arms
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.scales import Scale, on_one_scale, parse_scale, rescale_differences, rescale_scores
from bayesmeta.errors import DataError, DataWarning, SpecificationError

TEN = Scale(low=0, high=10, better="lower")
HUNDRED = Scale(low=0, high=100, better="lower")
WELLBEING = Scale(low=1, high=7, better="higher")


@given(
    st.lists(st.integers(1, 7), min_size=2, max_size=30),
    st.lists(st.integers(1, 7), min_size=2, max_size=30),
    st.sampled_from([TEN, HUNDRED]),
)
def test_means_and_sds_are_those_of_rescaled_participants(treated, control, target):
    """A participant's 7 of 1 to 7, where higher is better, is 0 where lower is; 1 is the top."""

    def turned(scores):
        return target.high - (np.array(scores) - 1) / 6 * target.high

    for scores in (treated, control):
        mean, sd = rescale_scores(np.mean(scores), np.std(scores, ddof=1), WELLBEING, target)
        np.testing.assert_allclose([mean[0], sd[0]], [turned(scores).mean(), turned(scores).std(ddof=1)], atol=1e-9)
    y, se = rescale_differences(np.mean(treated) - np.mean(control), 0.3, WELLBEING, target)
    np.testing.assert_allclose(y, turned(treated).mean() - turned(control).mean(), atol=1e-9)
    np.testing.assert_allclose(se, 0.3 * target.high / 6)


@given(st.floats(0, 10), st.floats(0, 5))
def test_there_and_back(mean, sd):
    there = rescale_scores(mean, sd, TEN, WELLBEING)
    np.testing.assert_allclose(rescale_scores(*there, WELLBEING, TEN), [[mean], [sd]], atol=1e-12)


def test_a_published_difference():
    """Ferraro 2025 on 0-100: -15.79 (-32.09 to 0.51) is -1.58 (-3.21 to 0.05) on 0-10."""
    y, _ = rescale_differences([-15.79, -32.09, 0.51], 1, HUNDRED, TEN)
    assert y.round(2).tolist() == [-1.58, -3.21, 0.05]


@pytest.mark.parametrize(
    ("text", "ends"),
    [("0-10", (0, 10)), ("0 to 100", (0, 100)), ("NRS-11", (0, 10)), ("nrs", (0, 10)), ("VAS 100 mm", (0, 100)),
     ("VAS 10cm", (0, 10)), ("1 – 7", (1, 7)), ("-5 to 5", (-5, 5))],
)  # fmt: skip
def test_names_of_scales(text, ends):
    assert parse_scale(text, better="lower") == Scale(low=ends[0], high=ends[1], better="lower")


def test_the_eleven_points_end_at_ten():
    with pytest.warns(DataWarning, match="the NRS-11 has eleven points, from 0 to 10"):
        assert parse_scale("0-11", better="lower").high == 11


ARMS = {
    "study": ["A", "B", "C"],
    "scale": ["0-10", "VAS 100 mm", "1-7"],
    "better": ["lower", "lower", "higher"],
    "mean_t": [3.1, 40, 5.5],
    "sd_t": [2.0, 21, 1.2],
    "n_t": [20, 30, 25],
    "mean_c": [5.0, 55, 4.0],
    "sd_c": [2.2, 20, 1.5],
    "n_c": [21, 30, 25],
}


def test_a_table_on_one_scale():
    table = on_one_scale(ARMS, TEN)
    data = effect_sizes(table, "md", covariates=[])
    np.testing.assert_allclose(data.y, [-1.9, -1.5, -1.5 * 10 / 6])
    want = effect_sizes({k: v for k, v in ARMS.items() if k not in ("scale", "better")}, "smd")
    got = effect_sizes(table, "smd", covariates=[])
    np.testing.assert_allclose(got.y, want.y * [1, 1, -1])
    np.testing.assert_allclose(got.se, want.se)
    assert check_table(table) == ()


def test_quartiles_change_places_where_a_scale_is_turned():
    arms = {"study": ["A", "B"], "scale": ["1-7", "0-100"], "better": ["higher", "lower"], "n": [30, 30]}
    arms |= {"median": [5, 40], "q1": [4, 30], "q3": [6, 60], "min": [1, 0], "max": [7, None]}
    table = on_one_scale(arms, HUNDRED)
    np.testing.assert_allclose(table.numbers("q1"), [100 / 6, 30])
    np.testing.assert_allclose(table.numbers("q3"), [50, 60])
    assert (table.columns["min"][0], table.columns["max"][0]) == (0, 100)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_limits_of_means_and_changes_go_with_their_means(better):
    """A mean of 70 (65 to 75) on 0-100 is 7 (6.5 to 7.5) on 0-10, and 3 (2.5 to 3.5) turned round: a tenth of the SD."""
    arms = {
        "study": ["A"],
        "scale": ["0-100"],
        "better": [better],
        "n": [25],
        "mean": [70],
        "ci_lower": [65],
        "ci_upper": [75],
    }
    arms |= {"plus_minus": [12], "mean_pre": [90], "sd_pre": [20], "mean_post": [80], "sd_post": [10]}
    table = on_one_scale(arms, TEN)
    want = (7, 6.5, 7.5, 9, 8) if better == "lower" else (3, 2.5, 3.5, 1, 2)
    names = ("mean", "ci_lower", "ci_upper", "mean_pre", "mean_post", "sd_pre", "sd_post", "plus_minus")
    np.testing.assert_allclose([table.numbers(name)[0] for name in names], [*want, 2, 1, 1.2])
    sd = complete_arms(table).columns["sd"][0]
    assert sd == pytest.approx(5 * 0.5 / stats.t(24).isf(0.025), rel=1e-10)


def test_limits_may_lie_outside_their_scale():
    arms = {"study": ["A"], "scale": ["0-100"], "better": ["lower"], "mean": [5], "ci_lower": [-2], "ci_upper": [12]}
    assert on_one_scale(arms, TEN).columns["ci_lower"] == (-0.2,)


def test_differences_are_no_arms():
    with pytest.raises(DataError, match="arm table: column 'estimate' holds differences.*Use rescale_differences"):
        on_one_scale({**ARMS, "estimate": [1, 2, 3]}, TEN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean_t": [3.1, 40, 8]}, r"row 3, column 'mean_t' \(study 'C'\): 8 is not on its scale from 1 to 7"),
        ({"scale": ["0-10", "", "1-7"]}, r"row 2, column 'scale' \(study 'B'\): the scale is missing"),
        (
            {"scale": ["0-10", "VAS", "1-7"]},
            r"row 2, column 'scale' \(study 'B'\): 'VAS' names no scale whose ends are known",
        ),
        ({"scale": ["10-0", "0-1", "1-7"]}, r"row 1, column 'scale' \(study 'A'\): Scale\(low=10.0, high=0.0\)"),
        (
            {"better": ["lower", "less", "higher"]},
            r"row 2, column 'better' \(study 'B'\): 'less' must be lower or higher",
        ),
    ],
)
def test_tables_that_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        on_one_scale({**ARMS, **changes}, TEN)


def test_refusals():
    with pytest.raises(
        DataError, match="study 1: mean must lie on the scale from 0 to 10; got mean = -2. A mean change"
    ):
        rescale_scores(-2, 1, TEN, HUNDRED)
    with pytest.raises(DataError, match="study 1: sd must not be negative"):
        rescale_scores(2, -1, TEN, HUNDRED)
    with pytest.raises(DataError, match="study 1: a difference on a scale 10 wide cannot be larger; got y = 12"):
        rescale_differences(12, 1, TEN, HUNDRED)
    with pytest.raises(DataError, match="study 1: se must not be negative"):
        rescale_differences(1, -1, TEN, HUNDRED)
    with pytest.raises(SpecificationError, match="low must be below high"):
        Scale(low=10, high=0, better="lower")
    with pytest.raises(SpecificationError, match="choose 'lower' or 'higher'"):
        Scale(low=0, high=10, better="less")
