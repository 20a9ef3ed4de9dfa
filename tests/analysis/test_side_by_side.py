"""The comparison of both schools in a report, as far as an outcome has one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.side_by_side import side_by_side
from bayesmeta.report.html_tables import side_by_side_table

DATA = bm.Estimates([-1.9, -0.4, -0.7, -1.2], [0.6, 0.3, 0.4, 0.5], covariates={"dose": [80, 30, 42, 60]})
MEAN = bm.NormalNormal(mu=bm.Normal(0, 3), tau=bm.HalfNormal(1))
WIDE = bm.NormalNormal(mu=bm.Normal(0, 3), tau=bm.HalfNormal(3))
SLOPE = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 3), tau=bm.HalfNormal(1), beta={"dose": bm.Normal(0, 1)})


def outcome(**labels):
    models = {name: {"label": label, "tau": "HalfNormal(1)"} for name, label in labels.items()}
    return Outcome.model_validate({"label": "Pain", "models": models})


def test_rows_are_those_of_pool_and_fit():
    found = side_by_side(DATA, outcome(a="narrow", b="by dose", c="wide"), {"a": MEAN, "b": SLOPE, "c": WIDE})
    rows = {row.name: row for row in found.rows}
    assert list(rows)[-2:] == ["Bayes: narrow", "Bayes: wide"]  # of the formula of the first model
    pooled = bm.pool(DATA, "reml", "hksj")
    want = [pooled.estimate, pooled.lower, pooled.upper, *pooled.prediction, pooled.p_value, pooled.tau]
    keys = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper", "p_value", "tau")
    assert_allclose([getattr(rows["reml hksj"], key) for key in keys], want, rtol=1e-12)
    assert rows["reml hksj"].probability is None
    summary = bm.fit(DATA, WIDE).summary(ci_prob=0.95, ci_kind="eti").loc["mu"]
    row = rows["Bayes: wide"]
    assert_allclose([row.estimate, row.lower, row.upper], summary[["median", "lower", "upper"]], rtol=1e-9)
    assert_allclose(row.probability, bm.fit(DATA, WIDE).probability("mu < 0"), rtol=1e-12)


def test_labels_used_twice_give_way_to_names():
    found = side_by_side(DATA, outcome(a="same", c="same"), {"a": MEAN, "c": WIDE})
    assert [row.name for row in found.rows][-2:] == ["Bayes: a", "Bayes: c"]


def test_no_comparison_where_there_is_nothing_to_pool():
    few = bm.Estimates(DATA.y[:2], DATA.se[:2], covariates={"dose": [1, 2]})
    assert side_by_side(few, outcome(b="by dose"), {"b": SLOPE}) is None
    assert side_by_side(DATA, outcome(a="mean"), {}) is None
    one = side_by_side(bm.Estimates([0.3], [0.1]), outcome(a="mean"), {"a": MEAN})
    assert {row.name: row.lower for row in one.rows}["reml hksj"] is None
    assert np.isfinite(one.rows[-1].lower)


def test_a_regression_has_its_heterogeneity_and_the_tests_of_its_covariates():
    """Of the BCG trials by latitude and allocation, by REML as metafor gives them (moderators.json)."""
    golden = json.loads((Path(__file__).parents[1] / "golden" / "moderators.json").read_text())["fits"]
    peer = next(
        fit
        for fit in golden
        if (fit["data"], fit["formula"], fit["method"], fit["test"]) == ("bcg", "~ablat + alloc", "REML", "knha")
    )
    model = bm.NormalNormal(
        formula="1 + latitude + allocation",
        mu=bm.Normal(0, 2),
        tau=bm.HalfNormal(0.5),
        beta={"allocation": bm.Normal(0, 1)},
    )
    data = bm.load_dataset("bcg")
    found = side_by_side(data, outcome(a="both"), {"a": model})
    assert_allclose(
        [found.residual.q, found.residual.df, found.residual.p_value], [peer["QE"], 9, peer["QEp"]], rtol=1e-9
    )
    tests = {test.label: test for test in found.tests if test.estimator == "reml hksj"}
    assert_allclose(tests["covariates"].p_value, peer["QMp"], rtol=1e-5)
    assert_allclose(tests["levels of allocation"].p_value, peer["terms"]["alloc"]["QMp"], rtol=1e-5)
    (one,) = found.no_difference
    assert_allclose(one.bayes_factor, bm.fit(data, model).bayes_factor("allocation = 0"), rtol=1e-6)
    row = next(row for row in found.rows if row.name == "reml hksj")
    assert_allclose(
        [row.tau_lower**2, row.tau_upper**2, row.i2], [peer["tau2_lower"], peer["tau2_upper"], peer["I2"]], rtol=1e-5
    )
    table = side_by_side_table(found)
    test = "Test of levels of allocation, REML, Knapp-Hartung: F = 0.6007 on 2 and 9 df"
    for said in ("Cochran's Q of the residuals 26.2 on 9 df", test, "for no difference between levels of allocation."):
        assert said in table.note
    assert "τ (95% interval)" in [head.heading for head in table.columns]
