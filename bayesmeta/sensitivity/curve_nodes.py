"""Nodes of mu and tau at which the likelihood of curves is computed once, for a table of priors on both.

Nodes of tau are those of the rule that priors share in `bayesmeta.sensitivity.rules`, as far as they count under any prior.
Those of mu are Gauss nodes of panels, which are halved until a polynomial follows the posterior under every pair of priors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.study_curves.panels import GAUSS_W, TO_SERIES, first_edges, nodes_of
from bayesmeta.quadrature.study_curves.placement import Likelihood
from bayesmeta.quadrature.study_curves.surface import REACH
from bayesmeta.sensitivity.rules import Plan

Floats = NDArray[np.float64]
_NEAR = np.arange(-3.0, 3.1)  # standard deviations at which the height of the likelihood is looked for
_SLACK = 2.0  # what it may be higher between them, in logs
_NEGLIGIBLE, _LOW = 32.0, 34.0  # logs of what is left out: nodes of tau, and mu at one of them
_LARGEST = 100.0  # tau, in units of what the curves span: a posterior that goes on beyond has a fit of its own
_MOST, _ROUNDS = 160, 9  # panels, and times that they are halved
_RARE, _FARTHEST = (
    1e-13,
    1e3,
)  # tail of a prior up to which panels reach where the likelihood has no end, and how far at the most
_FIT = 1e-10  # probability in the last coefficients of a panel


class CurveNodes:
    """Nodes for some priors on tau, and for some on mu.

    Attributes
    ----------
    rule : Rule
    kept : slice
        The nodes of tau that count.
    tau : ndarray, shape (tau,)
    log_mass : ndarray, shape (prior, tau)
        Log prior masses of the nodes of tau.
    log_lost : ndarray, shape (prior,)
        Log of what the other nodes of tau have of the marginal likelihood at the most, relative to exp(`top`).
    edges : ndarray, shape (panel, 2)
    x, weight : ndarray, shape (mu,)
    likelihood : ndarray, shape (tau, mu)
        Relative to exp(`top`).
    density : ndarray, shape (prior, mu)
        Of the priors on mu.
    top : float
    """

    def __init__(self, likelihood: Likelihood, plan: Plan, mu: Sequence[Prior], n: int) -> None:
        self._log_likelihood, self._mu = likelihood, mu
        scale = likelihood.problem.tables.scale
        self.rule = plan.rules(float(np.median(np.log(scale))), n)[0]
        log_mass, tau = plan.log_masses([self.rule], range(len(plan.members))), self.rule.tau[0]
        spread = float(np.ptp(likelihood.problem.tables.centre) + scale.max())
        reached = (log_mass.max(axis=0) > -2 * _NEGLIGIBLE) & (tau < _LARGEST * spread)
        heights = self._heights(tau[reached]) + _SLACK
        height = np.where(
            tau > tau[reached][-1], heights[-1], heights.max()
        )  # which no longer rises at the largest tau
        height[reached] = heights
        above = log_mass + height
        counts = np.flatnonzero(reached & ((above - above.max(axis=1, keepdims=True)).max(axis=0) > -_NEGLIGIBLE))
        self.kept = slice(int(counts[0]), int(counts[-1]) + 1)
        self.tau, self.log_mass = tau[self.kept], log_mass[:, self.kept]
        above[:, self.kept] = -np.inf
        self._follow()
        self.log_lost = logsumexp(above, axis=1) - self.top

    def _heights(self, tau: Floats) -> Floats:
        """Largest log likelihood near where it is expected to be largest, shape (tau,)."""
        middle, sd = self._log_likelihood.around(tau)
        points = middle[:, None] + sd[:, None] * _NEAR
        found = self._log_likelihood(points.reshape(-1, 1), np.repeat(tau, _NEAR.size))
        return np.asarray(found.reshape(points.shape).max(axis=1))

    def _follow(self) -> None:
        """Panels that are halved until they follow the posterior under every pair of priors."""
        middle, sd = self._log_likelihood.around(self.tau)
        low, high = middle - REACH * sd, middle + REACH * sd
        first, last = self._ended.T  # where the likelihood does not vanish, priors do
        low = np.where(first, low, np.minimum(low, max(-_FARTHEST, min(float(p.ppf(_RARE)) for p in self._mu))))
        high = np.where(last, high, np.maximum(high, min(_FARTHEST, max(float(p.ppf(1 - _RARE)) for p in self._mu))))
        ends = [end for prior in self._mu for end in prior.support if low.min() < end < high.max()]
        marks = np.unique(np.concatenate([first_edges(middle, sd, low, high).ravel(), ends]))
        self.edges = np.column_stack([marks[:-1], marks[1:]])
        log_likelihood = self._values(nodes_of(self.edges))
        rough = self._set(log_likelihood)
        for _ in range(_ROUNDS):
            if not rough.any() or len(self.edges) > _MOST:
                break
            middles = self.edges[rough].mean(axis=1)
            split = np.column_stack([self.edges[rough, 0], middles, middles, self.edges[rough, 1]]).reshape(-1, 2)
            edges = np.concatenate([self.edges[~rough], split])
            by_panel = log_likelihood.reshape(len(self.tau), len(self.edges), -1)
            new = self._values(nodes_of(split)).reshape(len(self.tau), len(split), -1)
            order = np.argsort(edges[:, 0])
            self.edges = edges[order]
            log_likelihood = np.concatenate([by_panel[:, ~rough], new], axis=1)[:, order].reshape(len(self.tau), -1)
            rough = self._set(log_likelihood)

    def _set(self, log_likelihood: Floats) -> NDArray[np.bool_]:
        """Take these values at the nodes, and say which panels no polynomial follows under some pair of priors."""
        self.x = nodes_of(self.edges)
        self.weight = (np.diff(self.edges, axis=1) / 2 * GAUSS_W).ravel()
        self.top = float(log_likelihood.max())
        self.likelihood = np.exp(log_likelihood - self.top)
        with np.errstate(over="ignore"):
            self.density = np.exp(np.stack([prior.logpdf(self.x) for prior in self._mu]))
        given_tau = np.exp(self.log_mass) @ self.likelihood
        with np.errstate(invalid="ignore", divide="ignore"):
            left = self.last(given_tau) / ((given_tau * self.weight) @ self.density.T)
        return np.asarray((left > _FIT).any(axis=(1, 2)))

    def by_panel(self, given_tau: Floats, weight: Floats) -> Floats:
        """Sums over the nodes of each panel, under each pair of priors, shape (panel, prior on tau, prior on mu)."""
        n = len(self.edges)
        left = (given_tau * weight).reshape(len(given_tau), n, -1).transpose(1, 0, 2)
        return np.asarray(left @ self.density.reshape(len(self.density), n, -1).transpose(1, 2, 0))

    def last(self, given_tau: Floats) -> Floats:
        """What the last two coefficients of each panel have, in the shape of `by_panel`."""
        width = np.repeat(np.diff(self.edges, axis=1)[:, 0], GAUSS_W.size)
        rows = [np.tile(row, len(self.edges)) * width for row in TO_SERIES[-2:]]
        return np.asarray(sum(np.abs(self.by_panel(given_tau, row)) for row in rows))

    def _values(self, x: Floats) -> Floats:
        """Log likelihood at points of mu, shape (tau, point); where that is negligible at some tau, -inf."""
        middle, sd = self._log_likelihood.around(self.tau)
        low, high = (middle + side * REACH * sd for side in (-1, 1))
        left_out = (self._ended[:, :1] & (x < low[:, None])) | (self._ended[:, 1:] & (x > high[:, None]))
        found = np.full(left_out.shape, -np.inf)
        tau, points = (np.broadcast_to(values, found.shape)[~left_out] for values in (self.tau[:, None], x))
        found[~left_out] = self._log_likelihood(points[:, None], tau)
        return found

    @cached_property
    def _ended(self) -> NDArray[np.bool_]:
        """Whether the likelihood is negligible at each tau as far out as normal curves would reach, shape (tau, side)."""
        middle, sd = self._log_likelihood.around(self.tau)
        points = middle[:, None] + sd[:, None] * (REACH * np.array([-1.0, 0.0, 1.0]))
        height = self._log_likelihood(points.reshape(-1, 1), np.repeat(self.tau, 3)).reshape(points.shape)
        return np.asarray(height < height.max(axis=1, keepdims=True) - _LOW)[:, [0, 2]]
