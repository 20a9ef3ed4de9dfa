"""Mean, coefficients and tau integrated out given the trials: exact sums over nodes of tau, for many sets of trials at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.coefficients import Piece
from bayesmeta.quadrature.gaussian import Conditional, Problem, condition
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.places import Places

Floats = NDArray[np.float64]
_ELEMENTS = 1_500_000  # of the largest temporary array


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
    if prior.atom is not None:
        at = np.array(prior.atom)
        return TauRule(Places("root", at, at, 1), at[None], np.zeros(1))
    lower, end = max(prior.support[0], 0.0), min(prior.support[1], upper)
    places = Places("root", np.array(lower), np.array(end), n)
    x, _ = np.polynomial.legendre.leggauss(n)
    tau = lower + (end - lower) * ((x + 1) / 2) ** 2
    return TauRule(places, tau, places.log_weight + np.asarray(prior.logpdf(tau)))


def blocks(y: Floats, se: Floats, X: Floats, piece: Piece, rule: TauRule) -> Iterator[tuple[slice, Conditional]]:
    """The coefficients given every node of tau, for blocks of sets of trials.

    Parameters
    ----------
    y, se : ndarray, shape (set, study)
    X : ndarray, shape (set, study, coefficient)
    piece : Piece
        Of the prior on the coefficients.
    rule : TauRule

    Yields
    ------
    slice, Conditional
        The sets, and arrays of shape (set, component, node).
    """
    prior = piece.prior(np.eye(len(piece.free)))
    fixed = sum((X[..., i] * value for i, value in piece.fixed.items()), np.zeros(y.shape))
    per_set = y.shape[1] * piece.log_weight.size * rule.tau.size
    size = max(_ELEMENTS // per_set, 1)
    tau2 = rule.tau[None, None, :] ** 2
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        columns = tuple(turned(X[rows, :, i]) for i in piece.free)
        problem = Problem(turned(y[rows] - fixed[rows]), turned(se[rows] ** 2), columns)
        yield rows, condition(problem, prior, tau2)


def log_marginal(y: Floats, se: Floats, X: Floats, pieces: list[Piece], rule: TauRule) -> Floats:
    """Log of the terms by node of tau whose sum is the marginal density of the effects of a set of trials, (set, node)."""
    terms = np.full((len(y), rule.tau.size), -np.inf)
    for piece in pieces:
        for rows, given in blocks(y, se, X, piece, rule):
            by_node = logsumexp(given.log_likelihood, axis=-2) + rule.log_weight + np.log(piece.weight)
            terms[rows] = np.logaddexp(terms[rows], by_node)
    return terms


def turned(x: Floats) -> Floats:
    """Studies first, then sets, with room for components and nodes."""
    return np.ascontiguousarray(x.T)[:, :, None, None]
