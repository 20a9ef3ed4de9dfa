"""What a family says of the numbers of studies: their density, written once for draws and for a sampler's graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr

from bayesmeta.priors import Normal, Prior
from bayesmeta.spec.design import Design

Array = Any  # of NumPy, with the axes of the draws first, or a variable of a sampler's graph, without any
Floats = NDArray[np.float64]
Variables = dict[str, tuple[tuple[str, ...], Any]]  # by name: dimensions and values
Groups = dict[str, Variables]  # ArviZ's
DRAWS = ("chain", "draw")
BY_STUDY = (*DRAWS, "study")
_LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Latent:
    """What studies have of their own beside their true effects, in the coordinates in which it is sampled.

    Attributes
    ----------
    shape : tuple of int
    prior : Prior
        Of each element.
    start : ndarray, optional
        Where chains begin, for a prior that has no centre.
    stated : bool
        Whether somebody stated the prior; otherwise it is what the coordinate is.
    """

    shape: tuple[int, ...]
    prior: Prior = field(default_factory=lambda: Normal(0.0, 1.0))
    start: Floats | None = None
    stated: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """Where a density is computed: as draws of shape (...), or as variables of a graph, for which (...) is nothing.

    Attributes
    ----------
    top : mapping of str to array, shape (...)
        Parameters at the top level but the coefficients of covariates, and the numbers that the likelihood names.
    beta : array, shape (..., covariate)
    positions : array, shape (..., slot)
        Where each covariate known as a range lies in it, from 0 to 1.
    latent : mapping of str to array, shape (..., *shape of the latent)
    """

    top: Mapping[str, Array]
    beta: Array
    positions: Array
    latent: Mapping[str, Array]


def blocks(at: Point, size: int) -> Iterator[Point]:
    """Draws of shape (...) in their order, at most `size` at a time: what is made of a few stays in the processor's cache."""
    shape = np.shape(at.beta)[:-1]
    n = int(np.prod(shape))
    top = {name: np.reshape(values, n) if np.shape(values) == shape else values for name, values in at.top.items()}
    beta, positions = (np.reshape(values, (n, np.shape(values)[-1])) for values in (at.beta, at.positions))
    latent = {name: np.reshape(values, (n, *np.shape(values)[len(shape) :])) for name, values in at.latent.items()}
    for start in range(0, n, size):
        part = slice(start, start + size)
        yield Point(
            {name: values[part] if np.shape(values) == (n,) else values for name, values in top.items()},
            beta[part],
            positions[part],
            {name: values[part] for name, values in latent.items()},
        )


class Ops(Protocol):
    """What a density may be made of: these functions of NumPy, or those of a sampler's graphs."""

    log: Any
    log1p: Any
    exp: Any
    sqrt: Any
    tanh: Any
    arctanh: Any
    abs: Any
    where: Any
    stack: Any
    concatenate: Any
    logaddexp: Any
    gammaln: Any

    def log_ndtr(self, x: Array, /) -> Array:
        """Log of the standard normal distribution function."""

    def linear(self, X: Floats, beta: Array) -> Array:
        """The product X beta, shape (..., study)."""

    def normal(self, x: Any, mean: Array, sd: Array) -> Array:
        """Log density of a normal distribution, element by element."""

    def multivariate_normal(self, x: Floats, mean: Array, cov: Array) -> Array:
        """Log density of a multivariate normal distribution, shape (...)."""


class NumpyOps:
    """Operations on draws."""

    log, log1p, exp, sqrt, tanh, arctanh, abs = np.log, np.log1p, np.exp, np.sqrt, np.tanh, np.arctanh, np.abs
    where, stack, concatenate, logaddexp = np.where, np.stack, np.concatenate, np.logaddexp
    gammaln = gammaln

    @staticmethod
    def log_ndtr(x: Floats) -> Floats:
        """Log of the standard normal distribution function."""
        return np.asarray(log_ndtr(x))

    @staticmethod
    def linear(X: Floats, beta: Floats) -> Floats:
        """The product X beta, study by study: equal rows of X give equal bits."""
        return np.asarray((X * beta[..., None, :]).sum(axis=-1))

    @staticmethod
    def normal(x: Floats, mean: Floats | float, sd: Floats) -> Floats:
        """Log density of a normal distribution."""
        return np.asarray(-0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * _LOG_2PI)

    @staticmethod
    def multivariate_normal(x: Floats, mean: Floats, cov: Floats) -> Floats:
        """Log density of a multivariate normal distribution."""
        root = np.linalg.cholesky(cov)
        z = np.linalg.solve(root, (x - mean)[..., None])[..., 0]
        log_root = np.log(np.diagonal(root, axis1=-2, axis2=-1))
        return np.asarray(-0.5 * (z**2 + _LOG_2PI).sum(axis=-1) - log_root.sum(axis=-1))


NUMPY = NumpyOps


class Likelihood(ABC):
    """Data and a model's own options made ready for computing; it knows no sampler and no report.

    Attributes
    ----------
    design : Design
    latents : mapping of str to Latent
    numbers : mapping of str to float
        What else the density depends on, and a compiled graph may exchange.
    key : hashable
        What two likelihoods of the same data and design must have in common to share a graph, beside their latents.
    log_constant : float
        Log density of the numbers as they were printed over that of the numbers in `log_density`.
    nearly_normal : bool
        Whether the posterior is close to normal, so that a sampler does well to learn correlations of parameters.
    """

    design: Design
    latents: Mapping[str, Latent] = {}
    numbers: Mapping[str, float] = {}
    key: Hashable = ()
    log_constant: float = 0.0
    nearly_normal: ClassVar[bool] = False

    @abstractmethod
    def log_density(self, at: Point, ops: Ops) -> Array:
        """Terms whose sum is the log density of what was printed given the parameters and latents, shape (..., term)."""

    @abstractmethod
    def pointwise(self, at: Point) -> Floats:
        """Log density of each item given the top level, latents integrated or summed out, shape (..., item)."""

    @abstractmethod
    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """What was integrated out, drawn given the rest, shape (chain, draw): groups of ArviZ without the top level.

        Returns
        -------
        groups : mapping
            ``posterior`` with at least ``theta``, ``log_likelihood``, ``posterior_predictive`` with new numbers for the same
            studies, ``observed_data`` and ``constant_data``; in this order.
        coords : mapping
        """

    def draw_latents(self, at: Point, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws of the latents given the top level, for a posterior that was found without them."""
        if self.latents:
            raise NotImplementedError(f"{type(self).__name__} has no distribution of its latents given the top level")
        return {}

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density as one variable of a sampler's graph, but for `log_constant`."""
        return self.log_density(at, ops).sum()

    def mean(self, at: Point, ops: Ops) -> Array:
        """Means of the true effects, shape (..., study)."""
        fitted = ops.linear(self.design.base[0], at.beta)
        return at.top["mu"][..., None] + fitted if self.design.intercept else fitted
