"""Exact probabilities of claims under a quadrature fit, where the claim's form allows it.

A claim is a boolean combination of comparisons. Given tau each comparison that is linear in the coefficients cuts a
normal distribution, and comparisons of tau cut the integral over tau itself; with at most two directions among the
coefficients the claim is a union of rectangles, whose probabilities are univariate or bivariate normal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t, sici

from bayesmeta.inference.quadrature import mixtures
from bayesmeta.inference.quadrature.engine import Part, QuadratureFit
from bayesmeta.inference.quadrature.scale_density import ScaleDensity
from bayesmeta.results.claims import evaluate, mentioned, split_comparisons
from bayesmeta.results.quadrature_marginals import scale_part

Floats = NDArray[np.float64]
_FAR = 1e30  # stands for infinity as the side of a cell


@dataclass(frozen=True, slots=True)
class Affine:
    """A comparison ``direction @ parameters + tau_slope * tau < threshold``, or ``<=`` where `closed`.

    `direction` runs over the coefficients and theta_new.
    """

    direction: Floats
    tau_slope: float
    threshold: float
    closed: bool = False

    @property
    def constant(self) -> float:
        """What the expression is where all parameters are zero."""
        return -self.threshold

    def in_part(self, part: Part) -> bool | None:
        """Whether it holds in a part of the fit in which it is about point masses alone; None where it is not."""
        known_tau = None if isinstance(part.scale, ScaleDensity) else part.scale
        contrast = _contrast(self.direction)
        spreads = known_tau != 0.0 or part.second != 0.0
        if contrast[list(part.piece.free)].any() or (self.direction[-1] and spreads):
            return None
        if self.tau_slope and known_tau is None:
            return None
        value = sum((contrast[i] * at for i, at in part.piece.fixed.items()), self.tau_slope * (known_tau or 0.0))
        return bool(value <= self.threshold if self.closed else value < self.threshold)


def exact_probability(fit: QuadratureFit, claim: str, names: Sequence[str]) -> float | None:
    """Probability of a claim, or None where its form is not one that can be integrated exactly.

    Parameters
    ----------
    fit : QuadratureFit
    claim : str
    names : sequence of str
        Parameters: ``mu``, ``tau``, coefficients, ``theta_new``.
    """
    compiled = compile_claim(claim, names, fit.names)
    if compiled is None:
        return None
    total = sum(part.probability * float(compiled.by_node(fit, part).sum()) for part in fit.parts)
    return min(max(total, 0.0), 1.0)


def compile_claim(claim: str, names: Sequence[str], coefficients: Sequence[str]) -> CompiledClaim | None:
    """A claim made ready for any posterior of the same parameters, or None if its form is not one for exact integration.

    Parameters
    ----------
    claim : str
    names : sequence of str
        Parameters: ``mu``, ``tau``, coefficients, ``theta_new``.
    coefficients : sequence of str
        Coefficients in the order of the design.
    """
    comparisons, truth = split_comparisons(claim, names)
    if set(mentioned(claim, names)) - {*coefficients, "tau", "theta_new"}:
        return None  # a second standard deviation
    atoms = [(_affine(expression, names, coefficients), closed) for expression, closed in comparisons]
    if any(atom is None for atom, _ in atoms):
        return None
    known = tuple(replace(atom, closed=closed) for atom, closed in atoms if atom is not None)
    sloping = any(atom.direction.any() and atom.tau_slope for atom in known)
    if sloping and len(known) > 1:
        return None
    directions, places = _directions([atom.direction for atom in known])
    if len(directions) > 2:
        return None
    return CompiledClaim(known, tuple(directions), tuple(places), truth, sloping)


@dataclass(frozen=True, slots=True)
class CompiledClaim:
    """A claim as comparisons along at most two directions among the coefficients, and along tau.

    Attributes
    ----------
    atoms : tuple of Affine
        The comparisons.
    directions : tuple of ndarray
        Distinct directions among the coefficients.
    places : tuple of (int, float)
        For each comparison its direction (-1: none), and the factor that it has there.
    truth : callable
        From the truth of each comparison to that of the claim.
    sloping : bool
        Whether it is a single comparison that mixes tau with the coefficients.
    """

    atoms: tuple[Affine, ...]
    directions: tuple[Floats, ...]
    places: tuple[tuple[int, float], ...]
    truth: Callable[[Sequence[Any]], Any]
    sloping: bool

    def by_node(self, fit: QuadratureFit, part: Part) -> Floats:
        """Probability of each node of a part together with the claim, shape (node,)."""
        if self.sloping:
            return _with_sloping_edge(fit, part, self.atoms[0], self.truth)
        return _cells(fit, part, self)


def scale_probability(cdf: Callable[[float], Any], claim: str, names: Sequence[str], name: str) -> float | None:
    """Probability of a claim about one standard deviation alone, from its distribution function, or None."""
    comparisons, truth = split_comparisons(claim, names)
    if mentioned(claim, names) != (name,):
        return None
    lines = []
    for expression, _ in comparisons:
        at = [float(expression({name: x})) for x in (0.0, 1.0, 2.0, 3.5)]
        slope = at[1] - at[0]
        if not np.allclose(at, [at[0], at[0] + slope, at[0] + 2 * slope, at[0] + 3.5 * slope], rtol=1e-12, atol=1e-12):
            return None
        lines.append((at[0], slope))
    edges = np.unique([-start / slope for start, slope in lines if slope])
    middles, ends = _middles(edges), [0.0, *map(float, map(cdf, edges)), 1.0]
    holds = np.broadcast_to(truth([start + slope * middles < 0 for start, slope in lines]), middles.shape)
    return float(np.diff(ends) @ holds)


def affine_expression(expression: str, names: Sequence[str], coefficients: Sequence[str]) -> Affine | None:
    """An expression in parameters in affine form, or None if it is not affine."""
    evaluate(expression, lambda _: np.ones(1), names)  # refuses what cannot be evaluated
    if set(mentioned(expression, names)) - {*coefficients, "tau", "theta_new"}:
        return None  # a second standard deviation
    return _affine(lambda values: evaluate(expression, values.__getitem__, names), names, coefficients)


def _affine(
    expression: Callable[[dict[str, Any]], Any], names: Sequence[str], coefficients: Sequence[str]
) -> Affine | None:
    """The comparison ``expression < 0`` in affine form, found by evaluating it, or None if it is not affine."""
    order = [*coefficients, *(["theta_new"] if "theta_new" in names else []), "tau"]

    def value(point: Floats) -> float:
        with np.errstate(all="ignore"):
            return float(expression(dict(zip(order, point, strict=True))))

    n = len(order)
    base = np.ones(n)  # tau = 1: zero may be outside the domain of a logarithm
    start = value(base)
    slopes = np.array([value(base + row) - start for row in np.eye(n)])
    constant = start - slopes.sum()
    rng = np.random.default_rng(0)
    for point in np.abs(rng.normal(0, 3, (4, n))) * np.where(np.arange(n) == n - 1, 1, rng.choice([-1, 1], (4, n))):
        expected = constant + slopes @ point
        found = value(point)
        if not np.isfinite(found) or abs(found - expected) > 1e-9 * (1 + abs(expected) + np.abs(slopes * point).sum()):
            return None
    slopes = np.where(np.abs(slopes) < 1e-14 * np.abs(slopes).max(initial=0.0), 0.0, slopes)
    direction = slopes[:-1] if "theta_new" in names else np.append(slopes[:-1], 0.0)
    return Affine(direction, float(slopes[-1]), float(-constant))


def _directions(vectors: Sequence[Floats]) -> tuple[list[Floats], list[tuple[int, float]]]:
    """Distinct directions up to a factor, and for each vector its direction's place (-1: none) and the factor."""
    found: list[Floats] = []
    places = []
    for vector in vectors:
        if not vector.any():
            places.append((-1, 1.0))
            continue
        lead = vector[np.flatnonzero(vector)[0]]
        unit = vector / lead
        for i, other in enumerate(found):
            if np.allclose(unit, other, rtol=1e-12, atol=0):
                places.append((i, float(lead)))
                break
        else:
            found.append(unit)
            places.append((len(found) - 1, float(lead)))
    return found, places


