"""Estimates: what is accepted, what is refused and how, and that nothing can be changed afterwards."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError

Y, SE, STUDY = [0.1, -0.4, 0.7], [0.2, 0.3, 0.1], ["A", "B", "C"]


@pytest.fixture
def data():
    frame = pd.DataFrame({"dose": [10, 20, 40], "crps": [True, False, True], "site": ["x", "y", "x"]})
    return Estimates(Y, SE, STUDY, covariates=frame)


def test_fields_hold_what_was_given(data):
    assert data.y.tolist() == Y
    assert data.se.tolist() == SE
    assert data.study == ("A", "B", "C")
    assert data.n_studies == len(data) == 3
    np.testing.assert_allclose(data.v, [0.04, 0.09, 0.01])
    assert data.cov is None
    assert data.covariate_names == ("dose", "crps", "site")
    expected = pd.DataFrame(
        {"dose": [10, 20, 40], "crps": [1, 0, 1], "site": ["x", "y", "x"]},
        index=pd.Index(STUDY, name="study"),
    )
    pd.testing.assert_frame_equal(data.covariates, expected)


def test_studies_are_labelled_by_default():
    data = Estimates(Y, SE)
    assert data.study == ("study 1", "study 2", "study 3")
    assert data.covariates.shape == (3, 0)
    assert data.covariates.index.tolist() == list(data.study)


def test_nothing_can_be_changed(data):
    with pytest.raises(ValueError, match="read-only"):
        data.y[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        data.se[0] = 9
    with pytest.raises(AttributeError):
        data.y = np.zeros(3)
    covariates = data.covariates
    covariates.loc["A", "dose"] = 99
    assert data.covariates.loc["A", "dose"] == 10


def test_later_changes_to_the_callers_arrays_do_not_reach_it():
    y, cov = np.array(Y), np.diag([0.1, 0.2, 0.3])
    data = Estimates(y, cov=cov)
    y[0], cov[0, 0] = 9, 9
    assert data.y[0] == 0.1
    assert data.cov[0, 0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        data.cov[0, 0] = 9


def test_known_covariance_gives_se():
    cov = [[0.04, 0.01], [0.01, 0.09]]
    data = Estimates([0.1, 0.2], cov=cov)
    np.testing.assert_allclose(data.se, [0.2, 0.3])
    np.testing.assert_allclose(data.cov, cov)
    np.testing.assert_allclose(data.drop("study 1").cov, [[0.09]])


def test_a_subset_of_correlated_studies_keeps_their_covariances():
    cov = np.array([[0.04, 0.01, 0.02], [0.01, 0.09, 0.03], [0.02, 0.03, 0.16]])
    data = Estimates(Y, cov=cov, study=STUDY)
    assert data.drop("B").cov.tolist() == [[0.04, 0.02], [0.02, 0.16]]
    np.testing.assert_allclose(data.drop("B").se, [0.2, 0.4])


def test_hash_is_the_same_on_every_platform_and_run(data):
    assert data.hash == "709a8ad818a988c2bbebcf3f93024b56c2204f08bd54f5b61cda10403b0bbf54"
    assert (
        Estimates([0.1, 0.2], cov=[[0.04, 0.01], [0.01, 0.09]]).hash
        == "fc66c8aaad615704acbe3f83a20e66ef1f1007270ed930d736d7691743ecc3c1"
    )


def test_equal_by_value(data):
    same = Estimates(
        tuple(Y), np.array(SE), STUDY, {"site": ["x", "y", "x"], "crps": [1.0, 0, 1], "dose": [10, 20, 40]}
    )
    assert data == same
    assert len({data, same}) == 1
    assert Estimates([0.0], [1]) == Estimates([-0.0], [1])
    assert data != "data"


@pytest.mark.parametrize(
    "change",
    [
        {"y": [0.1, -0.4, 0.70001]},
        {"se": [0.2, 0.3, 0.10001]},
        {"study": ["A", "B", "D"]},
        {"covariates": {"dose": [1, 2, 4]}},
        {"covariates": {"dosis": [1, 2, 3]}},
        {"covariates": {"dose": ["a", "b", "c"]}},
        {"covariates": None},
        {"se": None, "cov": np.diag([0.04, 0.09, 0.01])},
    ],
)
def test_any_change_of_value_changes_the_hash(change):
    given_ = {"y": Y, "se": SE, "study": STUDY, "covariates": {"dose": [1, 2, 3]}}
    assert Estimates(**given_) != Estimates(**(given_ | change))


def test_copies_are_equal_and_as_immutable(data):
    for twin in (copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert twin == data
        assert not twin.y.flags.writeable
    correlated = Estimates([0.1, 0.2], cov=[[0.04, 0.01], [0.01, 0.09]])
    assert pickle.loads(pickle.dumps(correlated)) == correlated


def test_subset_and_drop_keep_everything_else(data):
    assert data.subset([True, False, True]) == data.drop("B") == data.drop(["B"])
    assert data.drop("B").covariates["site"].tolist() == ["x", "x"]
    assert data.drop(["A", "C"]).y.tolist() == [-0.4]
    assert Estimates([1], [1], measure="log_or").subset([True]).measure == "log_or"


def test_frame_and_back(data):
    frame = data.to_frame()
    assert frame.columns.tolist() == ["study", "y", "se", "dose", "crps", "site"]
    assert Estimates.from_frame(frame) == data
    assert Estimates.from_frame(frame.rename(columns={"study": "trial"}), study="trial") == data
    kept = Estimates.from_frame(frame, covariates=["dose"])
    assert kept.covariate_names == ("dose",)


def test_data_frames_of_every_column_type_are_read():
    frame = pd.DataFrame(
        {
            "a": pd.Series([1, 2], dtype="Int64"),
            "b": pd.Series(["u", "v"], dtype="category"),
            "c": np.array([1.5, 2], dtype=np.float32),
            "d": pd.Series(["u", "v"], dtype="string"),
            "e": pd.Series([True, False], dtype="boolean"),
        }
    )
    covariates = Estimates([1, 2], [1, 1], covariates=frame).covariates
    assert covariates.to_dict("list") == {
        "a": [1, 2], "b": ["u", "v"], "c": [1.5, 2], "d": ["u", "v"], "e": [1, 0],
    }  # fmt: skip


def test_covariates_are_matched_by_position_not_by_index():
    frame = pd.DataFrame({"dose": [1, 2, 3]}, index=[7, 5, 6])
    assert Estimates(Y, SE, STUDY, frame).covariates["dose"].tolist() == [1, 2, 3]


CASES = {
    "y missing": (
        {"y": [0.1, np.nan, 0.2]},
        "study 'B': y must be a finite number; got nan. Leave the study out if its effect is not known.",
    ),
    "y infinite": ({"y": [0.1, np.inf, 0.2]}, "study 'B': y must be a finite number; got inf."),
    "y text": ({"y": ["a", "b", "c"]}, "y must hold numbers only; got ['a', 'b', 'c']."),
    "y table": (
        {"y": [[0.1], [0.2], [0.3]]},
        "y must be one-dimensional, one value for each study; got shape (3, 1).",
    ),
    "y empty": ({"y": []}, "y has no values"),
    "se zero": (
        {"se": [0.1, 0.0, 0.2]},
        "study 'B': se must be positive; got 0.0. Leave the study out if its standard error is not known.",
    ),
    "se negative": ({"se": [0.1, -0.2, 0.2]}, "study 'B': se must be positive; got -0.2."),
    "se missing": ({"se": [0.1, None, 0.2]}, "study 'B': se must be a finite number; got nan."),
    "se short": ({"se": [0.1, 0.2]}, "y has 3 values and se has 2: give one standard error for each study."),
    "neither": ({"se": None}, "give either se or cov; got neither."),
    "both": ({"cov": np.eye(3)}, "give either se or cov; got both."),
    "study short": ({"study": ["A", "B"]}, "y has 3 values and study has 2: give one label for each study."),
    "study text": (
        {"study": "ABC"},
        "study must be a sequence with one label for each study; got the text 'ABC'.",
    ),
    "study twice": (
        {"study": ["A", "B", "A"]},
        "study labels, row 3: study label 'A' is also in row 1. Rows of one study are dependent.",
    ),
    "study blank": ({"study": ["A", " ", "C"]}, "study labels, row 2: the study has no label."),
    "study missing": ({"study": ["A", None, "C"]}, "study labels, row 2: the study has no label."),
    "covariate missing": (
        {"covariates": {"dose": [1, np.nan, 3]}},
        "study 'B', covariate 'dose': the value is missing. Fill it in, or leave the study or the column out.",
    ),
    "covariate NA": (
        {"covariates": pd.DataFrame({"dose": pd.Series([1, None, 3], dtype="Int64")})},
        "study 'B', covariate 'dose': the value is missing.",
    ),
    "covariate blank": (
        {"covariates": {"site": ["x", "", "y"]}},
        "study 'B', covariate 'site': the value is missing.",
    ),
    "covariate infinite": (
        {"covariates": {"dose": [1, np.inf, 3]}},
        "study 'B', covariate 'dose': inf is not a finite number.",
    ),
    "covariate mixed": (
        {"covariates": {"dose": [10, "2O", 30]}},
        "study 'B', covariate 'dose': '2O' is text, where study 'A', covariate 'dose' has the number 10.",
    ),
    "covariate short": ({"covariates": {"dose": [1, 2]}}, "covariate 'dose' has 2 values for 3 studies."),
    "covariate scalar": (
        {"covariates": {"dose": 1}},
        "covariates: column 'dose' must hold one value for each study",
    ),
    "covariate list": (
        {"covariates": [1, 2, 3]},
        "covariates: expected a data frame or a mapping of columns; got list.",
    ),
    "covariate twice": (
        {"covariates": pd.DataFrame([[1, 2]] * 3, columns=["dose", "dose"])},
        "covariates: column 'dose' appears twice.",
    ),
    "covariate order": (
        {"covariates": pd.DataFrame({"dose": [1, 2, 3]}, index=["A", "C", "B"])},
        "the index of covariates holds the study labels in another order than y",
    ),
    "cov shape": (
        {"se": None, "cov": np.eye(2)},
        "cov must have shape (3, 3), a row and a column for each study",
    ),
    "cov infinite": (
        {"se": None, "cov": [[1, 0, np.nan], [0, 1, 0], [np.nan, 0, 1]]},
        "cov of studies 'A' and 'C' must be a finite number; got nan.",
    ),
    "cov diagonal": (
        {"se": None, "cov": np.diag([1, 0, 1])},
        "study 'B': its variance in cov must be positive; got 0.",
    ),
    "cov symmetric": (
        {"se": None, "cov": [[1, 0.1, 0], [0.2, 1, 0], [0, 0, 1]]},
        "cov must be symmetric; studies 'A' and 'B' have both 0.1 and 0.2.",
    ),
    "cov indefinite": (
        {"se": None, "cov": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]},
        "cov must be positive definite; its correlations have an eigenvalue of -1.",
    ),
    "cov singular": ({"se": None, "cov": np.ones((3, 3))}, "cov must be positive definite"),
}


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=CASES)
def test_refusals_name_the_study_the_value_and_the_rule(change, message):
    with pytest.raises(DataError) as refusal:
        Estimates(**({"y": Y, "se": SE, "study": STUDY} | change))
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda d: d.subset([True, False]),
            "mask must hold one true or false for each of 3 studies; got bool",
        ),
        (lambda d: d.subset([0, 1, 2]), "mask must hold one true or false for each of 3 studies; got int"),
        (lambda d: d.subset([False] * 3), "mask is false for every study"),
        (lambda d: d.drop(["A", "B", "C"]), "mask is false for every study"),
        (lambda d: d.drop("AA"), "there is no study 'AA' to drop. Did you mean 'A'?"),
    ],
)
def test_impossible_subsets_are_refused(data, act, message):
    with pytest.raises(DataError) as refusal:
        act(data)
    assert str(refusal.value).startswith(message)


studies = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(-9, 9)), min_size=1, max_size=8)


@given(rows=studies, data=st.data())
def test_a_subset_is_what_the_remaining_studies_would_give(rows, data):
    mask = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)).filter(any))
    labels = [f"s{i}" for i in range(len(rows))]

    def build(keep):
        kept = [(row, label) for row, label, k in zip(rows, labels, keep, strict=True) if k]
        y, se, dose = zip(*(row for row, _ in kept), strict=True)
        return Estimates(y, se, [label for _, label in kept], {"dose": dose})

    assert build([True] * len(rows)).subset(mask) == build(mask)
