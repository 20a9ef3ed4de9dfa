"""The posterior under one component of the priors: nodes over tau, and given each of them over the free coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import ImproperPosteriorError, InferenceError
from bayesmeta.priors import Flat
from bayesmeta.quadrature.grid import Grid, locate
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.scale_density import ScaleDensity
from bayesmeta.quadrature.study_curves.lines import between
from bayesmeta.quadrature.study_curves.panels import Panels, first_edges, followed
from bayesmeta.quadrature.study_curves.placement import Likelihood, place

Floats = NDArray[np.float64]
_ROW = (33, 65, 129, 257, 513, 1025)  # nodes of the only free coefficient, by how fine the rules are
_REACH = 8.5  # standard deviations that they span on either side, at first
_LATTICE = {2: ((35, 8.5, 31, 7.5), (49, 10.0, 45, 10.0), (81, 13.0, 61, 12.0)), 3: ((35, 8.5, 25, 7.0),)}
FINEST = {1: len(_ROW) - 1} | {free: len(rules) - 1 for free, rules in _LATTICE.items()}  # by how many are free
_LOW, _NEGLIGIBLE = 30.0, 34.0  # log density below its top at the ends of a row; what is beyond may be left out
_FEWEST = 18  # nodes of a row that count
_ROUNDS = 60
_FARTHEST = 1e4  # widths of the widest curve, from which on a posterior is improper
_COARSE = 18  # values of tau at which the posterior is looked for
_GONE = 1e-14  # mass of a node that is left out of what is asked


@dataclass(frozen=True, slots=True, eq=False)
class TauNodes:
    """Nodes over tau.

    Attributes
    ----------
    tau, log_weight : ndarray, shape (tau,)
        Log of the rule's weight times the prior.
    grid : Grid or None
        The map from s, in which the nodes are equally spaced.
    step : float
        In s.
    """

    tau: Floats
    log_weight: Floats
    grid: Grid | None = None
    step: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Log densities of the first free coefficient at each tau, on equally spaced nodes.

    Attributes
    ----------
    low, high : ndarray, shape (tau,)
    log_density : ndarray, shape (tau, node)
        Of the data and the coefficient, without the prior where that is the only free one.
    """

    low: Floats
    high: Floats
    log_density: Floats

    @property
    def x(self) -> Floats:
        """The nodes, shape (tau, node)."""
        share = np.linspace(0, 1, self.log_density.shape[1])
        return np.asarray(self.low[:, None] + (self.high - self.low)[:, None] * share)


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Log densities of several free coefficients at each tau: mode + root z, for z on a lattice.

    Attributes
    ----------
    mode, root : ndarray, shapes (tau, free) and (tau, free, free)
    z : sequence of ndarray
        One for each dimension.
    log_density : ndarray, shape (tau, *nodes)
        Of data and coefficients, with respect to z.
    """

    mode: Floats
    root: Floats
    z: tuple[Floats, ...]
    log_density: Floats


class CurvePart:
    """One part of a posterior.

    Attributes
    ----------
    likelihood : Likelihood
    scale : ScaleDensity or float
        The component of the prior on tau; a number is a point mass.
    fine : int
        How fine the rules over the coefficients are.
    prior_probability, log_evidence : float
        Log marginal likelihood of this part.
    nodes : TauNodes
    mass : ndarray, shape (tau,)
        Posterior probabilities of the nodes of tau; they sum to one.
    rows, panels : Rows, Panels, or None
        Of the first free coefficient: at each tau, and of it and tau together.
    lattice : Lattice or None
    mean, sd : ndarray, shape (tau, free)
        Of the free coefficients at each tau.
    roughness : float
        What the rows leave open of a log density.
    """

    def __init__(self, likelihood: Likelihood, prior_probability: float, scale: Any, n: int, fine: int = 0) -> None:
        self.likelihood, self.piece, self.prior_probability = likelihood, likelihood.piece, prior_probability
        self.scale, self.fine = scale, fine
        self.free = len(self.piece.free)
        self.rows: Rows | None = None
        self.panels: Panels | None = None
        self.lattice: Lattice | None = None
        self.roughness = 0.0
        self.nodes, mode, root = self._placed(scale, n)
        if self.free == 0:
            log_mass = self.nodes.log_weight + likelihood(np.empty((len(self.nodes.tau), 0)), self.nodes.tau)
            self.mean = self.sd = np.empty((len(log_mass), 0))
        elif self.free == 1:
            log_mass = self._one(mode[:, 0], root[:, 0, 0])
        else:
            log_mass = self._several(mode, root)
        self.log_evidence = float(logsumexp(log_mass))
        self.mass = np.exp(log_mass - self.log_evidence)

    @property
    def kept(self) -> NDArray[np.intp]:
        """Nodes of tau that have mass."""
        return np.flatnonzero(self.mass > _GONE)

    def first_density(self, x: Floats) -> Floats:
        """Density of the first free coefficient together with each node of tau, shape (tau, point)."""
        return self._joint(self.rows, x)  # type: ignore[arg-type]

    def _joint(self, rows: Rows, x: Floats, log_whole: float | None = None) -> Floats:
        log_density = between(rows.log_density, rows.low, rows.high, x) + self.nodes.log_weight[:, None]
        if self.free == 1:
            log_density = log_density + self.piece.log_prior(x[:, None])
        return np.asarray(np.exp(log_density - (self.log_evidence if log_whole is None else log_whole)))

    def _placed(self, scale: Any, n: int) -> tuple[TauNodes, Floats, Floats]:
        """Nodes over tau, and where the coefficients lie at each."""
        if not isinstance(scale, ScaleDensity):
            tau = np.array([float(scale)])
            mode, root, _ = place(self.likelihood, tau) if self.free else (np.empty((1, 0)), np.empty((1, 0, 0)), None)
            return TauNodes(tau, np.zeros(1)), mode, root
        tables = self.likelihood.problem.tables
        typical = np.log(tables.scales[1])
        low, _, high = tables.line(np.array(tables.scales))
        if np.isfinite(scale.middle) and tables.surfaces:
            low = min(low, max(scale.middle - 4 * scale.spread, low - 6))
            high = max(high, min(scale.middle + 3 * scale.spread, high + 8))
        u = np.linspace(low, high, _COARSE)
        tau = tables.scale_at(u)
        if self.free:
            mode, root, top = self.likelihood.placed(tau)
            diagonal = np.log(np.diagonal(root, axis1=1, axis2=2))
            height = top + diagonal.sum(axis=1)
        else:
            mode, root, height = (
                np.empty((_COARSE, 0)),
                np.empty((_COARSE, 0, 0)),
                self.likelihood(np.empty((_COARSE, 0)), tau),
            )

        def log_density(v: Floats) -> Floats:
            at, log_prior = scale.at(v)
            with np.errstate(divide="ignore"):
                where = tables.line(at)
            found = np.interp(where, u, height) + np.minimum(
                0, (u[-1] - where) * (height[-2] - height[-1]) / (u[1] - u[0])
            )
            return np.asarray(found + log_prior)

        centre = np.array([[float(scale.inverse(typical))]])
        grid = locate(
            log_density, centre, scale.inverse(scale.middle), scale.spread, bounded=scale.bounded, improper=False
        )
        v, log_slope, step = grid.nodes(n)
        tau, log_prior = scale.at(v[0])
        nodes = TauNodes(tau, log_prior + log_slope[0] + np.log(step.item()), grid, step.item())
        with np.errstate(divide="ignore"):
            where = np.clip(tables.line(tau), u[0], u[-1])
        shape = (len(tau), *mode.shape[1:])
        mode = (
            np.stack([np.interp(where, u, column) for column in mode.T], axis=1)
            if self.free
            else mode[:1].repeat(len(tau), 0)
        )
        flat = root.reshape(_COARSE, -1).T
        root = (
            np.stack([np.interp(where, u, entry) for entry in flat], axis=1)
            if self.free
            else root[:1].repeat(len(tau), 0)
        )
        return nodes, mode, root.reshape(*shape, self.free)

    def _one(self, mode: Floats, sd: Floats) -> Floats:
        """Rows, panels and masses of the only free coefficient."""
        rows = self._windows(mode - _REACH * sd, mode + _REACH * sd)
        x = rows.x
        joint = rows.log_density + self.piece.log_prior(x.reshape(-1, 1)).reshape(x.shape)
        joint = np.where(np.isfinite(joint), joint, -np.inf)
        log_rough = logsumexp(joint, axis=1) + np.log(x[:, 1] - x[:, 0]) + self.nodes.log_weight
        mean, sd = _moments(np.exp(joint - joint.max(axis=1, keepdims=True)), x)
        there = log_rough > log_rough.max() - _LOW
        sd = np.maximum(sd, (rows.high - rows.low) / 130)
        edges = first_edges(mean[there], sd[there], rows.low[there], rows.high[there])
        top = float(logsumexp(log_rough))
        self.panels = followed(lambda points: self._joint(rows, points, top), edges)
        mass = self.panels.values * self.panels.weights
        total = mass.sum(axis=1)
        nodes = self.panels.nodes
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = np.where(total > 0, mass @ nodes / total, mean)
            square = np.where(total > 0, (mass * (nodes - centre[:, None]) ** 2).sum(axis=1) / total, sd**2)
            log_mass = np.log(total) + top
        self.mean, self.sd, self.rows = centre[:, None], np.sqrt(square)[:, None], rows
        log_whole = float(logsumexp(log_mass))
        self.panels = Panels(self.panels.edges, self.panels.values * np.exp(top - log_whole))
        self.roughness = _roughness(rows.log_density, joint + self.nodes.log_weight[:, None])
        return np.asarray(log_mass)

    def _windows(self, low: Floats, high: Floats) -> Rows:
        """Rows that reach over all that counts of each posterior, and not much further."""
        lower, upper = self.piece.support
        width = high - low
        low, high = np.clip(low, lower, upper), np.clip(high, lower, upper)
        low, high = (
            np.where(low >= high, np.minimum(low, high - 0.1 * width), low),
            np.where(low >= high, low + 0.1 * width, high),
        )
        low, high = np.maximum(low, lower), np.minimum(high, upper)
        n, farthest = _ROW[self.fine], _FARTHEST * float(self.likelihood.problem.tables.scale.max())
        found = np.empty((len(low), n))
        todo = np.ones(len(low), dtype=bool)
        for _ in range(_ROUNDS):
            x = low[todo, None] + (high - low)[todo, None] * np.linspace(0, 1, n)
            found[todo] = self.likelihood(x.reshape(-1, 1), np.repeat(self.nodes.tau[todo], n)).reshape(x.shape)
            g = found[todo] + self.piece.log_prior(x.reshape(-1, 1)).reshape(x.shape)
            g = np.where(np.isfinite(g), g, -np.inf)  # a density that is infinite at an end is integrated by panels
            top = g.max(axis=1, keepdims=True)
            inside = g > top - _NEGLIGIBLE
            width = x[:, -1] - x[:, 0]
            left, right = (
                (g[:, 0] > top[:, 0] - _LOW) & (x[:, 0] > lower),
                (g[:, -1] > top[:, 0] - _LOW) & (x[:, -1] < upper),
            )
            few = ~left & ~right & (inside.sum(axis=1) < _FEWEST * (n // 32))
            if np.any((left | right) & (width > farthest)) and self.piece.terms[0][1] == Flat():
                raise ImproperPosteriorError(
                    "the posterior is improper: under a flat prior the data leave the effect without a bound, as events in one "
                    "arm of all studies alone do. Give mu a proper prior, e.g. Normal(0, 2.82)."
                )
            rows = np.flatnonzero(todo)
            first, last = inside.argmax(axis=1), n - 1 - inside[:, ::-1].argmax(axis=1)
            step = width / (n - 1)
            low[rows] = np.where(
                left, x[:, 0] - width / 2, np.where(few, x[:, 0] + step * np.maximum(first - 1, 0), x[:, 0])
            )
            high[rows] = np.where(
                right, x[:, -1] + width / 2, np.where(few, x[:, 0] + step * np.minimum(last + 1, n - 1), x[:, -1])
            )
            low[rows], high[rows] = np.maximum(low[rows], lower), np.minimum(high[rows], upper)
            todo[rows] = left | right | few
            if not todo.any():
                break
        return Rows(low, high, found)

    def _several(self, mode: Floats, root: Floats) -> Floats:
        """Lattice, rows and masses of several free coefficients."""
        p, (first, reach, rest, rest_reach) = self.free, _LATTICE[self.free][self.fine]
        z = (np.linspace(-reach, reach, first), *[np.linspace(-rest_reach, rest_reach, rest)] * (p - 1))
        points = np.stack(np.meshgrid(*z, indexing="ij"), axis=-1).reshape(-1, p)
        log_density = np.empty((len(mode), len(points)))
        for a, tau in enumerate(self.nodes.tau):
            beta = mode[a] + points @ root[a].T
            log_density[a] = self.likelihood(beta, np.full(len(beta), tau)) + self.piece.log_prior(beta)
        log_volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1) + sum(np.log(one[1] - one[0]) for one in z)
        log_density = log_density.reshape(len(mode), *(one.size for one in z))
        log_given = logsumexp(log_density.reshape(len(mode), -1), axis=1) + log_volume
        log_mass = log_given + self.nodes.log_weight
        self.lattice = Lattice(mode, root, z, log_density)
        weight = np.exp(log_density.reshape(len(mode), -1) + (log_volume - log_given)[:, None])
        beta = mode[:, None, :] + points @ root.transpose(0, 2, 1)
        self.mean = np.einsum("tn,tnp->tp", weight, beta)
        self.sd = np.sqrt(np.einsum("tn,tnp->tp", weight, (beta - self.mean[:, None, :]) ** 2))
        half = reach * root[:, 0, 0]
        by_first = (
            logsumexp(log_density, axis=tuple(range(2, p + 1))) + (log_volume - np.log(half * 2 / (first - 1)))[:, None]
        )
        self.rows = Rows(mode[:, 0] - half, mode[:, 0] + half, by_first)
        top = float(logsumexp(log_mass))
        if not np.isfinite(top):
            raise InferenceError(
                "the posterior of several coefficients is not found, as where prior and data exclude each other. "
                "Use engine='nuts'."
            )
        there = log_mass > log_mass.max() - _LOW
        edges = first_edges(self.mean[there, 0], self.sd[there, 0], self.rows.low[there], self.rows.high[there])
        self.panels = followed(lambda x: self._joint(self.rows, x, top), edges)  # type: ignore[arg-type]
        halves = max(_halves(weight.reshape(log_density.shape), np.exp(log_mass - top)))
        self.roughness = _roughness(by_first, by_first + self.nodes.log_weight[:, None]) + halves + _cut(log_density)
        return np.asarray(log_mass)


def _moments(weight: Floats, x: Floats) -> tuple[Floats, Floats]:
    total = weight.sum(axis=1)
    mean = (weight * x).sum(axis=1) / total
    return mean, np.sqrt((weight * (x - mean[:, None]) ** 2).sum(axis=1) / total)


def _roughness(log_density: Floats, joint: Floats) -> float:
    """What rows leave open: at odd nodes, a fiftieth of what even ones alone would be off by, where there is any mass."""
    rows = np.flatnonzero(joint.max(axis=1) > joint.max() - _LOW)
    joint = joint - joint.max()
    few, n = log_density[rows][:, ::2], log_density.shape[1]
    ends = np.zeros(len(rows)), np.full(len(rows), n - 1.0)
    guess = between(np.ascontiguousarray(few), *ends, np.arange(1.0, n, 2))
    relative = np.exp(joint[rows][:, 1::2])
    return float((np.abs(guess - log_density[rows][:, 1::2]) * relative).max() / 50)


def _halves(weight: Floats, mass: Floats) -> Iterator[float]:
    """Difference between the two halves of the nodes of each dimension, each a rule of its own."""
    for axis in range(1, weight.ndim):
        signs = (1 - 2 * (np.arange(weight.shape[axis]) % 2)).reshape(-1, *[1] * (weight.ndim - 1 - axis))
        yield abs(float(mass @ (weight * signs).reshape(len(mass), -1).sum(axis=1)))


def _cut(log_density: Floats) -> float:
    """Mass on the faces of a lattice, relative to that of its inside."""
    top = log_density.reshape(len(log_density), -1).max(axis=1)
    faces = [
        log_density.take(i, axis=a).reshape(len(top), -1).max(axis=1)
        for a in range(1, log_density.ndim)
        for i in (0, -1)
    ]
    return float(np.exp(np.max([face - top for face in faces])))
