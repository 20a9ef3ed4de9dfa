"""Ranks of the truth are uniform when the data come from the prior, and are not when the model is another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm
from bayesmeta.diagnostics import calibration

SE = np.array([0.1, 0.2, 0.3, 0.5, 0.8])
MODELS = {
    "half-normal": bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)),
    "uniform": bm.NormalNormal(mu=bm.Normal(0.2, 0.5), tau=bm.Uniform(0, 1)),
    "log-t": bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.LogStudentT(5, -1.72, 1.295)),
    "t and mixture": bm.NormalNormal(
        mu=bm.Mixture([(0.5, bm.Normal(0, 0.2)), (0.5, bm.StudentT(3, 0, 1))]), tau=bm.HalfCauchy(0.3)
    ),
}


def p_values(found):
    """Chi-square over 20 bins, for each parameter."""
    counts = [np.histogram(found["pit"].sel(parameter=p), bins=20, range=(0, 1))[0] for p in found["parameter"]]
    return np.array([stats.chisquare(c).pvalue for c in counts])


@pytest.mark.parametrize("name", MODELS)
def test_ranks_are_uniform(name):
    n = 200 if name == "t and mixture" else 2000
    found = bm.simulation_based_calibration(MODELS[name], SE, replications=n, seed=20260101)
    assert (found["error_bound"] < 1e-8).all()
    assert p_values(found).min() > 0.001  # twelve such tests: one in 80 runs of a right engine, with other seeds


def test_a_wrong_model_is_found_out(monkeypatch):
    """Posteriors that take the standard errors for 20% smaller than they are."""
    posterior = calibration.lanes_of.run

    def wrong(batch, *arguments):
        object.__setattr__(batch, "v", batch.v * 0.64)
        return posterior(batch, *arguments)

    monkeypatch.setattr(calibration.lanes_of, "run", wrong)
    found = bm.simulation_based_calibration(MODELS["half-normal"], SE, replications=4000, seed=20260101)
    assert p_values(found)[:2].min() < 1e-4


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (bm.NormalNormal(tau=bm.HalfNormal(1)), "prior for mu is Flat"),
        (bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.Jeffreys()), "prior for tau is Jeffreys"),
        (bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 1), tau=bm.HalfNormal(1)), "without covariates"),
    ],
)
def test_what_cannot_be_simulated_is_refused(model, message):
    with pytest.raises(bm.SpecificationError, match=message):
        bm.simulation_based_calibration(model, SE)
    with pytest.raises(bm.DataError, match="positive numbers"):
        bm.simulation_based_calibration(MODELS["uniform"], [0.1, 0.0])
