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
def paired_smd_after(arms: Arms) -> Effects:
    """Mean difference in standard deviations of `t` (after, or treatment), corrected for small studies.

    As `paired_smd`, from which it differs where a treatment changes the spread.

    References
    ----------
    Becker (1988), Br. J. Math. Stat. Psychol. 41:257-278, doi:10.1111/j.2044-8317.1988.tb00901.x

    Examples
    --------
    >>> y, se = paired_smd_after([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.9119]), array([0.2661]))
    """
    y = hedges_factor(arms["n"] - 1) * (arms["mean_t"] - arms["mean_c"]) / arms["sd_t"]
    return y, np.sqrt((2 * (1 - arms["correlation"]) + y**2 / 2) / arms["n"])


@of_columns(*_COLUMNS, check=_check_three, correlation=True)
def paired_smd_pooled(arms: Arms) -> Effects:
    """Mean difference in pooled standard deviations, the root of the mean of both variances, corrected for small studies.

    Its formula is that of metafor's ``SMCRP``. The standard error takes both measurements to have one variance.

    References
    ----------
    Cousineau (2020), Quant. Methods Psychol. 16:418-421, doi:10.20982/tqmp.16.4.p418

    Examples
    --------
    >>> y, se = paired_smd_pooled([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.8812]), array([0.2493]))
    """
    spread = np.sqrt((arms["sd_t"] ** 2 + arms["sd_c"] ** 2) / 2)
    y = _paired_factor(arms) * (arms["mean_t"] - arms["mean_c"]) / spread
    v = 2 * (1 - arms["correlation"]) + y**2 * (1 + arms["correlation"] ** 2) / 4
    return y, np.sqrt(v / arms["n"])


@of_columns(*_COLUMNS, check=_check_three, correlation=True)
def paired_smd_average(arms: Arms) -> Effects:
    """Mean difference in averages of both standard deviations, corrected for small studies.

    The standard error allows for two variances, by the delta method.

    References
    ----------
    Lakens (2013), Front. Psychol. 4:863, doi:10.3389/fpsyg.2013.00863

    Examples
    --------
    >>> y, se = paired_smd_average([3.1], [2.0], [5.0], [2.2], [20], correlation=0.5)
    >>> y.round(4), se.round(4)
    (array([-0.8822]), array([0.25]))
    """
    sd_t, sd_c, r = arms["sd_t"], arms["sd_c"], arms["correlation"]
    spread = (sd_t + sd_c) / 2
    y = _paired_factor(arms) * (arms["mean_t"] - arms["mean_c"]) / spread
    of_spread = (sd_t**2 + sd_c**2 + 2 * r**2 * sd_t * sd_c) / (8 * spread**2)
    return y, np.sqrt((_sd_of_difference(arms) ** 2 / spread**2 + y**2 * of_spread) / arms["n"])


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


def _paired_factor(arms: Arms) -> Floats:
    """Hedges' factor for a standard deviation from both of two correlated measurements."""
    return hedges_factor(2 * (arms["n"] - 1) / (1 + arms["correlation"] ** 2))


def _sd_of_difference(arms: Arms) -> Floats:
    return sd_of_change(arms["sd_t"], arms["sd_c"], arms["correlation"])


def sd_of_change(sd_1: Floats, sd_2: Floats, correlation: Floats) -> Floats:
    """Return the standard deviation of the difference of two measurements with this correlation."""
    return np.sqrt(sd_1**2 + sd_2**2 - 2 * correlation * sd_1 * sd_2)
