"""The log likelihood of one coefficient and tau as a polynomial in both, computed once for all priors.

It is a Chebyshev series in z, the distance of the coefficient from where it would lie were all curves normal, in standard
deviations that it would have, and in w = log(1 + (tau / c)^2) / 2, which is smooth at tau = 0 and grows as log(tau). It covers
what the studies say of the coefficient at each tau; what lies beyond is computed from the curves.

References
----------
Trefethen (2013), Approximation Theory and Approximation Practice, ch. 8, doi:10.1137/1.9781611975949
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.study_curves.surface_kernel import at_points, place_at
from bayesmeta.quadrature.study_curves.tables import CurveTables

Floats = NDArray[np.float64]
LogLikelihood = Callable[[Floats, Floats], Floats]  # from coefficients and tau, shape (point,), to the log likelihood
REACH = 9.5  # standard deviations on either side
# c in units of the narrowest curve, and the largest tau in units of what the curves span
_SMALLEST, _LARGEST = 0.5, 2.0
# Nodes of z, and of w for a unit of it: the first that suffice.
_Z, _PER_W = (11, 17, 25, 37, 55, 81, 121, 180), (5, 7, 10, 14, 20, 28)
# Steps of w in which the likelihood is looked for, and log of what is left out below its top.
_LOOK, _NEGLIGIBLE = 24, 45.0
_PROBES = np.array([0.02, 0.35, 0.7])  # of the length of the other axis, where nodes are tried
_FIT, _ROUNDING = 1e-9, 16 * 2.0**-52  # last coefficients of a series that fits, and of its size in units of rounding
_ENOUGH, _SLOW = 3e-9, 4.0  # last coefficients that a surface may have, and how many times them all further ones may be


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A log likelihood of one coefficient and tau.

    Attributes
    ----------
    series : ndarray, shape (w, z)
        Chebyshev coefficients of the log likelihood less `top`.
    top : float
    c, low, high : float
        Unit of tau, and the ends of w.
    slope, gap, scale : ndarray, shape (study,)
        How much of the coefficient a study's effect has, where its curve lies less what else the effect has, and its width.
    error : float
        What the series leaves open: the sum of its last coefficients.
    """

    series: Floats
    top: float
    c: float
    low: float
    high: float
    slope: Floats
    gap: Floats
    scale: Floats
    error: float

    def __call__(self, beta: Floats, tau: Floats) -> Floats:
        """Log likelihood at points, shape (point,), those of one tau together; nan where the surface does not reach."""
        return np.asarray(
            at_points(
                beta, tau, self.series, self.top, self.c, self.low, self.high, self.slope, self.gap, self.scale, REACH
            )
        )


def around(tau: Floats, slope: Floats, gap: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Where a coefficient would lie at each tau, were all curves normal, and its standard deviation."""
    middle, sd = np.array([place_at(float(one), slope, gap, scale) for one in tau]).T
    return middle, sd


def surface(tables: CurveTables, slope: Floats, offset: Floats, log_likelihood: LogLikelihood) -> Surface | None:
    """The surface of a coefficient, or None where no polynomial of a reasonable degree follows it.

    Parameters
    ----------
    tables : CurveTables
    slope, offset : ndarray, shape (study,)
        Each study's mean effect is offset + slope times the coefficient.
    log_likelihood : callable
    """
    if not slope.any():
        return None
    gap, scale = tables.centre - offset, tables.scale
    c = _SMALLEST * float(scale.min())

    def values(w: Floats, z: Floats) -> Floats:
        tau = c * np.sqrt(np.expm1(2 * w))
        centre, sd = around(tau, slope, gap, scale)
        beta = centre[:, None] + sd[:, None] * z
        return log_likelihood(beta.ravel(), np.repeat(tau, z.size)).reshape(beta.shape)

    low, high = _range(
        lambda w: values(w, np.zeros(1))[:, 0],
        math.log1p((_LARGEST * float(np.ptp(tables.centre) + scale.max()) / c) ** 2) / 2,
    )

    def z(at: int) -> Floats:
        return REACH * _nodes(_Z[at])

    def w(at: int) -> Floats:
        return low + (high - low) * (1 + _nodes(math.ceil(_PER_W[at] * (high - low)) + 8)) / 2

    of_z = _first(len(_Z), lambda at: values(low + (high - low) * _PROBES, z(at)).T)
    of_w = _first(len(_PER_W), lambda at: values(w(at), REACH * (_PROBES - _PROBES[1])))
    while of_z < len(_Z) and of_w < len(_PER_W):
        found = values(w(of_w), z(of_z))
        top = float(found.max())
        series = _series(_series(found - top).T).T
        by_w, by_z, rounding = _last(series), _last(series.T), _ROUNDING * abs(top)
        if max(by_w, by_z) < _ENOUGH + rounding:
            return Surface(series, top, c, low, high, slope, gap, scale, _SLOW * (by_w + by_z) + rounding)
        of_w, of_z = of_w + (by_w >= _ENOUGH + rounding), of_z + (by_z >= _ENOUGH + rounding)
    return None


def _first(count: int, values: Callable[[int], Floats]) -> int:
    """The first of so many numbers of nodes that suffices for values along the first axis."""
    return next((at for at in range(count) if _fits(values(at))), count)


def _range(height: Callable[[Floats], Floats], longest: float) -> tuple[float, float]:
    """Where on [0, longest] a log likelihood is not negligible, as seen in steps."""
    w = np.linspace(0, longest, _LOOK)
    found = height(w)
    there = np.flatnonzero(found > found.max() - _NEGLIGIBLE)
    return float(w[max(there[0] - 1, 0)]), float(w[min(there[-1] + 1, _LOOK - 1)])


def _nodes(n: int) -> Floats:
    """Chebyshev nodes on [-1, 1]."""
    return np.cos(np.pi * (np.arange(n) + 0.5) / n)


def _series(values: Floats) -> Floats:
    """Chebyshev coefficients along the first axis, from values at the nodes."""
    n = len(values)
    found = 2 / n * np.cos(np.pi * np.outer(np.arange(n), np.arange(n) + 0.5) / n) @ values
    found[0] /= 2
    return np.asarray(found)


def _fits(values: Floats) -> bool:
    """Whether a polynomial through the nodes of the first axis follows the values, as far as these have digits."""
    top = float(values.max())
    return _last(_series(values - top)) < max(_FIT, _ROUNDING * abs(top))


def _last(series: Floats) -> float:
    """Sum of the last coefficients along the first axis, in which they are largest."""
    return float(np.abs(series[-2:]).sum(axis=0).max())
