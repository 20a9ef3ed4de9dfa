"""Two variance components: a second double-exponential rule around the first.

At each node of the second standard deviation the model is one with a single tau, whose integral is its evidence. Each
node so becomes a part of the fit, and every marginal is a mixture over the parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.cut import below, conditioned
from bayesmeta.quadrature.gaussian import Problem
from bayesmeta.quadrature.grid import locate
from bayesmeta.quadrature.integrate import NODES, PROBES, Integrand, Posterior, converge, integrate
from bayesmeta.quadrature.mixtures import cut_at, moments, solved, with_cut
from bayesmeta.quadrature.parts import Part, QuadratureFit, SecondScale, weighted_fit
from bayesmeta.quadrature.problem import GaussianProblem, obstacle
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.setting import Setting, tau_components
from bayesmeta.quadrature.special import normal_cdf

Floats = NDArray[np.float64]
_MOST_NODES = 1024  # of either rule: what error is left then, the fit states


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Builds the integrand whose lanes are values of the second standard deviation."""

    integrand: Integrand
    added: Floats  # what the second variance multiplies, for a slope, shape (study,)
    clusters: tuple[slice, ...]

    def at(self, second: Floats) -> Integrand:
        """One lane for each value."""
        square = (second**2)[:, None, None]
        base = self.integrand.problem

        def lanes(x: Any) -> Any:
            return None if x is None else x[:, None]

        a = lanes(base.a)
        if not self.clusters:
            a = a + self.added[:, None, None, None] * square
        columns = tuple(lanes(column) for column in base.columns)
        problem = Problem(
            np.ascontiguousarray(lanes(base.y) + 0.0 * square),
            np.ascontiguousarray(a + 0.0 * square),
            columns,
            lanes(base.d),
            base.log_jacobian,
            self.clusters,
            square,
        )
        return replace(self.integrand, problem=problem)


def fit_two_scales(problem: GaussianProblem, tolerance: float = 1e-8) -> QuadratureFit:
    """Solve a problem with two scales by quadrature.

    Raises
    ------
    SpecificationError
        If the effects have a known covariance, or a prior on a coefficient is not a mixture of normals.
    """
    if (reason := obstacle(problem)) is not None:
        raise SpecificationError(reason)
    assert problem.second is not None
    everyone = np.arange(len(problem.y))
    order, runs = (everyone, ()) if problem.clusters is None else (problem.clusters.order, problem.clusters.runs)
    added = np.zeros(len(order)) if problem.slope is None else problem.slope
    ready = Setting(problem)
    weighted_parts: list[tuple[float, Part]] = []
    errors: list[float] = []
    marginals: list[tuple[SecondScale, list[Part]]] = []
    for piece in ready.pieces:
        for weight, scale, improper in tau_components(ready.tau):
            integrand, basis = ready.integrand(piece, scale, improper, order)
            for share, second, _ in tau_components(problem.priors[problem.second]):
                log_mass, parts, marginal, error = _outer(
                    _Lanes(integrand, added[order], runs), piece, scale, basis, second, tolerance
                )
                log_weight = math.log(piece.weight * weight * share)
                weighted_parts += [(log_weight + m, part) for m, part in zip(log_mass, parts, strict=True)]
                errors += [error] * len(parts)
                marginals.append((marginal, parts))
    fit = weighted_fit(problem, ready.rotation, weighted_parts, errors, tolerance)
    probability = {id(part.posterior): part.probability for part in fit.parts}
    weighted = tuple(
        replace(marginal, probability=sum(probability.get(id(part.posterior), 0.0) for part in parts))
        for marginal, parts in marginals
    )
    return replace(fit, second=weighted)


