"""ArmMeans: what it has beside the columns of every table of studies, and the messages in full."""

import numpy as np
import pytest

import bayesmeta as bm

NAN = float("nan")
GOOD = {
    "n_t": [20, 30], "mean_t": [3.1, 2.7], "sd_t": [2.0, NAN], "n_c": [20, 31], "mean_c": [5.0, 5.4], "sd_c": [2.2, 0.5],
}  # fmt: skip


def test_keeps_what_was_printed():
    data = bm.ArmMeans(**GOOD, spread=["sd", "sd_or_se"], instrument=["VAS", "NRS"], study=["A", "B"])
    np.testing.assert_allclose(data.difference, [-1.9, -2.7])
    assert data.complete.tolist() == [True, False]
    assert data.instruments == ("VAS", "NRS")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_t": [20, 0]}, "study 'study 2': n_t must be a whole number of at least 1; got 0"),
        ({"n_c": [20, 2.5]}, "n_c must be a whole number of at least 1; got 2.5"),
        ({"mean_t": [NAN, 1]}, "study 'study 1': mean_t must be a finite number; got nan.*leave the study out"),
        ({"sd_t": [0, 1]}, "sd_t must be positive, or nan where it was not reported; got 0"),
        ({"sd_c": [np.inf, 1]}, "sd_c must be positive, or nan"),
        ({"n_c": [1, 31]}, "sd_c must be nan in an arm of one participant"),
        ({"spread": ["sd", "sem"]}, "study 'study 2': spread is 'sem'; choose 'sd', 'se' or 'sd_or_se'"),
    ],
)
def test_rejects_what_cannot_be_right(change, message):
    with pytest.raises(bm.DataError, match=message):
        bm.ArmMeans(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("B,30,2.7,-1,31,5.4,0.5,sd", r"row 3, column 'sd_t' \(study 'B'\): sd_t must be positive.*got -1"),
        ("B,30,2.7,1,31,5.4,0.5,SE", r"row 3, column 'spread' \(study 'B'\): spread is 'SE'.*Did you mean 'se'"),
    ],
)
def test_names_the_cell_of_a_file(tmp_path, line, message):
    path = tmp_path / "arms.csv"
    path.write_text(f"study,n_t,mean_t,sd_t,n_c,mean_c,sd_c,spread\nA,20,3.1,2,20,5,2.2,sd\n{line}\n")
    with pytest.raises(bm.DataError, match=message):
        bm.ArmMeans.from_frame(path)
