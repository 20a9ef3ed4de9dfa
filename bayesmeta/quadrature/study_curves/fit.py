"""The engine: from a problem of likelihood curves to its posterior, with a bound on what finer rules would change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from bayesmeta.errors import InferenceError
from bayesmeta.quadrature.parts import LARGEST_ERROR
from bayesmeta.quadrature.setting import tau_components
from bayesmeta.quadrature.study_curves.lines import row_between
from bayesmeta.quadrature.study_curves.part import FINEST, CurvePart
from bayesmeta.quadrature.study_curves.placement import Likelihood
from bayesmeta.quadrature.study_curves.problem import CurvesProblem, pieces

Floats = NDArray[np.float64]
ERROR_LIMIT = 1e-6  # of a probability, above which a fit says so
_NODES = (96, 384)  # over tau, at first and at most
SQUARE = (
    100  # times the square of what half of the nodes would change bounds what all of them leave: the rule converges so
)
_DRAWN = 3e-9  # what the points of a marginal's curve leave open between them
_SEVERAL = 1e-7  # tolerance with several coefficients, whose nodes multiply
_PROBES = (-2.5, -1.0, 0.0, 1.0, 2.5)
_MOMENT = 0.01  # a moment may be a hundred times less certain, relative to itself, than a probability
_NEGLIGIBLE = 1e-18
_ADVICE = (
    "Where no study has an event in one of the arms the likelihood is flat far out, and the tails of a t or Cauchy prior there "
    "are not resolved: state a normal prior, or use engine='nuts'. Where one or two studies with few degrees of freedom are all "
    "that there is, nor are those of the likelihood under a prior that is much wider."
)
_CHECKED = 24  # nodes at which the mean of each curve is computed another way


@dataclass(frozen=True, eq=False)
class CurvesFit:
    """Posterior of a problem, exact but for `error`.

    Attributes
    ----------
    problem : CurvesProblem
    parts : sequence of CurvePart
        One for each component of the priors.
    probability : ndarray, shape (part,)
        Of the parts.
    log_evidence : float
        Log marginal likelihood, with flat priors of density one.
    error : float
        Bound on the error of a probability: what half of the nodes over tau would change, and what rows and curves leave open.
    """

    problem: CurvesProblem
    parts: Sequence[CurvePart]
    probability: Floats
    log_evidence: float
    error: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.problem.names

    @cached_property
    def weighted(self) -> list[tuple[float, CurvePart]]:
        """The parts that have mass, with their probabilities."""
        return [(float(q), part) for q, part in zip(self.probability, self.parts, strict=True) if q > _NEGLIGIBLE]


def fit_curves(problem: CurvesProblem, tolerance: float = 1e-8) -> CurvesFit:
    """Solve a problem without an `obstacle`.

    Parameters
    ----------
    problem : CurvesProblem
    tolerance : float
        Nodes over tau double until no distribution function changes by more than this.

    Raises
    ------
    InferenceError
        If the posterior is improper, the marginal likelihood is zero, or probabilities may be off by more than 1e-4.
    """
    parts, errors = [], []
    for piece in pieces(problem):
        likelihood = Likelihood(problem, piece)
        for weight, scale, _ in tau_components(problem.tau):
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # where rows cannot follow a posterior: its error says so
                part, error = _converged(likelihood, piece.weight * weight, scale, tolerance)
            parts.append(part)
            errors.append(error)
    log_evidence = np.array([math.log(part.prior_probability) + part.log_evidence for part in parts])
    total = float(logsumexp(log_evidence)) if np.isfinite(log_evidence).any() else -math.inf
    if not math.isfinite(total):
        raise InferenceError(
            "the marginal likelihood is zero or infinite to double precision, as where prior and data exclude each other. "
            f"{_ADVICE}"
        )
    probability = np.exp(log_evidence - total)
    error = float(probability @ np.array(errors)) * (1 if len(parts) == 1 else 2)
    if not error <= max(LARGEST_ERROR, tolerance):
        raise InferenceError(
            f"the posterior could not be computed: its probabilities may be off by {error:.2g}. {_ADVICE}"
        )
    return CurvesFit(problem, parts, probability, total + problem.log_constant, error)


def _converged(likelihood: Likelihood, weight: float, scale: object, tolerance: float) -> tuple[CurvePart, float]:
    """A part with nodes doubled until the bound on its error is below the tolerance, or no longer falls."""
    n, fine = _NODES[0], 0
    tolerance = max(tolerance, _SEVERAL) if len(likelihood.piece.free) > 1 else tolerance
    while True:
        part = CurvePart(likelihood, weight, scale, n, fine)
        halves = max(SQUARE * _halves(part) ** 2, _between_nodes(part))
        if part.roughness > max(tolerance, halves) and fine < FINEST.get(part.free, 0):
            fine += 1
        elif halves > max(tolerance, part.roughness) and n < _NODES[-1]:
            n *= 2
        else:
            return part, halves + part.roughness + likelihood.error + _curve_error(part) + _DRAWN


def _halves(part: CurvePart) -> float:
    """Largest difference between the two halves of the nodes over tau, each a rule of its own."""
    n, tau, mass = len(part.mass), part.nodes.tau, part.mass
    if n == 1:
        return 0.0
    functions = [mass, _relative(mass * tau)]
    for mean, sd in zip(part.mean.T, part.sd.T, strict=True):
        centre = float(mass @ mean)
        spread = math.sqrt(float(mass @ (sd**2 + (mean - centre) ** 2)))
        functions.append(_relative(mass * (sd**2 + (mean - centre) ** 2)))
        for width, reach in ((sd, spread), (np.hypot(sd, tau), math.hypot(spread, float(mass @ tau)))):
            functions += [mass * ndtr((centre + probe * reach - mean) / np.maximum(width, 1e-300)) for probe in _PROBES]
    signs = 1 - 2 * (np.arange(n) % 2)
    return float(np.abs(np.array(functions) @ signs).max())


def _between_nodes(part: CurvePart) -> float:
    """What the nodes of tau leave open of its distribution function between them: a fiftieth of what every second one does."""
    n = part.mass.size
    if n < 2:
        return 0.0
    log_mass = np.log(np.maximum(part.mass, 1e-300))
    kept = np.maximum(log_mass, log_mass.max() - 60)
    guess = row_between(np.ascontiguousarray(kept[::2]), 0.0, n - 1.0 if n % 2 else n - 2.0, np.arange(1.0, n - 1, 2))
    return float((np.abs(guess - kept[1 : n - 1 : 2]) * part.mass[1 : n - 1 : 2]).sum() / 50)


def _relative(values: Floats) -> Floats:
    return values * (_MOMENT / max(float(values.sum()), 1e-300))


def _curve_error(part: CurvePart) -> float:
    """What the curves leave open: of their polynomials, and of their means at the nodes of most mass, computed another way."""
    at = np.argsort(part.mass)[::-1][:_CHECKED]
    again = curve_error(part.likelihood.problem, part.nodes.tau[at], part.likelihood.all_of(part.mean[at]))
    return float(again @ part.mass[at]) + part.likelihood.problem.tables.error


def curve_error(problem: CurvesProblem, tau: Floats, beta: Floats) -> Floats:
    """Differences between two ways to compute the mean of each curve, summed over studies, shape (point,)."""
    tables, m = problem.tables, beta @ problem.X.T
    again = np.stack([tables.again(i, m[:, i], tau) for i in range(tables.n_studies)], axis=1)
    return np.asarray(np.abs(tables.log_means(beta, problem.X, tau) - again).sum(axis=1))
