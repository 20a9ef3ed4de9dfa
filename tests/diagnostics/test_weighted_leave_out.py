"""Leaving out by weights, against exact fits without each study."""

from __future__ import annotations

import arviz_stats
import numpy as np
import pytest

import bayesmeta as bm

DATA = bm.Estimates(
    y=[-0.8, -0.3, -0.9, -0.2, -0.6, 2.4],
    se=[0.3, 0.25, 0.4, 0.35, 0.2, 0.3],
    covariates={"lab": ["a", "a", "b", "b", "c", "c"]},
)
BASE = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
MODEL = bm.TwoScales(BASE, bm.Cluster("lab"), bm.HalfNormal(0.5))
CLAIM = "mu < -0.2"


@pytest.fixture(scope="module")
def found() -> bm.diagnostics.leave_one_out.LeaveOneOut:
    return bm.leave_one_out(DATA, MODEL, claim=CLAIM, draws=5000)


@pytest.fixture(scope="module")
def without() -> dict[str, bm.MetaResult]:
    return {study: bm.fit(DATA.drop(study), MODEL) for study in DATA.study}


@pytest.mark.filterwarnings("ignore:probabilities are computed to 2e-08")
def test_scores_are_ratios_of_marginal_likelihoods(found, without) -> None:
    whole = bm.fit(DATA, MODEL).log_marginal_likelihood
    for study, fit in without.items():
        want = whole - fit.log_marginal_likelihood
        assert found.table.loc[study, "elpd"] == pytest.approx(want, abs=0.06), study
    assert found.elpd == pytest.approx(found.table["elpd"].sum())
    assert found.error_bound is None


def test_the_posterior_is_that_without_the_study(found, without) -> None:
    for study, fit in without.items():
        row, want = found.table.loc[study], fit.summary(0.95, "eti")
        for name in ("mu", "tau", "tau_lab"):
            sd = want.loc[name, "sd"]
            for statistic in ("mean", "sd", "median"):
                assert row[f"{name}_{statistic}"] == pytest.approx(want.loc[name, statistic], abs=0.08 * sd), (
                    study,
                    name,
                )
            for statistic in ("lower", "upper"):
                assert row[f"{name}_{statistic}"] == pytest.approx(want.loc[name, statistic], abs=0.25 * sd), (
                    study,
                    name,
                )
        assert abs(row["probability"] - fit.probability(CLAIM)) < 4 * row["probability_mcse"] + 1e-9, study


def test_a_study_that_weights_cannot_leave_out_is_left_out_by_a_fit(found) -> None:
    method = found.table["method"]
    assert method[DATA.study[-1]] == "refitted"  # the outlier
    assert found.table.loc[DATA.study[-1], "pareto_k"] > 0.7
    assert (method == "reweighted").sum() >= 3
    assert (found.table.loc[method == "reweighted", "pareto_k"] <= 0.7).all()


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_weighted_scores_are_those_of_arviz(found) -> None:
    kept = found.table["method"] == "reweighted"
    fit = bm.fit(DATA, MODEL, draws=5000)
    theirs = arviz_stats.loo(fit.datatree, pointwise=True, reff=1.0)
    np.testing.assert_allclose(found.table["elpd"][kept], np.asarray(theirs.elpd_i)[kept.to_numpy()], atol=1e-6)
    np.testing.assert_allclose(found.table["pareto_k"], np.asarray(theirs.pareto_k), atol=1e-6)


@pytest.mark.slow
def test_arms_without_each_study() -> None:
    data = bm.ArmMeans(
        mean_t=[3.1, 4.0, 2.2, 3.6], mean_c=[5.0, 4.9, 4.1, 4.2], n_t=[20, 30, 25, 40], n_c=[20, 30, 25, 38],
        sd_t=[2.0, 2.4, np.nan, 2.1], sd_c=[2.2, 2.0, np.nan, 2.3],
    )  # fmt: skip
    model = bm.ArmNormal(
        base=bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1)),
        typical_sd=bm.LogNormal(0.7, 0.5),
        sd_variation=bm.HalfNormal(0.3),
    )
    found = bm.leave_one_out(data, model, claim="mu < -0.8", engine="quadrature", draws=2000)
    whole = bm.fit(data, model, "quadrature").log_marginal_likelihood
    study = data.study[0]
    fit = bm.fit(data.drop(study), model, "quadrature")
    row = found.table.loc[study]
    assert row["elpd"] == pytest.approx(whole - fit.log_marginal_likelihood, abs=0.06)
    for name, want in fit.summary().iterrows():
        if name != "theta_new":
            assert row[f"{name}_mean"] == pytest.approx(want["mean"], abs=0.1 * want["sd"])
            assert row[f"{name}_sd"] == pytest.approx(want["sd"], rel=0.12)
