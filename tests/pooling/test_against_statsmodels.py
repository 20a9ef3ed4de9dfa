"""`pool` against statsmodels, an independent implementation of a few of its estimators."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose
from statsmodels.stats.meta_analysis import combine_effects

import bayesmeta as bm

SETS = {
    "bcg": bm.load_dataset("bcg"),
    "eight schools": bm.load_dataset("eight_schools"),
    "apart": bm.Estimates([-1.9, -0.4, -0.7, -2.4, -3.1, 0.2, -1.1], [0.6, 0.3, 0.4, 0.5, 0.9, 0.35, 0.45]),
    "two": bm.Estimates([-1.0, 2.0], [0.2, 0.3]),
}
HETEROGENEOUS = ("bcg", "apart", "two")


@pytest.mark.parametrize("name", HETEROGENEOUS)
def test_dersimonian_laird_and_the_common_effect(name):
    data = SETS[name]
    peer = combine_effects(data.y, data.v, method_re="dl", use_t=False)
    random, common = bm.pool(data, "dl", "wald"), bm.pool(data, "fe")
    assert_allclose(
        [random.tau2, common.q, common.i2 / 100], [peer.tau2, peer.q, max(peer.i2, 0)], rtol=1e-10, atol=1e-14
    )
    assert_allclose([random.estimate, random.se], [peer.mean_effect_re, peer.sd_eff_w_re], rtol=1e-10)
    assert_allclose([common.estimate, common.se], [peer.mean_effect_fe, peer.sd_eff_w_fe], rtol=1e-10)
    frame = peer.summary_frame(alpha=0.1)
    for row, ours in (("fixed effect", common), ("random effect", random)):
        limits = bm.pool(data, ours.method, ours.interval, level=0.9)
        assert_allclose([limits.lower, limits.upper], frame.loc[row, ["ci_low", "ci_upp"]].astype(float), rtol=1e-8)


@pytest.mark.parametrize("name", HETEROGENEOUS)
def test_hartung_and_knapp(name):
    data = SETS[name]
    peer = combine_effects(data.y, data.v, method_re="dl", use_t=True)
    ours = bm.pool(data, "dl", "hksj")
    assert_allclose(ours.se**2, peer.var_hksj_re, rtol=1e-10)
    assert_allclose([ours.lower, ours.upper], peer.conf_int(use_t=True)[3], rtol=1e-8)
    wald = bm.pool(data, "dl", "t")
    assert_allclose([wald.lower, wald.upper], peer.conf_int(use_t=True)[1], rtol=1e-8)


@pytest.mark.parametrize("name", HETEROGENEOUS)
def test_paule_and_mandel(name):
    """Its estimating equation is met to 1e-5 by default; tightened here, and not as far as rounding."""
    data = SETS[name]
    peer = combine_effects(data.y, data.v, method_re="iterated", use_t=False, atol=1e-9)
    ours = bm.pool(data, "pm", "wald")
    assert_allclose(ours.tau2, peer.tau2, rtol=1e-8)
    assert_allclose([ours.estimate, ours.se], [peer.mean_effect_re, peer.sd_eff_w_re], rtol=1e-8)


def test_where_they_part():
    """With Q below its degrees of freedom statsmodels goes on with a negative tau^2 and I^2; ours are 0, as in R."""
    data = SETS["eight schools"]
    peer = combine_effects(data.y, data.v, method_re="dl", use_t=False)
    assert peer.tau2 < 0
    assert peer.i2 < 0
    ours = bm.pool(data, "dl", "wald")
    assert (ours.tau2, ours.i2) == (0, 0)
    assert_allclose(ours.q, peer.q, rtol=1e-10)
    assert_allclose([ours.estimate, ours.se], [peer.mean_effect_fe, peer.sd_eff_w_fe], rtol=1e-10)
