"""What holds for any arms: swapping them, other units, counting non-events, and one study beside others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.correlations import fisher_z, unbiased_correlation
from bayesmeta.effects.hazards import log_hazard_ratio
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, DataWarning, SpecificationError

positive = st.floats(0.5, 50)
count = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda p: {"events": p[0], "n": p[0] + p[1] + 2})
normal = st.fixed_dictionaries({"mean": st.floats(1, 20), "sd": st.floats(5, 50), "n": st.integers(3, 500)})
rate = st.fixed_dictionaries({"events": st.integers(0, 60), "time": positive})
change = st.fixed_dictionaries(
    {"mean_pre": st.floats(-9, 9), "sd_pre": positive, "mean_post": st.floats(-9, 9), "sd_post": positive,
     "n": st.integers(2, 500)}
)  # fmt: skip
ARMS = {
    **dict.fromkeys(("md", "smd", "smd_cohen", "smd_unequal", "rom", "log_vr", "log_cvr"), normal),
    **dict.fromkeys(
        ("log_or", "log_rr", "rd", "arcsine_rd", "peto_log_or", "yule_q", "yule_y", "or_to_smd", "or_to_smd_normal"), count,
    ),
    **dict.fromkeys(("log_irr", "ird"), rate),
    **dict.fromkeys(("md_change", "smd_change"), change),
}  # fmt: skip


def effect(measure, t, c, **options):
    chosen = MEASURES[measure]
    columns = {**{f"{k}_t": v for k, v in t.items()}, **{f"{k}_c": v for k, v in c.items()}}
    options |= {"correlation": 0.5} if "correlation" in chosen.options else {}
    y, se = chosen.function(*(columns[name] for name in chosen.columns), **options)
    return np.array([y[0], se[0]])


def test_measures_of_two_arms_are_all_here():
    """Glass' delta depends on which arm is the control, and phi of no event at all is undefined."""
    two = {name for name, measure in MEASURES.items() if measure.two_arms}
    assert two - set(ARMS) == {"smd_glass", "smd_glass_unequal", "phi"}


@pytest.mark.filterwarnings("ignore::bayesmeta.errors.DataWarning")
@pytest.mark.parametrize("measure", ARMS)
@given(data=st.data())
def test_swapping_arms_flips_the_sign(measure, data):
    t, c = data.draw(ARMS[measure]), data.draw(ARMS[measure])
    np.testing.assert_allclose(effect(measure, c, t), effect(measure, t, c) * [-1, 1], rtol=1e-9, atol=1e-12)


