"""Effect sizes of counts against R's metafor and bayesmeta, by simulation, and by their symmetries."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.binary import log_odds_ratio, log_risk_ratio, risk_difference
from bayesmeta.errors import DataError, DataWarning, SpecificationError

GOLDEN = Path(__file__).parents[1] / "golden"
FUNCTIONS = {"OR": log_odds_ratio, "RR": log_risk_ratio, "RD": risk_difference}


def golden(name):
    return json.loads((GOLDEN / name).read_text())


@pytest.mark.parametrize("measure", FUNCTIONS)
def test_effects_match_metafor(measure):
    peer = golden("escalc_bcg_2x2.json")
    tpos, tneg, cpos, cneg = (np.array(peer["raw"][k]) for k in ("tpos", "tneg", "cpos", "cneg"))
    y, se = FUNCTIONS[measure](tpos, tpos + tneg, cpos, cpos + cneg)
    expected = peer["measures"][measure]
    np.testing.assert_allclose(y, expected["yi"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(se, np.sqrt(expected["vi"]), rtol=1e-8)


@pytest.mark.parametrize("measure", FUNCTIONS)
def test_empty_cells_are_corrected_as_in_metafor(measure):
    """`rma.mh` computes its Q from corrected effects, without the study that has no event at all.

    Q = sum of (y - pooled)^2 / se^2, so both must be right, in the five studies with a zero cell too.
    """
    peer = golden("tables_nielweise2007.json")
    a, b, c, d = (np.array(peer["raw"][k]) for k in ("ai", "bi", "ci", "di"))
    some = a + c > 0
    assert (np.minimum(a, c)[some] == 0).sum() == 5
    y, se = FUNCTIONS[measure](a[some], (a + b)[some], c[some], (c + d)[some])
    pool = peer["mantel_haenszel"][measure]
    np.testing.assert_allclose((((y - pool["beta"]) / se) ** 2).sum(), pool["QE"], rtol=1e-7)


def test_a_study_with_one_empty_cell_matches_bayesmeta():
    peer = golden("bmr_crins_IL2RA_groups.json")
    gras = peer["labels"].index("Gras (2008)")
    y, se = log_odds_ratio(0, 50, 3, 34)
    np.testing.assert_allclose([y[0], se[0]], [peer["y"][gras], peer["sigma"][gras]], rtol=1e-9)


def test_studies_without_events_or_without_others_are_kept():
    # Worked by hand: 0 of 10 against 0 of 20, and its mirror image, 10 of 10 against 20 of 20.
    y, se = log_odds_ratio([0, 10], [10, 10], [0, 20], [20, 20])
    np.testing.assert_allclose(y, np.log(20.5 / 10.5) * np.array([1, -1]))
    np.testing.assert_allclose(se**2, 2 + 2 + 1 / 10.5 + 1 / 20.5)
    y, se = log_risk_ratio([0, 10], [10, 10], [0, 20], [20, 20])
    np.testing.assert_allclose(y, [np.log(21 / 11), np.log(10.5 * 21 / (11 * 20.5))])
    np.testing.assert_allclose(se**2, [4 - 1 / 11 - 1 / 21, 1 / 10.5 - 1 / 11 + 1 / 20.5 - 1 / 21])
    y, se = risk_difference([0, 10], [10, 10], [0, 20], [20, 20])
    np.testing.assert_allclose(y, (0.5 / 11 - 0.5 / 21) * np.array([1, -1]))
    np.testing.assert_allclose(se**2, 0.5 * 10.5 / 11**3 + 0.5 * 20.5 / 21**3)


def test_the_correction_is_for_studies_with_an_empty_cell_only():
    y, se = log_odds_ratio([12, 0], [100, 50], [24, 3], [100, 34])
    y_alone, se_alone = log_odds_ratio(12, 100, 24, 100, correction=0)
    assert (y[0], se[0]) == (y_alone[0], se_alone[0])
    assert log_odds_ratio(0, 50, 3, 34, correction=0.25)[0][0] < y[1]


arm = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda p: (p[0], p[0] + p[1] + 1))


@pytest.mark.parametrize("function", FUNCTIONS.values())
@given(t=arm, c=arm)
def test_swapping_arms_flips_the_sign(function, t, c):
    y, se = function(*t, *c)
    y_swapped, se_swapped = function(*c, *t)
    np.testing.assert_allclose(y_swapped, -y, atol=1e-12)
    np.testing.assert_allclose(se_swapped, se)


@pytest.mark.parametrize("function", [log_odds_ratio, risk_difference])
@given(t=arm, c=arm)
def test_counting_the_others_flips_the_sign(function, t, c):
    y, se = function(*t, *c)
    y_others, se_others = function(t[1] - t[0], t[1], c[1] - c[0], c[1])
    np.testing.assert_allclose(y_others, -y, atol=1e-12)
    np.testing.assert_allclose(se_others, se)


@pytest.mark.parametrize("function", FUNCTIONS.values())
@given(arms=st.lists(st.tuples(arm, arm), min_size=2, max_size=6))
def test_studies_do_not_depend_on_one_another(function, arms):
    columns = np.array([[*t, *c] for t, c in arms]).T
    together = np.array(function(*columns))
    alone = np.concatenate([np.array(function(*t, *c)) for t, c in arms], axis=1)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("function", FUNCTIONS.values())
def test_se_is_the_spread_of_y_over_simulated_studies(function):
    rng = np.random.default_rng(20260101)
    repeats, n_t, n_c, p_t, p_c = 20_000, 2000, 1500, 0.3, 0.4
    y, se = function(rng.binomial(n_t, p_t, repeats), n_t, rng.binomial(n_c, p_c, repeats), n_c)
    # Relative Monte Carlo error of a standard deviation is 1 / sqrt(2 repeats) = 0.5%; four of them. The
    # delta method itself is off by terms of order 1/n, 0.1% here.
    np.testing.assert_allclose(np.sqrt((se**2).mean()), y.std(ddof=1), rtol=4 / np.sqrt(2 * repeats) + 0.001)
    truth = {
        log_odds_ratio: np.log(p_t / (1 - p_t) / (p_c / (1 - p_c))),
        log_risk_ratio: np.log(p_t / p_c),
        risk_difference: p_t - p_c,
    }
    np.testing.assert_allclose(y.mean(), truth[function], atol=4 * y.std() / np.sqrt(repeats) + 0.001)


@pytest.mark.parametrize("function", FUNCTIONS.values())
@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            ([12, 30], [40, 20], [3, 3], [40, 20]),
            "study 2: events_t must lie between 0 and n_t; got events_t = 30 and n_t = 20. Were the two "
            "columns swapped?",
        ),
        (
            ([3, 3], [40, 20], [12, -1], [40, 20]),
            "study 2: events_c must lie between 0 and n_c; got events_c = -1 and n_c = 20.",
        ),
        (([0], [0], [12], [40]), "study 1: n_t must be a whole number, at least 1; got n_t = 0."),
        (([1], [9], [np.nan], [40]), "study 1: events_c must be a finite number; got events_c = nan."),
    ],
)
def test_impossible_counts_are_refused(function, counts, message):
    with pytest.raises(DataError) as refusal:
        function(*counts)
    assert str(refusal.value) == message


@pytest.mark.parametrize("function", FUNCTIONS.values())
def test_without_a_correction_what_is_infinite_is_refused(function):
    with pytest.raises(
        DataError, match=r"^study 1: without a correction its (log|risk) .* got events_t = 0 and n_t = 10"
    ):
        function(0, 10, 0, 20, correction=0)
    y, se = function(5, 10, 3, 20, correction=0)
    assert np.isfinite([y, se]).all()


@pytest.mark.parametrize("correction", [-0.5, np.inf, np.nan])
def test_correction_must_be_a_number_from_0_on(correction):
    with pytest.raises(SpecificationError, match=r"correction=.*: it must be a finite number, 0 or above"):
        risk_difference(1, 10, 2, 20, correction=correction)


@pytest.mark.filterwarnings("ignore:.*is not a whole number")
def test_fractions_are_used_as_they_stand():
    y, se = log_odds_ratio([1.5], [40.25], [12], [40])
    np.testing.assert_allclose(y, [math.log(1.5 * 28 / (38.75 * 12))], rtol=1e-12)
    np.testing.assert_allclose(se, [(1 / 1.5 + 1 / 38.75 + 1 / 12 + 1 / 28) ** 0.5], rtol=1e-12)
    y, se = log_risk_ratio([1.5], [40.25], [12], [40])
    np.testing.assert_allclose(y, [math.log((1.5 / 40.25) / (12 / 40))], rtol=1e-12)
    np.testing.assert_allclose(se, [(1 / 1.5 - 1 / 40.25 + 1 / 12 - 1 / 40) ** 0.5], rtol=1e-12)
    y, _ = risk_difference([1.5], [40.25], [12], [40])
    np.testing.assert_allclose(y, [1.5 / 40.25 - 0.3], rtol=1e-12)


def test_the_first_fraction_is_warned_of():
    with pytest.warns(DataWarning, match="study 2: events_t = 1.5 is not a whole number") as found:
        log_odds_ratio([1, 1.5, 2.5], [40, 40, 40], [12, 12, 12], [40, 40, 40.5])
    assert len(found) == 1
