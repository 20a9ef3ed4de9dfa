"""A mean effect given the heterogeneity: normals, each with the variance between studies that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
_NEGLIGIBLE = 1e-13  # weight of a component: a thousand of them together change no probability by more than 1e-10
_DENSITY = np.sqrt(2 * np.pi)


@dataclass(frozen=True, slots=True)
class Components:
    """The mean effect as a mixture of normals; draws are normals of variance zero.

    Attributes
    ----------
    weights : ndarray, shape (component,)
        They sum to one.
    means, variances : ndarray, shape (component,)
        Of the mean effect.
    between : ndarray, shape (component,)
        Variance of a new study's true effect around it.
    """

    weights: Floats
    means: Floats
    variances: Floats
    between: Floats

    def kept(self) -> Components:
        """Without components that no number depends on."""
        there = self.weights > _NEGLIGIBLE
        weights = self.weights[there] / self.weights[there].sum()
        return Components(weights, self.means[there], self.variances[there], self.between[there])

    def mirrored(self) -> Components:
        """Of the effect with the other sign."""
        return Components(self.weights, -self.means, self.variances, self.between)

    def blocks(self, n: int) -> Iterator[Components]:
        """The same from every `n`-th draw: so many replicates, whose variation is the Monte Carlo error."""
        for i in range(n):
            part = slice(i, None, n)
            weights = self.weights[part] / self.weights[part].sum()
            yield Components(weights, self.means[part], self.variances[part], self.between[part])

    @property
    def mean(self) -> float:
        """Of the effect."""
        return float(self.weights @ self.means)

    def above(self, limit: float) -> float:
        """Probability that the mean effect lies above a limit."""
        return float(self.weights @ share_above(limit, self.means, np.sqrt(self.variances)))


def share_above(limit: float | Floats, means: Floats, sds: Floats) -> Floats:
    """Mass of normals above a limit; those of sd zero are points."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (means - limit) / sds
    return np.asarray(np.where(sds > 0, ndtr(z), means > limit))


def excess(limit: float | Floats, means: Floats, sds: Floats) -> Floats:
    """Expected excess over a limit, E max(0, x - limit), of normals; those of sd zero are points."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (means - limit) / sds
        normal = sds * np.exp(-0.5 * z**2) / _DENSITY + (means - limit) * ndtr(z)
    return np.asarray(np.where(sds > 0, normal, np.maximum(means - limit, 0.0)))
