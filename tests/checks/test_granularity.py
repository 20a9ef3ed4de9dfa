"""GRIM and GRIMMER against every sample of whole numbers there is, for few participants, and published examples."""

import itertools
import math
import time
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesmeta.checks.granularity import grim, grimmer, largest_sd


def printed(value, decimals):
    """A number rounded half up and half down."""
    step = 10.0**-decimals
    nearest = {math.floor(value / step + 0.5 - 1e-9), math.ceil(value / step - 0.5 + 1e-9)}
    return {round(k * step, decimals) for k in nearest}


def possible(n, scale, decimals, items=1):
    """All pairs of printed mean and SD of samples on a scale, by enumeration."""
    pairs = defaultdict(set)
    values = np.arange(scale[0] * items, scale[1] * items + 1) / items
    for sample in itertools.combinations_with_replacement(values, n):
        x = np.array(sample)
        for mean in printed(x.mean(), decimals):
            pairs[mean] |= printed(x.std(ddof=1), decimals)
    return pairs


CASES = [
    (2, (0, 10), 2, 1),
    (3, (1, 7), 2, 1),
    (5, (0, 6), 2, 1),
    (7, (1, 5), 1, 1),
    (8, (1, 5), 2, 1),
    (4, (1, 3), 2, 3),
]


@pytest.mark.parametrize(("n", "scale", "decimals", "items"), CASES)
def test_no_sample_of_whole_numbers_is_called_impossible(n, scale, decimals, items):
    pairs = possible(n, scale, decimals, items)
    options = {"decimals": decimals, "items": items}
    for mean, sds in pairs.items():
        assert grim(mean, n, **options)
        for sd in sds:
            assert grimmer(mean, sd, n, decimals_sd=decimals, **options)
            assert grimmer(mean, sd, n, decimals_sd=decimals, scale=scale, **options)
            assert sd <= largest_sd(mean, n, scale, rounding=0.5 * 10.0**-decimals) + 0.5 * 10.0**-decimals + 1e-9


@pytest.mark.parametrize(("n", "scale", "decimals", "items"), CASES)
def test_what_no_sample_has_is_found(n, scale, decimals, items):
    """GRIM finds every mean that no sample has. On a scale GRIMMER finds most SDs, from 5 participants nearly all."""
    pairs = possible(n, scale, decimals, items)
    step = 10.0**-decimals
    missed = found = 0
    for k in range(round(scale[0] / step), round(scale[1] / step) + 1):
        mean = round(k * step, decimals)
        assert grim(mean, n, decimals=decimals, items=items) == (mean in pairs)
        top = math.ceil(largest_sd(mean, n, scale) / step)
        for j in range(0, top + 3, 1 if n > 2 else 3):
            sd = round(j * step, decimals)
            if sd not in pairs.get(mean, ()):
                caught = not grimmer(mean, sd, n, decimals=decimals, decimals_sd=decimals, items=items, scale=scale)
                found, missed = found + caught, missed + (not caught)
    assert missed / (found + missed) < (0.05 if n >= 5 else 0.2)


def test_published_examples():
    """Brown & Heathers (2017): 5.19 of 28; a mean of 3.45 of 10, Allard (2018); Apgar scores in INSPECT-SR, check 4.8."""
    assert not grim(5.19, 28, decimals=2)
    assert not grim(3.45, 10, decimals=2)
    for mean in (8.96, 9.96):
        assert not grim(mean, 30, decimals=2)
    assert grim(9.93, 30, decimals=2)
    assert not grimmer(9.93, 0.18, 30, decimals=2, decimals_sd=2)
    assert not grim(7.3, 12, decimals=1) or not grimmer(7.3, 2.51, 12, decimals=1, decimals_sd=2)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10), min_size=2, max_size=300), st.integers(0, 3), st.integers(0, 3))
def test_scores_pass_with_any_number_of_decimals(scores, decimals, decimals_sd):
    x = np.array(scores, dtype=float)
    for mean in printed(x.mean(), decimals):
        for sd in printed(x.std(ddof=1), decimals_sd):
            assert grim(mean, x.size, decimals=decimals)
            assert grimmer(mean, sd, x.size, decimals=decimals, decimals_sd=decimals_sd, scale=(0, 10))


@given(st.lists(st.floats(0, 10), min_size=2, max_size=50))
def test_no_sample_on_a_scale_spreads_further(scores):
    x = np.array(scores)
    assert x.std(ddof=1) <= largest_sd(x.mean(), x.size, (0, 10)) + 1e-9


def test_the_widest_samples_reach_the_limit():
    assert largest_sd(5, 20, (0, 10)) == pytest.approx(np.std([0] * 10 + [10] * 10, ddof=1))
    assert largest_sd(2, 10, (1, 5)) == pytest.approx(math.sqrt(3 * 10 / 9))
    assert grimmer(2.0, 1.7, 4, decimals=1, decimals_sd=1, scale=(1, 5)) is False
    assert grimmer(2.0, 2.0, 4, decimals=1, decimals_sd=1, scale=(1, 5)) is True  # 1 1 1 5
    assert grimmer(2.0, 2.1, 4, decimals=1, decimals_sd=1, scale=(1, 5)) is False
    assert grimmer(6.0, 1.0, 4, decimals=1, decimals_sd=1, scale=(1, 5)) is False
    assert grimmer(3.0, 0.0, 1, decimals=1, decimals_sd=1)


def test_very_many_participants_take_no_time():
    """Ten thousand sums and more have such a mean: nothing is impossible, and none is gone through."""
    start = time.process_time()
    for n in (10**7, 10**12, 10**100):
        assert grim(5.0, n, decimals=0)
        assert grimmer(5.0, 20.0, n, decimals=0, decimals_sd=0, scale=(0, 10))
    assert time.process_time() - start < 1
