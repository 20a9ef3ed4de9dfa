"""ArmChanges: what it has beside the columns of every table of studies, and the messages in full."""

import numpy as np
import pytest

import bayesmeta as bm

NAN = float("nan")
GOOD = {
    "n_t": [20, 30], "mean_pre_t": [5.2, 6.1], "sd_pre_t": [2.1, 1.9], "mean_post_t": [3.1, 4.2], "sd_post_t": [2.0, 2.2],
    "n_c": [20, 28], "mean_pre_c": [5.3, 5.6], "sd_pre_c": [2.0, 2.1], "mean_post_c": [5.0, 5.1], "sd_post_c": [2.2, 2.0],
}  # fmt: skip
CHANGE = {
    "n_t": [9],
    "mean_change_t": [-2],
    "sd_change_t": [1.5],
    "n_c": [8],
    "mean_change_c": [0],
    "sd_change_c": [1.4],
}
POST = {"n_t": [9], "mean_post_t": [-2], "sd_post_t": [1.5], "n_c": [8], "mean_post_c": [0], "sd_post_c": [1.4]}


def test_the_correlation_follows_from_three_standard_deviations():
    """Of two correlated samples, by NumPy's own correlation."""
    x, y = np.random.default_rng(1).normal(size=(2, 40))
    y = 0.7 * x + y
    pre, post, change = (np.std(values, ddof=1) for values in (x, y, y - x))
    sds = {"sd_pre_t": pre, "sd_post_t": post, "sd_change_t": change, "sd_pre_c": pre, "sd_post_c": post}
    data = bm.ArmChanges(
        n_t=[40], n_c=[40], mean_pre_t=[0], mean_pre_c=[0], mean_post_t=[0], mean_post_c=[0],
        **{name: [value] for name, value in sds.items()},
    )  # fmt: skip
    np.testing.assert_allclose(data.implied_correlation, [[np.corrcoef(x, y)[0, 1], NAN]])
    assert data.complete.tolist() == [True]


def test_keeps_what_was_printed():
    data = bm.ArmChanges(**GOOD, correlation=[0.6, NAN], study=["A", "B"], covariates={"dose": [1, 2]})
    assert data.complete.tolist() == [True, False]
    assert data.both_times.all()
    assert not data.changes_only.any()
    assert repr(data) == "ArmChanges(n_studies=2, unknown_correlations=1, covariates=['dose'])"


def test_studies_may_report_changes_or_the_time_afterwards_alone():
    for columns, changes in ((CHANGE, True), (POST, False)):
        data = bm.ArmChanges(**columns)
        assert data.complete.tolist() == [True]
        assert data.changes_only.tolist() == [changes]
        assert not data.both_times.any()


def test_one_table_holds_all_three_kinds_of_report():
    columns = {name: [*values, "", ""] for name, values in GOOD.items()}
    columns |= {"study": ["A", "B", "C", "D"], "n_t": [20, 30, 9, 9], "n_c": [20, 28, 8, 8]}
    columns |= {name: ["", "", values[0], ""] for name, values in CHANGE.items() if name[0] != "n"}
    columns |= {name: [*GOOD[name], "", values[0]] for name, values in POST.items() if name[0] != "n"}
    data = bm.ArmChanges.from_frame(columns)
    assert data.both_times.tolist() == [True, True, False, False]
    assert data.changes_only.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_t": [20, 1]}, "study 'study 2': n_t must be a whole number of at least 2; got 1"),
        ({"n_c": [20, NAN]}, "n_c must be a whole number of at least 2; got nan"),
        ({"mean_pre_t": [NAN, 1]}, "study 'study 1': mean_pre_t is missing. Give mean and SD of both arms at one time"),
        ({"mean_pre_t": [np.inf, 1]}, "mean_pre_t must be a finite number"),
        ({"sd_post_c": [0, 1]}, "sd_post_c must be positive, or nan where it was not reported; got 0"),
        ({"correlation": [1, NAN]}, "study 'study 1': correlation must lie between -1 and 1, ends excluded"),
        ({"sd_change_t": [NAN, 4.1001]}, r"study 'study 2': sd_change_t must lie between 0.3 and 4.1.*got 4.1001"),
        ({"sd_change_t": [NAN, 0.29]}, r"a correlation of 1\.\d*\. .*Was a standard error entered"),
        ({"sd_change_t": [1.5, NAN], "correlation": [0.5, NAN]}, "correlation and sd_change_t give the same"),
        ({"mean_change_t": [1.5, NAN]}, "mean_change_t must be empty beside the means at both times"),
        ({"n_t": [2, 30], "sd_change_t": [1.5, NAN]}, "sd_change_t must be nan in an arm of two participants"),
        (
            dict.fromkeys(("mean_post_t", "sd_post_t", "mean_post_c", "sd_post_c"), (NAN, 1)),
            "a baseline alone says nothing",
        ),
    ],
)
def test_rejects_what_cannot_be_right(change, message):
    with pytest.raises(bm.DataError, match=message):
        bm.ArmChanges(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (CHANGE | {"sd_change_c": [NAN]}, "sd_change_c is missing. Without mean_post_t"),
        (CHANGE | POST, "mean_change_t must be empty beside what was reported afterwards"),
        (CHANGE | {"correlation": [0.5]}, "correlation must be empty without baseline values"),
        (POST | {"correlation": [0.5]}, "correlation must be empty without baseline values"),
        ({"n_t": [9], "n_c": [9]}, "mean_change_t is missing"),
    ],
)
def test_rejects_half_a_report_and_two_of_one(columns, message):
    with pytest.raises(bm.DataError, match=message):
        bm.ArmChanges(**columns)


@pytest.mark.parametrize(
    ("drop", "extra", "message"),
    [
        ("sd_post_c", {}, "column 'sd_post_c' is missing"),
        ("", {"sd_change_c": ["", 9]}, r"row 2, column 'sd_change_c' \(study 'B'\): sd_change_c must lie between"),
        ("", {"mean_pre_c": [5, ""]}, r"row 2, column 'mean_pre_c' \(study 'B'\): mean_pre_c is missing"),
    ],
)
def test_names_the_cell_of_a_table(drop, extra, message):
    columns = {"study": ["A", "B"], **GOOD, **extra}
    if "sd_change_c" in extra:
        columns["sd_change_t"] = ["", ""]
    columns.pop(drop, None)
    with pytest.raises(bm.DataError, match=message):
        bm.ArmChanges.from_frame(columns)


@pytest.mark.parametrize(
    ("name", "meant"), [("rho", "correlation"), ("Corr", "correlation"), ("sd_chang_t", "sd_change_t")]
)
def test_a_column_that_is_almost_one_of_ours_is_no_covariate_unless_named(name, meant):
    columns = {"study": ["A", "B"], **GOOD, name: [0.5, 0.6], "mean_age": [40, 50]}
    with pytest.raises(bm.DataError, match=rf"arm table: column '{name}' would be a covariate. Did you mean '{meant}'"):
        bm.ArmChanges.from_frame(columns)
    assert bm.ArmChanges.from_frame(columns, covariates=[name]).covariate_names == (name,)
    del columns[name]
    assert bm.ArmChanges.from_frame(columns).covariate_names == ("mean_age",)


def test_a_table_without_outcomes_is_rejected():
    with pytest.raises(bm.DataError, match="column 'mean_post_t' is missing"):
        bm.ArmChanges.from_frame({"study": ["A"], "n_t": [9], "n_c": [9]})
