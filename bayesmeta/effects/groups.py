"""Groups reported apart put into one arm, and counts behind percentages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, read_arms
from bayesmeta.errors import DataError


def combine_groups(
    n: ArrayLike, mean: ArrayLike, sd: ArrayLike, *, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Size, mean and standard deviation of all participants of several groups.

    Parameters
    ----------
    n : array_like of int, shape (..., group)
        Participants of each group; the last axis is combined.
    mean, sd : array_like of float, shape (..., group)
        Mean and standard deviation of each group. A group of one has no standard deviation: give 0.
    where : sequence of str, optional
        What to call each group in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    n, mean, sd : ndarray of float, shape (...)
        As if the participants had been reported as one group.

    Raises
    ------
    DataError
        If a size is not a whole number from 1, or a standard deviation is negative, or 0 in a group of two or more.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, version 6.4, section 6.5.2.10,
    https://training.cochrane.org/handbook

    Examples
    --------
    >>> n, mean, sd = combine_groups([50, 50], [26.5, 32.9], [4.5, 5.8])
    >>> float(n), float(mean.round(2)), float(sd.round(3))
    (100.0, 29.7, 6.084)
    """
    groups = read_arms(where, n=n, mean=mean, sd=sd)
    groups.check_sizes("n")
    hint = "If it was not reported, the groups cannot be combined."
    groups.reject((groups["sd"] < 0) | ((groups["sd"] == 0) & (groups["n"] > 1)), "sd must be positive", ["sd"], hint)
    total = groups["n"].sum(axis=-1)
    centre = (groups["n"] * groups["mean"]).sum(axis=-1) / total
    within = (groups["n"] - 1) * groups["sd"] ** 2
    between = groups["n"] * (groups["mean"] - centre[..., None]) ** 2
    spread = np.sqrt((within + between).sum(axis=-1) / np.maximum(total - 1, 1))
    return np.asarray(total), np.asarray(centre), np.asarray(spread)


def counts_from_percentage(
    percent: ArrayLike, n: ArrayLike, *, decimals: ArrayLike = 0, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fewest and most events of `n` that are printed as this percentage.

    Parameters
    ----------
    percent : array_like of float, shape (study,)
        As printed, from 0 to 100.
    n : array_like of int, shape (study,)
        Participants.
    decimals : int or array_like, default 0
        Printed decimals. A half may have been rounded up or down.
    where : sequence of str, optional
        What to call each study in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    fewest, most : ndarray of float, shape (study,)
        Whole numbers. No count is printed so where `fewest` is above `most`: these are then the counts on its two sides,
        the higher one first.

    Raises
    ------
    DataError
        If a percentage is not from 0 to 100, or `n` or `decimals` is not a whole number.

    References
    ----------
    Brown & Heathers (2017), Soc. Psychol. Personal. Sci. 8:363-369, doi:10.1177/1948550616673876

    Examples
    --------
    >>> counts_from_percentage([51.3, 76, 50], [78, 30, 400], decimals=[1, 0, 0])
    (array([ 40.,  23., 198.]), array([ 40.,  22., 202.]))
    """
    arms = _percentages(percent, n, decimals, where)
    low, high = _bounds(arms)
    return np.asarray(np.maximum(np.ceil(low), 0)), np.asarray(np.minimum(np.floor(high), arms["n"]))


def events_from_percentage(
    percent: ArrayLike, n: ArrayLike, *, decimals: ArrayLike = 0, where: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """Events behind a percentage, where only one count of `n` is printed so.

    Parameters
    ----------
    percent, n, decimals, where
        As `counts_from_percentage`, which gives the range of the counts where there are several.

    Returns
    -------
    ndarray of float, shape (study,)
        Whole numbers.

    Raises
    ------
    DataError
        As `counts_from_percentage`, and if no count is printed so, or more than one.

    References
    ----------
    Brown & Heathers (2017), Soc. Psychol. Personal. Sci. 8:363-369, doi:10.1177/1948550616673876

    Examples
    --------
    >>> events_from_percentage([40, 51.3], [30, 78], decimals=[0, 1])
    array([12., 40.])
    """
    arms = _percentages(percent, n, decimals, where)
    fewest, most = counts_from_percentage(percent, n, decimals=decimals, where=where)
    for i in np.flatnonzero(fewest != most):
        size, shown, low, high = (float(x.flat[i]) for x in (arms["n"], arms["percent"], fewest, most))
        digits = int(arms["decimals"].flat[i])
        if low > high:
            near = " and ".join(f"{k:g} are {100 * k / size:.{digits}f}%" for k in (high, low) if 0 <= k <= size)
            raise DataError(
                f"{arms.name(int(i))}: {shown:.{digits}f}% is not a count of n = {size:g}; {near}. Were fewer people observed?"
            )
        raise DataError(
            f"{arms.name(int(i))}: {shown:.{digits}f}% of n = {size:g} are {low:g} to {high:g} events. Find the count, or run "
            "the analysis with both."
        )
    return fewest


def _percentages(percent: ArrayLike, n: ArrayLike, decimals: ArrayLike, where: Sequence[str] | None) -> Arms:
    arms = read_arms(where, percent=percent, n=n, decimals=decimals)
    arms.check_sizes("n")
    whole = (arms["decimals"] >= 0) & (arms["decimals"] % 1 == 0)
    arms.reject(~whole, "decimals must be a whole number, 0 or above", ["decimals"])
    arms.reject((arms["percent"] < 0) | (arms["percent"] > 100), "percent must lie between 0 and 100", ["percent"])
    return arms


def _bounds(arms: Arms) -> tuple[Floats, Floats]:
    """Return between which numbers of events the percentage is printed so, with room for rounding errors."""
    half = 0.5 * 10.0 ** -arms["decimals"] * (1 + 1e-9)
    return (arms["percent"] - half) / 100 * arms["n"], (arms["percent"] + half) / 100 * arms["n"]
