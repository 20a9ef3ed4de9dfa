"""The quadrature engine: from data and a model to a posterior that is a finite mixture of normals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.errors import InferenceError, SpecificationError
from bayesmeta.families.prepared import design, tau_prior
from bayesmeta.inference.quadrature.coefficients import Piece, pieces
from bayesmeta.inference.quadrature.gaussian import Problem
from bayesmeta.inference.quadrature.grid import Grid
from bayesmeta.inference.quadrature.integrate import Integrand, Posterior, converge
from bayesmeta.inference.quadrature.rotate import Rotation, rotate
from bayesmeta.inference.quadrature.scale_density import ScaleDensity, scale_density, separated
from bayesmeta.priors import Flat, Prior, plain
from bayesmeta.spec.normal_normal import NormalNormal
from bayesmeta.spec.two_scales import Model

Floats = NDArray[np.float64]
_MANY, _NEGLIGIBLE = 32, 1e-20  # of many parts, those of less probability are dropped
_LARGEST_ERROR = 1e-4  # of a probability, above which a result is refused unless a larger one was asked for
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
class Clusters:
    """Studies sorted by cluster: their order, and each cluster's run of them."""

    order: NDArray[np.intp]
    runs: tuple[slice, ...]


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
    second : tuple of SecondScale
        In a model with two scales: marginal of the second, by the component of its prior.
    clusters : Clusters or None
        In a model whose second scale is between clusters.
    slope : ndarray, shape (study,)
        In a model whose second scale is that of slopes: the squared covariate; else zeros.
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
    second: tuple[SecondScale, ...] = ()
    clusters: Clusters | None = None
    slope: Floats | None = None


def unsupported(data: object, model: Model) -> str | None:
    """Why the quadrature engine cannot fit `model` to `data`, or None where it can."""
    if not isinstance(data, Estimates):
        return f"the quadrature engine takes Estimates; got {type(data).__name__}. Use engine='nuts'."
    if len(model.components) > 1 and data.cov is not None:
        return "with two scales the quadrature engine needs independent sampling errors. Use engine='nuts'."
    base = model.base
    if all(prior == Flat() or prior.is_normal for prior in (base.mu, *base.beta.values())):
        return None
    single = {name: prior for name, prior in base.beta.items() if isinstance(name, str)}
    try:
        pieces(["mu", *single], {"mu": base.mu, **single}, {})
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
    return weighted_fit(*fitted_parts(data, model, tolerance), tolerance)


def fitted_parts(
    data: Estimates, model: NormalNormal, tolerance: float
) -> tuple[Setting, list[tuple[float, Part]], list[float]]:
    """Each part of the posterior by itself: the model made ready, parts with the logs of their weights, their errors."""
    for finer in (1, 2, 4):
        try:
            ready = Setting(data, model, finer)
        except SpecificationError:
            if finer == 1:
                raise
            break  # too many components: the bound says what the coarser rule leaves
        found = []
        for piece in ready.pieces:
            for weight, scale, improper in tau_components(ready.tau):
                integrand, basis = ready.integrand(piece, scale, improper)
                posterior = converge(integrand, tolerance)
                evidence = float(posterior.log_evidence.item())
                part = Part(piece, scale, piece.weight * weight, 0.0, evidence, posterior, integrand, basis)
                found.append((math.log(part.prior_probability), part))
        errors = [float(part.posterior.error.item()) for _, part in found]
        if all(float(part.posterior.component_error.item()) < tolerance for _, part in found):
            break
    return ready, found, errors


