"""Means and standard deviations of arms that were reported as a median with quartiles, or a range, or both.

The formulas take participants to be about normal; a median was often reported because they are not, so a summary
that shows its skewness is warned of. `fitted_mean_sd` in `bayesmeta.effects.quantile_estimation` allows for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, quiet, read_arms
from bayesmeta.errors import DataError, DataWarning
from bayesmeta.numbers import real_array

ORDER = ("minimum", "q1", "median", "q3", "maximum")
METHODS = ("normal", "fitted")


def mean_sd_from_quantiles(
    n: ArrayLike,
    median: ArrayLike,
    *,
    q1: ArrayLike = np.nan,
    q3: ArrayLike = np.nan,
    minimum: ArrayLike = np.nan,
    maximum: ArrayLike = np.nan,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of an arm from its median with quartiles, or extremes, or both.

    Parameters
    ----------
    n : array_like of int, shape (arm,)
        Participants, 3 or more.
    median : array_like of float, shape (arm,)
    q1, q3, minimum, maximum : array_like of float, shape (arm,), optional
        Quartiles and extremes; NaN where not reported. Each arm needs one pair.
    where : sequence of str, optional
        What to call each arm in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    mean, sd : ndarray of float, shape (arm,)
        In units of the outcome: the mean of Luo et al.; the standard deviation of Wan et al. from one pair, of Shi
        et al. from both.

    Raises
    ------
    DataError
        If values are not in increasing order, all equal, half of a pair is missing, or `n` is below 3.

    Warns
    -----
    DataWarning
        If the summary is skewed by the test of Shi et al. at the 5% level.

    References
    ----------
    Luo, Wan, Liu & Tong (2018), Stat. Methods Med. Res. 27:1785-1805, doi:10.1177/0962280216669183;
    Wan, Wang, Liu & Tong (2014), BMC Med. Res. Methodol. 14:135, doi:10.1186/1471-2288-14-135;
    Shi et al. (2020), Res. Synth. Methods 11:641-654, doi:10.1002/jrsm.1429;
    Shi et al. (2023), Stat. Methods Med. Res. 32:1338-1360, doi:10.1177/09622802231172043

    Examples
    --------
    >>> mean, sd = mean_sd_from_quantiles([20, 151], [6, 42], q1=[4.1, 31], q3=[7.5, 55], maximum=[np.nan, 80],
    ...                                   minimum=[np.nan, 18])
    >>> mean.round(3), sd.round(3)
    (array([ 5.856, 42.995]), array([ 2.713, 15.392]))
    """
    arms = read_quantiles(n, median, q1, q3, minimum, maximum, where)
    ranged, quartiled = ~np.isnan(arms["minimum"]), ~np.isnan(arms["q1"])
    cases = (~quartiled, ~ranged, ranged & quartiled)
    with quiet():
        mean = np.select(cases, [_mean_of_range(arms), _mean_of_quartiles(arms), _mean_of_all(arms)])
        sd = np.select(cases, [_sd_of_range(arms), _sd_of_quartiles(arms), _sd_of_all(arms)])
        _warn_if_skewed(arms, np.select(cases, list(_skewness(arms))))
    return mean, sd


def read_quantiles(
    n: ArrayLike,
    median: ArrayLike,
    q1: ArrayLike,
    q3: ArrayLike,
    minimum: ArrayLike,
    maximum: ArrayLike,
    where: Sequence[str] | None,
) -> Arms:
    """Return the columns as floats of one shape, NaN where a pair was not reported, after checking them."""
    given = read_arms(where, n=n, median=median)
    pairs = {"q1": q1, "q3": q3, "minimum": minimum, "maximum": maximum}
    arrays = {name: np.atleast_1d(real_array(name, values, copy=False)) for name, values in pairs.items()}
    shape = np.broadcast_shapes(given["n"].shape, *(array.shape for array in arrays.values()))
    columns = {**given.columns, **arrays}
    arms = Arms({name: np.broadcast_to(array, shape) for name, array in columns.items()}, where)
    arms.check_sizes("n", least=3)
    for low, high in (("q1", "q3"), ("minimum", "maximum")):
        half = np.isnan(arms[low]) != np.isnan(arms[high])
        arms.reject(half, f"{low} and {high} are needed together", [low, high], "Leave both empty, or fill both in.")
    none = np.isnan(arms["q1"]) & np.isnan(arms["minimum"])
    arms.reject(none, "a median alone has no standard deviation: give q1 and q3, or minimum and maximum", ["median"])
    _check_order(arms)
    return arms


