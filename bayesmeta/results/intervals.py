"""Intervals of a marginal posterior that has `pdf`, `cdf` and `ppf`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from bayesmeta.errors import SpecificationError

Floats = NDArray[np.float64]


class Marginal(Protocol):
    """What every marginal posterior answers, exact or from draws."""

    def pdf(self, x: ArrayLike) -> Floats:
        """Density."""

    def cdf(self, x: ArrayLike) -> Floats:
        """Distribution function."""

    def ppf(self, q: ArrayLike) -> Floats:
        """Quantile."""

    def hdi(self, prob: float) -> tuple[float, float]:
        """Shortest interval."""

    def interval(self, prob: float, kind: str) -> tuple[float, float]:
        """Equal-tailed or shortest interval."""

    def mean(self) -> float:
        """Mean."""

    def sd(self) -> float:
        """Standard deviation."""

    def median(self) -> float:
        """Median."""

    def mode(self) -> float:
        """Point of highest density."""


def checked_levels(q: ArrayLike) -> Floats:
    """Return `q` as an array, or refuse what is no probability."""
    levels = np.asarray(q, float)
    if not np.all((levels >= 0) & (levels <= 1)):
        raise SpecificationError(f"ppf: q must lie in [0, 1]; got {q!r}.")
    return levels


def checked_probability(prob: float, name: str = "ci_prob") -> float:
    """Return `prob`, or refuse what is no interval's probability."""
    if not 0 < prob < 1:
        raise SpecificationError(f"{name}={prob!r}: must lie between 0 and 1. 95% is 0.95.")
    return prob


def checked_interval(marginal: Marginal, prob: float, kind: str) -> tuple[float, float]:
    """Interval with probability `prob`: equal-tailed (``"eti"``) or shortest (``"hdi"``)."""
    checked_probability(prob)
    if kind == "eti":
        lower, upper = marginal.ppf([(1 - prob) / 2, (1 + prob) / 2])
        return float(lower), float(upper)
    if kind == "hdi":
        return marginal.hdi(prob)
    raise SpecificationError(f"ci_kind={kind!r} is not known; choose 'eti' (equal-tailed) or 'hdi' (shortest).")


def shortest(marginal: Marginal, prob: float, lower: float = -np.inf) -> tuple[float, float]:
    """Shortest interval with probability `prob` of a density with one mode, or the shortest found with several.

    The ends of the shortest interval have the same density, unless it begins at `lower`, the end of the support.
    """
    checked_probability(prob, "prob")
    tails = (1 - prob) * np.concatenate([[1e-9], np.linspace(0, 1, 26)[1:-1], [1 - 1e-9]])
    low, high = np.asarray(marginal.ppf(tails)), np.asarray(marginal.ppf(tails + prob))
    at = int(np.argmin(high - low))

    def difference(p: float) -> float:
        ends = np.asarray(marginal.pdf(marginal.ppf([p, p + prob])))
        return float(ends[0] - ends[1])

    if at == 0 and np.isfinite(lower) and difference(float(tails[0])) >= 0:
        return lower, float(marginal.ppf(prob))
    left, right = float(tails[max(at - 1, 0)]), float(tails[min(at + 1, tails.size - 1)])
    if difference(left) < 0 < difference(right):
        p = brentq(difference, left, right, xtol=1e-14, rtol=1e-13)
        return float(marginal.ppf(p)), float(marginal.ppf(p + prob))
    return float(low[at]), float(high[at])
