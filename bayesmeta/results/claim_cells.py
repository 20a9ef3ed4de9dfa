"""Probabilities of a claim's cells, node by node: rectangles along at most two directions, and intervals of tau."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, owens_t, sici

from bayesmeta.families.effect_names import NEW
from bayesmeta.quadrature import cut, mixtures
from bayesmeta.quadrature.parts import AnyFit, AnyPart, Part
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.claim_algebra import NoExactFormError, constant
from bayesmeta.results.claim_cases import Formula, Linear
from bayesmeta.results.quadrature_marginals import scale_part

Floats = NDArray[np.float64]
_FAR = 1e300  # stands for infinity as the side of a cell
_PARALLEL = 1e-13  # difference of slopes, relative to them, that is rounding


@dataclass(frozen=True, slots=True)
class Affine:
    """A comparison ``direction @ parameters + tau_slope * tau < threshold``, or ``<=`` where `closed`.

    `direction` runs over the coefficients and theta_new; `exact` has the same numbers before they were rounded.
    """

    direction: Floats
    tau_slope: float
    threshold: float
    closed: bool
    exact: Linear

    @property
    def constant(self) -> float:
        """What the expression is where all parameters are zero."""
        return -self.threshold

    def at(self, values: dict[str, Fraction]) -> bool:
        """Whether it holds where all parameters that it names are known."""
        total = sum((c * values[name] for name, c in self.exact.coefficients), Fraction(0))
        return total <= self.exact.threshold if self.closed else total < self.exact.threshold


def distinct_directions(vectors: Sequence[Floats]) -> tuple[list[Floats], list[tuple[int, float]]]:
    """Distinct directions up to a factor, and for each vector its direction's place (-1: none) and the factor."""
    units: list[Floats] = []
    places = []
    for vector in vectors:
        if not vector.any():
            places.append((-1, 1.0))
            continue
        lead = vector[np.flatnonzero(vector)[0]]
        unit = vector / lead
        for i, known in enumerate(units):
            if (np.abs(unit - known) <= 1e-12 * np.abs(known)).all():
                places.append((i, float(lead)))
                break
        else:
            units.append(unit)
            places.append((len(units) - 1, float(lead)))
    return units, places


@dataclass(frozen=True, slots=True)
class _Edge:
    """A comparison in one part: ``lead * q < threshold - slope * tau``, q along a direction, or tau alone (place -1)."""

    place: int
    lead: float
    threshold: float
    slope: float

    def at(self, tau: Any) -> Any:
        """Where on its direction the comparison changes."""
        return (self.threshold - self.slope * tau) / self.lead


def _in_part(atoms: Sequence[Affine], part: AnyPart, names: Sequence[str]) -> tuple[list[bool | _Edge], list[Floats]]:
    """What each comparison is in a part of the fit, some of whose parameters may be known, and its directions."""
    known_tau = None if isinstance(part.scale, ScaleDensity) else part.scale
    spreads = known_tau != 0.0 or part.second != 0.0
    values = {names[i]: constant(float(value)) for i, value in part.piece.fixed.items()}
    if known_tau is not None:
        values["tau"] = constant(float(known_tau))
        if not spreads:
            values |= {f"{NEW}{name}]": value for name, value in values.items()}
            values |= {"theta_new": values["mu"]} if "mu" in values else {}
    edges: list[bool | _Edge] = []
    moving, vectors = [], []
    for atom in atoms:
        contrast, offset = _contrast(atom.direction), 0.0
        for i, value in part.piece.fixed.items():
            offset, contrast[i] = offset + contrast[i] * value, 0.0
        vector = np.append(contrast, atom.direction[-1] if spreads else 0.0)
        offset += atom.tau_slope * (known_tau or 0.0)
        slope = atom.tau_slope if known_tau is None else 0.0
        if vector.any():
            moving.append((len(edges), atom.threshold - offset, slope))
            vectors.append(vector)
            edges.append(True)
        elif slope:
            edges.append(_Edge(-1, slope, atom.threshold - offset, 0.0))
        else:
            edges.append(atom.at(_with_theta_new(values, atom)))
    directions, places = distinct_directions(vectors)
    for (at, threshold, slope), (place, lead) in zip(moving, places, strict=True):
        edges[at] = _Edge(place, lead, threshold, slope)
    return edges, directions


def _with_theta_new(values: dict[str, Fraction], atom: Affine) -> dict[str, Fraction]:
    """Known values, with any for those parameters whose weights cancel: theta_new - mu where tau is zero."""
    return {name: Fraction(0) for name, _ in atom.exact.coefficients} | values


