"""Page one says in words what the results have: with signals, without any, and what to know before them."""

from __future__ import annotations

import copy
import csv
import io
from typing import Any

import pytest

from bayesmeta.analysis.records.results import Results
from bayesmeta.data.added import APPROXIMATED
from bayesmeta.effects.registry import display_of
from bayesmeta.report.csv_tables import csv_tables
from bayesmeta.report.know_first import know_first
from bayesmeta.report.page_one import answers, benefits, intervals_said

NBSP = "\N{NO-BREAK SPACE}"


def own_trials(results: dict[str, Any]) -> dict[str, Any]:
    """The responders alone, without a signal: what a user's own trials are."""
    own = copy.deepcopy(results) | {"signals": [], "external": []}
    own["outcomes"] = {"responders": own["outcomes"]["responders"]}
    outcome = own["outcomes"]["responders"]
    model = outcome["models"]["overall"]
    model["below_zero"] = {"mu": {"probability": 0.0168, "mcse": 0.0}, "theta_new": {"probability": 0.125, "mcse": 0.0}}
    model["summary"].append(
        {"parameter": "tau", "mean": 0.4, "sd": 0.2, "median": 0.37, "lower": 0.08, "upper": 0.92, "prior": ""}
    )
    row = {"prediction_lower": None, "prediction_upper": None, "tau": 0.5, "se": 0.42}
    outcome["side_by_side"] = {
        "formula": "1", "parameter": "mu", "claim": "mu < 0", "level": 0.95, "display": outcome["display"],
        "heterogeneity": {"q": 4.24, "df": 3, "p_value": 0.2366, "i2": 29.2},
        "rows": [
            {"name": "reml wald", "school": "frequentist", "estimate": 9.0, "lower": 8.0, "upper": 10.0, **row},
            {"name": "reml hksj", "school": "frequentist", "estimate": 0.8329, "lower": -0.5, "upper": 2.2,
             "p_value": 0.143, **row},
        ],
    }  # fmt: skip
    return own


