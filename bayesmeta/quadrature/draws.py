"""Independent draws from a quadrature fit: the scales and the coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesmeta.quadrature.cut import draw
from bayesmeta.quadrature.gaussian import solve_lower
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.quadrature.scale_density import ScaleDensity

Floats = NDArray[np.float64]
_TABLE = 4001  # points between which tau's quantile function is interpolated
_CHUNK = 200_000  # draws times components at a time: 1.6 MB an array


def sample(fit: QuadratureFit, n: int, seed: int) -> dict[str, Floats]:
    """Independent draws of the standard deviations and the coefficients, by name.

    The part first, then tau from its exact marginal, then the component, then the coefficients given both. A second
    standard deviation is drawn within its node's cell: the difference is below any Monte Carlo error.
    """
    rng = np.random.default_rng([seed, 0])
    probability = np.array([part.probability for part in fit.parts])
    chosen = rng.choice(len(fit.parts), size=n, p=probability / probability.sum())
    tau, beta = np.zeros(n), np.zeros((n, len(fit.names)))
    for i, part in enumerate(fit.parts):
        rows = np.flatnonzero(chosen == i)
        if rows.size:
            tau[rows] = _draw_tau(part, rng.random(rows.size))
            beta[rows] = _draw_beta(part, tau[rows], len(fit.names), rng)
    draws = {fit.problem.scale: tau} | {name: beta[:, j] for j, name in enumerate(fit.names)}
    if (second := fit.problem.second) is not None:
        low, high = np.array([part.cell if part.cell[1] > 0 else (part.second,) * 2 for part in fit.parts])[chosen].T
        draws[second] = low * (high / np.where(low > 0, low, 1.0)) ** rng.random(n)
    return draws


def parameters(fit: QuadratureFit, n: int, seed: int) -> dict[str, Floats]:
    """Independent draws of all parameters of a model, a new study's effect among them, and of no study's effect."""
    draws, problem = sample(fit, n, seed), fit.problem
    if "mu" in draws:
        spread = draws[problem.scale]
        if problem.second is not None and problem.clusters is not None:
            spread = np.hypot(spread, draws[problem.second])
        draws["theta_new"] = draws["mu"] + spread * np.random.default_rng([seed, 3]).standard_normal(n)
    return draws


def _draw_tau(part: Part, u: Floats) -> Floats:
    if not isinstance(part.scale, ScaleDensity):
        return np.full(u.size, part.scale)
    grid = part.posterior.grid
    s = np.linspace(grid.first.item(), grid.last.item(), _TABLE)
    v = grid.at(s[None, :])
    log_joint = part.integrand.log_joint(v, part.posterior.middle)
    density = np.exp(log_joint + grid.log_slope(s[None, :]) - part.posterior.log_evidence).sum(axis=0)
    steps = 0.5 * (density[1:] + density[:-1])
    cumulative = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    drawn = np.interp(u, cumulative, s)
    return np.asarray(part.scale.at(grid.at(drawn[None, :]))[0]).ravel()


def _draw_beta(part: Part, tau: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Coefficients given tau: a component by its conditional probability, then a normal."""
    out = np.zeros((tau.size, n))
    for i, value in part.piece.fixed.items():
        out[:, i] = value
    free = list(part.piece.free)
    if not free:
        return out
    for rows in np.array_split(np.arange(tau.size), max(tau.size * len(part.piece.log_weight) // _CHUNK, 1)):
        given = part.integrand.given(tau[None, rows], part.posterior.middle)
        log_weight = np.asarray(given.log_likelihood)
        share = np.exp(log_weight - log_weight.max(axis=0))
        cumulative = np.cumsum(share / share.sum(axis=0), axis=0)
        component = np.minimum((cumulative < rng.random(rows.size)).sum(axis=0), len(share) - 1)
        at = (component, np.arange(rows.size))
        noise = rng.standard_normal((len(free), rows.size))
        root = [[np.broadcast_to(x, share.shape)[at] for x in row] for row in given.root]
        if (cut := part.cut) is not None:
            bounds = cut.standardised(*given.contrast(cut.weights))
            low, high = (np.broadcast_to(bound, share.shape)[at] for bound in bounds)
            _cut_noise(noise, np.array(solve_lower(root, cut.weights)), draw(low, high, rng.random(rows.size)))
        for i in reversed(range(len(free))):  # beta = mean + L^-T noise
            noise[i] = (noise[i] - sum(root[j][i] * noise[j] for j in range(i + 1, len(free)))) / root[i][i]
        means = [np.broadcast_to(m, share.shape)[at] for m in given.mean]
        rotated = np.stack(means) + noise
        out[np.ix_(rows, free)] = (part.basis @ rotated).T
    return out


def _cut_noise(noise: Floats, direction: Floats, z: Floats) -> None:
    """Replace what standard normal noise (coefficient, draw) has along a direction by truncated draws."""
    direction = direction / np.sqrt((direction**2).sum(axis=0))
    noise += direction * (z - (direction * noise).sum(axis=0))
