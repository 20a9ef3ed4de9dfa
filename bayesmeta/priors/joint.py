"""A joint prior for several coefficients: MultivariateNormal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from bayesmeta.errors import SpecificationError
from bayesmeta.numbers import real_array
from bayesmeta.priors._base import Floats, Moments, Prior, Size
from bayesmeta.priors._parameters import as_float, number_text
from bayesmeta.priors.real_line import Normal
from bayesmeta.priors.registry import Row

_EXAMPLE = "MultivariateNormal([0, 0], [[9, 1], [1, 2]])"
_ROUNDING = 1e-12


@Row(example="MultivariateNormal([0, 0], [[9, 1], [1, 2]])")
@final
@dataclass(frozen=True, slots=True, repr=False)
class MultivariateNormal(Prior):
    """Joint normal distribution of several coefficients, which may be correlated.

    A model takes it under the tuple of their names: ``beta={("mu", "crps"): MultivariateNormal(...)}``.

    Parameters
    ----------
    mean : array_like, shape (coefficient,)
        Means, in the units of the effect.
    cov : array_like, shape (coefficient, coefficient)
        Covariance matrix (variances on the diagonal, not standard deviations), symmetric and positive definite.

    Raises
    ------
    SpecificationError
        If the shapes do not match, a value is not finite, or `cov` is not symmetric and positive definite.

    Examples
    --------
    >>> prior = MultivariateNormal([0, 0], [[9, 1], [1, 2]])
    >>> prior
    MultivariateNormal([0, 0], [[9, 1], [1, 2]])
    >>> prior.marginal(0)
    Normal(0, 3)
    >>> round(float(prior.logpdf([1.0, -1.0])), 4)
    -3.6368
    """

    mean: tuple[float, ...]
    cov: tuple[tuple[float, ...], ...]

    def __init__(self, mean: ArrayLike, cov: ArrayLike) -> None:
        centre, matrix = _numbers("mean", mean, 1), _numbers("cov", cov, 2)
        if not centre.size or matrix.shape != (centre.size, centre.size):
            raise SpecificationError(
                f"MultivariateNormal: mean has shape {centre.shape} and cov {matrix.shape}; "
                f"give one mean, one row and one column for each coefficient, as in {_EXAMPLE}."
            )
        _check_positive_definite(matrix)
        object.__setattr__(self, "mean", tuple(centre.tolist()))
        object.__setattr__(self, "cov", tuple(map(tuple, ((matrix + matrix.T) / 2).tolist())))

    @property
    def dim(self) -> int:
        """Number of coefficients."""
        return len(self.mean)

    @property
    def joint(self) -> MultivariateNormal:
        """Itself."""
        return self

    def marginal(self, i: int) -> Normal:
        """Prior of coefficient `i` alone, counted from 0."""
        return Normal(self.mean[i], math.sqrt(self.cov[i][i]))

    def moments(self) -> Moments:
        """Raises: there is one mean and standard deviation for each coefficient."""
        raise self._joint("moments")

    def logpdf(self, x: ArrayLike) -> Floats:
        """Natural log of the joint density.

        Parameters
        ----------
        x : array_like, shape (..., coefficient)
            Points.

        Returns
        -------
        ndarray, shape (...)
        """
        values = np.asarray(x, float)
        if values.ndim == 0 or values.shape[-1] != self.dim:
            raise SpecificationError(f"{self}.logpdf: x must end in {self.dim} coefficients; got shape {values.shape}.")
        root = np.linalg.cholesky(np.array(self.cov))
        z = np.linalg.solve(root, (values - self.mean)[..., None])[..., 0]
        log_norm = np.log(np.diag(root)).sum() + 0.5 * self.dim * math.log(2 * math.pi)
        return np.asarray(-0.5 * (z**2).sum(axis=-1) - log_norm)[()]

    def rvs(self, size: Size, seed: int | np.random.Generator) -> Floats:
        """Independent draws, shape ``(*size, coefficient)``, the same for the same `seed`."""
        shape = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        z = np.random.default_rng(seed).standard_normal((*shape, self.dim))
        return np.asarray(self.mean + z @ np.linalg.cholesky(np.array(self.cov)).T)

    def _require_proper(self, method: str) -> None:
        raise self._joint(method)

    def _joint(self, method: str) -> SpecificationError:
        return SpecificationError(
            f"{self}.{method}: defined for one coefficient only; use .marginal(i).{method}, or logpdf and rvs."
        )

    def __str__(self) -> str:
        rows = ", ".join(_list_text(row) for row in self.cov)
        return f"MultivariateNormal({_list_text(self.mean)}, [{rows}])"


def _numbers(name: str, value: ArrayLike, ndim: int) -> Floats:
    """Return a vector or matrix of finite numbers, or reject it."""
    real_array(f"MultivariateNormal: {name}", value, SpecificationError)
    try:
        given = np.array(value, dtype=object)
        numbers = np.array([as_float(item) for item in given.ravel()]).reshape(given.shape)
    except ValueError:  # rows of different length
        numbers = np.array(math.nan)
    if numbers.ndim != ndim or not np.all(np.isfinite(numbers)):
        kind = "a list of finite numbers" if ndim == 1 else "a square table of finite numbers"
        raise SpecificationError(f"MultivariateNormal({name}={value!r}): {name} must be {kind}, as in {_EXAMPLE}.")
    return numbers


def _check_positive_definite(matrix: Floats) -> None:
    size = np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > _ROUNDING * size:
        i, j = np.unravel_index(np.argmax(np.abs(matrix - matrix.T)), matrix.shape)
        raise SpecificationError(
            f"MultivariateNormal: cov must be symmetric; got {matrix[i, j]:g} and {matrix[j, i]:g} "
            f"for coefficients {min(i, j) + 1} and {max(i, j) + 1}."
        )
    variances = np.diag(matrix)
    if np.any(variances <= 0):
        raise SpecificationError(
            f"MultivariateNormal: the diagonal of cov holds variances, which must be positive; got {variances.min():g}."
        )
    sd = np.sqrt(variances)
    correlation = matrix / sd / sd[:, None]
    if np.linalg.eigvalsh(correlation).min() < _ROUNDING:
        raise SpecificationError(
            "MultivariateNormal: cov is not positive definite: some combination of the coefficients would have a "
            "variance of zero or less. Covariances must be smaller than the product of the standard deviations."
        )


def _list_text(values: Sequence[float]) -> str:
    return f"[{', '.join(map(number_text, values))}]"
