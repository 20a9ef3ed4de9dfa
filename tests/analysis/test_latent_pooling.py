"""Other estimators on latent trials: each draw is pooled as `pool` does, and DerSimonian-Laird gives the print back."""

import numpy as np
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.analysis.reader import FitReader
from bayesmeta.families.review.latent_pooling import latent_pooling
from bayesmeta.results.draws_result import DrawsResult

NAMES = ("a", "b", "c", "d")


def result(spread=0.02):
    """Draws of four trials around values with a known pool, without a sampler."""
    rng = np.random.default_rng(5)
    y = np.array([-1.0, -2.5, -1.8, -2.2]) + spread * rng.normal(size=(2, 300, 4))
    se = np.array([0.3, 0.4, 0.25, 0.5]) * np.exp(0.02 * rng.normal(size=(2, 300, 4)))
    pool = bm.pool(bm.Estimates([-1.0, -2.5, -1.8, -2.2], [0.3, 0.4, 0.25, 0.5]), "dl", "wald")
    review = bm.PublishedReview(
        studies=[bm.Study(name=name, n=40) for name in NAMES],
        statistics=[bm.PooledEstimate(**{k: round(getattr(pool, k), 2) for k in ("estimate", "lower", "upper")})],
        sd=bm.LogNormal(0, 0.5),
    )
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {"y": ((*dims, "study"), y), "se": ((*dims, "study"), se), "mu": (dims, y.mean(-1)), "tau": (dims, y.std(-1))},
        coords={"study": list(NAMES)},
    )
    model = bm.NormalNormal(mu=bm.Normal(0, 3), tau=bm.HalfNormal(1))
    return DrawsResult(xr.DataTree.from_dict({"posterior": posterior}), model, review, "nuts"), y, se


def test_each_draw_is_pooled_as_pool_does():
    fit, y, se = result()
    rows = {row["label"]: row for row in latent_pooling(FitReader("m", fit))}
    pooled = [
        bm.pool(bm.Estimates(a, b), "reml", "hksj") for a, b in zip(y.reshape(-1, 4), se.reshape(-1, 4), strict=True)
    ]
    for key in ("estimate", "lower", "upper"):
        wanted = np.quantile([getattr(one, key) for one in pooled], [0.5, 0.025, 0.975])
        np.testing.assert_allclose(rows["reml hksj"][key], wanted, atol=1e-6)
    assert rows["reml hksj"]["excludes_zero"] == np.mean([one.upper < 0 for one in pooled])
    np.testing.assert_allclose(rows["reml hksj"]["tau"][0], np.median(np.sqrt([one.tau2 for one in pooled])), atol=1e-6)


def test_the_published_pool_stands_beside_it():
    fit, _, _ = result(spread=0.0)
    rows = latent_pooling(FitReader("m", fit))
    assert [row["label"] for row in rows] == ["published", "dl wald", "reml wald", "reml hksj", "pm hksj", "this model"]
    assert rows[1]["estimate"][0] == pytest.approx(rows[0]["estimate"][0], abs=0.02)


def test_known_trials_have_no_such_table():
    fit = bm.fit(bm.load_dataset("eight_schools"), bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)))
    assert fit.prepared.family.estimators(FitReader("m", fit)) == []
