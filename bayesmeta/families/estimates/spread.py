"""How effects and estimates vary given the parameters: theta restored, estimates replicated, densities by study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.likelihood import NUMPY

Floats = NDArray[np.float64]


class Spread:
    """Covariances of the studies at each draw of the standard deviations.

    Parameters
    ----------
    data : Estimates
    structures : mapping of str to ndarray
        By standard deviation, what its square multiplies: (study,) or (study, study).
    draws : mapping of str to ndarray
        Draws of the standard deviations, shape (chain, draw).
    """

    def __init__(self, data: Estimates, structures: Mapping[str, Floats], draws: Mapping[str, Floats]) -> None:
        self.data = data
        self.scales = {name: np.asarray(draws[name]) for name in structures}
        self.diagonal = data.cov is None and all(matrix.ndim == 1 for matrix in structures.values())
        self.structures = structures if self.diagonal else {name: full(m) for name, m in structures.items()}

    def between(self) -> Floats:
        """Variances (chain, draw, study), or covariances (chain, draw, study, study), of the true effects."""
        extra = (None,) * (1 if self.diagonal else 2)
        terms = [scale[(..., *extra)] ** 2 * self.structures[name] for name, scale in self.scales.items()]
        return np.asarray(sum(terms))

    def total(self) -> Floats:
        """The same of the estimates."""
        if self.diagonal:
            return self.between() + self.data.v
        return self.between() + (np.diag(self.data.v) if self.data.cov is None else self.data.cov)

    def theta(self, fitted: Floats, rng: np.random.Generator) -> Floats:
        """Draws of the studies' true effects from their conditional, shape (chain, draw, study)."""
        if self.diagonal:
            between = self.between()
            shrink = self.data.v / (self.data.v + between)
            noise = np.sqrt(between * shrink) * rng.standard_normal(fitted.shape)
            return np.asarray(shrink * fitted + (1 - shrink) * self.data.y + noise)
        effect = fitted + self._deviations(fitted.shape, rng)
        estimate = effect + self._errors(fitted.shape, rng)
        gap = np.linalg.solve(self.total(), (self.data.y - estimate)[..., None])
        return np.asarray(effect + (self.between() @ gap)[..., 0])  # Matheron's rule: exact for Gaussians

    def replicates(self, fitted: Floats, rng: np.random.Generator) -> Floats:
        """Draws of y in new studies with the same standard errors, shape (chain, draw, study)."""
        if self.diagonal:
            return np.asarray(fitted + np.sqrt(self.total()) * rng.standard_normal(fitted.shape))
        return fitted + self._deviations(fitted.shape, rng) + self._errors(fitted.shape, rng)

    def pointwise(self, fitted: Floats) -> Floats:
        """Log density of each y given the parameters, and given the other y where estimates are correlated."""
        if self.diagonal:
            return np.asarray(NUMPY.normal(self.data.y, fitted, np.sqrt(self.total())))
        precision = np.linalg.inv(self.total())
        diagonal = np.diagonal(precision, axis1=-2, axis2=-1)
        residual = (precision @ (self.data.y - fitted)[..., None])[..., 0] / diagonal
        return np.asarray(NUMPY.normal(residual, 0.0, diagonal**-0.5))

    def _deviations(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        total = np.zeros(shape)
        for name, scale in self.scales.items():
            total = total + scale[..., None] * (rng.standard_normal(shape) @ _root(self.structures[name]).T)
        return total

    def _errors(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        noise = rng.standard_normal(shape)
        if self.data.cov is None:
            return np.asarray(self.data.se * noise)
        return np.asarray(noise @ np.linalg.cholesky(self.data.cov).T)


def full(matrix: Floats) -> Floats:
    """The matrix itself, or that of its diagonal."""
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def _root(matrix: Floats) -> Floats:
    """A square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
