"""Options of `effect_sizes`: corrections, studies without events, correlations, intervals; and templates."""

import numpy as np
import pandas as pd
import pytest

from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.options import EffectOptions
from bayesmeta.effects.registry import MEASURES
from bayesmeta.effects.template import template_columns
from bayesmeta.errors import DataError, SpecificationError

COUNTS = {
    "study": ["A", "B", "none", "all"], "events_t": [12, 0, 0, 9], "n_t": [100, 50, 20, 9],
    "events_c": [24, 3, 0, 8], "n_c": [100, 34, 25, 8],
}  # fmt: skip
PAIRED = {"study": ["A"], "mean_t": [3.1], "sd_t": [2.0], "mean_c": [5.0], "sd_c": [2.2], "n": [20]}


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_double_zeros_are_kept_or_left_out():
    assert effect_sizes(COUNTS, "log_or").study == ("A", "B", "none", "all")
    data = effect_sizes(COUNTS, "log_or", drop00=True)
    assert data.study == ("A", "B")
    np.testing.assert_array_equal(data.y, effect_sizes(COUNTS, "log_or").y[:2])
    rates = {"study": ["A", "B"], "events_t": [0, 3], "time_t": [9, 9], "events_c": [0, 0], "time_c": [9, 9]}
    assert effect_sizes(rates, "log_irr", drop00=True).study == ("B",)
    with pytest.raises(SpecificationError, match="^arm table: drop00 leaves no study"):
        effect_sizes({k: v[2:] for k, v in COUNTS.items()}, "log_or", drop00=True)


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_a_study_of_three_arms_is_left_out_when_none_has_events():
    long = pd.DataFrame(
        {"study": list("AAABBB"), "arm": ["c", "x", "y"] * 2, "events": [0, 0, 0, 0, 0, 2], "n": [9] * 6}
    )
    assert effect_sizes(long, "log_or", drop00=True).study == ("B: x", "B: y")


def test_rows_keep_their_numbers_when_studies_are_left_out():
    counts = COUNTS | {"rho": [0, 0, 0, 9], "study": ["none", "A", "B", "C"], "events_t": [0, 1, 2, 3]}
    counts["events_c"] = [0, 1, 1, 2]
    with pytest.raises(DataError, match=r"^arm table, row 4 \(study 'C'\): icc must lie between 0 and 1"):
        effect_sizes(counts, "rd", drop00=True, icc="rho", cluster_size=2)


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
def test_to_names_the_studies_that_are_corrected():
    only0, all_, if0all = (effect_sizes(COUNTS, "log_or", to=to) for to in ("only0", "all", "if0all"))
    np.testing.assert_allclose(only0.y[0], np.log(12 * 76 / (88 * 24)))
    np.testing.assert_allclose(all_.y[0], np.log(12.5 * 76.5 / (88.5 * 24.5)))
    np.testing.assert_array_equal(all_.y, if0all.y)
    first = {k: v[:1] for k, v in COUNTS.items()}
    assert effect_sizes(first, "log_or", to="if0all") == effect_sizes(first, "log_or")
    with pytest.raises(SpecificationError, match="to='zeros'"):
        effect_sizes(COUNTS, "log_or", to="zeros")


def test_arcsines_are_corrected_only_when_asked():
    np.testing.assert_allclose(effect_sizes(COUNTS, "arcsine_rd").y[2], 0)
    asked = effect_sizes(COUNTS, "arcsine_rd", correction=0.5)
    np.testing.assert_allclose(asked.y[2], np.arcsin(np.sqrt(0.5 / 21)) - np.arcsin(np.sqrt(0.5 / 26)))


def test_correlations_are_numbers_or_columns():
    number = effect_sizes(PAIRED, "md_paired", correlation=0.5)
    named = effect_sizes(PAIRED | {"rho": [0.5]}, "md_paired", correlation="rho")
    found = effect_sizes(PAIRED | {"correlation": [0.5]}, "md_paired")
    np.testing.assert_allclose(number.se, np.sqrt((4 + 4.84 - 4.4) / 20))
    assert number == named == found
    given = effect_sizes(PAIRED | {"correlation": [0.5]}, "md_paired", correlation=0.9, covariates=[])
    assert given.se < number.se


@pytest.mark.parametrize(
    ("measure", "options", "message"),
    [
        ("md_paired", {}, "measure 'md_paired' depends on the correlation of a participant's two measurements"),
        ("md_paired", {"correlation": "rho"}, "arm table: column 'rho' is missing."),
        (
            "md_paired",
            {"correlation": [0.5, 0.6]},
            "correlation must be a number or the name of a column; got [0.5, 0.6].",
        ),
        ("md_paired", {"correlation": 1.2}, "arm table, row 1 (study 'A'): correlation must lie between -1 and 1"),
        ("mean", {"correlation": 0.5}, "correlation=0.5: measure 'mean' takes none; 'md_change', 'smd_change', "),
    ],
)
def test_correlations_that_cannot_be_are_refused(measure, options, message):
    with pytest.raises((DataError, SpecificationError)) as refusal:
        effect_sizes(PAIRED | {"mean": [1], "sd": [1]}, measure, **options)
    assert str(refusal.value).startswith(message)


def test_the_level_of_intervals():
    table = {"study": ["A"], "estimate": [0.7], "lower": [0.55], "upper": [0.89]}
    np.testing.assert_allclose(effect_sizes(table, "log_hr").se, np.log(0.89 / 0.55) / (2 * 1.959963984540054))
    np.testing.assert_allclose(
        effect_sizes(table, "log_hr", level=0.9).se, np.log(0.89 / 0.55) / (2 * 1.6448536269514722)
    )


def test_one_group_keeps_its_arm_as_a_covariate():
    table = {"study": ["A", "B"], "arm": ["x", "y"], "events": [3, 4], "n": [10, 12]}
    data = effect_sizes(table, "prop")
    assert data.study == ("A", "B")
    assert data.covariate_names == ("arm",)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_template_is_what_the_measure_takes(measure):
    columns = template_columns(measure)
    assert all(meaning and "\n" not in meaning for meaning in columns.values())
    value = {"study": "A", "correlation": 0.5, "r": 0.5, "estimate": 0.7, "lower": 0.5, "upper": 0.98, "time_t": 9.0}
    row = {name: [value.get(name, 12 if name.startswith(("n_", "n")) else 3)] for name in columns}
    assert len(effect_sizes(row, measure)) == 1
    if MEASURES[measure].two_arms:
        long = template_columns(measure, long=True)
        rows = {name: [value.get(name, 12 if name == "n" else 3)] * 2 for name in long} | {"arm": ["control", "x"]}
        assert len(effect_sizes(rows, measure)) == 1
    else:
        with pytest.raises(SpecificationError, match="has no table with one row for each arm; 'md', "):
            template_columns(measure, long=True)


def test_measures_are_documented():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "measures.md").read_text(encoding="utf-8")
    for name, measure in MEASURES.items():
        assert f"| `{name}` |" in page
        assert measure.peer is None or f"`{measure.peer}`" in page


@pytest.mark.parametrize("level", [1.5, 0.0, 95, float("nan")])
def test_a_level_is_a_probability_whether_or_not_it_is_used(level):
    table = {"study": ["A"], "n_t": [9], "mean_t": [1], "sd_t": [1], "n_c": [9], "mean_c": [0], "sd_c": [1]}
    with pytest.raises(SpecificationError, match=r"level=.*lies between 0 and 1"):
        EffectOptions(complete=True, level=level).estimates(table, "md")