def _outer(
    lanes: _Lanes,
    piece: Piece,
    scale: ScaleDensity | float,
    basis: Floats,
    second: ScaleDensity | float,
    tolerance: float,
) -> tuple[Floats, list[Part], SecondScale, float]:
    """Log masses of the outer rule, a part for each of its nodes, the marginal, and the error bound."""
    if not isinstance(second, ScaleDensity):
        posterior = converge(lanes.at(np.array([second])), tolerance, largest=_MOST_NODES)
        parts = _parts(lanes, piece, scale, basis, np.array([second]), posterior)
        return np.zeros(1), parts, SecondScale(1.0, second, None, np.ones(1), 1.0), float(posterior.error.max())

    def log_density(v: Floats) -> Floats:
        value, log_prior = second.at(v)
        evidence = integrate(lanes.at(value.ravel()), NODES // 2).log_evidence
        return np.asarray(evidence.reshape(v.shape) + log_prior)

    centre = np.asarray(second.inverse(0.5 * np.log(lanes.integrand.problem.reference)))
    middle = second.inverse(second.middle)
    grid = locate(log_density, centre, middle, second.spread, bounded=second.bounded, improper=False)
    n = NODES // 2
    while True:
        v, log_slope, step = grid.nodes(n)
        value, log_prior = second.at(v)
        posterior = converge(lanes.at(value.ravel()), tolerance, largest=_MOST_NODES)
        log_mass = (log_prior + log_slope + np.log(step)).ravel()
        parts = _parts(lanes, piece, scale, basis, value.ravel(), posterior)
        masses = _normalised(np.array([part.log_evidence for part in parts]) + log_mass)
        error = max(_outer_error(parts, masses), float(posterior.error.max()))
        error = max(error, float(n < grid.needed.item()))  # a mode may lie between the nodes
        if error < tolerance or 2 * n > _MOST_NODES:
            break
        n *= 2
    edges = np.asarray(second.at(grid.at(grid.first + step * (np.arange(n + 1) - 0.5)))[0]).ravel()
    cells = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    parts = [replace(part, cell=cell) for part, cell in zip(parts, cells, strict=True)]
    return log_mass, parts, SecondScale(1.0, second, grid, masses, float(step.item())), error


def _parts(
    lanes: _Lanes,
    piece: Piece,
    scale: ScaleDensity | float,
    basis: Floats,
    second: Floats,
    posterior: Posterior,
) -> list[Part]:
    """One part for each value of the second standard deviation."""
    parts = []
    for j, value in enumerate(second):
        single = posterior.lane(j)
        integrand = lanes.at(np.array([value])).lane(0)
        evidence = float(single.log_evidence.item())
        parts.append(Part(piece, scale, 1.0, 0.0, evidence, single, integrand, basis, float(value)))
    return parts


def _normalised(log_mass: Floats) -> Floats:
    mass = np.exp(log_mass - log_mass.max())
    return np.asarray(mass / mass.sum())


def _outer_error(parts: list[Part], masses: Floats) -> float:
    """Largest difference between the two halves of the outer nodes, in total mass and in the coefficients' CDFs."""
    signs = np.where(np.arange(masses.size) % 2, -1.0, 1.0)
    worst = abs(float(signs @ masses))
    n = len(parts[0].piece.free) + len(parts[0].piece.fixed)
    for j in parts[0].piece.free:
        contrast = np.eye(n)[j]
        mixtures = [(part.posterior.mass, *_cut_moments(part, contrast)) for part in parts]
        centre = sum(q * float((w * m).sum()) for q, (w, m, _) in zip(masses, mixtures, strict=True))
        square = sum(
            q * float((w * (v + (m - centre) ** 2)).sum()) for q, (w, m, v) in zip(masses, mixtures, strict=True)
        )
        for probe in PROBES:
            point = centre + probe * math.sqrt(square)
            values = np.array([float((part.posterior.mass * _below(part, contrast, point)).sum()) for part in parts])
            worst = max(worst, abs(float(signs @ (masses * values))))
    return worst


def _cut_moments(part: Part, contrast: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a contrast at the nodes of a part, under its prior as it is cut."""
    mean, variance = moments(part, contrast)
    if part.cut is None:
        return mean, variance
    return conditioned(mean, variance, with_cut(part, solved(part, contrast)), *cut_at(part))


def _below(part: Part, contrast: Floats, point: float) -> Floats:
    """Distribution function of a contrast at the nodes of a part."""
    mean, variance = moments(part, contrast)
    z = (point - mean) / np.sqrt(variance)
    if part.cut is None:
        return np.asarray(normal_cdf(z))
    return below(z, with_cut(part, solved(part, contrast)) / np.sqrt(variance), *cut_at(part))
