"""Effect sizes for events counted over time at risk (person-years), in two arms or in one.

A count of 0 has no logarithm and a standard error of 0, so `correction` is added to both counts of any study
that has one, the default of R's metafor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, added_to, finished, quiet, read_arms

_HINT = "Use correction=0.5 (--correction 0.5 on the command line), or leave the study out."


def log_incidence_rate_ratio(
    events_t: ArrayLike,
    time_t: ArrayLike,
    events_c: ArrayLike,
    time_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of the ratio of two incidence rates, and its standard error.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = log_incidence_rate_ratio([12], [100.5], [24], [98.0])
    >>> y.round(4), se.round(4)
    (array([-0.7183]), array([0.3536]))
    """
    arms, t, c = _two(events_t, time_t, events_c, time_c, correction, to, where)
    with quiet():
        y = np.log(t / arms["time_t"]) - np.log(c / arms["time_c"])
        v = 1 / t + 1 / c
    return finished(arms, y, v, "without a correction its log rate ratio", ["events_t", "events_c"], _HINT)


def incidence_rate_difference(
    events_t: ArrayLike,
    time_t: ArrayLike,
    events_c: ArrayLike,
    time_c: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of two incidence rates, in events per unit of time, and its standard error.

    Parameters, returns and errors are those of `log_incidence_rate_ratio`.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = incidence_rate_difference([12], [100.5], [24], [98.0])
    >>> y.round(4), se.round(4)
    (array([-0.1255]), array([0.0607]))
    """
    arms, t, c = _two(events_t, time_t, events_c, time_c, correction, to, where)
    y = t / arms["time_t"] - c / arms["time_c"]
    v = t / arms["time_t"] ** 2 + c / arms["time_c"] ** 2
    return finished(arms, y, v, "without a correction its rate difference", ["events_t", "events_c"], _HINT)


def log_incidence_rate(
    events: ArrayLike,
    time: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of the incidence rate of one group, and its standard error.

    Parameters, returns and errors are those of `log_incidence_rate_ratio`, for one group.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = log_incidence_rate([12], [100.5])
    >>> y.round(4), se.round(4)
    (array([-2.1253]), array([0.2887]))
    """
    arms, x = _one(events, time, correction, to, where)
    with quiet():
        y, v = np.log(x / arms["time"]), 1 / x
    return finished(arms, y, v, "without a correction its log rate", ["events"], _HINT)


def incidence_rate(
    events: ArrayLike,
    time: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Incidence rate of one group, in events per unit of time, and its standard error.

    Parameters, returns and errors are those of `log_incidence_rate_ratio`, for one group.

    References
    ----------
    Bagos & Nikolopoulos (2009), Int. J. Biostat. 5(1):21, doi:10.2202/1557-4679.1168

    Examples
    --------
    >>> y, se = incidence_rate([12], [100.5])
    >>> y.round(4), se.round(4)
    (array([0.1194]), array([0.0345]))
    """
    arms, x = _one(events, time, correction, to, where)
    return finished(arms, x / arms["time"], x / arms["time"] ** 2, "without a correction its rate", ["events"], _HINT)


def _two(
    events_t: ArrayLike,
    time_t: ArrayLike,
    events_c: ArrayLike,
    time_c: ArrayLike,
    correction: ArrayLike,
    to: str,
    where: Sequence[str] | None,
) -> tuple[Arms, Floats, Floats]:
    arms = read_arms(where, events_t=events_t, time_t=time_t, events_c=events_c, time_c=time_c)
    for name in ("events_t", "events_c"):
        _check_count(arms, name)
    arms.check_positive("time_t", "time_c")
    added = added_to((arms["events_t"] == 0) | (arms["events_c"] == 0), correction, to)
    return arms, arms["events_t"] + added, arms["events_c"] + added


def _one(
    events: ArrayLike, time: ArrayLike, correction: ArrayLike, to: str, where: Sequence[str] | None
) -> tuple[Arms, Floats]:
    arms = read_arms(where, events=events, time=time)
    _check_count(arms, "events")
    arms.check_positive("time")
    return arms, arms["events"] + added_to(arms["events"] == 0, correction, to)


def _check_count(arms: Arms, name: str) -> None:
    bad = (arms[name] < 0) | (arms[name] % 1 != 0)
    arms.reject(bad, f"{name} must be a whole number, 0 or above", [name])
