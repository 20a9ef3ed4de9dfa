"""One number that somebody printed of all the studies, beside draws of the same number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECOMPUTED = "published_recomputed"  # the group; not ArviZ's posterior_predictive, whose values are replicates


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed number and the draws of the same number.

    Attributes
    ----------
    name : str
    statistic : statistic
        That it belongs to.
    printed : float
        On the scale of the analysis; of a P value the z statistic, of a bound the bound on z.
    draws : ndarray
        The number recomputed; for a bound, z in its direction, or its absolute value.
    lower, upper : float
        Where the mean of the draws must lie; infinite both where it need not come back.
    """

    name: str
    statistic: Any
    printed: float
    draws: NDArray[np.float64]
    lower: float
    upper: float

    @property
    def mean(self) -> float:
        """Mean of the draws."""
        return float(self.draws.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95% equal-tailed interval of the draws."""
        lower, upper = np.quantile(self.draws, [0.025, 0.975])
        return float(lower), float(upper)

    @property
    def bounded(self) -> bool:
        """Whether it must come back."""
        return math.isfinite(self.lower) or math.isfinite(self.upper)

    @property
    def met(self) -> bool:
        """Whether the mean lies where it must."""
        return bool(self.lower <= self.mean <= self.upper)
