"""What was added to zero cells is recorded, for every measure of counts, and goes along with the estimates."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.data.datasets import load_arms
from bayesmeta.effects.corrections import corrections
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, DataWarning

VALUES = {
    "events_t": [3, 0, 5, 9, 4, 0], "n_t": [9, 9, 9, 9, 9, 9], "events_c": [4, 2, 0, 3, 9, 0], "n_c": [9, 9, 9, 9, 9, 9],
    "time_t": [9.0, 9, 9, 9, 9, 9], "time_c": [9.0, 9, 9, 9, 9, 9],
    "events": [3, 0, 5, 9, 4, 8], "n": [9, 9, 9, 9, 9, 9], "time": [9.0, 9, 9, 9, 9, 9],
    "both": [3, 0, 5, 2, 4, 0], "only_t": [3, 2, 0, 2, 4, 1], "only_c": [3, 2, 5, 0, 4, 2], "neither": [3, 2, 5, 2, 0, 2],
}  # fmt: skip
COUNTED = [name for name, measure in MEASURES.items() if "correction" in measure.options]


@pytest.mark.parametrize("to", ["only0", "all", "if0all"])
@pytest.mark.parametrize("name", COUNTED)
def test_what_is_recorded_is_what_the_measure_adds(name, to):
    """A study is recorded where its effect or standard error with the correction is another than without."""
    measure = MEASURES[name]
    x = {column: np.array(VALUES[column], float) for column in measure.columns}
    added = corrections(x, measure, {"correction": 0.5, "to": to})
    for i in range(6):
        one = [values[i : i + 1] for values in x.values()]
        with_it = measure.function(*one, correction=0.5, to="only0" if to == "only0" else "all")
        try:
            without = measure.function(*one, correction=0, to="only0")
        except DataError:
            changed = True
        else:
            changed = not np.array_equal(with_it, without)
        assert (added[i] > 0) == changed or added[i] == 0.5, (name, i)
        assert changed <= (added[i] > 0), (name, i)


def test_measures_of_no_counts_record_nothing():
    for name in set(MEASURES) - set(COUNTED):
        assert corrections({}, MEASURES[name], {}) is None


TABLE = {"study": ["A", "B"], "events_t": [5, 2], "n_t": [35, 40], "events_c": [0, 0], "n_c": [39, 40]}


def test_a_default_correction_is_said_and_recorded():
    with pytest.warns(DataWarning, match="0.5 was added to each cell of studies 'A' and 'B'"):
        data = bm.effect_sizes(TABLE, "log_or")
    assert data.added.tolist() == [0.5, 0.5]
    assert bm.Estimates.from_frame(data.to_frame()).added.tolist() == [0.5, 0.5]
    assert data.drop("A").added.tolist() == [0.5]
    assert "added=[0.5, 0.5]" in repr(data)
    assert bm.effect_sizes(TABLE, "log_or", correction=0.25).added.tolist() == [0.25, 0.25]


def test_a_correction_of_a_trial_of_three_arms_is_of_all_its_contrasts():
    arms = {"study": ["A"] * 3, "arm": ["placebo", "low", "high"], "events": [3, 0, 4], "n": [20, 20, 20]}
    assert bm.effect_sizes(arms, "log_or", correction=0.5).added.tolist() == [0.5, 0.5]


@pytest.mark.filterwarnings("ignore:.*was added to each cell:bayesmeta.errors.DataWarning")
@pytest.mark.parametrize("name", ["crins2014", "karner2014", "nielweise2007", "pritz1997", "bcg"])
def test_data_sets_say_what_was_added(name):
    stored = bm.load_dataset(name)
    computed = bm.effect_sizes(load_arms(name), stored.measure)
    assert (stored.added is None) == (computed.added is None)
    if stored.added is not None:
        np.testing.assert_array_equal(stored.added, computed.added)
