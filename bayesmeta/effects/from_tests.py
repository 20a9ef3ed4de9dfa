"""Standardised mean differences from t and F tests, where means and SDs were not printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import read_arms
from bayesmeta.effects._hedges import hedges_factor
from bayesmeta.errors import require_choice


def smd_from_test(
    statistic: ArrayLike,
    n_t: ArrayLike,
    n_c: ArrayLike,
    *,
    kind: str = "t",
    sign: ArrayLike = 1,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hedges' g from Student's t, or from F with one degree of freedom in its numerator.

    Parameters
    ----------
    statistic : array_like of float, shape (study,)
        Of a test with pooled variance, unadjusted for covariates: that of an adjusted analysis is no such thing.
    n_t, n_c : array_like of int, shape (study,)
        Participants analysed in each arm.
    kind : {"t", "f"}, default "t"
        A t has the sign of the effect, treatment minus control; an F has none.
    sign : {-1, 1} or array_like, default 1
        For an F, and for a t printed without its sign: -1 where the outcome was lower under treatment.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    y, se : ndarray of float, shape (study,)
        As `standardized_mean_difference` would give from the means and SDs.

    Raises
    ------
    DataError
        If an arm size is below 1 or no whole number, the two arms hold fewer than 4, an F is negative, or a sign is not
        1 or -1.
    SpecificationError
        If there is no such `kind`.

    References
    ----------
    Hedges (1981), J. Educ. Stat. 6:107-128, doi:10.3102/10769986006002107

    Examples
    --------
    >>> y, se = smd_from_test([-2.858], [20], [20])
    >>> y.round(4), se.round(4)
    (array([-0.8858]), array([0.3314]))
    """
    require_choice("kind", kind, ("t", "f"))
    arms = read_arms(where, **{kind: statistic}, n_t=n_t, n_c=n_c, sign=sign)
    arms.check_sizes("n_t", "n_c")
    arms.reject(arms["n_t"] + arms["n_c"] < 4, "the two arms must hold 4 participants or more", ["n_t", "n_c"])
    arms.reject(np.abs(arms["sign"]) != 1, "sign must be 1 or -1", ["sign"])
    if kind == "f":
        arms.reject(arms["f"] < 0, "f must be 0 or above", ["f"])
    t = arms["sign"] * (np.sqrt(arms["f"]) if kind == "f" else arms["t"])
    y = hedges_factor(arms["n_t"] + arms["n_c"] - 2) * t * np.sqrt(1 / arms["n_t"] + 1 / arms["n_c"])
    v = 1 / arms["n_t"] + 1 / arms["n_c"] + y**2 / (2 * (arms["n_t"] + arms["n_c"]))
    return np.asarray(y), np.asarray(np.sqrt(v))


def smd_from_one_sample_test(
    statistic: ArrayLike,
    n: ArrayLike,
    *,
    kind: str = "t",
    sign: ArrayLike = 1,
    correlation: ArrayLike | None = None,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standardised mean difference from a one-sample or paired t, or from F with one degree of freedom in its numerator.

    Parameters
    ----------
    statistic : array_like of float, shape (study,)
    n : array_like of int, shape (study,)
        Participants, or pairs.
    kind : {"t", "f"}, default "t"
        A t has the sign of the mean less what it was compared with, or of the difference within pairs; an F has none.
    sign : {-1, 1} or array_like, default 1
        For an F, and for a t printed without its sign.
    correlation : array_like of float, optional
        Of a pair's two measurements. With it the difference is in standard deviations of a measurement, which are taken to
        be equal, as `paired_smd` gives it; without, in those of a participant's value or difference, `paired_smd_of_change`.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    y, se : ndarray of float, shape (study,)

    Raises
    ------
    DataError
        If there are fewer than 3 participants, a correlation is not between -1 and 1, an F is negative, or a sign is not 1 or -1.
    SpecificationError
        If there is no such `kind`.

    References
    ----------
    Gibbons, Hedeker & Davis (1993), J. Educ. Stat. 18:271-279, doi:10.3102/10769986018003271

    Examples
    --------
    >>> y, se = smd_from_one_sample_test([2.5], [20])
    >>> y.round(4), se.round(4)
    (array([0.5366]), array([0.2392]))
    """
    require_choice("kind", kind, ("t", "f"))
    columns = {kind: statistic, "n": n, "sign": sign, "correlation": 0.5 if correlation is None else correlation}
    arms = read_arms(where, **columns)
    arms.check_sizes("n", least=3)
    arms.reject(np.abs(arms["sign"]) != 1, "sign must be 1 or -1", ["sign"])
    arms.reject(np.abs(arms["correlation"]) >= 1, "correlation must lie between -1 and 1", ["correlation"])
    if kind == "f":
        arms.reject(arms["f"] < 0, "f must be 0 or above", ["f"])
    t = arms["sign"] * (np.sqrt(arms["f"]) if kind == "f" else arms["t"])
    spread = 2 * (1 - arms["correlation"])  # variance of a difference, in those of a measurement
    y = hedges_factor(arms["n"] - 1) * t * np.sqrt(spread / arms["n"])
    return np.asarray(y), np.asarray(np.sqrt((spread + y**2 / 2) / arms["n"]))
