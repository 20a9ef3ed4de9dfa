"""Numbers as text: true minus signs, no certainty, P values as printed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.tables import signals_table_rows
from bayesmeta.text.numbers import (
    format_estimate,
    format_interval,
    format_number,
    format_p,
    format_probability,
)


@given(st.floats(0, 1))
def test_a_probability_is_never_certain_and_never_far_off(p):
    text = format_probability(p)
    assert text not in ("0.00", "1.00", "0.000", "1.000")
    assert abs(float(text.strip("<>")) - p) <= (0.0011 if "<" in text or ">" in text else 0.00501)


@given(st.floats(-1e6, 1e6))
def test_a_number_has_a_true_minus_and_no_negative_zero(x):
    text = format_number(x)
    assert "-" not in text
    assert text.strip("−0.") or "−" not in text
    assert float(text.replace("−", "-")) == pytest.approx(x, rel=0.01, abs=5.01e-3 if abs(x) > 0.09 else 5.01e-4)


def test_intervals_share_their_decimals():
    assert format_estimate(-1.8, -2.38, 12.3) == "−1.8 (−2.4 to 12.3)"
    assert format_estimate(-1.8, None, None) == "−1.80"
    assert format_interval(None, None) == "–"
    assert format_estimate(None, 1.9, math.inf) == "– (1.90 to ∞)"


@pytest.mark.parametrize(("p", "text"), [(0.079, ".079"), (0.05, ".05"), (1e-9, "<.0001"), ("NS", "NS")])
def test_p_values(p, text):
    assert format_p(p) == text


def test_rows_of_the_signals_table(results):
    first, second = signals_table_rows(Results.model_validate(results).signals)
    assert first == {
        "name": "CRPS versus other pain",
        "claim": "the effect is larger in CRPS",
        "published_p": ".079",
        "flat_prior": "0.96",
        "probability": "0.84",
        "mcse": "0.01",
        "threshold": "0.28",
        "threshold_label": "more than 1 point larger",
        "range": "0.71 to 0.92",
    }
    assert (second["threshold"], second["range"], second["probability"]) == ("–", "–", "0.996")
    assert signals_table_rows([]) == []


def test_signs_within_text_are_true_minus_signs_and_ranges_are_not():
    assert (
        format_number("difference -2.77 of 0-10 (95% CI -4.14 to -1.4)")
        == "difference −2.77 of 0-10 (95% CI −4.14 to −1.4)"
    )
