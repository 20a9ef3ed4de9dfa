"""`pool` against PyMARE, an independent implementation of some of its estimators."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its SymPy and mpmath are of different years
    warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file to the garbage collector
    from pymare import meta_regression

    gc.collect()

SETS = {
    "bcg": bm.load_dataset("bcg"),
    "eight schools": bm.load_dataset("eight_schools"),
    "apart": bm.Estimates([-1.9, -0.4, -0.7, -2.4, -3.1, 0.2, -1.1], [0.6, 0.3, 0.4, 0.5, 0.9, 0.35, 0.45]),
    "two": bm.Estimates([-1.0, 2.0], [0.2, 0.3]),
}
CLOSED = {"dl": 1e-10, "he": 1e-10}
SEARCHED = {"ml": 1e-6, "reml": 1e-6}  # its optimiser stops there


@pytest.mark.parametrize("method", [*CLOSED, *SEARCHED])
@pytest.mark.parametrize("name", SETS)
def test_random_effects_with_knapp_hartung_intervals(name, method):
    data, rtol = SETS[name], (CLOSED | SEARCHED)[method]
    peer = meta_regression(y=data.y, v=data.v, method=method.upper())
    ours = bm.pool(data, method, "hksj")
    assert_allclose(ours.tau2, np.ravel(peer.tau2), rtol=rtol, atol=1e-12)
    assert_allclose([ours.estimate, ours.se], [*peer.fe_params.ravel(), *peer.fe_se.ravel()], rtol=rtol)
    assert_allclose([ours.lower, ours.upper], peer.to_df()[["ci_0.025", "ci_0.975"]].iloc[0], rtol=10 * rtol)


@pytest.mark.parametrize("name", SETS)
def test_common_effect_and_heterogeneity(name):
    data = SETS[name]
    peer = meta_regression(y=data.y, v=data.v, method="FE")
    ours = bm.pool(data, "fe")
    assert_allclose([ours.estimate, ours.se], [*peer.fe_params.ravel(), *peer.fe_se.ravel()], rtol=1e-10)
    spread = peer.get_heterogeneity_stats()
    assert_allclose([ours.q, ours.q_p, ours.i2], [spread[key][0] for key in ("Q", "p(Q)", "I^2")], rtol=1e-8)


@pytest.mark.parametrize("name", SETS)
def test_q_profile(name):
    data = SETS[name]
    limits = meta_regression(y=data.y, v=data.v, method="DL").get_re_stats()
    ours = bm.pool(data, "dl", "wald")
    assert_allclose(ours.tau2_interval, [limits["ci_l"][0], limits["ci_u"][0]], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("method", [*CLOSED, *SEARCHED])
def test_regression_on_latitude(method):
    data, rtol = SETS["bcg"], (CLOSED | SEARCHED)[method]
    latitude = data.covariates["latitude"].to_numpy(float)
    peer = meta_regression(y=data.y, v=data.v, X=latitude[:, None], X_names=["latitude"], method=method.upper())
    ours = bm.pool(data, method, "hksj", formula="1 + latitude")
    order = [peer.to_df()["name"].tolist().index(name) for name in ("intercept", "latitude")]
    assert_allclose(ours.tau2, np.ravel(peer.tau2), rtol=10 * rtol)
    assert_allclose(ours.coefficients["estimate"], peer.fe_params.ravel()[order], rtol=10 * rtol)
    assert_allclose(ours.coefficients["se"], peer.fe_se.ravel()[order], rtol=10 * rtol)


def test_where_they_part():
    """PyMARE takes P from the normal distribution beside a t interval, and I^2 from Q whatever the estimator."""
    data = SETS["two"]
    peer = meta_regression(y=data.y, v=data.v, method="DL").to_df().iloc[0]
    ours = bm.pool(data, "dl", "hksj")
    assert peer["p-value"] == pytest.approx(0.798353, abs=1e-6)
    assert ours.p_value == pytest.approx(2 * np.arctan(1 / abs(ours.estimate / ours.se)) / np.pi, rel=1e-9)  # t, 1 df
    spread = meta_regression(y=data.y, v=data.v, method="ML").get_heterogeneity_stats()
    assert spread["I^2"][0] == pytest.approx(bm.pool(data, "dl").i2)
    assert bm.pool(data, "ml", "wald").i2 < spread["I^2"][0] - 1
