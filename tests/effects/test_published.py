"""Effect sizes and tests of numbers as published: each value is printed in the source that is named."""

import numpy as np
import pytest

from bayesmeta.checks.granularity import grim, grimmer
from bayesmeta.effects.change import change_smd
from bayesmeta.effects.paired import paired_mean_difference
from bayesmeta.effects.precision import se_from_p_value
from bayesmeta.effects.reports import COLUMNS
from bayesmeta.effects.template import template_columns


def test_changes_in_sds_of_the_baseline():
    """Morris (2008), Table 5, doi:10.1177/1094428106291059: d_ppc2 of five training programmes."""
    treated = (
        [30.6, 23.5, 0.5, 53.4, 35.6],
        [15, 3.1, 0.1, 14.5, 4.7],
        [38.5, 26.8, 0.7, 75.9, 36],
        [11.6, 4.1, 0.1, 4.4, 4.6],
    )
    control = (
        [23.1, 24.9, 0.6, 55.7, 34.8],
        [13.8, 4.1, 0.2, 17.3, 3.1],
        [19.7, 25.3, 0.6, 60.7, 33.4],
        [14.8, 3.3, 0.2, 17.9, 6.9],
    )
    correlation = [0.47, 0.64, 0.77, 0.89, 0.44]
    y, _ = change_smd(*treated, [20, 50, 9, 10, 14], *control, [20, 42, 9, 11, 14], correlation=correlation)
    np.testing.assert_array_equal(y.round(2), [0.77, 0.80, 1.20, 1.05, 0.44])


def test_the_standard_error_behind_a_p_value():
    """Cochrane Handbook, 6.5.2.3: MD 3.8, P = 0.008, 25 and 22 participants; t = 2.78, SE 1.37, and from that SD 4.69."""
    se = se_from_p_value([3.8], [0.008], df=25 + 22 - 2)[0]
    assert round(3.8 / se, 2) == 2.78
    assert round(se, 2) == 1.37
    assert round(round(se, 2) / np.sqrt(1 / 25 + 1 / 22), 2) == 4.69


def test_a_crossover_trial_with_a_correlation():
    """Cochrane Handbook 5.1, 16.4.6.4: 7.0 (SD 2.38) v 6.5 (2.21) in 10 participants, correlation 0.68: MD 0.5, SE 0.583."""
    y, se = paired_mean_difference([7.0], [2.38], [6.5], [2.21], [10], correlation=0.68)
    assert (y[0], round(se[0], 3)) == (0.5, 0.583)


def test_means_and_sds_of_whole_numbers():
    """R's scrutiny, vignette on GRIMMER: mean 7.3, SD 2.51, n = 12 is inconsistent; 5.19 of 28, and not of 32, by GRIM."""
    assert not grimmer(7.3, 2.51, 12, decimals=1, decimals_sd=2)
    assert (grim(5.19, 28, decimals=2), grim(5.19, 32, decimals=2)) == (False, True)


@pytest.mark.parametrize("measure", ["reported", "reported_ratio"])
def test_the_template_of_printed_estimates_has_their_columns(measure):
    assert set(template_columns(measure)) == {"study", *COLUMNS}
