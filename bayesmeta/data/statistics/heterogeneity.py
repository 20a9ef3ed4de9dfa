"""Printed heterogeneity: I-squared, tau-squared or Cochran's Q."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from bayesmeta.data.statistics.pools import Method, group_name
from bayesmeta.data.statistics.rounding import (
    METHODS,
    WITHIN,
    Tolerance,
    check_tolerance,
    printed_half_width,
)
from bayesmeta.errors import DataError, require_choice

_NAMES = {"i2": "I-squared", "tau2": "tau-squared", "q": "Cochran's Q"}
_DIGITS = {"i2": 0, "tau2": 2, "q": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """The heterogeneity that a review printed, of all its studies or of one subgroup: one of three numbers.

    Parameters
    ----------
    i2 : float, optional
        I-squared in percent, (Q - df) / Q, between 0 and 100. A printed 0 means that Q does not exceed its degrees of freedom
        by much.
    tau2 : float, optional
        Between-study variance, on the scale of the analysis.
    q : float, optional
        Cochran's Q.
    digits : int, optional
        Decimals printed; by default 0 of I-squared and 2 of the others.
    half_width : float, optional
        Half-width of what is left open; by default what rounding leaves open.
    covariate, group
        As of `PooledEstimate`.
    method : {"dl", "pm", "reml"}, default "dl"
        How tau^2 was estimated; Q and I-squared do not depend on it.
    """

    i2: float | None = None
    tau2: float | None = None
    q: float | None = None
    digits: int | None = None
    half_width: float | None = None
    covariate: str | None = None
    group: float = 1.0
    method: Method = "dl"
    covariate_is: ClassVar[str] = "one group"

    def __post_init__(self) -> None:
        given = [name for name in _NAMES if getattr(self, name) is not None]
        if len(given) != 1:
            raise DataError(f"heterogeneity: give one of i2, tau2 and q; got {', '.join(given) or 'none'}.")
        if self.kind == "i2" and not 0 <= self.value < 100:
            raise DataError(f"I-squared must lie in [0, 100) percent; got {self.i2!r}.")
        if not (math.isfinite(self.value) and self.value >= 0):
            raise DataError(f"{self.name} must be a number, not negative; got {self.value!r}.")
        check_tolerance(self.half_width, self.name)
        require_choice("method", self.method, tuple(one for one in METHODS if one != "fe"), f"{self.name}: ", DataError)

    @property
    def kind(self) -> str:
        """Which of the numbers was printed."""
        return next(name for name in _NAMES if getattr(self, name) is not None)

    @property
    def value(self) -> float:
        """The number that was printed."""
        return float(getattr(self, self.kind))

    @property
    def name(self) -> str:
        """Label of this statistic in results."""
        return group_name(_NAMES[self.kind], self.covariate, self.group)

    @property
    def rounding(self) -> float:
        """Half-width of the interval that the printed number stands for."""
        return self._printed_half_width if self.half_width is None else self.half_width

    @property
    def _printed_half_width(self) -> float:
        return printed_half_width(_DIGITS[self.kind] if self.digits is None else self.digits)

    @property
    def spread(self) -> float:
        """Standard deviation of the observation."""
        return self.rounding / WITHIN

    @property
    def observed_within(self) -> Tolerance:
        """How closely the number is observed."""
        return Tolerance(self.spread, self._printed_half_width / WITHIN)
