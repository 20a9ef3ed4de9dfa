"""A published review's statistics as functions of its trials: recomputed from the latent ones, and of new trials.

Recomputed ones are *conditioned on* what was printed: they show how closely, and are not a check of the model. Those of new
trials of the same sizes, drawn from the model, are replicates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.observations import Observation
from bayesmeta.families.review.terms import Trials, value

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_DRAWS = ("chain", "draw")


def shown(arrays: ReviewArrays) -> list[Observation]:
    """The numbers of all statistics that reports show."""
    return [one for one in arrays.observations if one.shown is not None]


def statistics_of(arrays: ReviewArrays, trials: Trials, pick: Ints) -> dict[str, Any]:
    """What the review would print if its trials were these, under the scenario picked for each draw.

    Parameters
    ----------
    trials : Trials
        Of shape (chain, draw, reading, study).
    pick : ndarray of int, shape (chain, draw)
    """

    def picked(values: Floats) -> Floats:
        return np.take_along_axis(values, pick[..., None], -1)[..., 0]

    def of_pool(values: Floats) -> tuple[tuple[str, ...], Floats]:  # the first fit is of all the review's studies
        return _DRAWS, picked(values[..., arrays.reading, 0])

    variables: dict[str, Any] = {"i2": of_pool(trials.fits.i2), "review_tau2": of_pool(trials.fits.tau2)}
    numbers = [picked(value(one, trials)) for one in shown(arrays)]
    return variables | ({"printed": ((*_DRAWS, "number"), np.stack(numbers, axis=-1))} if numbers else {})


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
    return {"y": ((*_DRAWS, "study"), y)} | statistics_of(arrays, trials, pick)


def printed(arrays: ReviewArrays) -> dict[str, Any]:
    """What the review printed, by the names of `statistics_of`."""
    numbers = [float(one.target.mean()) for one in shown(arrays)]
    return {"printed": (("number",), np.array(numbers))} if numbers else {}
