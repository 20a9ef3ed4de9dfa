"""Where the nodes over tau go: a double-exponential rule centred on each lane's own posterior.

On the line v (log tau, or its logistic counterpart on a bounded support) the nodes are v = mode + width * sinh(s) with
s equally spaced. The trapezoid rule in s then converges exponentially in the number of nodes, whether the posterior is
a spike or has tails over a hundred orders of magnitude.

References
----------
Takahasi and Mori (1974), Publ. RIMS 9:721-741, doi:10.2977/prims/1195192451
Stenger (1981), SIAM Review 23:165-224, doi:10.1137/1023037 (sinc interpolation and integration)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesmeta.errors import ImproperPosteriorError
from bayesmeta.quadrature.special import TINY, namespace

Array = Any
LogDensity = Callable[[Array], Array]

# The line ends at tau = exp(-340) and exp(170): beyond it, squares of tau or sums of them could not be represented.
V_MIN, V_MAX = -340.0, 170.0
_FAR = -1e15  # where it ends if a prior has mass below exp(-340), all of which is zero to the data
_NEGLIGIBLE = 27.0  # nodes end where the integrand is exp(-27) of its largest value, 2e-12
_WIDTH = 1.4  # of the map, in standard deviations at the mode: few nodes then reach 1e-8 for most posteriors
# Around the scale of the data the likelihood rises over about two units of v: half a unit sees a mode that it makes there.
_SCAN = np.concatenate([[-14.0, -11.0, -8.5, -6.0], np.arange(-4.5, 4.6, 0.5), [6.0, 9.0, 12.0]])
_NEAR = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])  # spreads around the prior's middle
_ZOOM = np.linspace(0.0, 1.0, 9)[1:-1]  # eighths: the two beside the best are what is left of a bracket
_RESOLVED = 3.0  # the log density's drop to the neighbours of its largest value, below which a parabola is fitted
_STEPS = 12  # points on each side of the mode from which the range is found
_CONVERGES = 1.2  # an integrand that falls like v**-1.2 or faster can be integrated


@dataclass(frozen=True, slots=True)
class Grid:
    """The map from s to v for each lane.

    Attributes
    ----------
    mode, width : array, shape (*lanes, 1, 1)
    first, last : array, shape (*lanes, 1, 1)
        Range of s.
    moments : array of int, shape (*lanes, 1, 1)
        How many moments of tau exist: 0, 1, or 2 for two and more.
    log_lost : array, shape (*lanes, 1, 1)
        Log of twice the integral beyond the ends of the line, if the tails go on as they end.
    needed : array, shape (*lanes, 1, 1)
        How many nodes it takes not to step over a second mode; 0 without one.
    """

    mode: Array
    width: Array
    first: Array
    last: Array
    moments: Array
    log_lost: Array
    needed: Array

    def nodes(self, n: int) -> tuple[Array, Array, Array]:
        """Nodes v, log of dv/ds, and the spacing of s; shapes (*lanes, 1, node) and (*lanes, 1, 1)."""
        xp = namespace(self.mode)
        step = (self.last - self.first) / (n - 1)
        s = self.first + step * xp.arange(n, dtype=self.mode.dtype)
        return self.at(s), self.log_slope(s), step

    def at(self, s: Array) -> Array:
        """V at s."""
        xp = namespace(self.mode)
        return self.mode + self.width * xp.sinh(s)

    def log_slope(self, s: Array) -> Array:
        """Log of dv/ds."""
        xp = namespace(self.mode)
        return xp.log(self.width * xp.cosh(s))

    def inverse(self, v: Array) -> Array:
        """S at v."""
        xp = namespace(self.mode)
        return xp.asinh((v - self.mode) / self.width)


def locate(log_density: LogDensity, centre: Array, middle: Any, spread: Any, *, bounded: bool, improper: bool) -> Grid:
    """Find the mode, the width and the range of a log density on the line, for each lane.

    Parameters
    ----------
    log_density : callable
        From v of shape (*lanes, 1, point) to the log density there.
    centre : array, shape (*lanes, 1, 1)
        A v near the scale of the data.
    middle, spread : float or array
        Roughly where the prior has its mass; nan where unknown.
    bounded : bool
        Whether the support has an upper end: all moments exist then.
    improper : bool
        Whether the prior is improper, so that the posterior may be.

    Raises
    ------
    ImproperPosteriorError
        If the posterior is improper.
    """
    xp = namespace(centre)
    points, values = _scan(xp, log_density, centre, middle, spread)
    mode, width, top = _peak(xp, log_density, points, values)
    for _ in range(3):
        grid = _blank(mode, width)
        sides = _Sides(xp, grid, (V_MIN, V_MAX), log_density)
        higher = xp.max(sides.highest, axis=-2, keepdims=True) > top + 1.0  # a mode that the scan did not see
        if not bool(xp.any(higher)):
            break
        again = _peak(xp, log_density, *sides.around(mode, top))
        mode, width, top = (xp.where(higher, new, old) for new, old in zip(again, (mode, width, top), strict=True))
    falls = sides.tail_slope()
    moments = 2.0 + 0.0 * mode
    if not bounded:
        fall, distance = falls[..., 1:, :], sides.distance[..., 1:, :]
        if improper and bool(xp.any(fall > -_CONVERGES)):
            raise ImproperPosteriorError(_IMPROPER.format("large tau does not vanish"))
        moments = sum(xp.astype(fall + m * distance < -_CONVERGES, mode.dtype) for m in (1, 2))
    if improper and bool(xp.any(falls[..., :1, :] > -_CONVERGES)):
        raise ImproperPosteriorError(_IMPROPER.format("tau near zero is infinite"))
    limit = top + xp.log(width) - _NEGLIGIBLE
    nothing = 0.0 * mode
    reach, beyond = sides.reach(limit, xp.concat([nothing, nothing if bounded else moments], axis=-2))
    rest = sides.log_rest(falls)
    first, last, lost, other_lost = reach[..., :1, :], reach[..., 1:, :], rest[..., :1, :], rest[..., 1:, :]
    far = beyond[..., :1, :]
    if not bounded and not improper and bool(xp.any(far)):
        further = _Sides(xp, grid, (_FAR,), log_density)
        first = xp.where(far, further.reach(limit, nothing)[0], first)
        lost = xp.where(far, further.log_rest(further.tail_slope()), lost)
    grid = Grid(mode, width, first, last, moments, xp.logaddexp(lost, lost if bounded else other_lost), nothing)
    return _with_second_mode(xp, grid, log_density, points, values, limit, nothing if bounded else moments)


def _blank(mode: Array, width: Array) -> Grid:
    """A map without its range."""
    return Grid(mode, width, mode, mode, mode, mode, mode)


def _with_second_mode(
    xp: Any, grid: Grid, log_density: LogDensity, points: Array, values: Array, limit: Array, moments: Array
) -> Grid:
    """The same, reaching over the highest mode beside the first that counts for the mass or for a moment of tau.

    A steep prior far from the scale of the data leaves a mode of its own and one of the likelihood, with a valley between
    them in which all points that `_Sides` looks at may lie.
    """
    inner = values[..., 1:-1]
    peak = (inner > values[..., :-2]) & (inner >= values[..., 2:])
    peak = peak & ~((points[..., :-2] <= grid.mode) & (grid.mode <= points[..., 2:]))  # that is the first mode itself
    if not bool(xp.any(peak)):
        return grid
    height = xp.where(peak, inner, -xp.inf + 0.0 * inner)
    at = xp.argmax(height, axis=-1, keepdims=True)
    bracket = xp.concat([at, at + 1, at + 2], axis=-1)
    mode, width, top = _peak(
        xp, log_density, xp.take_along_axis(points, bracket, axis=-1), xp.take_along_axis(values, bracket, axis=-1)
    )
    gain, second = moments * xp.maximum(mode - grid.mode, 0.0 * mode), _blank(mode, width)
    counts = xp.any(peak, axis=-1, keepdims=True) & (top + gain + xp.log(width) > limit)
    sides = _Sides(xp, second, (V_MIN, V_MAX), log_density)
    reach, _ = sides.reach(limit - gain, xp.concat([0.0 * mode, 0.0 * mode + moments], axis=-2))
    first, last = (grid.inverse(second.at(reach[..., i : i + 1, :])) for i in (0, 1))
    first = xp.where(counts, xp.minimum(first, grid.first), grid.first)
    last = xp.where(counts, xp.maximum(last, grid.last), grid.last)
    apart = grid.width * xp.cosh(grid.inverse(mode)) / (width / _WIDTH)  # of nodes, in its sds, for a unit of s
    needed = xp.where(counts, (last - first) * apart, 0.0 * first)
    return replace(grid, first=first, last=last, needed=needed)


class _Sides:
    """Both sides of the mode, or one, at points from near it to the end of the line; shape (*lanes, side, point)."""

    def __init__(self, xp: Any, grid: Grid, ends: Sequence[float], log_density: LogDensity) -> None:
        self.xp, self.grid, self.log_density = xp, grid, log_density
        end = xp.reshape(xp.asarray(ends, dtype=grid.mode.dtype), (-1, 1))
        self.step = grid.inverse(0.0 * grid.mode + end) / _STEPS
        self.counts = xp.arange(1, _STEPS + 1, dtype=grid.mode.dtype)
        self.s = self.step * self.counts
        self.v = grid.at(self.s)
        self.values = self._at(self.v)
        self.distance = xp.abs(self.v[..., -1:] - grid.mode)

    def _at(self, v: Array) -> Array:
        return self.xp.reshape(self.log_density(self.xp.reshape(v, (*v.shape[:-2], 1, -1))), v.shape)

    @property
    def highest(self) -> Array:
        """Largest log density of each side."""
        return self.xp.max(self.values, axis=-1, keepdims=True)

    def around(self, mode: Array, top: Array) -> tuple[Array, Array]:
        """All points in order, with the mode between the sides, and their log densities."""
        both = []
        for x, middle in ((self.v, mode), (self.values, top)):
            both.append(self.xp.concat([self.xp.flip(x[..., :1, :], axis=-1), middle, x[..., 1:, :]], axis=-1))
        return both[0], both[1]

    def tail_slope(self) -> Array:
        """Slope of the log density outwards at the end of the line, times the distance from the mode to there.

        Below -1 the density can be integrated: it falls faster than 1/v, or than any power.
        """
        xp, last, before = self.xp, self.values[..., -1:], self.values[..., -2:-1]
        gone = ~(last > -xp.inf)  # nothing is left at the end, or no number
        rise = xp.where(gone, 0.0 * self.distance, last) - xp.where(gone, 0.0 * self.distance, before)
        apart = xp.abs(self.v[..., -1:] - self.v[..., -2:-1])
        slope = rise / xp.where(apart > 0, apart, 1.0 + 0.0 * apart)
        slope = xp.where(gone | xp.isnan(slope), -xp.inf, slope * self.distance)
        return xp.where(apart > 0, slope, xp.inf)  # the mode is the end: the density rises up to there

    def log_rest(self, tail_slope: Array) -> Array:
        """Log of twice the integral beyond the end, of a tail that falls like the power of v that it has there."""
        xp, fall = self.xp, -tail_slope - 1.0
        end = (
            self.values[..., -1:]
            + xp.log(xp.maximum(2.0 * self.distance, 1.0 + 0.0 * self.distance))
            - xp.log(xp.maximum(fall, TINY + 0.0 * self.distance))
        )
        return xp.where(xp.isinf(fall) | xp.isnan(end), -xp.inf, end)

    def reach(self, limit: Array, gain: Array) -> tuple[Array, Array]:
        """The s beyond which the integrand, times tau to the power `gain`, stays below `limit`, and where none is.

        The last point above it is found first, then how many of three points within the step after that one are.
        """
        xp = self.xp
        kept = self._kept(self.s, self.values, limit, gain)
        count = xp.max(xp.where(kept, self.counts, 0.0 * self.s), axis=-1, keepdims=True)
        inside = count < _STEPS
        # Of the step after the last point above it: a range is too long by a quarter of a step at the most.
        quarters = xp.asarray([0.25, 0.5, 0.75], dtype=self.step.dtype)
        between = xp.where(inside, self.step * (count + quarters), self.s[..., -1:])
        more = xp.astype(self._kept(between, self._at(self.grid.at(between)), limit, gain), self.step.dtype)
        extra = 0.25 * (1.0 + xp.sum(more, axis=-1, keepdims=True))  # up to the first that is not kept
        return self.step * xp.where(inside, count + extra, count), ~inside

    def _kept(self, s: Array, values: Array, limit: Array, gain: Array) -> Array:
        outwards = self.xp.maximum(self.grid.at(s) - self.grid.mode, 0.0 * s)
        return values + self.grid.log_slope(s) + gain * outwards > limit


def _scan(xp: Any, log_density: LogDensity, centre: Array, middle: Any, spread: Any) -> tuple[Array, Array]:
    """Points around the data's scale and the prior's middle, moved outwards while an end is the highest."""
    points = centre + xp.asarray(_SCAN, dtype=centre.dtype)
    if np.all(np.isfinite(np.asarray(middle))):
        near = xp.asarray(_NEAR, dtype=centre.dtype)
        extra = xp.asarray(middle, dtype=centre.dtype) + near * xp.asarray(spread, dtype=centre.dtype)
        points = xp.concat([points, xp.broadcast_to(extra, (*points.shape[:-1], extra.shape[-1]))], axis=-1)
    points = _on_line(xp, xp.sort(points, axis=-1))
    values = log_density(points)
    for _ in range(40):  # of 0.9 times 26 units or more: twice as far as the line is long
        at = xp.argmax(values, axis=-1, keepdims=True)
        low, high = points[..., :1], points[..., -1:]
        down, up = (at == 0) & (low > V_MIN), (at == points.shape[-1] - 1) & (high < V_MAX)
        if not bool(xp.any(down | up)):
            break
        move = 0.9 * (high - low)  # what overlaps has the end that was highest inside
        moved = _on_line(xp, points + xp.where(down, -move, xp.where(up, move, 0.0 * move)))
        points, values = moved, log_density(moved)
    return points, values


def _on_line(xp: Any, v: Array) -> Array:
    return xp.minimum(xp.maximum(v, V_MIN + 0.0 * v), V_MAX + 0.0 * v)


def _peak(xp: Any, log_density: LogDensity, points: Array, values: Array) -> tuple[Array, Array, Array]:
    """Close in on the highest point until a parabola fits; its vertex, its standard deviation, and the log density."""
    (left, low), (best, top), (right, high) = _around_best(xp, points, values)
    resolved = best != best
    for _ in range(60):  # a quarter of the bracket each: a float has no more digits after 27
        inner = left + (right - left) * xp.asarray(_ZOOM, dtype=best.dtype)
        points = xp.concat([inner, best], axis=-1)
        values = xp.concat([log_density(inner), top], axis=-1)
        order = xp.argsort(points, axis=-1)
        points, values = xp.take_along_axis(points, order, axis=-1), xp.take_along_axis(values, order, axis=-1)
        closer = _around_best(xp, points, values)
        kept = ((left, low), (best, top), (right, high))  # a lane that is done does not move with the others
        (left, low), (best, top), (right, high) = (
            (xp.where(resolved, old[0], new[0]), xp.where(resolved, old[1], new[1]))
            for old, new in zip(kept, closer, strict=True)
        )
        resolved = top - xp.minimum(low, high) < _RESOLVED
        if bool(xp.all(resolved)):
            break
    mode, width = _parabola(xp, left, best, right, low, top, high)
    return mode, width, top


def _around_best(xp: Any, points: Array, values: Array) -> list[tuple[Array, Array]]:
    """The highest point and its neighbours, in order, with their values."""
    at = xp.argmax(values, axis=-1, keepdims=True)
    places = xp.concat([at - 1, at, at + 1], axis=-1)
    places = xp.minimum(xp.maximum(places, 0 * places), 0 * places + points.shape[-1] - 1)
    x, f = xp.take_along_axis(points, places, axis=-1), xp.take_along_axis(values, places, axis=-1)
    return [(x[..., i : i + 1], f[..., i : i + 1]) for i in range(3)]


def _parabola(
    xp: Any, left: Array, best: Array, right: Array, low: Array, top: Array, high: Array
) -> tuple[Array, Array]:
    """Vertex of the parabola through three points, and a width of the map from its standard deviation, at most 1."""
    before, after = xp.maximum(best - left, TINY + 0.0 * best), xp.maximum(right - best, TINY + 0.0 * best)
    rise, fall = (top - low) / before, (high - top) / after
    curvature = xp.maximum(2 * (rise - fall) / (before + after), 1.0 + 0.0 * best)
    move = (rise * after + fall * before) / (before + after) / curvature
    move = xp.minimum(xp.maximum(move, -before), after)
    return _on_line(xp, best + move), _WIDTH * curvature**-0.5


_IMPROPER = (
    "the posterior is improper: under this prior the probability of {}, given these data. "
    "Use a proper prior on tau, such as HalfNormal(scale), or a proper prior on the coefficients."
)
