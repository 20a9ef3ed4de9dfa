"""For one prior on the coefficients: everything that is linear in the posterior masses of tau, node by node."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature import mixtures
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.integrate import Integrand, Posterior, over_components
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.quadrature.setting import Setting
from bayesmeta.quadrature.special import normal_cdf
from bayesmeta.results.exact_claims import CompiledClaim
from bayesmeta.sensitivity.divergence import Terms, log_prior_of_coefficients
from bayesmeta.sensitivity.quantity import Quantity
from bayesmeta.sensitivity.rules import Rule

Floats = NDArray[np.float64]
_ROUNDING = 2.0**-52
_PROBES = np.linspace(-4.0, 4.0, 17)  # sd around each node's mean at which distribution functions are compared
_CENTRES = 9  # nodes around whose means they are


@dataclass(frozen=True, slots=True)
class Table:
    """The likelihood and what to average, at the nodes of one prior on the coefficients.

    Attributes
    ----------
    log_likelihood : ndarray, shape (node,)
    claims : ndarray, shape (node, claim)
        Probability of each claim given the node.
    mean, second : ndarray, shape (node,)
        Mean of the quantity, and of its squared distance from `centre`.
    centre : float
    ratio : ndarray, shape (node,)
        Expected log density of the prior over that of the primary prior.
    means, sds, shares : ndarray, shape (component, node)
        The quantity's normal components, and their shares of the node.
    parts : tuple of Part
        One for each rule and piece of the prior.
    places : tuple of slice
        Where the nodes of each part are.
    signs : ndarray, shape (node,)
    parities : ndarray, shape (dimension, component, node)
    size : ndarray, shape (node,)
        Rounding error of the log likelihood.
    """

    log_likelihood: Floats
    claims: Floats
    mean: Floats
    second: Floats
    centre: float
    ratio: Floats
    means: Floats
    sds: Floats
    shares: Floats
    parts: tuple[Part, ...]
    places: tuple[slice, ...]
    signs: Floats
    parities: Floats
    size: Floats

    def probes(self, weight: Floats) -> Floats:
        """Points at which the quantity's distribution function is tabulated, from the nodes that matter."""
        at = np.flatnonzero(weight > 1e-6 * weight.max())
        at = at[np.linspace(0, at.size - 1, min(_CENTRES, at.size)).astype(int)]
        centre = (self.shares * self.means).sum(axis=0)  # at every node
        spread = np.sqrt((self.shares * (self.sds**2 + (self.means - centre) ** 2)).sum(axis=0))
        return np.unique(centre[at, None] + spread[at, None] * _PROBES)

    def distribution(self, points: Floats, at: NDArray[np.intp], weights: Floats | None = None) -> Floats:
        """The quantity's distribution function given some of the nodes, shape (node, point)."""
        share = (self.shares if weights is None else self.shares * weights)[:, at]
        means, sds = self.means[:, at], self.sds[:, at]
        below = np.empty((at.size, points.size))
        with np.errstate(divide="ignore", invalid="ignore"):
            for i, x in enumerate(points):
                z = (x - means) / sds
                below[:, i] = (share * normal_cdf(np.where(np.isnan(z), np.inf, z))).sum(axis=0)
        return below


