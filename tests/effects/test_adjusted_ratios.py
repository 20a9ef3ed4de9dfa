"""Covariances of adjusted ratios against R's dosresmeta (golden files), and the counts that they rest on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.effects.adjusted_ratios import _pseudo_cases
from bayesmeta.errors import DataError

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
# dosresmeta 2.2.0 takes the variances of risk ratios as those of rate ratios, without the 1/n that is subtracted of each.
DESIGNS = {"cc": "case_control", "ci": "rate"}
TABLE: dict[str, Any] = {
    "study": ["A", "A", "A"], "dose": [0, 5, 20], "y": [0, 0.2, 0.5], "se": ["", 0.15, 0.2], "cases": [100, 90, 40],
    "n": [1000, 800, 300],
}  # fmt: skip


def test_covariances_are_those_of_dosresmeta():
    """Four case-control and two cohort results on alcohol, and the two examples of Greenland and Longnecker and of Orsini."""
    content = json.loads((GOLDEN / "doseresp_alcohol_cvd.json").read_text())
    columns = content["data"]
    table = {
        "study": columns["id"], "dose": columns["dose"], "y": columns["logrr"], "se": columns["se"], "cases": columns["cases"],
        "n": columns["n"], "design": [DESIGNS[kind] for kind in columns["type"]],
    }  # fmt: skip
    data = bm.adjusted_ratios(table)
    assert data.measure is None
    start = 0
    for block in content["blocks"]:
        rows = slice(start, start + len(block["y"]))
        np.testing.assert_allclose(data.cov[rows, rows], block["V"], rtol=2e-6)
        np.testing.assert_allclose(data.y[rows], block["y"])
        assert data.covariates["dose"].iloc[rows].tolist() == block["doses"]
        start = rows.stop
    assert np.count_nonzero(data.cov) == sum(len(block["y"]) ** 2 for block in content["blocks"])
    for name, kind in (("cc_ex", "case_control"), ("ci_ex", "rate")):
        content = json.loads((GOLDEN / f"dosresmeta_{name}.json").read_text())
        columns = content["data"]
        table = {"study": ["A"] * len(columns["dose"]), "y": columns["logrr"]}
        table |= {key: columns[key] for key in ("dose", "se", "cases", "n")}
        data = bm.adjusted_ratios(table, kind)
        np.testing.assert_allclose(data.cov, content["covariance"], rtol=2e-6)
        x = data.covariates["dose"].to_numpy(float)  # a common slope by generalised least squares
        weighted = np.linalg.solve(data.cov, x)
        assert weighted @ data.y / (weighted @ x) == pytest.approx(content["beta"][0], rel=1e-6)
        line = bm.DoseResponse("linear", tau=bm.PointMass(0), unit_dose=1)
        slope = bm.fit(data, line).marginal("mu")
        assert (slope.mean(), slope.sd()) == pytest.approx((content["beta"][0], content["se"][0]), rel=1e-6)


def test_crude_risk_ratios_have_their_own_covariance():
    """Where nothing was adjusted for, counts are the pseudo-counts: the covariance is that of the delta method, 1/a - 1/n."""
    a, n = np.array([30.0, 40, 25]), np.array([200.0, 220, 90])
    y, v = np.log(a / n) - np.log(a[0] / n[0]), 1 / a - 1 / n
    table = {"study": ["A"] * 3, "dose": [0, 1, 2], "y": y, "se": np.sqrt(v + v[0]) * [0, 1, 1], "cases": a, "n": n}
    data = bm.adjusted_ratios(table, "cohort")
    np.testing.assert_allclose(data.cov, [[v[1] + v[0], v[0]], [v[0], v[2] + v[0]]], rtol=1e-12)
    odds = np.log(a / (n - a))
    w = 1 / a + 1 / (n - a)
    table |= {"y": odds - odds[0], "se": np.sqrt(w + w[0]) * [0, 1, 1]}
    data = bm.adjusted_ratios(table, "case_control")
    np.testing.assert_allclose(data.cov, [[w[1] + w[0], w[0]], [w[0], w[2] + w[0]]], rtol=1e-10)


def test_rates_share_the_cases_of_the_reference():
    """Over person-time the pseudo-cases are proportional to time times ratio, and each variance is one over cases."""
    data = bm.adjusted_ratios(TABLE, "rate")
    cases = np.array([1000, 800 * np.exp(0.2), 300 * np.exp(0.5)])
    inverse = 1 / (cases * 230 / cases.sum())
    expected = inverse[0] / np.sqrt((inverse[0] + inverse[1]) * (inverse[0] + inverse[2])) * 0.15 * 0.2
    assert data.cov[0, 1] == pytest.approx(expected, rel=1e-12)
    assert data.measure == "log_irr"


def test_pseudo_cases_have_the_margins_and_the_ratios_even_far_away():
    y, cases, n = np.array([0.0, 4.0, -3.0]), np.array([50.0, 10, 40]), np.array([100.0, 60, 90])
    pseudo = _pseudo_cases(y, cases, n)
    assert pseudo.sum() == pytest.approx(100)
    logit = np.log(pseudo / (n - pseudo))
    np.testing.assert_allclose(logit - logit[0], y, atol=1e-11)


@pytest.mark.parametrize(
    ("change", "design", "said"),
    [
        ({"se": [0.1, 0.15, 0.2]}, "cohort", "study 'A'.: 0 rows without a standard error"),
        ({"se": ["", "", 0.2]}, "cohort", "2 rows without a standard error"),
        ({"y": [0.1, 0.2, 0.5]}, "cohort", "one row with y = 0 and no se"),
        ({"se": ["", -0.15, 0.2]}, "cohort", "row 2, column 'se'.*a standard error is positive; got -0.15"),
        ({"cases": [100, 0, 40]}, "cohort", "cases must be above zero and below n; got 0 of 800"),
        ({"y": [0, 0.2, 5], "n": [1000, 800, 150]}, "cohort", "no counts of cases with these margins"),
        ({}, "cohorte", "design is cohorte; .*Did you mean 'cohort'"),
        ({}, None, "column 'design' is missing"),
    ],
)
def test_what_cannot_be_is_rejected_in_one_line(change, design, said):
    with pytest.raises(DataError, match=said) as error:
        bm.adjusted_ratios(TABLE | change, design)
    assert "\n" not in str(error.value)
