"""Estimates: what they have beside the columns of every table of studies, and the messages in full."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import DataError

Y, SE, STUDY = [0.1, -0.4, 0.7], [0.2, 0.3, 0.1], ["A", "B", "C"]


@pytest.fixture
def data():
    frame = pd.DataFrame({"dose": [10, 20, 40], "crps": [True, False, True], "site": ["x", "y", "x"]})
    return Estimates(Y, SE, STUDY, covariates=frame)


def test_variances_are_squares_of_standard_errors(data):
    np.testing.assert_allclose(data.v, [0.04, 0.09, 0.01])


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


def test_whole_numbers_and_the_order_of_covariates_play_no_part_in_equality(data):
    same = Estimates(
        tuple(Y), np.array(SE), STUDY, {"site": ["x", "y", "x"], "crps": [1.0, 0, 1], "dose": [10, 20, 40]}
    )
    assert data == same
    assert len({data, same}) == 1


def test_frame_and_back(data):
    frame = data.to_frame()
    assert frame.columns.tolist() == ["study", "y", "se", "dose", "crps", "site"]
    assert Estimates.from_frame(frame) == data
    assert Estimates.from_frame(frame.rename(columns={"study": "trial"}), study="trial") == data


CASES = {
    "y missing": (
        {"y": [0.1, np.nan, 0.2]},
        "study 'B': y must be a finite number; got nan. Leave the study out if its effect is not known.",
    ),
    "y infinite": ({"y": [0.1, np.inf, 0.2]}, "study 'B': y must be a finite number; got inf."),
    "se zero": (
        {"se": [0.1, 0.0, 0.2]},
        "study 'B': se must be positive; got 0.0. Leave the study out if its standard error is not known.",
    ),
    "se negative": ({"se": [0.1, -0.2, 0.2]}, "study 'B': se must be positive; got -0.2."),
    "se missing": ({"se": [0.1, None, 0.2]}, "study 'B': se must be a finite number; got nan."),
    "se short": ({"se": [0.1, 0.2]}, "y has 3 values and se has 2: give one standard error for each study."),
    "neither": ({"se": None}, "give either se or cov; got neither."),
    "both": ({"cov": np.eye(3)}, "give either se or cov; got both."),
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
def test_rejections_name_the_study_the_value_and_the_rule(change, message):
    with pytest.raises(DataError) as rejection:
        Estimates(**({"y": Y, "se": SE, "study": STUDY} | change))
    assert str(rejection.value).startswith(message)
    assert "\n" not in str(rejection.value)
