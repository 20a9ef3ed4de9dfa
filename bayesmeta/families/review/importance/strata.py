"""The parts that a review's sample is drawn in: readings of its facts, and whether its pool has heterogeneity."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics import Heterogeneity, PooledEstimate
from bayesmeta.families.review import codes
from bayesmeta.families.review.arrays import ReviewArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Branch = Literal["no pool", "common effect", "no heterogeneity", "heterogeneity", "printed Q", "printed tau^2"]
_CLEAR = 4.0  # standard deviations by which a printed tau^2 or Q must differ from none


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
        How the printed pool is met: its tau^2 is zero by assumption or by its estimate, positive, follows from a printed Q or
        I-squared, or was printed.
    """

    arrays: ReviewArrays
    scenarios: Ints
    branch: Branch


def strata(arrays: ReviewArrays) -> list[Stratum]:
    """Split the scenarios of a review; every branch of each part that its printed statistics allow."""
    parts = []
    for scenarios in _groups(arrays):
        for part in _signed(_restricted(arrays, scenarios)):
            parts += [Stratum(part, scenarios, branch) for branch in _branches(part)]
    return parts


def exact_pool(arrays: ReviewArrays) -> PooledEstimate | None:
    """The printed pool of all studies that trials are drawn to have; None for one with Hartung and Knapp's interval."""
    pool = arrays.review.pooled
    return pool if pool is not None and pool.interval == "wald" else None


def printed_heterogeneity(arrays: ReviewArrays) -> Heterogeneity | None:
    """The printed number that fixes the heterogeneity of the pool, if one does."""
    pool = exact_pool(arrays)
    for one in arrays.review.statistics:
        if isinstance(one, Heterogeneity) and one.covariate is None and pool is not None and pool.method != "fe":
            if one.kind == "tau2":
                if one.method == pool.method and one.value > _CLEAR * one.spread:
                    return one
            elif pool.method == "dl" and (one.i2 == 0 or _excess(one, arrays) > 0):
                return one
    return None


def _excess(one: Heterogeneity, arrays: ReviewArrays) -> float:
    """How far a printed I-squared or Q lies above none, less what its rounding leaves open."""
    least = one.value - _CLEAR * one.spread
    return least if one.kind == "i2" else least - (arrays.included.sum() - 1)


def obstacle(arrays: ReviewArrays) -> str | None:
    """Why a review's trials cannot be drawn in this way, or None where they can."""
    latent_in_pool = int((~arrays.known & (arrays.included > 0)).sum())
    if exact_pool(arrays) is not None and latent_in_pool == 1:
        return "of the trials in the printed pool one alone is not known, so that the pool leaves nothing of it open to draw"
    return None


def _groups(arrays: ReviewArrays) -> Iterator[Ints]:
    """Places of scenarios that share their reading and the fits of all statistics."""
    fits = [one.fits for one in arrays.observations if one.fits is not None]
    keys = np.column_stack([arrays.reading, *fits])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    for i in range(int(group.max()) + 1):
        yield np.flatnonzero(group.ravel() == i)


def _signed(arrays: ReviewArrays) -> Iterator[ReviewArrays]:
    """The arrays with a sign for every test whose direction was not printed: each sign is a part of its own."""
    open_ = [
        i
        for i, one in enumerate(arrays.observations)
        if one.relation == codes.NEAR and one.sign == 0 and one.quantity in (codes.GAP, codes.RATIO)
    ]
    for signs in itertools.product((-1, 1), repeat=len(open_)):
        observations = list(arrays.observations)
        for i, sign in zip(open_, signs, strict=True):
            observations[i] = replace(observations[i], sign=sign)
        yield replace(arrays, observations=tuple(observations))


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
        inverse_size=arrays.inverse_size[at],
        n_lower=arrays.n_lower[at],
        n_upper=arrays.n_upper[at],
        per_participant=arrays.per_participant[at],
        n_rest=None if arrays.n_rest is None else arrays.n_rest[at],
        observations=tuple(one.of(scenarios) for one in arrays.observations),
    )


def _branches(arrays: ReviewArrays) -> list[Branch]:
    pool, printed = exact_pool(arrays), printed_heterogeneity(arrays)
    if pool is None or not (~arrays.known & (arrays.included > 0)).any():
        return ["no pool"]
    if pool.method == "fe":
        return ["common effect"]
    if printed is None:
        return ["no heterogeneity", "heterogeneity"]
    if printed.kind == "tau2":
        return ["printed tau^2"]
    return ["no heterogeneity", "printed Q"] if printed.i2 == 0 else ["printed Q"]
