"""How closely a printed number is known, and what may be printed at all."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import chdtri

from bayesmeta.errors import DataError

WITHIN = 1.959963984540054  # an observation's 95% interval is the interval that its rounding leaves open
METHODS = ("dl", "fe", "pm", "reml")  # estimators of tau^2 by which a review may have pooled, as in `bayesmeta.pool`
INTERVALS = ("wald", "hksj")
BORDER = 0.05  # units of z over which "P < .05" or "not significant" of the review's own test fades out


class Tolerance(NamedTuple):
    """How closely a printed statistic is observed: a standard deviation, and the one that its rounding alone would have.

    Examples
    --------
    >>> Tolerance(0.05, 0.0015).times_rounding
    33.333333333333336
    """

    sd: float
    rounding: float | None

    @property
    def times_rounding(self) -> float | None:
        """How many times wider than the rounding; None where rounding leaves nothing open."""
        return None if self.rounding is None else self.sd / self.rounding


def printed_half_width(digits: int) -> float:
    """Half a unit of the last printed digit: what rounding to `digits` decimals leaves open."""
    return 0.5 * 10.0 ** (-digits)


def root_quantile(p: float, df: int = 1) -> float:
    """Root of the chi-squared quantile that a P value stands for; with one degree of freedom the absolute z.

    Examples
    --------
    >>> round(root_quantile(0.05), 4), round(root_quantile(0.05, 2) ** 2, 4)
    (1.96, 5.9915)
    """
    return math.sqrt(float(chdtri(df, p)))


def rounding_of_p(p: float, digits: int, df: int = 1) -> float:
    """Standard deviation that the rounding of P leaves to the root of its quantile."""
    half = printed_half_width(digits)
    low, high = max(p - half, 1e-12), min(p + half, 1.0)
    return max((root_quantile(low, df) - root_quantile(high, df)) / 4, 1e-4)


def check_p(p: float, where: str) -> None:
    """Reject a P value outside (0, 1]."""
    if not 0 < p <= 1:
        raise DataError(f"{where}: P must lie in (0, 1]; got {p!r}. Write a P printed as '<.001' as an inequality.")


def check_direction(direction: int, where: str) -> None:
    """Reject a direction that is neither lower nor higher."""
    if direction not in (-1, 1):
        raise DataError(f"{where}: direction must be -1 (lower) or 1 (higher); got {direction!r}.")


def check_tolerance(tolerance: float | None, where: str) -> None:
    """Reject a tolerance that is not positive."""
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance > 0):
        raise DataError(f"{where}: tolerance must be positive; got {tolerance!r}. Leave it out to use the rounding.")


def check_interval(estimate: float | None, lower: float, upper: float, level: float, where: str) -> None:
    """Reject limits that are not numbers, swapped, or do not hold their estimate, and a level outside (0, 1)."""
    values = {"lower": lower, "upper": upper} | ({} if estimate is None else {"estimate": estimate})
    if not all(map(math.isfinite, values.values())):
        given = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise DataError(f"{where}: {' and '.join(values)} must be numbers; got {given}.")
    if not 0 < level < 1:
        raise DataError(f"{where}: level must lie between 0 and 1; got {level!r}. 95% is 0.95.")
    if not lower < (0.5 * (lower + upper) if estimate is None else estimate) < upper:
        confidence = "" if estimate is None else "confidence "
        fault = "has no width" if estimate is None else f"does not contain its estimate {estimate:g}"
        raise DataError(
            f"{where}: the {confidence}interval ({lower:g}, {upper:g}) {fault}. Were the limits swapped, or a minus sign lost?"
        )


def check_symmetric(estimate: float, lower: float, upper: float, rounding: float, where: str) -> None:
    """Reject an interval that is not symmetric about its estimate within the rounding."""
    if abs(estimate - (lower + upper) / 2) > 4 * rounding + 1e-12:
        raise DataError(
            f"{where}: the interval ({lower:g}, {upper:g}) is not symmetric about {estimate:g} "
            f"within its rounding ({rounding:g}). Give ratios and their limits on the log scale."
        )
