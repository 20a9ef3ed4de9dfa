"""Effect sizes for events counted over time at risk (person-years), in two arms or in one.

A count of 0 has no logarithm and a standard error of 0, so `correction` is added to both counts of any study
that has one, the default of R's metafor.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.effects._arms import Arms, Floats, added_to
from bayesmeta.effects._formula import EffectFunction, Effects, of_counts

type _Counts = dict[str, Floats]  # columns, with events corrected where one count was 0
type _Decorator = Callable[[Callable[[_Counts], Effects]], EffectFunction]


def _of_two(what: str) -> _Decorator:
    """Decorate a formula for `y` and its variance over counts and times at risk of two arms."""
    return of_counts(("events_t", "time_t", "events_c", "time_c"), ("events_t", "events_c"), _corrected, what, 0.5)


def _of_one(what: str) -> _Decorator:
    """Decorate a formula for `y` and its variance over the count and time at risk of one group."""
    return of_counts(("events", "time"), ("events",), _corrected, what, 0.5)


def _corrected(arms: Arms, correction: ArrayLike, to: str) -> _Counts:
    columns = dict(arms.columns)
    events = [name for name in columns if name.startswith("events")]
    for name in events:
        arms.reject(arms[name] < 0, f"{name} must be 0 or above", [name])
    arms.warn_of_fractions(*events)
    arms.check_positive(*(name for name in columns if name.startswith("time")))
    added = added_to(np.any([arms[name] == 0 for name in events], axis=0), correction, to)
    return columns | {name: arms[name] + added for name in events}


@_of_two("log rate ratio")
def log_incidence_rate_ratio(x: _Counts) -> Effects:
    """Natural logarithm of the ratio of two incidence rates.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = log_incidence_rate_ratio([12], [100.5], [24], [98.0])
    >>> y.round(4), se.round(4)
    (array([-0.7183]), array([0.3536]))
    """
    y = np.log(x["events_t"] / x["time_t"]) - np.log(x["events_c"] / x["time_c"])
    return y, 1 / x["events_t"] + 1 / x["events_c"]


@_of_two("rate difference")
def incidence_rate_difference(x: _Counts) -> Effects:
    """Difference of two incidence rates, in events per unit of time.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = incidence_rate_difference([12], [100.5], [24], [98.0])
    >>> y.round(4), se.round(4)
    (array([-0.1255]), array([0.0607]))
    """
    y = x["events_t"] / x["time_t"] - x["events_c"] / x["time_c"]
    return y, x["events_t"] / x["time_t"] ** 2 + x["events_c"] / x["time_c"] ** 2


@_of_one("log rate")
def log_incidence_rate(x: _Counts) -> Effects:
    """Natural logarithm of the incidence rate of one group.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = log_incidence_rate([12], [100.5])
    >>> y.round(4), se.round(4)
    (array([-2.1253]), array([0.2887]))
    """
    return np.log(x["events"] / x["time"]), 1 / x["events"]


@_of_one("rate")
def incidence_rate(x: _Counts) -> Effects:
    """Incidence rate of one group, in events per unit of time.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = incidence_rate([12], [100.5])
    >>> y.round(4), se.round(4)
    (array([0.1194]), array([0.0345]))
    """
    return x["events"] / x["time"], x["events"] / x["time"] ** 2
