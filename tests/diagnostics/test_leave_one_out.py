"""Leave-one-out against sums over fine grids, closed forms, and ArviZ's importance sampling."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import arviz_stats
import numpy as np
import pandas as pd
import pytest
from numpy.polynomial.legendre import leggauss
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import halfnorm, multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.errors import DataError, InferenceError, SpecificationError
from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.leave_out import leave_one_out_fits
from bayesmeta.results.quadrature_marginals import scale_marginal

SCHOOLS = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
Y, V = np.array([0.3, -0.4, 1.1, 0.2, 0.9]), np.array([0.2, 0.1, 0.4, 0.3, 0.15])
DOSE = np.array([0.0, 1.0, 3.0, 1.5, 2.5])
COVARIANCE = np.diag(V) + 0.05 * np.array(
    [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 1], [0, 0, 1, 1, 0]]
)
CORRELATED = bm.Estimates(y=Y, cov=COVARIANCE, covariates={"dose": DOSE})
LINEAR = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 2)})


def nodes(*edges, n=80):
    """Gauss-Legendre points and weights on adjoining intervals."""
    x, w = leggauss(n)
    points = [0.5 * (b - a) * x + 0.5 * (a + b) for a, b in pairwise(edges)]
    weights = [0.5 * (b - a) * w for a, b in pairwise(edges)]
    return np.concatenate(points), np.concatenate(weights)


def test_equals_a_sum_over_mu_and_tau():
    """No conjugacy and no marginal formula: the product of the studies' normal densities, point by point."""
    y, se = SCHOOLS.y, SCHOOLS.se
    mu, mu_weight = nodes(-110, -40, -15, 0, 15, 40, 110)
    tau, tau_weight = nodes(0, 5, 12, 25, 50, 90)
    density = [norm.pdf(y_i, mu[:, None], np.hypot(s, tau)) for y_i, s in zip(y, se, strict=True)]
    prior = norm.pdf(mu, 0, 20)[:, None] * halfnorm(scale=10).pdf(tau) * mu_weight[:, None] * tau_weight
    loo = bm.leave_one_out(SCHOOLS, MODEL, claim="mu > 0")
    everything = prior * np.prod(density, axis=0)
    for i in range(8):
        rest = prior * np.prod(np.delete(density, i, axis=0), axis=0)
        rest /= rest.sum()
        below = norm.cdf(y[i], mu[:, None], np.hypot(se[i], tau))
        mean, tau_mean = (rest * mu[:, None]).sum(), (rest * tau).sum()
        elpd = np.log((rest * density[i]).sum())
        want = {
            "elpd": elpd,
            "p_loo": np.log((everything * density[i]).sum() / everything.sum()) - elpd,
            "pit": (rest * below).sum(),
            "mu_mean": mean,
            "mu_sd": np.sqrt((rest * (mu[:, None] - mean) ** 2).sum()),
            "tau_mean": tau_mean,
            "tau_sd": np.sqrt((rest * (tau - tau_mean) ** 2).sum()),
            "probability": rest[mu > 0].sum(),
        }
        row = loo.table.iloc[i]
        assert_allclose(row[list(want)], list(want.values()), rtol=1e-7)
        cdf = [rest[mu < row[f"mu_{end}"]].sum() for end in ("lower", "upper")]
        assert_allclose(cdf, [0.025, 0.975], atol=2e-3)  # the grid's steps
        half = rest.sum(axis=1).max() / 2  # of a step of the grid, where it is heaviest
        assert abs(rest[mu < row["mu_median"]].sum() - 0.5) <= half
    assert list(loo.table.index) == list(SCHOOLS.study)
    assert_allclose(loo.elpd, loo.table["elpd"].sum(), rtol=1e-12)


