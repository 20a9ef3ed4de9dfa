"""Numbers that a review computes from its trials, and the log density of what it printed, in NumPy for all draws at once.

Trials have shape (..., reading, study), where a reading is a distinct version of the known numbers; results have shape
(..., scenario).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from bayesmeta.errors import DataError
from bayesmeta.families.likelihood import NUMPY
from bayesmeta.families.review import codes
from bayesmeta.families.review.fits import Numbers
from bayesmeta.families.review.observations import Observation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Trials(NamedTuple):
    """The trials that a statistic is a function of, and the fits that the review's statistics need."""

    y: Floats
    se: Floats
    fits: Numbers
    reading: Ints  # shape (scenario,)
    included: Floats  # shape (study,)

    @property
    def z(self) -> Floats:
        """Studies' z statistics, shape (..., reading, study)."""
        return self.y / self.se


def value(observation: Observation, trials: Trials) -> Floats:
    """The number under each scenario, with its sign; of a count the studies beyond the border, shape (..., scenario)."""
    if observation.quantity == codes.COUNT:
        assert observation.critical is not None
        beyond = observation.sign * trials.z[..., trials.reading, :] > observation.critical[:, None]
        return np.asarray((beyond * trials.included).sum(axis=-1), dtype=float)
    is_study = observation.quantity == codes.STUDY
    statistic = trials.z[..., observation.study][..., trials.reading] if is_study else _of_fits(observation, trials)
    return np.abs(statistic) if observation.sign == 0 else observation.sign * statistic


def _of_fits(observation: Observation, trials: Trials) -> Floats:
    assert observation.fits is not None

    def number(name: str) -> Floats:
        """Of every slot, shape (..., scenario, slot)."""
        return np.asarray(getattr(trials.fits, name))[..., trials.reading[:, None], observation.fits]

    if observation.quantity == codes.GAP:
        estimate, se = number("estimate"), number("se")
        return np.asarray((estimate[..., 0] - estimate[..., 1]) / np.hypot(se[..., 0], se[..., 1]))
    if observation.quantity == codes.BETWEEN:
        weight, estimate = number("se") ** -2, number("estimate")
        mean = (weight * estimate).sum(axis=-1) / weight.sum(axis=-1)
        return np.asarray(np.sqrt((weight * (estimate - mean[..., None]) ** 2).sum(axis=-1)))
    if observation.quantity == codes.RATIO:
        return np.asarray((number("estimate") / number("se"))[..., 0])
    single = {codes.I2: "i2", codes.Q: "q", codes.TAU2: "tau2"}.get(observation.quantity)
    if single is not None:
        return number(single)[..., 0]
    error = number("hk" if observation.quantity in (codes.LIMIT_HK, codes.NEW_HK) else "se")[..., 0]
    if observation.quantity in (codes.NEW, codes.NEW_HK):
        error = np.sqrt(error**2 + number("tau2")[..., 0])
    assert observation.critical is not None
    return np.asarray(number("estimate")[..., 0] + observation.critical * error)


def log_density(observation: Observation, trials: Trials) -> Floats:
    """Log density of one observation, given the trials, shape (..., scenario)."""
    if observation.quantity == codes.COUNT:
        assert observation.critical is not None
        margin = (observation.sign * trials.z - observation.critical[0]) / observation.spread
        counted = log_poisson_binomial(margin[..., trials.included > 0], int(observation.target[0]))
        return counted[..., trials.reading]
    statistic = value(observation, trials)
    if observation.relation == codes.ABOVE:
        return np.asarray(log_expit((statistic - observation.target) / observation.spread))
    if observation.relation == codes.BELOW:
        return np.asarray(log_expit((observation.target - statistic) / observation.spread))
    near = NUMPY.normal(statistic, observation.target, np.asarray(observation.spread))
    if observation.sign == 0:  # either sign gives this size
        near = np.logaddexp(near, NUMPY.normal(statistic, -observation.target, np.asarray(observation.spread)))
    return np.asarray(near)


def log_poisson_binomial(logit: Floats, count: int) -> Floats:
    """Log probability that exactly `count` of independent events happen, from their log odds in the last axis.

    Examples
    --------
    >>> p = np.array([0.5, 0.5, 0.2])
    >>> round(float(np.exp(log_poisson_binomial(np.log(p / (1 - p)), 1))), 10)
    0.45
    """
    n = logit.shape[-1]
    if count > n:
        raise DataError(f"{count} significant studies were published, but the review has only {n} studies.")
    chance = np.exp(log_expit(logit))
    counted = np.zeros((*logit.shape[:-1], count + 1))
    counted[..., 0] = 1.0
    for i in range(n):
        p = chance[..., i, None]
        counted[..., 1:] += p * (counted[..., :-1] - counted[..., 1:])
        counted[..., :1] *= 1 - p
    return np.asarray(np.log(np.maximum(counted[..., -1], 1e-300)))
