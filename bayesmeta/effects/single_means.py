"""The mean of one group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, read_arms


def single_mean(
    mean: ArrayLike, sd: ArrayLike, n: ArrayLike, *, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of one group, and its standard error.

    References
    ----------
    Student (1908), Biometrika 6:1-25, doi:10.2307/2331554

    Examples
    --------
    >>> y, se = single_mean([3.1], [2.0], [20])
    >>> y.round(4), se.round(4)
    (array([3.1]), array([0.4472]))
    """
    arms = _read(mean, sd, n, where)
    return arms["mean"].copy(), arms["sd"] / np.sqrt(arms["n"])


def log_mean(
    mean: ArrayLike, sd: ArrayLike, n: ArrayLike, *, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    arms = _read(mean, sd, n, where)
    arms.check_positive("mean")
    return np.log(arms["mean"]), arms["sd"] / (arms["mean"] * np.sqrt(arms["n"]))


def _read(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, where: Sequence[str] | None) -> Arms:
    arms = read_arms(where, mean=mean, sd=sd, n=n)
    arms.check_sizes("n")
    arms.check_positive("sd")
    return arms
