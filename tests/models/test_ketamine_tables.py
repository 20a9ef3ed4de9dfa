"""The ketamine analysis uses the numbers of its source tables, and no others."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.data.review import PublishedReview, Range

FOLDER = Path(__file__).parents[2] / "models" / "ketamine"


def table(name: str, key: str) -> dict[str, dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        return {row[key]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def pain() -> PublishedReview:
    data = plan(FOLDER / "analysis.toml").data["pain"]
    assert isinstance(data, PublishedReview)
    return data


def test_sizes_and_doses_are_those_of_the_trials_table(pain: PublishedReview) -> None:
    trials = table("tables/trials.csv", "study_id")
    for study in pain.studies:
        if study.name == "Seventh":
            continue
        row = trials[study.name]
        if row["n_ketamine"]:
            assert (study.n_t, study.n_c) == (float(row["n_ketamine"]), float(row["n_placebo"]))
        else:
            assert isinstance(study.n, Range)
        assert study.covariates["crps"] == float(row["crps"])
        dose = study.covariates["log2_dose"]
        ends = (dose.lower, dose.upper) if isinstance(dose, Range) else (dose, dose)
        for end, column in zip(ends, ("cum_dose_low", "cum_dose_high"), strict=True):
            assert end == pytest.approx(math.log2(float(row[column])), abs=1e-6)
        factor = 1.0 if "S(+)" in row["enantiomer"] else 0.0
        racemic = study.covariates["log2_dose_racemic"]
        assert (racemic.lower if isinstance(racemic, Range) else racemic) == pytest.approx(ends[0] + factor, abs=1e-6)


def test_only_one_trial_is_known_and_it_is_as_printed(pain: PublishedReview) -> None:
    known = [study for study in pain.studies if study.known]
    assert [study.name for study in known] == ["Sigtermans2009"]
    with (FOLDER / "tables" / "pain_scores.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["study_id"] == "Sigtermans2009" and row["mean"]]
    means = {row["arm"]: float(row["mean"]) for row in rows}
    assert known[0].y == pytest.approx(means["ketamine"] - means["placebo"], abs=1e-12)
    printed = [float(row["statistic_as_reported"].split("+/-")[1].split()[0]) for row in rows]
    assert known[0].se == pytest.approx(math.hypot(*printed), abs=1e-12)
    other = pain.choices[0].options[1].values["Sigtermans2009"]["se"]
    assert other == pytest.approx(math.hypot(*printed) / math.sqrt(30), abs=1e-12)


def test_published_statistics_are_those_of_the_summaries(pain: PublishedReview) -> None:
    with (FOLDER / "tables" / "published_summaries.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["review"] == "Orhurhu 2019"]
    pool = rows[0]
    assert [pain.statistics[0].estimate, pain.statistics[0].lower, pain.statistics[0].upper] == [  # type: ignore[union-attr]
        float(pool[key]) for key in ("estimate", "ci_low", "ci_high")
    ]
    p = {row["subgroup"]: float(row["p"]) for row in rows if row["measure"] == "subgroup difference P"}
    assert {s.covariate: s.p for s in pain.statistics[1:3]} == {  # type: ignore[union-attr]
        "crps": p["CRPS vs non-CRPS"],
        "high_dose": p["high-dose vs low-dose ketamine"],
    }
    assert pain.n_total == float(pool["n"])


def summary(review: str, outcome: str, subgroup: str) -> dict[str, str]:
    with (FOLDER / "tables" / "published_summaries.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["review"], row["subgroup"]) == (review, subgroup)]
    (found,) = [row for row in rows if row["outcome"].startswith(outcome)]
    return found


def logit(row: dict[str, str], key: str = "estimate") -> float:
    p = float(row[key])
    return math.log(p / (1 - p))


PAIN_SD = 2.0  # median of the analysis's prior on a participants' SD, in points
POINTS = math.sqrt(3) / math.pi * PAIN_SD  # of pain, for one unit of a log odds ratio


def test_beliefs_are_what_their_sources_give() -> None:
    """Means and SDs of the beliefs, computed again from the tables with the package's own functions."""
    beliefs = {b.label: b for b in plan(FOLDER / "analysis.toml").analysis.outcomes["pain"].sensitivity.beliefs}

    row = summary("Ferraro 2025 (Cochrane)", "pain intensity 0-100, immediate term", "IV ketamine vs placebo")
    cochrane = bm.normal_from_interval(*(float(row[key]) / 10 for key in ("estimate", "ci_low", "ci_high")))
    assert bm.parse_prior(beliefs["sceptic about any effect"].mu) == bm.Normal(0, round(cochrane.sd, 2))

    row = summary("Zhao 2018", "immediate pain relief event", "single arm")
    ketamine = summary("Orhurhu 2019", "responder proportion", "ketamine")
    rate = float(ketamine["estimate"])
    error = math.hypot((logit(row, "ci_high") - logit(row, "ci_low")) / 3.92, (78 * rate * (1 - rate)) ** -0.5)
    enthusiast = bm.parse_prior(beliefs["enthusiast"].beta["crps"])
    assert enthusiast.mean == pytest.approx(-(logit(row) - logit(ketamine)) * POINTS, abs=0.006)
    assert enthusiast.sd == pytest.approx(error * POINTS, abs=0.006)

    placebo = summary("Orhurhu 2019", "responder proportion", "placebo")
    outcome = "clinically meaningful improvement at end of treatment, "
    low, high = (
        POINTS * (logit(summary("Tankha 2025 (cohort)", outcome + end, "single arm")) - logit(placebo))
        for end in ("lowest", "highest")
    )
    cohort = bm.discounted(bm.normal_from_interval(-(low + high) / 2, -high, -low), 0.1)
    stated = bm.parse_prior(beliefs["cohort, discounted"].mu)
    assert stated.mean == pytest.approx(cohort.mean, abs=0.006)
    assert stated.sd == pytest.approx(cohort.sd, abs=0.006)


