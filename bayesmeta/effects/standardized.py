"""Standardised mean differences of two arms, which put outcomes on different scales together."""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._arms import Arms, Floats
from bayesmeta.effects._formula import Effects, of_columns
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.effects.means import MEANS, check_means, warn_if_large


def _check(arms: Arms, least: int = 1) -> None:
    check_means(arms, least)
    few = arms["n_t"] + arms["n_c"] < 4
    arms.reject(few, "a standardised difference needs 4 participants or more", ["n_t", "n_c"])
    warn_if_large(arms)


def _check_both(arms: Arms) -> None:
    """Check arms that each give a variance of their own."""
    _check(arms, least=2)


def _check_glass(arms: Arms) -> None:
    """Check arms of which that of the control gives the standard deviation."""
    check_means(arms)
    arms.check_sizes("n_c", least=3)
    warn_if_large(arms)


@of_columns(*MEANS, check=_check)
def standardized_mean_difference(arms: Arms) -> Effects:
    """Hedges' g: the mean difference in pooled standard deviations, with the exact correction for small studies.

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
    y = hedges_factor(arms["n_t"] + arms["n_c"] - 2) * _cohen(arms)
    return y, _large_sample_se(arms, y, arms["n_t"] + arms["n_c"])


@of_columns(*MEANS, check=_check)
def cohens_d(arms: Arms) -> Effects:
    """Cohen's d: the mean difference in pooled standard deviations, without a correction for small studies.

    References
    ----------
    Hedges & Olkin (1985), Statistical Methods for Meta-Analysis, 79, doi:10.1016/c2009-0-03396-0

    Examples
    --------
    >>> y, se = cohens_d([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.9037]), array([0.332]))
    """
    y = _cohen(arms)
    return y, _large_sample_se(arms, y, arms["n_t"] + arms["n_c"])


@of_columns(*MEANS, check=_check_glass)
def glass_delta(arms: Arms) -> Effects:
    """Glass' delta: the mean difference in standard deviations of the control arm, corrected for small arms.

    The control arm has 3 participants or more. The standard error takes both arms to have one variance
    (``SMD1`` in metafor; `glass_delta_unequal` does not).

    References
    ----------
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107

    Examples
    --------
    >>> y, se = glass_delta([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.829]), array([0.3423]))
    """
    y = _glass(arms)
    return y, _large_sample_se(arms, y, arms["n_c"])


@of_columns(*MEANS, check=_check_glass)
def glass_delta_unequal(arms: Arms) -> Effects:
    """Glass' delta with a standard error that lets the arms differ in variance (``SMD1H`` in metafor).

    References
    ----------
    Bonett (2009), Psychol. Methods 14:225-238, doi:10.1037/a0016619

    Examples
    --------
    >>> y, se = glass_delta_unequal([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.829]), array([0.3294]))
    """
    y = _glass(arms)
    ratio = (arms["sd_t"] / arms["sd_c"]) ** 2
    return y, np.sqrt(ratio / arms["n_t"] + 1 / arms["n_c"] + y**2 / (2 * arms["n_c"]))


@of_columns(*MEANS, check=_check_both)
def smd_unequal(arms: Arms) -> Effects:
    """Mean difference over the root mean square of the two standard deviations, for arms of unequal variance.

    Arms have 2 participants or more (``SMDH`` in metafor).

    References
    ----------
    Bonett (2008), Psychol. Methods 13:99-109, doi:10.1037/1082-989x.13.2.99

    Examples
    --------
    >>> y, se = smd_unequal([3.1], [2.0], [20], [5.0], [2.2], [20])
    >>> y.round(4), se.round(4)
    (array([-0.8858]), array([0.3334]))
    """
    var_t, var_c, df_t, df_c = arms["sd_t"] ** 2, arms["sd_c"] ** 2, arms["n_t"] - 1, arms["n_c"] - 1
    factor, mean_var = hedges_factor(df_t + df_c), (var_t + var_c) / 2
    y = factor * (arms["mean_t"] - arms["mean_c"]) / np.sqrt(mean_var)
    of_sd = y**2 * (var_t**2 / df_t + var_c**2 / df_c) / (8 * mean_var**2)
    return y, factor * np.sqrt(of_sd + (var_t / df_t + var_c / df_c) / mean_var)


def _cohen(arms: Arms) -> Floats:
    df_t, df_c = arms["n_t"] - 1, arms["n_c"] - 1
    pooled = np.sqrt((df_t * arms["sd_t"] ** 2 + df_c * arms["sd_c"] ** 2) / (df_t + df_c))
    return np.asarray((arms["mean_t"] - arms["mean_c"]) / pooled, dtype=np.float64)


def _glass(arms: Arms) -> Floats:
    delta = (arms["mean_t"] - arms["mean_c"]) / arms["sd_c"]
    return np.asarray(hedges_factor(arms["n_c"] - 1) * delta, dtype=np.float64)


def _large_sample_se(arms: Arms, y: Floats, n: Floats) -> Floats:
    """Return the standard error of `y` whose standard deviation comes from `n` participants."""
    return np.asarray(np.sqrt(1 / arms["n_t"] + 1 / arms["n_c"] + y**2 / (2 * n)), dtype=np.float64)