def cell_masses(fit: AnyFit, part: AnyPart, atoms: Sequence[Affine], formulas: Sequence[Formula]) -> Floats:
    """Sum the probabilities of the cells, cut out by all edges, in which each formula is true, shape (formula, node)."""
    edges, directions = _in_part(atoms, part, fit.names)
    moving = [[e for e in edges if isinstance(e, _Edge) and e.place == d] for d in range(len(directions))]
    cuts = [e.at(0.0) for e in edges if isinstance(e, _Edge) and e.place == -1]
    cuts += [tau for along in moving for tau in _crossings(along)]
    ends = np.unique(np.array([cut for cut in cuts if cut > 0]))
    sides = np.concatenate([[-_FAR], ends, [_FAR]])
    shares = np.diff(_tau_shares(part, sides), axis=0)  # (interval of tau, node): mass of each node in it
    corners = _Corners(fit, part, directions, moving)
    total = np.zeros((len(formulas), shares.shape[1]))
    for middle, share in zip(_between(ends, part), shares, strict=True):
        total += share * corners.inside(float(middle), edges, formulas)
    return total


def _between(ends: Floats, part: AnyPart) -> Floats:
    """A value of tau in each interval that the ends cut out: the node of largest mass where there is one."""
    tau = np.broadcast_to(np.asarray(part.posterior.tau), np.asarray(part.posterior.mass).shape)[0]
    if ends.size == 0:
        return np.array([tau[np.argmax(np.asarray(part.posterior.mass).sum(axis=0))]])
    middles = np.concatenate([0.5 * ends[:1], 0.5 * (ends[1:] + ends[:-1]), 2.0 * ends[-1:]])
    heaviest = np.argsort(np.asarray(part.posterior.mass).sum(axis=0))[::-1]
    points = []
    for i in range(ends.size + 1):
        inside = tau[heaviest] > (ends[i - 1] if i else -1.0)
        inside &= tau[heaviest] < (ends[i] if i < ends.size else np.inf)
        points.append(tau[heaviest][np.argmax(inside)] if inside.any() else middles[i])
    return np.array(points)


def _crossings(edges: Sequence[_Edge]) -> list[float]:
    """Values of tau at which two edges along one direction change places."""
    crossings = []
    for a, b in itertools.combinations(dict.fromkeys(edges), 2):
        slope_a, slope_b = a.slope / a.lead, b.slope / b.lead
        if abs(slope_a - slope_b) > _PARALLEL * max(abs(slope_a), abs(slope_b)):
            crossings.append((a.threshold / a.lead - b.threshold / b.lead) / (slope_a - slope_b))
    return crossings


class _Corners:
    """The joint distribution function of the directions of one part at all edges, which may move with the node.

    Each node carries the mean over components weighted by their masses, so that it is multiplied by the node's mass.
    """

    def __init__(
        self, fit: AnyFit, part: AnyPart, directions: Sequence[Floats], moving: Sequence[Sequence[_Edge]]
    ) -> None:
        self.moving = [list(dict.fromkeys(along)) for along in moving]
        mass = np.asarray(part.posterior.mass)
        node = mass.sum(axis=0)
        self.n_nodes = node.size
        share = mass / np.where(node > 0, node, 1.0)
        tau, standard, sds = np.asarray(part.posterior.tau), [], list[Floats]()
        for direction, along in zip(directions, self.moving, strict=True):
            mean, variance = mixtures.moments(part, direction[:-1])
            sds.append(np.sqrt(variance + direction[-1] ** 2 * mixtures.new_study_variance(fit, part)))
            at = np.stack([np.broadcast_to(edge.at(tau), mass.shape) for edge in along])
            standard.append(_standardised(at, mean, sds[-1]))
        if not directions:
            return
        if part.cut is not None:
            self._cut(part, [_with_cut(part, *pair) for pair in zip(directions, sds, strict=True)], standard, share)
            return
        self.margins = [(ndtr(z) * share).sum(axis=-2) for z in standard]  # (edge, node)
        if len(directions) == 2:
            rho = _correlation(fit, part, directions, sds)
            joint = bivariate_cdf(standard[0][:, None], standard[1][None, :], rho)
            self.joint = (joint * share).sum(axis=-2)  # (edge, edge, node)

    def _cut(self, part: AnyPart, correlations: Sequence[Floats], standard: Sequence[Floats], share: Floats) -> None:
        """The same under a truncated prior; of two directions one has to be what is cut."""
        low, high = mixtures.cut_at(part)
        shares = [cut.below(z, rho, low, high) for z, rho in zip(standard, correlations, strict=True)]
        self.margins = [(one * share).sum(axis=-2) for one in shares]
        if len(standard) < 2:
            return
        along = next((i for i, rho in enumerate(correlations) if (rho > 1 - _PARALLEL).all()), None)
        if along is None:
            raise NoExactFormError
        h, k = standard[along], standard[1 - along]  # P(Z < h, Q < k) is P(Z < h) P(Q < k given Z < h)
        end = np.clip(h, low, high)[:, None]
        with np.errstate(invalid="ignore"):
            given = cut.below(k[None, :], correlations[1 - along], low, end)
        joint = np.exp(cut.log_mass(low, end) - cut.log_mass(low, high)) * np.where(end > low, given, 0.0)
        joint = (joint * share).sum(axis=-2)
        self.joint = joint if along == 0 else np.swapaxes(joint, 0, 1)

    def inside(self, tau: float, edges: Sequence[bool | _Edge], formulas: Sequence[Formula]) -> Floats:
        """Probability of each formula at each node, with the edges in the order that they have at `tau`."""
        at = [np.array([edge.at(tau) for edge in along]) for along in self.moving]
        orders = [np.argsort(a, kind="stable") for a in at]
        mesh = np.meshgrid(*[middles_of(a[order]) for a, order in zip(at, orders, strict=True)], indexing="ij")
        truths: list[Any] = []
        shape = mesh[0].shape if mesh else ()
        for edge in edges:
            if isinstance(edge, bool):
                truths.append(np.full(shape, edge))
            elif edge.place < 0:
                truths.append(np.full(shape, edge.lead * tau < edge.threshold))
            else:
                truths.append(edge.lead * mesh[edge.place] < edge.threshold - edge.slope * tau)
        holds = np.stack([np.broadcast_to(formula.truth(truths), shape).astype(float) for formula in formulas])
        if not mesh:
            return np.repeat(holds[:, None], self.n_nodes, axis=1)
        padded = [
            np.concatenate([np.zeros((1, self.n_nodes)), margin[order], np.ones((1, self.n_nodes))])
            for margin, order in zip(self.margins, orders, strict=True)
        ]
        if len(mesh) == 1:
            return np.asarray(holds @ np.diff(padded[0], axis=0))
        corner = np.zeros((len(at[0]) + 2, len(at[1]) + 2, self.n_nodes))
        corner[1:-1, 1:-1] = self.joint[np.ix_(orders[0], orders[1])]
        corner[-1, :], corner[:, -1] = padded[1], padded[0]
        cell = np.diff(np.diff(corner, axis=0), axis=1)
        return np.tensordot(holds, cell, axes=2)


