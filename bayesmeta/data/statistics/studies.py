"""What trials reported of their own tests: how many were significant, and bounds on single P values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.special import ndtri

from bayesmeta.data.statistics.rounding import Tolerance, check_direction, check_p, check_tolerance
from bayesmeta.errors import DataError


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
        A study counts where the z of its own test (adjusted, by ranks, of changes) exceeds the border, and that is y / se in
        the direction with logistic noise of this scale: its chance of counting is logistic((z - 1.96) / width).
    """

    count: int
    direction: int
    alpha: float = 0.05
    width: float = 0.1
    name: ClassVar[str] = "number of significant studies"  # in results
    covariate: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_p(self.alpha, self.name)
        check_direction(self.direction, self.name)
        check_tolerance(self.width, self.name)
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
        Scale of the logistic noise by which the z of the study's own test differs from y / se.
    """

    study: str
    p: float
    relation: str
    direction: int | None = None
    width: float = 0.1
    covariate: ClassVar[None] = None

    def __post_init__(self) -> None:
        check_p(self.p, self.name)
        check_tolerance(self.width, self.name)
        if self.relation not in ("<", ">"):
            raise DataError(f"{self.name}: relation must be '<' or '>'; got {self.relation!r}.")
        if self.relation == "<":
            check_direction(0 if self.direction is None else self.direction, self.name)

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
