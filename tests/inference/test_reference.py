"""The tests' own quadrature against R: what is compared with it can then be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import halfcauchy, halfnorm


@pytest.mark.parametrize(
    ("dataset", "case"),
    [
        ("rubin1981", "halfnormal_0.5__mu_normal"),
        ("hinks2010", "halfnormal_0.5__mu_uniform"),
        ("hinks2010", "halfcauchy_0.5__mu_normal"),
    ],
)
def test_matches_golden(golden, quadrature, dataset, case):
    found = golden(f"bayesmeta_{dataset}")
    want = next(c for c in found["cases"] if c["id"] == case)
    family = {"halfnormal": halfnorm, "halfcauchy": halfcauchy}[want["tau_prior"]["family"]]
    law = family(scale=want["tau_prior"]["scale"])
    mean, sd = want["mu_prior"].get("mean", 0.0), want["mu_prior"].get("sd", np.inf)
    V, X = np.diag(np.square(found["sigma"])), np.ones((len(found["y"]), 1))
    got = quadrature(found["y"], V, X, [mean], [sd], law.logpdf)
    exact = want["exact"]
    for name, pair in (("tau", got.tau), ("mu", got.beta[:, 0])):
        assert_allclose(pair, [exact["summary"][name]["mean"], exact["summary"][name]["sd"]], rtol=1e-6)
    assert_allclose(got.theta, [exact["theta"]["mean"], exact["theta"]["sd"]], rtol=1e-6)
    if "p_mu_lt_0" in exact:
        assert_allclose(got.negative, exact["p_mu_lt_0"], rtol=1e-6)


@pytest.mark.parametrize("name", ["bmr_crins_IL2RA_offset", "bmr_goralczyk_followup"])
def test_matches_golden_regression(golden, quadrature, name):
    found = golden(name)
    case = found["cases"][0]
    prior = case["beta_prior"]
    mean, sd = prior.get("mean", [0.0, 0.0]), prior.get("sd", [np.inf, np.inf])
    V = np.diag(np.square(found["sigma"]))
    got = quadrature(found["y"], V, found["X"], mean, sd, halfnorm(scale=case["tau_prior"]["scale"]).logpdf)
    exact = case["exact"]
    assert_allclose(got.tau, [exact["tau"]["mean"], exact["tau"]["sd"]], rtol=1e-6)
    assert_allclose(got.beta[0], exact["beta_mean"], rtol=1e-6)
    assert_allclose(got.beta[1], np.sqrt(np.diag(exact["beta_cov"])), rtol=1e-6)
    assert_allclose(got.theta, np.transpose([[t["mean"], t["sd"]] for t in exact["theta"]]), rtol=1e-6)
