"""Likelihoods of counts in one linear predictor, with derivatives: binomial, Poisson and conditional (hypergeometric).

Each takes the predictor `eta` with shape (study, node) and returns the log likelihood and its first two derivatives,
all of that shape; each is concave.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
_NEWTON = 200


class Saturated(NamedTuple):
    """Each study on its own: highest log likelihood, where (possibly infinite), and the information there."""

    log_likelihood: Floats
    estimate: Floats
    information: Floats


class Likelihood(Protocol):
    """What a random-effects model needs of the counts of its studies."""

    def __call__(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood and its first two derivatives."""

    def saturated(self) -> Saturated:
        """Return what each study says on its own."""


@dataclass(frozen=True)
class Binomial:
    """Events `x` of `n`, with log odds eta + offset."""

    x: Floats
    n: Floats
    offset: Floats

    @cached_property
    def _constant(self) -> Floats:
        x, n = self.x, self.n
        return np.asarray(special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1))

    def __call__(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood and its first two derivatives."""
        x, n = self.x[:, None], self.n[:, None]
        eta = eta + self.offset[:, None]
        share = special.expit(eta)
        value = self._constant[:, None] - x * np.logaddexp(0, -eta) - (n - x) * np.logaddexp(0, eta)
        return value, x - n * share, -n * share * special.expit(-eta)

    def saturated(self) -> Saturated:
        """Return what each study says on its own."""
        share = self.x / self.n
        value = self._constant + special.xlogy(self.x, share) + special.xlogy(self.n - self.x, 1 - share)
        with np.errstate(divide="ignore"):
            estimate = np.log(self.x) - np.log(self.n - self.x) - self.offset
        return Saturated(value, estimate, self.n * share * (1 - share))


@dataclass(frozen=True)
class Poisson:
    """Events `x` in `time`, with log rate eta."""

    x: Floats
    time: Floats

    @cached_property
    def _constant(self) -> Floats:
        return np.asarray(special.xlogy(self.x, self.time) - special.gammaln(self.x + 1))

    def __call__(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood and its first two derivatives."""
        mean = self.time[:, None] * np.exp(np.minimum(eta, 600.0))
        return self._constant[:, None] + self.x[:, None] * eta - mean, self.x[:, None] - mean, -mean

    def saturated(self) -> Saturated:
        """Return what each study says on its own."""
        value = self._constant + special.xlogy(self.x, self.x / self.time) - self.x
        with np.errstate(divide="ignore"):
            estimate = np.log(self.x) - np.log(self.time)
        return Saturated(value, estimate, self.x)


@dataclass(frozen=True)
class Conditional:
    """Events `x` under treatment given the margins of a 2x2 table, with log odds ratio eta (Fisher's distribution)."""

    x: Floats
    n_t: Floats
    n_c: Floats
    events: Floats

    @cached_property
    def _tables(self) -> list[tuple[Floats, Floats]]:
        """For each study: possible events under treatment, less those observed, and their log weights."""
        tables = []
        for x, n_t, n_c, m in zip(self.x, self.n_t, self.n_c, self.events, strict=True):
            j = np.arange(max(0.0, m - n_c), min(n_t, m) + 1)
            logs = -sum(special.gammaln(part + 1) for part in (j, n_t - j, m - j, n_c - m + j))
            tables.append((j - x, logs - logs[j == x]))
        return tables

    def __call__(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood and its first two derivatives."""
        value, slope, bend = (np.empty(eta.shape) for _ in range(3))
        for i, (gap, logs) in enumerate(self._tables):
            terms = logs + eta[i][:, None] * gap
            top = terms.max(axis=1)
            weight = np.exp(terms - top[:, None])
            total = weight.sum(axis=1)
            mean = weight @ gap / total
            value[i] = -top - np.log(total)
            slope[i] = -mean
            bend[i] = -np.maximum(weight @ gap**2 / total - mean**2, 0.0)
        return value, slope, bend

    def saturated(self) -> Saturated:
        """Return what each study says on its own."""
        ends = [(gap[0], gap[-1]) for gap, _ in self._tables]
        inside = np.array([low < 0 < high for low, high in ends])
        eta = np.zeros((len(self.x), 1))
        for _ in range(_NEWTON):
            _, slope, bend = self(eta)
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.where(inside[:, None] & (bend < 0), np.clip(-slope / bend, -1, 1), 0.0)
            eta = eta + step
            if np.abs(step).max() < 1e-13:
                break
        value, _, bend = self(eta)
        outside = np.array([np.inf if high == 0 and low < 0 else -np.inf for low, high in ends])
        estimate = np.where(inside, eta[:, 0], outside)
        return Saturated(np.where(inside, value[:, 0], 0.0), estimate, np.where(inside, -bend[:, 0], 0.0))
