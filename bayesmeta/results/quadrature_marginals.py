"""From a quadrature fit to its exact marginals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.cut import Bounds
from bayesmeta.quadrature.grid import Grid
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.cut_mixture import CutMixture
from bayesmeta.results.monotone import Step
from bayesmeta.results.monotone_marginal import MonotoneMarginal, sd_of
from bayesmeta.results.normal_mixture import NormalMixture, without_negligible
from bayesmeta.results.scale_marginal import ScaleMarginal, ScalePart

Floats = NDArray[np.float64]


def linear_marginal(
    fit: QuadratureFit, contrast: Floats, new_study: bool = False, constant: float = 0.0
) -> NormalMixture | CutMixture:
    """Marginal of a contrast of the coefficients plus a constant, or of a new study's effect around it."""
    mixture = mixtures.linear(fit, contrast, new_study)
    exist = mixtures.existing_moments(fit, contrast, new_study)
    support = mixtures.support(fit, contrast) if not new_study else (-np.inf, np.inf)
    low, high = (end + constant for end in support)
    return _marginal(fit, mixture._replace(means=mixture.means + constant), (low, high), exist)


def study_marginal(fit: QuadratureFit, row: int) -> NormalMixture | CutMixture:
    """Marginal of a study's true effect."""
    return _marginal(fit, mixtures.study_effects(fit, np.array([row])).row(0), (-np.inf, np.inf), 2)


def effects_marginal(
    fit: QuadratureFit, rows: Mapping[int, float], weights: Floats, constant: float
) -> NormalMixture | CutMixture | None:
    """Marginal of a sum of studies' true effects and coefficients plus a constant; None where effects covary given tau."""
    if (mixture := mixtures.effects_sum(fit, rows, weights)) is None:
        return None
    return _marginal(fit, mixture._replace(means=mixture.means + constant), (-np.inf, np.inf), 2)


def _marginal(
    fit: QuadratureFit, mixture: mixtures.Mixture, support: tuple[float, float], moments: int
) -> NormalMixture | CutMixture:
    weights, means, variances, bounds = mixture
    if bounds is None:
        return NormalMixture(weights, means, np.sqrt(variances), moments, fit.error)
    kept = without_negligible(weights)
    bounds = Bounds(*(x[kept] for x in bounds))
    return CutMixture(weights[kept], means[kept], np.sqrt(variances[kept]), bounds, support, moments, fit.error)


def scale_marginal(fit: QuadratureFit) -> ScaleMarginal:
    """Marginal of tau."""
    smooth = [part for part in fit.parts if isinstance(part.scale, ScaleDensity)]
    points: dict[float, float] = {}
    for part in fit.parts:
        if not isinstance(part.scale, ScaleDensity):
            points[part.scale] = points.get(part.scale, 0.0) + part.probability
    mean, sd = mixtures.tau_moments(fit)
    lower = min([_ends(part)[0] for part in smooth] + list(points))
    upper = max([_ends(part)[1] for part in smooth] + list(points))
    return ScaleMarginal(
        tuple(map(scale_part, smooth)),
        tuple(sorted(points.items())),
        lambda tau: tau_density(smooth, tau),
        mean,
        sd,
        (lower, upper),
        fit.error,
    )


def tau_density(parts: list[Part], tau: Floats) -> Floats:
    """Posterior density of tau, point masses aside, evaluated afresh at `tau` and not from the nodes."""
    values = np.asarray(tau, float)
    total = np.zeros(values.shape)
    for part in parts:
        scale, posterior = part.scale, part.posterior
        assert isinstance(scale, ScaleDensity)
        flat = np.ascontiguousarray(values.ravel())
        log_density = scale.log_density(flat) + part.integrand.log_likelihood(flat, posterior.middle)
        inside = (flat >= float(scale.lower)) & (flat <= float(scale.upper))
        with np.errstate(over="ignore"):
            density = np.exp(np.where(inside, log_density, -np.inf) - float(posterior.log_evidence.item()))
        total = total + part.probability * density.reshape(values.shape)
    return total


