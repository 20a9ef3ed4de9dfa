"""The numbers of one design: so many trials of a given standard error, after a posterior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bayesmeta.errors import InferenceError
from bayesmeta.planning.updated import Updated
from bayesmeta.results.effect_components import Components, excess, share_above

Floats = NDArray[np.float64]
_NODES, _MOST = 97, 6145  # of new estimates: more until leaving out every second one changes nothing by more than
_TOLERANCE = 1e-9
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of new trials, in the direction in which the effect helps patients.

    Attributes
    ----------
    threshold : float
    level : float
        Of the updated probability that the mean effect is better than the threshold.
    alpha : float
        Of the two-sided test of the new trials alone.
    cost : float
        What an effect must be worth.
    """

    threshold: float
    level: float
    alpha: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What new trials of one design would show.

    Attributes
    ----------
    predicted_mean, predicted_sd : float
        Of the mean of their estimates, in the direction that helps patients.
    significant, significant_harm : float
        Probability that the test of the new trials alone is significant for benefit beyond the threshold, and for harm.
    power : float
        The same for benefit if every trial had the posterior mean as its true effect.
    reaches : float
        Probability that the updated probability of benefit reaches the level.
    expected_sd : float
        Expected standard deviation of the mean effect after the update.
    expected_probability : float
        Expected probability of benefit after the update; equal to that before it.
    evsi : float
        Expected value of sample information.
    """

    predicted_mean: float
    predicted_sd: float
    significant: float
    significant_harm: float
    power: float
    reaches: float
    expected_sd: float
    expected_probability: float
    evsi: float


def numbers(now: Components, se: float, trials: int, asked: Question) -> tuple[Numbers, float]:
    """The numbers of a design, and their largest change where every second node is left out.

    Raises
    ------
    InferenceError
        If no number of nodes within reach suffices.
    """
    n = _NODES
    while n <= _MOST:
        followed = _followed(now, se, trials, asked, n)
        fine, coarse = _expected(followed), _expected(followed, every=2)
        change = float(np.max(np.abs(fine - coarse) / [1.0, max(fine[1], _TINY)]))
        if change <= _TOLERANCE and all(x.regions() == x.regions(every=2) for x in followed):
            return _all_of(now, se, trials, asked, followed), change
        n = 2 * n - 1
    raise InferenceError(
        f"what trials with a standard error of {se:.3g} would show could not be computed: numbers still change by {change:.1g} "
        "where every second node is left out. Check the unit of the standard error; a posterior that is known by draws says too "
        "little for so precise a trial."
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """Possible new estimates, given the sum of squares around their mean, and the posterior after each.

    Attributes
    ----------
    mass : float
        Of the sum of squares.
    given : Updated
    at, weights : ndarray, shape (estimate,)
    beyond : ndarray, shape (estimate,)
        Probability of benefit less the level.
    worth : ndarray, shape (estimate,)
        What deciding otherwise than now is worth.
    sds : ndarray, shape (estimate,)
    """

    mass: float
    given: Updated
    at: Floats
    weights: Floats
    beyond: Floats
    worth: Floats
    sds: Floats

    def regions(self, every: int = 1) -> tuple[int, ...]:
        """How often the estimates pass from one decision to the other."""
        return tuple(int(np.count_nonzero(np.diff(x[::every] >= 0))) for x in (self.beyond, self.worth))


def _followed(now: Components, se: float, trials: int, asked: Question, n: int) -> list[_Followed]:
    sign = _changes(now, asked)
    found = []
    for mass, given in Updated(now, se**2 / trials, trials).given_squares():
        at, weights = given.nodes(n)
        above, mean, sds = given.answers(asked.threshold, at)
        found.append(_Followed(mass, given, at, weights, above - asked.level, sign * (mean - asked.cost), sds))
    return found


def _changes(now: Components, asked: Question) -> float:
    """The sign of what is worth another decision than that of now: its value is added up, not a difference of large numbers."""
    return -1.0 if now.mean > asked.cost else 1.0


def _expected(followed: list[_Followed], every: int = 1) -> Floats:
    """Expected probability of benefit less the level, and standard deviation, after the update; from every so-many-th node."""
    nodes = slice(None, None, every)
    each = [
        x.mass * every * np.array([x.weights[nodes] @ x.beyond[nodes], x.weights[nodes] @ x.sds[nodes]])
        for x in followed
    ]
    return np.sum(each, axis=0)


def _all_of(now: Components, se: float, trials: int, asked: Question, followed: list[_Followed]) -> Numbers:
    new, error = Updated(now, se**2 / trials, trials), se / np.sqrt(trials)
    sd, critical, sign = np.sqrt(new.total), float(ndtri(1 - asked.alpha / 2)) * error, _changes(now, asked)
    reaches = evsi = 0.0
    for x in followed:
        beyond = partial(_beyond, x.given, asked)
        reaches += x.mass * sum(x.given.mass(*ends) for ends in x.given.where(x.beyond, beyond, x.at))
        worth = x.given.where(x.worth, partial(_worth, x.given, asked, sign), x.at)
        evsi += x.mass * sign * sum(x.given.gained(asked.cost, *ends) for ends in worth)
    probability, expected_sd = _expected(followed)
    return Numbers(
        predicted_mean=now.mean,
        predicted_sd=float(np.sqrt(now.weights @ (new.total + (now.means - now.mean) ** 2))),
        significant=float(now.weights @ share_above(asked.threshold + critical, now.means, sd)),
        significant_harm=float(now.weights @ share_above(critical - asked.threshold, -now.means, sd)),
        power=float(ndtr((now.mean - asked.threshold - critical) / error)),
        reaches=reaches,
        expected_sd=float(expected_sd),
        expected_probability=float(probability) + asked.level,
        evsi=max(evsi, 0.0),
    )


def _beyond(given: Updated, asked: Question, estimates: Floats) -> Floats:
    """Probability of benefit less the level, after each estimate."""
    return given.above(asked.threshold, estimates) - asked.level


def _worth(given: Updated, asked: Question, sign: float, estimates: Floats) -> Floats:
    """What deciding otherwise than now is worth, after each estimate."""
    return np.asarray(sign * (given.mean(estimates) - asked.cost))


def perfect_information(now: Components, cost: float) -> tuple[float, float]:
    """Expected value of knowing the mean effect, and of knowing the effect in the setting of a new study.

    Returns
    -------
    tuple of float
        Above what deciding now gives, per patient and in the unit of the effect.
    """
    sign = -1.0 if now.mean > cost else 1.0  # as above: what a decision that turns out wrong loses
    means, limit = sign * now.means, sign * cost
    known = now.weights @ excess(limit, means, np.sqrt(now.variances))
    new = now.weights @ excess(limit, means, np.sqrt(now.variances + now.between))
    return float(known), float(new)
