"""Meta-regression and model averaging against golden values, printed to ten significant digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.results.quadrature_marginals import linear_marginal

GOLDEN = Path(__file__).parents[1] / "golden"
PRINTED = 1e-9
TAU = {
    "halfnormal": lambda p: bm.HalfNormal(p["scale"]),
    "halfcauchy": lambda p: bm.HalfCauchy(p["scale"]),
    "uniform": lambda _: bm.ImproperUniform(),
}


def _regressions():
    for path in sorted(GOLDEN.glob("bmr_*.json")):
        data = json.loads(path.read_text("utf-8"))
        for i, case in enumerate(data["cases"]):
            yield pytest.param(data, case, id=f"{data['dataset']}-{i}")


def _fit(data, case):
    X, names = np.array(data["X"], float), data["X_names"]
    intercept = names[0] == "intercept"
    columns = {name.replace(".", "_"): X[:, j] for j, name in enumerate(names) if name != "intercept"}
    formula = " + ".join(["1" if intercept else "0", *columns])
    prior = case["beta_prior"]
    priors = [bm.Flat()] * len(names)
    if prior["family"] == "normal":
        priors = [bm.Normal(m, s) for m, s in zip(prior["mean"], prior["sd"], strict=True)]
    beta = dict(zip(columns, priors[int(intercept) :], strict=True))
    model = bm.NormalNormal(
        formula=formula,
        mu=priors[0] if intercept else bm.Flat(),
        tau=TAU[case["tau_prior"]["family"]](case["tau_prior"]),
        beta=beta,
    )
    estimates = bm.Estimates(y=data["y"], se=data["sigma"], study=data["labels"], covariates=columns or None)
    return bm.fit(estimates, model, "quadrature")


def _assert_intervals(marginal, want, quantiles="central", shortest="shortest"):
    levels = [0.025, 0.5, 0.975] if len(want[quantiles]) == 3 else [0.025, 0.975]
    width = want[quantiles][-1] - want[quantiles][0]
    np.testing.assert_allclose(marginal.ppf(levels), want[quantiles], rtol=PRINTED, atol=PRINTED * width)
    np.testing.assert_allclose(marginal.cdf(want[quantiles]), levels, rtol=0, atol=1e-8)
    # a shortest interval is flat at its optimum, so its ends are known to the root of the printed digits
    np.testing.assert_allclose(marginal.hdi(0.95), want[shortest], rtol=1e-6, atol=1e-7 * width)


@pytest.mark.parametrize(("data", "case"), list(_regressions()))
def test_a_regression_is_that_of_the_golden_file(data, case):
    result, want = _fit(data, case), case["exact"]
    marginals = [result.marginal(name) for name in result.fit.names]
    for marginal, wanted in [
        (result.marginal("tau"), want["tau"]),
        *zip(marginals, want["beta"].values(), strict=True),
    ]:
        assert marginal.mean() == pytest.approx(wanted["mean"], rel=PRINTED, abs=PRINTED * wanted["sd"])
        # under the improper uniform prior the file's integral ends at tau = 1e7 or so: 5e-8 of the sd of tau
        assert marginal.sd() == pytest.approx(wanted["sd"], rel=1e-7)
        assert marginal.mode() == pytest.approx(wanted["mode"], rel=1e-6, abs=1e-6 * wanted["sd"])
        _assert_intervals(marginal, wanted)
    covariance = want["beta_cov"] if len(marginals) > 1 else [[want["beta"]["intercept"]["sd"] ** 2]]
    for i in range(len(marginals)):
        for j in range(i):
            total = linear_marginal(result.fit, np.eye(len(marginals))[i] + np.eye(len(marginals))[j])
            sum_of_two = (total.sd() ** 2 - marginals[i].sd() ** 2 - marginals[j].sd() ** 2) / 2
            assert sum_of_two == pytest.approx(covariance[i][j], rel=1e-7, abs=1e-9 * covariance[i][i])
    for name, wanted in zip(result.data.study, want["theta"], strict=True):
        theta = result.marginal(f"theta[{name}]")
        found = [theta.median(), theta.mean(), theta.sd()]
        np.testing.assert_allclose(found, [wanted["median"], wanted["mean"], wanted["sd"]], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(theta.hdi(0.95), wanted["shortest"], rtol=1e-6, atol=1e-7 * wanted["sd"])


@pytest.mark.parametrize(("data", "case"), list(_regressions()))
def test_predictions_are_those_of_the_golden_file(data, case):
    result = _fit(data, case)
    for want in case["exact"]["predict"]:
        x = np.atleast_1d(np.array(want["x"], float))
        _assert_intervals(linear_marginal(result.fit, x), want, "mean_quantiles", "mean_shortest")
        _assert_intervals(linear_marginal(result.fit, x, new_study=True), want, "new_quantiles", "new_shortest")
        if "mu" in result.fit.names:  # and the same as text
            terms = "".join(f" + {v} * {name}" for v, name in zip(x[1:], result.coefficients, strict=True))
            _assert_intervals(result.marginal("mu" + terms), want, "mean_quantiles", "mean_shortest")
            _assert_intervals(result.marginal("theta_new" + terms), want, "new_quantiles", "new_shortest")


@pytest.mark.parametrize(("data", "case"), list(_regressions()))
def test_evidence_is_that_of_the_golden_file(data, case):
    result, want = _fit(data, case), case["exact"]
    if case["beta_prior"]["family"] == "uniform" or not case["tau_prior"]["proper"]:
        assert result.log_marginal_likelihood is None
    else:
        assert result.log_marginal_likelihood == pytest.approx(want["log_marginal_likelihood"], rel=PRINTED)
    if want["bayesfactor_tau0"] is not None:
        assert result.bayes_factor("tau = 0") == pytest.approx(want["bayesfactor_tau0"], rel=1e-8)


@pytest.fixture(scope="module")
def averaged():
    data = json.loads((GOLDEN / "bma_bem2011.json").read_text("utf-8"))
    spike = bm.PointMass(0)
    model = bm.NormalNormal(
        mu=bm.Mixture([(0.5, spike), (0.5, bm.Normal(0, 1))]),
        tau=bm.Mixture([(0.5, spike), (0.5, bm.InvGamma(1, 0.15))]),
    )
    return bm.fit(bm.Estimates(y=data["y"], se=data["sigma"]), model, "quadrature"), data["exact"]


def _name(part):
    return f"{'fixed' if part.scale == 0.0 else 'random'}_{'null' if part.piece.fixed else 'effect'}"


def test_model_averaging_gives_the_golden_models(averaged):
    result, want = averaged
    parts = {_name(part): part for part in result.fit.parts}
    assert set(parts) == set(want["posterior_probability"])
    for name, part in parts.items():
        assert part.prior_probability == 0.25
        assert part.probability == pytest.approx(want["posterior_probability"][name], rel=1e-7)
        assert part.log_evidence == pytest.approx(want["log_marginal_likelihood"][name], rel=PRINTED)
    total = np.logaddexp.reduce([v + np.log(0.25) for v in want["log_marginal_likelihood"].values()])
    assert result.log_marginal_likelihood == pytest.approx(total, rel=PRINTED)
    assert 1 / result.bayes_factor("mu = 0") == pytest.approx(want["inclusion_BF"]["effect"], rel=1e-7)
    assert 1 / result.bayes_factor("tau = 0") == pytest.approx(want["inclusion_BF"]["heterogeneity"], rel=1e-7)


def test_model_averaging_gives_the_golden_moments(averaged):
    result, want = averaged
    mu, tau = result.marginal("mu"), result.marginal("tau")
    assert mu.mean() == pytest.approx(want["mu_averaged_mean"], rel=PRINTED)
    assert tau.mean() == pytest.approx(want["tau_averaged_mean"], rel=PRINTED)
    heterogeneous = 1 - tau.cdf(0.0)
    assert heterogeneous == pytest.approx(result.probability("tau > 0"), abs=1e-12)
    assert tau.mean() / heterogeneous == pytest.approx(want["tau_given_heterogeneity_mean"], rel=1e-8)
    null = mu.cdf(0.0) - mu.cdf(-1e-12)
    expected = sum(want["posterior_probability"][name] for name in ("fixed_null", "random_null"))
    assert null == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("tau", "mu_name", "tau_name"),
    [
        (bm.InvGamma(1, 0.15), "mu_random_effect", "tau_random_effect"),
        (bm.PointMass(0), "mu_fixed_effect", None),
        (bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.InvGamma(1, 0.15))]), "mu_given_effect", None),
    ],
    ids=["random", "fixed", "averaged"],
)
def test_conditional_moments_are_those_of_the_golden_file(averaged, tau, mu_name, tau_name):
    result, want = averaged
    given = bm.fit(result.data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=tau), "quadrature")
    for name, key in (("mu", mu_name), ("tau", tau_name)):
        if key is not None:
            marginal, wanted = given.marginal(name), want[key]
            assert marginal.mean() == pytest.approx(wanted["mean"], rel=PRINTED)
            assert marginal.sd() == pytest.approx(wanted["sd"], rel=PRINTED)
            if "central" in wanted:
                assert marginal.mode() == pytest.approx(wanted["mode"], rel=1e-7)
                assert marginal.median() == pytest.approx(wanted["median"], rel=PRINTED)
                _assert_intervals(marginal, wanted)
