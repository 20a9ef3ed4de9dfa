"""Trials that randomised groups of people: how much their standard errors grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import read_arms


def design_effect(
    icc: ArrayLike, cluster_size: ArrayLike, *, where: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Return by how much clusters multiply a sampling variance, ``1 + (cluster_size - 1) * icc``.

    Parameters
    ----------
    icc : float or array_like, shape (study,)
        Intracluster correlation, from 0 to below 1. It is usually taken from other trials: vary it.
    cluster_size : float or array_like, shape (study,)
        Mean number of participants per cluster; 1 for a trial that randomised people.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    ndarray of float, shape (study,)
        A standard error that ignores the clusters is multiplied by its square root.

    Raises
    ------
    DataError
        If `icc` is not from 0 to below 1, or `cluster_size` is below 1.

    References
    ----------
    Donner & Klar (2002), Stat. Med. 21:2971-2980, doi:10.1002/sim.1301

    Examples
    --------
    >>> design_effect(0.02, [31, 1])
    array([1.6, 1. ])
    """
    arms = read_arms(where, icc=icc, cluster_size=cluster_size)
    outside = (arms["icc"] < 0) | (arms["icc"] >= 1)
    arms.reject(outside, "icc must lie between 0 and 1, below 1", ["icc"])
    arms.reject(arms["cluster_size"] < 1, "cluster_size must be 1 or above", ["cluster_size"])
    return np.asarray(1 + (arms["cluster_size"] - 1) * arms["icc"], dtype=np.float64)
