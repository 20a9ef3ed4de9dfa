"""Profile-likelihood intervals of variances and correlations of random effects, computed when they are looked up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from bayesmeta.pooling.components import Components, Objective, settle
from bayesmeta.pooling.result import Pair

Floats = NDArray[np.float64]
_LEAST = (
    0.015  # of the scale: starts are lifted to this size, for at zero the likelihood is flat, whether highest or not
)
_FAR = 1.5  # times the scale: where the search for the end of a profile starts
_ANGLES = 13
_WHAT = "profile likelihood"


class ProfileIntervals(Mapping[str, Pair]):
    """Intervals by name; each costs its search when it is first looked up."""

    def __init__(self, searches: Mapping[str, Callable[[], Pair]]) -> None:
        self._searches = dict(searches)
        self._computed: dict[str, Pair] = {}

    def __getitem__(self, name: str) -> Pair:
        if name not in self._computed:
            self._computed[name] = self._searches[name]()
        return self._computed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._searches)

    def __len__(self) -> int:
        return len(self._searches)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass
class Held:
    """Highest likelihood with one parameter held at a value, in units of the scale; `rest` is where the search starts."""

    model: Components
    which: int
    rest: Floats = field(repr=False)

    def __call__(self, value: float) -> float:
        """Return the log likelihood."""
        loss = _without(_loss(self.model), self.which, value)
        self.rest, height = settle(loss, [_lifted(self.rest)], _WHAT)
        return -height


@dataclass
class HeldCorrelation:
    """Highest likelihood with the correlation of the first two levels of a triangular term held at a value.

    Then L has the first row (a), the second (s rho, s (1 - rho^2)^(1/2)), and is linear in a, s and its other rows.
    """

    model: Components
    rest: Floats = field(repr=False)

    def __call__(self, value: float) -> float:
        """Return the log likelihood."""
        term = self.model.terms[0]
        second = value * term.basis[1] + math.sqrt(max(0.0, 1 - value**2)) * term.basis[2]
        basis = np.stack([term.basis[0], second, *term.basis[3:]])
        loss = _loss(replace(self.model, terms=(replace(term, basis=basis),)))
        best, height = settle(loss, [_lifted(self.rest)], _WHAT)
        if best[0] * best[1] >= 0:
            self.rest = best
            return -height
        # it went through zero to the correlation -rho: the highest point is where one of the variances is zero
        rest = [np.delete(_lifted(self.rest), i) for i in (0, 1)]
        return max(-settle(_without(loss, i, 0.0), [rest[i]], _WHAT)[1] for i in (0, 1))


@dataclass
class HeldEqualCorrelation:
    """The same for compound symmetry: L is s times a matrix that the correlation gives."""

    model: Components
    rest: Floats = field(repr=False)

    def __call__(self, value: float) -> float:
        """Return the log likelihood."""
        term = self.model.terms[0]
        q = term.basis.shape[-1]
        weights = np.sqrt(np.maximum([1 - value, 1 + (q - 1) * value], 0.0))
        basis = np.tensordot(weights, term.basis, axes=1)[None]
        loss = _loss(replace(self.model, terms=(replace(term, basis=basis),)))
        self.rest, height = settle(loss, [_lifted(self.rest)], _WHAT)
        return -height


@dataclass
class HeldEqualVariance:
    """Highest likelihood over the correlation, with the common standard deviation of compound symmetry held."""

    model: Components

    def __call__(self, value: float) -> float:
        """Return the log likelihood."""
        q = self.model.terms[0].basis.shape[-1]
        loss = _loss(self.model)

        def turned(angle: float) -> float:
            sides = math.sqrt(q / (q - 1)) * math.cos(angle), math.sqrt(q) * math.sin(angle)
            return loss(value * np.array(sides))[0]

        angles = np.linspace(0, math.pi / 2, _ANGLES)
        heights = [turned(angle) for angle in angles]
        best = int(np.argmin(heights))
        ends = angles[max(best - 1, 0)], angles[min(best + 1, _ANGLES - 1)]
        minimum = optimize.minimize_scalar(turned, bounds=ends, method="bounded", options={"xatol": 1e-10})
        return -min(heights[best], float(minimum.fun))


def variance_limits(profile: Callable[[float], float], at: float, floor: float, size: float) -> Pair:
    """Variances at which the profile, a function of the standard deviation over `size`, has fallen to `floor`.

    `at` is the standard deviation, over `size`, where it is highest.
    """

    def excess(value: float) -> float:
        return profile(value) - floor

    lower = 0.0 if at == 0 or excess(0.0) >= 0 else float(optimize.brentq(excess, 0.0, at, xtol=1e-12, rtol=1e-11))
    far = at + _FAR
    while excess(far) >= 0:
        far *= 2
    upper = float(optimize.brentq(excess, at, far, xtol=1e-12, rtol=1e-11))
    return (lower * size) ** 2, (upper * size) ** 2


def correlation_limits(profile: Callable[[float], float], at: float, floor: float, least: float) -> Pair:
    """Correlations at which the profile has fallen to `floor`, or the ends `least` and 1.

    Where a variance is zero, so that `at` is NaN, the likelihood is informative about no correlation.
    """
    if math.isnan(at):
        return least, 1.0

    def limit(end: float) -> float:
        if at == end or profile(end) >= floor:
            return end
        return float(optimize.brentq(lambda value: profile(value) - floor, at, end, xtol=1e-12, rtol=1e-11))

    return limit(least), limit(1.0)


def _loss(model: Components) -> Objective:
    """Return minus the log likelihood, and its derivatives, in units of the scale."""

    def loss(parameters: Floats) -> tuple[float, Floats]:
        value, slope = model.log_likelihood(parameters * model.scale)
        return -value, -slope * model.scale

    return loss


def _without(loss: Objective, which: int, value: float) -> Objective:
    """Hold one parameter at a value."""

    def held(part: Floats) -> tuple[float, Floats]:
        height, slope = loss(np.insert(part, which, value))
        return height, np.delete(slope, which)

    return held


def _lifted(start: Floats) -> Floats:
    return np.where(start < 0, -1.0, 1.0) * np.maximum(np.abs(start), _LEAST)
