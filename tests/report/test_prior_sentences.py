"""Sentences about other priors say what the numbers say, in every case."""

import pytest

from bayesmeta.report.prior_sentences import belief_rows, belief_sentence, tipping_sentence

SIGNAL = {"claim": "dose < 0", "claim_label": "high dose works better", "unit": "points"}


def tipping(on, start, end, *scales, extremes=None):
    return {
        "on": on,
        "family": "HalfNormal(s)" if on == "tau" else "Normal(0, s)",
        "level": 0.8,
        "scales": [0.1, 10.0],
        "probabilities": [start, end],
        "extremes": extremes or sorted([start, end]),
        "crossings": [{"scale": s, "fitted_scale": 1.1 * s, "probability": 0.801, "mcse": 0.003} for s in scales],
    }


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        (tipping("tau", 0.95, 0.85), "stays above 0.80 for every half-normal scale of tau from 0.1 to 10 points: "
         "it is at least 0.85."),
        (tipping("tau", 0.7, 0.5), "stays below 0.80 for every half-normal scale of tau from 0.1 to 10 points: "
         "it is at most 0.70."),
        (tipping("tau", 0.95, 0.6, 2.14), "stays above 0.80 for every half-normal scale of tau up to 2.1 points "
         "(from a fit with 2.4 points: 0.80, Monte Carlo error 0.003)."),
        (tipping("tau", 0.6, 0.9, 2.14), "exceeds 0.80 only for half-normal scales of tau above 2.1 points "
         "(from a fit with 2.4 points: 0.80, Monte Carlo error 0.003)."),
        (tipping("dose", 0.55, 0.95, 0.62), "falls below 0.80 for sceptical priors Normal(0, s) on dose with s below "
         "0.62 points (from a fit with 0.68 points: 0.80, Monte Carlo error 0.003)."),
        (tipping("dose", 0.95, 0.55, 0.62), "stays above 0.80 only for sceptical priors Normal(0, s) on dose with s "
         "below 0.62 points (from a fit with 0.68 points: 0.80, Monte Carlo error 0.003)."),
        (tipping("dose", 0.6, 0.6, 0.5, 2.0, extremes=[0.6, 0.9]), "crosses 0.80 along the sceptical priors Normal(0, s) "
         "on dose at 0.5 points and 2 points (from a fit with 0.55 points: 0.80, Monte Carlo error 0.003; from a fit with "
         "2.2 points: 0.80, Monte Carlo error 0.003)."),
    ],
)  # fmt: skip
def test_tipping(case, wanted):
    assert tipping_sentence(SIGNAL, case) == f"The probability that high dose works better {wanted}"


def test_a_ratio_has_scales_on_the_log_scale():
    text = tipping_sentence(SIGNAL | {"unit": "risk ratio"}, tipping("tau", 0.95, 0.6, 2.14))
    assert "up to 2.1 on the log scale" in text


def test_beliefs():
    one = [{"label": "sceptic", "probability": 0.71}]
    assert belief_sentence({"level": 0.8, "beliefs": one}).endswith("is 0.71 (sceptic): above 0.80 for none.")
    assert belief_sentence({"level": None, "beliefs": one}).endswith("is 0.71 (sceptic).")
    assert belief_sentence({"level": 0.7, "beliefs": one}).endswith("above 0.70 for all.")
    assert belief_sentence({}) == ""


def test_rows_show_the_priors_that_were_not_those_of_the_model():
    stated = {"mu": "Normal(0, 3)", "tau": "HalfNormal(1)", "dose": "Normal(0, 1.5)"}
    signal = {"sensitivity": [{"priors": stated}], "beliefs": [
        {"label": "a", "priors": stated | {"mu": "Normal(0, 1)", "dose": "Normal(0, 2)"}, "probability": 0.5},
        {"label": "b", "priors": stated, "probability": 0.6},
    ]}  # fmt: skip
    assert [row["priors"] for row in belief_rows(signal)] == ["mu ~ Normal(0, 1); dose ~ Normal(0, 2)", "as stated"]


def test_an_exact_crossing_has_no_monte_carlo_error():
    exact = tipping("tau", 0.95, 0.6, 2.14)
    exact["crossings"][0]["mcse"] = 0.0
    assert tipping_sentence(SIGNAL, exact).endswith("up to 2.1 points (exact there: 0.80).")
