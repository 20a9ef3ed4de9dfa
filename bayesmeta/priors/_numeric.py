"""Distributions known only by the log density of u = log(tau): integrated once, then read from polynomials.

The density is replaced by its Legendre interpolant of degree 15 on panels of u, so distribution function and
quantiles cost no further call, however expensive the density is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from bayesmeta.priors._base import Floats

Index = NDArray[np.intp]
LogDensity = Callable[[Floats], Floats]

DEGREE = 15
HALVINGS = 50  # of a panel of width 1: down to the spacing of floats, where a jump has no mass left


@dataclass(frozen=True, slots=True, eq=False)
class LogTable:
    """Distribution of u on the range that the panels cover.

    Attributes
    ----------
    edges : ndarray, shape (panel + 1,)
        Ends of the panels, increasing.
    density, integral : ndarray, shape (panel, coefficient)
        Legendre coefficients of the density and of the mass since the left end, in the panel's own [-1, 1].
    below, above : ndarray, shape (panel + 1,)
        Mass to the left and to the right of each edge; each keeps the digits of its own tail.
    log_total : float
        Log of the integral of the density that was given; what is in the table is divided by it.
    """

    edges: Floats
    density: Floats
    integral: Floats
    below: Floats
    above: Floats
    log_total: float

    def cdf(self, u: Floats) -> Floats:
        """Mass to the left of `u`."""
        panel, s = self._place(u)
        return np.clip(self.below[panel] + _series(self.integral[panel], s), 0.0, 1.0)

    def ppf(self, q: Floats) -> Floats:
        """Value of u with mass `q`, between 0 and 1, to its left: Newton's steps, kept within the panel."""
        last = len(self.edges) - 2
        low = q < 0.5
        wanted = np.where(low, q, 1 - q)
        from_left = np.searchsorted(self.below, wanted, side="right") - 1
        from_right = last + 1 - np.searchsorted(self.above[::-1], wanted, side="left")
        panel = np.clip(np.where(low, from_left, from_right), 0, last)
        mass = np.where(low, wanted - self.below[panel], self.above[panel] - wanted)  # between the left end and u
        left, right = np.full_like(mass, -1.0), np.ones_like(mass)
        s = np.zeros_like(mass)
        with np.errstate(all="ignore"):
            for _ in range(100):
                gap = _series(self.integral[panel], s) - mass
                left, right = np.where(gap < 0, s, left), np.where(gap > 0, s, right)
                newton = s - gap / (_series(self.density[panel], s) * self._half_width(panel))
                moved = np.where((newton > left) & (newton < right), newton, (left + right) / 2)
                moved = np.where(gap == 0, s, moved)
                if np.all(np.abs(moved - s) <= 4e-16):
                    break
                s = moved
        return np.asarray(self.edges[panel] + (s + 1) * self._half_width(panel))

    def _half_width(self, panel: Index) -> Floats:
        return (self.edges[panel + 1] - self.edges[panel]) / 2

    def _place(self, u: Floats) -> tuple[Index, Floats]:
        """Panel of each value, and where it lies in the panel's own [-1, 1]."""
        inside = np.clip(u, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, len(self.edges) - 2)
        return panel, (inside - self.edges[panel]) / self._half_width(panel) - 1


def tabulate(log_density: LogDensity, edges: Floats, highest: float) -> LogTable:
    """Integrate a density of u over panels, which are halved until a polynomial of degree 15 follows it.

    Parameters
    ----------
    log_density : callable
        Log density of u, up to a constant.
    edges : ndarray
        Ends of the first panels.
    highest : float
        Largest value of `log_density`, roughly: it is subtracted before taking exponentials.
    """
    nodes, transform, integrate = _rule()
    left, right = edges[:-1], edges[1:]
    starts, densities, resolved_mass = [], [], 0.0
    for halving in range(HALVINGS + 1):
        half = (right - left)[:, None] / 2
        density = np.exp(log_density(left[:, None] + (nodes + 1) * half) - highest) @ transform
        mass = 2 * half[:, 0] * density[:, 0]
        rough = np.abs(density[:, -2:]).sum(axis=1) * half[:, 0] > 1e-14 * (resolved_mass + mass.sum())
        rough &= halving < HALVINGS
        starts.append(left[~rough])
        densities.append(density[~rough])
        resolved_mass += float(mass[~rough].sum())
        middle = (left + right)[rough] / 2
        left, right = np.concatenate([left[rough], middle]), np.concatenate([middle, right[rough]])
        if not left.size:
            break
    order = np.argsort(np.concatenate(starts))
    ends = np.append(np.concatenate(starts)[order], edges[-1])
    density = np.concatenate(densities)[order]
    integral = density @ integrate * np.diff(ends)[:, None] / 2
    mass = density[:, 0] * np.diff(ends)
    total = math.fsum(mass)
    below = np.append(0.0, np.cumsum(mass)) / total
    above = np.append(np.cumsum(mass[::-1])[::-1], 0.0) / total
    return LogTable(ends, density / total, integral / total, below, above, math.log(total) + highest)


@functools.cache
def _rule() -> tuple[Floats, Floats, Floats]:
    """Gauss-Legendre nodes; the matrix from values at them to Legendre coefficients; from these to their integral's."""
    nodes, weights = legendre.leggauss(DEGREE + 1)
    powers = np.arange(DEGREE + 1)
    transform = (legendre.legvander(nodes, DEGREE) * weights[:, None]) * (powers + 0.5)
    return np.asarray(nodes), np.asarray(transform), np.asarray(legendre.legint(np.eye(DEGREE + 1), lbnd=-1, axis=1))


def _series(coefficients: Floats, s: Floats) -> Floats:
    """Legendre series at `s`, one for each."""
    return np.asarray(legendre.legval(s, np.moveaxis(coefficients, -1, 0), tensor=False))
