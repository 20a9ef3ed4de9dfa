"""Against golden values: `exact` is an independent quadrature of 1,600 nodes, printed to ten significant digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm

GOLDEN = Path(__file__).parents[1] / "golden"
PRINTED = 1e-9  # relative: half a unit of the tenth digit, and the cancellation in a standard deviation

TAU = {
    "halfnormal": lambda p: bm.HalfNormal(p["scale"]),
    "halfcauchy": lambda p: bm.HalfCauchy(p["scale"]),
    "halft": lambda p: bm.HalfStudentT(p["df"], p["scale"]),
    "halflogistic": lambda p: bm.HalfLogistic(p["scale"]),
    "rayleigh": lambda p: bm.Rayleigh(p["scale"]),
    "exponential": lambda p: bm.Exponential(p["rate"]),
    "lomax": lambda p: bm.Lomax(p["shape"], p["scale"]),
    "lognormal": lambda p: bm.LogNormal(p["meanlog"], p["sdlog"]),
    "logstudentt": lambda p: bm.LogStudentT(p["df"], p["location"], p["scale"]),
    "invgamma_on_tau2": lambda p: bm.OnVariance(bm.InvGamma(p["shape"], p["scale"])),
    "uniform": lambda p: bm.ImproperUniform() if p["upper"] is None else bm.Uniform(p["lower"], p["upper"]),
    "jeffreys": lambda _: bm.Jeffreys(),
    "overalljeffreys": lambda _: bm.OverallJeffreys(),
    "dumouchel": lambda _: bm.DuMouchel(),
    "shrinkage": lambda _: bm.UniformShrinkage(),
    "i2": lambda _: bm.ISquared(),
    "sqrt": lambda _: bm.SqrtUniform(),
    "bergerdeely": lambda _: bm.BergerDeely(),
    "conventional": lambda _: bm.Conventional(),
}


def _prior(prior):
    return bm.Flat() if prior["family"] == "uniform" else bm.Normal(prior["mean"], prior["sd"])


def _fit(y, sigma, case):
    model = bm.NormalNormal(mu=_prior(case["mu_prior"]), tau=TAU[case["tau_prior"]["family"]](case["tau_prior"]))
    return bm.fit(bm.Estimates(y=y, se=sigma), model, "quadrature")


def _cases():
    for path in sorted(GOLDEN.glob("bayesmeta_*.json")):
        data = json.loads(path.read_text("utf-8"))
        for case in data["cases"]:
            yield pytest.param(data, case, id=f"{data['dataset']}-{case['id']}")


def _studies():
    """The same, with all but the first case of the data sets of 19 and more studies left to the slow tests."""
    for case in _cases():
        data, first = case.values[0], case.values[1] is case.values[0]["cases"][0]
        marks = () if len(data["y"]) < 19 or first else pytest.mark.slow
        yield pytest.param(*case.values, id=case.id, marks=marks)


def _edge_cases():
    for case in json.loads((GOLDEN / "edge_cases.json").read_text("utf-8"))["cases"]:
        yield pytest.param(case, id=f"{case['id']}-{case['tau_prior']['family']}")


def assert_marginal(marginal, want, rtol=PRINTED):
    """Mean, sd, median, mode, central and shortest intervals; null is a moment that does not exist."""
    width = want["central"][1] - want["central"][0]
    found = {"mean": marginal.mean(), "median": marginal.median(), "central": marginal.interval(0.95, "eti")}
    found["shortest"] = marginal.interval(0.95, "hdi")
    for name, value in found.items():
        if want[name] is None:
            assert not np.isfinite(value)
        else:
            # a shortest interval is flat at its optimum, so its ends are known to the root of the printed digits
            near = 1e-7 if name == "shortest" else rtol
            np.testing.assert_allclose(value, want[name], rtol=rtol, atol=near * width, err_msg=name)
    np.testing.assert_allclose(marginal.cdf(want["central"]), [0.025, 0.975], rtol=0, atol=1e-8)
    assert marginal.mode() == pytest.approx(want["mode"], rel=1e-6, abs=1e-6 * width)
    if want["sd"] is None:
        assert marginal.sd() == np.inf
    else:
        assert marginal.sd() == pytest.approx(want["sd"], rel=1e-6)


@pytest.mark.parametrize(("data", "case"), list(_cases()))
def test_the_marginals_are_those_of_the_golden_file(data, case):
    result, want = _fit(data["y"], data["sigma"], case), case["exact"]
    for name in ("tau", "mu", "theta_new"):
        assert_marginal(result.marginal(name), want["summary"][name])
        grid, density = case["grids"][name], want["density"][name]
        np.testing.assert_allclose(result.marginal(name).pdf(grid), density, rtol=1e-8, err_msg=f"density of {name}")
    assert result.probability("mu < 0") == pytest.approx(want["p_mu_lt_0"], rel=1e-8, abs=1e-12)
    assert result.probability("theta_new < 0") == pytest.approx(want["p_theta_new_lt_0"], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("data", "case"), list(_studies()))
def test_evidence_and_studies_are_those_of_the_golden_file(data, case):
    result, want = _fit(data["y"], data["sigma"], case), case["exact"]
    if want.get("log_marginal_likelihood") is None:
        assert result.log_marginal_likelihood is None
    else:
        assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], rel=PRINTED)
        assert result.bayes_factor("tau = 0") == pytest.approx(want["bayesfactor"]["tau0"], rel=1e-8)
        assert result.bayes_factor("mu = 0") == pytest.approx(want["bayesfactor"]["mu0"], rel=1e-8)
    shortest = result.shrinkage(ci_prob=0.95, ci_kind="hdi")
    width = float((shortest["upper"] - shortest["lower"]).max())
    medians = [result.marginal(f"theta[{name}]").median() for name in result.data.study]
    for found, name in ((shortest["mean"], "mean"), (shortest["sd"], "sd"), (medians, "median")):
        np.testing.assert_allclose(found, want["theta"][name], rtol=1e-8, atol=PRINTED * width, err_msg=name)
    for name in ("lower", "upper"):
        np.testing.assert_allclose(shortest[name], want["theta"][name], rtol=1e-6, atol=1e-7 * width, err_msg=name)


@pytest.mark.parametrize("case", list(_edge_cases()))
def test_the_marginals_are_right_at_the_edges(case):
    result, want = _fit(case["y"], case["sigma"], case), case["exact"]
    assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], rel=PRINTED)
    for name in ("tau", "mu", "theta_new"):
        marginal, wanted, rtol = result.marginal(name), dict(want["summary"][name]), PRINTED
        if case["id"] == "tiny_scale":  # the file is off by 8e-6 in sd and 5e-9 in the rest: see test_tiny_scale.py
            assert marginal.sd() == pytest.approx(wanted["sd"], rel=1e-5)
            wanted["sd"], rtol = marginal.sd(), 1e-8
        assert_marginal(marginal, wanted, rtol)
