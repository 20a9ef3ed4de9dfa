"""Arm tables with medians, standard errors, intervals and percentages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.cli import main
from bayesmeta.effects.arm_reports import complete_arms
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.quantile_estimation import fitted_mean_sd
from bayesmeta.effects.quantiles import mean_sd_from_quantiles
from bayesmeta.errors import DataError, SpecificationError

SIGTERMANS = {"study": ["Sigtermans2009"], "n_t": [30], "mean_t": [2.68], "n_c": [30], "mean_c": [5.45]}


def test_standard_errors_of_a_published_trial():
    """Sigtermans 2009, 2.68 +/- 0.51 v 5.45 +/- 0.48 read as SE: MD -2.77, 95% CI -4.14 to -1.40."""
    data = effect_sizes(complete_arms({**SIGTERMANS, "se_t": [0.51], "se_c": [0.48]}), "md")
    low, high = data.y[0] - 1.96 * data.se[0], data.y[0] + 1.96 * data.se[0]
    assert [round(x, 2) for x in (data.y[0], low, high)] == [-2.77, -4.14, -1.40]
    assert data.covariates["derived"].iloc[0] == "sd_t from se_t; sd_c from se_c"


def test_an_unlabelled_plus_minus_is_refused():
    with pytest.raises(
        DataError, match=r"row 1, column 'sd_t' \(study 'Sigtermans2009'\): \+/- 0.51 may be .* an SD of 2.79\. Find"
    ):
        complete_arms({**SIGTERMANS, "plus_minus_t": [0.51], "plus_minus_c": [0.48]})


def test_the_sd_behind_an_interval_of_a_mean():
    """Student's t with 24 degrees of freedom is 2.064 (tables): 95% CI 30.0 to 34.2 of n = 25, SD 5.09."""
    table = complete_arms({"study": ["A"], "n": [25], "ci_lower": [30.0], "ci_upper": [34.2]})
    assert table.numbers("sd")[0] == pytest.approx(5 * 4.2 / (2 * 2.064), rel=1e-4)
    assert table.numbers("mean")[0] == pytest.approx(32.1)
    assert table.columns["derived"] == ("sd from ci_lower ci_upper; mean from the middle of its interval",)
    assert "ci_lower" not in table.columns


@given(n=st.integers(2, 400), mean=st.floats(-50, 50), sd=st.floats(0.1, 30))
def test_each_report_of_one_arm_leads_to_its_sd(n, mean, sd):
    half = stats.t(n - 1).isf(0.025) * sd / math.sqrt(n)
    arms = {
        "study": list("ABC"),
        "n": [n] * 3,
        "mean": [mean] * 3,
        "sd": [sd, None, None],
        "se": [None, sd / math.sqrt(n), None],
    }
    arms |= {"ci_lower": [None, None, mean - half], "ci_upper": [None, None, mean + half]}
    table = complete_arms(arms)
    np.testing.assert_allclose(table.numbers("sd"), sd, rtol=1e-6)
    np.testing.assert_array_equal(table.numbers("mean"), mean)


@pytest.mark.filterwarnings("ignore:.*skewed")
def test_medians_by_either_method_in_long_tables():
    arms = {
        "study": ["A", "A", "B", "B"],
        "arm": ["placebo", "k"] * 2,
        "n": [45, 45, 20, 21],
        "mean": [None, None, 5, 4],
    }
    arms |= {
        "sd": [None, None, 2, 2.1],
        "median": [6, 4, None, None],
        "q1": [4, 2, None, None],
        "q3": [11, 9, None, None],
    }
    for method, function in (("normal", mean_sd_from_quantiles), ("fitted", fitted_mean_sd)):
        table = complete_arms(arms, method=method)
        mean, sd = function(45, [6, 4], q1=[4, 2], q3=[11, 9])[:2]
        np.testing.assert_array_equal(table.numbers("mean"), [*mean, 5, 4])
        np.testing.assert_array_equal(table.numbers("sd"), [*sd, 2, 2.1])
        data = effect_sizes(table, "md", covariates=[])
        assert data.y[0] == mean[1] - mean[0]
    assert table.columns["derived"][1:3] == ("mean sd from q1 median q3", "as reported")


