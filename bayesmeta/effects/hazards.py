"""Hazard ratios, or other ratios, from the confidence interval that was printed with them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.effects._arms import Arms, Floats, read_arms
from bayesmeta.errors import DataWarning, SpecificationError
from bayesmeta.numbers import is_between

_SKEW = 0.1  # of the width of the interval, beyond what rounding explains


def log_hazard_ratio(
    estimate: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    level: float = 0.95,
    where: Sequence[str] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Natural logarithm of a hazard ratio, and the standard error that its confidence interval implies.

    Warns
    -----
    DataWarning
        If the interval is not about symmetric on the log scale, rounding apart: one of its numbers is wrong.

    References
    ----------
    Parmar, Torri & Stewart (1998), Stat. Med. 17:2815-2834,
    doi:10.1002/(sici)1097-0258(19981230)17:24<2815::aid-sim110>3.0.co;2-8

    Examples
    --------
    >>> y, se = log_hazard_ratio([0.70], [0.55], [0.89])
    >>> y.round(4), se.round(4)
    (array([-0.3567]), array([0.1228]))
    """
    if not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: a confidence level lies between 0 and 1, as 0.95 does.")
    arms = read_arms(where, estimate=estimate, lower=lower, upper=upper)
    for name in arms.columns:
        hint = "Give the ratio itself, not its logarithm."
        arms.reject(arms[name] <= 0, f"{name} must be positive", [name], hint)
    outside = (arms["estimate"] <= arms["lower"]) | (arms["estimate"] >= arms["upper"])
    arms.reject(outside, "estimate must lie between lower and upper", ["estimate", "lower", "upper"])
    y, low, high = (np.log(arms[name]) for name in ("estimate", "lower", "upper"))
    _warn_if_skew(arms, low + high - 2 * y, high - low)
    return y, (high - low) / (2 * NormalDist().inv_cdf((1 + level) / 2))


def _warn_if_skew(arms: Arms, skew: Floats, width: Floats) -> None:
    for i in np.flatnonzero(np.abs(skew) > _SKEW * width):
        estimate, lower, upper = (float(arms[name].flat[i]) for name in ("estimate", "lower", "upper"))
        half = max(map(_last_place, (estimate, lower, upper))) / 2
        if abs(skew.flat[i]) <= _SKEW * width.flat[i] + half * (1 / lower + 1 / upper + 2 / estimate):
            continue
        warnings.warn(
            f"{arms.name(int(i))}: the confidence interval {lower:g} to {upper:g} of {estimate:g} should be about "
            f"symmetric on the log scale, around {np.sqrt(lower * upper):.3g}. Was one of the numbers misprinted?",
            DataWarning,
            stacklevel=3,
        )


def _last_place(value: float) -> float:
    """Return the size of the last decimal place that is written: 0.01 for 0.55, 0.1 for 1 (from 1.0)."""
    decimals = len(np.format_float_positional(value, trim="-").partition(".")[2])
    return float(10.0 ** -max(decimals, 1))