def test_reference_prior_keeps_all_standard_errors():
    """Flat mu and Jeffreys' prior, both improper: its density uses the study that is left out too."""
    y, v = SCHOOLS.y, SCHOOLS.v

    def integral(rows, weight):
        def f(u):
            tau = np.exp(u)
            w = 1 / (v[rows] + tau**2)
            mean = (w * y[rows]).sum() / w.sum()
            log_likelihood = 0.5 * (np.log(w / (2 * np.pi)).sum() - (w * (y[rows] - mean) ** 2).sum())
            integrated = np.exp(log_likelihood) * np.sqrt(2 * np.pi / w.sum())
            return integrated * np.sqrt(((tau / (v + tau**2)) ** 2).sum()) * tau * weight(tau, mean, 1 / w.sum())

        return quad(f, -25, 25, points=[0, 2, 4], epsabs=0, epsrel=1e-10, limit=500)[0]

    loo = bm.leave_one_out(SCHOOLS, bm.NormalNormal(tau=bm.Jeffreys()))
    everything = integral(np.arange(8), lambda tau, m, s2: 1)
    for i in range(8):
        rows = np.delete(np.arange(8), i)
        rest = integral(rows, lambda tau, m, s2: 1)
        below = integral(rows, lambda tau, m, s2, i=i: norm.cdf(y[i], m, np.sqrt(s2 + v[i] + tau**2)))
        tau = integral(rows, lambda tau, m, s2: tau)
        want = [np.log(everything / rest), below / rest, tau / rest]
        assert_allclose(loo.table.iloc[i][["elpd", "pit", "tau_mean"]], want, rtol=1e-7)


def given(tau, V, G):
    """Covariance of y with the coefficients of LINEAR integrated out."""
    X = np.column_stack([np.ones(5), DOSE])
    return V + tau**2 * G + X @ np.diag([1.0, 4.0]) @ X.T


def reference(i, V, G):
    """Log density of y_i given the others and its PIT, from sub-matrices of the covariance at each tau."""
    rest, joint, below, total = np.delete(np.arange(5), i), 0.0, 0.0, 0.0
    for tau, weight in zip(*nodes(0, 0.5, 1.5, 5, n=30), strict=True):
        C = given(tau, V, G)
        inner = C[np.ix_(rest, rest)]
        slope = np.linalg.solve(inner, C[rest, i])
        prior = weight * halfnorm.pdf(tau, scale=0.5)
        others = prior * multivariate_normal.pdf(Y[rest], np.zeros(4), inner)
        joint += prior * multivariate_normal.pdf(Y, np.zeros(5), C)
        below += others * norm.cdf(Y[i], slope @ Y[rest], np.sqrt(C[i, i] - slope @ C[rest, i]))
        total += others
    return [np.log(joint / total), below / total]


def test_correlated_estimates_are_predicted_given_the_others():
    loo = bm.leave_one_out(CORRELATED, LINEAR)
    for i in range(5):
        assert_allclose(loo.table.iloc[i][["elpd", "pit"]], reference(i, COVARIANCE, np.eye(5)), rtol=1e-7)
        refit = bm.fit(CORRELATED.drop(CORRELATED.study[i]), LINEAR).summary(0.95)
        for name in ("mu", "tau", "dose"):
            got = loo.table.iloc[i][[f"{name}_{column}" for column in ("mean", "sd", "lower", "upper")]]
            assert_allclose(got, refit.loc[name, ["mean", "sd", "lower", "upper"]], rtol=1e-6, atol=1e-7)


def test_refits_answer_everything_that_fits_do():
    """Densities of tau and true effects of the studies that are left, which the table does not need."""
    full = bm.fit(CORRELATED, LINEAR).fit
    tau = np.array([0.0, 0.1, 0.7])
    for left_out in leave_one_out_fits(full):
        refit = bm.fit(CORRELATED.drop(CORRELATED.study[left_out.row]), LINEAR).fit
        for got, want in (
            (getattr(fit.problem, name) for fit in (left_out.fit, refit)) for name in ("y", "V", "X", "study")
        ):
            assert np.array_equal(got, want)
        assert_allclose(left_out.fit.log_evidence, refit.log_evidence, rtol=1e-10)
        got, want = (scale_marginal(fit).pdf(tau) for fit in (left_out.fit, refit))
        assert_allclose(got, want, rtol=1e-8)
        got, want = (mixtures.study_effects(fit, np.arange(4)) for fit in (left_out.fit, refit))
        assert_allclose(got.means @ got.weights, want.means @ want.weights, rtol=1e-7)
        assert_allclose(got.variances @ got.weights, want.variances @ want.weights, rtol=1e-6)


def test_shortest_intervals():
    loo = bm.leave_one_out(SCHOOLS, MODEL, ci_prob=0.9, ci_kind="hdi").table.loc["C"]
    refit = bm.fit(SCHOOLS.drop("C"), MODEL)
    for name in ("mu", "tau"):
        assert_allclose(loo[[f"{name}_lower", f"{name}_upper"]], refit.marginal(name).hdi(0.9), rtol=1e-5, atol=1e-6)


