"""The parts that a review's sample is drawn in: readings of its facts, and whether its pool has heterogeneity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics import Heterogeneity, PooledEstimate, SubgroupTest
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.terms import Place

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Branch = Literal["no pool", "no heterogeneity", "heterogeneity", "printed heterogeneity"]


@dataclass(frozen=True)
class Stratum:
    """Scenarios that share what is known of the trials and the subgroups of every test, and one branch of the pool.

    Attributes
    ----------
    arrays : ReviewArrays
        Of these scenarios alone, with one reading.
    scenarios : ndarray of int, shape (scenario,)
        Their places among all.
    branch : str
        How the printed pool is met: DerSimonian and Laird's tau^2 is zero, positive, or follows from a printed I-squared.
    """

    arrays: ReviewArrays
    scenarios: Ints
    branch: Branch


def strata(arrays: ReviewArrays) -> list[Stratum]:
    """Split the scenarios of a review; every branch of each part that its printed statistics allow."""
    found = []
    for scenarios in _groups(arrays):
        part = _restricted(arrays, scenarios)
        found += [Stratum(part, scenarios, branch) for branch in _branches(part)]
    return found


def obstacle(arrays: ReviewArrays) -> str | None:
    """Why a review's trials cannot be drawn in this way, or None where they can."""
    latent_in_pool = int((~arrays.known & (arrays.included > 0)).sum())
    if _printed(arrays, PooledEstimate) is not None and latent_in_pool == 1:
        return "of the trials in the printed pool one alone is not known, so that the pool leaves nothing of it open to draw"
    return None


def _groups(arrays: ReviewArrays) -> Iterator[Ints]:
    """Places of scenarios that share their reading and the subgroups of all tests."""
    tests = [
        place
        for place, statistic in zip(arrays.places, arrays.review.statistics, strict=True)
        if isinstance(statistic, SubgroupTest)
    ]
    keys = np.array([arrays.reading, *(test.inside for test in tests)]).T
    _, group = np.unique(keys, axis=0, return_inverse=True)
    for i in range(int(group.max()) + 1):
        yield np.flatnonzero(group.ravel() == i)


def _restricted(arrays: ReviewArrays, scenarios: Ints) -> ReviewArrays:
    """The arrays of scenarios that share one reading."""
    at = arrays.reading[scenarios[:1]]
    return replace(
        arrays,
        labels=tuple(arrays.labels[i] for i in scenarios),
        log_weight=arrays.log_weight[scenarios],
        reading=np.zeros(scenarios.size, dtype=np.int64),
        y=arrays.y[at],
        se=arrays.se[at],
        n_t=arrays.n_t[at],
        n_c=arrays.n_c[at],
        n_lower=arrays.n_lower[at],
        n_upper=arrays.n_upper[at],
        n_rest=None if arrays.n_rest is None else arrays.n_rest[at],
        places=tuple(Place(p.inside[scenarios], p.outside[scenarios], p.study) for p in arrays.places),
    )


def _branches(arrays: ReviewArrays) -> list[Branch]:
    if _printed(arrays, PooledEstimate) is None or not (~arrays.known & (arrays.included > 0)).any():
        return ["no pool"]
    if _printed(arrays, Heterogeneity) is None:
        return ["no heterogeneity", "heterogeneity"]
    i2 = arrays.review.statistics[_printed(arrays, Heterogeneity)].i2  # type: ignore[index, union-attr]
    return ["no heterogeneity", "printed heterogeneity"] if i2 == 0 else ["printed heterogeneity"]


def _printed(arrays: ReviewArrays, kind: type) -> int | None:
    """Place of the first statistic of a kind."""
    return next((i for i, one in enumerate(arrays.review.statistics) if isinstance(one, kind)), None)
