"""Frequentist estimators beside models of counts: metafor's numbers, a published table, and a row for what has no result."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

import bayesmeta as bm
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.side_by_side import side_by_side
from bayesmeta.cli import main
from bayesmeta.report.figures import side_by_side_figure
from bayesmeta.report.html_tables import side_by_side_table

GOLDEN = Path(__file__).parents[2] / "golden"
LINES = json.loads((GOLDEN / "counts_nielweise2007.json").read_text(encoding="utf-8"))["data"]
TABLES = json.loads((GOLDEN / "tables_nielweise2007.json").read_text(encoding="utf-8"))
GLMM = json.loads((GOLDEN / "glmm.json").read_text(encoding="utf-8"))["fits"]
COUNTS = ("events_t", "n_t", "events_c", "n_c")
USUAL = ["mh", "peto", "um.fs", "um.rs", "cm.el", "cm.al", "half reml wald"]
MODEL = bm.BinomialNormal(mu=bm.Normal(0, 2.5), tau=bm.HalfNormal(0.5))
# Stijnen, Hamza and Ozdemir (2010), Stat. Med. 29:3046, normal-normal model of nielweise2007 with 1/2 added and the study
# without events left out, as metafor 5.1-12 pins it in tests/testthat/test_analysis_example_stijnen2010.r: estimate, se, tau.
STIJNEN = (-0.9804, 0.2435, 0.1886)
SLOPE = bm.BinomialNormal(
    formula="1 + dose", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 1)}
)


def lines(without=()):
    keep = [i for i, name in enumerate(LINES["labels"]) if name not in without]
    return bm.Counts(
        study=[LINES["labels"][i] for i in keep], **{name: [LINES[name][i] for i in keep] for name in COUNTS}
    )


@pytest.fixture(scope="module")
def table():
    return bm.compare(lines(), MODEL)


def test_rows_are_those_of_metafor(table):
    assert list(table.index) == [*USUAL, "Bayes"]
    assert "reason" not in table.columns
    peers = {"mh": TABLES["mantel_haenszel"]["OR"], "peto": TABLES["peto"]}
    peers |= {
        fit["model"].lower(): fit
        for fit in GLMM
        if (fit["name"], fit["measure"], fit["method"]) == ("nielweise2007", "OR", "ML")
    }
    peers["um.rs"] = TABLES["glmm"]["UM_RS_ML"]  # one node of quadrature there
    assert len(peers) == 6
    for name, peer in peers.items():
        rtol = 4e-3 if name == "um.rs" else 2e-4
        row = table.loc[name]
        assert_allclose(row[["estimate", "se", "lower", "upper"]].astype(float),
                        [peer[key] for key in ("beta", "se", "ci_lb", "ci_ub")], rtol=rtol)  # fmt: skip
        assert_allclose(row["tau"] ** 2, peer.get("tau2", 0), rtol=3 * rtol)
        assert_allclose(row["display_estimate"], math.exp(row["estimate"]), rtol=1e-12)
    assert_allclose(table.loc["mh", "p_value"], TABLES["mantel_haenszel"]["OR"]["pval"], rtol=1e-6)
    half = stats.norm.ppf(0.975) * np.hypot(table.loc["cm.el", "se"], table.loc["cm.el", "tau"])
    assert table.loc["cm.el", "prediction_upper"] == pytest.approx(table.loc["cm.el", "estimate"] + half)
    assert table.loc[["mh", "peto"], ["prediction_lower", "prediction_upper"]].isna().all(axis=None)
    assert (table.loc[["mh", "peto"], "tau"] == 0).all()
    fit, row = bm.fit(lines(), MODEL), table.loc["Bayes"]
    assert (
        row[["estimate", "lower", "upper"]].tolist() == fit.summary().loc["mu", ["median", "lower", "upper"]].tolist()
    )


def test_the_half_is_that_of_a_published_table():
    row = bm.compare(lines(without=["Yucel"]), MODEL, ["half reml wald"]).loc["half reml wald"]
    assert_allclose(row[["estimate", "se", "tau"]].astype(float), STIJNEN, atol=5e-5)


def test_the_half_is_added_to_studies_with_a_zero_cell_and_to_no_other(table):
    """The restricted likelihood of log odds ratios written out, maximised by SciPy."""
    a, n, c, m = (np.array(LINES[name], float) for name in COUNTS)
    cells = np.array([a, n - a, c, m - c])
    cells = cells + 0.5 * (cells == 0).any(axis=0)
    y, v = np.log(cells[0] * cells[3] / cells[1] / cells[2]), (1 / cells).sum(axis=0)

    def loss(tau2):
        w = 1 / (v + tau2)
        return float((np.log(v + tau2).sum() + np.log(w.sum()) + (w * (y - (w @ y) / w.sum()) ** 2).sum()) / 2)

    tau2 = optimize.minimize_scalar(loss, bounds=(0, 2), method="bounded", options={"xatol": 1e-10}).x
    w, row = 1 / (v + tau2), table.loc["half reml wald"]
    assert_allclose(
        [row["estimate"], row["se"], row["tau"]], [(w @ y) / w.sum(), w.sum() ** -0.5, tau2**0.5], rtol=1e-5
    )
    note = table.attrs["note"]
    assert "1/2 added to each cell of the 6 studies with a zero cell, a normal approximation" in note
    assert note.endswith("1 study without events, or with events alone, enters that row and the models only.")
    assert "exact" not in note
    many = bm.Counts(events_t=[5, 7], n_t=[20, 30], events_c=[6, 4], n_c=[22, 30])
    assert (
        bm.compare(many, MODEL, ["mh"]).attrs["note"] == "No study has a zero cell, and nothing is added to any count."
    )


def test_a_share_of_heterogeneity_that_rests_on_a_half_is_not_shown(table):
    """I^2 of Mantel-Haenszel is of odds ratios with 1/2 added; without zero cells nothing is."""
    assert math.isnan(table.loc["mh", "i2"])
    assert_allclose(table.loc["peto", "i2"], TABLES["peto"]["I2"], rtol=1e-8)
    found = json.loads((GOLDEN / "tables_bcg.json").read_text(encoding="utf-8"))
    a, b, c, d = (np.array(found["raw"][name]) for name in ("ai", "bi", "ci", "di"))
    vaccine = bm.Counts(events_t=a, n_t=a + b, events_c=c, n_c=c + d)
    assert_allclose(bm.compare(vaccine, MODEL, ["mh"]).loc["mh", "i2"], found["mantel_haenszel"]["OR"]["I2"], rtol=1e-8)


def test_an_estimator_without_a_result_has_a_row_with_the_reason():
    nothing = bm.Counts(events_t=[0, 0], n_t=[10, 20], events_c=[0, 0], n_c=[12, 20])
    table = bm.compare(nothing, MODEL)
    assert list(table.index) == [*USUAL, "Bayes"]
    none = table.loc[["mh", "peto", "um.fs", "um.rs", "cm.el", "cm.al"]]
    assert none[["estimate", "se", "lower", "upper", "tau", "p_value", "display_estimate"]].isna().all(axis=None)
    assert none["reason"].str.contains("undefined|no study has both events and non-events").all()
    assert (table.loc[["half reml wald", "Bayes"], "reason"] == "").all()
    assert np.isfinite(table.loc["Bayes", "estimate"])
    assert "No result, cm.el" in str(table)
    one_arm = bm.Counts(events_t=[0, 0], n_t=[10, 20], events_c=[1, 2], n_c=[12, 20])
    reasons = bm.compare(one_arm, MODEL)["reason"]
    assert "0, infinite or undefined" in reasons["mh"]
    assert "highest at infinity" in reasons["cm.el"]
    assert reasons["peto"] == ""


def test_estimators_of_a_common_odds_ratio_take_no_covariates():
    data = bm.Counts(events_t=[4, 1, 9, 2], n_t=[30, 25, 60, 20], events_c=[7, 3, 11, 5], n_c=[31, 24, 58, 21],
                     covariates={"dose": [0.0, 1.0, 2.0, 0.5]})  # fmt: skip
    table = bm.compare(data, SLOPE, parameter="dose")
    assert list(table.index) == [*USUAL[2:], "Bayes"]
    frame = {"study": data.study, **{name: getattr(data, name) for name in COUNTS}, "dose": [0.0, 1.0, 2.0, 0.5]}
    want = bm.pool_glmm(frame, model="cm.el", formula="1 + dose").coefficients.loc["dose"]
    assert table.loc["cm.el", ["estimate", "se"]].tolist() == want[["estimate", "se"]].tolist()
    asked = bm.compare(data, SLOPE, ["mh", "half reml hksj"], parameter="dose")
    assert "takes no covariates" in asked.loc["mh", "reason"]
    assert np.isfinite(asked.loc["half reml hksj", "estimate"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reml hksj", "of counts there are 'mh', 'peto'"),
        ("cm.ex", "Did you mean 'cm.el'"),
        ("half", "'half' before a method"),
        ("half rem", "Did you mean 'reml'"),
        ("half reml hksj now", "a method and an interval"),
    ],
)
def test_a_name_that_is_no_estimator_is_rejected(name, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.compare(lines(), MODEL, [name])


def test_data_without_estimators_are_rejected_and_models_alone_are_compared():
    arms = bm.ArmMeans(mean_t=[3.1], mean_c=[5.0], n_t=[20], n_c=[20], sd_t=[2.0], sd_c=[2.2], study=["A"])
    base = bm.NormalNormal(mu=bm.Normal(0, 5), tau=bm.HalfNormal(1))
    model = bm.ArmNormal(base=base, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))
    with pytest.raises(
        bm.SpecificationError, match="ArmMeans have no estimates .* estimators=\\(\\) compares models alone"
    ):
        bm.compare(arms, model)
    alone = bm.compare(lines(), {"a": MODEL, "b": MODEL}, [])
    assert list(alone.index) == ["a", "b"]
    assert alone.attrs["note"] == ""


def test_in_a_report_beside_the_models_that_share_a_formula(table):
    outcome = Outcome.model_validate(
        {
            "models": {"m": {"kind": "binomial_normal", "label": "All trials", "tau": "HalfNormal(0.5)"}},
            "measure": "log_or",
        }
    )
    nothing = bm.Counts(events_t=[0, 1], n_t=[10, 20], events_c=[0, 2], n_c=[12, 20])
    found = side_by_side(nothing, outcome, {"m": MODEL})
    rows = {row.name: row for row in found.rows}
    assert list(rows) == [*USUAL, "Bayes: All trials"]
    assert found.heterogeneity is None
    assert rows["mh"].estimate == pytest.approx(math.log(1 * 18 / (2 * 19)), rel=1e-12)  # of the only study with events
    html = side_by_side_table(found)
    assert "1/2 added to each cell of the 1 study with a zero cell" in html.note
    shown = [str(row[0]) for row in html.rows]
    assert "Mantel-Haenszel" in shown
    assert "REML, Wald, 1/2 added to zero cells" in shown
    assert "from the same data" in side_by_side_figure(found, "odds ratio").caption
    empty = side_by_side(bm.Counts(events_t=[0], n_t=[10], events_c=[0], n_c=[12]), outcome, {"m": MODEL})
    assert {row.name for row in empty.rows if row.reason} == set(USUAL[:-1])
    assert "No result by Peto" in side_by_side_table(empty).note


def test_on_the_command_line(tmp_path, capsys):
    (tmp_path / "arms.csv").write_text("study,events_t,n_t,events_c,n_c\nA,5,35,0,39\nB,2,40,0,40\nC,3,50,4,52\n")
    arguments = ["compare", str(tmp_path / "arms.csv"), "--model", "binomial_normal", "--tau", "HalfNormal(0.5)"]
    arguments += ["--mu", "Normal(0, 2)", "--estimator", "cm.el", "--estimator", "peto"]
    with pytest.raises(SystemExit):
        main([*arguments, "--json"])
    content = json.loads(capsys.readouterr().out)
    data = bm.Counts(events_t=[5, 2, 3], n_t=[35, 40, 50], events_c=[0, 0, 4], n_c=[39, 40, 52], study=["A", "B", "C"])
    want = bm.compare(data, bm.BinomialNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)), ["cm.el", "peto"])
    assert [row["estimate"] for row in content["rows"]] == want["estimate"].tolist()
    assert (content["measure"], content["display"]) == ("log_or", "odds ratio")
    with pytest.raises(SystemExit):
        main([*arguments, "--plot", str(tmp_path / "both.svg")])
    shown = capsys.readouterr().out
    assert "1/2 added to each cell of the 2 studies" in " ".join(shown.split())
    assert (tmp_path / "both.svg").exists()


FILE = """
title = "T"
[outcomes.events]
arms = "arms.csv"
{measure}
[outcomes.events.models.m]
kind = "{kind}"
tau = "HalfNormal(0.5)"
{more}
"""


def test_the_only_measure_of_a_family_need_not_be_stated(tmp_path):
    (tmp_path / "arms.csv").write_text("study,events_t,n_t,events_c,n_c\nA,5,35,0,39\nB,2,40,0,40\n")
    stated = {}
    for said in ("", 'measure = "log_or"', 'measure = "md"'):
        (tmp_path / "a.toml").write_text(FILE.format(measure=said, kind="binomial_normal", more=""))
        stated[said] = tmp_path / "a.toml"
        if "md" in said:
            with pytest.raises(
                bm.SpecificationError, match="measure 'md': theta of binomial_normal is a log odds ratio"
            ):
                plan(stated[said])
        else:
            checked = plan(stated[said])
            assert checked.analysis.outcomes["events"].measure == "log_or"
            assert not any("mean differences" in one for one in checked.defaults)


def test_other_families_keep_mean_differences(tmp_path):
    (tmp_path / "arms.csv").write_text(
        "study,n_t,mean_t,sd_t,n_c,mean_c,sd_c\nA,20,3.1,2.0,20,5.0,2.2\nB,21,3,2,19,4,2\n"
    )
    more = 'typical_sd = "LogNormal(0.7, 0.5)"\nsd_variation = "HalfNormal(0.3)"'
    (tmp_path / "a.toml").write_text(FILE.format(measure="", kind="arm_normal", more=more))
    checked = plan(tmp_path / "a.toml")
    assert checked.analysis.outcomes["events"].measure == "md"
    assert "mean differences" in checked.defaults[0]