def _cells(fit: QuadratureFit, part: Part, claim: CompiledClaim) -> Floats:
    """Sum the probabilities of the cells, cut out by all thresholds, in which the claim is true, for each node."""
    atoms, directions = claim.atoms, claim.directions
    cuts: list[list[float]] = [[] for _ in range(len(directions) + 1)]
    for atom, (place, factor) in zip(atoms, claim.places, strict=True):
        if place >= 0:
            cuts[place].append(atom.threshold / factor)
        elif atom.tau_slope:
            cuts[-1].append(atom.threshold / atom.tau_slope)
    edges = [np.unique(c) for c in cuts]
    sides = [np.concatenate([[-_FAR], e, [_FAR]]) for e in edges]
    middles = [_middles(e) for e in edges]
    mesh = np.meshgrid(*middles, indexing="ij")
    values = []
    for atom, (place, factor) in zip(atoms, claim.places, strict=True):
        if place >= 0:
            values.append(factor * mesh[place] < atom.threshold)
        elif atom.tau_slope:
            values.append(atom.tau_slope * mesh[-1] < atom.threshold)
        else:
            values.append(np.full(mesh[0].shape, atom.threshold > 0.0 or (atom.closed and atom.threshold == 0.0)))
    known = [atom.in_part(part) for atom in atoms]
    here = [v if fixed is None else np.full(v.shape, fixed) for v, fixed in zip(values, known, strict=True)]
    holds = np.broadcast_to(claim.truth(here), mesh[0].shape).astype(float)
    inside = _corner_masses(fit, part, directions, sides[:-1])  # (corner..., node)
    for axis in range(len(directions)):
        inside = np.diff(inside, axis=axis)
    shares = np.diff(_tau_shares(part, sides[-1]), axis=0)  # (interval of tau, node): mass of each node in it
    chosen = np.tensordot(holds, shares, axes=(-1, 0))  # (interval..., node)
    return np.asarray((inside * chosen).reshape(-1, shares.shape[-1]).sum(axis=0))