def listed(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_counts_of_two_arms_are_those_of_the_tables() -> None:
    """Responders and adverse events as counted there; psychotomimetic effects in the largest arms that give the percentages."""
    counted = listed("tables/responders.csv") + listed("tables/adverse_events.csv")
    control = ("placebo", "midazolam (active placebo)")
    used = listed("responder_counts.csv") + listed("adverse_counts.csv")
    assert [row["study"] for row in used] == ["Noppers2011", "Hardy2012", "Pickering2020"]
    for row in used:
        arms = [one for one in counted if one["study_id"] == row["study"]]
        t = [(one["events"], one["n"]) for one in arms if one["arm"] == "ketamine"]
        c = [(one["events"], one["n"]) for one in arms if one["arm"] in control]
        pairs = list(zip(t, c, strict=True))
        assert ((row["events_t"], row["n_t"]), (row["events_c"], row["n_c"])) in pairs
    (read,) = listed("psychotomimetic_counts.csv")
    (printed,) = [one for one in counted if one["study_id"] == "Sigtermans2009" and "76%" in one["note"]]
    assert "76% (vs 18%" in printed["note"]
    trial = table("tables/trials.csv", "study_id")["Sigtermans2009"]
    for percent, size, events, n in (
        (76, trial["n_ketamine"], read["events_t"], read["n_t"]),
        (18, trial["n_placebo"], read["events_c"], read["n_c"]),
    ):
        whole = [(k, m) for m in range(1, int(size) + 1) for k in range(m + 1) if abs(100 * k / m - percent) < 0.5]
        assert max(whole, key=lambda pair: pair[1]) == (int(events), int(n))


def test_counts_of_single_arms_are_those_of_the_tables() -> None:
    """Every study of which the table has a count, with its participants."""
    counted = [one for one in listed("tables/crps_single_arm.csv") if one["events"]]
    used = [(row["study"], row["events"], row["n"]) for row in listed("crps_response.csv")]
    assert used == [(one["study_id"], one["events"], one["n"]) for one in counted]


KEYS = {  # columns whose text the words of use.csv are looked for in, and those of which a row reports something
    "pain_scores.csv": (("study_id", "time_label"), ("mean", "statistic_as_reported")),
    "responders.csv": (("study_id",), ("events",)),
    "adverse_events.csv": (("study_id", "arm"), ("events",)),
    "crps_single_arm.csv": (("study_id",), ("events", "percent_as_tabulated")),
    "trials.csv": (("study_id",), ("study_id",)),
    "published_summaries.csv": (("review", "outcome", "subgroup"), ("estimate", "p", "k")),
    "pain_thresholds.csv": (("source", "kind", "value", "comparison"), ("value",)),
}


def uses(name: str, row: dict[str, str]) -> list[dict[str, str]]:
    """Rows of use.csv that concern a row: all their words are in its keys, whole."""
    with (FOLDER / "tables" / "use.csv").open(encoding="utf-8") as file:
        stated = [one for one in csv.DictReader(file) if one["table"] == name]
    text = " ".join(row[key] for key in KEYS[name][0])
    words = [word.strip(",;") for word in text.split()]
    return [one for one in stated if all(word.strip(",;") in words for word in one["row"].split())]


@pytest.mark.parametrize("name", KEYS)
def test_every_reported_row_is_used_or_left_out_with_a_reason(name: str) -> None:
    with (FOLDER / "tables" / name).open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if any(row[key] for key in KEYS[name][1])]
    assert rows
    for row in rows:
        found = uses(name, row)
        assert len(found) == 1, (row, [one["row"] for one in found])
        assert found[0]["reason"]
        if found[0]["use"] == "yes":
            file_name, text = found[0]["where"].split(": ", 1)
            assert text in (FOLDER / file_name).read_text(encoding="utf-8"), found[0]
        else:
            assert found[0]["use"] == "no"


def test_every_line_of_use_is_about_a_row() -> None:
    with (FOLDER / "tables" / "use.csv").open(encoding="utf-8") as file:
        stated = list(csv.DictReader(file))
    for one in stated:
        with (FOLDER / "tables" / one["table"]).open(encoding="utf-8") as file:
            assert any(one in uses(one["table"], row) for row in csv.DictReader(file)), one
