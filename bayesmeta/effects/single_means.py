"""The mean of one group."""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms
from bayesmeta.effects._formula import Effects, of_columns


def _check(arms: Arms) -> None:
    arms.check_sizes("n")
    arms.check_positive("sd")


@of_columns("mean", "sd", "n", check=_check)
def single_mean(arms: Arms) -> Effects:
    """Mean of one group.

    References
    ----------
    Student (1908), Biometrika 6:1-25, doi:10.2307/2331554

    Examples
    --------
    >>> y, se = single_mean([3.1], [2.0], [20])
    >>> y.round(4), se.round(4)
    (array([3.1]), array([0.4472]))
    """
    return arms["mean"].copy(), arms["sd"] / np.sqrt(arms["n"])


@of_columns("mean", "sd", "n", check=_check)
def log_mean(arms: Arms) -> Effects:
    """Natural logarithm of the mean of one group, which must be positive.

    References
    ----------
    Hedges, Gurevitch & Curtis (1999), Ecology 80:1150-1156,
    doi:10.1890/0012-9658(1999)080[1150:tmaorr]2.0.co;2

    Examples
    --------
    >>> y, se = log_mean([3.1], [2.0], [20])
    >>> y.round(4), se.round(4)
    (array([1.1314]), array([0.1443]))
    """
    arms.check_positive("mean")
    return np.log(arms["mean"]), arms["sd"] / (arms["mean"] * np.sqrt(arms["n"]))
