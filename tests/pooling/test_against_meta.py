"""`pool` against the R package meta, on every measure of its reference files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.pooling.arrays import pool_arrays

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("bcg", "hackshaw1998", "normand1999", "pritz1997")
KINDS = {
    "REML_classic": ("reml", "wald"),
    "DL_classic": ("dl", "wald"),
    "PM_HK": ("pm", "hksj"),
    "REML_HK_adhoc": ("reml", "hksj"),  # its rule widens only what is narrower than the classic DL interval: none here
}
STOP = 5e-5  # tau^2 is metafor's, which stops early: see test_pool.py


def cases():
    for name in NAMES:
        found = json.loads((GOLDEN / f"meta_{name}.json").read_text(encoding="utf-8"))
        fits = found["fits"]
        for measure, group in {"": fits}.items() if "DL_classic" in fits else fits.items():
            for kind, fit in group.items():
                if kind in KINDS:
                    yield pytest.param(kind, fit, measure, id=f"{name} {measure} {kind}")


@pytest.mark.parametrize(("kind", "fit", "measure"), list(cases()))
def test_matches_meta(kind, fit, measure):
    method, interval = KINDS[kind]
    data = bm.Estimates(fit["TE"], fit["seTE"])
    other = measure.endswith(("MH", "Peto"))  # Q and the common effect are of another kind: see test_two_by_two.py
    got = bm.pool(data, method, interval, prediction="hts")
    if not (other and method == "dl"):
        assert_allclose(got.tau2, fit["tau2"], rtol=1e-8, atol=0 if method == "dl" else STOP)
    given = pool_arrays(data.y, data.se, method=method, interval=interval, tau2=np.array(fit["tau2"]))
    values = [given.beta[0], given.se[0], given.lower[0], given.upper[0]]
    assert_allclose(values, [fit["random"][x] for x in ("TE", "se", "lower", "upper")], rtol=2e-8, atol=1e-12)
    if method == "dl" and not other:
        assert_allclose(got.prediction, [fit["predict"][x] for x in ("lower", "upper")], rtol=1e-8)
    if not other:
        common = bm.pool(data, "fe")
        values = [common.estimate, common.se, common.lower, common.upper]
        assert_allclose(values, [fit["common"][x] for x in ("TE", "se", "lower", "upper")], rtol=1e-8)
        assert_allclose([common.q, common.i2 / 100, np.sqrt(common.h2)], [fit["Q"], fit["I2"], fit["H"]], rtol=1e-8)
        assert_allclose(common.q_p, fit["pval_Q"], rtol=1e-7)