def _with_cut(part: AnyPart, direction: Floats, sd: Floats) -> Floats:
    """Correlation of a direction with what is cut at the nodes, shape (component, node)."""
    covariance = mixtures.with_cut(part, mixtures.solved(part, direction[:-1]))
    return np.asarray(np.clip(covariance / np.where(sd > 0, sd, 1.0), -1.0, 1.0))


def _correlation(fit: AnyFit, part: AnyPart, directions: Sequence[Floats], sds: Sequence[Floats]) -> Floats:
    """Correlation of two directions at the nodes, shape (component, node)."""
    a, b = (mixtures.solved(part, direction[:-1]) for direction in directions)
    new = mixtures.new_study_variance(fit, part)
    covariance = sum((p * q for p, q in zip(a, b, strict=True)), directions[0][-1] * directions[1][-1] * new)
    product = sds[0] * sds[1]
    return np.asarray(np.clip(covariance / np.where(product > 0, product, 1.0), -1.0, 1.0))  # 0 where one is fixed


def middles_of(edges: Floats) -> Floats:
    """A point in each interval that the edges cut out."""
    if edges.size == 0:
        return np.zeros(1)
    wide = 1.0 + np.abs(edges).max()
    return np.concatenate([[edges[0] - wide], 0.5 * (edges[1:] + edges[:-1]), [edges[-1] + wide]])


def _contrast(direction: Floats) -> Floats:
    """Weights of the coefficients in a direction: a new study's effect is mu, plus tau times a standard normal."""
    return np.asarray(direction[:-1] + direction[-1] * np.eye(direction.size - 1)[0])


def _standardised(sides: Floats, mean: Floats, sd: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = (sides - mean) / sd
    return np.clip(np.where(np.isnan(z), np.inf, z), -1e8, 1e8)


def _tau_shares(part: AnyPart, sides: Floats) -> Floats:
    """Mass that each node contributes to tau up to each side, shape (side, node)."""
    node = np.asarray(part.posterior.mass).sum(axis=0)
    if not isinstance(part.scale, ScaleDensity):
        return np.where(sides[:, None] > part.scale, node, 0.0)
    smooth = scale_part(cast(Part, part))  # nodes on a line of integration
    lower, upper = float(part.scale.lower), float(part.scale.upper)
    rows = []
    for side in sides:
        if side <= lower or side >= min(upper, _FAR):
            rows.append(node * (side > lower))
            continue
        place = (float(smooth.to_s(np.asarray(side))) - smooth.first) / smooth.step - np.arange(node.size)
        rows.append(node * (0.5 + sici(np.pi * place)[0] / np.pi))
    return np.array(rows)


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
        probability = (
            0.5 * (ndtr(h) + ndtr(k)) - opposite - owens_t(h, (k / h - rho) / root) - owens_t(k, (h / k - rho) / root)
        )
    return np.asarray(np.clip(probability, 0.0, np.minimum(ndtr(h), ndtr(k))))
