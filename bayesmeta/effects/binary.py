"""Effect sizes for outcomes reported as the number of participants with an event in each arm.

A zero cell makes a ratio or its standard error infinite, so `correction` is added to all four cells of any
study that has one, and to no other study, for risk differences too: the default of R's metafor
(``add=1/2, to="only0", drop00=FALSE``). Studies without events in either arm, or with events only, are kept;
they say nothing about a ratio except through the correction, and can be left out beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import quiet
from bayesmeta.effects._cells import cells


def log_odds_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds ratio, treatment versus control, and its standard error.

    References
    ----------
    Woolf (1955), Ann. Hum. Genet. 19:251-253, doi:10.1111/j.1469-1809.1955.tb01348.x

    Examples
    --------
    >>> y, se = log_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.8398]), array([0.3867]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    with quiet():
        y = np.log(x.a) - np.log(x.b) - np.log(x.c) + np.log(x.d)
        v = 1 / x.a + 1 / x.b + 1 / x.c + 1 / x.d
    return x.finished(y, v, "log odds ratio")


def log_risk_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log risk ratio, treatment versus control, and its standard error.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, doi:10.2307/2530610

    Examples
    --------
    >>> y, se = log_risk_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.6931]), array([0.324]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    with quiet():
        y = np.log(x.a / x.n_t) - np.log(x.c / x.n_c)
        v = 1 / x.a - 1 / x.n_t + 1 / x.c - 1 / x.n_c
    return x.finished(y, v, "log risk ratio")


def risk_difference(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Risk difference, treatment minus control, and its standard error.

    References
    ----------
    DerSimonian & Laird (1986), Control. Clin. Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2

    Examples
    --------
    >>> y, se = risk_difference([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.12]), array([0.0537]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    y = x.a / x.n_t - x.c / x.n_c
    v = x.a * x.b / x.n_t**3 + x.c * x.d / x.n_c**3
    return x.finished(y, v, "risk difference")


def peto_log_odds_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Peto's one-step log odds ratio, observed minus expected events over their hypergeometric variance.

    It is biased away from balanced arms and for large effects. Parameters, returns and errors are those of
    `log_odds_ratio`.

    References
    ----------
    Yusuf, Peto, Lewis, Collins & Sleight (1985), Prog. Cardiovasc. Dis. 27:335-371,
    doi:10.1016/s0033-0620(85)80003-7

    Examples
    --------
    >>> y, se = peto_log_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.8089]), array([0.3672]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    with quiet():
        expected = (x.a + x.c) * x.n_t / x.n
        v = 1 / ((x.a + x.c) * (x.b + x.d) * x.n_t * x.n_c / (x.n**2 * (x.n - 1)))
        y = (x.a - expected) * v
    return x.finished(y, v, "Peto log odds ratio")


def arcsine_risk_difference(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: ArrayLike = 0.0,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of the arcsines of the square roots of two risks, in radians, which needs no correction.

    Parameters, returns and errors are those of `log_odds_ratio`, but `correction` is 0 by default.

    References
    ----------
    Rücker, Schwarzer, Carpenter & Olkin (2009), Stat. Med. 28:721-738, doi:10.1002/sim.3511

    Examples
    --------
    >>> y, se = arcsine_risk_difference([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.1582]), array([0.0707]))
    """
    x = cells(events_t, n_t, events_c, n_c, correction, to, where)
    y = np.arcsin(np.sqrt(x.a / x.n_t)) - np.arcsin(np.sqrt(x.c / x.n_c))
    return x.finished(y, 1 / (4 * x.n_t) + 1 / (4 * x.n_c), "arcsine risk difference")
