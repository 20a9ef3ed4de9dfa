"""Printed estimates with an interval: the pooled one, those of subgroups, and the prediction interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from scipy.special import ndtri

from bayesmeta.data.statistics.rounding import (
    INTERVALS,
    METHODS,
    WITHIN,
    Tolerance,
    check_interval,
    check_symmetric,
    check_tolerance,
    printed_half_width,
)
from bayesmeta.errors import DataError, require_choice

Method = Literal["dl", "fe", "pm", "reml"]
Interval = Literal["wald", "hksj"]


def group_name(what: str, covariate: str | None, group: float) -> str:
    """Label of a number that concerns all studies, or those of one group."""
    return what if covariate is None else f"{what}: {covariate} = {group:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """Two printed limits, and how closely each is known."""

    lower: float
    upper: float
    level: float = 0.95
    digits: int = 2
    half_width: float | None = None
    ratio: bool = False
    covariate: str | None = None
    group: float = 1.0
    method: Method = "dl"
    interval: Interval = "wald"
    covariate_is: ClassVar[str] = "one group"

    @property
    def rounding(self) -> float:
        """Half-width of the interval that each limit is known to lie in."""
        return max(self.printed_half_widths) if self.half_width is None else self.half_width

    @property
    def printed_half_widths(self) -> tuple[float, float]:
        """What rounding leaves open of the lower and the upper limit, on the scale of the analysis."""
        half = printed_half_width(self.digits)
        return (half / math.exp(self.lower), half / math.exp(self.upper)) if self.ratio else (half, half)

    @property
    def spread(self) -> float:
        """Standard deviation of the observation of each limit."""
        return self.rounding / WITHIN

    @property
    def observed_within(self) -> Tolerance:
        """How closely each limit is observed; its rounding is that of the more finely printed one."""
        return Tolerance(self.spread, min(self.printed_half_widths) / WITHIN)

    def _check(self, estimate: float | None, where: str) -> None:
        check_interval(estimate, self.lower, self.upper, self.level, where)
        check_tolerance(self.half_width, where)
        require_choice("method", self.method, METHODS, f"{where}: ", DataError)
        require_choice("interval", self.interval, INTERVALS, f"{where}: ", DataError)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEstimate(_Limits):
    """A pooled estimate and its confidence interval, of all the review's studies or of one subgroup.

    Parameters
    ----------
    estimate, lower, upper : float
        As printed, on the scale of the analysis (ratios on the log scale).
    level : float, default 0.95
        Confidence level of the interval.
    digits : int, default 2
        Decimals printed; the limits are known to half a unit of the last one.
    half_width : float, optional
        Half-width of what is left open for each limit, on the scale of the analysis; by default what rounding leaves open.
    ratio : bool, default False
        The numbers are logs of printed ratios, and `digits` are those of the ratios.
    covariate : str, optional
        Column with the group of every study; left out, all the review's studies were pooled. A column that depends on a
        `Choice` stands for a pool whose studies are not certain.
    group : float, default 1
        The group that was pooled.
    method : {"dl", "fe", "pm", "reml"}, default "dl"
        How the review estimated tau^2, as in `bayesmeta.pool`; "fe" is a common effect.
    interval : {"wald", "hksj"}, default "wald"
        Normal quantiles, or Hartung and Knapp's variance with those of t.
    """

    estimate: float

    def __post_init__(self) -> None:
        where = "pooled estimate"
        self._check(self.estimate, where)
        check_symmetric(self.estimate, self.lower, self.upper, self.rounding, where)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        by = "" if self.method == "dl" else f" ({self.method})"
        return group_name(f"pooled estimate and CI{by}", self.covariate, self.group)

    @property
    def least_studies(self) -> int:
        """Studies that the interval needs."""
        return 2 if self.interval == "hksj" else 1

    @property
    def z(self) -> float:
        """Normal quantile that turns the standard error into the half-width of the interval."""
        return float(ndtri((1 + self.level) / 2))

    @property
    def se(self) -> float:
        """Standard error that the interval implies, by normal quantiles."""
        return (self.upper - self.lower) / (2 * self.z)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionInterval(_Limits):
    """A printed interval for the effect of a new study.

    Parameters
    ----------
    lower, upper, level, digits, half_width, ratio, covariate, group, method, interval
        As of `PooledEstimate`.
    rule : {"hts", "metafor"}, default "hts"
        Quantiles of t with k - 2 degrees of freedom and the Wald variance (Higgins, Thompson & Spiegelhalter 2009,
        doi:10.1111/j.1467-985X.2008.00552.x), or those of the confidence interval, as metafor has it.
    """

    rule: Literal["hts", "metafor"] = "hts"

    def __post_init__(self) -> None:
        self._check(None, "prediction interval")
        require_choice("rule", self.rule, ("hts", "metafor"), "prediction interval: ", DataError)
        if self.method == "fe":
            require_choice("method", self.method, METHODS[:1] + METHODS[2:], "prediction interval: ", DataError)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return group_name("prediction interval", self.covariate, self.group)

    @property
    def least_studies(self) -> int:
        """Studies that the interval needs."""
        return 3 if self.rule == "hts" else 2