def test_effects_that_vary_together():
    """A between-study structure G, as multi-arm trials have it."""
    G = np.eye(5)
    G[0, 1] = G[1, 0] = 0.5
    loo = bm.leave_one_out(CORRELATED, replace(LINEAR, between=bm.Given(G)))
    for i in range(5):
        assert_allclose(loo.table.iloc[i][["elpd", "pit"]], reference(i, COVARIANCE, G), rtol=1e-7)


def test_effective_parameters_of_correlated_estimates():
    """The mean over draws of the conditional density of y_i, which the draws' log-likelihood holds."""
    loo = bm.leave_one_out(CORRELATED, LINEAR)
    log_likelihood = bm.fit(CORRELATED, LINEAR, draws=20_000).datatree["log_likelihood"]["y"].to_numpy().reshape(-1, 5)
    density = np.exp(log_likelihood)
    mcse = density.std(axis=0) / np.sqrt(len(density)) / density.mean(axis=0)
    assert mcse.max() < 0.003
    gap = np.log(density.mean(axis=0)) - (loo.table["p_loo"] + loo.table["elpd"])
    assert np.all(np.abs(gap) < 4 * mcse)


def test_closed_form_when_tau_is_known():
    """One study given the others is normal when both tau and mu's prior are."""
    model = bm.NormalNormal(mu=bm.Normal(1, 3), tau=bm.PointMass(0.4))
    loo = bm.leave_one_out(bm.Estimates(y=Y, se=np.sqrt(V)), model)
    for i in range(5):
        w = 1 / (np.delete(V, i) + 0.16)
        precision = w.sum() + 1 / 9
        mean = ((w * np.delete(Y, i)).sum() + 1 / 9) / precision
        predicted = norm(mean, np.sqrt(1 / precision + V[i] + 0.16))
        want = [
            predicted.logpdf(Y[i]),
            predicted.cdf(Y[i]),
            mean,
            precision**-0.5,
            mean,
            mean + norm.ppf(0.025) * precision**-0.5,
        ]
        assert_allclose(
            loo.table.iloc[i][["elpd", "pit", "mu_mean", "mu_sd", "mu_median", "mu_lower"]], want, rtol=1e-10
        )


def test_an_outlier_beyond_all_probability():
    """Two studies, known tau, y 200 standard errors apart: densities too small for a number, logs in closed form."""
    data = bm.Estimates(y=[0.0, 200.0], se=[1.0, 1.0])
    row = bm.leave_one_out(data, bm.NormalNormal(mu=bm.Normal(0, 0.1), tau=bm.PointMass(0))).table.iloc[1]
    mean_var, full_var = 1 / (100 + 1), 1 / (100 + 2)
    elpd = norm(0, np.sqrt(1 + mean_var)).logpdf(200)
    known = norm(200 * full_var, np.sqrt(1 + full_var)).logpdf(200)
    assert_allclose(row[["elpd", "p_loo", "pit"]], [elpd, known - elpd, 1], rtol=1e-10)


def test_agrees_with_importance_sampling():
    """ArviZ's PSIS-LOO from 80,000 draws has an error of about 0.001 for each study (0.01 is far beyond it)."""
    found = arviz_stats.loo(bm.fit(SCHOOLS, MODEL, draws=20_000).datatree, pointwise=True)
    loo = bm.leave_one_out(SCHOOLS, MODEL)
    assert_allclose(loo.table["elpd"], found.elpd_i, atol=0.01)
    assert_allclose([loo.elpd, loo.elpd_se, loo.p_loo], [found.elpd, found.se, found.p], atol=0.02)


@pytest.mark.parametrize(
    "model",
    [
        bm.NormalNormal(mu=bm.Cauchy(0, 1), tau=bm.HalfCauchy(0.5)),
        bm.NormalNormal(
            mu=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))]),
            tau=bm.Mixture([(0.3, bm.PointMass(0)), (0.7, bm.HalfNormal(0.5))]),
        ),
        bm.NormalNormal(mu=bm.PointMass(0.2), tau=bm.Uniform(0, 2)),
        bm.NormalNormal(tau=bm.CustomScale(lambda tau: -tau, name="exponential")),
    ],
    ids=str,
)
def test_every_refit_is_the_fit_of_the_others(model):
    data = bm.Estimates(y=Y, se=np.sqrt(V))
    claim = "mu > 0.1 and tau < 0.5"
    loo = bm.leave_one_out(data, model, claim=claim, tolerance=1e-7)
    full = bm.fit(data, model, tolerance=1e-7)
    for i in range(5):
        refit, row = bm.fit(data.drop(data.study[i]), model, tolerance=1e-7), loo.table.iloc[i]
        assert_allclose(row["elpd"], full.fit.log_evidence - refit.fit.log_evidence, atol=1e-7)
        assert_allclose(row[["mu_mean", "tau_mean"]], refit.summary()["mean"][["mu", "tau"]], rtol=1e-6, atol=1e-12)
        assert_allclose(row["probability"], refit.probability(claim), atol=1e-7)
        assert np.isfinite(row).all()
    assert_allclose(loo.all_studies["probability"], full.probability(claim), atol=1e-12)
    assert loo.error_bound < 1e-7


