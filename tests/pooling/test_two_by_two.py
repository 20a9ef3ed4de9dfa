"""Mantel-Haenszel and Peto against R's metafor, exact identities and symmetries."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bayesmeta as bm

GOLDEN = Path(__file__).parents[1] / "golden"
MEASURES = {"OR": "log_or", "RR": "log_rr", "RD": "rd"}
TESTS = {"MH": "Cochran-Mantel-Haenszel", "BD": "Breslow-Day", "TA": "Tarone"}


def read(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def arms(raw):
    a, b, c, d = (np.atleast_1d(raw[key]).astype(float) for key in ("ai", "bi", "ci", "di"))
    return {"study": [f"s{i}" for i in range(len(a))], "events_t": a, "n_t": a + b, "events_c": c, "n_c": c + d}


def cases():
    for name in ("bcg", "nielweise2007"):
        found = read(f"tables_{name}")
        yield name, found["raw"], {**found["mantel_haenszel"], "PETO": found["peto"]}
    for found in read("pooling")["tables"]:
        yield found["name"], found, found


def compare(got, want, name):
    for key, value in (
        ("beta", got.estimate),
        ("se", got.se),
        ("ci_lb", got.lower),
        ("ci_ub", got.upper),
        ("QE", got.q),
    ):
        printed = want.get(key, want.get(key.replace("_", ".")))
        assert_allclose(value, math.nan if printed is None else printed, rtol=1e-8, atol=1e-12, err_msg=f"{name} {key}")
    for key, value in (("pval", got.p_value), ("QEp", got.q_p), ("I2", got.i2)):
        assert_allclose(value, want[key], rtol=1e-7, atol=1e-9, err_msg=f"{name} {key}")
    for key, test in TESTS.items():
        if isinstance(want.get(f"{key}p"), int | float):  # with one study R prints a statistic of 0 and no P value
            assert_allclose(got.tests[test].statistic, want[key], rtol=1e-8, atol=1e-10, err_msg=f"{name} {test}")
            assert_allclose(got.tests[test].p_value, want[f"{key}p"], rtol=1e-7, err_msg=f"{name} {test}")


@pytest.mark.parametrize(("name", "raw", "want"), list(cases()), ids=[case[0] for case in cases()])
def test_matches_metafor(name, raw, want):
    for theirs, ours in MEASURES.items():
        compare(bm.mantel_haenszel(arms(raw), ours), want[theirs], f"{name} {theirs}")
    compare(bm.peto(arms(raw)), want["PETO"], f"{name} PETO")


counts = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(1, 30))
rows = st.lists(counts, min_size=1, max_size=6).map(lambda r: np.array(r, dtype=float).T)


def table(a, c, b, d):
    return arms({"ai": a, "bi": b, "ci": c, "di": d})


@given(cells=rows)
def test_swapping_arms_flips_the_sign(cells):
    assume(cells[:2].sum() > 0)
    a, c, b, d = cells
    for measure in MEASURES.values():
        one, two = bm.mantel_haenszel(table(a, c, b, d), measure), bm.mantel_haenszel(table(c, a, d, b), measure)
        assert_allclose(two.estimate, -one.estimate, rtol=1e-9, atol=1e-12)
        assert_allclose(two.se, one.se, rtol=1e-9)
        assert_allclose(two.q, one.q, rtol=1e-7, atol=1e-9)
    one, two = bm.peto(table(a, c, b, d)), bm.peto(table(c, a, d, b))
    assert_allclose([two.estimate, two.se], [-one.estimate, one.se], rtol=1e-9, atol=1e-12)


@given(cells=counts)
def test_one_study_is_its_own_effect(cells):
    a, c, b, d = cells
    assume(a and c and b and d)
    one = table([a], [c], [b], [d])
    for measure in MEASURES.values():
        got, own = bm.mantel_haenszel(one, measure), bm.effect_sizes(one, measure)
        assert_allclose([got.estimate, got.se], [own.y[0], own.se[0]], rtol=1e-9, atol=1e-14)
        assert (got.q, got.i2, got.h2) == (0, 0, 1)


def test_no_events_in_one_arm_gives_no_ratio():
    empty = table([0, 0], [3, 1], [20, 30], [17, 29])
    for measure in ("log_or", "log_rr"):
        found = bm.mantel_haenszel(empty, measure)
        assert all(math.isnan(value) for value in (found.estimate, found.lower, found.p_value, found.q, found.i2))
    assert bm.mantel_haenszel(empty, "rd").estimate < 0
    assert bm.peto(empty).estimate < 0


def test_refusals():
    good = table([1], [3], [20], [17])
    with pytest.raises(bm.SpecificationError, match=r"'log_or', 'log_rr', 'rd'"):
        bm.mantel_haenszel(good, "or")
    with pytest.raises(bm.DataError, match="no study has both"):
        bm.peto(table([0], [0], [20], [17]))
    with pytest.raises(bm.DataError, match="events_t"):
        bm.mantel_haenszel({**good, "events_t": [25.0]})


def test_levels_outside_0_to_1_are_refused():
    arms = {"study": ["A", "B"], "events_t": [12, 0], "n_t": [100, 40], "events_c": [24, 3], "n_c": [100, 41]}
    for pool in (bm.mantel_haenszel, bm.peto):
        with pytest.raises(bm.SpecificationError, match="level=95"):
            pool(arms, level=95)


@pytest.mark.parametrize("want", read("cmh")["tables"], ids=lambda want: want["name"])
def test_the_continuity_correction_is_that_of_base_r(want):
    test = bm.mantel_haenszel(arms(want)).tests["Cochran-Mantel-Haenszel"]
    assert_allclose([test.statistic, test.p_value], [want["statistic"], want["p"]], rtol=1e-10, atol=1e-14)


def test_a_continuity_correction_does_not_pass_zero():
    """Two tables of 1/2 versus 1/2 have no excess: nothing speaks against equal odds, so P is 1."""
    test = bm.mantel_haenszel(table([1, 1], [1, 1], [1, 1], [1, 1])).tests["Cochran-Mantel-Haenszel"]
    assert (test.statistic, test.p_value) == (0.0, 1.0)
