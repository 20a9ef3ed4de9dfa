"""Printed tests of a review: whether subgroups differ, and whether an effect changes with a covariate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from scipy.special import ndtri

from bayesmeta.data.statistics.pools import Interval, Method
from bayesmeta.data.statistics.rounding import (
    BORDER,
    INTERVALS,
    METHODS,
    WITHIN,
    Tolerance,
    check_direction,
    check_interval,
    check_p,
    check_symmetric,
    check_tolerance,
    printed_half_width,
    rounding_of_p,
)
from bayesmeta.errors import DataError, require_choice

Relation = Literal["=", "<", ">"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """A two-sided P value: as printed, or a bound on it."""

    covariate: str
    p: float
    direction: int | None = None
    relation: Relation = "="
    digits: int = 3
    tolerance: float | None = None
    method: Method = "dl"

    @property
    def z(self) -> float:
        """The z statistic that was published, with its sign; without one where the direction was not printed."""
        return (self.direction or 1) * float(-ndtri(self.p / 2))

    @property
    def flat_prior_probability(self) -> float:
        """Probability of the published direction under a flat prior: 1 - P/2."""
        return 1 - self.p / 2

    @property
    def spread(self) -> float:
        """Standard deviation of the observation, or softness of the bound, in units of z."""
        if self.tolerance is not None:
            return self.tolerance
        return self.rounding if self.relation == "=" else BORDER

    @property
    def observed_within(self) -> Tolerance:
        """How closely z is observed; a bound has no rounding."""
        return Tolerance(self.spread, self.rounding if self.relation == "=" else None)

    @property
    def rounding(self) -> float:
        """Standard deviation that the rounding of P leaves to z."""
        return rounding_of_p(self.p, self.digits)

    def _check(self, where: str) -> None:
        check_p(self.p, where)
        require_choice("relation", self.relation, ("=", "<", ">"), f"{where}: ", DataError)
        if self.direction is not None:
            check_direction(self.direction, where)
            if self.relation == ">":
                raise DataError(
                    f"{where}: P > {self.p:g} bounds the size of the difference on both sides, and takes no direction; got "
                    f"{self.direction!r}. Leave it out."
                )
        check_tolerance(self.tolerance, where)
        require_choice("method", self.method, METHODS, f"{where}: ", DataError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupTest(_Test):
    """P value of the difference between subgroups of studies.

    Parameters
    ----------
    covariate : str
        Column with the group of every study: 0 and 1, or whole numbers from 0 for three or more groups.
    p : float
        As printed, in (0, 1], or the bound that was printed.
    direction : int, optional
        Sign of (estimate in group 1 - estimate in group 0): -1 lower, 1 higher. Leave it out where it was not printed, and with
        three or more groups.
    relation : {"=", "<", ">"}, default "="
        ``"<"`` for "P < .001", ``">"`` for "not significant" (with p = 0.05).
    digits : int, default 3
        Decimals printed.
    tolerance : float, optional
        Standard deviation, in units of z, within which the recomputed statistic must meet the published one; of a bound the
        width of a logistic curve. By default the rounding of P, and 0.05 for a bound. With three or more groups z is the root of
        the Q between them.
    method : {"dl", "fe", "pm", "reml"}, default "dl"
        How the review estimated tau^2; "fe" is a common effect in each subgroup.
    tau : {"separate", "common"}, default "separate"
        Each subgroup has its own tau^2, as in RevMan, or all have one, as in a regression on subgroups (metafor's default).
    """

    tau: Literal["separate", "common"] = "separate"
    covariate_is: ClassVar[str] = "groups"

    def __post_init__(self) -> None:
        self._check(self.name)
        require_choice("tau", self.tau, ("separate", "common"), f"{self.name}: ", DataError)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return f"subgroup test: {self.covariate}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRegressionTest(_Test):
    """P value of the slope of a meta-regression on one covariate.

    Parameters
    ----------
    covariate : str
        Column of numbers.
    p, direction, relation, digits, tolerance, method
        As of `SubgroupTest`; the direction is the sign of the slope.
    """

    covariate_is: ClassVar[str] = "numbers"

    def __post_init__(self) -> None:
        self._check(self.name)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return f"meta-regression test: {self.covariate}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRegressionSlope:
    """Slope of a meta-regression on one covariate, with its confidence interval where it was printed.

    Parameters
    ----------
    covariate : str
        Column of numbers.
    estimate : float
        Change of the effect, on the scale of the analysis, for one unit of the covariate.
    lower, upper : float, optional
        Confidence limits; both or neither.
    level, digits, half_width, method, interval
        As of `PooledEstimate`; without limits the half-width is that of the estimate.
    """

    covariate: str
    estimate: float
    lower: float | None = None
    upper: float | None = None
    level: float = 0.95
    digits: int = 2
    half_width: float | None = None
    method: Method = "dl"
    interval: Interval = "wald"
    covariate_is: ClassVar[str] = "numbers"

    def __post_init__(self) -> None:
        if not math.isfinite(self.estimate):
            raise DataError(f"{self.name}: estimate must be a number; got {self.estimate!r}.")
        if (self.lower is None) != (self.upper is None):
            raise DataError(f"{self.name}: give both limits or neither; got {self.lower!r} and {self.upper!r}.")
        check_tolerance(self.half_width, self.name)
        require_choice("method", self.method, METHODS, f"{self.name}: ", DataError)
        require_choice("interval", self.interval, INTERVALS, f"{self.name}: ", DataError)
        if self.lower is not None and self.upper is not None:
            check_interval(self.estimate, self.lower, self.upper, self.level, self.name)
            check_symmetric(self.estimate, self.lower, self.upper, self.rounding, self.name)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return f"meta-regression slope: {self.covariate}"

    @property
    def least_studies(self) -> int:
        """Studies that a line and, but for a common effect by Wald's interval, its spread need."""
        return 2 if self.method == "fe" and self.interval == "wald" else 3

    @property
    def rounding(self) -> float:
        """Half-width of the interval that each number is known to lie in."""
        return printed_half_width(self.digits) if self.half_width is None else self.half_width

    @property
    def spread(self) -> float:
        """Standard deviation of the observation of each number."""
        return self.rounding / WITHIN

    @property
    def observed_within(self) -> Tolerance:
        """How closely each number is observed."""
        return Tolerance(self.spread, printed_half_width(self.digits) / WITHIN)
