"""Groups combined, against the participants themselves; counts behind percentages, against all counts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.effects.groups import combine_groups, counts_from_percentage, events_from_percentage
from bayesmeta.errors import DataError


@given(st.lists(st.lists(st.integers(-50, 50), min_size=2, max_size=9), min_size=1, max_size=5))
def test_groups_combine_to_their_participants(groups):
    sds = [np.std(g, ddof=1) for g in groups]
    if min(sds) == 0:
        return
    everybody = np.concatenate(groups)
    n, mean, sd = combine_groups([len(g) for g in groups], [np.mean(g) for g in groups], sds)
    np.testing.assert_allclose([n, mean, sd], [everybody.size, everybody.mean(), everybody.std(ddof=1)], atol=1e-9)


def test_groups_combine_along_the_last_axis():
    n, mean, sd = combine_groups([[10, 20], [5, 1]], [[1.0, 2.0], [3.0, 9.0]], [[1.0, 1.5], [2.0, 0.0]])
    assert n.tolist() == [30, 6]
    everybody = np.array(
        [3 - 2 * math.sqrt(2), 3 + 2 * math.sqrt(2), 3, 3, 3, 9]
    )  # a group of mean 3 and sd 2, and one of 9
    np.testing.assert_allclose([mean[1], sd[1]], [everybody.mean(), everybody.std(ddof=1)])


@given(n=st.integers(1, 300), decimals=st.integers(0, 2), percent=st.integers(0, 10_000))
def test_counts_are_all_that_are_printed_so(n, decimals, percent):
    shown = round(percent / 100, decimals)
    k = np.arange(n + 1)
    near = np.abs(100 * k / n - shown) <= 0.5 * 10.0**-decimals + 1e-9  # a half goes either way
    fewest, most = counts_from_percentage(shown, n, decimals=decimals)
    assert list(k[near]) == list(range(int(fewest[0]), int(most[0]) + 1))


def test_percentages_of_published_trials():
    """Sigtermans 2009 printed 76% v 18% in arms of 30, which fits 22/29 and 5/28; Orhurhu 2019 51.3% v 19.4%."""
    with pytest.raises(
        DataError, match=r"^study 1: 76% is not a count of n = 30; 22 are 73% and 23 are 77%\. Were fewer"
    ):
        events_from_percentage(76, 30)
    with pytest.raises(DataError, match=r"^study 1: 18% is not a count of n = 30; 5 are 17% and 6 are 20%"):
        events_from_percentage(18, 30)
    assert events_from_percentage([76, 18], [29, 28]).tolist() == [22, 5]
    assert events_from_percentage([51.3, 51.3, 19.4, 19.4, 19.4], [39, 78, 31, 36, 72], decimals=1).tolist() == [
        20,
        40,
        6,
        7,
        14,
    ]
    with pytest.raises(DataError, match=r"^study 1: 50% of n = 400 are 198 to 202 events"):
        events_from_percentage(50, 400)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: combine_groups([10, 0], [1, 2], [1, 1]), "study 2: n must be a whole number"),
        (lambda: combine_groups([10, 4], [1, 2], [1, 0]), "study 2: sd must be positive; got sd = 0. If it was"),
        (lambda: counts_from_percentage(101, 10), "study 1: percent must lie between 0 and 100"),
        (lambda: counts_from_percentage(10, 10, decimals=0.5), "study 1: decimals must be a whole number"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(DataError, match="^" + message):
        call()
