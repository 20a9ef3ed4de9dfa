"""How the spread of an outcome differs between two arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import read_arms
from bayesmeta.effects.means import check_same_sign, read_two_means


def log_variability_ratio(
    sd_t: ArrayLike,
    n_t: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log ratio of two standard deviations, corrected for small arms; negative means less spread under treatment.

    Parameters are those of `mean_difference`, arms of 2 or more.

    References
    ----------
    Nakagawa et al. (2015), Methods Ecol. Evol. 6:143-152, doi:10.1111/2041-210x.12309

    Examples
    --------
    >>> y, se = log_variability_ratio([2.0], [20], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.0953]), array([0.2294]))
    """
    arms = read_arms(where, sd_t=sd_t, n_t=n_t, sd_c=sd_c, n_c=n_c)
    arms.check_sizes("n_t", "n_c", least=2)
    arms.check_positive("sd_t", "sd_c")
    half_t, half_c = 1 / (2 * (arms["n_t"] - 1)), 1 / (2 * (arms["n_c"] - 1))
    return np.log(arms["sd_t"] / arms["sd_c"]) + half_t - half_c, np.sqrt(half_t + half_c)


def log_coefficient_of_variation_ratio(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log ratio of two coefficients of variation, corrected for small arms.

    Parameters are those of `log_ratio_of_means`, arms of 2 or more.

    References
    ----------
    Nakagawa et al. (2015), Methods Ecol. Evol. 6:143-152, doi:10.1111/2041-210x.12309

    Examples
    --------
    >>> y, se = log_coefficient_of_variation_ratio([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([0.3827]), array([0.2883]))
    """
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where, least=2)
    check_same_sign(arms)
    half_t, half_c = 1 / (2 * (arms["n_t"] - 1)), 1 / (2 * (arms["n_c"] - 1))
    cv_t, cv_c = arms["sd_t"] / arms["mean_t"], arms["sd_c"] / arms["mean_c"]
    v = half_t + half_c + cv_t**2 / arms["n_t"] + cv_c**2 / arms["n_c"]
    return np.log(cv_t / cv_c) + half_t - half_c, np.sqrt(v)