def _check_order(arms: Arms) -> None:
    for i in range(arms["n"].size):
        present = [(name, float(arms[name].flat[i])) for name in ORDER if not np.isnan(arms[name].flat[i])]
        values = [value for _, value in present]
        shown = ", ".join(f"{name} = {value:g}" for name, value in present)
        if values != sorted(values):
            raise DataError(f"{arms.name(i)}: {' <= '.join(name for name, _ in present)} must hold; got {shown}.")
        if not np.isfinite(values).all():
            raise DataError(f"{arms.name(i)}: quantiles must be finite; got {shown}.")
        if values[0] == values[-1] or (not np.isnan(arms["q1"].flat[i]) and arms["q1"].flat[i] == arms["q3"].flat[i]):
            raise DataError(f"{arms.name(i)}: no standard deviation follows from equal quantiles; got {shown}.")


def _mean_of_range(x: Arms) -> Floats:
    weight = 4 / (4 + x["n"] ** 0.75)
    return np.asarray(weight * (x["minimum"] + x["maximum"]) / 2 + (1 - weight) * x["median"])


def _mean_of_quartiles(x: Arms) -> Floats:
    weight = 0.7 + 0.39 / x["n"]
    return np.asarray(weight * (x["q1"] + x["q3"]) / 2 + (1 - weight) * x["median"])


def _mean_of_all(x: Arms) -> Floats:
    ends, quarters = 2.2 / (2.2 + x["n"] ** 0.75), 0.7 - 0.72 / x["n"] ** 0.55
    middle = (1 - ends - quarters) * x["median"]
    return np.asarray(ends * (x["minimum"] + x["maximum"]) / 2 + quarters * (x["q1"] + x["q3"]) / 2 + middle)


def _sd_of_range(x: Arms) -> Floats:
    return np.asarray((x["maximum"] - x["minimum"]) / (2 * _normal((x["n"] - 0.375) / (x["n"] + 0.25))))


def _sd_of_quartiles(x: Arms) -> Floats:
    return np.asarray((x["q3"] - x["q1"]) / (2 * _normal((0.75 * x["n"] - 0.125) / (x["n"] + 0.25))))


def _sd_of_all(x: Arms) -> Floats:
    weight = 1 / (1 + 0.07 * x["n"] ** 0.6)
    return np.asarray(weight * _sd_of_range(x) + (1 - weight) * _sd_of_quartiles(x))


def _skewness(x: Arms) -> tuple[Floats, Floats, Floats]:
    """Return the statistic over its critical value in each of the three cases."""
    n = x["n"]
    of_range = np.abs(x["minimum"] + x["maximum"] - 2 * x["median"]) / (x["maximum"] - x["minimum"])
    of_quartiles = np.abs(x["q1"] + x["q3"] - 2 * x["median"]) / (x["q3"] - x["q1"])
    both = np.maximum(2.65 * np.log(0.6 * n) / np.sqrt(n) * of_range, of_quartiles)
    return (
        of_range / (1 / np.log(n + 9) + 2.5 / (n + 1)),
        of_quartiles / (2.65 / np.sqrt(n) - 6 / n**2),
        np.where(3 / np.sqrt(n) > 40 / n**3, both / (3 / np.sqrt(n) - 40 / n**3), 0.0),
    )


def _warn_if_skewed(arms: Arms, ratio: Floats) -> None:
    for i in np.flatnonzero(ratio >= 1):
        shown = ", ".join(f"{name} {arms[name].flat[i]:g}" for name in ORDER if not np.isnan(arms[name].flat[i]))
        warnings.warn(
            f"{arms.name(int(i))}: {shown} are skewed by the test of Shi et al. (2023), and a mean and SD that take them "
            "to be normal may be far off. Use method='fitted', ask for the means, or leave the study out.",
            DataWarning,
            stacklevel=3,
        )


def _normal(probability: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(ndtri(probability), dtype=np.float64)
