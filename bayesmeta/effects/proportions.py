"""Proportions of one group: the participants with an event among those observed.

Without events, or with events only, `correction` is added to both cells of that study, the default of R's
metafor; the arcsine measures need none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, added_to, finished, quiet, read_arms

_HINT = "Use correction=0.5 (--correction 0.5 on the command line), or leave the study out."


def proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Proportion with the event, and its standard error.

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
    arms, x, m = _read(events, n, correction, to, where)
    return _finished(arms, x / (x + m), x * m / (x + m) ** 3, "proportion")


def logit_proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of the odds of the event; parameters and errors as `proportion`.

    References
    ----------
    Stijnen, Hamza & Ozdemir (2010), Stat. Med. 29:3046-3067, doi:10.1002/sim.4040

    Examples
    --------
    >>> y, se = logit_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([-1.9924, -4.3944]), array([0.3077, 1.4229]))
    """
    arms, x, m = _read(events, n, correction, to, where)
    with quiet():
        y, v = np.log(x / m), 1 / x + 1 / m
    return _finished(arms, y, v, "log odds")


def log_proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of the proportion with the event; parameters and errors as `proportion`.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, doi:10.2307/2530610

    Examples
    --------
    >>> y, se = log_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([-2.1203, -4.4067]), array([0.2708, 1.4056]))
    """
    arms, x, m = _read(events, n, correction, to, where)
    with quiet():
        y, v = np.log(x / (x + m)), 1 / x - 1 / (x + m)
    return _finished(arms, y, v, "log proportion")


def arcsine_proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    correction: ArrayLike = 0.0,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arcsine of the square root of the proportion, in radians, which needs no correction.

    Parameters and errors are those of `proportion`, but `correction` is 0 by default.

    References
    ----------
    Rücker, Schwarzer, Carpenter & Olkin (2009), Stat. Med. 28:721-738, doi:10.1002/sim.3511

    Examples
    --------
    >>> y, se = arcsine_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([0.3537, 0.    ]), array([0.05  , 0.0791]))
    """
    arms, x, m = _read(events, n, correction, to, where)
    return _finished(arms, np.arcsin(np.sqrt(x / (x + m))), 1 / (4 * (x + m)), "arcsine proportion")


def double_arcsine_proportion(
    events: ArrayLike,
    n: ArrayLike,
    *,
    correction: ArrayLike = 0.0,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Freeman and Tukey's double arcsine of the proportion, in radians, which needs no correction.

    The mean of the two arcsines, as in metafor, where some authors take their sum. Turning a pooled value back
    into a proportion depends on a sample size, so prefer another measure for that. Parameters and errors
    are those of `proportion`, but `correction` is 0 by default.

    References
    ----------
    Freeman & Tukey (1950), Ann. Math. Stat. 21:607-611, doi:10.1214/aoms/1177729756

    Examples
    --------
    >>> y, se = double_arcsine_proportion([12, 0], [100, 40])
    >>> y.round(4), se.round(4)
    (array([0.3594, 0.0784]), array([0.0499, 0.0786]))
    """
    arms, x, m = _read(events, n, correction, to, where)
    total = x + m
    y = (np.arcsin(np.sqrt(x / (total + 1))) + np.arcsin(np.sqrt((x + 1) / (total + 1)))) / 2
    return _finished(arms, y, 1 / (4 * total + 2), "double arcsine proportion")


def _read(
    events: ArrayLike, n: ArrayLike, correction: ArrayLike, to: str, where: Sequence[str] | None
) -> tuple[Arms, Floats, Floats]:
    """Return the checked columns, and events and non-events after the correction."""
    arms = read_arms(where, events=events, n=n)
    arms.check_sizes("n")
    arms.check_events("events", "n")
    x, m = arms["events"], arms["n"] - arms["events"]
    added = added_to((x == 0) | (m == 0), correction, to)
    return arms, x + added, m + added


def _finished(arms: Arms, y: Floats, v: Floats, what: str) -> tuple[Floats, Floats]:
    return finished(arms, y, v, f"without a correction its {what}", ["events", "n"], _HINT)
