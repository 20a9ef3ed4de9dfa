"""A published review's statistics as functions of its trials: recomputed from the latent ones, and of new trials.

Recomputed ones are *conditioned on* what was printed: they show how closely, and are no check of the model. Those of new trials
of the same sizes, drawn from the model, are replicates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.statistics import PooledEstimate, SignificantCount, StudyTest, SubgroupTest
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.terms import Trials, subgroup_statistic

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_DRAWS = ("chain", "draw")


def statistics_of(arrays: ReviewArrays, trials: Trials, z: Floats, pick: Ints) -> dict[str, Any]:
    """What the review would print if its trials were these, under the scenario picked for each draw.

    Parameters
    ----------
    trials : Trials
        Of shape (chain, draw, reading, study).
    z : ndarray, shape (chain, draw, study)
        Studies' z statistics under the scenario that was picked.
    pick : ndarray of int, shape (chain, draw)
    """

    def picked(values: Floats) -> Floats:
        return np.take_along_axis(values, pick[..., None], -1)[..., 0]

    whole = np.zeros_like(arrays.reading)  # the first mask holds all the review's studies
    pool = {name: picked(trials.pool(name, whole)) for name in ("estimate", "se", "i2", "tau2")}
    found: dict[str, Any] = {"i2": (_DRAWS, pool["i2"]), "review_tau2": (_DRAWS, pool["tau2"])}
    tests: dict[str, list[Floats]] = {"subgroup": [], "study": []}
    for statistic, place in zip(arrays.review.statistics, arrays.places, strict=True):
        if isinstance(statistic, PooledEstimate):
            half = statistic.z * pool["se"]
            found["pooled_estimate"] = (_DRAWS, pool["estimate"])
            found["pooled_lower"] = (_DRAWS, pool["estimate"] - half)
            found["pooled_upper"] = (_DRAWS, pool["estimate"] + half)
        elif isinstance(statistic, SubgroupTest):
            tests["subgroup"].append(picked(subgroup_statistic(trials, place)))
        elif isinstance(statistic, StudyTest):
            tests["study"].append(z[..., place.study])
        elif isinstance(statistic, SignificantCount):
            counted = (statistic.direction * z > statistic.bound) * arrays.included
            found["significant"] = (_DRAWS, counted.sum(axis=-1))
    if tests["subgroup"]:
        found["subgroup_z"] = ((*_DRAWS, "test"), np.stack(tests["subgroup"], axis=-1))
    if tests["study"]:
        found["study_z"] = ((*_DRAWS, "study_test"), np.stack(tests["study"], axis=-1))
    return found


def replicated(
    arrays: ReviewArrays, fitted: Floats, tau: Floats, se: Floats, pick: Ints, rng: np.random.Generator
) -> dict[str, Any]:
    """New trials with the standard errors of the old, and what their review would print.

    Parameters
    ----------
    fitted, se : ndarray, shape (chain, draw, study)
        Under the scenario that was picked.
    tau, pick : ndarray, shape (chain, draw)
    """
    y = fitted + np.sqrt(se**2 + tau[..., None] ** 2) * rng.standard_normal(se.shape)
    shape = (*se.shape[:-1], len(arrays.y), se.shape[-1])
    trials = arrays.trials(*(np.broadcast_to(x[..., None, :], shape) for x in (y, se)))
    return {"y": ((*_DRAWS, "study"), y)} | statistics_of(arrays, trials, y / se, pick)


def printed(arrays: ReviewArrays) -> dict[str, Any]:
    """What the review printed, by the names of `statistics_of`."""
    found: dict[str, Any] = {}
    for statistic in arrays.review.statistics:
        if isinstance(statistic, PooledEstimate):
            found |= {f"pooled_{key}": ((), getattr(statistic, key)) for key in ("estimate", "lower", "upper")}
    z = [s.z for s in arrays.review.statistics if isinstance(s, SubgroupTest)]
    return found | ({"subgroup_z": (("test",), np.array(z))} if z else {})


def tests_by_name(arrays: ReviewArrays) -> dict[str, list[str]]:
    """Coordinates of the tests."""
    statistics = arrays.review.statistics
    return {
        "test": [s.covariate for s in statistics if isinstance(s, SubgroupTest)],
        "study_test": [s.study for s in statistics if isinstance(s, StudyTest)],
    }
