"""The comparison of both schools in a report, as far as an outcome has one."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.side_by_side import side_by_side

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
