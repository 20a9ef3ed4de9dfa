"""Proportions of one group: the participants with an event among those observed.

Without events, or with events only, `correction` is added to both cells of that study, the default of R's
metafor; the arcsine measures need none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.effects._arms import Arms, Floats, added_to
from bayesmeta.effects._formula import EffectFunction, Effects, of_counts

_COLUMNS = ("events", "n")


@dataclass(frozen=True)
class _Group:
    """Participants with the event and without it, corrected where one was 0."""

    events: Floats
    others: Floats

    @property
    def n(self) -> Floats:
        """Size of the group, twice the correction included."""
        return self.events + self.others


def _of_proportion(what: str, correction: float = 0.5) -> Callable[[Callable[[_Group], Effects]], EffectFunction]:
    """Decorate a formula for `y` and its variance over the events of one group."""
    return of_counts(_COLUMNS, _COLUMNS, _corrected, what, correction)


def _corrected(arms: Arms, correction: ArrayLike, to: str) -> _Group:
    arms.check_sizes("n", whole=False)
    arms.check_events("events", "n", whole=False)
    arms.warn_of_fractions("events", "n")
    x, m = arms["events"], arms["n"] - arms["events"]
    added = added_to((x == 0) | (m == 0), correction, to)
    return _Group(x + added, m + added)


@_of_proportion("proportion")
def proportion(x: _Group) -> Effects:
    """Proportion with the event.

    References
    ----------
    Barendregt, Doi, Lee, Norman & Vos (2013), J. Epidemiol. Community Health 67:974-978,
    doi:10.1136/jech-2013-203104

    Examples
    --------
    >>> y, se = proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([0.12  , 0.0122]), array([0.0325, 0.0171]))
    """
    return x.events / x.n, x.events * x.others / x.n**3


@_of_proportion("log odds")
def logit_proportion(x: _Group) -> Effects:
    """Natural logarithm of the odds of the event.

    References
    ----------
    Stijnen, Hamza & Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040

    Examples
    --------
    >>> y, se = logit_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([-1.9924, -4.3944]), array([0.3077, 1.4229]))
    """
    return np.log(x.events / x.others), 1 / x.events + 1 / x.others


@_of_proportion("log proportion")
def log_proportion(x: _Group) -> Effects:
    """Natural logarithm of the proportion with the event.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, doi:10.2307/2530610

    Examples
    --------
    >>> y, se = log_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([-2.1203, -4.4067]), array([0.2708, 1.4056]))
    """
    return np.log(x.events / x.n), 1 / x.events - 1 / x.n


@_of_proportion("arcsine proportion", correction=0.0)
def arcsine_proportion(x: _Group) -> Effects:
    """Arcsine of the square root of the proportion, in radians, which needs no correction.

    References
    ----------
    Rücker, Schwarzer, Carpenter & Olkin (2009), Stat. Med. 28:721-738, doi:10.1002/sim.3511

    Examples
    --------
    >>> y, se = arcsine_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([0.3537, 0.    ]), array([0.05  , 0.0791]))
    """
    return np.arcsin(np.sqrt(x.events / x.n)), 1 / (4 * x.n)


@_of_proportion("double arcsine proportion", correction=0.0)
def double_arcsine_proportion(x: _Group) -> Effects:
    """Freeman and Tukey's double arcsine of the proportion, in radians, which needs no correction.

    The mean of the two arcsines, as in metafor, where some authors take their sum. Turning a pooled value back
    into a proportion depends on a sample size, so prefer another measure for that.

    References
    ----------
    Freeman & Tukey (1950), Ann. Math. Stat. 21:607-611, doi:10.1214/aoms/1177729756

    Examples
    --------
    >>> y, se = double_arcsine_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([0.3594, 0.0784]), array([0.0499, 0.0786]))
    """
    y = (np.arcsin(np.sqrt(x.events / (x.n + 1))) + np.arcsin(np.sqrt((x.events + 1) / (x.n + 1)))) / 2
    return y, 1 / (4 * x.n + 2)
