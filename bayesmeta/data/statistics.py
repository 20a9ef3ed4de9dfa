"""Statistics that a review prints about its trials, each with the rounding it was printed with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from scipy.special import ndtri

from bayesmeta.errors import DataError


def printed_half_width(digits: int) -> float:
    """Half a unit of the last printed digit: what rounding to `digits` decimals leaves open."""
    return 0.5 * 10.0 ** (-digits)


WITHIN = 1.959963984540054  # an observation's 95% interval is the interval that its rounding leaves open


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


def _check_p(p: float, where: str) -> None:
    if not 0 < p <= 1:
        raise DataError(f"{where}: P must lie in (0, 1]; got {p!r}. Write a P printed as '<.001' as an inequality.")


def _check_direction(direction: int, where: str) -> None:
    if direction not in (-1, 1):
        raise DataError(f"{where}: direction must be -1 (lower) or 1 (higher); got {direction!r}.")


def _check_tolerance(tolerance: float | None, where: str) -> None:
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance > 0):
        raise DataError(f"{where}: tolerance must be positive; got {tolerance!r}. Leave it out to use the rounding.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEstimate:
    """The review's random-effects estimate and its confidence interval (DerSimonian-Laird).

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
    """

    estimate: float
    lower: float
    upper: float
    level: float = 0.95
    digits: int = 2
    half_width: float | None = None
    ratio: bool = False
    name: ClassVar[str] = "pooled estimate and CI"  # in results

    def __post_init__(self) -> None:
        where = "pooled estimate"
        if not all(map(math.isfinite, (self.estimate, self.lower, self.upper))):
            raise DataError(f"{where}: estimate, lower and upper must be numbers; got {self}.")
        if not 0 < self.level < 1:
            raise DataError(f"{where}: level must lie between 0 and 1; got {self.level!r}. 95% is 0.95.")
        if not self.lower < self.estimate < self.upper:
            raise DataError(
                f"{where}: the confidence interval ({self.lower:g}, {self.upper:g}) does not contain its estimate "
                f"{self.estimate:g}. Were the limits swapped, or a minus sign lost?"
            )
        _check_tolerance(self.half_width, where)
        slack = abs(self.estimate - (self.lower + self.upper) / 2)
        if slack > 4 * self.rounding + 1e-12:
            raise DataError(
                f"{where}: the interval ({self.lower:g}, {self.upper:g}) is not symmetric about {self.estimate:g} "
                f"within its rounding ({self.rounding:g}). Give ratios and their limits on the log scale."
            )

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
    def observed_within(self) -> Tolerance:
        """How closely each limit is observed; its rounding is that of the more finely printed one."""
        return Tolerance(self.rounding / WITHIN, min(self.printed_half_widths) / WITHIN)

    @property
    def z(self) -> float:
        """Normal quantile that turns the standard error into the half-width of the interval."""
        return float(ndtri((1 + self.level) / 2))

    @property
    def se(self) -> float:
        """Standard error that the interval implies."""
        return (self.upper - self.lower) / (2 * self.z)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupTest:
    """Two-sided P value of the difference between studies with `covariate` = 1 and those with 0.

    Parameters
    ----------
    covariate : str
        Column with 0 and 1 for every study.
    p : float
        As printed, in (0, 1].
    direction : int
        Sign of (estimate in group 1 - estimate in group 0): -1 lower, 1 higher.
    digits : int, default 3
        Decimals printed.
    tolerance : float, optional
        Standard deviation, in units of z, within which the recomputed statistic must meet the published one;
        by default the rounding of P. A wider one samples faster, and 0.05 is far below the unit spread of z.
    """

    covariate: str
    p: float
    direction: int
    digits: int = 3
    tolerance: float | None = None

    def __post_init__(self) -> None:
        _check_p(self.p, self.name)
        _check_direction(self.direction, self.name)
        _check_tolerance(self.tolerance, self.name)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return f"subgroup test: {self.covariate}"

    @property
    def z(self) -> float:
        """The z statistic that was published, with its sign."""
        return self.direction * float(-ndtri(self.p / 2))

    @property
    def flat_prior_probability(self) -> float:
        """Probability of the published direction under a flat prior: 1 - P/2."""
        return 1 - self.p / 2

    @property
    def spread(self) -> float:
        """Standard deviation of the observation, in units of z."""
        return self.rounding if self.tolerance is None else self.tolerance

    @property
    def observed_within(self) -> Tolerance:
        """How closely z is observed."""
        return Tolerance(self.spread, self.rounding)

    @property
    def rounding(self) -> float:
        """Standard deviation that the rounding of P leaves to z."""
        half = printed_half_width(self.digits)
        low, high = max(self.p - half, 1e-12), min(self.p + half, 1.0)
        return max(float(ndtri(high / 2) - ndtri(low / 2)) / 4, 1e-4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """The review's I-squared in percent; a printed 0 means that Q does not exceed its degrees of freedom by much.

    Parameters
    ----------
    i2 : float
        Between 0 and 100, as printed.
    digits : int, default 0
        Decimals printed.
    """

    i2: float
    digits: int = 0
    name: ClassVar[str] = "I-squared"  # in results

    def __post_init__(self) -> None:
        if not 0 <= self.i2 < 100:
            raise DataError(f"I-squared must lie in [0, 100) percent; got {self.i2!r}.")

    @property
    def rounding(self) -> float:
        """Half-width of the interval that the printed number stands for, in percent."""
        return printed_half_width(self.digits)

    @property
    def observed_within(self) -> Tolerance:
        """How closely I-squared is observed, in percent."""
        return Tolerance(self.rounding / WITHIN, self.rounding / WITHIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignificantCount:
    """How many of the review's studies were significant on their own.

    Parameters
    ----------
    count : int
        Number of studies with two-sided P below `alpha` in the direction `direction`.
    direction : int
        -1 if they were significantly lower, 1 if higher.
    alpha : float, default 0.05
        Two-sided level.
    width : float, default 0.1
        Softness of the threshold in units of z; a study's chance of counting is logistic((abs(z) - 1.96) / width),
        since a study just at the border may have been counted on either side.
    """

    count: int
    direction: int
    alpha: float = 0.05
    width: float = 0.1
    name: ClassVar[str] = "number of significant studies"  # in results

    def __post_init__(self) -> None:
        _check_p(self.alpha, self.name)
        _check_direction(self.direction, self.name)
        _check_tolerance(self.width, self.name)
        if self.count != int(self.count) or self.count < 0:
            raise DataError(f"{self.name}: count must be a whole number, not negative; got {self.count!r}.")

    @property
    def bound(self) -> float:
        """The border of significance, in units of z."""
        return float(-ndtri(self.alpha / 2))

    @property
    def observed_within(self) -> Tolerance:
        """Softness of the border, in units of z; a count has no rounding."""
        return Tolerance(self.width, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTest:
    """What a study reported of its own test: P below or above a bound, in a direction.

    Parameters
    ----------
    study : str
        Name of the study.
    p : float
        The bound, in (0, 1].
    relation : {"<", ">"}
        ``"<"`` for "P < .0001", ``">"`` for "not significant" (with p = 0.05).
    direction : int, optional
        Sign of the effect, needed with ``"<"``.
    width : float, default 0.1
        Softness of the bound in units of z.
    """

    study: str
    p: float
    relation: str
    direction: int | None = None
    width: float = 0.1

    def __post_init__(self) -> None:
        _check_p(self.p, self.name)
        _check_tolerance(self.width, self.name)
        if self.relation not in ("<", ">"):
            raise DataError(f"{self.name}: relation must be '<' or '>'; got {self.relation!r}.")
        if self.relation == "<":
            _check_direction(0 if self.direction is None else self.direction, self.name)

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return f"P value of {self.study}"

    @property
    def z(self) -> float:
        """Bound on the absolute z statistic."""
        return float(-ndtri(self.p / 2))

    @property
    def observed_within(self) -> Tolerance:
        """Softness of the bound, in units of z; a bound has no rounding."""
        return Tolerance(self.width, None)


Statistic = PooledEstimate | SubgroupTest | Heterogeneity | SignificantCount | StudyTest
