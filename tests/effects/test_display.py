"""Each measure says what it is called, how it is read, and how a baseline risk becomes a treated one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq

import bayesmeta as bm
from bayesmeta.data.natural_scale import NATURAL
from bayesmeta.effects.display import SCALES, Display, inverse_double_arcsine, reading
from bayesmeta.effects.registry import MEASURES, REPORTED, display_of

BACK = {  # the inverse of each scale, written out
    "identity": lambda x: x,
    "exp": math.exp,
    "expit": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": lambda x: (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1),
    "sin_squared": lambda x: math.sin(x) ** 2,
}
RISKS = [name for name, measure in MEASURES.items() if not isinstance(measure.risk, str)]
FOUR = {"both", "only_t", "only_c", "neither"}


@pytest.mark.parametrize("name", [*MEASURES, *REPORTED])
def test_a_measure_has_words_a_scale_and_a_line_of_no_effect(name):
    display = display_of(name, se=np.array([0.2, 0.3]))
    assert display.label
    assert display.analysis
    assert "_" not in display.label + display.analysis
    assert display.scale in SCALES
    assert (display.label != display.analysis) == display.changes, "the name of a logarithm is not that of a ratio"
    if display.is_ratio:
        assert display.analysis == f"log {display.label}"
    if display.null is not None:
        assert_allclose(display.values(0.0), display.null, atol=1e-15)
    if name in MEASURES:
        single = not MEASURES[name].two_arms and {"events", "mean"} & set(MEASURES[name].columns)
        assert (display.null is None) == bool(single), "one group has no value that means no effect"


@pytest.mark.parametrize("name", MEASURES)
def test_a_risk_follows_or_a_reason_is_given(name):
    risk = MEASURES[name].risk
    assert callable(risk) or (len(risk) > 20 and not risk.endswith("."))


def test_the_risks_are_those_of_measures_of_risks():
    assert set(RISKS) == {
        "log_or", "log_rr", "rd", "arcsine_rd", "peto_log_or", "log_rr_paired", "rd_paired", "log_hr",
    }  # fmt: skip


def test_every_scale_that_is_not_the_identity_is_known_to_the_check_of_tables():
    shown = {name: measure.display for name, measure in MEASURES.items()} | REPORTED
    assert set(NATURAL) == {name for name, display in shown.items() if display.changes}


@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.display.scale in BACK])
@given(st.floats(0.0, 1.5))
def test_values_are_read_by_the_inverse_of_the_scale(name, x):
    assert_allclose(display_of(name).values(x), BACK[display_of(name).scale](x), rtol=1e-12, atol=1e-15)


@given(st.floats(1, 500), st.floats(0, 1))
def test_the_inverse_double_arcsine_is_the_root_of_its_equation(n, share):
    def transformed(p):
        return (math.asin(math.sqrt(n * p / (n + 1))) + math.asin(math.sqrt((n * p + 1) / (n + 1)))) / 2

    low, high = transformed(0.0), transformed(1.0)
    x = low + share * (high - low)
    want = brentq(lambda p: transformed(p) - x, 0, 1, xtol=1e-14) if 0 < share < 1 else share
    assert_allclose(inverse_double_arcsine(x, n), want, atol=1e-6)
    assert_allclose(inverse_double_arcsine([low - 0.1, high + 0.1], n), [0, 1], atol=1e-9)


def test_a_pooled_double_arcsine_is_inverted_at_the_harmonic_mean():
    sizes = [12, 40, 200]
    data = bm.effect_sizes({"study": list("ABC"), "events": [3, 9, 61], "n": sizes}, "double_arcsine_prop")
    display = display_of("double_arcsine_prop", data.se)
    assert_allclose(display.n, 3 / sum(1 / n for n in sizes), rtol=1e-12)
    assert "harmonic mean" in display.note
    assert not display_of("double_arcsine_prop").changes, "without sizes it is read as it was analysed"
    result = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(0.2)))
    assert 0.2 < result.summary().loc["mu", "display_median"] < 0.35


@given(st.floats(-3, 3), st.floats(0.1, 2))
def test_every_scale_increases_so_that_quantiles_stay_quantiles(x, step):
    for name in MEASURES:
        display = display_of(name, se=np.array([0.2, 0.3]))
        assert display.values(x) <= display.values(x + step)


@pytest.mark.parametrize("name", RISKS)
def test_the_treated_risk_is_the_one_that_the_measure_was_computed_from(name):
    """Back through the measure's own function, on so many participants that no count is rounded."""
    chosen, n = MEASURES[name], 10**9
    for p, q in ((0.2, 0.5), (0.5, 0.2), (0.031, 0.02), (0.9, 0.97)):
        if name == "log_hr":
            effect = math.log(math.log1p(-p) / math.log1p(-q))  # both survive by one hazard times a constant
        elif name == "peto_log_or":
            effect = math.log(p / (1 - p) / (q / (1 - q)))  # what it estimates where effects are small
        elif set(chosen.columns) == FOUR:
            both = p * q
            cells = [round(x * n) for x in (both, p - both, q - both, 1 - p - q + both)]
            effect = chosen.function(*cells)[0][0]
        else:
            effect = chosen.function(round(p * n), n, round(q * n), n)[0][0]
        assert_allclose(chosen.risk(np.array(q), np.asarray(effect)), p, rtol=1e-9)


def test_an_odds_ratio_is_no_risk_ratio():
    """0.616 at 50%: odds of 1 become odds of 0.616, a risk of 38.1%, where 30.8% is half of 0.616."""
    found = MEASURES["log_or"].risk(np.array(0.5), np.log(np.array(0.616)))
    assert_allclose(found, 0.616 / 1.616, rtol=1e-12)
    assert_allclose(MEASURES["log_rr"].risk(np.array(0.5), np.log(np.array([0.616, 3.0]))), [0.308, 1.0], rtol=1e-12)
    assert_allclose(MEASURES["log_hr"].risk(np.array(0.36), np.log(np.array(0.5))), 1 - 0.64**0.5, rtol=1e-12)


def test_a_contrast_of_ratios_is_a_ratio_of_ratios():
    assert display_of("log_or").contrast == "ratio of odds ratios"
    assert display_of("rom").contrast == "ratio of ratios of means"
    assert display_of("logit_prop").contrast == "odds ratio"
    assert display_of("log_rate").contrast == "ratio of incidence rates"
    assert [display_of(name).contrast for name in ("md", "fisher_z", "arcsine_prop", None)] == [None] * 4


def test_a_display_survives_json():
    for name in (*MEASURES, None):
        display = display_of(name, np.array([0.1, 0.2]))
        assert Display(**display.as_dict()) == display


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("group[a:b]", "odds ratio"),
        ("dose:group[a]", "ratio of odds ratios"),
        ("a[T.x]:group[b]", "ratio of odds ratios"),
    ],
)
def test_a_colon_in_a_level_makes_no_interaction_of_it(name, said):
    assert reading(name, display_of("log_or"), [name], False) == said
