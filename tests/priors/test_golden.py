"""Against R's bayesmeta, whose values are printed to ten digits (versions are in the file)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bayesmeta.priors import (
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    Lomax,
    OnVariance,
    Rayleigh,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "prior_distributions.json").read_text("utf-8"))
PRIORS = {
    "halfnormal_0.7": HalfNormal(0.7),
    "halft_df3_0.4": HalfStudentT(3, 0.4),
    "halfcauchy_0.3": HalfCauchy(0.3),
    "halflogistic_0.6": HalfLogistic(0.6),
    "lomax_shape5_scale2": Lomax(5, 2),
    "rayleigh_0.5": Rayleigh(0.5),
    "invchi_df4_0.5": OnVariance(InvGamma(4 / 2, 0.5**2 / 2)),  # tau = 0.5 / chi, with 4 degrees of freedom
}


def test_every_distribution_of_the_file_is_tested():
    assert set(PRIORS) == set(GOLDEN["dists"])


@pytest.mark.parametrize("name", PRIORS)
def test_matches_r(name):
    prior, want = PRIORS[name], GOLDEN["dists"][name]
    digits = {"rtol": 1e-9, "atol": 1e-13}
    np.testing.assert_allclose(prior.pdf(GOLDEN["x"]), want["d"], **digits)
    np.testing.assert_allclose(prior.cdf(GOLDEN["x"]), want["cdf"], **digits)
    np.testing.assert_allclose(prior.ppf(GOLDEN["p"]), want["q"], **digits)
    if "mean" in want:
        np.testing.assert_allclose((prior.mean(), prior.sd() ** 2), (want["mean"], want["var"]), **digits)
    else:
        assert prior.mean() == np.inf