def _middles(edges: Floats) -> Floats:
    """A point in each interval that the edges cut out."""
    if edges.size == 0:
        return np.zeros(1)
    wide = 1.0 + np.abs(edges).max()
    return np.concatenate([[edges[0] - wide], 0.5 * (edges[1:] + edges[:-1]), [edges[-1] + wide]])


def _corner_masses(fit: QuadratureFit, part: Part, directions: Sequence[Floats], sides: Sequence[Floats]) -> Floats:
    """Joint distribution function of the directions at all corners, averaged over components: (corner..., node).

    Each node carries the mean over components weighted by their masses, so that it is multiplied by the node's mass.
    """
    mass = np.asarray(part.posterior.mass)
    node = mass.sum(axis=0)
    share = mass / np.where(node > 0, node, 1.0)
    if not directions:
        return np.ones(mass.shape[-1])
    contrasts = [_contrast(direction) for direction in directions]
    found = [mixtures.moments(part, contrast) for contrast in contrasts]
    new = mixtures.new_study_variance(fit, part)
    sds = [np.sqrt(v + d[-1] ** 2 * new) for (_, v), d in zip(found, directions, strict=True)]
    standard = [_standardised(s, m, d) for s, (m, _), d in zip(sides, found, sds, strict=True)]
    if len(directions) == 1:
        return np.asarray((ndtr(standard[0]) * share).sum(axis=-2))
    a, b = (mixtures.solved(part, contrast) for contrast in contrasts)
    covariance = sum((p * q for p, q in zip(a, b, strict=True)), directions[0][-1] * directions[1][-1] * new)
    product = sds[0] * sds[1]
    rho = np.clip(covariance / np.where(product > 0, product, 1.0), -1.0, 1.0)  # 0 where one is fixed
    joint = bivariate_cdf(standard[0][:, None], standard[1][None, :], rho)
    return np.asarray((joint * share).sum(axis=-2))


