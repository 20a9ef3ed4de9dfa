"""Association in a table of counts: phi, Yule's Q and Y, and odds ratios read as standardised differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import quiet
from bayesmeta.effects._cells import cells
from bayesmeta.effects.binary import log_odds_ratio

_COX = 1.65  # sd of the log odds per sd of a normal variable that was cut in two, by Cox


def phi_coefficient(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.0,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phi coefficient, the correlation between arm and event, with its large-sample standard error.

    Parameters, returns and errors are those of `log_odds_ratio`, but `correction` is 0 by default. The
    standard error takes the arm sizes as random, as in a cross-sectional sample.

    References
    ----------
    Bishop, Fienberg & Holland (1975), Discrete Multivariate Analysis, 381, doi:10.1007/978-0-387-72806-3

    Examples
    --------
    >>> y, se = phi_coefficient([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.1562]), array([0.068]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    n = x.n
    arm, event = x.n_t * x.n_c / n**2, (x.a + x.c) * (x.b + x.d) / n**2
    arm_skew, event_skew = (x.n_t - x.n_c) / n, (x.a + x.c - x.b - x.d) / n
    with quiet():
        y = (x.a * x.d - x.b * x.c) / n**2 / np.sqrt(arm * event)
        skewness = y * (1 + y**2 / 2) * arm_skew * event_skew / np.sqrt(arm * event)
        v = (1 - y**2 + skewness - 0.75 * y**2 * (arm_skew**2 / arm + event_skew**2 / event)) / n
    return x.finished(y, v, "phi coefficient")


def yules_q(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Yule's Q, (OR - 1) / (OR + 1), between -1 and 1; parameters and errors as `log_odds_ratio`.

    References
    ----------
    Yule (1912), J. R. Stat. Soc. 75:579-652, doi:10.2307/2340126

    Examples
    --------
    >>> y, se = yules_q([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.3968]), array([0.1629]))
    """
    y, se = log_odds_ratio(events_t, n_t, events_c, n_c, correction=correction, to=to, where=where)
    q = np.tanh(y / 2)
    return q, (1 - q**2) / 2 * se


def yules_y(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Yule's Y, Q of the square root of the odds ratio; parameters and errors as `log_odds_ratio`.

    References
    ----------
    Yule (1912), J. R. Stat. Soc. 75:579-652, doi:10.2307/2340126

    Examples
    --------
    >>> y, se = yules_y([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.2069]), array([0.0925]))
    """
    y, se = log_odds_ratio(events_t, n_t, events_c, n_c, correction=correction, to=to, where=where)
    colligation = np.tanh(y / 4)
    return colligation, (1 - colligation**2) / 4 * se


def smd_from_odds_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standardised difference of a logistic outcome that was cut in two: log odds ratio times sqrt(3) / pi.

    Parameters and errors are those of `log_odds_ratio`.

    References
    ----------
    Chinn (2000), Stat. Med. 19:3127-3131, doi:10.1002/1097-0258(20001130)19:22<3127::aid-sim784>3.0.co;2-m

    Examples
    --------
    >>> y, se = smd_from_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.463]), array([0.2132]))
    """
    y, se = log_odds_ratio(events_t, n_t, events_c, n_c, correction=correction, to=to, where=where)
    return y * np.sqrt(3) / np.pi, se * np.sqrt(3) / np.pi


def smd_from_odds_ratio_normal(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standardised difference of a normal outcome that was cut in two: log odds ratio over 1.65.

    Parameters and errors are those of `log_odds_ratio`.

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
    y, se = log_odds_ratio(events_t, n_t, events_c, n_c, correction=correction, to=to, where=where)
    return y / _COX, se / _COX
