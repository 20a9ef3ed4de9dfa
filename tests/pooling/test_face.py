"""What frequentist results print, beside what metafor prints of the same data."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.pooling.face import INTERVALS, METHODS
from bayesmeta.pooling.heterogeneity import ESTIMATORS


@pytest.fixture(scope="module")
def bcg():
    return bm.load_dataset("bcg")


def flat(text: object) -> str:
    return " ".join(str(text).split())


def test_a_mean_as_metafor_prints_it(bcg):
    """`rma(yi, vi, data=dat.bcg)`, and `predict(res, transf=exp)`, of metafor's documentation."""
    found = bm.pool(bcg, "reml", "wald")
    text, page = flat(found), found._repr_html_()
    assert text.startswith("Random-effects model: 13 studies (tau^2 by REML)")
    assert "Effect measure: log risk ratio. Intervals and tests: normal" in text
    assert "Mean effect (mu) -0.7145 0.1798 -3.974 <.0001 -1.0669 to -0.3622" in text
    assert (
        "As risk ratio estimate 95% interval Mean effect (mu) 0.4894 0.3441 to 0.6962 New study (prediction) 0.155 to 1.549"
        in text
    )
    assert "tau^2 0.3132 (se 0.1664)" in text
    assert "tau 0.5597" in text
    assert "I^2 92.2%" in text
    assert "H^2 12.86" in text
    assert "Cochran's Q 152.2 on 12 df, P <.0001" in text
    for number in ("−0.7145", "0.1798", "−1.0669 to −0.3622", "0.3132", "152.2"):
        assert number in page


def test_a_regression_as_metafor_prints_it(bcg):
    """`rma(yi, vi, mods = ~ ablat, data=dat.bcg)` of metafor's documentation, but that ours iterates until tau^2 is final:
    0.07635 for 0.0764, and limits that differ by 0.0001.
    """
    text = flat(bm.pool(bcg, "reml", "wald", formula="1 + latitude"))
    assert "meta-regression, formula 1 + latitude" in text
    assert "Intercept (mu) 0.2515 0.2491 1.01 .3127 -0.2367 to 0.7397" in text
    assert "latitude -0.029102 0.007195 -4.045 <.0001 -0.043204 to -0.014999" in text
    assert "As ratio of risk ratios" in text
    assert "tau^2 0.07635 (se 0.05905)" in text
    assert "on 11 df, of the residuals, P = .0012" in text
    assert "Test of covariates chi-square = 16.36 on 1 df, P <.0001; R^2 75.6%" in text


def test_levels_name_what_they_are_compared_with(bcg):
    text = str(bm.pool(bcg, "dl", formula="1 + allocation"))
    assert "[T." not in text
    assert "allocation: random versus alternate" in text
    means = str(bm.pool(bcg, "dl", formula="0 + allocation"))
    assert "As risk ratio\n" in means
    assert "ratio of risk ratios" not in means, "without an intercept each level has a risk ratio of its own"


@pytest.mark.parametrize("method", [*ESTIMATORS])
@pytest.mark.parametrize("interval", ["wald", "hksj"])
def test_every_method_prints_within_a_terminal(bcg, method, interval):
    text = str(bm.pool(bcg, method, interval))
    assert max(map(len, text.splitlines())) <= 80
    assert METHODS[method] in text
    assert INTERVALS[interval] in text
    assert ("tau^2" in text) == (method != "fe")


def test_several_levels_and_outcomes(bcg):
    nested = flat(bm.pool_nested(bcg, "allocation"))
    assert nested.startswith("Three-level model: 13 estimates in 3 clusters (REML)")
    assert "Between clusters" in nested
    data = bm.Estimates([0.5, -0.3, 0.2, -0.6, 0.4, -0.1, 0.3, -0.4], [0.1] * 8)
    several = bm.pool_multivariate(data, ["x", "y"] * 4, [1, 1, 2, 2, 3, 3, 4, 4], structure="diag")
    assert "x 0.35000 0.06455" in flat(several)
    assert f"y {several.variances['y']:.4g} {np.sqrt(several.variances['y']):.4g}" in flat(several)


def test_tables_of_counts():
    arms = {"study": list("abcd"), "events_t": [4, 6, 3, 62], "n_t": [123, 306, 231, 13598],
            "events_c": [11, 29, 11, 248], "n_c": [139, 303, 220, 12867]}  # fmt: skip
    for found in (bm.mantel_haenszel(arms), bm.peto(arms), bm.pool_glmm(arms)):
        text = str(found)
        assert "odds ratio" in text
        assert "Mean effect (mu)" in text
        assert max(map(len, text.splitlines())) <= 80
        assert "<table" in found._repr_html_()
    assert "Breslow-Day" in str(bm.mantel_haenszel(arms))


def test_small_study_effects(bcg):
    found = bm.egger_test(bcg)
    assert "Test of the slope t = -1.401 on 11 df, P = .1887" in flat(found)  # as metafor's regtest(model="lm")
    assert "PET is used, since PET finds no effect" in flat(bm.pet_peese(bcg))
    filled = bm.trim_and_fill(bcg)
    assert flat(filled).startswith("Trim and fill: 1 study missing on the right side")
    assert f"{filled.pooled.estimate:.4f}" in flat(filled)
