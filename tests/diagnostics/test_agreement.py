"""The comparison of the engines sees a difference, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.diagnostics.agreement import agreement, agreement_check
from bayesmeta.results.draws_result import DrawsResult

DATA = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))


@pytest.mark.parametrize(("shift", "stretch", "agrees"), [(0.0, 1.0, True), (0.5, 1.0, False), (0.0, 1.1, False)])
def test_a_shift_or_a_stretch_is_seen(shift, stretch, agrees):
    exact = bm.fit(DATA, MODEL)
    mean = exact.marginal("mu").mean()
    tree = exact.datatree["posterior"].to_dataset()
    mu = mean + stretch * (tree["mu"] - mean) + shift
    drawn = DrawsResult(xr.DataTree.from_dict({"posterior": tree.assign(mu=mu)}), MODEL, DATA, "nuts")
    rows = agreement(exact, drawn)
    check = agreement_check("schools", rows, exact.engine)
    assert check.passed is agrees
    assert [row.parameter for row in rows] == ["mu", "tau", "theta_new"]
    row = rows[0]
    n = mu.size
    # independent draws: the errors of mean and sd are sd/sqrt(n) and about sd/sqrt(2n)
    assert row.mean_gap == pytest.approx((float(mu.mean()) - mean) / (float(mu.std()) / np.sqrt(n)), rel=0.1, abs=0.1)
    assert row.sd_gap == pytest.approx(
        (float(mu.std()) - row.exact_sd) / (float(mu.std()) / np.sqrt(2 * n)), rel=0.15, abs=0.1
    )


def test_parameters_without_moments_are_left_out():
    data = bm.Estimates(y=[0.4], se=[0.2])
    model = bm.NormalNormal(mu=bm.Normal(0, 10), tau=bm.HalfCauchy(0.5))  # one study: tau has no standard deviation
    exact = bm.fit(data, model)
    drawn = DrawsResult(exact.datatree, model, data, "nuts")
    assert [row.parameter for row in agreement(exact, drawn)] == ["mu"]
