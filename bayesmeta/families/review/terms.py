"""Log density of a review's printed statistics given its trials, in NumPy, for all draws at once.

Trials have shape (..., reading, study), where a reading is a distinct version of the known numbers; their pools
(..., reading, mask), one for each group of studies that some statistic pools; results have shape (..., scenario).
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, ndtri

from bayesmeta.data.statistics import (
    WITHIN,
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.errors import DataError
from bayesmeta.families.likelihood import NUMPY
from bayesmeta.pooling import PooledArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

I2_SOFTNESS = 0.05  # units of Q over which "I-squared = 0" fades out


class Trials(NamedTuple):
    """The trials that a statistic is a function of, and the pools that the review's statistics need."""

    y: Floats
    se: Floats
    pools: PooledArrays
    reading: Ints  # shape (scenario,)
    included: Floats  # shape (study,)

    def pool(self, name: str, mask: Ints) -> Floats:
        """One number of the pool that each scenario takes, shape (..., scenario)."""
        return np.asarray(getattr(self.pools, name))[..., self.reading, mask]

    @property
    def z(self) -> Floats:
        """Studies' z statistics, shape (..., reading, study)."""
        return self.y / self.se


class Place(NamedTuple):
    """Where one statistic finds its numbers: masks of its group and of the others by scenario, and its study."""

    inside: Ints
    outside: Ints
    study: int


def spread_of(statistic: PooledEstimate | Heterogeneity) -> float:
    """Standard deviation of an observation that is known to its rounding."""
    return statistic.rounding / WITHIN


@singledispatch
def log_density(statistic: Statistic, trials: Trials, place: Place) -> Floats:
    """Log density of one printed statistic, given the trials, shape (..., scenario)."""
    raise NotImplementedError(f"no likelihood is defined for {type(statistic).__name__}")


@log_density.register
def _(statistic: PooledEstimate, trials: Trials, place: Place) -> Floats:
    estimate, half = trials.pool("estimate", place.inside), statistic.z * trials.pool("se", place.inside)
    spread = np.asarray(spread_of(statistic))
    low = NUMPY.normal(estimate - half, statistic.lower, spread)
    return low + NUMPY.normal(estimate + half, statistic.upper, spread)


@log_density.register
def _(statistic: SubgroupTest, trials: Trials, place: Place) -> Floats:
    return NUMPY.normal(subgroup_statistic(trials, place), statistic.z, np.asarray(statistic.spread))


@log_density.register
def _(statistic: Heterogeneity, trials: Trials, place: Place) -> Floats:
    if statistic.i2 == 0:
        return np.asarray(
            log_expit((q_bound(statistic, trials.included) - trials.pool("q", place.inside)) / I2_SOFTNESS)
        )
    return NUMPY.normal(trials.pool("i2", place.inside), statistic.i2, np.asarray(spread_of(statistic)))


@log_density.register
def _(statistic: SignificantCount, trials: Trials, place: Place) -> Floats:
    margin = (statistic.direction * trials.z - float(-ndtri(statistic.alpha / 2))) / statistic.width
    return log_poisson_binomial(margin[..., trials.included > 0], statistic.count)[..., trials.reading]


@log_density.register
def _(statistic: StudyTest, trials: Trials, place: Place) -> Floats:
    z = trials.z[..., place.study][..., trials.reading]
    if statistic.relation == "<":
        return np.asarray(log_expit(((statistic.direction or 0) * z - statistic.z) / statistic.width))
    return np.asarray(log_expit((statistic.z - np.abs(z)) / statistic.width))


def subgroup_statistic(trials: Trials, place: Place) -> Floats:
    """Z statistic of the difference between two subgroups' pools, shape (..., scenario)."""
    gap = trials.pool("estimate", place.inside) - trials.pool("estimate", place.outside)
    return np.asarray(gap / np.hypot(trials.pool("se", place.inside), trials.pool("se", place.outside)))


def q_bound(statistic: Heterogeneity, included: Floats) -> float:
    """Largest Q for which I-squared is printed as zero."""
    return float((included.sum() - 1) / (1 - statistic.rounding / 100))


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
