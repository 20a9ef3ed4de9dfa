"""Cluster-robust tests against R's clubSandwich, and what must hold for any clusters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

FITS = json.loads((Path(__file__).parents[1] / "golden" / "cluster.json").read_text(encoding="utf-8"))["fits"]


def estimates(fit):
    covariates = {"x": fit["x"]} if fit["x"] else None
    if "cov" in fit:
        return bm.Estimates(fit["y"], cov=fit["cov"], covariates=covariates)
    return bm.Estimates(fit["y"], fit["se"], covariates=covariates)


def label(fit):
    return f"{fit['name']} {fit['method']} {'x' if fit['x'] else '1'}"


@pytest.mark.parametrize("fit", FITS, ids=label)
def test_matches_club_sandwich(fit):
    method = {"EE": "fe"}.get(fit["method"], fit["method"].lower())
    got = bm.cluster_robust(estimates(fit), fit["cluster"], method, formula="1 + x" if fit["x"] else None)
    table = got.coefficients
    pairs = {
        "beta": table.estimate,
        "se_beta": table.se,
        "p": table.p_value,
        "lower": table.lower,
        "upper": table.upper,
    }
    for name, value in pairs.items():
        assert_allclose(value, np.ravel(fit[name]), rtol=1e-8, err_msg=name)
    assert_allclose(got.covariance, np.reshape(fit["vcov"], got.covariance.shape), rtol=1e-8)
    assert_allclose(got.df, np.ravel(fit["df"])[0], rtol=1e-8)
    assert (got.lower, got.interval) == (table.lower["mu"], "cr2")


def test_heterogeneity_is_that_of_pool():
    data = bm.load_dataset("bcg")
    got, want = bm.cluster_robust(data, "allocation", "dl"), bm.pool(data, "dl", "wald")
    for name in ("estimate", "tau2", "tau2_interval", "q", "q_p", "i2", "h2", "n_studies"):
        assert getattr(got, name) == getattr(want, name), name


def test_names_and_order_of_clusters_do_not_matter():
    data = bm.load_dataset("bcg")
    groups = list(data.covariates["allocation"])
    one = bm.cluster_robust(data, groups)
    order = np.random.default_rng(3).permutation(len(groups))
    other = bm.Estimates(5 - 2 * data.y[order], 2 * data.se[order])
    two = bm.cluster_robust(other, [f"g{groups[i]}" for i in order])
    assert_allclose([two.estimate, two.se, two.df], [5 - 2 * one.estimate, 2 * one.se, one.df], rtol=1e-8)


def test_a_right_working_covariance_keeps_the_standard_error_on_average():
    """CR2 is unbiased where the working model holds: E of its variance is the model's."""
    rng = np.random.default_rng(6)
    se = rng.uniform(0.1, 0.5, 12)
    groups = np.repeat(["a", "b", "c", "d"], 3)
    found = [bm.cluster_robust(bm.Estimates(se * z, se), groups, "fe").se ** 2 for z in rng.normal(size=(600, 12))]
    want = 1 / np.sum(1 / se**2)
    assert abs(np.mean(found) - want) < 4 * np.std(found) / 600**0.5


def test_refusals():
    data = bm.load_dataset("bcg")
    with pytest.raises(bm.SpecificationError, match="Did you mean 'allocation'"):
        bm.cluster_robust(data, "alocation")
    with pytest.raises(bm.DataError, match="2 labels for 13"):
        bm.cluster_robust(data, ["a", "b"])
    with pytest.raises(bm.DataError, match="at least two clusters"):
        bm.cluster_robust(data, ["a"] * 13)
    for labels in (["a", None, *"b" * 11], ["a", float("nan"), *"b" * 11], ["a", "", *"b" * 11]):
        with pytest.raises(bm.DataError, match="cluster, row 2: the label is missing"):
            bm.cluster_robust(data, labels)
    with pytest.raises(bm.SpecificationError, match="cluster=5: give the name of a covariate"):
        bm.cluster_robust(data, 5)