def _contrast(direction: Floats) -> Floats:
    """Weights of the coefficients in a direction: a new study's effect is mu, plus tau times a standard normal."""
    return np.asarray(direction[:-1] + direction[-1] * np.eye(direction.size - 1)[0])


def _standardised(sides: Floats, mean: Floats, sd: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (sides[:, None, None] - mean) / sd
    return np.clip(np.where(np.isnan(z), np.inf, z), -1e8, 1e8)


def _tau_shares(part: Part, sides: Floats) -> Floats:
    """Mass that each node contributes to tau up to each side, shape (side, node)."""
    node = np.asarray(part.posterior.mass).sum(axis=0)
    if not isinstance(part.scale, ScaleDensity):
        return np.where(sides[:, None] > part.scale, node, 0.0)
    smooth = scale_part(part)
    lower, upper = float(part.scale.lower), float(part.scale.upper)
    rows = []
    for side in sides:
        if side <= lower or side >= min(upper, _FAR):
            rows.append(node * (side > lower))
            continue
        place = (float(smooth.to_s(np.asarray(side))) - smooth.first) / smooth.step - np.arange(node.size)
        rows.append(node * (0.5 + sici(np.pi * place)[0] / np.pi))
    return np.array(rows)


def _with_sloping_edge(fit: QuadratureFit, part: Part, atom: Affine, truth: Callable[[Sequence[Any]], Any]) -> Floats:
    """A single comparison that mixes tau with the coefficients: its edge moves with the node."""
    mass, known = np.asarray(part.posterior.mass), atom.in_part(part)
    if known is None:
        mean, variance = mixtures.moments(part, _contrast(atom.direction))
        sd = np.sqrt(variance + atom.direction[-1] ** 2 * mixtures.new_study_variance(fit, part))
        z = _standardised(np.array([0.0]), mean + atom.tau_slope * part.posterior.tau - atom.threshold, sd)[0]
        below = ndtr(z)
    else:
        below = np.full(mass.shape, float(known))
    true_below, true_above = bool(truth([np.bool_(True)])), bool(truth([np.bool_(False)]))
    return np.asarray((mass * (below * true_below + (1 - below) * true_above)).sum(axis=0))


def bivariate_cdf(h: Floats, k: Floats, rho: Floats) -> Floats:
    """P(X < h, Y < k) for standard normal X, Y of correlation rho, by Owen's T function.

    References
    ----------
    Owen (1956), Ann. Math. Statist. 27:1075-1090, doi:10.1214/aoms/1177728074

    Examples
    --------
    >>> round(float(bivariate_cdf(np.array(0.0), np.array(0.0), np.array(0.5))), 12)
    0.333333333333
    """
    h, k, rho = np.broadcast_arrays(np.asarray(h, float), np.asarray(k, float), np.asarray(rho, float))
    h, k = (np.where(x == 0, 1e-300, np.clip(x, -40.0, 40.0)) for x in (h, k))
    root = np.sqrt(np.maximum((1 - rho) * (1 + rho), 1e-300))
    opposite = np.where(h * k < 0, 0.5, 0.0)
    with np.errstate(over="ignore"):
        found = (
            0.5 * (ndtr(h) + ndtr(k)) - opposite - owens_t(h, (k / h - rho) / root) - owens_t(k, (h / k - rho) / root)
        )
    return np.asarray(np.clip(found, 0.0, np.minimum(ndtr(h), ndtr(k))))
