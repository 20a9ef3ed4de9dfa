"""Quadrature and NUTS give the same posterior, within four Monte Carlo standard errors of its mean and sd."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm

SCHOOLS = bm.Estimates(
    [28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16], [14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6]
)
# log risk ratios of the 13 BCG trials (Colditz et al. 1994, JAMA 271:698-702) and their distance from the equator
BCG = bm.Estimates(
    [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173],
    [0.5706, 0.4411, 0.6445, 0.1415, 0.2263, 0.0831, 0.4722, 0.0629, 0.2376, 0.2702, 0.1114, 0.7297, 0.2672],
    covariates={"latitude": np.array([44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33]) / 10.0},
)
BLOCKS = np.diag(SCHOOLS.se**2) + 40 * np.kron(np.eye(4), 1 - np.eye(2))
MODELS = {
    "eight schools": (SCHOOLS, bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))),
    "bcg by latitude": (
        BCG,
        bm.NormalNormal(
            formula="1 + latitude", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"latitude": bm.Normal(0, 1)}
        ),
    ),
    "known covariance": (
        bm.Estimates(SCHOOLS.y, cov=BLOCKS),
        bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfCauchy(5)),
    ),
    "mixture on mu": (
        SCHOOLS,
        bm.NormalNormal(mu=bm.Mixture([(0.5, bm.Normal(0, 5)), (0.5, bm.Normal(10, 10))]), tau=bm.HalfNormal(10)),
    ),
    "Cauchy on mu": (SCHOOLS, bm.NormalNormal(mu=bm.Cauchy(0, 5), tau=bm.HalfNormal(10))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_nuts_agrees(name, assert_within_mcse, assert_rarely_diverges):
    data, model = MODELS[name]
    exact = bm.fit(data, model, "quadrature")
    sampled = bm.fit(data, model, "nuts", seed=20260101, draws=4000, target_accept=0.99)
    assert_rarely_diverges(sampled)
    for parameter in exact.parameters:
        marginal = exact.marginal(parameter)
        assert_within_mcse(
            sampled.draws(parameter), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.03, label=parameter
        )
    table, draws = exact.shrinkage(), sampled.posterior["theta"]
    for study in (data.study[0], data.study[-1]):
        row = table.loc[study]
        assert_within_mcse(draws.sel(study=study), mean=row["mean"], sd=row["sd"], max_mcse=0.03, label=study)
