"""How the spread of an outcome differs between two arms."""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.effects.means import MEANS, check_means, check_same_sign


def _check(arms: Arms) -> None:
    check_means(arms, least=2)


@of_columns("sd_t", "n_t", "sd_c", "n_c", check=_check)
def log_variability_ratio(arms: Arms) -> Effects:
    """Log ratio of two standard deviations, corrected for small arms; negative means less spread under treatment.

    Arms have 2 participants or more.

    References
    ----------
    Nakagawa et al. (2015), Methods Ecol. Evol. 6:143-152, doi:10.1111/2041-210x.12309

    Examples
    --------
    >>> y, se = log_variability_ratio([2.0], [20], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.0953]), array([0.2294]))
    """
    half_t, half_c = 1 / (2 * (arms["n_t"] - 1)), 1 / (2 * (arms["n_c"] - 1))
    return np.log(arms["sd_t"] / arms["sd_c"]) + half_t - half_c, np.sqrt(half_t + half_c)


@of_columns(*MEANS, check=_check)
def log_coefficient_of_variation_ratio(arms: Arms) -> Effects:
    """Log ratio of two coefficients of variation, corrected for small arms.

    Arms have 2 participants or more, and means on the same side of a true zero.

    References
    ----------
    Nakagawa et al. (2015), Methods Ecol. Evol. 6:143-152, doi:10.1111/2041-210x.12309

    Examples
    --------
    >>> y, se = log_coefficient_of_variation_ratio([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([0.3827]), array([0.2883]))
    """
    check_same_sign(arms)
    half_t, half_c = 1 / (2 * (arms["n_t"] - 1)), 1 / (2 * (arms["n_c"] - 1))
    cv_t, cv_c = arms["sd_t"] / arms["mean_t"], arms["sd_c"] / arms["mean_c"]
    v = half_t + half_c + cv_t**2 / arms["n_t"] + cv_c**2 / arms["n_c"]
    return np.log(cv_t / cv_c) + half_t - half_c, np.sqrt(v)
