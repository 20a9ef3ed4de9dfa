"""NUTS on arm means against quadrature, and what the result holds."""

from __future__ import annotations

import dataclasses
import re
import runpy
from pathlib import Path

import arviz_stats
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import kstest

import bayesmeta as bm

pytestmark = pytest.mark.slow

NAN = float("nan")
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
MODEL = bm.ArmNormal(base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3), sd_probability=0.8)
SIX = {
    "n_t": [12, 20, 9, 31, 15, 6], "mean_t": [3.1, 2.2, 4.9, 3.6, 1.5, 2.9],
    "sd_t": [2.0, NAN, 1.4, 2.9, NAN, 1.1],
    "n_c": [14, 19, 9, 30, 16, 5], "mean_c": [4.6, 3.0, 4.1, 4.9, 4.2, 3.3],
    "sd_c": [2.4, NAN, 1.9, 2.6, NAN, NAN],
    "spread": ["sd", "sd", "sd", "sd", "se", "sd_or_se"],
}  # fmt: skip


@pytest.fixture(scope="module")
def two_sigmas():
    return bm.fit(bm.ArmMeans(**SIX), MODEL, seed=3, draws=2000, target_accept=0.98)


@pytest.fixture(scope="module")
def two_instruments():
    data = bm.ArmMeans(**SIX, instrument=["VAS"] * 3 + ["NRS"] * 3)
    typical = {"VAS": bm.LogNormal(0.7, 0.5), "NRS": bm.LogNormal(0.4, 0.4)}
    model = dataclasses.replace(MODEL, measure="smd", equal_variances=True, typical_sd=typical)
    return bm.fit(data, model, seed=4, draws=2000, target_accept=0.98)


@pytest.mark.parametrize("name", ["two_sigmas", "two_instruments"])
def test_agrees_with_quadrature(request, assert_within_mcse, assert_rarely_diverges, name):
    result = request.getfixturevalue(name)
    assert_rarely_diverges(result)
    exact = bm.fit(result.data, result.model, "quadrature")
    assert exact.parameters == result.parameters
    assert exact.error_bound < 0.005
    for parameter in exact.parameters:
        marginal = exact.marginal(parameter)
        draws = result.draws(parameter)
        assert_within_mcse(draws, mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=parameter)
    reading = result.posterior["sd_probability"].to_numpy()[..., 0]
    p = exact.choice_probabilities()["study 6"]["sd"]
    assert 0.05 < p < 0.95
    mcse = float(arviz_stats.mcse(result.posterior["sd_probability"].to_dataset(), method="mean")["sd_probability"][0])
    assert mcse < 0.01
    assert reading.mean() == pytest.approx(p, abs=4 * mcse + 1e-3)  # the grid's nodes: test_arm_grid.py
    assert result.choice_probabilities()["study 6"]["sd"] == pytest.approx(reading.mean())
    sampled = arviz_stats.mcse(result.posterior[["theta"]], method="mean")["theta"].to_numpy()
    table = exact.shrinkage()
    most = 4 * np.hypot(sampled, table["sd"] / np.sqrt(4000))
    assert (np.abs(result.shrinkage()["mean"] - table["mean"]) < most).all()
    assert dict(exact.datatree["posterior"].sizes) == {**result.datatree["posterior"].sizes, "draw": 1000}
    for group in ("posterior", "log_likelihood", "log_prior", "prior", "posterior_predictive", "observed_data"):
        assert list(exact.datatree[group].data_vars) == list(result.datatree[group].data_vars)


def test_sampled_code_leaves_no_choice_of_rounding(two_sigmas, compiled_for, assert_one_rounding):
    assert_one_rounding(compiled_for(two_sigmas))


def test_groups_and_names(two_instruments):
    tree, k = two_instruments.datatree, 6
    names = ["mu", "tau", "typical_sd[VAS]", "typical_sd[NRS]", "sd_variation", "theta_new"]
    assert list(two_instruments.summary().index) == names
    assert tree["log_likelihood"]["evidence"].dims == ("chain", "draw", "study")
    assert np.isfinite(tree["log_likelihood"]["evidence"]).all()
    assert set(tree["log_prior"].data_vars) == set(names) - {"theta_new"}
    assert_array_equal(tree["posterior"]["sigma_t"], tree["posterior"]["sigma_c"])
    assert_array_equal(tree["observed_data"]["sd_t"], SIX["sd_t"])
    table = two_instruments.shrinkage()
    assert table["known"].tolist() == [True, False, True, True, False, False]
    assert len(table) == k
    assert 0 < two_instruments.probability("typical_sd[VAS] < 2") < 1
    assert bm.convergence(two_instruments).r_hat < 1.01