class Setting:
    """Data and model made ready: the design, the rotation to independence, the pieces of the prior."""

    def __init__(self, data: Estimates, model: NormalNormal, finer: int = 1) -> None:
        made = design(data, model)
        self.data, self.tau = data, tau_prior(data, model)
        self.names = (*(["mu"] if made.intercept else []), *made.columns)
        self.X = np.column_stack([np.ones((data.n_studies, int(made.intercept))), made.base[0]])
        priors = {name: model.coefficient_prior(name, term) for name, term in made.columns.items()}
        priors |= {"mu": model.mu} if made.intercept else {}
        self.pieces = pieces(self.names, priors, model.joint_priors(), finer)
        self.rotation = rotate(data.v if data.cov is None else data.cov, model.between.matrix(data))
        self._y, self._columns = self.rotation.apply(data.y), self.rotation.apply(self.X)

    def integrand(
        self, piece: Piece, scale: ScaleDensity | float, improper: bool, order: NDArray[np.intp] | None = None
    ) -> tuple[Integrand, Floats]:
        """What to integrate over tau for one piece and one component, and the basis of its coefficients."""
        rows = np.arange(self.data.n_studies) if order is None else order
        y, X, a, d = self._y[rows], self._columns[rows], self.rotation.a[rows], self.rotation.d[rows]
        fixed = sum((X[:, i] * value for i, value in piece.fixed.items()), np.zeros(len(y)))
        free, basis = _orthogonal(X[:, list(piece.free)], a)
        problem = Problem(
            y=(y - fixed)[:, None, None],
            a=a[:, None, None],
            columns=tuple(None if np.all(column == 1) else column[:, None, None] for column in free.T),
            d=None if np.all(d == 1) else d[:, None, None],
            log_jacobian=self.rotation.log_jacobian,
        )
        return Integrand(problem, piece.prior(basis), scale, improper, tuple(piece.parities)), basis


def weighted_fit(
    ready: Setting, found: Sequence[tuple[float, Part]], errors: Sequence[float], tolerance: float
) -> QuadratureFit:
    """A fit from its parts and the logs of their prior weights.

    Raises
    ------
    InferenceError
        If the marginal likelihood is zero or infinite, or probabilities may be off by more than 1e-4.
    """
    evidence = np.array([log_weight + part.log_evidence for log_weight, part in found])
    total = float(np.logaddexp.reduce(evidence))
    if not math.isfinite(total):
        raise InferenceError(
            "the marginal likelihood is zero or infinite to double precision: the prior and the data exclude each other, "
            f"or standard errors are too unequal to compute with; they run from {_range(ready.data.se)}."
        )
    probability = np.exp(evidence - total)
    parts = tuple(
        replace(part, probability=float(q))
        for q, (_, part) in zip(probability, found, strict=True)
        if q > _NEGLIGIBLE or len(found) < _MANY
    )
    own = float((probability * np.array(errors)).sum())
    error = own if len(found) == 1 else 2 * own  # that of the parts' probabilities is as large
    require_accuracy(error, tolerance, f"Standard errors run from {_range(ready.data.se)}")
    proper = all(part.piece.n_flat == 0 and not part.integrand.improper for part in parts)
    return QuadratureFit(ready.data, ready.names, ready.X, ready.rotation, parts, total, error, proper, tolerance)


def _range(x: Floats) -> str:
    return f"{x.min():.3g} to {x.max():.3g}"


def require_accuracy(error: float, tolerance: float, about: str) -> None:
    """Refuse a result whose probabilities may be off by more than 1e-4, and by more than was asked for.

    Raises
    ------
    InferenceError
    """
    if not error <= max(_LARGEST_ERROR, tolerance):
        raise InferenceError(
            f"the posterior could not be computed: its probabilities may be off by {error:.2g}. {about}; these, or the "
            "effects and the priors, are too far apart for a computer's numbers. Check their units, or use engine='nuts'."
        )


def tau_components(prior: Prior) -> list[tuple[float, ScaleDensity | float, bool]]:
    """Components of a prior on a scale with their weights, point masses as numbers, and whether each is improper."""
    prior = plain(prior)
    if prior.atom is not None:
        return [(1.0, prior.atom, False)]
    if prior.is_mixture:
        parts = [(w, found) for w, part in prior.parts for found in tau_components(part)]
        return [(w * share, component, improper) for w, (share, component, improper) in parts]
    if prior.valleys is not None:
        return [(weight, piece, False) for weight, piece in separated(prior)]
    return [(1.0, scale_density(prior), not prior.is_proper)]


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
