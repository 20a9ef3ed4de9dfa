"""The posterior of a model of a review, from a weighted sample of the trials: a mixture of normals with a Monte Carlo error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.review.importance.integral import TauRule, Trials, blocks, log_marginal, tau_rule
from bayesmeta.families.review.importance.sample import REPLICATES, Sample
from bayesmeta.priors import Prior
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import Conditional, condition
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.node_mixture import NodeMixture, NodePart, Nodes
from bayesmeta.quadrature.places import draw_place
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
_DEEPEST = 18.0  # below the largest weight of what was printed, where no effects' density makes up for it
_TRIED = 1000  # sets by which nodes of tau are placed
_FARTHEST, _DEPTH, _SHORTER = 60.0, 30.0, 8  # first end of tau in units; log depth of its last node; steps to get there
_NODES, _MOST_NODES, _SAME = 32, 256, 1e-6  # of tau; change of the log marginal likelihood when they are doubled
_NEGLIGIBLE = 1e-12  # of the posterior: nodes that are left out


@dataclass(frozen=True)
class Priors:
    """Priors of a model of a review, ready to be integrated over.

    Attributes
    ----------
    names : tuple of str
        Coefficients, mu first.
    pieces : list of Piece
    tau : Prior
    """

    names: tuple[str, ...]
    pieces: list[Piece]
    tau: Prior


@dataclass(frozen=True)
class Sets:
    """Sets of trials under one scenario each: points and scenarios that have any weight.

    Attributes
    ----------
    sample : Sample
    stratum, point, scenario : ndarray of int, shape (set,)
        Where each is found: `scenario` among those of its stratum.
    y, se : ndarray, shape (set, study)
    X : ndarray, shape (set, study, coefficient)
    log_weight : ndarray, shape (set,)
    replicate : ndarray of int, shape (set,)
    """

    sample: Sample
    stratum: Ints
    point: Ints
    scenario: Ints
    y: Floats
    se: Floats
    X: Floats
    log_weight: Floats
    replicate: Ints

    @cached_property
    def trials(self) -> Trials:
        """The trials of every set, with what posteriors under any priors share."""
        return Trials(self.y, self.se, self.X)

    @cached_property
    def heaviest(self) -> tuple[Trials, Floats]:
        """Trials and log weights of some sets, by which nodes of tau are placed under any priors."""
        few = np.argsort(self.log_weight)[::-1][:_TRIED]
        return Trials(self.y[few], self.se[few], self.X[few]), self.log_weight[few]


def sets(sample: Sample, design: Design) -> Sets:
    """All sets of trials of a sample whose weight is not negligible."""
    drawn = sample.drawn
    best = max((one.log_weight.max(initial=-np.inf) for one in drawn), default=-np.inf)
    parts: list[tuple[Any, ...]] = []
    n, p = design.base.shape[1], design.base.shape[2] + design.intercept
    for i, one in enumerate(drawn):
        point, scenario = np.nonzero(one.log_weight > best - _DEEPEST)
        at = one.proposal.stratum.scenarios[scenario]
        X = design.base[at] + np.einsum("us,sunp->unp", one.points.positions[point], design.slope[:, at])
        if design.intercept:
            X = np.concatenate([np.ones((*X.shape[:2], 1)), X], axis=-1)
        parts.append(
            (
                np.full(point.size, i),
                point,
                scenario,
                one.points.y[point],
                one.points.se[point],
                X,
                one.log_weight[point, scenario],
                one.replicate[point],
            )
        )
    if not parts:
        empty = np.zeros(0, dtype=int)
        return Sets(
            sample, empty, empty, empty, np.zeros((0, n)), np.zeros((0, n)), np.zeros((0, n, p)), np.zeros(0), empty
        )
    return Sets(sample, *(np.concatenate(values) for values in zip(*parts, strict=True)))


@dataclass(frozen=True)
class ReviewPosterior:
    """Posterior of a model: a mixture over sets of trials, nodes of tau and components of the prior.

    Attributes
    ----------
    sets : Sets
    priors : Priors
    rule : TauRule
    by_tau : ndarray, shape (set, node)
        Log posterior weight of every set at every node of tau, not normalised.
    """

    sets: Sets
    priors: Priors
    rule: TauRule
    by_tau: Floats

    @cached_property
    def log_set(self) -> Floats:
        """Log posterior weight of every set, not normalised, shape (set,)."""
        return logsumexp(self.by_tau, axis=1)

    @cached_property
    def log_evidence(self) -> float:
        """Log marginal likelihood."""
        return float(logsumexp(self.log_set))

    @cached_property
    def weight(self) -> Floats:
        """Posterior probability of every set."""
        return np.asarray(np.exp(self.log_set - self.log_evidence))

    @cached_property
    def by_point(self) -> Floats:
        """Posterior probability of every point that has any, over its scenarios."""
        key = self.sets.stratum * (self.sets.point.max(initial=0) + 1) + self.sets.point
        _, place = np.unique(key, return_inverse=True)
        return np.bincount(place, self.weight)

    @cached_property
    def nodes(self) -> NodeMixture:
        """Every set of trials at every node of tau and component of the prior that has any probability."""
        given, kept = self.sets, list[tuple[Piece, Floats, Floats, Conditional, Ints]]()
        base = given.log_weight - self.log_evidence
        for piece in self.priors.pieces:
            rows_of, kept_of, means, roots = list[Ints](), list[Floats](), list[Floats](), list[Floats]()
            taus = list[Floats]()
            for rows, block in blocks(given.trials, piece, self.rule):
                log_mass = base[rows, None, None] + block.log_likelihood + self.rule.log_weight + math.log(piece.weight)
                at = np.nonzero(log_mass > math.log(_NEGLIGIBLE))
                rows_of.append(at[0] + rows.start)
                kept_of.append(np.exp(log_mass[at]))
                taus.append(self.rule.tau[at[2]])
                full = log_mass.shape
                means.append(np.array([np.broadcast_to(m, full)[at] for m in block.mean]).reshape(len(piece.free), -1))
                lower = [
                    np.broadcast_to(block.root[i][j], full)[at] for i in range(len(piece.free)) for j in range(i + 1)
                ]
                roots.append(np.array(lower).reshape(-1, at[0].size))
            mass, tau = np.concatenate(kept_of), np.concatenate(taus)
            mean, root = np.concatenate(means, axis=1), iter(np.concatenate(roots, axis=1))
            triangle = tuple(tuple(next(root)[None] for _ in range(i + 1)) for i in range(len(piece.free)))
            conditional = Conditional(np.log(mass)[None], tuple(m[None] for m in mean), triangle)
            kept.append((piece, mass, tau, conditional, given.replicate[np.concatenate(rows_of)]))
        total = sum(float(mass.sum()) for _, mass, *_ in kept)
        parts = [
            NodePart(piece, float(mass.sum()) / total, Nodes(tau[None], mass[None] / mass.sum(), conditional), group)
            for piece, mass, tau, conditional, group in kept
            if mass.size
        ]
        return NodeMixture(self.priors.names, parts, REPLICATES)

    @cached_property
    def tau_mass(self) -> Floats:
        """Posterior probability of every node of tau, by replicate, shape (replicate, node); they sum to one."""
        mass = np.exp(self.by_tau - self.log_evidence)
        return np.stack([np.bincount(self.sets.replicate, column, minlength=REPLICATES) for column in mass.T], axis=1)

    @property
    def log_evidence_error(self) -> float:
        """Monte Carlo standard error of the log marginal likelihood, from its variation between replicates."""
        share = np.bincount(self.sets.replicate, self.weight, minlength=REPLICATES) * REPLICATES
        return float(share.std(ddof=1) / math.sqrt(REPLICATES))

    @property
    def scenarios(self) -> tuple[list[tuple[str, ...]], Floats]:
        """Labels of all scenarios of the strata, one for each choice, and their posterior probabilities."""
        labels, shares = list[tuple[str, ...]](), list[Floats]()
        for i, one in enumerate(self.sets.sample.drawn):
            rows, own = self.sets.stratum == i, one.proposal.stratum.arrays.labels
            labels += own
            shares.append(np.bincount(self.sets.scenario[rows], self.weight[rows], minlength=len(own)))
        return labels, np.concatenate(shares)

    @property
    def n_effective(self) -> float:
        """Number of points of equal weight that are worth as much."""
        return float(1 / (self.by_point**2).sum())

    @property
    def largest_weight(self) -> float:
        """Share of the heaviest point."""
        return float(self.by_point.max())


def posterior(given: Sets, priors: Priors, unit: float) -> ReviewPosterior:
    """The posterior under priors.

    Parameters
    ----------
    unit : float
        A typical standard error, from which nodes of tau are placed first.

    Raises
    ------
    InferenceError
        If no node carries the posterior of tau.
    """
    rule = _settled(given, priors, unit)
    terms = log_marginal(given.trials, priors.pieces, rule)
    return ReviewPosterior(given, priors, rule, given.log_weight[:, None] + terms)


def _settled(given: Sets, priors: Priors, unit: float) -> TauRule:
    """Nodes of tau that reach as far as its posterior and are dense enough, by the heaviest sets."""
    few, log_weight = given.heaviest

    def mass(rule: TauRule) -> Floats:
        return logsumexp(log_weight[:, None] + log_marginal(few, priors.pieces, rule), axis=0)

    upper = _FARTHEST * unit
    if priors.tau.is_proper:
        upper = min(upper, float(priors.tau.ppf(1 - 1e-10)))  # 1e-10 of the prior lies beyond
    if priors.tau.atom is not None:
        return tau_rule(priors.tau, upper, 1)
    for _ in range(_SHORTER):
        rule = tau_rule(priors.tau, upper, _NODES)
        by_node = mass(rule)
        kept = np.flatnonzero(by_node > by_node.max() - _DEPTH)[-1]
        if kept >= _NODES // 2:
            break
        upper = float(rule.tau[kept + 1])
    n, total = _NODES, logsumexp(by_node)
    while n < _MOST_NODES:
        denser = logsumexp(mass(tau_rule(priors.tau, upper, 2 * n)))
        if abs(denser - total) < _SAME:
            break
        n, total = 2 * n, denser
    return tau_rule(priors.tau, upper, n)


def drawn(fitted: ReviewPosterior, n: int, seed: int) -> tuple[dict[str, Floats], Ints]:
    """Draws of every parameter and latent, by name, each of shape (draw, ...), and the replicate that each is from.

    A set of trials is picked, then tau, then the rest. Sets are picked at equal steps of their cumulated weights, so that each
    comes as often as its weight says, to one draw.
    """
    given, rng = fitted.sets, np.random.default_rng([seed, 0])
    below = np.cumsum(fitted.weight)
    pick = np.minimum(np.searchsorted(below, (np.arange(n) + rng.random()) / n * below[-1]), below.size - 1)
    pick = rng.permutation(pick)
    tau = _tau_draws(fitted.rule, fitted.by_tau[pick], rng)
    beta = _coefficient_draws(fitted.priors, given.y[pick], given.se[pick], given.X[pick], tau, rng)
    values = {"tau": tau} | {name: beta[:, i] for i, name in enumerate(fitted.priors.names)}
    return values | _latents(given, pick), given.replicate[pick]


def _tau_draws(rule: TauRule, terms: Floats, rng: np.random.Generator) -> Floats:
    if rule.places.n == 1:
        return np.full(len(terms), rule.tau[0])
    at = draw_place(terms - terms.max(axis=1, keepdims=True), rng)
    return np.asarray(rule.places.at(at, rule.places.lower, rule.places.upper))


def _coefficient_draws(
    priors: Priors, y: Floats, se: Floats, X: Floats, tau: Floats, rng: np.random.Generator
) -> Floats:
    """Coefficients given trials and tau: a part and a component of the prior by their probability, then a normal."""
    out, given = np.zeros((len(y), len(priors.names))), list[tuple[Piece, Conditional]]()
    for piece in priors.pieces:
        problem = Trials(y, se, X).problem(slice(None), piece)
        given.append((piece, condition(problem, piece.prior(np.eye(len(piece.free))), tau[:, None, None] ** 2)))
    log_weight = np.concatenate([one.log_likelihood[..., 0] + math.log(piece.weight) for piece, one in given], axis=1)
    share = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    chosen = (np.cumsum(share, axis=1) < (rng.random(len(y)) * share.sum(axis=1))[:, None]).sum(axis=1)
    start = 0
    for piece, one in given:
        size, p = piece.log_weight.size, len(piece.free)
        rows = np.flatnonzero((chosen >= start) & (chosen < start + size))
        at = (rows, chosen[rows] - start, np.zeros(rows.size, dtype=int))
        full = one.log_likelihood.shape
        noise = rng.standard_normal((p, rows.size))
        root = [[np.broadcast_to(x, full)[at] for x in row] for row in one.root]
        for i in reversed(range(p)):  # beta = mean + L^-T noise
            noise[i] = (noise[i] - sum(root[j][i] * noise[j] for j in range(i + 1, p))) / root[i][i]
        for i, column in enumerate(piece.free):
            out[rows, column] = np.broadcast_to(one.mean[i], full)[at] + noise[i]
        for column, value in piece.fixed.items():
            out[rows, column] = value
        start += size
    return out


def _latents(given: Sets, pick: Ints) -> dict[str, Floats]:
    """The latents of the sets picked, as a likelihood names them."""
    values_of: dict[str, Floats] = {}
    latent = given.sample.drawn[0].proposal.latent
    values_of["y_latent"] = given.y[pick][:, latent]
    for name, field in (("sd", "sd"), ("size_position", "size_position"), ("range_position", "positions")):
        values = np.zeros((pick.size, getattr(given.sample.drawn[0].points, field).shape[1]))
        for i, one in enumerate(given.sample.drawn):
            rows = given.stratum[pick] == i
            values[rows] = getattr(one.points, field)[given.point[pick][rows]]
        values_of[name] = values
    return values_of
