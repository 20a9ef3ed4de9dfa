"""NUTS on estimates against R's bayesmeta, against quadrature, and the groups of the result."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import halfnorm, norm

import bayesmeta as bm
from bayesmeta.inference import sampling

pytestmark = pytest.mark.slow

RUBIN = {
    "halfnormal_0.5__mu_normal": bm.NormalNormal(mu=bm.Normal(0, 50), tau=bm.HalfNormal(5)),
    "halfnormal_0.5__mu_informative": None,  # the prior is read from the file
    "halfnormal_1__mu_normal": bm.NormalNormal(mu=bm.Normal(0, 50), tau=bm.HalfNormal(10)),
}


def model_of(case):
    prior = case["mu_prior"]
    mu = bm.Normal(prior["mean"], prior["sd"]) if prior["family"] == "normal" else bm.Flat()
    assert case["tau_prior"]["family"] == "halfnormal"
    return bm.NormalNormal(mu=mu, tau=bm.HalfNormal(case["tau_prior"]["scale"]))


@pytest.fixture(scope="module")
def rubin(golden):
    """Fits of the eight schools by name, one compilation, with the first model twice and once with another seed."""
    found = golden("bayesmeta_rubin1981")
    cases = {c["id"]: c for c in found["cases"] if c["id"] in RUBIN}
    models = {name: model_of(case) for name, case in cases.items()}
    data = bm.Estimates(found["y"], found["sigma"], found["labels"])
    first = next(iter(models.values()))
    results = bm.fit_many(data, models | {"again": first}, "nuts", seed=7, draws=3000, target_accept=0.98)
    return results, cases


def test_the_models_are_those_of_the_file(rubin):
    results, _ = rubin
    for name, model in RUBIN.items():
        assert model is None or results[name].model == model


@pytest.mark.parametrize("name", RUBIN)
def test_eight_schools_match_r(rubin, assert_within_mcse, assert_rarely_diverges, name):
    results, cases = rubin
    result, exact = results[name], cases[name]["exact"]
    assert_rarely_diverges(result)
    for parameter in ("mu", "tau", "theta_new"):
        want = exact["summary"][parameter]
        draws = result.draws(parameter)
        assert_within_mcse(draws, mean=want["mean"], sd=want["sd"], max_mcse=0.06, label=f"{name} {parameter}")
    table = result.shrinkage()
    for i, study in enumerate(result.data.study):
        mean, sd = exact["theta"]["mean"][i], exact["theta"]["sd"][i]
        draws = result.posterior["theta"].sel(study=study).to_numpy()
        assert_within_mcse(draws, mean=mean, sd=sd, max_mcse=0.06, label=f"{name} theta {study}")
        assert_allclose(table.loc[study, ["mean", "sd"]].tolist(), [draws.mean(), draws.std(ddof=1)])
    p, mcse = result.probability("mu < 0"), result.probability_mcse("mu < 0")
    assert mcse < 0.02
    assert abs(p - exact["p_mu_lt_0"]) < 4 * mcse
    below = f"tau < {exact['summary']['tau']['median']!r}"
    assert result.probability(below) == pytest.approx(0.5, abs=4 * result.probability_mcse(below))


def test_same_seed_same_draws(rubin):
    results, _ = rubin
    first, again = (results[name].datatree for name in ("halfnormal_0.5__mu_normal", "again"))
    for group in (
        "posterior",
        "posterior_predictive",
        "prior",
        "log_prior",
        "log_likelihood",
        "sample_stats",
    ):
        for name, values in first[group].data_vars.items():
            assert_array_equal(values, again[group][name], err_msg=f"{group} {name}")


def test_groups_dimensions_and_attributes(rubin):
    results, _ = rubin
    result = results["halfnormal_0.5__mu_normal"]
    tree = result.datatree
    assert set(tree.children) == {
        "posterior", "sample_stats", "log_likelihood", "log_prior", "prior",
        "posterior_predictive", "observed_data", "constant_data",
    }  # fmt: skip
    assert set(tree["posterior"].data_vars) == {"mu", "tau", "theta", "theta_new"}
    assert tree["posterior"]["theta"].dims == ("chain", "draw", "study")
    assert tree["posterior"]["theta"].shape == (4, 3000, 8)
    assert tree["posterior"]["study"].values.tolist() == list("ABCDEFGH")
    assert set(tree["log_prior"].data_vars) == {"mu", "tau"}
    assert tree["log_prior"]["tau"].dims == ("chain", "draw")
    assert tree["log_likelihood"]["y"].dims == ("chain", "draw", "study")
    assert_array_equal(tree["observed_data"]["y"], result.data.y)
    assert_array_equal(tree["constant_data"]["se"], result.data.se)
    assert {"diverging", "energy"} <= set(tree["sample_stats"].data_vars)
    attrs = tree.attrs
    assert attrs["model"] == str(result.model)
    assert json.loads(attrs["priors"])["tau"] == "HalfNormal(5)"
    assert attrs["data_hash"] == result.data.hash
    assert (attrs["seed"], attrs["engine"], attrs["sampler"]) == (7, "nuts", "nutpie")
    assert {"bayesmeta", "pymc", "nutpie", "numpy"} <= set(json.loads(attrs["versions"]))


def test_stored_densities_are_those_of_the_model(rubin):
    """Marginal likelihood, one value for each study; priors of the top level; recomputed with scipy."""
    results, _ = rubin
    result = results["halfnormal_1__mu_normal"]
    mu, tau = (result.posterior[name].to_numpy() for name in ("mu", "tau"))
    data = result.data
    want = norm.logpdf(data.y, mu[..., None], np.sqrt(data.se**2 + tau[..., None] ** 2))
    assert_allclose(result.datatree["log_likelihood"]["y"], want)
    assert_allclose(result.datatree["log_prior"]["mu"], norm.logpdf(mu, 0, 50))
    assert_allclose(result.datatree["log_prior"]["tau"], halfnorm.logpdf(tau, scale=10))


def test_predictive_draws_and_prior_draws(rubin, assert_within_mcse):
    results, cases = rubin
    name = "halfnormal_0.5__mu_normal"
    result, exact = results[name], cases[name]["exact"]["summary"]
    replicated = result.datatree["posterior_predictive"]["y"]
    for i, se in enumerate(result.data.se):
        sd = np.hypot(exact["theta_new"]["sd"], se)
        draws = replicated.values[..., i]
        assert_within_mcse(draws, mean=exact["mu"]["mean"], sd=sd, max_mcse=0.05, label=f"replicate {i}")
    prior = result.datatree["prior"]
    assert_within_mcse(prior["mu"].values, mean=0, sd=50, max_mcse=0.05)
    assert_within_mcse(prior["tau"].values, mean=5 * np.sqrt(2 / np.pi), sd=halfnorm.std(scale=5), max_mcse=0.05)
    assert_within_mcse(prior["theta_new"].values, mean=0, sd=np.hypot(50, 5), max_mcse=0.05)


def test_summary_and_convergence(rubin):
    results, _ = rubin
    result = results["halfnormal_0.5__mu_normal"]
    table = result.summary(ci_prob=0.9, ci_kind="hdi")
    assert list(table.index) == ["mu", "tau", "theta_new"]
    errors = ["ess_bulk", "ess_tail", "sd_error", "r_hat"]
    assert list(table.columns) == ["mean", "sd", "median", "lower", "upper", *errors]
    assert table.attrs == {"ci_prob": 0.9, "ci_kind": "hdi"}
    assert (table["r_hat"] < 1.01).all()
    assert (table["ess_bulk"] > 400).all()
    for name in table.index:
        draws = result.draws(name).ravel()
        inside = ((draws >= table.loc[name, "lower"]) & (draws <= table.loc[name, "upper"])).mean()
        assert inside == pytest.approx(0.9, abs=1e-3)


def test_save_keeps_everything(rubin, tmp_path):
    import xarray as xr

    result = rubin[0]["again"]
    result.save(tmp_path / "posterior.nc")
    back = xr.open_datatree(tmp_path / "posterior.nc", engine="h5netcdf")
    assert back.attrs["data_hash"] == result.data.hash
    assert_array_equal(back["posterior"]["theta"], result.datatree["posterior"]["theta"])
    back.close()


GORALCZYK = {
    "golden": bm.NormalNormal(
        formula="1 + followup",
        mu=bm.Normal(0, 4),
        tau=bm.HalfNormal(0.5),
        beta={"followup": bm.Normal(0, 0.5)},
    ),
    "narrow": bm.NormalNormal(
        formula="1 + followup",
        mu=bm.Normal(0.1, 0.1),
        tau=bm.HalfNormal(0.05),
        beta={"followup": bm.Normal(0.05, 0.02)},
    ),
    "without": bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5)),
}


@pytest.fixture(scope="module")
def goralczyk(golden):
    found = golden("bmr_goralczyk_followup")
    X = np.array(found["X"], float)
    assert found["X_names"] == ["intercept", "followup"]
    data = bm.Estimates(found["y"], found["sigma"], found["labels"], {"followup": X[:, 1]})
    return bm.fit_many(data, GORALCZYK, "nuts", seed=5, draws=4000, target_accept=0.98), found["cases"][0]


def test_regression_matches_r(goralczyk, assert_within_mcse, assert_rarely_diverges):
    results, case = goralczyk
    assert case["beta_prior"]["sd"] == [4, 0.5]
    result, exact = results["golden"], case["exact"]
    assert_rarely_diverges(result)
    for j, parameter in enumerate(("mu", "followup")):
        mean, sd = exact["beta_mean"][j], np.sqrt(exact["beta_cov"][j][j])
        assert_within_mcse(result.draws(parameter), mean=mean, sd=sd, max_mcse=0.06, label=parameter)
    want = exact["tau"]
    assert_within_mcse(result.draws("tau"), mean=want["mean"], sd=want["sd"], max_mcse=0.06, label="tau")
    for i, want in enumerate(exact["theta"]):
        draws = result.posterior["theta"].values[..., i]
        assert_within_mcse(draws, mean=want["mean"], sd=want["sd"], max_mcse=0.06, label=f"theta {i}")
    product = np.cov(result.draws("mu").ravel(), result.draws("followup").ravel())[0, 1]
    share = 4 * np.sqrt(2 / result.summary()["ess_bulk"].min())  # of a covariance in units of both sds: (1 + r^2) / n
    assert share < 0.12
    assert product == pytest.approx(
        exact["beta_cov"][0][1], abs=share * np.sqrt(exact["beta_cov"][0][0] * exact["beta_cov"][1][1])
    )


@pytest.mark.parametrize("name", ["narrow", "without"])
def test_one_compilation_serves_other_priors_and_formulas(goralczyk, quadrature, assert_within_mcse, name):
    result = goralczyk[0][name]
    model, data = result.model, result.data
    columns = [np.ones(data.n_studies), *(data.covariates[c] for c in result.coefficients)]
    priors = [model.mu, *(model.beta[c] for c in result.coefficients)]
    want = quadrature(
        data.y, np.diag(data.v), np.column_stack(columns), [p.mean for p in priors], [p.sd for p in priors],
        halfnorm(scale=model.tau.scale).logpdf,
    )  # fmt: skip
    for j, parameter in enumerate(("mu", *result.coefficients)):
        mean, sd = want.beta[:, j]
        assert_within_mcse(result.draws(parameter), mean=mean, sd=sd, max_mcse=0.06, label=parameter)
        p, mcse = result.probability(f"{parameter} < 0"), result.probability_mcse(f"{parameter} < 0")
        assert abs(p - want.negative[j]) < 4 * mcse + 1e-3
    assert_within_mcse(result.draws("tau"), mean=want.tau[0], sd=want.tau[1], max_mcse=0.06, label="tau")
    for i in range(data.n_studies):
        draws = result.posterior["theta"].values[..., i]
        assert_within_mcse(draws, mean=want.theta[0, i], sd=want.theta[1, i], max_mcse=0.06, label=f"theta {i}")


def test_coefficients_have_names(goralczyk):
    tree = goralczyk[0]["golden"].datatree
    assert tree["posterior"]["beta"].dims == ("chain", "draw", "covariate")
    assert tree["posterior"]["covariate"].values.tolist() == ["followup"]
    assert tree["log_prior"]["beta"].dims == ("chain", "draw", "covariate")
    assert tree["constant_data"]["X"].dims == ("study", "covariate")
    beta = tree["posterior"]["beta"].values[..., 0]
    assert_allclose(tree["log_prior"]["beta"].values[..., 0], norm.logpdf(beta, 0, 0.5))
    assert goralczyk[0]["without"].coefficients == ()
    assert list(goralczyk[0]["golden"].summary().index) == ["mu", "tau", "followup", "theta_new"]


def test_correlated_estimates_match_quadrature(quadrature, assert_within_mcse):
    y, se = np.array([-0.9, -0.5, 0.5, 0.3, 0.6]), np.array([0.3, 0.4, 0.2, 0.25, 0.3])
    correlation = np.eye(5)
    correlation[0, 1] = correlation[1, 0] = -0.5
    correlation[2:, 2:] = 0.9 + 0.1 * np.eye(3)  # three contrasts with one control arm
    V = correlation * np.outer(se, se)
    model = bm.NormalNormal(mu=bm.Normal(0.2, 1), tau=bm.HalfNormal(0.5))
    result = bm.fit(bm.Estimates(y, cov=V), model, "nuts", seed=2, draws=4000, target_accept=0.98)
    law = halfnorm(scale=0.5).logpdf
    want = quadrature(y, V, np.ones((5, 1)), [0.2], [1.0], law)
    ignored = quadrature(y, np.diag(se**2), np.ones((5, 1)), [0.2], [1.0], law)
    assert abs(want.beta[0, 0] - ignored.beta[0, 0]) > 0.3 * want.beta[1, 0]  # the covariance matters
    assert_within_mcse(result.draws("mu"), mean=want.beta[0, 0], sd=want.beta[1, 0], max_mcse=0.06, label="mu")
    assert_within_mcse(result.draws("tau"), mean=want.tau[0], sd=want.tau[1], max_mcse=0.06, label="tau")
    for i in range(5):
        draws = result.posterior["theta"].values[..., i]
        assert_within_mcse(draws, mean=want.theta[0, i], sd=want.theta[1, i], max_mcse=0.06, label=f"theta {i}")
    pointwise = result.datatree["log_likelihood"]["y"].values[0, 0]
    mu, tau = result.draws("mu")[0, 0], result.draws("tau")[0, 0]
    total = V + tau**2 * np.eye(5)
    for i in range(5):
        rest = np.delete(np.arange(5), i)
        weight = np.linalg.solve(total[np.ix_(rest, rest)], total[rest, i])
        conditional = norm(mu + weight @ (y[rest] - mu), np.sqrt(total[i, i] - weight @ total[rest, i]))
        assert pointwise[i] == pytest.approx(conditional.logpdf(y[i]))


def test_pymc_samples_where_nutpie_is_missing(monkeypatch, assert_within_mcse):
    monkeypatch.setattr(sampling.importlib.util, "find_spec", lambda name: None)
    data = bm.Estimates(y=[0.2, 0.5, -0.1], se=[0.1, 0.2, 0.15])
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0.2))
    result = bm.fit_many(data, {"m": model}, "nuts", seed=1, draws=400, tune=300, chains=1)["m"]
    assert result.datatree.attrs["sampler"] == "pymc"
    precision = 1 + (1 / (data.se**2 + 0.04)).sum()
    mean = (data.y / (data.se**2 + 0.04)).sum() / precision
    assert_within_mcse(result.draws("mu"), mean=mean, sd=precision**-0.5, max_mcse=0.15)
    assert (result.draws("tau") == 0.2).all()
    assert result.datatree["sample_stats"]["diverging"].shape == (1, 400)
