"""Where along a family of priors the probability of a claim crosses a level."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.diagnostics.sensitivity import Reweighted
from bayesmeta.errors import SpecificationError
from bayesmeta.sensitivity.roots import crossings


@dataclass(frozen=True, slots=True)
class Crossing:
    """Scales at which a probability crosses a level, within the range of scales that was searched.

    Attributes
    ----------
    level : float
    at : tuple of float
        Increasing.
    scales : tuple of float
        Lowest and highest scale whose probability could be trusted, and everything between.
    probabilities : tuple of float
        At these two ends.
    extremes : tuple of float
        Lowest and highest probability at the scales looked at.
    """

    level: float
    at: tuple[float, ...]
    scales: tuple[float, float]
    probabilities: tuple[float, float]
    extremes: tuple[float, float]

    @property
    def always(self) -> bool:
        """Whether the probability stays at or above the level everywhere."""
        return not self.at and self.probabilities[0] >= self.level

    @property
    def never(self) -> bool:
        """Whether it stays below the level everywhere."""
        return not self.at and self.probabilities[0] < self.level


def crossing(probability: Callable[[float], Reweighted], scales: ArrayLike, level: float) -> Crossing:
    """Follow a probability over positive scales, and solve for every place where it crosses `level`.

    Parameters
    ----------
    probability : callable
        From a scale to the probability under the prior with that scale, smooth in it.
    scales : array_like of float, shape (point,)
        Increasing; between neighbours the probability is taken to have one extremum at the most.
    level : float
        Between 0 and 1.

    Raises
    ------
    SpecificationError
        If the level is no probability, or at none of the scales the probability can be trusted.

    Examples
    --------
    >>> found = crossing(lambda s: Reweighted(s / (1 + s), 0.0, 0.0), [0.1, 1.0, 10.0], level=0.8)
    >>> round(found.at[0], 6), found.always
    (4.0, False)
    """
    if not 0 < level < 1:
        raise SpecificationError(f"level={level!r}: must lie between 0 and 1.")
    points, known = np.asarray(scales, float), functools.cache(probability)
    values = [known(float(s)) for s in points]
    first, last = _longest_run([one.trusted for one in values])
    if last <= first:
        raise SpecificationError(
            f"under no prior with a scale from {points[0]:.3g} to {points[-1]:.3g} can the draws be reweighted; "
            "fit a model with a wider prior."
        )
    p = [one.probability for one in values[first:last]]
    roots = crossings(lambda u: known(math.exp(u)).probability, np.log(points[first:last]).tolist(), level)
    ends = (float(points[first]), float(points[last - 1]))
    return Crossing(level, tuple(map(math.exp, roots)), ends, (p[0], p[-1]), (min(p), max(p)))


def _longest_run(kept: Sequence[bool]) -> tuple[int, int]:
    """First and one past the last index of the longest run of True."""
    best, start = (0, 0), None
    for i, good in enumerate([*kept, False]):
        if good and start is None:
            start = i
        elif not good and start is not None:
            best, start = max(best, (start, i), key=lambda run: run[1] - run[0]), None
    return best
