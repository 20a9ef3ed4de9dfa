"""Each sentence, word by word."""

from dataclasses import replace

import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.diagnostics.check import Check
from bayesmeta.report.sentences import (
    check_sentence,
    estimate_sentence,
    outcome_sentence,
    signal_sentence,
)

CRPS = (
    "CRPS versus other pain: the review reported P = .079 (‘nonsignificant’). Under a flat prior, with tau taken as "
    "known, that is a probability of 0.96 that the effect is larger in CRPS; with the stated priors it is 0.84 (Monte Carlo "
    "error 0.01), between 0.71 and 0.92 over the priors tried."
)


def signal(results, which=0, **changes):
    return SignalRecord.model_validate(results["signals"][which] | changes)


def test_a_signal_with_everything(results):
    assert signal_sentence(signal(results)) == CRPS


def test_a_signal_without_a_verdict_range_or_words_for_the_claim(results):
    assert signal_sentence(signal(results, published_verdict="", probability_range=[], claim_label="")) == (
        "CRPS versus other pain: the review reported P = .079. Under a flat prior, with tau taken as known, "
        "that is a probability of 0.96 that crps < 0; with the stated priors it is 0.84 (Monte Carlo error 0.01)."
    )


def test_a_signal_without_a_published_p_value(results):
    assert signal_sentence(signal(results, published_p=None, flat_prior_probability=None, mcse=0.0)) == (
        "CRPS versus other pain: with the stated priors the probability that the effect is larger "
        "in CRPS is 0.84, between 0.71 and 0.92 over the priors tried."
    )


def test_a_tiny_p_value_is_not_equal_to_anything(results):
    tiny = signal(results, published_p=1e-9, probability=1.0)
    assert "reported P < .0001 (" in signal_sentence(tiny)
    assert "with the stated priors it is >0.999 (" in signal_sentence(tiny)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (0, "Estimate: −0.63 points (95% credible interval −1.88 to 0.62)."),
        (1, "Estimate: risk ratio 2.34 (95% credible interval 1.07 to 5.12)."),
    ],
)
def test_the_size_of_a_signal(results, which, expected):
    assert estimate_sentence(signal(results, which), 0.95) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "pain",
            "Pain: mean effect over trials −1.80 (−2.38 to −1.21); the review published −1.83 (−2.35 to "
            "−1.31); the true effect in a new trial lies within −3.20 to −0.35 with 95% probability.",
        ),
        (
            "responders",
            "Responders: mean effect over trials, risk ratio 2.34 (1.11 to 4.95); the review published 2.43 (1.10 to "
            "5.40); the true effect in a new trial lies within 0.55 to 9.97 with 95% probability.",
        ),
    ],
)
def test_the_pooled_effect(results, key, expected):
    outcome = Results.model_validate(results).outcomes[key]
    assert outcome_sentence(outcome, outcome.models["overall"].forest, 0.95) == expected


def test_a_failed_check():
    check = Check("largest R-hat", False, 1.0341, 1.01, "Raise tune.")
    assert check_sentence(check) == "largest R-hat: value 1.034, limit 1.01. Raise tune."
    assert check_sentence(replace(check, value=1.0104)).startswith("largest R-hat: value 1.0104, limit 1.01.")
    assert check_sentence(Check("chains", None, None, None)) == "chains: value –."