def test_order_and_scale_do_not_matter():
    data = bm.Estimates(y=Y, se=np.sqrt(V), study=list("abcde"))
    turned = bm.Estimates(y=-100 * Y[::-1], se=100 * np.sqrt(V[::-1]), study=list("edcba"))
    one = bm.leave_one_out(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))).table
    other = bm.leave_one_out(turned, bm.NormalNormal(mu=bm.Normal(0, 100), tau=bm.HalfNormal(50))).table.loc[one.index]
    assert_allclose(other["elpd"], one["elpd"] - np.log(100), rtol=1e-9)
    assert_allclose(other["pit"], 1 - one["pit"], rtol=1e-8)
    assert_allclose(other[["mu_mean", "mu_lower"]], -100 * one[["mu_mean", "mu_upper"]].to_numpy(), rtol=1e-7)


def test_chunks_of_lanes_make_no_difference(monkeypatch):
    """All in one call or one by one: the same to the last bit."""
    together = bm.leave_one_out(SCHOOLS, MODEL).table
    monkeypatch.setattr("bayesmeta.quadrature.leave_out._ELEMENTS", 1)
    pd.testing.assert_frame_equal(bm.leave_one_out(SCHOOLS, MODEL).table, together, check_exact=True)


@pytest.mark.parametrize("name", ["theta_new", "mu", "dose", "tau"])
def test_a_claim_without_exact_form_comes_from_draws(name):
    """The square hides from the exact route a claim that the refit can answer exactly."""
    loo = bm.leave_one_out(CORRELATED, LINEAR, claim=f"{name} > 0 and {name} * {name} > 0.09")
    exact = bm.fit(CORRELATED.drop("study 2"), LINEAR).probability(f"{name} > 0.3")
    assert_allclose(loo.table.loc["study 2", "probability"], exact, atol=4 * 0.5 / np.sqrt(1e5))


@pytest.mark.parametrize(
    ("data", "model", "error", "message"),
    [
        (SCHOOLS.subset(SCHOOLS.y == 28), MODEL, DataError, "at least two studies; got 1"),
        (
            bm.Estimates(y=[1, 2], se=[1, 1], study=["Ann", "Bob"]),
            bm.NormalNormal(tau=bm.Jeffreys()),
            InferenceError,
            "without study 'Ann' the posterior is improper",
        ),
        (
            bm.Estimates(y=[1, 2, 3, 4], se=[1, 1, 1, 1], study=list("pqrs"), covariates={"x": [0, 0, 1, 0]}),
            bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(1)),
            InferenceError,
            r"without study 'r' .* cannot identify the coefficients with flat priors \(mu, x\)",
        ),
        (SCHOOLS, "HalfNormal(1)", SpecificationError, "model must be a NormalNormal, .* got str"),
    ],
)
def test_refusals(data, model, error, message):
    with pytest.raises(error, match=message):
        bm.leave_one_out(data, model)


def test_arguments_are_checked():
    with pytest.raises(SpecificationError, match="no parameter 'nu'"):
        bm.leave_one_out(SCHOOLS, MODEL, claim="nu > 0")
    with pytest.raises(SpecificationError, match="ci_prob=95"):
        bm.leave_one_out(SCHOOLS, MODEL, ci_prob=95)


def test_a_proper_prior_stands_in_for_a_covariate_that_one_study_had():
    data = bm.Estimates(y=[1, 2, 3, 4], se=[1, 1, 1, 1], study=list("pqrs"), covariates={"x": [0, 0, 1, 0]})
    model = bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(1), beta={"x": bm.Normal(0.5, 2)})
    row = bm.leave_one_out(data, model).table.loc["r"]
    assert_allclose(row[["x_mean", "x_sd"]], [0.5, 2], rtol=1e-8)
