"""From an arm table to estimates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects.measures import MEASURES, effect_sizes
from bayesmeta.errors import DataError, DataWarning, SpecificationError

GOLDEN = Path(__file__).parents[1] / "golden"
COUNTS = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 50], "events_c": [24, 3], "n_c": [100, 34]}
MEANS = {
    "study": ["A", "B"],
    "mean_t": [3.1, 4],
    "sd_t": [2, 2],
    "n_t": [20, 30],
    "mean_c": [5, 4],
    "sd_c": [2.2, 2],
    "n_c": [20, 31],
}


@pytest.mark.parametrize(("measure", "peer_name"), [("log_or", "OR"), ("log_rr", "RR"), ("rd", "RD")])
def test_counts_match_metafor(measure, peer_name):
    peer = json.loads((GOLDEN / "escalc_bcg_2x2.json").read_text())
    raw, expected = {k: np.array(v) for k, v in peer["raw"].items()}, peer["measures"][peer_name]
    arms = pd.DataFrame(
        {
            "study": [f"trial {i}" for i in range(13)],
            "events_t": raw["tpos"],
            "n_t": raw["tpos"] + raw["tneg"],
            "events_c": raw["cpos"],
            "n_c": raw["cpos"] + raw["cneg"],
        }
    )
    data = effect_sizes(arms, measure=measure)
    np.testing.assert_allclose(data.y, expected["yi"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(data.v, expected["vi"], rtol=1e-8)
    assert data.study == tuple(arms["study"])
    assert data.measure == measure


def test_means_match_metafor():
    peer = json.loads((GOLDEN / "escalc_normand1999_means.json").read_text())
    raw, expected = peer["raw"], peer["measures"]["MD"]
    names = {"m1i": "mean_t", "sd1i": "sd_t", "n1i": "n_t", "m2i": "mean_c", "sd2i": "sd_c", "n2i": "n_c"}
    data = effect_sizes({"study": range(9), **{ours: raw[theirs] for theirs, ours in names.items()}})
    np.testing.assert_allclose(data.y, expected["yi"], rtol=1e-8)
    np.testing.assert_allclose(data.v, expected["vi"], rtol=1e-8)


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_remaining_columns_are_covariates():
    frame = pd.DataFrame(COUNTS | {"dose": [10, 20], "site": ["x", "y"], "mean_t": [np.nan, 1.0]}, index=[5, 3])
    data = effect_sizes(frame, measure="log_or")
    assert data.covariates.to_dict("list") == {"dose": [10, 20], "site": ["x", "y"]}
    assert effect_sizes(frame, measure="log_or", covariates=["dose"]).covariate_names == ("dose",)
    assert effect_sizes(frame, measure="log_or", covariates=[]).covariate_names == ()


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_correction_is_passed_on_to_counts_and_ignored_by_means():
    assert effect_sizes(COUNTS, measure="log_or", correction=0.1).y[1] < effect_sizes(COUNTS, measure="log_or").y[1]
    assert effect_sizes(MEANS, correction=0.1) == effect_sizes(MEANS)


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_a_file_is_read_like_a_frame(tmp_path):
    path = tmp_path / "arms.csv"
    pd.DataFrame(COUNTS | {"dose": [10, 20]}).to_csv(path, index=False)
    assert effect_sizes(path, measure="rd") == effect_sizes(COUNTS | {"dose": [10, 20]}, measure="rd")


def test_refusals_in_a_file_name_its_row(tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,events_t,n_t,events_c,n_c\nA,1,10,2,10\n\nNoppers2011,15,12,3,12\n")
    with pytest.raises(DataError) as refusal:
        effect_sizes(path, measure="log_rr")
    assert str(refusal.value) == (
        f"{path}, row 4 (study 'Noppers2011'): events_t must lie between 0 and n_t; got events_t = 15 and "
        "n_t = 12. "
        "Were the two columns swapped?"
    )


@pytest.mark.parametrize(
    ("arms", "measure", "message"),
    [
        (
            MEANS | {"sd_t": [2, 0]},
            "md",
            "arm table, row 2 (study 'B'): sd_t must be positive; got sd_t = 0.",
        ),
        (
            MEANS | {"n_c": [0, 9]},
            "md",
            "arm table, row 1 (study 'A'): n_c must be a whole number, at least 1; got n_c = 0.",
        ),
        (
            COUNTS | {"events_c": [1, 99]},
            "rd",
            "arm table, row 2 (study 'B'): events_c must lie between 0 and n_c; got events_c = 99 and n_c = 34.",
        ),
        (
            COUNTS | {"events_c": [1, None]},
            "rd",
            "arm table, row 2, column 'events_c' (study 'B'): the value is missing",
        ),
        (
            COUNTS | {"study": ["A", "A"]},
            "rd",
            "arm table, row 2, column 'study': study label 'A' is also in row 1.",
        ),
        (COUNTS, "md", "arm table: column 'mean_t' is missing, and measure 'md' needs it."),
        (
            {k: v for k, v in COUNTS.items() if k != "n_c"} | {"n_ctrl": [1, 2]},
            "rd",
            "arm table: column 'n_c' is missing, and measure 'rd' needs it. Did you mean 'n_ctrl'?",
        ),
        ([1, 2], "md", "arm table: expected a data frame or a mapping of columns; got list."),
    ],
)
def test_refusals_name_row_study_and_values(arms, measure, message):
    with pytest.raises(DataError) as refusal:
        effect_sizes(arms, measure=measure)
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_warnings_name_row_and_study():
    with pytest.warns(DataWarning, match=r"^arm table, row 1 \(study 'A'\): the mean difference is -9"):
        effect_sizes(MEANS | {"sd_t": [0.2, 2], "sd_c": [0.2, 2]})


@pytest.mark.parametrize(
    ("measure", "hint"),
    [("OR", " Did you mean 'log_or'?"), ("smd ", " Did you mean 'smd'?"), ("PFT", " Did you mean 'double_arcsine_prop'?"),
     (None, "")],
)  # fmt: skip
def test_unknown_measures_list_the_known(measure, hint):
    with pytest.raises(SpecificationError) as refusal:
        effect_sizes(COUNTS, measure=measure)
    assert str(refusal.value) == (
        f"measure={measure!r} is not known.{hint} Choose one of {', '.join(map(repr, MEASURES))}. (Ratios are "
        "analysed on the log scale.)"
    )
