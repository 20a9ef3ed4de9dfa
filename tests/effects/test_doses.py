"""Cumulative doses: those of the ketamine trials, arithmetic by hand, and what is refused."""

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.doses import Dose, cumulative_dose
from bayesmeta.errors import DataError

TRIALS = Path(__file__).parents[2] / "models" / "ketamine" / "tables" / "trials.csv"


def trials():
    with TRIALS.open(encoding="utf-8") as file:
        return {row["study_id"]: row for row in csv.DictReader(file)}


def regimen(study):
    """The regimens of the trials, in the words of their table, whose own arithmetic is in its cum_dose columns."""
    row = trials()[study]
    hours, days = (float(row[c]) if row[c] else None for c in ("infusion_hours_per_day", "infusion_days"))
    text = row["infusion_rate"]
    if study == "Schwartzman2009":
        assert "0.175-0.35 mg/kg/h" in text
        assert "not above 25 mg/h" in text
        return cumulative_dose("0.175-0.35 mg/kg/h", hours_per_day=hours, days=days, cap="25 mg/h", weight=70)
    if (
        study == "Sigtermans2009"
    ):  # the table's upper bound: the mean rate at the end, throughout; its lower bound: the least rate
        assert "22.2 +/- 2.0 mg/h per 70 kg" in text
        assert "range 0.072-0.432 mg/kg/h" in text
        most = cumulative_dose("22.2 mg/h", hours_per_day=hours, days=days, weight=70)
        least = cumulative_dose("0.072 mg/kg/h", hours_per_day=hours, days=days)
        return Dose(low=least.low, high=most.high)
    if study == "Salas2012":
        assert "0.5 mg/kg/day, raised to 1 mg/kg/day after 24 h if pain not improved" in text
        return cumulative_dose("0.5 mg/kg/day") + cumulative_dose("0.5 to 1 mg/kg/day")
    if study == "Amr2010":
        assert text.startswith("80 mg/day (16 mg/h")
        by_hour = cumulative_dose("16 mg/h", hours_per_day=hours, days=days, weight=70)
        by_day = cumulative_dose("80 mg/day", days=days, weight=70)
        assert (by_hour.low, by_hour.high) == pytest.approx((by_day.low, by_day.high))
        return by_day
    if study == "Noppers2011":
        assert "(1.0 mg/kg/h)" in text
        return cumulative_dose("1.0 mg/kg/h", hours_per_day=hours)
    return cumulative_dose(text.removesuffix(" total").replace(" or ", " to "))


@pytest.mark.parametrize(
    "study",
    ["Mitchell2002", "Schwartzman2009", "Sigtermans2009", "Amr2010", "Noppers2011", "Salas2012", "Eichenberger2008",
     "Mercadante2000", "Pickering2020"],
)  # fmt: skip
def test_doses_of_the_ketamine_trials(study):
    row, dose = trials()[study], regimen(study)
    assert dose.low == pytest.approx(float(row["cum_dose_low"]), abs=0.05)
    assert dose.high == pytest.approx(float(row["cum_dose_high"]), abs=0.05)


@pytest.mark.parametrize(
    ("rate", "options", "want"),
    [
        ("5 ug/kg/min", {"hours_per_day": 10}, (3.0, 3.0)),  # 5 * 60 * 10 = 3000 ug
        ("5 mcg/kg/min", {"hours_per_day": 10}, (3.0, 3.0)),
        ("5 µg/kg/min", {"hours_per_day": 10}, (3.0, 3.0)),
        ("0.3 mg/kg/hour", {"hours_per_day": (4, 5), "days": (2, 3)}, (2.4, 4.5)),
        ("100 mg/day", {"days": 5, "weight": (50, 100)}, (5.0, 10.0)),
        ("1 g/day", {"weight": 80}, (12.5, 12.5)),
        ("35 mg", {"weight": 70, "days": 2}, (1.0, 1.0)),
        ("0.25 - 0.5 mg/kg", {}, (0.25, 0.5)),
        ("1 mg/kg/h", {"hours_per_day": 4, "cap": "25 mg/h", "weight": 100}, (1.0, 1.0)),
        ("1 mg/kg/h", {"hours_per_day": 4, "cap": "25 mg/h", "weight": (50, 100)}, (1.0, 2.0)),
    ],
)
def test_by_hand(rate, options, want):
    dose = cumulative_dose(rate, **options)
    assert (dose.low, dose.high) == pytest.approx(want)


