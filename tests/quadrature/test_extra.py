"""The engine against 45 reference posteriors from an independent adaptive rule (tests/golden/extra.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parents[1] / "golden" / "extra.json").read_text(encoding="utf-8"))["cases"]
}
FAMILIES = {
    "uniform": lambda p: bm.ImproperUniform() if p.get("upper") is None else bm.Uniform(p["lower"], p["upper"]),
    "halfnormal": lambda p: bm.HalfNormal(p["scale"]),
    "halfcauchy": lambda p: bm.HalfCauchy(p["scale"]),
    "halft": lambda p: bm.HalfStudentT(p["df"], p["scale"]),
    "exponential": lambda p: bm.Exponential(p["rate"]),
    "lognormal": lambda p: bm.LogNormal(p["meanlog"], p["sdlog"]),
    "logstudentt": lambda p: bm.LogStudentT(p["df"], p["location"], p["scale"]),
    "invgamma": lambda p: bm.InvGamma(p["shape"], p["scale"]),
    "normal": lambda p: bm.Normal(p["mean"], p["sd"]),
    "studentt": lambda p: bm.StudentT(p["df"], p["mean"], p["scale"]),
    "cauchy": lambda p: bm.Cauchy(p["mean"], p["scale"]),
    "pointmass": lambda p: bm.PointMass(p["value"]),
}


def scale_prior(p):
    if p["family"] == "mixture":
        return bm.Mixture([(c["weight"], scale_prior(c["prior"])) for c in p["components"]])
    return FAMILIES[p["family"]](p)


def coefficient_prior(p):
    if p["family"] == "mixture":
        return bm.Mixture([(c["weight"], coefficient_prior(c["prior"])) for c in p["components"]])
    return bm.Flat() if p["family"] == "uniform" else FAMILIES[p["family"]](p)


def coefficient_priors(case):
    """Arguments `mu` and `beta` of the model."""
    if "mu_prior" in case:
        return {"mu": coefficient_prior(case["mu_prior"])}
    prior, names = case["beta_prior"], case["X_names"]
    columns = tuple(names[1:])
    if prior["family"] == "independent":
        mu, *rest = map(coefficient_prior, prior["priors"])
    elif "cov" in prior:
        return {"beta": {("mu", *columns): bm.MultivariateNormal(prior["mean"], prior["cov"])}}
    elif prior["family"] == "uniform":
        mu, *rest = [bm.Flat()] * len(names)
    else:
        mu, *rest = [bm.Normal(m, s) for m, s in zip(prior["mean"], prior["sd"], strict=True)]
    return {"mu": mu, "beta": dict(zip(columns, rest, strict=True))}


def fitted(case):
    """The fit, and from the reference's names of parameters to ours."""
    y, columns, names = np.array(case["y"]), {}, {"mu": "mu", "tau": "tau", "theta_new": "theta_new"}
    priors, formula, between = coefficient_priors(case), "1", bm.Independent()
    if "X" in case:
        X = np.array(case["X"], float)
        assert (X[:, 0] == 1).all()
        columns |= dict(zip(case["X_names"][1:], X[:, 1:].T, strict=True))
        names |= {case["X_names"][0]: "mu"} | {name: name for name in case["X_names"][1:]}
        formula = " + ".join(["1", *case["X_names"][1:]])
    if "G_blocks" in case:
        columns["trial"] = [f"T{i}" for i, size in enumerate(case["G_blocks"]) for _ in range(size)]
        between = bm.MultiArm("trial")
    if "levels" in case:
        outer, inner = case["levels"]
        columns |= {outer: [str(x) for x in case["levels"][outer]]}
        base = bm.NormalNormal(formula=formula, tau=scale_prior(case["tau_prior"][inner]), **priors)
        model = bm.TwoScales(base, bm.Cluster(outer), scale_prior(case["tau_prior"][outer]))
        names |= {f"tau_{inner}": "tau", f"tau_{outer}": f"tau_{outer}"}
    else:
        model = bm.NormalNormal(formula=formula, tau=scale_prior(case["tau_prior"]), between=between, **priors)
    known = {"cov": case["V"]} if "V" in case else {"se": case["sigma"]}
    return bm.fit(bm.Estimates(y, covariates=columns or None, **known), model, "quadrature"), names


SLOW = {"nested_konstantopoulos", "nested_small_flat", "regression_cauchy", "regression_student_t"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in CASES])
def test_every_number(name):
    case = CASES[name]
    result, names = fitted(case)
    exact = case["exact"]
    assert result.error_bound < 1e-8
    if exact["log_marginal_likelihood"] is None:
        assert result.log_marginal_likelihood is None
    else:
        assert_allclose(result.log_marginal_likelihood, exact["log_marginal_likelihood"], rtol=1e-8, atol=1e-8)
    for parameter, want in exact["summary"].items():
        check_marginal(result.marginal(names[parameter]), want)
    for parameter, want in exact["cdf"].items():
        assert_allclose(result.marginal(names[parameter]).cdf(want["x"]), want["p"], atol=1e-8)
    theta = result.shrinkage()
    for key in ("mean", "sd"):
        assert_allclose(theta[key], exact["theta"][key], rtol=1e-7, atol=1e-12)


def check_marginal(marginal, want):
    """Moments, median, mode and both intervals, as far as they exist."""
    width = want["central"][1] - want["central"][0]
    scale = width if width > 0 else 1.0  # the bound is on probabilities: an error of a quantile is relative to this
    for key in ("mean", "sd"):
        value = getattr(marginal, key)()
        if want[key] is None:
            assert not np.isfinite(value), key
        else:
            assert_allclose(value, want[key], rtol=1e-7, atol=1e-8 * scale, err_msg=key)
    assert_allclose(marginal.median(), want["median"], rtol=1e-7, atol=1e-7 * scale)
    assert_allclose(marginal.interval(0.95, "eti"), want["central"], rtol=1e-7, atol=1e-6 * scale)
    if want["shortest"] is not None:
        assert_allclose(marginal.interval(0.95, "hdi"), want["shortest"], rtol=1e-6, atol=1e-6 * scale)
    if want["mode"] is not None:
        assert_allclose(marginal.mode(), want["mode"], rtol=1e-6, atol=1e-6 * scale)


@pytest.mark.parametrize("name", ["spike_mu", "spike_tau", "spike_mu_and_tau", "regression_spike"])
def test_probabilities_of_the_parts(name):
    """Posterior probabilities of spike and slab."""
    case = CASES[name]
    result, _ = fitted(case)
    want = sorted(component["posterior_probability"] for component in case["exact"]["components"])
    assert_allclose(sorted(part.probability for part in result.fit.parts), want, atol=1e-9)