@given(t=count, c=count)
def test_phi_flips_too_and_turns_when_others_are_counted(t, c):
    if not 0 < t["events"] + c["events"] < t["n"] + c["n"]:
        return
    both = effect("phi", t, c)
    others = [{"events": x["n"] - x["events"], "n": x["n"]} for x in (t, c)]
    np.testing.assert_allclose(effect("phi", c, t), both * [-1, 1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(effect("phi", *others), both * [-1, 1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("measure", ["log_or", "rd", "arcsine_rd", "peto_log_or", "yule_q", "yule_y", "or_to_smd"])
@given(t=count, c=count)
def test_counting_the_others_flips_the_sign(measure, t, c):
    others = [{"events": x["n"] - x["events"], "n": x["n"]} for x in (t, c)]
    np.testing.assert_allclose(effect(measure, *others), effect(measure, t, c) * [-1, 1], rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore::bayesmeta.errors.DataWarning")
@pytest.mark.parametrize(
    "measure", ["smd", "smd_cohen", "smd_glass", "smd_glass_unequal", "smd_unequal", "rom", "log_cvr"]
)
@given(t=normal, c=normal, factor=st.floats(0.01, 100))
def test_units_cancel(measure, t, c, factor):
    scaled = [{"mean": x["mean"] * factor, "sd": x["sd"] * factor, "n": x["n"]} for x in (t, c)]
    np.testing.assert_allclose(effect(measure, *scaled), effect(measure, t, c), rtol=1e-9, atol=1e-12)


@given(t=rate, c=rate, factor=st.floats(0.01, 100))
def test_units_of_time(t, c, factor):
    moved = [{"events": x["events"], "time": x["time"] * factor} for x in (t, c)]
    np.testing.assert_allclose(effect("log_irr", *moved), effect("log_irr", t, c), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(effect("ird", *moved), effect("ird", t, c) / factor, rtol=1e-9, atol=1e-11)


@given(x=count)
def test_proportions_of_the_others(x):
    others = {"events": x["n"] - x["events"], "n": x["n"]}
    for name, mirror in {
        "prop": lambda y: 1 - y, "logit_prop": lambda y: -y, "arcsine_prop": lambda y: np.pi / 2 - y,
        "double_arcsine_prop": lambda y: np.pi / 2 - y,
    }.items():  # fmt: skip
        (y, se), (y_others, se_others) = (MEASURES[name].function(**arm) for arm in (x, others))
        np.testing.assert_allclose(y_others, mirror(y), atol=1e-12)
        np.testing.assert_allclose(se_others, se, rtol=1e-9)


@given(r=st.floats(-0.999, 0.999), n=st.integers(5, 10**6))
def test_correlations_are_odd_and_fisher_z_turns_back(r, n):
    for function in (fisher_z, unbiased_correlation):
        y, se = function(r, n)
        y_minus, se_minus = function(-r, n)
        assert (y_minus[0], se_minus[0]) == (-y[0], se[0])
        assert abs(y[0]) >= abs(r)
    np.testing.assert_allclose(np.tanh(fisher_z(r, n)[0]), r, atol=1e-12)


@given(y=st.floats(-2, 2), se=st.floats(0.05, 1), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_a_hazard_ratio_comes_back_from_its_interval(y, se, level):
    z = {0.8: 1.2815515655446004, 0.95: 1.959963984540054, 0.99: 2.5758293035489004}[level]
    found = log_hazard_ratio(np.exp(y), np.exp(y - z * se), np.exp(y + z * se), level=level)
    np.testing.assert_allclose(np.ravel(found), [y, se], rtol=1e-9, atol=1e-12)


def test_a_lopsided_interval_is_suspected_and_rounding_is_not():
    with pytest.warns(DataWarning, match=r"^Doe2001: the confidence interval 0\.55 to 0\.99 of 0\.6 should be"):
        log_hazard_ratio(0.60, 0.55, 0.99, where=["Doe2001"])
    log_hazard_ratio([0.1, 0.70, 1], [0.1 - 0.05, 0.55, 0.9], [0.2, 0.89, 1.2])  # within what one decimal hides


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((-0.36, -0.6, -0.1), "study 1: estimate must be positive; got estimate = -0.36. Give the ratio itself"),
        ((0.7, 0.8, 0.9), "study 1: estimate must lie between lower and upper; got estimate = 0.7 and lower = 0.8"),
    ],
)
def test_impossible_intervals_are_refused(columns, message):
    with pytest.raises(DataError) as refusal:
        log_hazard_ratio(*columns)
    assert str(refusal.value).startswith(message)
    for level in (0, 1, 95):
        with pytest.raises(SpecificationError, match=f"level={level}: a confidence level lies between 0 and 1"):
            log_hazard_ratio(0.7, 0.6, 0.9, level=level)


def test_the_factor_of_hedges_has_every_digit():
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        for df in (2, 3, 10, 57, 999, 1000, 1001, 1500, 10**5, 10**9):
            m = mpmath.mpf(df)
            exact = mpmath.exp(mpmath.loggamma(m / 2) - mpmath.loggamma((m - 1) / 2)) / mpmath.sqrt(m / 2)
            np.testing.assert_allclose(float(hedges_factor(df)), float(exact), rtol=1e-12)


def test_the_unbiased_correlation_has_every_digit():
    mpmath = pytest.importorskip("mpmath")
    for n in (5, 6, 101, 102, 103, 5000):
        for r in (1e-6, 0.3, 0.9, 0.999):
            exact = r * mpmath.hyp2f1(0.5, 0.5, mpmath.mpf(n) / 2 - 1, 1 - mpmath.mpf(r) ** 2)
            np.testing.assert_allclose(unbiased_correlation(r, n)[0], float(exact), rtol=1e-11)
    assert unbiased_correlation(0, 5000)[0] == 0


@pytest.mark.parametrize(
    ("measure", "columns", "message"),
    [
        ("smd", (1, 1, 1, 2, 1, 2), "study 1: a standardised difference needs 4 participants or more; got n_t = 1"),
        ("smd_glass", (1, 1, 5, 2, 1, 2), "study 1: n_c must be a whole number, at least 3; got n_c = 2."),
        ("smd_unequal", (1, 1, 1, 2, 1, 9), "study 1: n_t must be a whole number, at least 2; got n_t = 1."),
        ("rom", (1, 1, 9, -2, 1, 9), "study 1: mean_t and mean_c must both be positive, or both negative"),
        ("log_cvr", (0, 1, 9, 2, 1, 9), "study 1: mean_t and mean_c must both be positive, or both negative"),
        ("log_vr", (1, 9, 0, 9), "study 1: sd_c must be positive; got sd_c = 0."),
        ("log_irr", (1, 0, 2, 9), "study 1: time_t must be positive; got time_t = 0."),
        ("ird", (1, 9, -2, 9), "study 1: events_c must be 0 or above; got events_c = -2."),
        ("rate", (-1.5, 9), "study 1: events must be 0 or above; got events = -1.5."),
        ("prop", (10, 9), "study 1: events must lie between 0 and n; got events = 10 and n = 9. Were the two"),
        ("fisher_z", (1, 9), "study 1: r must lie between -1 and 1, ends excluded; got r = 1."),
        ("fisher_z", (0.1, 3), "study 1: n must be a whole number, at least 4; got n = 3."),
        ("correlation_unbiased", (0.1, 4), "study 1: n must be a whole number, at least 5; got n = 4."),
        ("mean", (0.1, 0, 4), "study 1: sd must be positive; got sd = 0. If it was not reported, leave the study out"),
        ("log_mean", (-1, 1, 4), "study 1: mean must be positive; got mean = -1."),
        ("log_or_paired", (0, 0, 0, 0), "study 1: there must be at least one pair; got both = 0"),
        ("rd_paired", (1, -1, 0, 0), "study 1: only_t must be a whole number, 0 or above; got only_t = -1."),
        ("phi", (0, 9, 0, 9), "study 1: without a correction its phi coefficient has no finite value"),
    ],
)
def test_impossible_studies_are_refused(measure, columns, message):
    with pytest.raises(DataError) as refusal:
        MEASURES[measure].function(*columns)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("correlation", [-1, 1, 1.5])
@pytest.mark.parametrize("measure", ["md_paired", "smd_paired", "rom_paired", "md_change"])
def test_impossible_correlations_are_refused(measure, correlation):
    chosen = MEASURES[measure]
    with pytest.raises(
        DataError, match=rf"^study 1: correlation must lie between -1 and 1, ends excluded; .* {correlation}\."
    ):
        chosen.function(*([9] * len(chosen.columns)), correlation=correlation)


@pytest.mark.parametrize("measure", [n for n, m in MEASURES.items() if "correction" in m.options])
def test_corrections_that_are_not_known_are_refused(measure):
    chosen = MEASURES[measure]
    arms = [5, 10] * (len(chosen.columns) // 2)
    with pytest.raises(SpecificationError, match="to='none': choose one of 'only0', 'all', 'if0all'"):
        chosen.function(*arms, to="none")
    with pytest.raises(SpecificationError, match="correction=-1: it must be"):
        chosen.function(*arms, correction=-1)


@given(r=st.floats(-0.9, 0.9))
def test_uncorrelated_measurements_are_two_arms(r):
    """The variance within people is that between arms at correlation 0, and shrinks as it grows."""
    columns = (3.1, 2.0, 5.0, 2.2, 20)
    y, se = MEASURES["md_paired"].function(*columns, correlation=0)
    np.testing.assert_allclose([y, se], MEASURES["md"].function(3.1, 2.0, 20, 5.0, 2.2, 20), rtol=1e-12)
    other = MEASURES["md_paired"].function(*columns, correlation=r)[1]
    np.testing.assert_allclose(se**2 - other**2, 2 * r * 2.0 * 2.2 / 20, rtol=1e-9, atol=1e-12)
