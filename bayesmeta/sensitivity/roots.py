"""All places where a function of one variable crosses a level, by a scan and Brent's method."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import brentq, minimize_scalar


def crossings(function: Callable[[float], float], points: Sequence[float], level: float) -> list[float]:
    """Where `function` crosses `level`, in increasing order.

    Between neighbouring points the function is taken to have at most one extremum. Where three points have one in
    the middle that comes nearest to the level without reaching it, the extremum is located, so that a pair of
    crossings between two points is found too.

    Parameters
    ----------
    function : callable
        From a number to a number.
    points : sequence of float
        Increasing; where to look first.
    level : float

    Examples
    --------
    >>> [round(x, 9) for x in crossings(lambda x: x**2, [-2.0, -0.9, 1.0, 2.0], 0.01)]
    [-0.1, 0.1]
    """

    def gap(x: float) -> float:
        return function(x) - level

    x, g = list(points), [gap(point) for point in points]
    for i in range(len(points) - 2, 0, -1):
        sign = np.sign(g[i])
        if g[i - 1] * sign > 0 and g[i + 1] * sign > 0 and abs(g[i]) < min(abs(g[i - 1]), abs(g[i + 1])):
            ends, toward = (x[i - 1], x[i + 1]), float(sign)
            best = minimize_scalar(lambda at, s=toward: s * gap(at), bounds=ends, method="bounded")
            if best.fun < 0:
                where = i if best.x < x[i] else i + 1
                x.insert(where, float(best.x))
                g.insert(where, gap(float(best.x)))
    roots = [at for at, value in zip(x, g, strict=True) if value == 0]
    for low, high, g_low, g_high in zip(x, x[1:], g, g[1:], strict=False):
        if g_low * g_high < 0:
            roots.append(float(brentq(gap, low, high, xtol=1e-13, rtol=1e-14)))
    return sorted(roots)
