"""Few normals in place of many: the mixture of a given size that is nearest to a density in Kullback-Leibler divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr, softmax

from bayesmeta.results.intervals import Marginal

Floats = NDArray[np.float64]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_REACH, _PANELS, _NODES = 7.5, 48, 12  # panels end at quantiles of z-scores up to 7.5: 1e-13 of the mass is beyond
_NOTHING = 1e-18  # mass of a node that is none
_EM_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class NormalFit:
    """A mixture of normals that stands for a density.

    Attributes
    ----------
    weights, means, sds : ndarray, shape (component,)
    kl : float
        Kullback-Leibler divergence of the mixture from the density.
    total_variation : float
        Largest difference of any probability.
    """

    weights: Floats
    means: Floats
    sds: Floats
    kl: float
    total_variation: float


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A density at the nodes of a rule that integrates with it.

    Attributes
    ----------
    x, log_density, mass : ndarray, shape (node,)
        `mass` is density times weight of the rule, brought to a sum of one.
    whole : float
        What it was before: less than one where a value has a probability of its own.
    """

    x: Floats
    log_density: Floats
    mass: Floats
    whole: float


def target(exact: Marginal) -> Target:
    """Nodes for integrals over an exact marginal: Gauss-Legendre between its own quantiles."""
    edges = np.unique(np.asarray(exact.ppf(ndtr(np.linspace(-_REACH, _REACH, _PANELS + 1)))))
    nodes, weights = leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    x = (edges[:-1, None] + half * (nodes + 1)).ravel()
    density = np.asarray(exact.pdf(x))
    mass = density * (half * weights).ravel()
    there = mass > _NOTHING
    whole = float(mass[there].sum())
    return Target(x[there], np.log(density[there]), mass[there] / whole, whole)


def fit_normals(density: Target, n: int) -> NormalFit:
    """The best mixture of `n` normals, from three starts: EM, then a quasi-Newton method."""
    fits = [_optimised(density, start) for start in _starts(density, n)]
    return min(fits, key=lambda fit: fit.kl)


def _starts(density: Target, n: int) -> list[tuple[Floats, Floats, Floats]]:
    """Starting values: normals around the median, as wide as shells of the density, of equal mass or with thinning tails."""
    x, mass = density.x, density.mass
    median = x[np.searchsorted(np.cumsum(mass), 0.5)]
    order = np.argsort(np.abs(x - median))
    x, mass = x[order], mass[order]
    within = np.cumsum(mass) - mass / 2
    starts = []
    for ends in (np.arange(1, n) / n, 1 - 0.25 ** np.arange(1, n), 1 - 0.5 ** np.arange(1, n)):
        shell = np.searchsorted(ends, within)
        weights, means, sds = np.full(n, 1.0 / n), np.zeros(n), np.ones(n)
        for j in range(n):
            near = np.abs(shell - j)
            share = mass * (near == near.min())
            if not share.sum() > 0:
                share = mass
            share = share / share.sum()
            means[j] = share @ x
            spread = math.sqrt(float(share @ (x - means[j]) ** 2))  # none of a single node
            sds[j] = max(spread, 0.5 * float(share @ np.abs(x - median))) * (1 + 0.02 * j)
            weights[j] = max(float((mass * (shell == j)).sum()), 1e-3)
        starts.append((weights / weights.sum(), means, sds))
    return starts if n > 1 else starts[:1]


def _log_parts(x: Floats, weights: Floats, means: Floats, sds: Floats) -> Floats:
    """Log density of each component times its weight, shape (component, node)."""
    z = (x - means[:, None]) / sds[:, None]
    return np.asarray(np.log(weights / sds)[:, None] - 0.5 * z**2 - _LOG_SQRT_2PI)


def _em_step(density: Target, weights: Floats, means: Floats, sds: Floats) -> tuple[Floats, Floats, Floats]:
    """One step of EM, which does not raise the divergence, and gives the mixture the mean and sd of the density."""
    logs = _log_parts(density.x, weights, means, sds)
    share = density.mass * np.exp(logs - np.logaddexp.reduce(logs, axis=0))
    weights = np.maximum(share.sum(axis=1), 1e-12)
    means = share @ density.x / weights
    sds = np.sqrt((share * (density.x - means[:, None]) ** 2).sum(axis=1) / weights)
    return weights, means, np.maximum(sds, np.diff(density.x).min())  # no narrower than the nodes can tell


def _optimised(density: Target, start: tuple[Floats, Floats, Floats]) -> NormalFit:
    weights, means, sds = start
    for _ in range(_EM_STEPS):
        weights, means, sds = _em_step(density, weights, means, sds)
    n = weights.size
    centre, scale = float(weights @ means), float(np.min(sds))

    def unpack(u: Floats) -> tuple[Floats, Floats, Floats]:
        return (
            softmax(np.append(0.0, u[: n - 1])),
            centre + scale * u[n - 1 : 2 * n - 1],
            scale * np.exp(u[2 * n - 1 :]),
        )

    def cross_entropy(u: Floats) -> tuple[float, Floats]:
        w, m, s = unpack(u)
        logs = _log_parts(density.x, w, m, s)
        log_q = np.logaddexp.reduce(logs, axis=0)
        share = density.mass * np.exp(logs - log_q)
        z = (density.x - m[:, None]) / s[:, None]
        total = share.sum(axis=1)
        slope = np.concatenate(
            [(w - total)[1:], -(share * z).sum(axis=1) * scale / s, total - (share * z**2).sum(axis=1)]
        )
        return -float(density.mass @ log_q), slope

    begin = np.concatenate([np.log(weights[1:] / weights[0]), (means - centre) / scale, np.log(sds / scale)])
    best = minimize(cross_entropy, begin, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 500})
    return _described(density, *_em_step(density, *unpack(best.x)))  # after which mean and sd are exact


def _described(density: Target, weights: Floats, means: Floats, sds: Floats) -> NormalFit:
    with np.errstate(divide="ignore"):
        log_q = np.logaddexp.reduce(_log_parts(density.x, weights, means, sds), axis=0)
    gap = log_q - density.log_density
    # the mean of exp(gap) - 1 - gap, which is that of -gap for two densities, loses no digits and is never negative
    kl = float(density.mass @ (np.expm1(gap) - gap))
    order = np.argsort(-weights)
    far = 0.5 * float(density.mass @ np.abs(np.expm1(gap)))
    return NormalFit(weights[order], means[order], sds[order], kl, far)
