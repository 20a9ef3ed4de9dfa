"""How estimates may be biased: not at all, in proportion to a covariate, or by selection of P values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesmeta.priors import Prior
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.selection.steps import Steps

Floats = NDArray[np.float64]
Box = tuple[tuple[float, float], ...]
_POWER = 4  # of a weight's coordinate: the likelihood is nearly singular where a weight is 0
_TOGETHER = 6  # probabilities, each of 1e-45 or more, that are multiplied before a logarithm is taken
_CHUNK = 300_000  # numbers in an array that stays in the cache
_BEYOND = 1e-13  # mass of an unbounded prior on a weight that its range leaves out
_DEPTH = 74.0  # twice the log of the fall beyond which a density is negligible
# Nodes of one, two and three or more weights, and of a coefficient; the first level is a scan.
_WEIGHTS = {1: (16, 20, 28, 40, 56, 80), 2: (8, 14, 19, 26, 36, 50), 3: (6, 11, 15, 20, 26, 34)}
_COEFFICIENT = (16, 24, 34, 48, 68, 96)
FINEST = len(_COEFFICIENT) - 1


class Bias(Protocol):
    """What a model says of bias."""

    @property
    def y(self) -> Floats:
        """Effects."""

    @property
    def se(self) -> Floats:
        """Their standard errors."""

    @property
    def dimension(self) -> int:
        """Number of coordinates between 0 and 1 that a box bounds."""

    def log_likelihood(self, mu: Floats, tau: Floats, box: Box, level: int) -> Floats:
        """Of all studies, with the parameters of bias integrated out, shape (point,)."""


@lru_cache(maxsize=64)
def legendre(n: int) -> tuple[Floats, Floats]:
    """Nodes and weights of the Gauss-Legendre rule on [-1, 1]."""
    return np.polynomial.legendre.leggauss(n)


def _normal(bias: Bias, mu: Floats, tau: Floats) -> Floats:
    """Log density of all estimates without bias, shape (point,)."""
    v = bias.se**2 + tau[:, None] ** 2
    return np.asarray(-0.5 * (np.log(2 * np.pi * v) + (bias.y - mu[:, None]) ** 2 / v).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Unbiased:
    """y_i ~ N(mu, se_i^2 + tau^2)."""

    y: Floats
    se: Floats
    dimension: int = 0

    def log_likelihood(self, mu: Floats, tau: Floats, box: Box, level: int) -> Floats:
        """The normal density."""
        return _normal(self, mu, tau)


@dataclass(frozen=True, eq=False)
class Trend:
    """y_i ~ N(mu + b x_i, se_i^2 + tau^2): b has a prior, and x is the standard error (PET) or its square (PEESE)."""

    y: Floats
    se: Floats
    x: Floats
    prior: Prior
    dimension: int = 0

    def log_likelihood(self, mu: Floats, tau: Floats, box: Box, level: int) -> Floats:
        """The sum over the coefficient, whose likelihood is a normal density at each point."""
        return np.asarray(logsumexp(self.on_nodes(mu, tau, level)[1], axis=1))

    def on_nodes(self, mu: Floats, tau: Floats, level: int) -> tuple[Floats, Floats]:
        """Nodes of the coefficient, and the logs of likelihood times prior times weight, shape (point, node)."""
        v = self.se**2 + tau[:, None] ** 2
        precision = (self.x**2 / v).sum(axis=1)
        centre, sd = (self.x * (self.y - mu[:, None]) / v).sum(axis=1) / precision, precision**-0.5
        lower, upper = self.prior.support
        reach = np.hypot(np.clip(centre, lower, upper) - centre, math.sqrt(_DEPTH) * sd)
        low, high = np.maximum(centre - reach, lower), np.minimum(centre + reach, upper)
        z, w = legendre(_COEFFICIENT[level])
        b = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * z
        fall = -0.5 * ((b - centre[:, None]) ** 2 - centre[:, None] ** 2) * precision[:, None]
        log_weight = np.log(w) + np.log((high - low) / 2)[:, None]
        return b, _normal(self, mu, tau)[:, None] + fall + log_weight + self.prior.logpdf(b)


@dataclass(frozen=True, eq=False)
class Selection:
    """Estimates are N(mu, se_i^2 + tau^2), and seen with a weight that depends on the interval of their P value.

    The first interval has weight 1. The other weights are free, each with a prior on [0, inf), or ordered, 1 > w_2 > w_3 > ...,
    and then uniform on all that are: the cumulative Dirichlet(1, ..., 1) distribution. A weight with a point mass is fixed.
    """

    y: Floats
    se: Floats
    steps: Steps
    priors: tuple[Prior, ...] | None = None

    @property
    def dimension(self) -> int:
        """Weights that are not fixed."""
        return len(self.steps.cuts) if self.priors is None else sum(p.atom is None for p in self.priors)

    def log_likelihood(self, mu: Floats, tau: Floats, box: Box, level: int) -> Floats:
        """The sum over the weights."""
        u, log_weight = self.rule(box, level)
        step, found = max(_CHUNK // len(u), 1), np.empty(mu.size)
        for start in range(0, mu.size, step):
            part = slice(start, start + step)
            found[part] = logsumexp(self.given(mu[part], tau[part], self.values(u)) + log_weight, axis=1)
        return found

    def rule(self, box: Box, level: int) -> tuple[Floats, Floats]:
        """Coordinates in a box, shape (node, coordinate), the last running fastest, and the logs of weight times prior."""
        z, w = legendre(_WEIGHTS[min(max(len(box), 1), 3)][level])
        axes = [low + (high - low) * (z + 1) / 2 for low, high in box]
        log_widths = [np.log(w * (high - low) / 2) for low, high in box]
        u = np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=1) if box else np.empty((1, 0))
        log_weight = sum((x.ravel() for x in np.meshgrid(*log_widths, indexing="ij")), np.zeros(len(u)))
        return u, log_weight + self._log_prior(u)

    def values(self, u: Floats) -> Floats:
        """Weights of all intervals but the first, shape (node, interval)."""
        if self.priors is None:
            return np.cumprod(u**_POWER, axis=1)
        found, at = np.empty((len(u), len(self.priors))), 0
        for j, prior in enumerate(self.priors):
            if prior.atom is not None:
                found[:, j] = prior.atom
            else:
                found[:, j], at = _top(prior) * u[:, at] ** _POWER, at + 1
        return found

    def coordinate(self, value: Floats, j: int) -> Floats:
        """Coordinate of a weight, or, where they are ordered, of its ratio to the one before."""
        top = 1.0 if self.priors is None else _top(self.priors[j])
        return np.asarray((np.clip(value / top, 0, 1)) ** (1 / _POWER))

    def _log_prior(self, u: Floats) -> Floats:
        total = (math.log(_POWER) + (_POWER - 1) * np.log(u)).sum(axis=1)
        if self.priors is None:  # ratios of neighbours have beta distributions
            d = self.dimension
            return np.asarray(total + _POWER * np.log(u) @ np.arange(d - 1.0, -1.0, -1.0) + gammaln(d + 1))
        for value, prior in zip(self.values(u).T, self.priors, strict=True):
            if prior.atom is None:
                total = total + prior.logpdf(value) + math.log(_top(prior))
        return np.asarray(total)

    def given(self, mu: Floats, tau: Floats, values: Floats) -> Floats:
        """Log likelihood given the weights, shape (point, node): density times weight, over the mean of what may be seen."""
        weights = np.concatenate([np.ones((1, len(values))), values.T])
        count = np.bincount(self.steps.intervals(self.y, self.se), minlength=len(weights))
        seen = count > 0
        with np.errstate(divide="ignore"):
            log_weight = count[seen] @ np.log(weights[seen])
        probability = self.steps.probabilities(mu, tau, self.se)
        log_mean, step = np.empty((mu.size, len(values))), max(_CHUNK // (self.y.size * len(values)), 1)
        for start in range(0, mu.size, step):
            part = slice(start, start + step)
            mean = np.maximum(probability[part] @ weights, 1e-45)  # (point, study, node)
            firsts = range(0, self.y.size, _TOGETHER)
            products = [np.multiply.reduce(mean[:, i : i + _TOGETHER], axis=1) for i in firsts]
            log_mean[part] = sum(np.log(product) for product in products)
        return np.asarray(_normal(self, mu, tau)[:, None] + log_weight - log_mean)


def _top(prior: Prior) -> float:
    """Where the range of a weight ends."""
    upper = prior.support[1]
    return upper if math.isfinite(upper) else float(prior.ppf(1 - _BEYOND))
