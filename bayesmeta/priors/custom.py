"""A prior on a scale from any function that gives its log density."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import _standard as std
from bayesmeta.priors._base import Floats, Moments
from bayesmeta.priors._half_line import MomentMethods
from bayesmeta.priors._numeric import LogTable, tabulate

LIMIT = 350.0  # of |log(tau)|: tau from 1e-152 to 1e152
NEGLIGIBLE = 1e-9  # of the mass, beyond the limits
_SEPARATE = 3.0  # how far, on the log scale, a density falls between two peaks that are taken apart


@final
@dataclass(frozen=True, slots=True, repr=False)
class CustomScale(MomentMethods):
    """A prior on `tau` that a function describes.

    A prior is normalised when built, by integrating over tau from 1e-152 to 1e152; a peak of less than a tenth of the
    size of tau may be missed if it is not the highest. Two priors are equal if they hold the same function under the
    same name. It prints as ``CustomScale(name)``, which cannot be read back.

    Parameters
    ----------
    logpdf : callable
        Takes an array of values of tau above zero and returns the natural log of their density, up to a constant,
        in an array of the same shape; -inf where the density is zero.
    name : str
        What it is called in tables and reports.

    Raises
    ------
    SpecificationError
        If `logpdf` returns nan or inf, or another shape, or if its integral is zero or diverges.

    Examples
    --------
    >>> prior = CustomScale(lambda tau: -2 * np.log1p(tau / 0.5), name="DuMouchel with s = 0.5")
    >>> prior
    CustomScale(DuMouchel with s = 0.5)
    >>> prior.ppf([0.25, 0.5]).round(4)
    array([0.1667, 0.5   ])
    """

    function: Callable[[Floats], Floats]
    name: str
    _table: LogTable = field(compare=False)

    def __init__(self, logpdf: Callable[[Floats], Floats], name: str) -> None:
        if not callable(logpdf):
            raise SpecificationError(f"CustomScale: logpdf must be a function of tau; got {logpdf!r}.")
        if not isinstance(name, str) or not name.strip():
            raise SpecificationError(f"CustomScale: name must be a text to call the prior by; got {name!r}.")
        object.__setattr__(self, "function", logpdf)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_table", _integrated(self, np.zeros_like))

    def moments(self) -> Moments:
        """Mean and standard deviation, inf where the integral diverges."""
        mean = self._power_moment(1.0)
        if math.isinf(mean):
            return Moments(mean, mean)
        return Moments(mean, math.sqrt(self._average(lambda u: 2 * np.log(np.abs(np.exp(u) - mean)))))

    def _power_moment(self, k: float) -> float:
        return self._average(lambda u: k * u)

    def _average(self, log_weight: Callable[[Floats], Floats]) -> float:
        """Mean of a function of log(tau), given its log; inf where the integral diverges."""
        try:
            return std.exp(_integrated(self, log_weight).log_total - self._table.log_total)
        except SpecificationError:
            return math.inf

    def _logpdf(self, x: Floats) -> Floats:
        smallest = math.exp(-LIMIT)  # many a formula is nan at zero itself
        return self._checked(np.maximum(x, smallest)) - self._table.log_total

    def _log_density_of_log(self, u: Floats) -> Floats:
        return u + self._checked(np.exp(u)) - self._table.log_total

    def _cdf(self, x: Floats) -> Floats:
        return self._table.cdf(np.log(x))

    def _ppf(self, q: Floats) -> Floats:
        return np.exp(self._table.ppf(q))

    @property
    def valleys(self) -> tuple[float, ...]:
        """Values of tau at which the density of log(tau) is lowest between two peaks, a twentieth of either or less."""
        u = self._table.edges
        u = np.unique(np.concatenate([u, 0.5 * (u[1:] + u[:-1])]))
        density = self._log_density_of_log(u)
        density = np.maximum(density, density.max() - 700.0)
        from scipy.signal import find_peaks

        peaks, _ = find_peaks(density, prominence=_SEPARATE)
        lowest = [left + int(np.argmin(density[left:right])) for left, right in itertools.pairwise(peaks)]
        return tuple(float(tau) for tau in np.exp(u[lowest]))

    def _checked(self, tau: Floats) -> Floats:
        """Values of the function, or the reason why it is rejected."""
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(tau), float)
        if values.shape != np.shape(tau):
            raise SpecificationError(
                f"{self}: logpdf returned shape {values.shape} for tau of shape {np.shape(tau)}; "
                "it must return one value for each."
            )
        if not np.all(values < math.inf):
            bad = np.flatnonzero(~(np.ravel(values) < math.inf))[0]
            raise SpecificationError(
                f"{self}: logpdf returned {np.ravel(values)[bad]} at tau = {np.ravel(tau)[bad]:.3g}; "
                "it must be a number or -inf for every tau above zero."
            )
        return values

    def __str__(self) -> str:
        return f"CustomScale({self.name})"


def _integrated(prior: CustomScale, log_weight: Callable[[Floats], Floats]) -> LogTable:
    """Table of the density of u = log(tau) times a weight."""

    def log_density(u: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return u + log_weight(u) + prior._checked(np.exp(u))

    grid = np.linspace(-LIMIT, LIMIT, int(8 * LIMIT) + 1)
    values = log_density(grid)
    if not np.any(np.isfinite(values)):
        raise SpecificationError(f"{prior}: logpdf is -inf for all tau from 1e-152 to 1e152; a prior needs some mass.")
    peak, highest = _peak(log_density, grid, values)
    near = peak + np.outer([-1.0, 1.0], 2.0 ** -np.arange(1.0, 31.0)).ravel()  # so that no narrow peak is missed
    edges = np.unique(np.concatenate([grid[::4], near, [peak]]))
    table = tabulate(log_density, edges[np.abs(edges) <= LIMIT], highest)
    outside = np.exp(values[[0, -1]] - table.log_total) * LIMIT
    if outside.max() > NEGLIGIBLE:
        end = "zero" if outside[0] > outside[1] else "infinity"
        raise SpecificationError(
            f"{prior}: the integral of the density diverges towards {end}, or too slowly converges to be computed. "
            "Give a density that falls faster than 1/tau there; ImproperUniform and its like have names of their own."
        )
    return table


def _peak(log_density: Callable[[Floats], Floats], grid: Floats, values: Floats) -> tuple[float, float]:
    """Place and value of the largest density, by ever finer grids around the best point."""
    for _ in range(30):
        best = int(np.argmax(values))
        left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        centre, highest = float(grid[best]), float(values[best])
        grid = np.linspace(left, right, 9)
        values = log_density(grid)
        if values.max() < highest:
            break
    return centre, highest
