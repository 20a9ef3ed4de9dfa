"""Intervals of a marginal posterior that has `pdf`, `cdf` and `ppf`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar

from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import is_between, real_array
from bayesmeta.text.numbers import spread_of, write_row
from bayesmeta.text.sheet import ascii_signs

Floats = NDArray[np.float64]
_SCAN = 401  # intervals tried where there are point masses


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


class WithIntervals:
    """What every marginal answers from its quantiles."""

    __slots__ = ()
    name: str

    def median(self: Marginal) -> float:
        """Posterior median."""
        return float(self.ppf(0.5))

    def interval(self: Marginal, prob: float, kind: str) -> tuple[float, float]:
        """Interval with probability `prob`: equal-tailed (``"eti"``) or shortest (``"hdi"``)."""
        return checked_interval(self, prob, kind)

    def __repr__(self) -> str:
        return marginal_line(self, self.name)  # type: ignore[arg-type]


class WithMoments(WithIntervals):
    """What a marginal with known mean and standard deviation, `mean_` and `sd_`, answers in one way."""

    __slots__ = ()
    mean_: float
    sd_: float

    def mean(self) -> float:
        """Posterior mean; inf where it does not exist."""
        return self.mean_

    def sd(self) -> float:
        """Posterior standard deviation; inf where it does not exist."""
        return self.sd_


def marginal_line(marginal: Marginal, name: str) -> str:
    """A marginal in one line: its median, 95% equal-tailed interval, mean and standard deviation."""
    sd, lower, upper = marginal.sd(), *marginal.interval(0.95, "eti")
    spread = sd if 0 < sd < np.inf else spread_of(None, lower, upper)
    median, low, high, mean, deviation = write_row(
        [marginal.median(), lower, upper, marginal.mean(), sd], spread and spread / 10
    )
    of = f" of {name}" if name else ""
    return ascii_signs(f"Posterior{of}: median {median}, 95% interval {low} to {high}, mean {mean}, sd {deviation}")


def named(marginal: Marginal, name: str) -> Marginal:
    """The marginal, which says in its line what it is of."""
    copied = copy.copy(marginal)
    object.__setattr__(copied, "name", name)
    return copied


def checked_levels(q: ArrayLike) -> Floats:
    """Return `q` as an array, or reject what is not a probability."""
    levels = real_array("q", q, SpecificationError, copy=False)
    if not np.all((levels >= 0) & (levels <= 1)):
        raise SpecificationError(f"ppf: q must lie in [0, 1]; got {q!r}.")
    return levels


def checked_probability(prob: float, name: str = "ci_prob") -> float:
    """Return `prob`, or reject what is not an interval's probability."""
    if not is_between(prob, 0, 1):
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


def shortest(
    marginal: Marginal, prob: float, lower: float = -np.inf, atoms: Sequence[float] = ()
) -> tuple[float, float]:
    """Shortest interval with probability `prob` of a density with one mode, or the shortest found with several.

    The ends of the shortest interval have the same density, unless it begins at `lower`, the end of the support, or ends
    at one of `atoms`, the values that have a probability of their own.
    """
    checked_probability(prob, "prob")
    if atoms:
        return _shortest_with_atoms(marginal, prob, atoms)
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


def _shortest_with_atoms(marginal: Marginal, prob: float, atoms: Sequence[float]) -> tuple[float, float]:
    """The shortest interval that begins or ends at a point mass, or lies anywhere: a scan, refined around the best."""

    def interval(p: float) -> tuple[float, float]:
        low, high = marginal.ppf([p, min(p + prob, 1.0)])
        return float(low), float(high)

    def width(p: float) -> float:
        low, high = interval(p)
        return high - low

    outside = 1 - prob
    tails = outside * np.concatenate([[1e-9], np.linspace(0, 1, _SCAN)[1:-1], [1 - 1e-9]])
    widths = np.asarray(marginal.ppf(tails + prob)) - np.asarray(marginal.ppf(tails))
    at = int(np.argmin(widths))
    ends = float(tails[max(at - 1, 0)]), float(tails[min(at + 1, tails.size - 1)])
    best = minimize_scalar(width, bounds=ends, method="bounded", options={"xatol": 1e-10})
    candidates = [interval(float(best.x)), interval(float(tails[at]))]
    for atom in atoms:
        upper = float(marginal.cdf(atom))
        below = float(marginal.cdf(np.nextafter(atom, -np.inf)))
        if below + prob < 1:
            candidates.append((atom, float(marginal.ppf(max(below + prob, np.nextafter(below, 1))))))
        if upper - prob > 0:
            candidates.append((float(marginal.ppf(upper - prob)), atom))
        if upper - below >= prob:
            return float(atom), float(atom)
    return min(candidates, key=lambda ends: ends[1] - ends[0])