def heterogeneity_marginal(fit: QuadratureFit, kind: str) -> MonotoneMarginal:
    """Marginal of I^2 (a proportion), or of H.

    References
    ----------
    Higgins and Thompson (2002), Stat. Med. 21:1539-1558, doi:10.1002/sim.1186
    """
    w = 1 / fit.problem.standard_errors**2
    typical = (w.size - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())
    weights, tau2 = mixtures.weights(fit), mixtures.tau_nodes(fit) ** 2
    base = scale_marginal(fit)
    if kind == "i2":
        step = Step(
            lambda tau: np.where(np.isinf(tau), 1.0, tau**2 / (tau**2 + typical)),
            lambda x: np.sqrt(typical * x / (1 - x)),
            lambda x: 0.5 * np.sqrt(typical) * x**-0.5 * (1 - x) ** -1.5,
        )
        values, exist = tau2 / (tau2 + typical), 2
    else:
        step = Step(
            lambda tau: np.sqrt(1 + tau**2 / typical),
            lambda x: np.sqrt(typical * (x**2 - 1)),
            lambda x: np.sqrt(typical) * x / np.sqrt(x**2 - 1),
        )
        values = np.sqrt(1 + tau2 / typical)
        exist = min(int(part.posterior.grid.moments.item()) for part in fit.parts)
    mean, square = (float(weights @ values**n) if exist >= n else np.inf for n in (1, 2))
    with np.errstate(invalid="ignore"):
        low, high = (float(step.forward(np.asarray(end))) for end in base.support)
    return MonotoneMarginal(base, step, (low, high), lambda: (mean, sd_of(mean, square)))


def second_marginal(fit: QuadratureFit) -> ScaleMarginal:
    """Marginal of the second standard deviation; its density is interpolated between the nodes."""
    parts, points, moments = [], {}, []
    for second in fit.second:
        if not isinstance(second.scale, ScaleDensity) or second.grid is None:
            points[float(second.scale)] = second.probability  # type: ignore[arg-type]
            continue
        v, _, _ = second.grid.nodes(second.masses.size)
        tau = np.asarray(second.scale.at(v)[0]).ravel()
        exist = int(second.grid.moments.item())
        first, square = float(second.masses @ tau), float(second.masses @ tau**2)
        moments.append((second.probability, first if exist >= 1 else np.inf, square if exist >= 2 else np.inf))
        parts.append(part_of_scale(second.probability, second.scale, second.grid, second.masses, second.step))
    mean = sum(q * first for q, first, _ in moments) + sum(q * point for point, q in points.items())
    square = sum(q * x for q, _, x in moments) + sum(q * point**2 for point, q in points.items())
    sd = float(np.sqrt(max(square - mean**2, 0.0))) if np.isfinite(square) else np.inf
    lower = min([float(s.scale.lower) for s in fit.second if isinstance(s.scale, ScaleDensity)] + list(points))
    upper = max([float(s.scale.upper) for s in fit.second if isinstance(s.scale, ScaleDensity)] + list(points))

    def density(tau: Floats) -> Floats:
        total = np.zeros(np.shape(tau))
        for part in parts:
            nearest = 1e-5 * part.to_tau(np.asarray(part.first + part.step * np.argmax(part.masses)))
            at = np.maximum(tau, nearest)  # the density at zero is its limit
            slope = (part.to_s(at * (1 + 1e-6)) - part.to_s(at * (1 - 1e-6))) / (2e-6 * at)
            total = total + part.weight * part.density(part.to_s(at)) * slope
        return total

    return ScaleMarginal(tuple(parts), tuple(sorted(points.items())), density, mean, sd, (lower, upper), fit.error)


def _ends(part: Part) -> tuple[float, float]:
    assert isinstance(part.scale, ScaleDensity)
    return float(part.scale.lower), float(part.scale.upper)


def scale_part(part: Part) -> ScalePart:
    """Posterior of tau in one part of a fit."""
    assert isinstance(part.scale, ScaleDensity)
    masses = np.asarray(part.posterior.mass).sum(axis=-2).ravel()
    return part_of_scale(part.probability, part.scale, part.posterior.grid, masses, part.posterior.step.item())


def part_of_scale(weight: float, scale: ScaleDensity, grid: Grid, masses: Floats, step: float) -> ScalePart:
    """Posterior of a scale under one component of its prior, from the masses of equally spaced nodes."""
    mode, width, first = grid.mode.item(), grid.width.item(), grid.first.item()

    def to_s(tau: Floats) -> Floats:
        values = np.asarray(tau, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            v = np.asarray(scale.line(np.clip(values, float(scale.lower), float(scale.upper))))
        return np.asarray(np.arcsinh((v - mode) / width))

    def to_tau(s: Floats) -> Floats:
        return np.asarray(scale.at(np.asarray(mode + width * np.sinh(s)))[0])

    return ScalePart(weight, masses, first, step, to_s, to_tau)
