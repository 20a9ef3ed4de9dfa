"""Counts by their own likelihood against brute force by dense grids, written elsewhere, and posteriors that NICE printed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm
from bayesmeta.families.prepared import prepare

GOLDEN = Path(__file__).parents[2] / "golden"
NAMES = ("bcg", "nielweise2007", "nissen2007_mi", "pritz1997", "hart1999", "smoking_meta")
KINDS = {
    "binomial": (bm.Counts, bm.BinomialNormal),
    "single": (bm.Proportions, bm.BinomialNormal),
    "hypergeometric": (bm.Counts, bm.HypergeometricNormal),
    "poisson": (bm.Rates, bm.PoissonNormal),
}


def _cases():
    for name in NAMES:
        content = json.loads((GOLDEN / f"counts_{name}.json").read_text("utf-8"))
        for case in content["cases"]:
            if case["likelihood"] in KINDS:
                yield pytest.param(content["data"], case, id=f"{name}-{case['id']}")


def _model(case):
    kind = KINDS[case["likelihood"]][1]
    priors = {
        "mu": bm.Normal(case["mu_prior"]["mean"], case["mu_prior"]["sd"]),
        "tau": bm.HalfNormal(case["tau_prior"]["scale"]),
    }
    if "x" not in case:
        return kind(**priors)
    slope = bm.Normal(case["beta_prior"]["mean"], case["beta_prior"]["sd"])
    return kind(formula="1 + x", beta={"x": slope}, **priors)


def _data(data, case):
    kind = KINDS[case["likelihood"]][0]
    counts = {column.name: data[column.name] for column in kind.columns}
    return kind(**counts, covariates={"x": case["x"]} if "x" in case else None)


@pytest.mark.parametrize(("data", "case"), list(_cases()))
def test_posteriors_are_those_of_brute_force(data, case):
    result, want = bm.fit(_data(data, case), _model(case)), case["exact"]
    assert result.engine == "quadrature"
    assert result.error_bound < 1e-6
    assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], abs=1e-6)
    names = {"mu": "mu", "tau": "tau", "theta_new": "theta_new", "beta": "x"}
    for key, name in names.items():
        if key not in want:
            continue
        marginal, other = result.marginal(name), want[key]
        assert marginal.mean() == pytest.approx(other["mean"], abs=1e-6)
        assert marginal.sd() == pytest.approx(other["sd"], abs=1e-6)
        levels, quantiles = zip(*other["quantiles"].items(), strict=True)
        assert_allclose(marginal.ppf([float(q) for q in levels]), quantiles, atol=1e-6, err_msg=name)
    assert result.probability("mu < 0") == pytest.approx(want["p_mu_lt_0"], abs=1e-6)
    for key, claim in (("p_theta_new_lt_0", "theta_new < 0"), ("p_beta_lt_0", "x < 0")):
        if key in want:
            assert result.probability(claim) == pytest.approx(want[key], abs=1e-6)
    if "common_effect" in want:
        model = result.model
        common = bm.fit(result.data, type(model)(mu=model.base.mu, tau=bm.PointMass(0)))
        assert common.log_marginal_likelihood == pytest.approx(
            want["common_effect"]["log_marginal_likelihood"], abs=1e-6
        )
        mu = common.marginal("mu")
        assert (mu.mean(), mu.sd()) == pytest.approx(
            tuple(want["common_effect"]["mu"][key] for key in ("mean", "sd")), abs=1e-6
        )
        factor = want["common_effect"]["log_marginal_likelihood"] - want["log_marginal_likelihood"]
        assert np.log(result.bayes_factor("tau = 0")) == pytest.approx(factor, abs=2e-6)
        factor = want["mu_zero_random_effects"]["log_marginal_likelihood"] - want["log_marginal_likelihood"]
        assert np.log(result.bayes_factor("mu = 0")) == pytest.approx(factor, abs=2e-6)


@pytest.mark.parametrize(("data", "case"), [one for one in _cases() if "flat_limit_ml" in one.values[1]])
def test_the_likelihood_has_the_maximum_of_brute_force(data, case):
    want = case["flat_limit_ml"]
    ready = prepare(_data(data, case), _model(case))
    curves = ready.family.curves(ready.data, ready.model)

    def log_likelihood(mu, tau):
        total = curves.tables.log_totals(np.array([[mu]]), np.ones((ready.data.n_studies, 1)), np.array([tau]))
        return float(total[0] + curves.log_constant.sum())

    top = log_likelihood(want["mu"], want["tau"])
    assert top == pytest.approx(want["loglik"], abs=1e-6)
    for mu, tau in ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -min(0.05, want["tau"]))):
        assert log_likelihood(want["mu"] + mu, want["tau"] + tau) <= top + 1e-8


@cache
def _first(name, likelihood):
    content = json.loads((GOLDEN / f"counts_{name}.json").read_text("utf-8"))
    case = next(one for one in content["cases"] if one["likelihood"] == likelihood)
    return _data(content["data"], case), _model(case), case["exact"]


@pytest.mark.parametrize(
    ("name", "likelihood"),
    [
        ("bcg", "binomial"), ("nielweise2007", "binomial"), ("pritz1997", "single"), ("nielweise2007", "hypergeometric"),
        ("hart1999", "poisson"),
    ],
)  # fmt: skip
def test_effects_of_studies_and_what_leaving_them_out_does(name, likelihood):
    data, model, want = _first(name, likelihood)
    result = bm.fit(data, model)
    shrunk = result.shrinkage()
    assert_allclose(shrunk["mean"], want["theta"]["mean"], atol=1e-6)
    assert_allclose(shrunk["sd"], want["theta"]["sd"], atol=1e-6)
    assert list(shrunk["known"]) == [not zero for zero in data.zero_cell]
    loo = bm.leave_one_out(data, model, claim="mu < 0")
    assert_allclose(loo.table["elpd"], want["elpd_loo"], atol=1e-6)
    least = (
        -1e-9 if likelihood == "hypergeometric" else 0.0
    )  # where a study without events says nothing, leaving it out is nothing
    assert (loo.table["p_loo"] > least).all()


TSD = GOLDEN / "tsd"


def _arms(name, covariates=()):
    frame = pd.read_csv(TSD / f"tsd_{name}.csv")
    control, treated = (frame[frame["trtc"].isin(arms)].set_index("studyn") for arms in (_CONTROL, _TREATED))
    return bm.Counts(
        events_t=treated["r"].to_numpy(), n_t=treated["n"].to_numpy(), events_c=control["r"].to_numpy(),
        n_c=control["n"].to_numpy(), covariates={c: control[c].to_numpy() for c in covariates} or None,
    )  # fmt: skip


_CONTROL, _TREATED = ("Control", "Unvaccinated"), ("Beta Blocker", "Vaccinated")


def _printed(example, parameter):
    rows = pd.read_csv(TSD / "nice_tsd_posteriors.csv")
    (row,) = rows[(rows["example"] == example) & (rows["parameter"] == parameter)].to_dict("records")
    return row


def _is_printed(marginal, row, error):
    """Half a unit of the last printed digit, and the Monte Carlo error of the printed numbers and what Uniform(0, 5) is beside a
    half-normal prior, which are of the size of `error`."""
    for key, value in {
        "mean": marginal.mean(), "sd": marginal.sd(), "q025": marginal.ppf(0.025), "median": marginal.ppf(0.5),
        "q975": marginal.ppf(0.975),
    }.items():  # fmt: skip
        if np.isfinite(row[key]):
            assert value == pytest.approx(row[key], abs=error), key


def test_the_beta_blockers_are_as_nice_printed_them():
    data = _arms("blocker")
    assert data.n_studies == 22
    vague = {"mu": bm.Normal(0, 100), "baseline": bm.Normal(0, 100)}
    common = bm.fit(data, bm.BinomialNormal(tau=bm.PointMass(0), **vague))
    _is_printed(common.marginal("mu"), _printed("blocker FE", "d"), 0.006)
    random = bm.fit(data, bm.BinomialNormal(tau=bm.HalfNormal(5), **vague))
    _is_printed(random.marginal("mu"), _printed("blocker RE", "d"), 0.006)
    _is_printed(random.marginal("tau"), _printed("blocker RE", "tau"), 0.011)


def test_the_bcg_vaccine_is_as_nice_printed_it():
    data, vague = _arms("bcg_vaccine", ("latitude",)), {"mu": bm.Normal(0, 100), "baseline": bm.Normal(0, 100)}
    random = bm.fit(data, bm.BinomialNormal(tau=bm.HalfNormal(5), **vague))
    _is_printed(random.marginal("mu"), _printed("bcg RE", "d"), 0.011)
    _is_printed(random.marginal("tau"), _printed("bcg RE", "tau"), 0.011)
    _is_printed(random.marginal("theta_new"), _printed("bcg RE new trial", "d"), 0.02)
    latitude = data.covariates["latitude"].to_numpy()
    counts = {column.name: getattr(data, column.name) for column in bm.Counts.columns}
    centred = bm.Counts(**counts, covariates={"latitude": latitude - latitude.mean()})
    slope = bm.fit(
        centred,
        bm.BinomialNormal(formula="1 + latitude", tau=bm.HalfNormal(5), beta={"latitude": bm.Normal(0, 100)}, **vague),
    )
    _is_printed(slope.marginal("mu"), _printed("bcg RE + latitude (centred)", "d"), 0.012)
    _is_printed(slope.marginal("latitude"), _printed("bcg RE + latitude", "beta"), 0.006)
    _is_printed(slope.marginal("tau"), _printed("bcg RE + latitude", "tau"), 0.02)


def test_no_event_under_control_is_evidence():
    """5 of 35 versus 0 of 39, 2 of 40 versus 0 of 40: with baselines of which nothing is known, 0.998, where half an event
    added to each cell says 0.96."""
    data = bm.Counts(events_t=[5, 2], n_t=[35, 40], events_c=[0, 0], n_c=[39, 40])
    priors = {"mu": bm.Normal(0, 2.82), "tau": bm.HalfNormal(0.5)}
    vague = bm.fit(data, bm.BinomialNormal(baseline=bm.Normal(0, 100), **priors))
    assert vague.probability("mu > 0") == pytest.approx(0.998, abs=5e-4)
    columns = {"study": list("AB"), "events_t": [5, 2], "n_t": [35, 40], "events_c": [0, 0], "n_c": [39, 40]}
    with pytest.warns(bm.DataWarning):
        corrected = bm.effect_sizes(columns, "log_or")
    assert bm.fit(corrected, bm.NormalNormal(**priors)).probability("mu > 0") == pytest.approx(0.9625, abs=5e-5)
