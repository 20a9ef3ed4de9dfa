"""Draws of a quadrature fit: the exact posterior's, independent, and fit for every function of ArviZ."""

from __future__ import annotations

import arviz_stats as azs
import numpy as np
import pytest
from scipy import stats

import bayesmeta as bm

SCHOOLS = bm.Estimates(
    [28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16],
    [14.9, 10.2, 16.3, 11, 9.4, 11.4, 10.4, 17.6],
    study=list("ABCDEFGH"),
    covariates={"x": [0.0, 1, 2, 0, 1, 3, 1, 0]},
)
SPIKE = bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 10))])
MODELS = {
    "schools": bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10)),
    "regression, t priors": bm.NormalNormal(
        formula="1 + x", mu=bm.StudentT(12, 0, 10), tau=bm.HalfCauchy(5), beta={"x": bm.Normal(0, 5)}
    ),
    "flat": bm.NormalNormal(formula="1 + x", tau=bm.Uniform(0, 30)),
    "spikes": bm.NormalNormal(
        formula="1 + x",
        mu=SPIKE,
        tau=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.HalfNormal(10))]),
        beta={"x": SPIKE},
    ),
    "mixture": bm.NormalNormal(
        mu=bm.Mixture([(0.5, bm.Normal(0, 1)), (0.5, bm.Normal(20, 5))]),
        tau=bm.Mixture([(0.5, bm.LogNormal(0, 0.1)), (0.5, bm.LogNormal(3, 0.1))]),
    ),
    "gamma with mass at zero": bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.Gamma(0.01, 0.01)),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return bm.fit(SCHOOLS, MODELS[request.param], "quadrature", seed=7, chains=4, draws=2500)


def test_draws_have_the_exact_marginals(fitted):
    for name in (*fitted.parameters, "theta[A]", "theta[C]"):
        exact = fitted.marginal(name)
        if name.startswith("theta["):
            draws = np.asarray(fitted.posterior["theta"].sel(study=name[6:-1])).ravel()
        else:
            draws = fitted.draws(name).ravel()
        n = draws.size
        if np.isfinite(exact.sd()):
            assert abs(draws.mean() - exact.mean()) <= 4 * exact.sd() / np.sqrt(n), name
            fourth = np.mean((draws - draws.mean()) ** 4)
            assert abs(draws.var() - exact.sd() ** 2) <= 4 * np.sqrt(fourth / n), name
        for q in (0.05, 0.3, 0.5, 0.7, 0.95):
            point = exact.ppf(q)
            level = exact.cdf(point)  # more than q at a point mass
            assert abs((draws <= point).mean() - level) <= 4 * np.sqrt(max(level * (1 - level), 1 / n) / n), (name, q)


def test_draws_are_independent(fitted):
    posterior = fitted.posterior
    varying = [name for name in ("mu", "tau", "theta_new") if name in posterior]
    ess = azs.ess(posterior[varying], method="mean")
    for name in varying:
        assert 0.8 * 10_000 <= float(ess[name]) <= 1.2 * 10_000


def test_draws_keep_the_posterior_correlation():
    fit = bm.fit(SCHOOLS, MODELS["flat"], "quadrature", seed=1, chains=4, draws=2500)
    total, mu, x = (fit.marginal(text) for text in ("mu + x", "mu", "x"))
    exact = (total.sd() ** 2 - mu.sd() ** 2 - x.sd() ** 2) / (2 * mu.sd() * x.sd())
    found = np.corrcoef(fit.draws("mu").ravel(), fit.draws("x").ravel())[0, 1]
    assert abs(np.arctanh(found) - np.arctanh(exact)) <= 5 / np.sqrt(10_000)


def test_the_seed_decides():
    first, second, other = (bm.fit(SCHOOLS, MODELS["schools"], seed=seed, draws=50).posterior for seed in (3, 3, 4))
    assert first.equals(second)
    assert not np.allclose(first["mu"], other["mu"])


