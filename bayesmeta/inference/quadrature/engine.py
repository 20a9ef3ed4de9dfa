"""The quadrature engine: from data and a model to a posterior that is a finite mixture of normals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.inference.quadrature.coefficients import Piece, pieces
from bayesmeta.inference.quadrature.gaussian import Problem
from bayesmeta.inference.quadrature.integrate import Integrand, Posterior, converge
from bayesmeta.inference.quadrature.rotate import Rotation, rotate
from bayesmeta.inference.quadrature.scale_density import ScaleDensity, scale_density
from bayesmeta.priors import Mixture, PointMass, Prior
from bayesmeta.spec.design import design, tau_prior
from bayesmeta.spec.normal_normal import NormalNormal

Floats = NDArray[np.float64]
_ILL_CONDITIONED = 1e3  # columns of the design further from orthogonal than this are rotated first


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
    """

    piece: Piece
    scale: ScaleDensity | float
    prior_probability: float
    probability: float
    log_evidence: float
    posterior: Posterior
    integrand: Integrand
    basis: Floats

    def weights(self, contrast: Floats) -> tuple[float, Floats]:
        """A contrast of all coefficients, as an offset and weights of this part's rotated free ones."""
        offset = sum((contrast[i] * value for i, value in self.piece.fixed.items()), 0.0)
        return float(offset), self.basis.T @ contrast[list(self.piece.free)]


@dataclass(frozen=True, slots=True)
class QuadratureFit:
    """Posterior of a normal-normal model, exact but for `error`.

    Attributes
    ----------
    names : tuple of str
        Coefficients in order; ``"mu"`` is the intercept.
    X : ndarray, shape (study, coefficient)
    rotation : Rotation
    parts : tuple of Part
    log_evidence : float
        Log marginal likelihood, with flat priors of density one.
    error : float
        Largest change of any CDF when the nodes were doubled last.
    proper : bool
        Whether all priors integrate to one, so that `log_evidence` means something.
    tolerance : float
        What `error` was asked to be.
    """

    data: Estimates
    names: tuple[str, ...]
    X: Floats
    rotation: Rotation
    parts: tuple[Part, ...]
    log_evidence: float
    error: float
    proper: bool
    tolerance: float


def unsupported(data: object, model: NormalNormal) -> str | None:
    """Why the quadrature engine cannot fit `model` to `data`, or None where it can."""
    if not isinstance(data, Estimates):
        return f"the quadrature engine takes Estimates; got {type(data).__name__}. Use engine='nuts'."
    single = {name: prior for name, prior in model.beta.items() if isinstance(name, str)}
    try:
        pieces(["mu", *single], {"mu": model.mu, **single}, {})
    except SpecificationError as error:
        return str(error)
    return None


def fit_quadrature(data: Estimates, model: NormalNormal, tolerance: float = 1e-8) -> QuadratureFit:
    """Fit a model by quadrature.

    Parameters
    ----------
    data : Estimates
    model : NormalNormal
    tolerance : float
        Nodes double until no CDF changes by more than this.

    Raises
    ------
    InferenceError
        If the posterior is improper.
    SpecificationError
        If a prior on a coefficient is no mixture of normals.
    """
    made = design(data, model)
    names = (*(["mu"] if made.intercept else []), *made.columns)
    X = np.column_stack([np.ones((data.n_studies, int(made.intercept))), made.base[0]])
    priors = {name: model.coefficient_prior(name, term) for name, term in made.columns.items()}
    priors |= {"mu": model.mu} if made.intercept else {}
    rotation = rotate(data.v if data.cov is None else data.cov, None)
    y, rotated = rotation.apply(data.y), rotation.apply(X)
    found = []
    for piece in pieces(names, priors, model.joint_priors()):
        for weight, scale, improper in _tau_components(tau_prior(data, model)):
            integrand, basis = _integrand(y, rotated, rotation, piece, scale, improper)
            posterior = converge(integrand, tolerance)
            found.append((piece, scale, piece.weight * weight, posterior, integrand, basis))
    evidence = [math.log(weight) + float(posterior.log_evidence.item()) for _, _, weight, posterior, _, _ in found]
    total = float(np.logaddexp.reduce(evidence))
    if not math.isfinite(total):
        raise InferenceError(
            "the marginal likelihood is zero or infinite to double precision: the prior and the data exclude each other."
        )
    parts = tuple(
        Part(piece, scale, weight, math.exp(e - total), e - math.log(weight), posterior, integrand, basis)
        for (piece, scale, weight, posterior, integrand, basis), e in zip(found, evidence, strict=True)
    )
    own = sum(part.probability * float(part.posterior.error.item()) for part in parts)
    error = own if len(parts) == 1 else 2 * own  # that of the parts' probabilities is as large
    proper = all(part.piece.n_flat == 0 and not part.integrand.improper for part in parts)
    return QuadratureFit(data, names, X, rotation, parts, total, error, proper, tolerance)


def _tau_components(prior: Prior) -> list[tuple[float, ScaleDensity | float, bool]]:
    """Components of the prior on tau with their weights, point masses as numbers, and whether each is improper."""
    if isinstance(prior, PointMass):
        return [(1.0, prior.value, False)]
    if isinstance(prior, Mixture):
        parts = [(w, found) for w, part in prior.components for found in _tau_components(part)]
        return [(w * share, component, improper) for w, (share, component, improper) in parts]
    return [(1.0, scale_density(prior), not prior.is_proper)]


def _integrand(
    y: Floats, X: Floats, rotation: Rotation, piece: Piece, scale: ScaleDensity | float, improper: bool
) -> tuple[Integrand, Floats]:
    """What to integrate over tau for one piece and one component, and the basis of its coefficients."""
    fixed = sum((X[:, i] * value for i, value in piece.fixed.items()), np.zeros(len(y)))
    free, basis = _orthogonal(X[:, list(piece.free)], rotation.a)
    plain = np.all(rotation.d == 1)
    problem = Problem(
        y=(y - fixed)[:, None, None],
        a=rotation.a[:, None, None],
        columns=tuple(None if np.all(column == 1) else column[:, None, None] for column in free.T),
        d=None if plain else rotation.d[:, None, None],
        log_jacobian=rotation.log_jacobian,
    )
    return Integrand(problem, piece.prior(basis), scale, improper, tuple(piece.parities)), basis


def _orthogonal(X: Floats, a: Floats) -> tuple[Floats, Floats]:
    """The columns, made orthonormal where they are nearly collinear or of very different size, and the basis."""
    p = X.shape[1]
    if p < 2:
        return X, np.eye(p)
    scaled = X / np.sqrt(a)[:, None]
    singular = np.linalg.svd(scaled, compute_uv=False)
    if singular[-1] <= 1e-12 * singular[0] or singular[0] < _ILL_CONDITIONED * singular[-1]:
        return X, np.eye(p)
    basis = np.linalg.inv(np.linalg.qr(scaled, mode="r"))
    return X @ basis, basis
