"""Many meta-analyses at once: a million simulated ones, a grid of priors, in memory that does not grow with either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import is_jax_array, is_numpy_array, is_torch_array, to_device
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.gaussian import BLOCK, CoefficientPrior, Problem
from bayesmeta.quadrature.integrate import MOST_NODES, NODES, Integrand, Posterior, integrate
from bayesmeta.quadrature.scale_density import scale_density
from bayesmeta.quadrature.special import namespace, normal_cdf

Array = Any
Floats = NDArray[np.float64]
Lanes = NDArray[np.intp]
Summarise = Callable[[Lanes, Integrand, Posterior], Floats]
_ELEMENTS = 800_000  # of the largest temporary array: smaller chunks wait for each other's Python
_ON_DEVICE = 50  # times as large on a GPU, where a call takes as long for few numbers as for many


@dataclass(frozen=True, slots=True)
class Batch:
    """Meta-analyses of equal size, one in each lane.

    Attributes
    ----------
    y, v : array, shape (lane or 1, study)
        Of any array library; one row stands for all lanes.
    columns : tuple of array or None
        Design matrix by column, shape (lane or 1, study); None is a column of ones.
    prior : callable
        From the lanes wanted to the prior on their coefficients, in NumPy arrays.
    tau : Prior or sequence of Prior
        One for all, or one for each lane.
    n_lanes : int
    improper : bool
        Whether the priors on tau are improper.
    """

    y: Array
    v: Array
    columns: tuple[Array | None, ...]
    prior: Callable[[Lanes], CoefficientPrior]
    tau: Prior | Sequence[Prior]
    n_lanes: int
    improper: bool

    def integrand(self, lanes: Lanes) -> Integrand:
        """The problem and the priors of some lanes."""
        xp = namespace(self.y)
        problem = Problem(
            self._chosen(self.y, lanes),
            self._chosen(self.v, lanes),
            tuple(None if c is None else self._chosen(c, lanes) for c in self.columns),
        )
        tau = self.tau if isinstance(self.tau, Prior) else [self.tau[i] for i in lanes]
        prior = self.prior(lanes)
        if xp is not np:
            prior = CoefficientPrior(
                tuple(map(self._convert, prior.mean)),
                tuple(tuple(map(self._convert, row)) for row in prior.precision),
                self._convert(prior.log_norm),
                prior.n_flat,
            )
        return Integrand(problem, prior, scale_density(tau, self._convert), self.improper)

    def _chosen(self, x: Array, lanes: Lanes) -> Array:
        """Rows of some lanes, with the studies first."""
        xp = namespace(x)
        rows = xp.take(x, self._index(lanes if x.shape[0] > 1 else 0 * lanes), axis=0)
        turned = xp.permute_dims(rows, (1, 0))
        return (np.ascontiguousarray(turned) if xp is np else turned)[:, :, None, None]

    def _index(self, lanes: Lanes) -> Array:
        return namespace(self.y).asarray(lanes, device=self.y.device)

    def _convert(self, x: Floats) -> Array:
        return namespace(self.y).asarray(x, device=self.y.device)


def run(
    batch: Batch, tolerance: float, summarise: Summarise, workers: int | None = None
) -> Iterator[tuple[Lanes, Floats]]:
    """Fit all lanes in chunks, and yield the lanes of each with what `summarise` makes of their posterior.

    Lanes whose error bound exceeds the tolerance are fitted again with twice the nodes, until none is left or the
    nodes are 8,192. A lane's result depends on that lane alone, to the last bit.

    Parameters
    ----------
    summarise : callable
        From lanes, their integrand and its posterior to numbers, shape (lane, ...).
    """
    plain = is_numpy_array(batch.y)
    size = max(_ELEMENTS * (1 if plain else _ON_DEVICE) // (min(batch.y.shape[1], BLOCK) * NODES), 1)
    chunks = np.array_split(np.arange(batch.n_lanes), max(-(-batch.n_lanes // size), 1))

    def fit(lanes: Lanes) -> list[tuple[Lanes, Floats]]:
        done_lanes, n = [], NODES
        while lanes.size:
            integrand = batch.integrand(lanes)
            posterior = integrate(integrand, n)
            error, floor = host(posterior.error).ravel(), host(posterior.floor).ravel()
            done = (error < tolerance) | (error <= floor)
            done |= 2 * n > MOST_NODES
            numbers = summarise(lanes, integrand, posterior)
            done_lanes.append((lanes[done], numbers[done]))
            lanes, n = lanes[~done], 2 * n
        return done_lanes

    with ThreadPoolExecutor(workers or os.cpu_count() if plain else 1) as pool:
        for results in pool.map(fit, chunks):
            yield from results


def host(x: Array) -> Floats:
    """A NumPy array of the same numbers."""
    there = is_torch_array(x) or is_jax_array(x)  # perhaps on a GPU
    return np.asarray(to_device(x, "cpu") if there else x)


def marginal_moments(posterior: Posterior, intercept: bool) -> list[tuple[Array, Array, Array, Array]]:
    """Mean, sd, node means and node variances of each coefficient, and of a new study's effect if `intercept`."""
    mass, tau, given = posterior.mass, posterior.tau, posterior.given
    moments = []
    for j in range(len(given.mean) + int(intercept)):
        new = j == len(given.mean)
        m, variance = given.contrast([float(i == (0 if new else j)) for i in range(len(given.mean))])
        variance = variance + tau**2 if new else variance
        centre = _total(mass * m)
        spread = _total(mass * (variance + (m - centre[..., None, None]) ** 2))
        moments.append((centre, spread**0.5, m, variance))
    return moments


def scale_moments(posterior: Posterior) -> tuple[Array, Array]:
    """Mean and sd of tau; inf where they do not exist."""
    xp = namespace(posterior.mass)
    first = _total(posterior.mass * posterior.tau)
    spread = _total(posterior.mass * (posterior.tau - first[..., None, None]) ** 2) ** 0.5
    exist = posterior.grid.moments[..., 0, 0]
    return xp.where(exist >= 1, first, xp.inf), xp.where(exist >= 2, spread, xp.inf)


def below_zero(posterior: Posterior, mean: Array, variance: Array) -> Array:
    """Probability that a normal mixture over the nodes is negative."""
    return _total(posterior.mass * normal_cdf(-mean / variance**0.5))


def _total(x: Array) -> Array:
    xp = namespace(x)
    return xp.sum(xp.sum(x, axis=-1), axis=-1)
