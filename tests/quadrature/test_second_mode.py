"""Posteriors of tau with two modes and nothing between them, against panels over log(tau).

A steep prior far below the data has a mode of its own, and the likelihood of scattered estimates another. The scatter is
chosen so that both count.
"""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm

SHAPE = np.array([-1.5, -1.1, -0.7, -0.4, -0.1, 0.2, 0.5, 0.8, 1.2, 1.4])
CASES = [
    (bm.LogNormal(-5, 0.1), 1.296, 10, -3.5),
    (bm.LogNormal(-5, 0.1), 0.659, 40, -3.5),
    (bm.LogNormal(-5, 0.05), 2.579, 10, -3.5),
    (bm.LogNormal(-8, 0.3), 0.833, 10, -4.0),
    (bm.Lomax(6.8, 1e-6), 0.29, 40, -3.5),
    (bm.InvGamma(20, 0.01), 0.559, 10, -4.0),
]


def estimates(scatter, k):
    return scatter * np.tile(SHAPE, k // 10), np.full(k, 0.1)


@pytest.mark.parametrize(("prior", "scatter", "k", "between"), CASES, ids=str)
def test_both_modes_are_counted(prior, scatter, k, between, witness):
    y, se = estimates(scatter, k)
    cuts = np.exp([between - 1.5, between, between + 1.8, between + 2.2])
    for more in (1.0, 0.998, 1.002):
        exact = witness(
            more * y, se**2, precision=[[0.01]], log_prior=prior._logpdf_of_log, low=-40, high=6, breaks=cuts
        )
        assert more != 1.0 or 0.02 < exact.tau_cdf(cuts)[1] < 0.98  # both modes have mass
        result = bm.fit(bm.Estimates(more * y, se), bm.NormalNormal(mu=bm.Normal(0, 10), tau=prior), "quadrature")
        tau = result.marginal("tau")
        np.testing.assert_allclose(tau.cdf(cuts), exact.tau_cdf(cuts), atol=result.error_bound + 1e-11)
        np.testing.assert_allclose([tau.mean(), tau.sd()], exact.tau_moments(), rtol=1e-7)
        assert result.error_bound < 1e-8
        assert result.log_marginal_likelihood == pytest.approx(exact.log_evidence, abs=1e-8)


def test_a_batch_counts_both_and_a_lane_depends_on_itself_alone(witness):
    prior, _, k, _ = CASES[0]
    y, se = np.stack([estimates(scatter, k)[0] for scatter in (0.3, 1.296, 1.3, 3.0)]), np.full(k, 0.1)
    options = {"mu": bm.Normal(0, 10), "tau": prior}
    together = bm.fit_batch(y, se, **options)
    for i, row in enumerate(y):
        exact = witness(row, se**2, precision=[[0.01]], log_prior=prior._logpdf_of_log, low=-40, high=6)
        found = together.isel(batch=i)
        got = [float(found[name].sel(parameter="tau")) for name in ("mean", "sd")]
        np.testing.assert_allclose(got, exact.tau_moments(), rtol=1e-7)
        assert float(found["log_marginal_likelihood"]) == pytest.approx(exact.log_evidence, abs=1e-8)
        alone = bm.fit_batch(row[None], se, **options).isel(batch=0)
        assert all(np.array_equal(alone[name], found[name]) for name in found.data_vars)
