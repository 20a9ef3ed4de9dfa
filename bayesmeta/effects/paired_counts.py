"""Effect sizes of events in participants observed twice: crossover trials, matched pairs, before and after.

Each study is four counts of pairs: the event under `both` treatments, under `only_t`, under `only_c`, or under
`neither`. As for parallel arms, `correction` is added to all four of a study that has a 0 among them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.effects._arms import Arms, Floats, added_to
from bayesmeta.effects._formula import EffectFunction, Effects, of_counts

type _Pairs = tuple[Floats, Floats, Floats, Floats]

_COLUMNS = ("both", "only_t", "only_c", "neither")


def _of_pairs(what: str) -> Callable[[Callable[[_Pairs], Effects]], EffectFunction]:
    """Decorate a formula for `y` and its variance over the four counts of pairs."""
    return of_counts(_COLUMNS, _COLUMNS, _corrected, what, 0.5)


def _corrected(arms: Arms, correction: ArrayLike, to: str) -> _Pairs:
    for name in _COLUMNS:
        bad = (arms[name] < 0) | (arms[name] % 1 != 0)
        arms.reject(bad, f"{name} must be a whole number, 0 or above", [name])
    a, b, c, d = (arms[name] for name in _COLUMNS)
    arms.reject(a + b + c + d == 0, "there must be at least one pair", _COLUMNS)
    added = added_to((a == 0) | (b == 0) | (c == 0) | (d == 0), correction, to)
    return a + added, b + added, c + added, d + added


@_of_pairs("log odds ratio")
def paired_log_odds_ratio(pairs: _Pairs) -> Effects:
    """Conditional log odds ratio, from the pairs that differ.

    References
    ----------
    Curtin, Elbourne & Altman (2002), Stat. Med. 21:2145-2159, doi:10.1002/sim.1206

    Examples
    --------
    >>> y, se = paired_log_odds_ratio([20], [6], [15], [9])
    >>> y.round(4), se.round(4)
    (array([-0.9163]), array([0.483]))
    """
    _, b, c, _ = pairs
    return np.log(b) - np.log(c), 1 / b + 1 / c


@_of_pairs("log risk ratio")
def paired_log_risk_ratio(pairs: _Pairs) -> Effects:
    """Log ratio of the two risks.

    References
    ----------
    Zou (2007), Clin. Trials 4:25-31, doi:10.1177/1740774506075667

    Examples
    --------
    >>> y, se = paired_log_risk_ratio([20], [6], [15], [9])
    >>> y.round(4), se.round(4)
    (array([-0.2973]), array([0.1519]))
    """
    a, b, c, _ = pairs
    return np.log((a + b) / (a + c)), (b + c) / ((a + b) * (a + c))


@_of_pairs("risk difference")
def paired_risk_difference(pairs: _Pairs) -> Effects:
    """Difference of the two risks.

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
    a, b, c, d = pairs
    n = a + b + c + d
    return (b - c) / n, ((b + c) / n - ((b - c) / n) ** 2) / n
