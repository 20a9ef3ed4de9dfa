"""What the engine takes: effects that are normal given the coefficients and one or two standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, Prior
from bayesmeta.quadrature.coefficients import Names, Piece, pieces

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Studies sorted by cluster: their order, and each cluster's run of them."""

    order: NDArray[np.intp]
    runs: tuple[slice, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianProblem:
    """y ~ N(X beta, V + tau_1^2 G_1 + tau_2^2 G_2), with priors on the coefficients beta and on one or two scales tau.

    Attributes
    ----------
    y : ndarray, shape (study,)
        Effects, in a unit that is that of the scales too.
    V : ndarray, shape (study,) or (study, study)
        Sampling variances in the square of this unit, or their positive definite covariance.
    X : ndarray, shape (study, coefficient)
        Design matrix; a column of ones for an intercept.
    names : tuple of str
        Coefficients, in the order of the columns; ``"mu"`` is the effect of a new study with all other columns at zero.
    structures : mapping of str to ndarray, shape (study,) or (study, study)
        By the name of each scale, one or two, the G that its square multiplies, positive semidefinite, or its diagonal. With
        two, V and the first are diagonal, and the second is diagonal, as for slopes, or has a block of ones for each cluster.
    priors : mapping of str or tuple of str to Prior
        Of each coefficient and each scale, without its source; a joint prior stands under the names of its coefficients. A
        reference prior knows its sampling variances.
    study : tuple of str
        Labels, for messages.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Normal
    >>> problem = GaussianProblem(
    ...     y=np.array([0.1, 0.3, 0.5]),
    ...     V=np.array([0.01, 0.04, 0.02]),
    ...     X=np.ones((3, 1)),
    ...     names=("mu",),
    ...     structures={"tau": np.ones(3), "tau_lab": np.array([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]])},
    ...     priors={"mu": Normal(0, 1), "tau": HalfNormal(0.5), "tau_lab": HalfNormal(0.5)},
    ...     study=("A", "B", "C"),
    ... )
    >>> problem.clusters
    Clusters(order=array([0, 2, 1]), runs=(slice(0, 2, None), slice(2, 3, None)))
    """

    y: Floats
    V: Floats
    X: Floats
    names: tuple[str, ...]
    structures: Mapping[str, Floats]
    priors: Mapping[Any, Prior]
    study: tuple[str, ...]

    @property
    def scale(self) -> str:
        """Name of the first scale."""
        return next(iter(self.structures))

    @property
    def second(self) -> str | None:
        """Name of the second scale, if there is one."""
        return next((name for name in self.structures if name != self.scale), None)

    @cached_property
    def clusters(self) -> Clusters | None:
        """The clusters that share a deviation of the second scale, the one of the first study first."""
        if self.second is None or self.structures[self.second].ndim == 1:
            return None
        _, cluster = np.unique(self.structures[self.second].argmax(axis=1), return_inverse=True)
        ends = np.cumsum(np.bincount(cluster)).tolist()
        runs = tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))
        return Clusters(np.argsort(cluster, kind="stable"), runs)

    @property
    def slope(self) -> Floats | None:
        """The squared covariates whose slopes vary by the second scale."""
        return None if self.second is None or self.clusters is not None else self.structures[self.second]

    @property
    def standard_errors(self) -> Floats:
        """Those of the effects, shape (study,)."""
        return np.sqrt(self.V if self.V.ndim == 1 else np.diag(self.V))

    @cached_property
    def coefficient_priors(self) -> dict[Names, Prior]:
        """The priors on the coefficients, by the names that each is for: joint ones first."""
        joint = {group: prior for group, prior in self.priors.items() if isinstance(group, tuple)}
        return joint | {(name,): self.priors[name] for name in self.names if name in self.priors}

    def prior_of(self, name: str) -> Prior:
        """Prior of one coefficient or scale alone: its own, or the marginal of a joint one."""
        for group, prior in self.coefficient_priors.items():
            if name in group and prior.joint is not None:
                return prior.joint.marginal(group.index(name))
        return self.priors[name]

    def pieces(self, finer: int = 1) -> list[Piece]:
        """The prior on the coefficients as mixtures of normals; raises as `coefficients.pieces`."""
        return pieces(self.names, self.coefficient_priors, finer, cut=True)

    def with_priors(self, priors: Mapping[str, Prior]) -> GaussianProblem:
        """The same with other priors on some coefficients or scales."""
        return replace(self, priors={**self.priors, **priors})

    def without(self, row: int) -> GaussianProblem:
        """The same without one study, under the very same priors."""

        def left(matrix: Floats) -> Floats:
            return np.delete(matrix if matrix.ndim == 1 else np.delete(matrix, row, axis=1), row, axis=0)

        return replace(
            self,
            y=left(self.y),
            V=left(self.V),
            X=np.delete(self.X, row, axis=0),
            structures={name: left(matrix) for name, matrix in self.structures.items()},
            study=self.study[:row] + self.study[row + 1 :],
        )


def obstacle(problem: GaussianProblem) -> str | None:
    """Why the engine does not solve a problem, or None where it does."""
    if problem.second is not None:
        first, second = problem.structures.values()
        if problem.V.ndim > 1 or first.ndim > 1:
            return "with two scales the quadrature engine needs independent sampling errors. Use engine='nuts'."
        if second.ndim > 1 and not np.array_equal(second, second.argmax(axis=1)[:, None] == second.argmax(axis=1)):
            return "the quadrature engine takes blocks of ones as the second of two structures. Use engine='nuts'."
    priors = problem.coefficient_priors.values()
    if all(prior == Flat() or prior.is_normal or prior.joint is not None for prior in priors):
        return None
    try:
        problem.pieces()
    except SpecificationError as error:
        return str(error)
    return None


def solvable(answer: GaussianProblem | str, where: str = "") -> GaussianProblem:
    """The problem, where there is one, or an error that begins with `where` and says why there is none.

    Raises
    ------
    SpecificationError
    """
    if isinstance(answer, str):
        raise SpecificationError(where + answer)
    return answer
