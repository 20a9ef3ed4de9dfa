"""Answers under a table of priors on mu and tau where studies enter by likelihood curves: products of matrices at shared nodes.

A prior is a vector of its densities at the nodes of `bayesmeta.sensitivity.curve_nodes`, and what is asked are products with the
likelihood there. Where the nodes do not cover the posterior of a pair to the tolerance, `error` says so: it needs a fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, sici

from bayesmeta.priors import Prior
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.study_curves.fit import CurvesFit, curve_error
from bayesmeta.quadrature.study_curves.panels import basis, below_weights, curve_on
from bayesmeta.results.exact_claims import OneDirection, cells
from bayesmeta.results.scale_marginal import node_quantiles
from bayesmeta.sensitivity.curve_nodes import CurveNodes
from bayesmeta.sensitivity.rules import Plan, log_ratios

Floats = NDArray[np.float64]
_CHUNK = 4_000  # pairs whose quantiles are found at a time
_FAR = 8.5  # standard deviations, beyond which a normal distribution function is 0 or 1
_U, _V = np.polynomial.legendre.leggauss(32)
_COUNTS, _HUGE = (
    1e-6,
    1e3,
)  # mass of a tau at which the curves are looked at, and tau in steps of them beyond which they are not
_MOMENT = 0.01  # a second moment may be a hundred times less certain, relative to itself, than a probability


class CurveTable:
    """Posteriors under every pair of a prior on tau and one on mu; arrays have the shape (prior on tau, prior on mu).

    Parameters
    ----------
    fit : CurvesFit
        Under the primary priors; mu is its only coefficient.
    plan : Plan
        Priors on tau, over one rule.
    mu : sequence of Prior
        Proper ones, with densities.
    primary : (int, int)
        Places of the primary priors in `plan` and in `mu`.
    n : int
        Nodes of tau.
    """

    def __init__(self, fit: CurvesFit, plan: Plan, mu: Sequence[Prior], primary: tuple[int, int], n: int = 256) -> None:
        self._fit, self._plan, self._mu, self._primary = fit, plan, mu, primary
        likelihood = fit.parts[0].likelihood
        self.nodes = nodes = CurveNodes(likelihood, plan, mu, n)
        self._mass = np.exp(nodes.log_mass)
        self._signed = self._mass * (1 - 2 * (np.arange(nodes.tau.size) % 2))
        self._given_tau = self._mass @ nodes.likelihood
        self._by_tau = (nodes.likelihood * nodes.weight) @ nodes.density.T  # shape (tau, prior on mu)
        self.evidence = self._mass @ self._by_tau
        self._common = likelihood.error + self._curves()

    @property
    def log_marginal_likelihood(self) -> Floats:
        """Of the counts."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.evidence) + self.nodes.top + self._fit.problem.log_constant)

    def error(self) -> tuple[Floats, Floats, Floats]:
        """What may be off of a probability: by half of the nodes of tau, by what is left out, and by the curves.

        Half of the nodes of tau would change so much of the distribution functions of mu, at the edges of panels, and of the mean
        and second moment of tau; left out are further coefficients of panels, and what may lie beyond both ends and other nodes.
        """
        nodes, E = self.nodes, self.evidence
        with np.errstate(invalid="ignore", divide="ignore"):
            change = nodes.by_panel(self._signed @ nodes.likelihood, nodes.weight)
            halves = np.abs(np.cumsum(change, axis=0)).max(axis=0)
            for power in (1, 2):
                moment = (self._mass * nodes.tau**power) @ self._by_tau
                change = np.abs((self._signed * nodes.tau**power) @ self._by_tau)
                halves = np.maximum(halves, _MOMENT * change / np.where(moment > 0, moment, 1.0) * E)
            ends = self._given_tau[:, [0, -1], None] * nodes.density.T[[0, -1]]
            beyond = ends.sum(axis=1) * (nodes.edges[-1, 1] - nodes.edges[0, 0])
            lost = np.exp(nodes.log_lost)[:, None]
            left_out = nodes.last(self._given_tau).sum(axis=0) + beyond + lost
            shares = [np.where(E > 0, x / E, np.inf) for x in (halves, left_out)]
        return shares[0], shares[1], np.asarray(self._common)

    def _curves(self) -> Floats:
        """What the curves leave open, from another way to compute their means where a posterior has mass."""
        nodes, problem = self.nodes, self._fit.problem
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.nan_to_num(self._mass[:, :, None] * self._by_tau / self.evidence[:, None])
        at = np.flatnonzero((share.max(axis=(0, 2)) > _COUNTS) & (nodes.tau < _HUGE * problem.curves.step.min()))
        middle = self._fit.parts[0].likelihood.around(nodes.tau[at])[0][:, None]
        again = curve_error(problem, nodes.tau[at], self._fit.parts[0].likelihood.all_of(middle))
        return np.tensordot(again, share[:, at], (0, 1)) + problem.tables.error

    def probability(self, claim: OneDirection) -> tuple[Floats, Floats]:
        """Probability of a claim about mu, tau, or the effect in a new study, and what half of the nodes of tau would change.

        A claim about tau is a sum of sine integrals, of which halves say nothing: it is as accurate as the sums of `error`.
        """
        edges, truth = cells(claim)
        name, shape = claim.weights[0][0], self.evidence.shape
        way = {"mu": self._mu_below, "tau": self._tau_below, "theta_new": self._new_below}[name]
        given = [way(float(x)) for x in edges]
        below = [np.zeros(shape), *(self._mass @ one / self.evidence for one in given), np.ones(shape)]
        error = np.zeros(shape) if name == "tau" else sum(np.abs(self._signed @ one) for one in given) / self.evidence
        return np.clip(np.tensordot(truth.astype(float), np.diff(np.stack(below), axis=0), 1), 0.0, 1.0), error

    def mu(self, levels: Floats) -> dict[str, Floats]:
        """Mean, standard deviation and two quantiles of mu."""
        nodes = self.nodes
        centre = float(
            nodes.x @ (nodes.likelihood.max(axis=0) * nodes.weight) / (nodes.likelihood.max(axis=0) @ nodes.weight)
        )
        gap = nodes.x - centre
        shift, square = (
            (self._given_tau * nodes.weight * gap**power) @ nodes.density.T / self.evidence for power in (1, 2)
        )
        lower, upper = (self._mu_quantiles(float(level)) for level in levels)
        return {"mean": centre + shift, "sd": np.sqrt(square - shift**2), "lower": lower, "upper": upper}

    def tau(self, levels: Floats) -> dict[str, Floats]:
        """Mean, standard deviation and two quantiles of tau."""
        nodes, rule = self.nodes, self.nodes.rule
        first, square = ((self._mass * nodes.tau**power) @ self._by_tau / self.evidence for power in (1, 2))
        scale, s = self._scale, np.asarray(rule.grid.inverse(rule.v))[0, nodes.kept]
        quantiles = np.empty((2, *self.evidence.shape))
        for c in range(self.evidence.shape[1]):
            masses = np.nan_to_num(self._mass * self._by_tau[:, c] / self.evidence[:, c, None], nan=1 / len(s))
            start, step = np.full(len(masses), s[0]), np.full(len(masses), rule.step)
            at = node_quantiles(masses, start, step, levels)
            quantiles[:, :, c] = np.asarray(scale.at(np.asarray(rule.grid.at(at)))[0]).reshape(at.shape).T
        return {"mean": first, "sd": np.sqrt(square - first**2), "lower": quantiles[0], "upper": quantiles[1]}

    def divergences(self) -> tuple[Floats, Floats]:
        """Mean log ratio of each pair of priors over the primary pair, under its own posterior and under the primary one."""
        nodes, (t, c) = self.nodes, self._primary
        log_tau = log_ratios(self._plan, [nodes.rule], range(len(self._mass)), self._plan.priors[t])[:, nodes.kept]
        with np.errstate(divide="ignore", invalid="ignore"):
            log_density = np.stack([prior.logpdf(nodes.x) for prior in self._mu])
            log_mu = log_density - log_density[c]
            log_mu = np.where(np.isnan(log_mu), 0.0, log_mu)

        def mean(weights: Floats, values: Floats) -> Floats:
            return np.where(weights > 0, weights * np.where(weights > 0, values, 0.0), 0.0)

        own = (self._given_tau * nodes.weight) @ mean(nodes.density, log_mu).T + mean(
            self._mass, log_tau
        ) @ self._by_tau
        primary_mu = self._given_tau[t] * nodes.weight * nodes.density[c]
        primary_tau = self._mass[t] * self._by_tau[:, c]
        loss = mean(primary_mu, log_mu).sum(axis=1) + mean(primary_tau, log_tau).sum(axis=1)[:, None]
        return own / self.evidence, loss / self.evidence[t, c]

    @property
    def _scale(self) -> ScaleDensity:
        assert isinstance(self.nodes.rule.scale, ScaleDensity)
        return self.nodes.rule.scale

    def _mu_below(self, x: float) -> Floats:
        return np.asarray((self.nodes.likelihood * below_weights(self.nodes.edges, x)) @ self.nodes.density.T)

    def _tau_below(self, x: float) -> Floats:
        rule, scale = self.nodes.rule, self._scale
        if not float(scale.lower) < x < float(scale.upper):
            return np.asarray(self._by_tau * float(x > float(scale.lower)))
        s = np.asarray(rule.grid.inverse(rule.v))[0, self.nodes.kept]
        place = np.asarray(rule.grid.inverse(np.asarray(scale.line(np.array(x))))).item()
        return np.asarray(self._by_tau * (0.5 + sici(np.pi * (place - s) / rule.step)[0] / np.pi)[:, None])

    def _new_below(self, x: float) -> Floats:
        """Of mu + N(0, tau^2): the polynomial of each panel times a normal distribution function, as finely as tau needs."""
        nodes, edges = self.nodes, self.nodes.edges
        kernel = nodes.weight * ndtr((x - nodes.x) / nodes.tau[:, None])
        kernel = kernel.reshape(nodes.tau.size, len(edges), -1)
        for a, tau in enumerate(nodes.tau):
            near = (edges[:, 0] < x + _FAR * tau) & (edges[:, 1] > x - _FAR * tau)
            for p in np.flatnonzero(near & (np.diff(edges, axis=1)[:, 0] > 2 * tau)):
                low, high = edges[p]
                cuts = np.unique(np.clip([low, *(x + tau * np.linspace(-_FAR, _FAR, 5)), high], low, high))
                half = np.diff(cuts) / 2
                points = (cuts[:-1] + half)[:, None] + half[:, None] * _U
                weights = (half[:, None] * _V * ndtr((x - points) / tau)).ravel()
                kernel[a, p] = weights @ basis((points.ravel() - low) / (high - low) * 2 - 1)
        return np.asarray((nodes.likelihood * kernel.reshape(nodes.tau.size, -1)) @ nodes.density.T)

    def _mu_quantiles(self, level: float) -> Floats:
        """Quantile of mu under each pair: its panel, and within that the polynomial's integral between close points."""
        nodes, shape = self.nodes, self.evidence.shape
        below = np.cumsum(nodes.by_panel(self._given_tau, nodes.weight), axis=0)
        goal = level * below[-1]
        panel = np.minimum((below < goal).sum(axis=0), len(nodes.edges) - 1)
        before = np.take_along_axis(np.concatenate([np.zeros((1, *shape)), below]), panel[None], axis=0)[0]
        found, pairs = np.empty(panel.size), np.stack(np.unravel_index(np.arange(panel.size), shape), axis=1)
        given_tau = self._given_tau.reshape(shape[0], len(nodes.edges), -1)
        density = nodes.density.reshape(shape[1], len(nodes.edges), -1)
        for start in range(0, panel.size, _CHUNK):
            (t, c), p = pairs[start : start + _CHUNK].T, panel.ravel()[start : start + _CHUNK]
            rest = (goal - before).ravel()[start : start + _CHUNK]
            found[start : start + _CHUNK] = curve_on(nodes.edges[p], given_tau[t, p] * density[c, p], rest)
        return found.reshape(shape)
