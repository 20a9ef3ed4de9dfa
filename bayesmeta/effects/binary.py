"""Effect sizes for outcomes reported as the number of participants with an event in each arm.

A zero cell makes a ratio or its standard error infinite, so `correction` is added to all four cells of any
study that has one, and to no other study, for risk differences too: the default of R's metafor
(``add=1/2, to="only0", drop00=FALSE``). Studies without events in either arm, or with events only, are kept;
they say nothing about a ratio except through the correction, and can be left out beforehand.
"""

from __future__ import annotations

import numpy as np

from bayesmeta.effects._cells import Cells, of_cells
from bayesmeta.effects._formula import Effects


@of_cells("log odds ratio")
def log_odds_ratio(x: Cells) -> Effects:
    """Log odds ratio, treatment versus control.

    References
    ----------
    Woolf (1955), Ann. Hum. Genet. 19:251-253, doi:10.1111/j.1469-1809.1955.tb01348.x

    Examples
    --------
    >>> y, se = log_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.8398]), array([0.3867]))
    """
    return np.log(x.a) - np.log(x.b) - np.log(x.c) + np.log(x.d), 1 / x.a + 1 / x.b + 1 / x.c + 1 / x.d


@of_cells("log risk ratio")
def log_risk_ratio(x: Cells) -> Effects:
    """Log risk ratio, treatment versus control.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, doi:10.2307/2530610

    Examples
    --------
    >>> y, se = log_risk_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.6931]), array([0.324]))
    """
    return np.log(x.a / x.n_t) - np.log(x.c / x.n_c), 1 / x.a - 1 / x.n_t + 1 / x.c - 1 / x.n_c


@of_cells("risk difference")
def risk_difference(x: Cells) -> Effects:
    """Risk difference, treatment minus control.

    References
    ----------
    DerSimonian & Laird (1986), Control. Clin. Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2

    Examples
    --------
    >>> y, se = risk_difference([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.12]), array([0.0537]))
    """
    return x.a / x.n_t - x.c / x.n_c, x.a * x.b / x.n_t**3 + x.c * x.d / x.n_c**3


@of_cells("Peto log odds ratio")
def peto_log_odds_ratio(x: Cells) -> Effects:
    """Peto's one-step log odds ratio, observed minus expected events over their hypergeometric variance.

    It is biased away from balanced arms and for large effects.

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
    expected = (x.a + x.c) * x.n_t / x.n
    v = 1 / ((x.a + x.c) * (x.b + x.d) * x.n_t * x.n_c / (x.n**2 * (x.n - 1)))
    return (x.a - expected) * v, v


@of_cells("arcsine risk difference", correction=0.0)
def arcsine_risk_difference(x: Cells) -> Effects:
    """Difference of the arcsines of the square roots of two risks, in radians, which needs no correction.

    References
    ----------
    Rücker, Schwarzer, Carpenter & Olkin (2009), Stat. Med. 28:721-738, doi:10.1002/sim.3511

    Examples
    --------
    >>> y, se = arcsine_risk_difference([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.1582]), array([0.0707]))
    """
    y = np.arcsin(np.sqrt(x.a / x.n_t)) - np.arcsin(np.sqrt(x.c / x.n_c))
    return y, 1 / (4 * x.n_t) + 1 / (4 * x.n_c)
