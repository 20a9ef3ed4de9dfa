"""Association in a table of counts: phi, Yule's Q and Y, and odds ratios read as standardised differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayesmeta.effects._arms import Floats
from bayesmeta.effects._cells import COUNTS, Cells, of_cells
from bayesmeta.effects._formula import EffectFunction, Effects, function_of
from bayesmeta.effects.binary import log_odds_ratio

_COX = 1.65  # sd of the log odds per sd of a normal variable that was cut in two, by Cox


def _of_odds_ratio(formula: Callable[[Floats, Floats], Effects]) -> EffectFunction:
    """Decorate a formula over log odds ratios and their standard errors."""
    options = {"correction": 0.5, "to": "only0"}
    return function_of(COUNTS, options, lambda **given: formula(*log_odds_ratio(**given)), formula)


@of_cells("phi coefficient", correction=0.0)
def phi_coefficient(x: Cells) -> Effects:
    """Phi coefficient, the correlation between arm and event, with its large-sample standard error.

    The standard error takes the arm sizes as random, as in a cross-sectional sample.

    References
    ----------
    Bishop, Fienberg & Holland (1975), Discrete Multivariate Analysis, 381, doi:10.1007/978-0-387-72806-3

    Examples
    --------
    >>> y, se = phi_coefficient([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.1562]), array([0.068]))
    """
    n = x.n
    arm, event = x.n_t * x.n_c / n**2, (x.a + x.c) * (x.b + x.d) / n**2
    arm_skew, event_skew = (x.n_t - x.n_c) / n, (x.a + x.c - x.b - x.d) / n
    y = (x.a * x.d - x.b * x.c) / n**2 / np.sqrt(arm * event)
    skewness = y * (1 + y**2 / 2) * arm_skew * event_skew / np.sqrt(arm * event)
    return y, (1 - y**2 + skewness - 0.75 * y**2 * (arm_skew**2 / arm + event_skew**2 / event)) / n


@_of_odds_ratio
def yules_q(y: Floats, se: Floats) -> Effects:
    """Yule's Q, (OR - 1) / (OR + 1), between -1 and 1.

    References
    ----------
    Yule (1912), J. R. Stat. Soc. 75:579-652, doi:10.2307/2340126

    Examples
    --------
    >>> y, se = yules_q([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.3968]), array([0.1629]))
    """
    q = np.tanh(y / 2)
    return q, (1 - q**2) / 2 * se


@_of_odds_ratio
def yules_y(y: Floats, se: Floats) -> Effects:
    """Yule's Y, Q of the square root of the odds ratio.

    References
    ----------
    Yule (1912), J. R. Stat. Soc. 75:579-652, doi:10.2307/2340126

    Examples
    --------
    >>> y, se = yules_y([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.2069]), array([0.0925]))
    """
    colligation = np.tanh(y / 4)
    return colligation, (1 - colligation**2) / 4 * se


@_of_odds_ratio
def smd_from_odds_ratio(y: Floats, se: Floats) -> Effects:
    """Standardised difference of a logistic outcome that was cut in two: log odds ratio times sqrt(3) / pi.

    References
    ----------
    Chinn (2000), Stat. Med. 19:3127-3131, doi:10.1002/1097-0258(20001130)19:22<3127::aid-sim784>3.0.co;2-m

    Examples
    --------
    >>> y, se = smd_from_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.463]), array([0.2132]))
    """
    return y * np.sqrt(3) / np.pi, se * np.sqrt(3) / np.pi


@_of_odds_ratio
def smd_from_odds_ratio_normal(y: Floats, se: Floats) -> Effects:
    """Standardised difference of a normal outcome that was cut in two: log odds ratio over 1.65.

    References
    ----------
    Cox & Snell (1989), Analysis of Binary Data; Sanchez-Meca, Marin-Martinez & Chacon-Moscoso (2003),
    Psychol. Methods 8:448-467, doi:10.1037/1082-989x.8.4.448

    Examples
    --------
    >>> y, se = smd_from_odds_ratio_normal([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.5089]), array([0.2344]))
    """
    return y / _COX, se / _COX
