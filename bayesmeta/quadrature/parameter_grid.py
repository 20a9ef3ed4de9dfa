"""A posterior of mu, tau and further parameters on nodes, and the rules that they belong to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesmeta.priors import Prior
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.places import Places

Floats = NDArray[np.float64]
_TAIL = 1000  # medians: of twenty Gauss nodes in the square root, two lie below a thousandth of the range
_BEYOND = 1e-12  # mass of a prior on a scale that its range leaves out
_IN_CACHE = 30_000  # numbers that are gone through many times


@dataclass(frozen=True, slots=True)
class Own:
    """One of a family's own parameters that is not a scale, on the nodes of a grid.

    Attributes
    ----------
    places : Places
        Given the family's own scale: of the parameter, or of its logarithm.
    log_mass : ndarray, shape (place, scale, tau, position)
        Log of the posterior mass of each node together with those of the scales and of mu, as in `ParameterGrid`.
    in_logs : bool
    """

    places: Places
    log_mass: Floats
    in_logs: bool = False

    def value(self, at: Floats) -> Floats:
        """The parameter, from what the places are of."""
        return np.asarray(np.exp(at) if self.in_logs else at)

    def slope(self, at: Floats) -> Floats:
        """Derivative of `value`."""
        return np.asarray(np.exp(at) if self.in_logs else np.ones_like(at))


@dataclass(frozen=True, kw_only=True, eq=False)
class ParameterGrid:
    """Posterior of mu, tau and other parameters on nodes.

    Attributes
    ----------
    mu : ndarray, shape (tau, position)
        Nodes of mu for each tau.
    tau : ndarray
        Nodes of tau.
    others : mapping of str to ndarray
        Nodes of the other parameters, broadcasting to the leading axes of `log_mass`.
    log_mass : ndarray, shape (..., tau, position)
        Log of the posterior mass of each node, weights and priors included, not normalised. The last of the other
        parameters, a scale as tau is, has the axis before tau.
    scales : mapping of str to Places
        Where the nodes of the scales lie, tau's and the family's own one's.
    own : mapping of str to Own
        The family's other parameters, each alone with the scales and mu.
    ends : mapping of str to (float, float)
        Posterior mass at the first and the last node of each parameter on equally spaced nodes.
    choices : mapping of str to mapping of str to float
        Posterior probability of each reading of what is known up to a choice, by study.
    error : float
        Largest change of a mean, in standard deviations, or of a standard deviation, relative to itself, against nodes
        that are fewer and reach further.
    coarser : ParameterGrid or None
        The grid on these.
    rows : Places, optional
        Of mu given tau, where they are not equally spaced.
    """

    mu: Floats
    tau: Floats
    others: Mapping[str, Floats]
    log_mass: Floats
    scales: Mapping[str, Places]
    own: Mapping[str, Own]
    ends: Mapping[str, tuple[float, float]]
    choices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    error: float = math.nan
    coarser: ParameterGrid | None = None
    rows: Places | None = None

    @property
    def whole(self) -> Floats:
        """Log of the posterior mass of the scales and mu, shape (scale, tau, position)."""
        axes = tuple(range(self.log_mass.ndim - 3))
        return np.asarray(logsumexp(self.log_mass, axis=axes)) if axes else self.log_mass

    @property
    def mu_places(self) -> Places:
        """Where the nodes of mu lie, given tau."""
        return self.rows or Places("even", self.mu[:, 0], self.mu[:, -1], self.mu.shape[1])

    @cached_property
    def log_marginal_likelihood(self) -> float:
        """Log density of the data, in the form that the likelihood of the grid gives them."""
        return float(logsumexp(self.log_mass))

    @cached_property
    def _masses(self) -> Floats:
        """Posterior mass of each node, in the shape of `log_mass`."""
        return np.asarray(np.exp(self.log_mass - self.log_marginal_likelihood))

    @property
    def mass(self) -> Floats:
        """Posterior mass of each node of tau and mu, shape (tau, position)."""
        return np.asarray(self._masses.sum(axis=tuple(range(self.log_mass.ndim - 2))))

    def scale_mass(self, name: str) -> tuple[Floats, Floats]:
        """Nodes of a scale, tau or the last of the others, and the posterior mass of each."""
        axis, nodes = (-2, self.tau) if name == "tau" else (-3, self.others[name])
        others = tuple(i for i in range(self.log_mass.ndim) if i != self.log_mass.ndim + axis)
        return nodes, np.asarray(self._masses.sum(axis=others))

    def mean_sd(self, name: str) -> tuple[float, float]:
        """Posterior mean and standard deviation of a parameter, or of the effect in a new study, ``"theta_new"``."""
        if name == "theta_new":
            mean, sd = self.mean_sd("mu")
            return mean, float(np.sqrt(sd**2 + (self.mass * self.tau[:, None] ** 2).sum()))
        if name in self.others:
            weight, values = self._masses.sum(axis=(-2, -1)), self.others[name]
        elif name in self.own:
            parameter = self.own[name]
            weight = np.exp(logsumexp(parameter.log_mass, axis=(-2, -1)) - self.log_marginal_likelihood)
            places = parameter.places
            values = parameter.value(places.at(np.arange(float(places.n))[:, None], places.lower, places.upper))
        else:
            weight, values = self.mass, self.mu if name == "mu" else self.tau[:, None]
        weight = weight / weight.sum()  # of a point mass exactly 1
        mean = float((weight * values).sum())
        return mean, float(np.sqrt((weight * (values - mean) ** 2).sum()))


def obstacle(formula: str, mu: Prior, scales: Mapping[str, Prior], locations: Mapping[str, Prior]) -> str | None:
    """Why no grid holds a posterior: another formula than ``"1"``, a point mass beside a density, a tail that no rule covers,
    or a density without bound.

    Parameters
    ----------
    formula : str
    mu : Prior
    scales : mapping of str to Prior
        Of tau and of the family's own standard deviation.
    locations : mapping of str to Prior
        Of the family's other parameters.
    """
    if formula.strip() != "1":
        return f"formula {formula!r}: the grid takes '1' only. Use engine='nuts'."
    for name, prior in {**scales, **locations}.items():
        if prior.atom is None and not prior.has_density:
            return f"prior for {name} is {prior}: the grid takes no point mass beside a density. Use engine='nuts'."
    for name, prior in scales.items():
        if prior.atom is None and end(prior) > _TAIL * float(prior.ppf(0.5)):
            return f"prior for {name} is {prior}: its tail is too heavy for the grid. Use engine='nuts'."
        if prior.atom is None and np.isposinf(prior.logpdf(prior.support[0])):
            return f"prior for {name} is {prior}: its density has no bound, which no grid resolves. Use engine='nuts'."
    if any(part.atom is not None for _, part in mu.leaves()):
        return f"prior for mu is {mu}: the grid takes no point mass. Use engine='nuts'."
    return None


def end(prior: Prior) -> float:
    """Where a prior on a scale ends, but for `_BEYOND` of it."""
    return prior.atom if prior.atom is not None else min(float(prior.ppf(1 - _BEYOND)), 1 / _BEYOND)


def chebyshev(lower: float, upper: float, n: int) -> Floats:
    """Chebyshev points of an interval, its ends included."""
    return np.asarray((lower + upper) / 2 - (upper - lower) / 2 * np.cos(np.pi * np.arange(n) / (n - 1)))


def integral_weights(nodes: Floats, x: Floats, weight: Floats) -> Floats:
    """What values at Chebyshev nodes weigh in a sum of `weight` times the value at `x` over the last axis, shape (..., node).

    The value is that of the polynomial through the nodes; its Chebyshev polynomials follow from each other (Trefethen 2013,
    Approximation Theory and Approximation Practice, chapter 3), so that no matrix from nodes to every `x` is needed.
    """
    if x[0].size < x.size > _IN_CACHE:
        return np.concatenate([integral_weights(nodes, x[[i]], weight[[i]]) for i in range(len(x))])
    n = nodes.size - 1
    twice = np.moveaxis((2 * x - nodes[0] - nodes[-1]) * (2 / (nodes[-1] - nodes[0])), -1, 0).copy()
    now = np.moveaxis(weight, -1, 0).copy()
    before, moments = twice * now / 2, np.empty((n + 1, *now.shape[1:]))
    scratch = np.empty_like(now)
    for moment in moments:
        now.sum(axis=0, out=moment)
        np.multiply(twice, now, out=scratch)
        before, now = now, np.subtract(scratch, before, out=before)
    basis = np.cos(np.pi / n * np.outer(np.arange(n, -1, -1), np.arange(n + 1)))  # (node, polynomial)
    basis[:, [0, -1]] /= 2
    basis[[0, -1]] /= 2
    return np.asarray(np.moveaxis(np.tensordot(basis * (2 / n), moments, axes=1), 0, -1))