def test_counts_from_percentages(tmp_path):
    arms = {
        "study": ["A", "B"],
        "n_t": [29, 40],
        "events_t": [None, 12],
        "percent_t": ["76", None],
        "n_c": [28, 40],
        "events_c": [None, 9],
    }
    data = effect_sizes(complete_arms({**arms, "percent_c": ["18", None]}), "log_or")
    want = effect_sizes(
        {"study": ["A", "B"], "n_t": [29, 40], "events_t": [22, 12], "n_c": [28, 40], "events_c": [5, 9]}, "log_or"
    )
    np.testing.assert_array_equal([data.y, data.se], [want.y, want.se])
    path = tmp_path / "arms.csv"
    path.write_text("study,n_t,percent_t,n_c,percent_c\nSigtermans2009,30,76,30,18\n")
    with pytest.raises(DataError, match=r"arms.csv, row 2 \(study 'Sigtermans2009'\): 76% is not a count of n = 30"):
        complete_arms(path)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (
            {"n": [10], "mean": [1], "sd": [None], "se": [None]},
            r"row 1, column 'sd' \(study 'A'\): it is missing, and nothing else",
        ),
        ({"n": [10], "mean": [None], "sd": [None], "se": [2]}, r"row 1, column 'mean' \(study 'A'\): it is missing"),
        ({"n": [10], "mean": [1], "se": [-2]}, "se must be positive; got -2"),
        ({"n": [1], "mean": [1], "ci_lower": [0], "ci_upper": [2]}, "an interval needs n of 2 or more; got 1"),
        ({"n": [10], "median": [1]}, r"row 1 \(study 'A'\): a median alone"),
        ({"n": [-3], "mean": [1], "se": [2]}, r"row 1 \(study 'A'\): n must be a whole number, at least 1; got n = -3"),
        ({"n": [10], "percent": [None]}, r"column 'events' \(study 'A'\): it is missing"),
        ({"median": [1]}, "column 'n' is missing"),
        ({"n": [10], "q1": [1], "q3": [2]}, r"column 'sd' \(study 'A'\): it is missing, and nothing else"),
        ({"n": [10], "mean": [1], "ci_upper": [2]}, r"column 'sd' \(study 'A'\): it is missing, and nothing else"),
        (
            {"n": [25], "mean": [3], "sd": [2], "se": [0.2]},
            r"column 'se' \(study 'A'\): an SE of 0.2 means an SD of 1, where sd is 2",
        ),
        (
            {"n": [25], "mean": ["3.00"], "sd": ["2.00"], "ci_lower": ["2.50"], "ci_upper": ["3.50"]},
            r"column 'ci_lower' \(study 'A'\): its interval means an SD of 1.21, where sd is 2",  # 5 / (2 * 2.0639)
        ),
        (
            {"n": [25], "mean": [10], "ci_lower": [1], "ci_upper": [2]},
            r"the interval 1 to 2 must have the mean, 10, near its middle",
        ),
    ],
)
def test_refusals(arms, message):
    with pytest.raises(DataError, match=message):
        complete_arms({"study": ["A"], **arms})


def test_reports_that_agree_within_their_rounding_are_kept():
    """An SD of 2.0 in 25 is an SE of 0.4; its interval is 3 +/- 2.064 * 0.4 by t and 3 +/- 1.96 * 0.4 by the normal."""
    for lower, upper in (("2.17", "3.83"), ("2.22", "3.78")):
        arms = {"n": [25], "mean": ["3.0"], "sd": ["2.0"], "se": ["0.4"], "ci_lower": [lower], "ci_upper": [upper]}
        assert complete_arms({"study": ["A"], **arms}).columns["sd"] == (2.0,)
    one = {
        "study": ["A"],
        "n": [1],
        "mean": ["3.0"],
        "sd": ["2.0"],
        "se": ["2.0"],
        "ci_lower": ["1"],
        "ci_upper": ["5"],
    }
    assert complete_arms(one).columns["sd"] == (2.0,)


def test_a_table_needs_labels():
    with pytest.raises(DataError, match="column 'study' is missing"):
        complete_arms({"n": [30], "percent": [76]})


def test_an_unknown_method_is_refused():
    with pytest.raises(SpecificationError, match="method='fit' is not known; .* Did you mean 'fitted'"):
        complete_arms({"study": ["A"], "n": [10], "median": [1]}, method="fit")


def test_on_the_command_line(capsys, tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,n_t,mean_t,se_t,n_c,mean_c,se_c\nSigtermans2009,30,2.68,0.51,30,5.45,0.48\n")
    with pytest.raises(SystemExit) as stop:
        main(["effects", str(path), "--measure", "md", "--complete"])
    out, err = capsys.readouterr()
    assert (stop.value.code, err) == (0, "")
    assert out.splitlines()[1].startswith("Sigtermans2009,-2.77,0.70035")
