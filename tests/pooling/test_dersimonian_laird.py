"""DerSimonian-Laird pooling and its subgroup test, against R's metafor, closed forms and symmetries."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayesmeta.pooling import dersimonian_laird, subgroup_z

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ("bcg_RR", "hackshaw1998_OR", "molloy2014_ZCOR", "normand1999_MD", "pritz1997_PFT")

effects = st.floats(-3, 3)
errors = st.floats(0.1, 1.5)
trials = st.lists(st.tuples(effects, errors), min_size=4, max_size=9).map(lambda rows: np.array(rows).T)


def golden(name: str) -> dict:
    return json.loads((GOLDEN / f"metafor_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_matches_metafor(name):
    found = golden(name)
    want = next(fit for fit in found["fits"] if (fit["method"], fit["test"]) == ("DL", "z"))
    pool = dersimonian_laird(np.array(found["y"]), np.array(found["sigma"]))
    got = (pool.estimate, pool.se, pool.tau2, pool.q, pool.i2)
    printed = (want["beta"][0], want["se"][0], want["tau2"], want["QE"], want["I2"])
    assert_allclose(got, printed, rtol=1e-8)  # the file holds ten digits of y and of every result


def test_golden_files_cover_homogeneous_and_heterogeneous_data():
    i2 = [next(f for f in golden(n)["fits"] if f["method"] == "DL")["I2"] for n in NAMES]
    assert min(i2) < 25
    assert max(i2) > 95


def test_a_group_is_pooled_like_its_studies_alone():
    """As if the other studies were not there."""
    found = golden("bcg_RR")
    y, se = np.array(found["y"]), np.array(found["sigma"])
    groups = 1.0 - np.eye(len(y))
    together = dersimonian_laird(y, se, groups)
    for i in range(len(y)):
        alone = dersimonian_laird(np.delete(y, i), np.delete(se, i))
        assert_allclose([value[i] for value in together], alone, rtol=1e-10)


@given(data=trials)
def test_two_studies_have_a_closed_form(data):
    y, se = data[:, :2]
    pool = dersimonian_laird(y, se)
    v1, v2 = se**2
    q = (y[0] - y[1]) ** 2 / (v1 + v2)
    tau2 = max(0.0, ((y[0] - y[1]) ** 2 - v1 - v2) / 2)  # (Q - 1) / (W - sum w^2 / W) for two weights
    weight = 1 / (se**2 + tau2)
    estimate = (weight * y).sum() / weight.sum()
    assert_allclose([pool.estimate, pool.se], [estimate, weight.sum() ** -0.5], rtol=1e-9, atol=1e-12)
    assert_allclose([pool.q, pool.tau2], [q, tau2], rtol=1e-8, atol=1e-12)


@given(data=trials)
def test_a_group_of_one_study_is_that_study(data):
    y, se = data
    pool = dersimonian_laird(y, se, np.eye(len(y)))
    assert_allclose(pool.estimate, y, rtol=1e-9, atol=1e-9)
    assert_allclose(pool.se, se, rtol=1e-9)
    assert_allclose(pool.tau2, 0, atol=1e-12)
    assert_allclose(pool.i2, 0, atol=1e-12)


def test_equal_effects_pool_by_inverse_variance():
    se = np.array([0.2, 0.3, 0.6])
    pool = dersimonian_laird(np.full(3, 0.7), se)
    assert_allclose(pool, (0.7, (1 / se**2).sum() ** -0.5, 0, 0, 0), atol=1e-14)


@given(data=trials, shift=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_the_pool_moves_and_stretches_with_its_data(data, shift, scale):
    y, se = data
    pool, moved = dersimonian_laird(y, se), dersimonian_laird(shift + scale * y, scale * se)
    assert_allclose(moved.estimate, shift + scale * pool.estimate, atol=1e-9)
    assert_allclose(moved.se, scale * pool.se, rtol=1e-8)
    assert_allclose([moved.q, moved.i2], [pool.q, pool.i2], rtol=1e-6, atol=1e-8)
    assert_allclose(moved.tau2, scale**2 * pool.tau2, rtol=1e-6, atol=1e-8)


def test_a_large_offset_costs_no_digits():
    """Sums of squares about zero would lose twelve digits of Q at 1e6; sums about the mean lose none here."""
    y, se = (
        np.array([-0.5, 0.125, 1.0, 0.25]),
        np.array([0.2, 0.25, 0.3, 0.3]),
    )  # exact in binary, also at 1e6
    near, far = dersimonian_laird(y, se), dersimonian_laird(y + 2.0**20, se)
    assert_allclose(far.estimate - 2.0**20, near.estimate, atol=1e-9)
    assert_allclose(far[1:], near[1:], rtol=1e-11)
    group = np.array([0, 1, 1, 0])
    assert_allclose(subgroup_z(y + 2.0**20, se, group), subgroup_z(y, se, group), rtol=1e-8)


def test_subgroup_test_against_two_pools_of_metafor():
    """Two data sets side by side, as two subgroups: metafor's estimates and standard errors give z."""
    left, right = golden("bcg_RR"), golden("hackshaw1998_OR")
    a, b = (next(f for f in d["fits"] if (f["method"], f["test"]) == ("DL", "z")) for d in (left, right))
    want = (a["beta"][0] - b["beta"][0]) / math.hypot(a["se"][0], b["se"][0])
    y, se = np.array(left["y"] + right["y"]), np.array(left["sigma"] + right["sigma"])
    group = np.repeat([1.0, 0.0], [len(left["y"]), len(right["y"])])
    assert_allclose(subgroup_z(y, se, group), want, rtol=1e-8)
    order = np.random.default_rng(1).permutation(len(y))
    assert_allclose(subgroup_z(y[order], se[order], group[order]), want, rtol=1e-8)


@given(data=trials, bits=st.integers(1, 14), shift=st.floats(-50, 50))
def test_subgroup_test_symmetries(data, bits, shift):
    y, se = data
    group = np.array([float(bits >> i & 1) for i in range(len(y))])
    assume(0 < group.sum() < len(y))
    z = subgroup_z(y, se, group)
    assert_allclose(subgroup_z(y, se, 1 - group), -z, rtol=1e-10, atol=1e-12)
    assert_allclose(subgroup_z(-y, se, group), -z, rtol=1e-10, atol=1e-12)
    assert_allclose(subgroup_z(y + shift, se, group), z, rtol=1e-6, atol=1e-8)


def test_leading_dimensions_are_a_loop():
    rng = np.random.default_rng(2)
    y, se = rng.normal(size=(3, 2, 6)), rng.uniform(0.2, 0.8, size=(3, 2, 6))
    groups = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]])
    together, z = dersimonian_laird(y, se, groups), subgroup_z(y, se, groups[0])
    assert together.estimate.shape == (3, 2, 2)
    for i in np.ndindex(3, 2):
        for name, value in together._asdict().items():
            alone = [getattr(dersimonian_laird(y[i][g > 0], se[i][g > 0]), name) for g in groups]
            assert_allclose(value[i], alone, rtol=1e-9, atol=1e-12)
        assert_allclose(z[i], subgroup_z(y[i], se[i], groups[0]), rtol=1e-12)
