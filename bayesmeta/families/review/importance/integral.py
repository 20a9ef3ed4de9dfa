"""Mean, coefficients and tau integrated out given the trials: exact sums over nodes of tau, for many sets of trials at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import Conditional, Problem, Sums, condition, weighted_sums
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.places import Places

Floats = NDArray[np.float64]
_ELEMENTS = 100_000  # of the largest temporary array: it stays in a processor's cache
_FEW = 150_000  # sets times nodes of tau, of which sums over trials are kept for more nodes than the last


@dataclass(frozen=True)
class TauRule:
    """Nodes of tau.

    Attributes
    ----------
    places : Places
    tau : ndarray, shape (node,)
    log_weight : ndarray, shape (node,)
        Log of the prior mass that each stands for.
    """

    places: Places
    tau: Floats
    log_weight: Floats


def tau_rule(prior: Prior, upper: float, n: int) -> TauRule:
    """A Gauss rule in the square root of tau, from the lower end of its prior to `upper`; a point mass has one node."""
    lower, end = max(prior.support[0], 0.0), min(prior.support[1], upper)
    if prior.atom is not None:
        lower, end, n = prior.atom, prior.atom, 1
    places = Places("root", np.array(lower), np.array(end), n)
    return TauRule(places, *places.rule(prior))


@dataclass(frozen=True, eq=False)
class Trials:
    """Many sets of trials; the sums over each that no prior changes are kept for the nodes of tau that were asked for last.

    Attributes
    ----------
    y, se : ndarray, shape (set, study)
    X : ndarray, shape (set, study, coefficient)
    """

    y: Floats
    se: Floats
    X: Floats

    def problem(self, rows: slice, piece: Piece) -> Problem:
        """Some of the sets, less what the coefficients add that a piece of the prior fixes."""
        y, X = self.y[rows], self.X[rows]
        fixed = sum((X[..., i] * value for i, value in piece.fixed.items()), np.zeros(y.shape))
        columns = tuple(None if i in self._ones else turned(X[..., i]) for i in piece.free)
        return Problem(turned(y - fixed), turned(self.se[rows] ** 2), columns)

    def sums(self, piece: Piece, tau: Floats) -> Sums:
        """Sums over the trials of every set at nodes of tau, shape (set, 1, node)."""
        asked = _Asked(self, piece, tau)
        return _few_kept(asked) if len(self.y) * tau.size <= _FEW else _kept(asked)

    @cached_property
    def _ones(self) -> frozenset[int]:
        """Columns of ones, which nothing needs to be multiplied by."""
        return frozenset(np.flatnonzero((self.X == 1).all(axis=(0, 1))).tolist())


@dataclass(frozen=True)
class _Asked:
    """Trials, which coefficients the prior fixes, and nodes of tau: all that sums over trials depend on."""

    trials: Trials
    piece: Piece = field(compare=False)
    tau: Floats = field(compare=False)
    key: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (self.piece.free, tuple(self.piece.fixed.items()), self.tau.tobytes()))


def _sums(asked: _Asked) -> Sums:
    trials, piece, tau = asked.trials, asked.piece, asked.tau
    p, parts = len(piece.free), list[Sums]()
    for rows in slices(len(trials.y), trials.y.shape[1] * tau.size):
        parts.append(weighted_sums(trials.problem(rows, piece), tau[None, None, :] ** 2))

    def joined(of: Callable[[Sums], Floats]) -> Floats:
        return np.concatenate([np.zeros((0, 1, tau.size)), *map(of, parts)])

    gram = [[joined(lambda one, i=i, j=j: one.gram[i][j]) for j in range(i + 1)] for i in range(p)]  # type: ignore[misc]
    cross = [joined(lambda one, i=i: one.cross[i]) for i in range(p)]  # type: ignore[misc]
    return Sums(gram, cross, joined(lambda one: one.square), joined(lambda one: one.log_weight))


_few_kept, _kept = lru_cache(maxsize=8)(_sums), lru_cache(maxsize=1)(_sums)


def slices(n: int, elements: int) -> Iterator[slice]:
    """Parts of `n` sets whose temporary arrays stay small; each set has as many elements."""
    size = max(_ELEMENTS // max(elements, 1), 1)
    yield from (slice(start, start + size) for start in range(0, n, size))


def blocks(trials: Trials, piece: Piece, rule: TauRule) -> Iterator[tuple[slice, Conditional]]:
    """The coefficients given every node of tau, for blocks of sets of trials.

    Parameters
    ----------
    trials : Trials
    piece : Piece
        Of the prior on the coefficients.
    rule : TauRule

    Yields
    ------
    slice, Conditional
        The sets, and arrays of shape (set, component, node).
    """
    prior, tau2 = piece.prior(np.eye(len(piece.free))), rule.tau[None, None, :] ** 2
    every = trials.sums(piece, rule.tau)
    for rows in slices(len(trials.y), max(trials.y.shape[1], 4 * piece.log_weight.size) * rule.tau.size):
        gram = [[entry[rows] for entry in row] for row in every.gram]
        sums = Sums(gram, [entry[rows] for entry in every.cross], every.square[rows], every.log_weight[rows])
        yield rows, condition(trials.problem(rows, piece), prior, tau2, sums=sums)


def log_marginal(trials: Trials, pieces: list[Piece], rule: TauRule) -> Floats:
    """Log of the terms by node of tau whose sum is the marginal density of the effects of a set of trials, (set, node)."""
    terms = np.full((len(trials.y), rule.tau.size), -np.inf)
    for piece in pieces:
        for rows, given in blocks(trials, piece, rule):
            by_node = logsumexp(given.log_likelihood, axis=-2) + rule.log_weight + np.log(piece.weight)
            terms[rows] = np.logaddexp(terms[rows], by_node)
    return terms


def turned(x: Floats) -> Floats:
    """Studies first, then sets, with room for components and nodes."""
    return np.ascontiguousarray(x.T)[:, :, None, None]
