"""Risks and numbers needed to treat from an effect and a printed baseline: each measure's own way, in its own direction."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayesmeta as bm
from bayesmeta.analysis.derived import baseline_counts, derived_rows, needed_row, treated_risk
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Derived, Outcome
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import SpecificationError
from bayesmeta.results.needed import Needed

QUESTION = Derived(model="m", baseline_label="control", baseline=0.5)
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
    row = needed_row(QUESTION, Needed((-0.05, 0.10, 0.25)), 0.8)
    assert row.text == "NNTB 10 (NNTB 4.0 to ∞ to NNTH 20)"
    assert (row.upper, round(row.lower, 1), round(row.other_side)) == (None, 4.0, 20)
    turned = needed_row(QUESTION, Needed((-0.25, -0.10, 0.05)), 0.2)
    assert turned.text == "NNTH 10 (NNTH 4.0 to ∞ to NNTB 20)"
    assert needed_row(QUESTION, Needed((0.0, 0.0, 0.0)), 0.0).text.startswith("∞")


def test_a_printed_percentage_is_every_count_that_rounds_to_it():
    """19.4% of 31 or of 36: 6 or 7 events. Quantiles of the mixture and of what follows, by SciPy and by draws."""
    printed = QUESTION.model_copy(
        update={"baseline": None, "baseline_percent": 19.4, "baseline_n": [31, 36], "mid": 30.0}
    )
    assert baseline_counts(19.4, 1, [31, 36]) == [(6, 31), (7, 36)]
    assert baseline_counts(50, 0, [7, 9]) == []
    data = bm.Estimates(y=[-0.485], se=[0.275], measure="log_or")
    found = {row.label: row for row in derived_rows(printed, outcome("log_or"), bm.fit(data, SURE))}

    def share(x):
        return (stats.beta.cdf(x, 6.5, 25.5) + stats.beta.cdf(x, 7.5, 29.5)) / 2

    row = found["risk, control"]
    assert_allclose([share(x / 100) for x in (row.median, row.lower, row.upper)], [0.5, 0.025, 0.975], rtol=1e-9)
    rng, n = np.random.default_rng(20260101), 4_000_000
    baseline = np.where(rng.random(n) < 0.5, rng.beta(6.5, 25.5, n), rng.beta(7.5, 29.5, n))
    odds = baseline / (1 - baseline) * np.exp(rng.normal(-0.485, 0.275, n))
    difference = 100 * (odds / (1 + odds) - baseline)
    row = found["absolute risk difference"]
    assert_allclose(
        [row.lower, row.median, row.upper], np.quantile(difference, [0.025, 0.5, 0.975]), atol=0.03
    )  # 4 errors
    share_beyond = np.mean(difference < -3)
    row = found["probability of a benefit of more than 30 per 1,000"]
    assert_allclose(row.median, share_beyond, atol=4 * math.sqrt(share_beyond * (1 - share_beyond) / n))


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
{baseline}
"""
PRINTED = "baseline_percent = 20.0\nbaseline_n = [60]"


def planned(
    folder: Path,
    measure: str,
    formula: str = "",
    table: str = "study,y,se,dose\nA,-0.3,0.2,1\nB,-0.1,0.3,2\n",
    baseline: str = PRINTED,
):
    (folder / "effects.csv").write_text(table)
    (folder / "analysis.toml").write_text(ANALYSIS.format(measure=measure, formula=formula, baseline=baseline))
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


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("", "baseline_percent and baseline_n missing: give them, or baseline"),
        ("baseline_percent = 20.0", "baseline_n missing"),
        ("baseline = 0.2\nbaseline_percent = 20.0", "baseline and baseline_percent: give a risk as it is known"),
        ("baseline = 20.0", "baseline risk 20: it must lie between 0 and 1, without these. 20% is 0.2."),
        ('baseline = "HalfNormal(1)"', "mass below 0 or above 1"),
        (
            "baseline_percent = 50.0\nbaseline_digits = 0\nbaseline_n = [7]",
            "no whole number of events of 7 rounds to 50%",
        ),
        ("baseline = 0.2\nmid = 1200", "outcomes.o.derived"),
    ],
)
def test_a_baseline_risk_is_stated_once(stated, message, tmp_path):
    with pytest.raises(SpecificationError, match=re.escape(message)):
        planned(tmp_path, 'measure = "log_or"', baseline=stated)


def test_counts_have_risks_too(tmp_path):
    """Of a file that states no measure, since counts have one alone; the numbers are those of `summary_of_findings`."""
    (tmp_path / "arms.csv").write_text("study,events_t,n_t,events_c,n_c\nA,5,35,0,39\nB,2,40,3,40\n")
    (tmp_path / "analysis.toml").write_text(
        'title = "t"\n[outcomes.o]\narms = "arms.csv"\n[outcomes.o.models.m]\nkind = "binomial_normal"\n'
        'mu = "Normal(0, 2)"\ntau = "HalfNormal(0.5)"\n[[outcomes.o.derived]]\nmodel = "m"\nbaseline_label = "control"\n'
        'baseline = "3 of 60"\nmid = 20\n'
    )
    checked = plan(tmp_path / "analysis.toml")
    o = checked.analysis.outcomes["o"]
    result = bm.fit(checked.data["o"], checked.models["o"]["m"])
    found = {row.label: row for row in derived_rows(o.derived[0], o, result)}
    want = bm.summary_of_findings(result, "3 of 60", mid=20)
    for label, values in (("risk, treatment", want.treated), ("absolute risk difference", want.difference)):
        row = found[label]
        assert_allclose([row.median, row.lower, row.upper], np.array(values) / 10, rtol=1e-12)
    assert found["odds ratio"].median == want.relative[0]
    assert found["probability of a harm of more than 20 per 1,000"].median == want.probability_harm_beyond
    assert found["risk, control"].note == "3 of 60"


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
