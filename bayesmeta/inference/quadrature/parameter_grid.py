"""A posterior of mu, tau and further parameters on nodes, and the rules that place the nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import PointMass, Prior, plain
from bayesmeta.spec.normal_normal import NormalNormal

Floats = NDArray[np.float64]
REACH = 8.8  # of mu on each side of its centre, in its standard deviations given tau
_DROP = 32.0  # log density below the maximum beyond which a parameter is not followed


@dataclass(frozen=True, slots=True)
class ParameterGrid:
    """Posterior of mu, tau and other parameters on nodes.

    Attributes
    ----------
    mu : ndarray, shape (tau, position)
        Nodes of mu, equally spaced for each tau.
    tau : ndarray
        Nodes of tau.
    others : mapping of str to ndarray
        Nodes of the other parameters, broadcasting to the leading axes of `log_mass`.
    log_mass : ndarray, shape (..., tau, position)
        Log of the posterior mass of each node, weights and priors included, not normalised.
    """

    mu: Floats
    tau: Floats
    others: Mapping[str, Floats]
    log_mass: Floats

    @property
    def log_marginal_likelihood(self) -> float:
        """Log density of the data, in the form that the likelihood of the grid gives them."""
        return float(logsumexp(self.log_mass))

    @property
    def mass(self) -> Floats:
        """Posterior mass of each node of tau and mu, shape (tau, position)."""
        axes = tuple(range(self.log_mass.ndim - 2))
        return np.asarray(np.exp(logsumexp(self.log_mass, axis=axes) - self.log_marginal_likelihood))

    def mean_sd(self, name: str) -> tuple[float, float]:
        """Posterior mean and standard deviation of ``"mu"``, ``"tau"`` or one of the others."""
        if name in self.others:
            weight = np.exp(logsumexp(self.log_mass, axis=(-2, -1)) - self.log_marginal_likelihood)
            values = self.others[name]
        else:
            weight, values = self.mass, self.mu if name == "mu" else self.tau[:, None]
        mean = float((weight * values).sum())
        return mean, float(np.sqrt((weight * (values - mean) ** 2).sum()))

    def cdf(self, mu: float) -> float:
        """Posterior probability that the mean effect is at most `mu`."""
        nodes, below = self._cumulative()
        return float(sum(np.interp(mu, x, p) for x, p in zip(nodes, below, strict=True)))

    def interval(self, prob: float) -> tuple[float, float]:
        """Equal-tailed interval of mu."""
        nodes, below = self._cumulative()
        line = np.linspace(nodes.min(), nodes.max(), 20001)
        total = np.sum([np.interp(line, x, p) for x, p in zip(nodes, below, strict=True)], axis=0)
        lower, upper = np.interp([(1 - prob) / 2, (1 + prob) / 2], total, line)
        return float(lower), float(upper)

    def _cumulative(self) -> tuple[Floats, Floats]:
        """Finer nodes of mu and the probability below each within its tau: its log density is close to a parabola."""
        density = np.log(np.maximum(self.mass, 1e-300))
        place = np.linspace(0, self.mu.shape[1] - 1, 32 * (self.mu.shape[1] - 1) + 1)
        fine = np.exp(CubicSpline(np.arange(self.mu.shape[1]), density, axis=1)(place))
        below = np.concatenate([np.zeros((len(fine), 1)), np.cumsum(fine[:, 1:] + fine[:, :-1], axis=1)], axis=1)
        nodes = self.mu[:, :1] + (self.mu[:, -1:] - self.mu[:, :1]) * place / place[-1]
        return nodes, below * (self.mass.sum(axis=1) / np.maximum(below[:, -1], 1e-300))[:, None]


def require_simple(base: NormalNormal, **scales: Prior) -> None:
    """Refuse a formula other than ``"1"``, and priors on scales whose tails no rule of finite length covers."""
    if base.formula.strip() != "1":
        raise SpecificationError(f"formula {base.formula!r}: the grid takes '1' only. Use engine='nuts'.")
    for name, prior in ({"tau": base.tau} | scales).items():
        plainly = plain(prior)
        if not isinstance(plainly, PointMass) and end(plainly) > 1000 * float(plainly.ppf(0.5)):
            raise SpecificationError(
                f"prior for {name} is {plainly}: its tail is too heavy for the grid. Use engine='nuts'."
            )


def tau_nodes(base: NormalNormal, y: Floats, v: Floats, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes of tau with log weights, where estimates `y` with variances `v` put it, and mean and sd of mu given each.

    Parameters
    ----------
    y, v : ndarray, shape (case, study)
        Several cases where neither is known for sure.

    Returns
    -------
    tau, log_weight : ndarray, shape (tau,)
    center, width : ndarray, shape (case, tau)
    """

    def given(tau: Floats) -> tuple[Floats, Floats, Floats]:
        w = 1 / (v[:, None, :] + tau[:, None] ** 2)
        precision = w.sum(axis=-1)
        center = (w * y[:, None, :]).sum(axis=-1) / precision
        q = (w * (y[:, None, :] - center[..., None]) ** 2).sum(axis=-1)
        return center, precision**-0.5, (np.log(w).sum(axis=-1) - np.log(precision) - q) / 2

    prior = plain(base.tau)
    tau, log_w = focused(prior, lambda nodes: logsumexp(given(nodes)[2], axis=0), n)
    center, width, _ = given(tau)
    return tau, log_w, center, width


def focused(
    prior: Prior, log_likelihood: Callable[[Floats], Floats], n: int, ends: tuple[float, float] | None = None
) -> tuple[Floats, Floats]:
    """Nodes of a rule where the prior times a likelihood has its mass, and the log of weight times prior."""
    ends = (0.0, end(prior)) if ends is None else ends
    for _ in range(8):
        nodes, log_w = rule(prior, *ends, 24)
        log_mass = log_w + log_likelihood(nodes)
        inside = np.flatnonzero(log_mass > log_mass.max() - _DROP)
        lower = ends[0] if inside[0] < 2 else float(nodes[inside[0] - 2])
        upper = ends[1] if inside[-1] > len(nodes) - 3 else float(nodes[inside[-1] + 2])
        ends = (lower, upper)
    return rule(prior, *ends, n)


def rule(prior: Prior, lower: float, upper: float, n: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes on an interval, and the log of weight times prior; one node for a point mass."""
    if isinstance(prior, PointMass):
        return np.array([prior.value]), np.zeros(1)
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = lower + (upper - lower) * (x + 1) / 2
    return nodes, np.asarray(np.log(w * (upper - lower) / 2) + prior.logpdf(nodes))


def end(prior: Prior) -> float:
    """Where a prior on a scale ends, but for 1e-12 of it."""
    return prior.value if isinstance(prior, PointMass) else min(float(prior.ppf(1 - 1e-12)), 1e12)


def chebyshev(lower: float, upper: float, n: int) -> Floats:
    """Chebyshev points of an interval, its ends included."""
    return np.asarray((lower + upper) / 2 - (upper - lower) / 2 * np.cos(np.pi * np.arange(n) / (n - 1)))


def interpolation(nodes: Floats, x: Floats) -> Floats:
    """Barycentric matrix from values at Chebyshev nodes to values at `x` (doi:10.1137/S0036144502417715)."""
    weight = np.where(np.arange(nodes.size) % 2, -1.0, 1.0)
    weight[[0, -1]] /= 2
    gap = x[:, None] - nodes
    exact = gap == 0
    ratio = weight / np.where(exact, 1.0, gap)
    matrix = ratio / ratio.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    matrix[hit] = exact[hit]
    return np.asarray(matrix)
