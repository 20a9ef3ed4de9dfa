"""Risks and numbers needed to treat from an effect and a printed baseline: each measure's own way, in its own direction."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.analysis.derived import derived_rows, needed_row, treated_risk
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Derived, Outcome
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import SpecificationError

QUESTION = Derived(model="m", baseline_label="control", baseline_percent=50.0, baseline_n=[10_000_000])
SURE = bm.NormalNormal(tau=bm.PointMass(0))


def outcome(measure, benefit="lower", **others):
    model = {"label": "M", "tau": "HalfNormal(1)"}
    return Outcome.model_validate(
        {"label": "O", "measure": measure, "benefit": benefit, "models": {"m": model}, **others}
    )


def rows(effect, measure, benefit="lower", se=1e-6):
    data = bm.Estimates(y=[effect], se=[se], measure=measure)
    found = derived_rows(QUESTION, outcome(measure, benefit), bm.fit(data, SURE, draws=5000))
    return {row.label: row for row in found}


def test_an_odds_ratio_of_0616_at_50_percent():
    """Odds of 1 become odds of 0.616: 38.1%, not 30.8%; fewer events help here, 1 in 1 / (0.5 - 0.381) = 8.4."""
    found = rows(math.log(0.616), "log_or")
    assert_allclose(found["odds ratio"].median, 0.616, rtol=1e-5)
    assert_allclose(found["risk, treatment"].median, 100 * 0.616 / 1.616, atol=0.1)
    needed = found["number needed to treat to benefit (NNTB)"]
    assert_allclose(needed.median, 1 / (0.5 - 0.616 / 1.616), rtol=0.01)
    assert needed.note.startswith("probability that treatment helps at all 1.000")
    assert needed.text.startswith("NNTB 8.4 (NNTB 8.")


def test_the_direction_of_benefit_turns_the_number_around():
    more_is_good, less_is_good = (rows(math.log(0.616), "log_or", benefit) for benefit in ("higher", "lower"))
    harm = more_is_good["number needed to treat to harm (NNTH)"]
    assert_allclose(harm.median, less_is_good["number needed to treat to benefit (NNTB)"].median, rtol=1e-12)
    assert harm.note.startswith("probability that treatment helps at all 0.000")


def test_the_probability_of_help_is_that_of_the_effect():
    """A log odds ratio of -0.485 with standard error 0.275: P(< 0) = 0.961."""
    data = bm.Estimates(y=[-0.485], se=[0.275], measure="log_or")
    result = bm.fit(data, SURE, draws=20_000)
    note = {row.label: row for row in derived_rows(QUESTION, outcome("log_or"), result)}
    needed = note["number needed to treat to benefit (NNTB)"]
    assert_allclose(float(re.findall(r"at all ([0-9.]+)", needed.note)[0]), result.probability("mu < 0"), atol=0.003)
    assert needed.upper is None
    assert needed.other_side > 0


@pytest.mark.parametrize(
    ("measure", "effect", "risk"),
    [
        ("log_rr", math.log(0.616), 30.8), ("rd", -0.2, 30.0), ("peto_log_or", math.log(0.616), 38.12),
        ("log_hr", math.log(0.616), 100 * (1 - 0.5**0.616)), ("arcsine_rd", -0.1, 100 * math.sin(math.pi / 4 - 0.1) ** 2),
        ("log_rr_paired", math.log(0.616), 30.8), ("rd_paired", -0.2, 30.0),
    ],
)  # fmt: skip
def test_each_measure_in_its_own_way(measure, effect, risk):
    assert_allclose(rows(effect, measure)["risk, treatment"].median, risk, atol=0.1)


def test_an_interval_that_includes_no_difference_runs_through_infinity():
    """Quantiles of the difference of -5%, 10% and 25%: 10, from 4 to benefit through infinity to 20 to harm."""
    difference = np.quantile([-0.05, 0.10, 0.25], np.linspace(0, 1, 100_001))
    row = needed_row(QUESTION, (difference - 0.10) / 0.95 + 0.10)
    assert row.text == "NNTB 10 (NNTB 4.0 to ∞ to NNTH 20)"
    assert (row.upper, round(row.lower, 1), round(row.other_side)) == (None, 4.0, 20)
    turned = needed_row(QUESTION, -((difference - 0.10) / 0.95 + 0.10))
    assert turned.text == "NNTH 10 (NNTH 4.0 to ∞ to NNTB 20)"
    assert needed_row(QUESTION, np.zeros(10)).text.startswith("∞")


ANALYSIS = """
schema = 1
title = "t"
question = "q"
source = "s"
seed = 1
[outcomes.o]
label = "O"
estimates = "effects.csv"
{measure}
[outcomes.o.models.m]
label = "M"
{formula}
tau = "HalfNormal(0.5)"
[[outcomes.o.derived]]
model = "m"
baseline_label = "control"
baseline_percent = 20.0
baseline_n = [60]
"""


def planned(
    folder: Path, measure: str, formula: str = "", table: str = "study,y,se,dose\nA,-0.3,0.2,1\nB,-0.1,0.3,2\n"
):
    (folder / "effects.csv").write_text(table)
    (folder / "analysis.toml").write_text(ANALYSIS.format(measure=measure, formula=formula))
    return plan(folder / "analysis.toml")


@pytest.mark.parametrize("measure", [name for name, m in MEASURES.items() if isinstance(m.risk, str)])
def test_other_measures_are_rejected_before_anything_is_sampled(measure, tmp_path):
    with pytest.raises(
        SpecificationError, match=f"outcomes.o, derived from 'm': measure = '{measure}' gives no risk"
    ) as said:
        planned(tmp_path, f'measure = "{measure}"')
    assert str(MEASURES[measure].risk) in str(said.value)
    with pytest.raises(SpecificationError):
        treated_risk(outcome(measure))


def test_what_is_not_stated_is_asked_for(tmp_path):
    with pytest.raises(SpecificationError, match="the outcome states no measure"):
        planned(tmp_path, "")
    printed = "study,estimate,ci_lower,ci_upper\nA,0.74,0.50,1.10\n"
    with pytest.raises(SpecificationError, match="State effects.printed_measure"):
        planned(tmp_path, 'measure = "reported_ratio"', table=printed)
    planned(tmp_path, 'measure = "reported_ratio"\neffects = { printed_measure = "log_or" }', table=printed)
    planned(tmp_path, 'measure = "log_or"')


def test_a_model_without_a_mean_has_nothing_to_derive_from(tmp_path):
    with pytest.raises(SpecificationError, match="model 'm': .*no parameter 'mu'"):
        planned(tmp_path, 'measure = "log_or"', 'formula = "0 + dose"')


def test_log_scale_is_no_key_any_more(tmp_path):
    with pytest.raises(SpecificationError, match="unknown key 'outcomes.o.log_scale'. The measure decides"):
        planned(tmp_path, 'measure = "log_or"\nlog_scale = true')


def test_the_ratio_is_the_one_of_the_summary():
    """One ratio in one report: the quantiles of the fit, not those of the draws that the risks need."""
    data = bm.Estimates(y=[-0.5, -0.2, -0.9], se=[0.2, 0.3, 0.25], measure="log_rr")
    result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    row = derived_rows(QUESTION, outcome("log_rr"), result)[0]
    shown = result.summary().loc["mu"]
    assert_allclose(
        [row.median, row.lower, row.upper],
        shown[["display_median", "display_lower", "display_upper"]].astype(float), rtol=1e-9,
    )  # fmt: skip
