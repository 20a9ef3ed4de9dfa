"""Few normals in place of many: the mixture of a given size that is nearest to a density in Kullback-Leibler divergence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri, softmax

from bayesmeta.results.normal_mixture import NormalMixture, without_negligible

Floats = NDArray[np.float64]
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_REACH, _PANELS, _NODES = 8.0, 48, 12  # panels end near quantiles of z-scores up to 8: 1e-15 of the mass is beyond
_SPACING = 0.25  # of points within a component that stand for it while panels are chosen
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
        `mass` is density times weight of the rule; it sums to one.
    exact : NormalMixture
    """

    x: Floats
    log_density: Floats
    mass: Floats
    exact: NormalMixture


def target(exact: NormalMixture) -> Target:
    """Nodes for integrals over an exact mixture: Gauss-Legendre between its own quantiles."""
    keep = without_negligible(exact.weights)
    exact = NormalMixture(exact.weights[keep] / exact.weights[keep].sum(), exact.means[keep], exact.sds[keep])
    edges = _rough_quantiles(exact)
    nodes, weights = leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    x = (edges[:-1, None] + half * (nodes + 1)).ravel()
    density = exact.pdf(x)
    mass = density * (half * weights).ravel()
    with np.errstate(divide="ignore"):
        return Target(x, np.log(density), mass / mass.sum(), exact)


def _rough_quantiles(exact: NormalMixture) -> Floats:
    """Quantiles at equally spaced z-scores, near enough for panels to end at: from a few points of each component."""
    z = np.arange(-_REACH - 0.5, _REACH + 0.6, _SPACING)
    near = -np.abs(z)
    x = (exact.means[:, None] + exact.sds[:, None] * z).ravel()
    mass = (exact.weights[:, None] * (ndtr(near + _SPACING / 2) - ndtr(near - _SPACING / 2))).ravel()
    order = np.argsort(x)
    x, mass = x[order], mass[order]
    wanted = np.linspace(-_REACH, 0, _PANELS // 2 + 1)
    ends = []
    for at, share in ((x, mass), (x[::-1], mass[::-1])):  # from each end, so that tails keep their digits
        ends.append(np.interp(wanted, ndtri(np.minimum(np.cumsum(share) - share / 2, 1 - 1e-15)), at))
    return np.unique(np.concatenate(ends))


def fit_normals(density: Target, n: int) -> NormalFit:
    """The best mixture of `n` normals, from three starts: EM, then a quasi-Newton method."""
    fits = [_optimised(density, start) for start in _starts(density.exact, n)]
    return min(fits, key=lambda fit: fit.kl)


def _starts(exact: NormalMixture, n: int) -> list[tuple[Floats, Floats, Floats]]:
    """Starting values: components of the exact mixture by sd in groups, of equal mass or with thinning tails."""
    order = np.argsort(exact.sds)
    w, m, s = exact.weights[order], exact.means[order], exact.sds[order]
    middle = np.cumsum(w) - w / 2
    starts = []
    for ends in (np.arange(1, n) / n, 1 - 0.25 ** np.arange(1, n), 1 - 0.5 ** np.arange(1, n)):
        group = np.searchsorted(ends, middle)
        weights, means, sds = np.full(n, 1.0 / n), np.zeros(n), np.ones(n)
        for j in range(n):
            near = np.abs(group - j)
            share = w * (near == near.min())
            share = share / share.sum()
            means[j] = share @ m
            sds[j] = math.sqrt(float(share @ (s**2 + (m - means[j]) ** 2))) * (1 + 0.02 * j)
            weights[j] = max(float((w * (group == j)).sum()), 1e-3)
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
    return weights, means, np.sqrt((share * (density.x - means[:, None]) ** 2).sum(axis=1) / weights)


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
