"""Effect sizes of events in participants observed twice: crossover trials, matched pairs, before and after.

Each study is four counts of pairs: the event under `both` treatments, under `only_t`, under `only_c`, or under
`neither`. As for parallel arms, `correction` is added to all four of a study that has a 0 among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, added_to, finished, quiet, read_arms

_COLUMNS = ("both", "only_t", "only_c", "neither")
_HINT = "Use correction=0.5 (--correction 0.5 on the command line), or leave the study out."


def paired_log_odds_ratio(
    both: ArrayLike,
    only_t: ArrayLike,
    only_c: ArrayLike,
    neither: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Conditional log odds ratio, from the pairs that differ, and its standard error.

    References
    ----------
    Curtin, Elbourne & Altman (2002), Stat. Med. 21:2145-2159, doi:10.1002/sim.1206

    Examples
    --------
    >>> y, se = paired_log_odds_ratio([20], [6], [15], [9])
    >>> y.round(4), se.round(4)
    (array([-0.9163]), array([0.483]))
    """
    arms, _, b, c, _ = _read(both, only_t, only_c, neither, correction, to, where)
    with quiet():
        return _finished(arms, np.log(b) - np.log(c), 1 / b + 1 / c, "log odds ratio")


def paired_log_risk_ratio(
    both: ArrayLike,
    only_t: ArrayLike,
    only_c: ArrayLike,
    neither: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log ratio of the two risks; parameters and errors as `paired_log_odds_ratio`.

    References
    ----------
    Zou (2007), Clin. Trials 4:25-31, doi:10.1177/1740774506075667

    Examples
    --------
    >>> y, se = paired_log_risk_ratio([20], [6], [15], [9])
    >>> y.round(4), se.round(4)
    (array([-0.2973]), array([0.1519]))
    """
    arms, a, b, c, _ = _read(both, only_t, only_c, neither, correction, to, where)
    with quiet():
        return _finished(arms, np.log((a + b) / (a + c)), (b + c) / ((a + b) * (a + c)), "log risk ratio")


def paired_risk_difference(
    both: ArrayLike,
    only_t: ArrayLike,
    only_c: ArrayLike,
    neither: ArrayLike,
    *,
    correction: ArrayLike = 0.5,
    to: str = "only0",
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of the two risks; parameters and errors as `paired_log_odds_ratio`.

    References
    ----------
    Newcombe (1998), Stat. Med. 17:2635-2650,
    doi:10.1002/(sici)1097-0258(19981130)17:22<2635::aid-sim954>3.0.co;2-c

    Examples
    --------
    >>> y, se = paired_risk_difference([20], [6], [15], [9])
    >>> y.round(4), se.round(4)
    (array([-0.18]), array([0.088]))
    """
    arms, a, b, c, d = _read(both, only_t, only_c, neither, correction, to, where)
    n = a + b + c + d
    return _finished(arms, (b - c) / n, ((b + c) / n - ((b - c) / n) ** 2) / n, "risk difference")


def _read(
    both: ArrayLike,
    only_t: ArrayLike,
    only_c: ArrayLike,
    neither: ArrayLike,
    correction: ArrayLike,
    to: str,
    where: Sequence[str] | None,
) -> tuple[Arms, Floats, Floats, Floats, Floats]:
    arms = read_arms(where, both=both, only_t=only_t, only_c=only_c, neither=neither)
    for name in _COLUMNS:
        bad = (arms[name] < 0) | (arms[name] % 1 != 0)
        arms.reject(bad, f"{name} must be a whole number, 0 or above", [name])
    a, b, c, d = (arms[name] for name in _COLUMNS)
    arms.reject(a + b + c + d == 0, "there must be at least one pair", _COLUMNS)
    added = added_to((a == 0) | (b == 0) | (c == 0) | (d == 0), correction, to)
    return arms, a + added, b + added, c + added, d + added


def _finished(arms: Arms, y: Floats, v: Floats, what: str) -> tuple[Floats, Floats]:
    return finished(arms, y, v, f"without a correction its {what}", _COLUMNS, _HINT)