def said(results: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    found = answers(Results.model_validate(results))
    return {one.name: (one.effect, one.probability, one.claim) for one in found}


def test_a_users_own_trials_have_the_pool_without_a_signal(results: dict[str, Any]) -> None:
    found = said(own_trials(results))
    assert found["Mean effect"] == ("risk ratio 2.34 (1.11 to 4.95)", "0.98", "of benefit (above 1 is better)")
    assert found["New study"] == ("0.5 to 10.0 (95% prediction interval)", "0.88", "of benefit")
    spread = "standard deviation τ of the log risk ratio 0.37 (0.08 to 0.92)"
    heterogeneity = f"{spread}; I² by REML 29%; Q 4.2 on 3 df, P{NBSP}={NBSP}.24"
    assert found["Heterogeneity"][0] == heterogeneity
    assert found["REML with Knapp-Hartung"][0] == f"risk ratio 2.3 (0.6 to 9.0); P{NBSP}={NBSP}.14"


def test_an_outcome_with_signals_begins_with_its_mean_effect_and_a_new_study(results: dict[str, Any]) -> None:
    model = results["outcomes"]["pain"]["models"]["overall"]
    model["below_zero"] = {"mu": {"probability": 0.9996, "mcse": 0.0}}
    model["tried"] = [tried(0.9934), tried(0.9998)]
    first = answers(Results.model_validate(results))[0]
    assert str(first) == (
        "−1.80 (−2.38 to −1.21) points on 0–10; probability >0.999 (0.993 to >0.999) of benefit (below 0 is better); "
        "95% prediction interval −3.20 to −0.35."
    )


def test_a_signal_about_the_mean_effect_is_the_sentence_on_it(results: dict[str, Any]) -> None:
    names = list(said(results))
    assert not any(name.startswith("Responders:") for name in names)
    results["signals"][1]["estimate"]["parameter"] = "tau"
    assert any(name.startswith("Responders:") for name in said(results))


def test_what_an_outcome_rests_on_ends_its_first_sentence(results: dict[str, Any]) -> None:
    for outcome, basis in (("pain", "Seven trials"), ("responders", "Noppers 2011: 2/12 v 0/12.")):
        results["outcomes"][outcome]["basis"] = basis
    pain, crps, responders = answers(Results.model_validate(results))
    assert str(pain).endswith("95% prediction interval −3.20 to −0.35. Seven trials.")
    assert str(crps).endswith("that the effect is larger in CRPS.")
    assert str(responders).endswith("that ketamine has more responders. Noppers 2011: 2/12 v 0/12.")


def test_the_range_over_priors_is_that_of_the_side_that_is_said(results: dict[str, Any]) -> None:
    own = own_trials(results)
    own["outcomes"]["responders"]["models"]["overall"]["tried"] = [tried(0.06), tried(0.03)]
    found = answers(Results.model_validate(own))
    assert (found[0].probability, found[0].span) == ("0.98", "0.94 to 0.98")
    assert "range over the priors tried" in intervals_said(found, 0.95)
    strip = [(one.name, list(one.probability_range)) for one in benefits(Results.model_validate(own))]
    assert strip[0] == ("mean effect is a benefit", [pytest.approx(0.94), pytest.approx(0.9832)])
    assert strip[1] == ("effect in a new study is a benefit", [])
    own["outcomes"]["responders"]["models"]["overall"]["tried"] = [tried(0.0165)]
    assert answers(Results.model_validate(own))[0].span == "0.98 throughout"


def tried(below: float) -> dict[str, Any]:
    return {"label": "x", "priors": {"tau": "HalfNormal(2)"}, "probability": below, "mcse": 0.0, "method": "exact"}


def test_without_a_stated_benefit_the_side_is_said(results: dict[str, Any]) -> None:
    own = own_trials(results)
    own["outcomes"]["responders"]["benefit"] = None
    assert said(own)["Mean effect"][1:] == ("0.02", "that it is below 1")
    shown = [(one.name, one.probability) for one in benefits(Results.model_validate(own))]
    assert shown == [("mean effect is below 1", 0.0168), ("effect in a new study is below 1", 0.125)]


def test_an_outcome_without_signals_beside_others_has_its_mean_effect(results: dict[str, Any]) -> None:
    results["signals"] = [one for one in results["signals"] if one["outcome"] == "pain"]
    names = list(said(results))
    signal = f"CRPS versus other pain (published P{NBSP}={NBSP}.079)"
    assert names == ["Pain: mean effect", signal, "Responders: mean effect"]


def test_a_model_with_covariates_alone_has_its_coefficients_in_words(results: dict[str, Any]) -> None:
    results["signals"] = []
    pain = results["outcomes"]["pain"]
    del pain["models"]["overall"], results["outcomes"]["responders"]
    pain["probabilities"] = []
    pain["models"]["crps"] |= {
        "labels": {"crps": "CRPS versus other pain"},
        "below_zero": {"mu": {"probability": 1.0, "mcse": 0.0}, "crps": {"probability": 0.8376, "mcse": 0.0}},
    }
    assert said(results) == {
        "CRPS versus other pain": ("−0.63 (−1.88 to 0.62) points on 0–10", "0.84", "that it is below 0")
    }


@pytest.mark.parametrize(
    ("measure", "effect", "probability"),
    [
        ("fisher_z", "correlation −0.64 (−0.83 to −0.31)", ("0.98", "that it is below 0")),
        ("logit_prop", "correlation −0.64 (−0.83 to −0.31)", ("", "")),
    ],
)
def test_the_mean_of_a_level_is_compared_with_no_effect_of_its_measure(
    results: dict[str, Any], measure: str, effect: str, probability: tuple[str, str]
) -> None:
    """A correlation is below 0, never below 1, and a proportion has no value that means no effect."""
    own = own_trials(results)
    outcome, name = own["outcomes"]["responders"], "group[a:b]"
    outcome |= {"display": display_of(measure).as_dict(), "side_by_side": None, "probabilities": []}
    outcome["models"]["overall"] |= {"forest": None, "below_zero": {name: {"probability": 0.98, "mcse": 0.0}}}
    outcome["models"]["overall"]["labels"] = {name: "group: a:b"}
    outcome["models"]["overall"]["summary"] = [
        {"parameter": name, "mean": -0.76, "sd": 0.22, "median": -0.76, "lower": -1.19, "upper": -0.32, "prior": "",
         "display": "correlation", "display_median": -0.64, "display_lower": -0.83, "display_upper": -0.31},
    ]  # fmt: skip
    assert said(own) == {"group: a:b": (effect, *probability)}


def test_one_study_and_a_proportion_have_no_test_of_no_effect(results: dict[str, Any]) -> None:
    own = own_trials(results)
    outcome = own["outcomes"]["responders"]
    outcome["display"] = display_of("log_prop").as_dict()
    assert said(own)["REML with Knapp-Hartung"][0] == "proportion 2.3 (0.6 to 9.0)"
    outcome["side_by_side"]["heterogeneity"]["p_value"] = 0.3
    assert said(own)["Heterogeneity"][0].endswith(f"P{NBSP}={NBSP}.30")
    outcome["side_by_side"]["heterogeneity"] |= {"q": 0.0, "df": 0, "p_value": 1.0}
    outcome["side_by_side"]["rows"][1] |= {"lower": None, "upper": None, "p_value": None}
    found = said(own)
    assert "REML with Knapp-Hartung" not in found
    assert "Q" not in found["Heterogeneity"][0]


def test_a_probability_that_was_said_is_not_said_again(results: dict[str, Any]) -> None:
    own = own_trials(results)
    outcome = own["outcomes"]["responders"]
    asked = {"model": "overall", "probability": 0.98, "mcse": 0.0, "evidence": [], "note": ""}
    claims = {"a benefit": "mu > 0", "in a new study": "theta_new>0", "harm": "mu < 0", "large": "mu > log(1.5)"}
    outcome["probabilities"] = [{"label": label, "claim": claim, **asked} for label, claim in claims.items()]
    assert [name for name in said(own) if name in claims] == ["harm", "large"]


def test_the_mean_comes_first_among_default_priors(results: dict[str, Any]) -> None:
    own = own_trials(results)
    model = own["outcomes"]["responders"]["models"]["overall"]
    model |= {"priors": {"mu": "Flat()", "tau": "HalfNormal(1)"}, "defaults": ["tau", "mu"]}
    model["labels"] = {"mu": "Mean effect", "tau": "SD between studies"}
    assert known(own)["Priors"].startswith("those on mean effect and SD between studies are defaults")


def test_corrected_counts_are_known_first(results: dict[str, Any]) -> None:
    own = own_trials(results)
    sentence = "0.5 was added to each cell of study 'A' (zero cells)."
    own["outcomes"]["responders"]["evidence"]["corrected"] = f"{sentence} {APPROXIMATED}"
    assert known(own)["Approximate"] == sentence


def test_parentheses_are_explained(results: dict[str, Any]) -> None:
    with_signals = answers(Results.model_validate(results))
    assert "behind a probability, its range over the priors tried" in intervals_said(with_signals, 0.95)
    own = answers(Results.model_validate(own_trials(results)))
    assert intervals_said(own, 0.95) == "In parentheses: 95% credible or, of REML, confidence intervals."


def test_no_signal_is_left_out_and_the_weakest_is_there(results: dict[str, Any]) -> None:
    results["signals"] = [results["signals"][0] | {"name": f"signal {i}", "probability": 0.5} for i in range(9)]
    found = [one for one in answers(Results.model_validate(results)) if one.name.startswith("signal")]
    assert [one.name.split(" (")[0] for one in found] == [f"signal {i}" for i in range(9)]
    assert {one.probability for one in found} == {"0.50"}


def known(results: dict[str, Any]) -> dict[str, str]:
    return dict(know_first(Results.model_validate(results)))


def test_know_first_is_what_file_and_fits_state(results: dict[str, Any]) -> None:
    results["analysis"] |= {"risk_of_bias": "high in four of five", "certainty": ["low (the review)"]}
    results["external"][0]["certainty"] = "very low"
    results["external"][1]["certainty"] = "high"  # not comparable: another question
    assert known(results) == {
        "Inferred": "unknown results of three of five trials (Pain).",
        "Confounded": "crps and high_dose; posterior correlation −0.62.",
        "Risk of bias": "high in four of five.",
        "Certainty": "low (the review); other reviews graded theirs very low (Michelet 2018).",
        "Priors": "those on tau are defaults, which the analysis did not choose.",
    }


def test_what_a_file_does_not_state_is_not_invented(results: dict[str, Any]) -> None:
    own = own_trials(results)
    study = results["outcomes"]["pain"]["evidence"]["studies"][0]
    own["outcomes"]["responders"]["evidence"]["studies"] = [study]
    assert known(own) == {
        "Inferred": "nothing: every study entered with its own result.",
        "Risk of bias and certainty": "not stated in the analysis file.",
    }


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (["1", "1", "0", "0", "1"], "crps and dose: both trials with crps have dose;"),
        (["1", "0", "0", "0", "0"], "crps and dose: the only trial with dose has crps;"),
        (["0", "1", "1", "0", "0"], "crps and dose;"),
        (["2", "1", "1", "0", "0"], "crps and dose;"),
    ],
)
def test_trials_that_have_both_are_counted(results: dict[str, Any], second: list[str], expected: str) -> None:
    pain = results["outcomes"]["pain"]
    pain["confounding"]["y"] = "dose"
    for i, (study, dose) in enumerate(zip(pain["evidence"]["studies"], second, strict=True)):
        study["covariates"] = {"crps": "1" if i < 2 else "0", "dose": dose}
    assert known(results)["Confounded"].startswith(expected)


