"""Means and standard deviations of skewed arms: the distribution whose quantiles come nearest to those reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Floats
from bayesmeta.effects.quantiles import ORDER, read_quantiles
from bayesmeta.errors import DataError


@dataclass(frozen=True)
class _Family:
    """A distribution with two parameters, free of units but for its scale.

    `start` gives the parameters, as numbers without bounds, of a distribution with this mean and sd; `quantile`
    and `moments` take them.
    """

    start: Callable[[float, float], tuple[float, float]]
    quantile: Callable[[Floats, Floats], Floats]
    moments: Callable[[Floats], tuple[float, float]]
    positive: bool = True


def fitted_mean_sd(
    n: ArrayLike,
    median: ArrayLike,
    *,
    q1: ArrayLike = np.nan,
    q3: ArrayLike = np.nan,
    minimum: ArrayLike = np.nan,
    maximum: ArrayLike = np.nan,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """Mean and standard deviation of an arm by quantile estimation, which does not take it to be normal.

    A normal distribution is fitted by least squares to the reported quantiles, and, where none is negative, a
    log-normal, a gamma and a Weibull; the extremes stand for the quantiles 1/n and 1 - 1/n. The mean and standard
    deviation are those of the nearest. (The beta of McGrath et al., for outcomes from 0 to 1, is left out.)

    Parameters
    ----------
    n, median, q1, q3, minimum, maximum, where
        As `mean_sd_from_quantiles`.

    Returns
    -------
    mean, sd : ndarray of float, shape (arm,)
        In units of the outcome.
    family : tuple of str
        Which distribution was nearest: ``"normal"``, ``"log-normal"``, ``"gamma"`` or ``"weibull"``.

    Raises
    ------
    DataError
        As `mean_sd_from_quantiles`, and if the mean of the nearest distribution lies outside the reported extremes.

    References
    ----------
    McGrath, Zhao, Steele, Thombs & Benedetti (2020), Stat. Methods Med. Res. 29:2520-2537,
    doi:10.1177/0962280219889080

    Examples
    --------
    >>> mean, sd, family = fitted_mean_sd([45], [4], q1=[2], q3=[9])
    >>> mean.round(2), sd.round(1), family
    (array([8.04]), array([13.5]), ('log-normal',))
    """
    arms = read_quantiles(n, median, q1, q3, minimum, maximum, where)
    shape = arms["n"].shape
    nearest = [
        _nearest(np.array([arms[name].flat[i] for name in ORDER]), float(arms["n"].flat[i]))
        for i in range(arms["n"].size)
    ]
    means, sds, names = zip(*nearest, strict=True)
    low, high = arms["minimum"].ravel(), arms["maximum"].ravel()
    for i in np.flatnonzero((np.array(means) < low) | (np.array(means) > high)):
        raise DataError(
            f"{arms.name(int(i))}: the nearest distribution, {names[i]}, has mean {means[i]:.3g}, outside the extremes, "
            f"{low[i]:g} to {high[i]:g}. Leave out one of the pairs, or the study."
        )
    return np.array(means).reshape(shape), np.array(sds).reshape(shape), tuple(names)


def _nearest(values: Floats, n: float) -> tuple[float, float, str]:
    """Return mean, sd and name of the family that fits best."""
    fits = family_fits(values, n)
    name = min(fits, key=lambda key: fits[key][0])
    return fits[name][1], fits[name][2], name


def family_fits(values: Floats, n: float) -> dict[str, tuple[float, float, float]]:
    """Return for each family the sum of squares, the mean and the sd of its best fit.

    Parameters
    ----------
    values : ndarray of float, shape (5,)
        Minimum, quartiles and maximum, NaN where not reported.
    n : float
        Participants.
    """
    present = ~np.isnan(values)
    probabilities = np.array([1 / n, 0.25, 0.5, 0.75, 1 - 1 / n])[present]
    unit = float(values[present][-1] - values[present][0])
    targets = values[present] / unit
    fits = {}
    for name, family in _FAMILIES.items():
        if not family.positive or (targets.min() >= 0):
            value, mean, sd = _fit(family, probabilities, targets)
            fits[name] = (value * unit**2, mean * unit, sd * unit)
    return fits


def _fit(family: _Family, probabilities: Floats, targets: Floats) -> tuple[float, float, float]:
    from scipy.optimize import least_squares

    sd = float((targets[-1] - targets[0]) / max(1.0, -2 * _ndtri(probabilities[0])))
    start = np.array(family.start(float(targets.mean()), sd))

    def residuals(parameters: Floats) -> Floats:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return np.nan_to_num(family.quantile(probabilities, parameters) - targets, nan=1e6, posinf=1e6)

    result = least_squares(residuals, start, xtol=1e-12, ftol=1e-12, gtol=1e-12, x_scale=[0.1, 0.1], max_nfev=2000)
    mean, spread = family.moments(result.x)
    return float(2 * result.cost), mean, spread


def _ndtri(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _normal_quantile(p: Floats, parameters: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(parameters[0] + np.exp(parameters[1]) * ndtri(p))


def _log_normal_start(mean: float, sd: float) -> tuple[float, float]:
    spread = np.log1p((sd / mean) ** 2)
    return float(np.log(mean) - spread / 2), float(np.log(spread) / 2)


def _log_normal_moments(parameters: Floats) -> tuple[float, float]:
    variance = np.exp(2 * parameters[1])
    mean = np.exp(parameters[0] + variance / 2)
    return float(mean), float(mean * np.sqrt(np.expm1(variance)))


def _gamma_quantile(p: Floats, parameters: Floats) -> Floats:
    from scipy.special import gammaincinv

    return np.asarray(np.exp(parameters[1]) * gammaincinv(np.exp(parameters[0]), p))


def _gamma_moments(parameters: Floats) -> tuple[float, float]:
    shape, scale = np.exp(parameters)
    return float(shape * scale), float(np.sqrt(shape) * scale)


def _weibull_quantile(p: Floats, parameters: Floats) -> Floats:
    return np.asarray(np.exp(parameters[1]) * (-np.log1p(-p)) ** np.exp(-parameters[0]))


def _weibull_moments(parameters: Floats) -> tuple[float, float]:
    from scipy.special import gamma

    shape, scale = np.exp(parameters)
    first, second = gamma(1 + 1 / shape), gamma(1 + 2 / shape)
    return float(scale * first), float(scale * np.sqrt(second - first**2))


_FAMILIES = {
    "normal": _Family(
        lambda mean, sd: (mean, float(np.log(sd))),
        _normal_quantile,
        lambda x: (float(x[0]), float(np.exp(x[1]))),
        positive=False,
    ),
    "log-normal": _Family(_log_normal_start, lambda p, x: np.exp(_normal_quantile(p, x)), _log_normal_moments),
    "gamma": _Family(
        lambda mean, sd: (2 * float(np.log(mean / sd)), float(np.log(sd**2 / mean))), _gamma_quantile, _gamma_moments
    ),
    "weibull": _Family(
        lambda mean, sd: (1.086 * float(np.log(mean / sd)), float(np.log(mean))), _weibull_quantile, _weibull_moments
    ),
}
