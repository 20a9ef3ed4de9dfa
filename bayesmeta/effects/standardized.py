"""Standardised mean differences of two arms, which put outcomes on different scales together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.means import read_two_means, warn_if_large


def standardized_mean_difference(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hedges' g: the mean difference in pooled standard deviations, with the exact correction for small studies.

    Parameters are those of `mean_difference`.

    Warns
    -----
    DataWarning
        If the arms lie more than 3 standard deviations apart: standard errors were often entered instead.

    References
    ----------
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107

    Examples
    --------
    >>> y, se = standardized_mean_difference([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.8858]), array([0.3314]))
    """
    arms = _read(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    y = hedges_factor(arms["n_t"] + arms["n_c"] - 2) * _cohen(arms)
    return y, _large_sample_se(arms, y, arms["n_t"] + arms["n_c"])


def cohens_d(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cohen's d: the mean difference in pooled standard deviations, without a correction for small studies.

    Parameters and errors are those of `standardized_mean_difference`.

    References
    ----------
    Hedges & Olkin (1985), Statistical Methods for Meta-Analysis, 79, doi:10.1016/c2009-0-03396-0

    Examples
    --------
    >>> y, se = cohens_d([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.9037]), array([0.332]))
    """
    arms = _read(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    y = _cohen(arms)
    return y, _large_sample_se(arms, y, arms["n_t"] + arms["n_c"])


def glass_delta(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Glass' delta: the mean difference in standard deviations of the control arm, corrected for small arms.

    Parameters are those of `standardized_mean_difference`, the control arm 3 or more. The standard error takes
    both arms to have one variance (``SMD1`` in metafor; `glass_delta_unequal` does not).

    References
    ----------
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107

    Examples
    --------
    >>> y, se = glass_delta([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.829]), array([0.3423]))
    """
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    y = _glass(arms)
    return y, _large_sample_se(arms, y, arms["n_c"])


def glass_delta_unequal(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Glass' delta with a standard error that lets the arms differ in variance (``SMD1H`` in metafor).

    Parameters and errors are those of `glass_delta`.

    References
    ----------
    Bonett (2009), Psychol. Methods 14:225-238, doi:10.1037/a0016619

    Examples
    --------
    >>> y, se = glass_delta_unequal([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.829]), array([0.3294]))
    """
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where)
    y = _glass(arms)
    ratio = (arms["sd_t"] / arms["sd_c"]) ** 2
    return y, np.sqrt(ratio / arms["n_t"] + 1 / arms["n_c"] + y**2 / (2 * arms["n_c"]))


def smd_unequal(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    *,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean difference over the root mean square of the two standard deviations, for arms of unequal variance.

    Parameters and errors are those of `standardized_mean_difference`, arms of 2 or more (``SMDH`` in metafor).

    References
    ----------
    Bonett (2008), Psychol. Methods 13:99-109, doi:10.1037/1082-989x.13.2.99

    Examples
    --------
    >>> y, se = smd_unequal([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.8858]), array([0.3334]))
    """
    arms = _read(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where, least=2)
    var_t, var_c, df_t, df_c = arms["sd_t"] ** 2, arms["sd_c"] ** 2, arms["n_t"] - 1, arms["n_c"] - 1
    factor, mean_var = hedges_factor(df_t + df_c), (var_t + var_c) / 2
    y = factor * (arms["mean_t"] - arms["mean_c"]) / np.sqrt(mean_var)
    of_sd = y**2 * (var_t**2 / df_t + var_c**2 / df_c) / (8 * mean_var**2)
    return y, factor * np.sqrt(of_sd + (var_t / df_t + var_c / df_c) / mean_var)


def _read(
    mean_t: ArrayLike,
    sd_t: ArrayLike,
    n_t: ArrayLike,
    mean_c: ArrayLike,
    sd_c: ArrayLike,
    n_c: ArrayLike,
    where: Sequence[str] | None,
    least: int = 1,
) -> Arms:
    arms = read_two_means(mean_t, sd_t, n_t, mean_c, sd_c, n_c, where, least)
    few = arms["n_t"] + arms["n_c"] < 4
    arms.reject(few, "a standardised difference needs 4 participants or more", ["n_t", "n_c"])
    warn_if_large(arms, arms["mean_t"] - arms["mean_c"], stacklevel=4)
    return arms


def _cohen(arms: Arms) -> NDArray[np.float64]:
    df_t, df_c = arms["n_t"] - 1, arms["n_c"] - 1
    pooled = np.sqrt((df_t * arms["sd_t"] ** 2 + df_c * arms["sd_c"] ** 2) / (df_t + df_c))
    return np.asarray((arms["mean_t"] - arms["mean_c"]) / pooled, dtype=np.float64)


def _glass(arms: Arms) -> NDArray[np.float64]:
    arms.check_sizes("n_c", least=3)
    warn_if_large(arms, arms["mean_t"] - arms["mean_c"], stacklevel=4)
    delta = (arms["mean_t"] - arms["mean_c"]) / arms["sd_c"]
    return np.asarray(hedges_factor(arms["n_c"] - 1) * delta, dtype=np.float64)


def _large_sample_se(arms: Arms, y: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of `y` whose standard deviation comes from `n` participants."""
    return np.asarray(np.sqrt(1 / arms["n_t"] + 1 / arms["n_c"] + y**2 / (2 * n)), dtype=np.float64)
