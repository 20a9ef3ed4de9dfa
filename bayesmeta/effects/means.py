"""Effect sizes for outcomes reported as a mean and a standard deviation in each of two arms."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, read_arms
from bayesmeta.errors import DataWarning

_LARGE = 3.0  # standard deviations between two arms; see the warning


def mean_difference(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of two means, treatment minus control, and its standard error.

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
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    y = arms["mean_t"] - arms["mean_c"]
    warn_if_large(arms, y)
    return y, np.sqrt(arms["sd_t"] ** 2 / arms["n_t"] + arms["sd_c"] ** 2 / arms["n_c"])


def log_ratio_of_means(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of the ratio of two means (response ratio), and its standard error.

    Parameters are those of `mean_difference`; the two means must be on the same side of a true zero.

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
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    check_same_sign(arms)
    y = np.log(arms["mean_t"] / arms["mean_c"])
    cv_t, cv_c = arms["sd_t"] / arms["mean_t"], arms["sd_c"] / arms["mean_c"]
    return y, np.sqrt(cv_t**2 / arms["n_t"] + cv_c**2 / arms["n_c"])


def read_two_means(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    where: Sequence[str] | None,
    least: int = 1,
) -> Arms:
    """Return the checked columns of two arms with means; each has `least` participants or more."""
    arms = read_arms(where, mean_t=mean_t, sd_t=sd_t, n_t=n_t, mean_c=mean_c, sd_c=sd_c, n_c=n_c)
    arms.check_sizes("n_t", "n_c", least=least)
    arms.check_positive("sd_t", "sd_c")
    return arms


def check_same_sign(arms: Arms) -> None:
    """Reject two means whose ratio has no logarithm."""
    rule = "mean_t and mean_c must both be positive, or both negative, to have a log ratio"
    arms.reject(np.sign(arms["mean_t"]) * np.sign(arms["mean_c"]) <= 0, rule, ["mean_t", "mean_c"])


def warn_if_large(arms: Arms, difference: NDArray[np.float64], stacklevel: int = 3) -> None:
    """Warn of arms more than 3 standard deviations apart."""
    size = difference / np.sqrt((arms["sd_t"] ** 2 + arms["sd_c"] ** 2) / 2)
    for i in np.flatnonzero(np.abs(size) > _LARGE):
        message = (
            f"{arms.name(int(i))}: the mean difference is {size.flat[i]:.2f} standard deviations. Above "
            f"{_LARGE:g} in size, a standard error has often been entered as a standard deviation."
        )
        warnings.warn(message, DataWarning, stacklevel=stacklevel)