def tabulate(
    ready: Setting,
    stub: QuadratureFit,
    pieces: Sequence[Piece],
    rules: Sequence[Rule],
    claims: Sequence[CompiledClaim],
    quantity: Quantity | None,
    terms: tuple[Terms, Terms],
) -> Table:
    """Tabulate one prior on the coefficients, split into pieces, over all nodes of some rules.

    Parameters
    ----------
    ready : Setting
        Effects and design.
    stub : QuadratureFit
        A fit of the same data, whose parts are not used.
    pieces : sequence of Piece
    rules : sequence of Rule
    claims : sequence of CompiledClaim
    quantity : Quantity or None
    terms : tuple of Terms
        The priors that differ from the primary ones, and those.
    """
    parts = [(math.log(piece.weight), _part(ready, piece, rule), rule) for piece in pieces for rule in rules]
    widths = [part.posterior.mass.shape[-1] for _, part, _ in parts]
    ends = np.cumsum([0, *widths])
    most = max(part.posterior.mass.shape[0] for _, part, _ in parts)
    dimensions = max(len(piece.parities) for piece in pieces)

    def padded(x: Floats, fill: float) -> Floats:
        return np.pad(x, ((0, most - x.shape[0]), (0, 0)), constant_values=fill)

    moments = [_moments(stub, part, quantity) for _, part, _ in parts]
    means = np.concatenate([padded(m, 0.0) for m, _ in moments], axis=1)
    sds = np.sqrt(np.concatenate([padded(v, 1.0) for _, v in moments], axis=1))
    shares = np.concatenate([padded(np.asarray(part.posterior.mass), 0.0) for _, part, _ in parts], axis=1)
    parities = np.zeros((dimensions, most, int(ends[-1])))
    for (_, part, _), start, end in zip(parts, ends, ends[1:], strict=False):
        for d, parity in enumerate(part.integrand.parities):
            parities[d, : len(parity), start:end] = np.asarray(parity)[:, None]
    log_likelihood = np.concatenate([np.asarray(part.posterior.log_evidence)[0] + w for w, part, _ in parts])
    centre = float(means[:, np.argmax(log_likelihood)] @ shares[:, np.argmax(log_likelihood)])
    with np.errstate(invalid="ignore"):
        ratio = [_ratio(part, stub.names, terms) for _, part, _ in parts]
    by_claim = [np.concatenate([claim.by_node(stub, part) for _, part, _ in parts]) for claim in claims]
    return Table(
        log_likelihood=log_likelihood,
        claims=np.stack(by_claim, axis=-1) if by_claim else np.zeros((int(ends[-1]), 0)),
        mean=(shares * means).sum(axis=0),
        second=(shares * (sds**2 + (means - centre) ** 2)).sum(axis=0),
        centre=centre,
        ratio=np.concatenate(ratio),
        means=means,
        sds=sds,
        shares=shares,
        parts=tuple(part for _, part, _ in parts),
        places=tuple(slice(int(a), int(b)) for a, b in itertools.pairwise(ends)),
        signs=np.concatenate([rule.signs for _, _, rule in parts]),
        parities=parities,
        size=np.concatenate([np.asarray(part.posterior.error)[0] for _, part, _ in parts]),
    )


def _part(ready: Setting, piece: Piece, rule: Rule) -> Part:
    """The coefficients given tau at the nodes of a rule, as a part of a posterior whose nodes have a mass of one each."""
    integrand, basis = ready.integrand(piece, rule.scale, False)
    posterior = _conditional(integrand, rule)
    return Part(piece, rule.scale, 1.0, 1.0, 0.0, posterior, integrand, basis)


def _conditional(integrand: Integrand, rule: Rule) -> Posterior:
    given = integrand.given(rule.tau, sized=True)
    total = over_components(given.log_likelihood)
    share = np.exp(given.log_likelihood - total)
    rounding = _ROUNDING * (share * np.asarray(given.size)).sum(axis=0, keepdims=True)
    step = np.full((1, 1), rule.step)
    return Posterior(rule.v, rule.tau, share, given, total, rule.grid, step, rounding, rounding, rounding, step)


def _moments(stub: QuadratureFit, part: Part, quantity: Quantity | None) -> tuple[Floats, Floats]:
    shape = np.asarray(part.posterior.mass).shape
    if quantity is None or quantity.contrast is None:
        tau = np.broadcast_to(np.asarray(part.posterior.tau), shape)
        return (tau if quantity is not None else np.zeros(shape)), np.zeros(shape)
    mean, variance = mixtures.moments(part, quantity.contrast)
    spread = mixtures.new_study_variance(stub, part) if quantity.new_study else 0.0
    return np.broadcast_to(mean, shape), np.broadcast_to(variance + spread, shape)


def _ratio(part: Part, names: Sequence[str], terms: tuple[Terms, Terms]) -> Floats:
    gap = log_prior_of_coefficients(part, names, terms[0]) - log_prior_of_coefficients(part, names, terms[1])
    share = np.asarray(part.posterior.mass)
    return np.asarray(np.where(share > 0, share * gap, 0.0).sum(axis=0))