def test_missing_sigma_without_an_effect_to_tell_has_the_hierarchical_distribution(two_sigmas):
    """A sigma with no printed value leans on the others: log sigma about log typical_sd, spread by sd_variation."""
    posterior = two_sigmas.posterior
    z = (np.log(posterior["sigma_t"].sel(study="study 2")) - np.log(posterior["typical_sd[outcome]"])) / posterior[
        "sd_variation"
    ]
    assert abs(float(z.mean())) < 0.15  # the difference itself says little of it
    assert float(z.std()) == pytest.approx(1, abs=0.08)


def test_large_arms_give_the_normal_normal_model_with_covariates(assert_within_mcse, assert_rarely_diverges):
    y, se, n = np.array([-1.2, 0.4, -0.3, 0.9, -0.5]), np.array([0.3, 0.5, 0.2, 0.4, 0.35]), 4e6
    sd, dose = se * np.sqrt(n / 2), [0.0, 1.0, 0.0, 1.0, 1.0]
    base = bm.NormalNormal(formula="1 + dose", mu=bm.Normal(0, 4), tau=bm.HalfNormal(1), beta={"dose": bm.Normal(0, 2)})
    data = bm.ArmMeans(
        n_t=[n] * 5, mean_t=y, sd_t=sd, n_c=[n] * 5, mean_c=[0] * 5, sd_c=sd, covariates={"dose": dose}
    )  # fmt: skip
    model = bm.ArmNormal(base=base, typical_sd=bm.LogNormal(6, 1), sd_variation=bm.HalfNormal(1))
    result = bm.fit(data, model, seed=5, draws=2000, target_accept=0.99)
    assert_rarely_diverges(result)
    want = bm.fit(bm.Estimates(y, se, covariates={"dose": dose}), base)
    for name in ("mu", "tau", "dose", "theta_new"):
        marginal = want.marginal(name)
        assert_within_mcse(result.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)
    for i, study in enumerate(data.study):
        marginal = want.marginal(f"theta[{study}]")
        draws = result.posterior["theta"].to_numpy()[..., i]
        assert_within_mcse(draws, mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=study)


def test_joint_priors_are_refused(two_sigmas):
    joint = bm.NormalNormal(tau=bm.HalfNormal(1), beta={("mu",): bm.MultivariateNormal([0], [[1]])})
    with pytest.raises(bm.SpecificationError, match="joint prior"):
        bm.fit(two_sigmas.data, dataclasses.replace(MODEL, base=joint))


@pytest.fixture(scope="module")
def study():
    return runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "missing-sds.py"))


def test_coverage_with_missing_sds(study):
    """95% intervals of mu cover a fixed truth in 95% of meta-analyses, whether all SDs are reported or 70% of them."""
    found = study["coverage"](study["Truth"](), 40, seed=11)
    hit, width = found[:, -1, 0].mean(), found[:, :, 1].mean(axis=0)
    assert abs(hit - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 40)
    assert width[0] < width[3] < width[1]  # what is known of a trial without SDs is not thrown away


@pytest.mark.calibration
def test_calibrated_from_the_prior(study):
    assert kstest(study["calibration"](50, seed=12), "uniform").pvalue > 0.01


def test_the_page_prints_what_comes_out():
    """Rows of docs/missing.md against the grid, for its data and model."""
    page = (Path(__file__).parents[2] / "docs" / "missing.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    code = re.findall(r"^(?:>>>|\.\.\.) ?(.*)$", page, re.M)
    exec("\n".join(code), names)
    exact = bm.fit(names["data"], names["model"], "quadrature")
    for parameter in ("mu", "tau", "sd_variation"):
        row = re.search(rf"^{parameter} +(-?[\d.]+) +([\d.]+)$", page, re.M)
        assert [float(x) for x in row.groups()] == pytest.approx(
            list(exact.summary().loc[parameter, ["mean", "sd"]]), abs=0.02
        )
    assert exact.choice_probabilities()["F"]["sd"] < 1e-3