@given(
    rate=st.floats(0.01, 50).map(lambda x: round(x, 4)),
    hours=st.floats(0.1, 24),
    days=st.floats(0.1, 30),
    weight=st.floats(30, 150),
)
def test_units_do_not_matter(rate, hours, days, weight):
    options = {"hours_per_day": hours, "days": days}
    want = cumulative_dose(f"{rate:.4f} mg/kg/h", **options)
    same = cumulative_dose(f"{rate * 1000 / 60:.12f} ug/kg/min", **options)
    per_hour = cumulative_dose(f"{rate * weight:.12f} mg/h", weight=weight, **options)
    assert want.low == pytest.approx(rate * hours * days)
    assert (same.low, per_hour.high) == pytest.approx((want.low, want.high), rel=1e-6)


def test_every_conversion_is_shown():
    steps = cumulative_dose("16 mg/h", hours_per_day=5, days=7, weight=70).steps
    assert steps == ("16 mg/h at 70 kg is 0.2286 mg/kg/h", "times 5 h a day, 7 days: 8 mg/kg")
    steps = cumulative_dose("1 mg/kg/h", hours_per_day=4, cap="25 mg/h", weight=100).steps
    assert steps[1] == "at most 25 mg/h, at 100 kg 0.25 mg/kg/h: reached"


@pytest.mark.parametrize(
    ("rate", "options", "message"),
    [
        ("some", {}, "'some' is not a dose"),
        ("0 mg/kg", {}, "'0 mg/kg': a dose must be positive"),
        ("0.5 to 0.2 mg/kg", {}, "a dose must be positive, and a range go from its lower"),
        ("5 ml/h", {"weight": 70}, "'ml/h' is not a unit of a dose or a rate"),
        ("5 mg/kg/kg", {}, "it is per kg twice"),
        ("5 mg*/kg", {}, "is not a dose"),
        ("5 flurbs/kg", {}, "'flurbs' is not a unit"),
        ("5 Mg/kg", {}, "'Mg' is not a unit"),  # a million grams
        ("5 kg/h", {"weight": 70}, "is not a unit of a dose"),
        ("5 m/kg", {}, "'m' is not a unit"),
        ("80 mg/day", {}, "'80 mg/day' is not per kg: give weight"),
        ("0.3 mg/kg/h", {}, "needs hours_per_day"),
        ("0.3 mg/kg/h", {"hours_per_day": 25}, "a day has 24 hours"),
        ("0.3 mg/kg/day", {"hours_per_day": 4}, "is a daily dose, and hours_per_day=4 plays no part"),
        ("0.3 mg/kg", {"hours_per_day": 4}, "is a single dose, and hours_per_day=4 plays no part"),
        ("0.3 mg/kg", {"days": 0}, "days=0: it must be positive"),
        ("0.3 mg/kg", {"days": (3, 2)}, r"days=\(3, 2\): it must be positive, and a range"),
        ("3 mg", {"weight": math.inf}, "weight=inf: it must be positive"),
        ("0.3 mg/kg/h", {"hours_per_day": 4, "cap": "25 mg", "weight": 70}, "cap='25 mg' must be of the kind of the rate"),
    ],
)  # fmt: skip
def test_refusals(rate, options, message):
    with pytest.raises(DataError, match=message):
        cumulative_dose(rate, **options)
