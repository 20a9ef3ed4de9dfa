"""Cluster-randomised trials: the design effect, and what it does to standard errors and covariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.clusters import design_effect
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.errors import DataError, SpecificationError

ARMS = {
    "study": ["A", "B"], "mean_t": [3.1, 4], "sd_t": [2, 2], "n_t": [20, 30], "mean_c": [5, 4], "sd_c": [2.2, 2],
    "n_c": [20, 31], "clusters": [21, 1], "rho": [0.05, 0.5],
}  # fmt: skip


def test_the_handbooks_example():
    """Cochrane Handbook 6, 23.1.4.1: 295 and 330 children in 10 and 11 classes, ICC 0.02, design effect 1.576."""
    np.testing.assert_allclose(design_effect(0.02, (295 + 330) / 21), 1.576, atol=1e-3)


def test_standard_errors_grow_by_its_root_and_effects_stay():
    plain = effect_sizes(ARMS, covariates=[])
    data = effect_sizes(ARMS, icc="rho", cluster_size="clusters", covariates=[])
    np.testing.assert_array_equal(data.y, plain.y)
    np.testing.assert_allclose(data.se, plain.se * np.sqrt([2, 1]), rtol=1e-12)
    assert effect_sizes(ARMS, icc="rho", cluster_size="clusters").covariate_names == ()
    assert effect_sizes(ARMS, icc=0.05, cluster_size="clusters").covariate_names == ("rho",)


def test_covariances_grow_alike():
    long = {
        "study": ["A"] * 3, "arm": ["control", "x", "y"], "n": [20, 30, 40], "mean": [1, 2, 3], "sd": [2, 2, 2],
    }  # fmt: skip
    plain, data = effect_sizes(long), effect_sizes(long, icc=0.1, cluster_size=11)
    np.testing.assert_allclose(data.cov, 2 * plain.cov, rtol=1e-12)


def test_the_inflated_se_is_the_spread_over_simulated_cluster_trials():
    rng, repeats, clusters, size, rho = np.random.default_rng(20260104), 4000, 30, 20, 0.1
    between, within = np.sqrt(rho), np.sqrt(1 - rho)
    means = {}
    for arm in "tc":
        people = rng.normal(0, between, (repeats, clusters, 1)) + rng.normal(0, within, (repeats, clusters, size))
        people = people.reshape(repeats, -1)
        means |= {f"mean_{arm}": people.mean(1), f"sd_{arm}": people.std(1, ddof=1), f"n_{arm}": np.full(repeats, 600)}
    data = effect_sizes({"study": range(repeats), **means}, icc=rho, cluster_size=size)
    # The SD over all people of an arm is a little below that of the population: clusters are few.
    np.testing.assert_allclose(np.sqrt(data.v.mean()), data.y.std(ddof=1), rtol=4 / np.sqrt(2 * repeats) + 0.002)


@given(rho=st.floats(0, 0.99), size=st.floats(1, 1000))
def test_nothing_changes_without_correlation_or_with_clusters_of_one(rho, size):
    assert design_effect(0, size) == design_effect(rho, 1) == 1
    assert 1 <= design_effect(rho, size)[0] <= size + 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"icc": 1, "cluster_size": 5},
            "arm table, row 1 (study 'A'): icc must lie between 0 and 1, below 1; got icc = 1.",
        ),
        ({"icc": -0.1, "cluster_size": 5}, "arm table, row 1 (study 'A'): icc must lie between 0 and 1"),
        (
            {"icc": 0.1, "cluster_size": 0},
            "arm table, row 1 (study 'A'): cluster_size must be 1 or above; got cluster_size = 0.",
        ),
        ({"icc": 0.1}, "a design effect needs icc and cluster_size; cluster_size is missing."),
        ({"cluster_size": 9}, "a design effect needs icc and cluster_size; icc is missing."),
        ({"icc": "roh", "cluster_size": 9}, "arm table: column 'roh' is missing. Did you mean 'rho'?"),
    ],
)
def test_impossible_clusters_are_refused(options, message):
    with pytest.raises((DataError, SpecificationError)) as refusal:
        effect_sizes(ARMS, **options)
    assert str(refusal.value).startswith(message)