def test_effects_far_from_zero_are_drawn_as_well_as_near_it():
    moved = bm.Estimates(np.array([0.1, 0.5, -2]) + 1e8, [0.2, 0.3, 0.25])
    fit = bm.fit(moved, bm.NormalNormal(mu=bm.Cauchy(1e8, 1), tau=bm.HalfNormal(1)), seed=2, draws=1000)
    for name in ("mu", "tau"):
        exact, draws = fit.marginal(name), fit.draws(name)
        assert abs(draws.mean() - exact.mean()) <= 4 * exact.sd() / np.sqrt(draws.size)
        assert draws.std() == pytest.approx(exact.sd(), rel=0.1)


def test_arviz_takes_the_tree():
    fit = bm.fit(SCHOOLS, MODELS["schools"], seed=5)
    tree = fit.datatree
    assert {"posterior", "prior", "log_likelihood", "log_prior", "posterior_predictive", "sample_stats"} <= set(tree)
    table = azs.summary(tree, var_names=["mu", "tau", "theta"], round_to="none")
    assert len(table) == 10
    assert table["r_hat"].max() < 1.01
    loo = azs.loo(tree, pointwise=True)
    assert float(loo.pareto_k.max()) < 0.5
    assert azs.loo(tree).elpd == pytest.approx(-31.2, abs=1.0)
    sensitivity = azs.psense_summary(tree, var_names=["mu", "tau"])
    assert sensitivity.loc["tau", "prior"] == pytest.approx(0.1, abs=0.05)
    assert float(azs.hdi(tree, prob=0.9)["mu"].sel(ci_bound="lower")) < 0


def test_the_stored_likelihood_is_the_marginal_one():
    fit = bm.fit(SCHOOLS, MODELS["schools"], seed=5, draws=200, chains=2)
    posterior, stored = fit.posterior, fit.datatree["log_likelihood"]["y"]
    from scipy.stats import norm

    sd = np.sqrt(SCHOOLS.se**2 + np.asarray(posterior["tau"])[..., None] ** 2)
    np.testing.assert_allclose(stored, norm(np.asarray(posterior["mu"])[..., None], sd).logpdf(SCHOOLS.y), rtol=1e-12)


@pytest.mark.slow
def test_arviz_plots_the_tree():
    import arviz_plots as azp
    import matplotlib.pyplot as plt

    tree = bm.fit(SCHOOLS, MODELS["schools"], seed=5, draws=200).datatree
    azp.plot_dist(tree, var_names=["mu", "tau"], backend="matplotlib")
    azp.plot_forest(tree, var_names=["theta"], backend="matplotlib")
    azp.plot_trace(tree, var_names=["mu"], backend="matplotlib")
    plt.close("all")


def test_the_log_prior_of_a_joint_prior_counts_it_once():
    """Power-scaling raises the sum of `log_prior` to a power: it must be the joint density."""
    mean, cov = [0.1, -0.2], [[1, 0.5], [0.5, 1]]
    data = bm.Estimates(y=[0.1, 0.5, 0.3, 0.9], se=[0.2, 0.3, 0.2, 0.4], covariates={"x": [0, 1, 2, 3.0]})
    model = bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(1), beta={("mu", "x"): bm.MultivariateNormal(mean, cov)})
    tree = bm.fit(data, model).datatree
    draws = tree["posterior"]
    points = np.stack([draws["mu"], draws["beta"].sel(covariate="x")], axis=-1)
    want = stats.multivariate_normal(mean, cov).logpdf(points) + stats.halfnorm.logpdf(draws["tau"])
    got = sum(np.asarray(v).reshape(*want.shape, -1).sum(axis=-1) for v in tree["log_prior"].data_vars.values())
    np.testing.assert_allclose(got, want, rtol=1e-12)
    before = tree["prior"]
    correlation = np.corrcoef(before["mu"].to_numpy().ravel(), before["beta"].to_numpy().ravel())[0, 1]
    assert correlation == pytest.approx(0.5, abs=0.06)  # 4000 draws: its standard error is 0.012
