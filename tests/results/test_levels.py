"""Levels of factors: every pair from the joint posterior, the Bayes factor of no difference, and what commands print of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.spec.levels import factors_in

TAU = 0.4


@pytest.fixture(scope="module")
def bcg():
    return bm.load_dataset("bcg")


def normal_model(data):
    """Design by hand: intercept, latitude, and two of three levels."""
    levels = data.covariates["allocation"].to_numpy()
    columns = [np.ones(13), data.covariates["latitude"], levels == "random", levels == "systematic"]
    return np.column_stack(columns).astype(float), np.diag(data.v + TAU**2)


def test_pairs_are_those_of_the_normal_posterior_given_tau(bcg):
    """With tau known and flat priors the posterior is normal, by generalised least squares."""
    X, V = normal_model(bcg)
    cov = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    beta = cov @ X.T @ np.linalg.solve(V, bcg.y)
    result = bm.fit(bcg, bm.NormalNormal(formula="1 + latitude + allocation", tau=bm.PointMass(TAU)))
    table = result.contrasts(ci_prob=0.9)
    wanted = {
        ("random", "alternate"): [0, 0, 1, 0],
        ("systematic", "alternate"): [0, 0, 0, 1],
        ("systematic", "random"): [0, 0, -1, 1],
    }
    assert [tuple(row) for row in table[["level", "versus"]].to_numpy()] == [*wanted]
    for (_, row), c in zip(table.iterrows(), wanted.values(), strict=True):
        exact = stats.norm(np.dot(c, beta), np.sqrt(c @ cov @ c))
        numbers = [exact.mean(), exact.std(), exact.median(), *exact.ppf([0.05, 0.95]), exact.cdf(0), exact.sf(0)]
        assert_allclose(row.iloc[3:].astype(float), numbers, rtol=1e-7, atol=1e-8)


def test_no_difference_is_compared_by_marginal_likelihoods(bcg):
    """With tau known both are densities of a normal distribution; flat priors on what both have in common cancel."""
    X, V = normal_model(bcg)
    prior = np.diag([2.0, 0.05, 0.5, 0.5]) ** 2
    with_levels = stats.multivariate_normal(np.zeros(13), V + X @ prior @ X.T).logpdf(bcg.y)
    without = stats.multivariate_normal(np.zeros(13), V + X[:, :2] @ prior[:2, :2] @ X[:, :2].T).logpdf(bcg.y)
    beta = {"latitude": bm.Normal(0, 0.05), "allocation": bm.Normal(0, 0.5)}
    model = bm.NormalNormal(formula="1 + latitude + allocation", mu=bm.Normal(0, 2), tau=bm.PointMass(TAU), beta=beta)
    result = bm.fit(bcg, model)
    assert result.bayes_factor("allocation = 0") == pytest.approx(np.exp(without - with_levels), rel=1e-8)
    one = stats.multivariate_normal(
        np.zeros(13), V + np.delete(X, 2, 1) @ np.delete(np.delete(prior, 2, 0), 2, 1) @ np.delete(X, 2, 1).T
    )
    assert result.bayes_factor("allocation[T.random] = 0") == pytest.approx(
        np.exp(one.logpdf(bcg.y) - with_levels), rel=1e-8
    )
    assert f"Bayes factor {np.exp(without - with_levels):.3g} for no difference" in str(result)


def test_flat_priors_have_no_bayes_factor(bcg):
    result = bm.fit(bcg, bm.NormalNormal(formula="1 + allocation", tau=bm.HalfNormal(0.5)))
    with pytest.raises(bm.SpecificationError, match="improper"):
        result.bayes_factor("allocation = 0")
    assert "Levels of allocation" not in str(result)
    assert "allocation: systematic" in str(result)


def test_without_an_intercept_differences_are_the_same(bcg):
    """Flat priors on level means are flat priors on a mean and differences."""
    tables = [
        bm.fit(bcg, bm.NormalNormal(formula=formula, tau=bm.HalfNormal(0.5))).contrasts()
        for formula in ("1 + allocation", "0 + allocation")
    ]
    assert_allclose(tables[0].iloc[:, 3:].astype(float), tables[1].iloc[:, 3:].astype(float), rtol=1e-6, atol=1e-7)


def test_sampled_fits_have_pairs_too(bcg):
    model = bm.NormalNormal(
        formula="1 + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"allocation": bm.Normal(0, 1)}
    )
    exact = bm.fit(bcg, model)
    draws = exact.draws("allocation[T.systematic] - allocation[T.random]")
    row = exact.contrasts().loc["allocation: systematic versus random"]
    assert abs(draws.mean() - row["mean"]) < 4 * row["sd"] / np.sqrt(draws.size)


def test_interactions_have_no_pairs_of_their_own():
    columns = {"x[T.b]": "x", "x[T.b]:dose": "x:dose", "z[T.c]": "z", "z[T.d]": "z"}
    assert [factor.name for factor in factors_in(columns, {"x": "a", "z": "b"})] == ["z"]


def test_fit_prints_pairs_heterogeneity_and_the_bayes_factor(capsys, tmp_path, bcg):
    path = tmp_path / "bcg.csv"
    bcg.to_frame().to_csv(path, index=False)
    said = [
        "fit",
        str(path),
        "--tau",
        "HalfNormal(0.5)",
        "--formula",
        "1 + allocation",
        "--mu",
        "Normal(0, 2)",
        "--beta",
        "allocation=Normal(0, 1)",
    ]
    with pytest.raises(SystemExit) as stop:
        main(said)
    out = " ".join(capsys.readouterr().out.split())
    assert not stop.value.code
    assert "Cochran's Q: 132.4 on 10 df, of the residuals, P <.0001" in out  # as metafor's QE
    assert "Further differences between levels:" in out
    assert "I^2: median" in out
    assert "tau^2: median" in out
    with pytest.raises(SystemExit):
        main([*said, "--json"])
    content = json.loads(capsys.readouterr().out)
    model = bm.NormalNormal(
        formula="1 + allocation", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"allocation": bm.Normal(0, 1)}
    )
    result = bm.fit(bcg, model)
    assert content["no_difference"] == [
        {"factor": "allocation", "bayes_factor": pytest.approx(result.bayes_factor("allocation = 0"))}
    ]
    assert content["contrasts"][2]["below_zero"] == pytest.approx(
        result.probability("allocation[T.systematic] < allocation[T.random]")
    )
    assert content["heterogeneity"]["tau2"]["median"] == pytest.approx(result.marginal("tau").median() ** 2)
    assert content["heterogeneity"]["q"] == pytest.approx(132.3676, abs=5e-5)
