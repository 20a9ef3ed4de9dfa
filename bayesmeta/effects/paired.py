"""Effect sizes of designs in which the same participants are measured twice.

In a crossover trial `t` and `c` are the two treatments; before and after a treatment, `t` is after and `c`
before. `correlation` is that of a participant's two measurements. It is seldom reported, and every standard
error here depends on it.
"""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms, Floats, finished
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.means import check_same_sign

_COLUMNS = ("mean_t", "sd_t", "mean_c", "sd_c", "n")


def _check(arms: Arms, least: int = 2) -> None:
    arms.check_sizes("n", least=least)
    arms.check_positive("sd_t", "sd_c")


def _check_three(arms: Arms) -> None:
    """Check studies whose mean is divided by a standard deviation that is corrected for its few participants."""
    _check(arms, least=3)


@of_columns(*_COLUMNS, check=_check, correlation=True)
def paired_mean_difference(arms: Arms) -> Effects:
    """Mean of the differences within participants, `t` minus `c`.

    References
    ----------
    Elbourne, Altman, Higgins, Curtin, Worthington & Vail (2002), Int. J. Epidemiol. 31:140-149,
    doi:10.1093/ije/31.1.140

    Examples
    --------
    >>> y, se = paired_mean_difference([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-1.9]), array([0.4712]))
    """
    return arms["mean_t"] - arms["mean_c"], _sd_of_difference(arms) / np.sqrt(arms["n"])


@of_columns(*_COLUMNS, check=_check_three, correlation=True)
def paired_smd(arms: Arms) -> Effects:
    """Mean difference in standard deviations of `c` (baseline or control), corrected for small studies.

    It is on the scale of a standardised difference between parallel arms (``SMCR`` in metafor, with `c` as its
    first measurement and the sign turned). The standard error takes both measurements to have one variance. It needs
    3 participants or more.

    References
    ----------
    Becker (1988), Br. J. Math. Stat. Psychol. 41:257-278, doi:10.1111/j.2044-8317.1988.tb00901.x

    Examples
    --------
    >>> y, se = paired_smd([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.829]), array([0.2592]))
    """
    y = hedges_factor(arms["n"] - 1) * (arms["mean_t"] - arms["mean_c"]) / arms["sd_c"]
    return y, np.sqrt((2 * (1 - arms["correlation"]) + y**2 / 2) / arms["n"])


@of_columns(*_COLUMNS, check=_check_three, correlation=True)
def paired_smd_of_change(arms: Arms) -> Effects:
    """Mean difference in standard deviations of the differences, corrected for small studies.

    Not on the scale of a standardised difference between parallel arms (``SMCC`` in metafor). It needs 3 participants or
    more.

    References
    ----------
    Gibbons, Hedeker & Davis (1993), J. Educ. Stat. 18:271-279, doi:10.3102/10769986018003271

    Examples
    --------
    >>> y, se = paired_smd_of_change([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.8656]), array([0.2622]))
    """
    y = hedges_factor(arms["n"] - 1) * (arms["mean_t"] - arms["mean_c"]) / _sd_of_difference(arms)
    return y, np.sqrt((1 + y**2 / 2) / arms["n"])


@of_columns(*_COLUMNS, check=_check, correlation=True)
def paired_log_ratio_of_means(arms: Arms) -> Effects:
    """Natural logarithm of the ratio of a participant's two means.

    References
    ----------
    Lajeunesse (2011), Ecology 92:2049-2055, doi:10.1890/11-0423.1

    Examples
    --------
    >>> y, se = paired_log_ratio_of_means([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.478]), array([0.1277]))
    """
    check_same_sign(arms)
    cv_t, cv_c = arms["sd_t"] / arms["mean_t"], arms["sd_c"] / arms["mean_c"]
    v = (cv_t**2 + cv_c**2 - 2 * arms["correlation"] * cv_t * cv_c) / arms["n"]
    columns = ["mean_t", "sd_t", "mean_c", "sd_c", "correlation"]
    return finished(arms, np.log(arms["mean_t"] / arms["mean_c"]), v, "its log ratio of means", columns)


def _sd_of_difference(arms: Arms) -> Floats:
    return sd_of_change(arms["sd_t"], arms["sd_c"], arms["correlation"])


def sd_of_change(sd_1: Floats, sd_2: Floats, correlation: Floats) -> Floats:
    """Return the standard deviation of the difference of two measurements with this correlation."""
    return np.sqrt(sd_1**2 + sd_2**2 - 2 * correlation * sd_1 * sd_2)
