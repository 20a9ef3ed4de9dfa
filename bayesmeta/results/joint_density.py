"""The joint posterior density of a coefficient and tau: conditional normals times the marginal of tau."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.numbers import real_array
from bayesmeta.quadrature.cut import log_ratio
from bayesmeta.quadrature.parts import Part, QuadratureFit
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.results.intervals import checked_probability

Floats = NDArray[np.float64]
_POINTS = 401  # over the coefficient, and over tau, from which a level is found
_REACH = 4.0  # of the points over the coefficient: 27 standard deviations
_GOLDEN = 0.5 * (math.sqrt(5) - 1)
_BLOCK = 400_000  # elements of a temporary array


@dataclass(frozen=True, eq=False, repr=False)
class JointDensity:
    """Joint posterior density of a coefficient and tau on a grid.

    Attributes
    ----------
    name : str
        The coefficient.
    x : ndarray, shape (column,)
        Its values.
    tau : ndarray, shape (row,)
    density : ndarray, shape (row, column)
        Per unit of both, as contour plots take it.
    fit : QuadratureFit
    """

    name: str
    x: Floats
    tau: Floats
    density: Floats
    fit: QuadratureFit

    def __repr__(self) -> str:
        return f"Joint posterior density of {self.name} and tau at {self.x.size} by {self.tau.size} points"

    def level(self, prob: float) -> float:
        """Density above which lies probability `prob`: the edge of the smallest region that holds so much.

        It does not depend on the grid; the probability within its contour is right to about 3e-4.
        """
        probability, log_density = self._levels
        return float(np.exp(np.interp(checked_probability(prob, "prob"), probability, log_density)))

    @cached_property
    def _levels(self) -> tuple[Floats, Floats]:
        return highest_density_levels(self.fit, self.name)


def joint_density(fit: QuadratureFit, name: str, x: ArrayLike, tau: ArrayLike) -> JointDensity:
    """Joint posterior density of a coefficient and tau at all pairs of `x` and `tau`."""
    _require_density(fit, name)
    columns, rows = _vector(x, name), _vector(tau, "tau")
    if np.any(rows < 0):
        raise SpecificationError(f"tau is a standard deviation, at least 0; got {rows.min():g}.")
    density = evaluate(fit, name, np.broadcast_to(columns, (rows.size, columns.size)), rows)
    return JointDensity(name, columns, rows, density, fit)


def evaluate(fit: QuadratureFit, name: str, x: Floats, tau: Floats) -> Floats:
    """Joint density at x, shape (row, column), where row i has ``tau[i]``."""
    return np.asarray(sum(part.probability * _part_density(fit, part, name, x, tau) for part in fit.parts))


def _part_density(fit: QuadratureFit, part: Part, name: str, x: Floats, tau: Floats) -> Floats:
    """Joint density under one part of the posterior, a few rows at a time."""
    density = np.zeros(x.shape)
    size = max(_BLOCK // (x.shape[1] * part.posterior.mass.shape[-2]), 1)
    for rows in np.array_split(np.arange(tau.size), -(-tau.size // size)):
        log_weight, mean, variance, bounds = _given_tau(fit, part, name, tau[rows])
        z = (x[rows, :, None] - mean[:, None, :]) / np.sqrt(variance[:, None, :])
        log_density = (log_weight - 0.5 * np.log(2 * math.pi * variance))[:, None, :] - 0.5 * z**2
        if bounds is not None:
            log_density = log_density + log_ratio(z, *(bound[:, None, :] for bound in bounds))
        with np.errstate(over="ignore"):
            density[rows] = np.exp(log_density).sum(axis=-1)
    return density


def _given_tau(
    fit: QuadratureFit, part: Part, name: str, tau: Floats
) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats, Floats] | None]:
    """Log joint density of tau and component; mean, variance and bounds of the coefficient given both: (tau, component)."""
    assert isinstance(part.scale, ScaleDensity)
    given = part.integrand.given(tau[None, :])
    offset, weights = part.weights(np.eye(len(fit.names))[fit.names.index(name)])
    mean, variance = given.contrast([float(w) for w in weights])
    log_prior = part.scale.log_density(tau)
    inside = (tau >= float(part.scale.lower)) & (tau <= float(part.scale.upper))
    log_tau = np.where(inside, log_prior, -np.inf) - float(part.posterior.log_evidence.item())
    shape = part.posterior.mass.shape[-2], tau.size
    log_joint, means, variances = (
        np.broadcast_to(f, shape).T for f in (given.log_likelihood + log_tau, mean + offset, variance)
    )
    if (cut := part.cut) is None:
        return log_joint, means, variances, None
    correlation = given.correlated([float(w) for w in weights], cut.weights) / np.sqrt(variance)
    ends = cut.standardised(*given.contrast(cut.weights))
    low, high = (np.broadcast_to(end, shape).T for end in ends)
    return log_joint, means, variances, (np.broadcast_to(np.clip(correlation, -1, 1), shape).T, low, high)


def highest_density_levels(fit: QuadratureFit, name: str) -> tuple[Floats, Floats]:
    """Probabilities of regions of highest density, and the log density at the edge of each.

    The distribution function of the density itself, over the points of a product rule for each part of the posterior.
    """
    densities, masses = [], []
    for part in fit.parts:
        x, tau, mass = _points(fit, part, name)
        densities.append(evaluate(fit, name, x, tau).ravel())
        masses.append(part.probability * mass.ravel())
    density, share = np.concatenate(densities), np.concatenate(masses)
    order = np.argsort(density)[::-1]
    order = order[density[order] > 0]
    return np.cumsum(share[order]) - 0.5 * share[order], np.log(density[order])


def _points(fit: QuadratureFit, part: Part, name: str) -> tuple[Floats, Floats, Floats]:
    """Points of a product rule for one part, x of shape (tau, point) and tau, and their masses, which sum to one.

    Equal steps in the variable of the double-exponential rule over tau, and in the inverse hyperbolic sine of the
    coefficient in standard deviations given tau.
    """
    assert isinstance(part.scale, ScaleDensity)
    grid = part.posterior.grid
    s = np.linspace(grid.first.item(), grid.last.item(), _POINTS)[None, :]
    tau = np.asarray(part.scale.at(grid.at(s))[0])[0]
    log_weight, mean, variance, _ = _given_tau(fit, part, name, tau)
    top = log_weight.max(axis=1, keepdims=True)
    share = np.exp(log_weight - top)
    share /= share.sum(axis=1, keepdims=True)
    centre = (share * mean).sum(axis=1, keepdims=True)
    spread = np.sqrt((share * (variance + (mean - centre) ** 2)).sum(axis=1, keepdims=True))
    place = np.arange(_POINTS) + (_GOLDEN * np.arange(_POINTS)[:, None]) % 1 - 0.5  # rows out of step: errors cancel
    t = _REACH * (2 * place / (_POINTS - 1) - 1)
    x = centre + spread * np.sinh(t)
    given = _part_density(fit, part, name, x, tau) * np.cosh(t)
    given /= given.sum(axis=1, keepdims=True)
    log_joint = part.integrand.log_joint(grid.at(s)) + grid.log_slope(s)
    marginal = np.exp(log_joint - log_joint.max()).sum(axis=0)
    return x, tau, given * (marginal / marginal.sum())[:, None]


def _require_density(fit: QuadratureFit, name: str) -> None:
    """Reject a pair that has point masses."""
    if name not in fit.names:
        raise SpecificationError(f"no coefficient {name!r}.{did_you_mean(name, fit.names)}")
    column = fit.names.index(name)
    for part in fit.parts:
        fixed = name if column in part.piece.fixed else None if isinstance(part.scale, ScaleDensity) else "tau"
        if fixed:
            raise SpecificationError(
                f"{name} and tau have no joint density: the prior on {fixed} has a point mass. "
                f"Take marginal({name!r}) and marginal('tau'), or a prior without it."
            )


def _vector(values: ArrayLike, name: str) -> Floats:
    vector = np.atleast_1d(real_array(name, values, SpecificationError, copy=False))
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise SpecificationError(f"{name}: give a vector of finite numbers; got {values!r}.")
    return vector
