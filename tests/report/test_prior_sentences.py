"""Sentences about other priors say what the numbers say, in every case."""

import pytest

from bayesmeta.analysis.records.signal import BeliefRecord, CrossedPriors, SignalRecord, TippingRecord
from bayesmeta.report.prior_sentences import belief_priors, tipping_sentence, tried
from bayesmeta.report.signal_tables import beliefs_table


def signal(**values):
    stated = {
        "claim": "dose < 0",
        "claim_label": "high dose works better",
        "unit": "points",
        "sensitivity": [],
        "beliefs": [],
        "evidence": [],
    }
    return SignalRecord.model_construct(**stated | values)


def belief(label, probability, **priors):
    return BeliefRecord.model_construct(label=label, probability=probability, priors=priors, source="", note="")


def tipping(on, start, end, *scales, extremes=None, mcse=0.003):
    record = {
        "on": on,
        "family": "HalfNormal(s)" if on == "tau" else "Normal(0, s)",
        "level": 0.8,
        "scales": [0.1, 10.0],
        "probabilities": [start, end],
        "extremes": extremes or sorted([start, end]),
        "crossings": [
            {"scale": s, "fitted_scale": 1.1 * s, "probability": 0.801, "mcse": mcse, "priors": {}} for s in scales
        ],
    }
    return TippingRecord.model_validate(record)


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
    assert tipping_sentence(signal(), case) == f"The probability that high dose works better {wanted}"


def test_a_ratio_has_scales_on_the_log_scale():
    text = tipping_sentence(signal(unit="risk ratio"), tipping("tau", 0.95, 0.6, 2.14))
    assert "up to 2.1 on the log scale" in text


def test_how_many_sets_of_priors_were_tried():
    rows, beliefs = [CrossedPriors.model_construct()] * 13, [belief("sceptic", 0.71)] * 5
    assert tried([signal(sensitivity=rows, beliefs=beliefs), signal(sensitivity=rows)]) == "13 to 18"


def test_a_belief_shows_the_priors_that_were_not_those_of_the_model():
    stated = {"mu": "Normal(0, 3)", "tau": "HalfNormal(1)", "dose": "Normal(0, 1.5)"}
    one = signal(sensitivity=[CrossedPriors.model_construct(priors=stated)])
    changed = belief("a", 0.5, **stated | {"mu": "Normal(0, 1)", "dose": "Normal(0, 2)"})
    assert belief_priors(one, changed) == "mu ~ Normal(0, 1); dose ~ Normal(0, 2)"
    assert belief_priors(one, belief("b", 0.6, **stated)) == "as stated"


def test_an_exact_crossing_has_no_monte_carlo_error():
    exact = tipping("tau", 0.95, 0.6, 2.14, mcse=0.0)
    assert tipping_sentence(signal(), exact).endswith("up to 2.1 points (by quadrature there: 0.80).")


def test_beliefs_are_one_table_with_a_column_for_each_signal():
    stated = {"mu": "Normal(0, 3)", "dose": "Normal(0, 1)"}
    rows = [CrossedPriors.model_construct(priors=stated)]
    sceptic = belief("sceptic", 0.71, **stated | {"dose": "Normal(0, 2)"})
    one = signal(name="one", sensitivity=rows, beliefs=[sceptic])
    others = [belief("neutral", 0.9, **stated), belief("sceptic", 0.6, **stated)]
    two = signal(name="two", sensitivity=rows, beliefs=others)
    table = beliefs_table([one, two])
    assert [[cell.partition("<br>")[0] for cell in row] for row in table.rows] == [
        ["sceptic", "0.71", "0.60"],
        ["neutral", "–", "0.90"],
    ]
    assert ["dose ~ Normal(0, 2)" in row[0] for row in table.rows] == [True, False]
    assert "as stated" in table.rows[1][0]
