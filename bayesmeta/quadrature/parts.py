"""A posterior in parts: each a mixture of normals over the nodes of the first scale, weighted by its evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import InferenceError
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.cut import Cut
from bayesmeta.quadrature.gaussian import Conditional
from bayesmeta.quadrature.grid import Grid
from bayesmeta.quadrature.integrate import Integrand, Posterior
from bayesmeta.quadrature.problem import GaussianProblem
from bayesmeta.quadrature.rotate import Rotation
from bayesmeta.quadrature.scale_density import ScaleDensity

Floats = NDArray[np.float64]
# Of many parts, those of less probability are dropped. A thousand of them together have 1e-17: below a float's rounding of 1.
_MANY, _NEGLIGIBLE = 32, 1e-20
LARGEST_ERROR = 1e-4  # of a probability, above which a result is rejected unless a larger one was asked for


class Masses(Protocol):
    """Nodes with their posterior probabilities, arrays of shape (component, node)."""

    @property
    def tau(self) -> Floats:
        """Tau of each node, shape (1, node)."""

    @property
    def mass(self) -> Floats:
        """Posterior probabilities."""

    @property
    def given(self) -> Conditional:
        """The coefficients given tau at each node and component."""


class AnyPart(Protocol):
    """What claims about linear combinations of coefficients ask of a part of a posterior."""

    @property
    def piece(self) -> Piece:
        """Which coefficients are fixed, and at what."""

    @property
    def scale(self) -> ScaleDensity | float:
        """The component of the prior on tau; a number is a point mass."""

    @property
    def probability(self) -> float:
        """Posterior probability of the part."""

    @property
    def posterior(self) -> Masses:
        """Its nodes."""

    @property
    def second(self) -> float:
        """The second standard deviation, in a model with two scales."""

    @property
    def cut(self) -> Cut | None:
        """Bounds of what is cut, in terms of the part's rotated coefficients."""

    def weights(self, contrast: Floats) -> tuple[float, Floats]:
        """A contrast of all coefficients, as an offset and weights of this part's free ones."""


class AnyFit(Protocol):
    """What claims about linear combinations of coefficients ask of a posterior."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""

    @property
    def parts(self) -> Sequence[AnyPart]:
        """A mixture of normals each."""

    @property
    def error(self) -> float:
        """Bound on the error of a probability."""

    @property
    def clustered(self) -> bool:
        """Whether a new study is in a cluster of its own."""

    @property
    def is_cut(self) -> bool:
        """Whether a prior on a coefficient is truncated."""


@dataclass(frozen=True, slots=True)
class Part:
    """The posterior given which coefficients are fixed and which component of the prior on tau applies.

    Attributes
    ----------
    piece : Piece
        Which coefficients are fixed, and at what.
    scale : ScaleDensity or float
        The component of the prior on tau; a number is a point mass.
    prior_probability, probability : float
    log_evidence : float
        Log marginal likelihood of this part.
    posterior : Posterior
    integrand : Integrand
    basis : ndarray
        The free coefficients are ``basis @ rotated``.
    second : float
        The second standard deviation, in a model with two scales.
    cell : tuple of float
        What it stands for: from half a step of the rule below it to half a step above.
    """

    piece: Piece
    scale: ScaleDensity | float
    prior_probability: float
    probability: float
    log_evidence: float
    posterior: Posterior
    integrand: Integrand
    basis: Floats
    second: float = 0.0
    cell: tuple[float, float] = (0.0, 0.0)

    @property
    def cut(self) -> Cut | None:
        """Bounds of what is cut, in terms of the rotated coefficients."""
        return self.integrand.prior.cut

    def weights(self, contrast: Floats) -> tuple[float, Floats]:
        """A contrast of all coefficients, as an offset and weights of this part's rotated free ones."""
        offset = sum((contrast[i] * value for i, value in self.piece.fixed.items()), 0.0)
        return float(offset), self.basis.T @ contrast[list(self.piece.free)]


@dataclass(frozen=True, slots=True)
class SecondScale:
    """Marginal of a second standard deviation under one component of its prior.

    Attributes
    ----------
    probability : float
        Posterior probability of the component.
    scale : ScaleDensity or float
        The component; a number is a point mass.
    grid : Grid or None
    masses : ndarray, shape (node,)
        They sum to one.
    step : float
        Spacing of the nodes.
    """

    probability: float
    scale: ScaleDensity | float
    grid: Grid | None
    masses: Floats
    step: float


@dataclass(frozen=True, slots=True)
class QuadratureFit:
    """Posterior of a problem, exact but for `error`.

    Attributes
    ----------
    problem : GaussianProblem
    rotation : Rotation
        What made its studies independent.
    parts : tuple of Part
    log_evidence : float
        Log marginal likelihood, with flat priors of density one.
    error : float
        Largest change of any CDF when the nodes were doubled last.
    proper : bool
        Whether all priors integrate to one, so that `log_evidence` means something.
    tolerance : float
        What `error` was asked to be.
    second : tuple of SecondScale
        With two scales: marginal of the second, by the component of its prior.
    """

    problem: GaussianProblem
    rotation: Rotation
    parts: tuple[Part, ...]
    log_evidence: float
    error: float
    proper: bool
    tolerance: float
    second: tuple[SecondScale, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.problem.names

    @property
    def clustered(self) -> bool:
        """Whether a new study is in a cluster of its own."""
        return self.problem.clusters is not None

    @property
    def is_cut(self) -> bool:
        """Whether a prior on a coefficient is truncated."""
        return any(part.cut is not None for part in self.parts)


def weighted_fit(
    problem: GaussianProblem,
    rotation: Rotation,
    weighted: Sequence[tuple[float, Part]],
    errors: Sequence[float],
    tolerance: float,
) -> QuadratureFit:
    """A fit from its parts and the logs of their prior weights.

    Raises
    ------
    InferenceError
        If the marginal likelihood is zero or infinite, or probabilities may be off by more than 1e-4.
    """
    evidence = np.array([log_weight + part.log_evidence for log_weight, part in weighted])
    total = float(np.logaddexp.reduce(evidence))
    if not math.isfinite(total):
        raise InferenceError(
            "the marginal likelihood is zero or infinite to double precision: the prior and the data exclude each other, "
            f"or standard errors are too unequal to compute with; they run from {_errors_of(problem)}."
        )
    probability = np.exp(evidence - total)
    parts = tuple(
        replace(part, probability=float(q))
        for q, (_, part) in zip(probability, weighted, strict=True)
        if q > _NEGLIGIBLE or len(weighted) < _MANY
    )
    average = float((probability * np.array(errors)).sum())
    error = average if len(weighted) == 1 else 2 * average  # that of the parts' probabilities is as large
    require_accuracy(error, tolerance, f"Standard errors run from {_errors_of(problem)}")
    proper = all(part.piece.n_flat == 0 and not part.integrand.improper for part in parts)
    return QuadratureFit(problem, rotation, parts, total, error, proper, tolerance)


def _errors_of(problem: GaussianProblem) -> str:
    se = problem.standard_errors
    return f"{se.min():.3g} to {se.max():.3g}"


def require_accuracy(error: float, tolerance: float, about: str) -> None:
    """Reject a result whose probabilities may be off by more than 1e-4, and by more than was asked for.

    Raises
    ------
    InferenceError
    """
    if not error <= max(LARGEST_ERROR, tolerance):
        raise InferenceError(
            f"the posterior could not be computed: its probabilities may be off by {error:.2g}. {about}; these, or the "
            "effects and the priors, are too far apart for a computer's numbers. Check their units, or use engine='nuts'."
        )