def test_a_covariate_with_a_name_of_ours_hides_no_number(results: dict[str, Any]) -> None:
    for study in results["outcomes"]["pain"]["evidence"]["studies"]:
        study["covariates"] = {"y": "yes", "dose": "3"}
    rows = list(csv.DictReader(io.StringIO(csv_tables(Results.model_validate(results))["report-studies.csv"])))
    pain = [row for row in rows if row["outcome"] == "pain"]
    assert {(row["covariate y"], row["dose"]) for row in pain} == {("yes", "3")}
    assert all(float(row["y"]) for row in pain)


def test_tables_beside_the_page_have_every_number(results: dict[str, Any]) -> None:
    tables = csv_tables(Results.model_validate(results))
    rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in tables.items()}
    tried = [row for row in rows["report-priors-tried.csv"] if row["signal"] == "CRPS versus other pain"]
    stored = results["signals"][0]["sensitivity"]
    assert [float(row["probability"]) for row in tried] == [cell["probability"] for cell in stored]
    assert tried[0]["priors"] == "mu ~ Normal(0, 3); crps ~ Normal(0, 0.5); tau ~ HalfNormal(1)"
    hostile = next(row for row in rows["report-studies.csv"] if row["study"].startswith("<script>"))
    assert (hostile["known"], float(hostile["theta_lower"]), hostile["crps"]) == ("False", -2.7, "yes")
    assert [row["value"] for row in rows["report-checks.csv"]] == ["1.0031", ""]
    assert "report-estimators.csv" not in tables  # there are none
