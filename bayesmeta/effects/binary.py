"""Effect sizes for outcomes reported as the number of participants with an event in each arm.

An empty cell makes a ratio or its standard error infinite, so `correction` is added to all four cells of any
study that has one, and to no other study, for risk differences too: the default of R's metafor
(``add=1/2, to="only0", drop00=FALSE``). Studies without events in either arm, or with events only, are kept;
they say nothing about a ratio except through the correction, and can be left out beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, read_arms
from bayesmeta.errors import SpecificationError

_COLUMNS = ("events_t", "n_t", "events_c", "n_c")


def log_odds_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: float = 0.5,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log odds ratio, treatment against control, and its standard error.

    Parameters
    ----------
    events_t, events_c : array_like of int, shape (study,)
        Participants with the event in each arm.
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    correction : float, default 0.5
        Added to all four cells of any study with an empty cell, and to no other study.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    y : ndarray of float, shape (study,)
        Natural-log odds ratio; negative means fewer events under treatment.
    se : ndarray of float, shape (study,)
        Standard error of `y` (delta method), on the same scale.

    Raises
    ------
    DataError
        If a count is negative, no whole number or above its arm size, or a cell empty without `correction`.

    References
    ----------
    Woolf (1955), Ann. Hum. Genet. 19:251-253, doi:10.1111/j.1469-1809.1955.tb01348.x

    Examples
    --------
    >>> y, se = log_odds_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.8398]), array([0.3867]))
    """
    arms, cells = _cells(events_t, n_t, events_c, n_c, correction, where)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(cells.a) - np.log(cells.b) - np.log(cells.c) + np.log(cells.d)
        v = 1 / cells.a + 1 / cells.b + 1 / cells.c + 1 / cells.d
    return _finished(arms, y, v, "log odds ratio")


def log_risk_ratio(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: float = 0.5,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log risk ratio, treatment against control, and its standard error.

    Parameters
    ----------
    events_t, events_c : array_like of int, shape (study,)
        Participants with the event in each arm.
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    correction : float, default 0.5
        Added to all four cells of any study with an empty cell (so twice to an arm size), and to no other.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    y : ndarray of float, shape (study,)
        Natural-log risk ratio; negative means fewer events under treatment.
    se : ndarray of float, shape (study,)
        Standard error of `y` (delta method), on the same scale.

    Raises
    ------
    DataError
        If a count is negative, no whole number or above its arm size, or if without `correction` the ratio or
        its standard error is not finite and positive.

    References
    ----------
    Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, doi:10.2307/2530610

    Examples
    --------
    >>> y, se = log_risk_ratio([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.6931]), array([0.324]))
    """
    arms, cells = _cells(events_t, n_t, events_c, n_c, correction, where)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(cells.a / cells.n_t) - np.log(cells.c / cells.n_c)
        v = 1 / cells.a - 1 / cells.n_t + 1 / cells.c - 1 / cells.n_c
    return _finished(arms, y, v, "log risk ratio")


def risk_difference(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    *,
    correction: float = 0.5,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Risk difference, treatment minus control, and its standard error.

    Parameters
    ----------
    events_t, events_c : array_like of int, shape (study,)
        Participants with the event in each arm.
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    correction : float, default 0.5
        Added to all four cells of any study with an empty cell (so twice to an arm size), and to no other.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    y : ndarray of float, shape (study,)
        Difference of two proportions, between -1 and 1; negative means fewer events under treatment.
    se : ndarray of float, shape (study,)
        Standard error of `y`, on the same scale.

    Raises
    ------
    DataError
        If a count is negative, no whole number or above its arm size, or if without `correction` the standard
        error is 0.

    References
    ----------
    DerSimonian & Laird (1986), Control. Clin. Trials 7:177-188, doi:10.1016/0197-2456(86)90046-2

    Examples
    --------
    >>> y, se = risk_difference([12], [100], [24], [100])
    >>> y.round(4), se.round(4)
    (array([-0.12]), array([0.0537]))
    """
    arms, cells = _cells(events_t, n_t, events_c, n_c, correction, where)
    y = cells.a / cells.n_t - cells.c / cells.n_c
    v = cells.a * cells.b / cells.n_t**3 + cells.c * cells.d / cells.n_c**3
    return _finished(arms, y, v, "risk difference")


@dataclass(frozen=True)
class _Cells:
    """Events and non-events under treatment (a, b) and under control (c, d), corrected where one was 0."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats

    @property
    def n_t(self) -> Floats:
        return self.a + self.b

    @property
    def n_c(self) -> Floats:
        return self.c + self.d


def _cells(
    events_t: ArrayLike,
    n_t: ArrayLike,
    events_c: ArrayLike,
    n_c: ArrayLike,
    correction: float,
    where: Sequence[str] | None,
) -> tuple[Arms, _Cells]:
    if not (np.isfinite(correction) and correction >= 0):
        raise SpecificationError(f"correction={correction!r}: it must be a finite number, 0 or above.")
    arms = read_arms(where, events_t=events_t, n_t=n_t, events_c=events_c, n_c=n_c)
    arms.check_sizes()
    for events, n in (("events_t", "n_t"), ("events_c", "n_c")):
        outside = (arms[events] < 0) | (arms[events] > arms[n])
        hint = "Were the two columns swapped?" if (arms[events] > arms[n]).any() else ""
        arms.refuse(outside, f"{events} must lie between 0 and {n}", [events, n], hint)
        arms.refuse(arms[events] % 1 != 0, f"{events} must be a whole number", [events])
    a, c = arms["events_t"], arms["events_c"]
    b, d = arms["n_t"] - a, arms["n_c"] - c
    added = correction * ((a == 0) | (b == 0) | (c == 0) | (d == 0))
    return arms, _Cells(a + added, b + added, c + added, d + added)


def _finished(arms: Arms, y: Floats, v: Floats, measure: str) -> tuple[Floats, Floats]:
    bad = ~(np.isfinite(y) & np.isfinite(v) & (v > 0))
    rule = f"without a correction its {measure} has no finite value with a positive standard error"
    arms.refuse(bad, rule, _COLUMNS, "Use correction=0.5, or leave the study out.")
    return y, np.sqrt(v)
