"""Many meta-analyses at once: a million simulated ones, a grid of priors, in memory that does not grow with either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.inference.quadrature.gaussian import CoefficientPrior, Problem
from bayesmeta.inference.quadrature.integrate import NODES, Integrand, Posterior, integrate
from bayesmeta.inference.quadrature.scale_density import scale_density
from bayesmeta.inference.quadrature.special import normal_cdf
from bayesmeta.priors import Prior

Array = Any
Floats = NDArray[np.float64]
_ELEMENTS = 400_000  # of the largest temporary array: it stays in the processor's cache
_MOST_NODES = 8192


@dataclass(frozen=True, slots=True)
class Batch:
    """Meta-analyses of equal size, one in each lane.

    Attributes
    ----------
    y, v : ndarray, shape (lane, study), or (1, study) for the same data in all
    columns : tuple of ndarray or None
        Design matrix by column, shape (lane or 1, study); None is a column of ones.
    prior : callable
        From the lanes wanted to the prior on their coefficients.
    tau : Prior or sequence of Prior
        One for all, or one for each lane.
    n_lanes : int
    """

    y: Floats
    v: Floats
    columns: tuple[Floats | None, ...]
    prior: Callable[[NDArray[np.intp]], CoefficientPrior]
    tau: Prior | Sequence[Prior]
    n_lanes: int
    improper: bool

    def integrand(self, lanes: NDArray[np.intp], convert: Callable[[Floats], Array]) -> Integrand:
        """The problem and the priors of some lanes, in the array library that `convert` leads to."""

        def chosen(x: Floats) -> Array:
            rows = x if x.shape[0] == 1 else x[lanes]
            return convert(np.ascontiguousarray(rows.T)[:, :, None, None])

        problem = Problem(chosen(self.y), chosen(self.v), tuple(None if c is None else chosen(c) for c in self.columns))
        tau = self.tau if isinstance(self.tau, Prior) else [self.tau[i] for i in lanes]
        return Integrand(problem, self.prior(lanes), scale_density(tau, convert), self.improper)


@dataclass(frozen=True, slots=True)
class LaneSummary:
    """Results of some lanes; parameters are the coefficients, then tau, then a new study's effect.

    Attributes
    ----------
    mean, sd, negative : ndarray, shape (lane, parameter)
        Posterior mean, standard deviation, and probability below zero.
    log_evidence, error : ndarray, shape (lane,)
    """

    mean: Floats
    sd: Floats
    negative: Floats
    log_evidence: Floats
    error: Floats


Summarise = Callable[[Posterior], Any]


def run(
    batch: Batch,
    tolerance: float,
    summarise: Summarise,
    *,
    convert: Callable[[Floats], Array] = np.asarray,
    workers: int | None = None,
) -> Iterator[tuple[NDArray[np.intp], Any]]:
    """Fit all lanes in chunks, and yield the lanes of each with what `summarise` makes of their posterior.

    Lanes whose error bound exceeds the tolerance are fitted again with twice the nodes, until none is left or the
    nodes are 8,192. A lane's result depends on that lane alone, to the last bit.
    """
    size = max(_ELEMENTS // (min(batch.y.shape[1], 64) * NODES), 1)
    chunks = np.array_split(np.arange(batch.n_lanes), max(-(-batch.n_lanes // size), 1))

    def fit(lanes: NDArray[np.intp]) -> list[tuple[NDArray[np.intp], Any]]:
        found, n = [], NODES
        while lanes.size:
            posterior = integrate(batch.integrand(lanes, convert), n)
            error, floor = np.asarray(posterior.error).ravel(), np.asarray(posterior.floor).ravel()
            done = (error < tolerance) | (error <= floor)
            done |= 2 * n > _MOST_NODES
            found.append((lanes, done, summarise(posterior)))
            lanes, n = lanes[~done], 2 * n
        return [(at[done], keep(summary, done)) for at, done, summary in found]

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for results in pool.map(fit, chunks):
            yield from results


def keep(summary: LaneSummary, rows: NDArray[np.bool_]) -> LaneSummary:
    """Some lanes of a summary."""
    return LaneSummary(
        summary.mean[rows], summary.sd[rows], summary.negative[rows], summary.log_evidence[rows], summary.error[rows]
    )


def moments_and_signs(posterior: Posterior, intercept: bool) -> LaneSummary:
    """Mean, standard deviation and probability below zero of each coefficient, tau, and a new study's effect."""
    mass, tau, given = posterior.mass, posterior.tau, posterior.given

    def both(x: Array) -> Array:
        return x.sum(axis=-1).sum(axis=-1)

    mean, sd, negative = [], [], []
    for j in range(len(given.mean) + int(intercept)):
        at = 0 if j == len(given.mean) else j
        m, variance = given.contrast([float(i == at) for i in range(len(given.mean))])
        variance = variance if j < len(given.mean) else variance + tau**2
        centre = both(mass * m)
        mean.append(centre)
        sd.append(both(mass * (variance + (m - centre[:, None, None]) ** 2)) ** 0.5)
        negative.append(both(mass * normal_cdf(-m / variance**0.5)))
    first = both(mass * tau)
    place = len(given.mean)
    mean.insert(place, first)
    sd.insert(place, both(mass * (tau - first[:, None, None]) ** 2) ** 0.5)
    negative.insert(place, 0.0 * first)
    stacked = [np.stack([np.asarray(x) for x in values], axis=-1) for values in (mean, sd, negative)]
    return LaneSummary(
        stacked[0],
        stacked[1],
        stacked[2],
        np.asarray(posterior.log_evidence).ravel(),
        np.asarray(posterior.error).ravel(),
    )
