"""Mean difference against R's metafor, by simulation, and by its symmetries."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.means import mean_difference
from bayesmeta.errors import DataError, DataWarning

GOLDEN = Path(__file__).parents[1] / "golden"


def test_md_matches_metafor():
    peer = json.loads((GOLDEN / "escalc_normand1999_means.json").read_text())
    raw, expected = peer["raw"], peer["measures"]["MD"]
    y, se = mean_difference(*(raw[k] for k in ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")))
    np.testing.assert_allclose(y, expected["yi"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(se, np.sqrt(expected["vi"]), rtol=1e-8)


arm = st.tuples(st.floats(-10, 10), st.floats(8, 20), st.integers(1, 500))


@given(t=arm, c=arm)
def test_swapping_arms_flips_the_sign(t, c):
    y, se = mean_difference(*t, *c)
    y_swapped, se_swapped = mean_difference(*c, *t)
    np.testing.assert_array_equal(y_swapped, -y)
    np.testing.assert_allclose(se_swapped, se)


@given(t=arm, c=arm, factor=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_units_carry_over(t, c, factor, shift):
    y, se = mean_difference(*t, *c)
    moved = [(mean * factor + shift, sd * factor, n) for mean, sd, n in (t, c)]
    y_moved, se_moved = mean_difference(*moved[0], *moved[1])
    np.testing.assert_allclose(y_moved, y * factor, atol=1e-9 * (100 + abs(shift)))
    np.testing.assert_allclose(se_moved, se * factor)


def test_se_is_the_spread_of_y_over_simulated_studies():
    rng = np.random.default_rng(20260101)
    repeats, n_t, n_c = 20_000, 40, 25
    t, c = rng.normal(3, 2, (repeats, n_t)), rng.normal(5, 4, (repeats, n_c))
    y, se = mean_difference(t.mean(1), t.std(1, ddof=1), n_t, c.mean(1), c.std(1, ddof=1), n_c)
    # Relative Monte Carlo error of a standard deviation is 1 / sqrt(2 repeats) = 0.5%; four of them.
    np.testing.assert_allclose(np.sqrt((se**2).mean()), y.std(ddof=1), rtol=4 / np.sqrt(2 * repeats))
    np.testing.assert_allclose(y.mean(), -2, atol=4 * y.std() / np.sqrt(repeats))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sd_t": [1, 0]},
            "study 2: sd_t must be positive; got sd_t = 0. If it was not reported, leave the study out",
        ),
        ({"sd_c": [-1, 1]}, "study 1: sd_c must be positive; got sd_c = -1."),
        ({"n_t": [10, 0]}, "study 2: n_t must be a whole number, at least 1; got n_t = 0."),
        ({"n_c": [10.5, 9]}, "study 1: n_c must be a whole number, at least 1; got n_c = 10.5."),
        ({"mean_t": [1, np.nan]}, "study 2: mean_t must be a finite number; got mean_t = nan."),
        ({"sd_t": [np.inf, 1]}, "study 1: sd_t must be a finite number; got sd_t = inf."),
        ({"mean_c": [1, 2, 3]}, "columns of the arm table differ in shape: mean_t (2,)"),
        ({"mean_c": ["low", "high"]}, "mean_c must hold numbers only; got ['low', 'high']."),
    ],
)
def test_impossible_arms_are_refused(change, message):
    arms = {"mean_t": [1, 2], "sd_t": [1, 1], "n_t": [9, 9], "mean_c": [1, 2], "sd_c": [1, 1], "n_c": [9, 9]}
    with pytest.raises(DataError) as refusal:
        mean_difference(**(arms | change))
    assert str(refusal.value).startswith(message)


def test_a_standard_error_in_place_of_a_standard_deviation_is_suspected():
    # Sigtermans et al. (2009): 2.68 +/- 0.51 v 5.45 +/- 0.48, 30 each, read as SDs and as SEs of the means.
    with pytest.warns(
        DataWarning, match=r"^Sigtermans2009: the mean difference is -5\.59 standard deviations\. Above 3"
    ):
        mean_difference(2.68, 0.51, 30, 5.45, 0.48, 30, where=["Sigtermans2009"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean_difference(2.68, 0.51 * np.sqrt(30), 30, 5.45, 0.48 * np.sqrt(30), 30)
