"""Hedges' g from a t or an F: that of the means and SDs which gave the test, as SciPy computes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesmeta.effects.from_tests import smd_from_one_sample_test, smd_from_test
from bayesmeta.effects.paired import paired_smd, paired_smd_of_change
from bayesmeta.effects.standardized import standardized_mean_difference
from bayesmeta.errors import DataError, SpecificationError

SIZE, MEAN, SD = st.integers(2, 300), st.floats(-5, 5), st.floats(0.5, 5)


@pytest.mark.filterwarnings("ignore:.*standard deviations. Above 3")
@given(SIZE, MEAN, SD, SIZE, MEAN, SD)
def test_it_is_that_of_the_means(n_t, mean_t, sd_t, n_c, mean_c, sd_c):
    t = stats.ttest_ind_from_stats(mean_t, sd_t, n_t, mean_c, sd_c, n_c).statistic
    want = standardized_mean_difference(mean_t, sd_t, n_t, mean_c, sd_c, n_c)
    np.testing.assert_allclose(smd_from_test(t, n_t, n_c), want, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        smd_from_test(t**2, n_t, n_c, kind="f", sign=1 if t >= 0 else -1), want, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smd_from_test(2, 1, 2), "study 1: the two arms must hold 4 participants or more"),
        (lambda: smd_from_test(2, 10, 0), "study 1: n_c must be a whole number, at least 1"),
        (lambda: smd_from_test(-2, 10, 10, kind="f"), "study 1: f must be 0 or above; got f = -2"),
        (lambda: smd_from_one_sample_test(2, 2), "study 1: n must be a whole number, at least 3"),
        (lambda: smd_from_one_sample_test(2, 9, correlation=1), "study 1: correlation must lie between -1 and 1"),
        (lambda: smd_from_one_sample_test(-2, 9, kind="f"), "study 1: f must be 0 or above"),
        (lambda: smd_from_test(2, 10, 10, sign=0), "study 1: sign must be 1 or -1; got sign = 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(DataError, match="^" + message):
        call()


def test_an_unknown_test_is_refused():
    with pytest.raises(SpecificationError, match="kind='z' is not known; choose one of 't', 'f'"):
        smd_from_test(2, 10, 10, kind="z")


@pytest.mark.filterwarnings("ignore:.*standard deviations. Above 3")
@given(st.integers(3, 200), st.floats(-2, 2), st.floats(0.5, 3), st.integers(0, 2**32 - 1))
def test_one_sample_and_paired_tests_are_those_of_the_participants(n, shift, sd, seed):
    after, before = np.random.default_rng(seed).normal([[shift], [0]], sd, (2, n))
    test, r = stats.ttest_rel(after, before), np.corrcoef(after, before)[0, 1]
    spreads = after.std(ddof=1), before.std(ddof=1)
    want = paired_smd_of_change(after.mean(), spreads[0], before.mean(), spreads[1], n, correlation=r)
    np.testing.assert_allclose(smd_from_one_sample_test(test.statistic, n), want, rtol=1e-8, atol=1e-10)
    alone = stats.ttest_1samp(after - before, 0).statistic
    found = smd_from_one_sample_test(alone**2, n, kind="f", sign=1 if alone >= 0 else -1)
    np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-7)
    equal = (
        after.mean() + (before - before.mean()) * spreads[0] / spreads[1]
    )  # one spread, as the standardiser takes it
    r = np.corrcoef(after, equal)[0, 1]
    moved = equal - shift
    t = stats.ttest_rel(after, moved).statistic
    raw = paired_smd(after.mean(), spreads[0], moved.mean(), spreads[0], n, correlation=r)
    np.testing.assert_allclose(smd_from_one_sample_test(t, n, correlation=r), raw, rtol=1e-7, atol=1e-9)
