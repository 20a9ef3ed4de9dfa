"""Effect sizes for outcomes reported as a mean and a standard deviation in each of two arms."""

from __future__ import annotations

import warnings

import numpy as np

from bayesmeta.effects._arms import Arms
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.errors import DataWarning

MEANS = ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")
_LARGE = 3.0  # standard deviations between two arms; see the warning


def check_means(arms: Arms, least: int = 1) -> None:
    """Check two arms with means; each has `least` participants or more."""
    arms.check_sizes("n_t", "n_c", least=least)
    arms.check_positive("sd_t", "sd_c")


def check_plausible_means(arms: Arms) -> None:
    """Check two arms with means, and warn of a large difference."""
    check_means(arms)
    warn_if_large(arms)


@of_columns(*MEANS, check=check_plausible_means)
def mean_difference(arms: Arms) -> Effects:
    """Difference of two means, treatment minus control.

    Warns
    -----
    DataWarning
        If the arms lie more than 3 standard deviations apart: standard errors were often entered instead.

    References
    ----------
    Normand (1999), Stat. Med. 18:321-359, doi:10.1002/(sici)1097-0258(19990215)18:3<321::aid-sim28>3.0.co;2-p

    Examples
    --------
    >>> y, se = mean_difference([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-1.9]), array([0.6648]))
    """
    return arms["mean_t"] - arms["mean_c"], np.sqrt(arms["sd_t"] ** 2 / arms["n_t"] + arms["sd_c"] ** 2 / arms["n_c"])


@of_columns(*MEANS, check=check_means)
def log_ratio_of_means(arms: Arms) -> Effects:
    """Natural logarithm of the ratio of two means (response ratio).

    The two means must be on the same side of a true zero.

    References
    ----------
    Hedges, Gurevitch & Curtis (1999), Ecology 80:1150-1156,
    doi:10.1890/0012-9658(1999)080[1150:tmaorr]2.0.co;2

    Examples
    --------
    >>> y, se = log_ratio_of_means([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.478]), array([0.1746]))
    """
    check_same_sign(arms)
    y = np.log(arms["mean_t"] / arms["mean_c"])
    cv_t, cv_c = arms["sd_t"] / arms["mean_t"], arms["sd_c"] / arms["mean_c"]
    return y, np.sqrt(cv_t**2 / arms["n_t"] + cv_c**2 / arms["n_c"])


def check_same_sign(arms: Arms) -> None:
    """Reject two means whose ratio has no logarithm."""
    rule = "mean_t and mean_c must both be positive, or both negative, to have a log ratio"
    arms.reject(np.sign(arms["mean_t"]) * np.sign(arms["mean_c"]) <= 0, rule, ["mean_t", "mean_c"])


def warn_if_large(arms: Arms) -> None:
    """Warn of arms more than 3 standard deviations apart."""
    size = (arms["mean_t"] - arms["mean_c"]) / np.sqrt((arms["sd_t"] ** 2 + arms["sd_c"] ** 2) / 2)
    for i in np.flatnonzero(np.abs(size) > _LARGE):
        message = (
            f"{arms.name(int(i))}: the mean difference is {size.flat[i]:.2f} standard deviations. Above "
            f"{_LARGE:g} in size, a standard error has often been entered as a standard deviation."
        )
        warnings.warn(message, DataWarning, stacklevel=5)  # whoever called the measure
