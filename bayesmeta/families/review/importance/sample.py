"""A weighted sample of a review's trials: drawn in several independent replicates, by proposals fitted to the posterior."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from bayesmeta.errors import ImportanceError
from bayesmeta.families.review.importance.proposal import Points, Proposal
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.quadrature.special import TINY

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
REPLICATES = 8  # independently scrambled point sets, whose spread is the Monte Carlo error
_PILOT_STARTS = 3  # of Newton's method in pilots, which need not find every solution
_PILOT, _ROUNDS = 9, 3  # log2 of the points of a stratum at first; how often its proposal is fitted at most
_LARGE_PILOT = 12  # log2 of the points where few of the first carry weight
_GOOD, _POOR = 0.05, 0.02  # shares of effective points at which it is left as it is, and below which few are
_AS_IT_WAS = 0.2  # share of points from the proposal before it was fitted: its tails are wide
_SHRINK, _FEW = 0.2, 20.0  # least weight of the standard normal in a fitted one; its weight is _FEW / effective number
_LEAST = 6  # log2 of the fewest points of a stratum in one replicate
_WIDER = 3.0  # standard deviation of the common shift of log SDs where the prior's finds no trials
_NOTHING, _SMALLEST = 25.0, 0.02  # log share below which a stratum is left out; least points, relative to the most
_CHUNK = 1 << 13  # points drawn at a time


@dataclass(frozen=True)
class Fitted:
    """Normal distribution of a proposal's coordinates: mean, and a lower triangular root of the covariance."""

    mean: Floats
    root: Floats

    def moved(self, z: Floats, first: Floats) -> tuple[Floats, Floats]:
        """Coordinates from standard normal numbers, and the log density of the standard normal over that of the mixture."""
        x = np.where((first < _AS_IT_WAS)[:, None], z, self.mean + z @ self.root.T)
        back = np.linalg.solve(self.root, (x - self.mean).T).T
        fitted = -0.5 * (back**2).sum(axis=1) - np.log(np.diag(self.root)).sum()
        standard = -0.5 * (x**2).sum(axis=1)
        mixture = np.logaddexp(math.log(1 - _AS_IT_WAS) + fitted, math.log(_AS_IT_WAS) + standard)
        return x, standard - mixture


@dataclass(frozen=True)
class Drawn:
    """Points of one stratum.

    Attributes
    ----------
    proposal : Proposal
    points : Points
    x : ndarray, shape (point, coordinate)
    replicate : ndarray of int, shape (point,)
    log_weight : ndarray, shape (point, scenario)
        Log density of what was printed and of the latent SDs over that of the proposal, for each scenario of the stratum, with
        the scenario's weight, over the number of points: everything but the effects' density under a model.
    place : ndarray of int, shape (point,)
        Its place among the points that were drawn together.
    """

    proposal: Proposal
    points: Points
    x: Floats
    replicate: Ints
    log_weight: Floats
    place: Ints


@dataclass(frozen=True)
class Sample:
    """A weighted sample of a review's trials.

    Attributes
    ----------
    drawn : tuple of Drawn
        By stratum.
    missed : float
        Share of the posterior that solving for subgroup tests does not reach, estimated under the target.
    """

    drawn: tuple[Drawn, ...]
    missed: float


@dataclass(frozen=True)
class Adapted:
    """Proposals of all strata, fitted to a target, from which samples of any size are drawn.

    Attributes
    ----------
    proposals : sequence of Proposal
    fitted : sequence of Fitted or None
        None where a proposal is left as it is.
    shares : ndarray, shape (stratum,)
        Of the points; zero of negligible strata.
    missed : float
        As of `Sample`.
    seed : int
    """

    proposals: Sequence[Proposal]
    fitted: Sequence[Fitted | None]
    shares: Floats
    missed: float
    seed: int


Target = Callable[[Drawn], Floats]  # log posterior weights of the points of a stratum, shape (point,)


def adapt(proposals: Sequence[Proposal], target: Target, seed: int) -> Adapted:
    """Fit proposals to a target where that makes them better.

    Where few points of a stratum's pilot carry weight its proposal is fitted to a larger one, unless the stratum is
    negligible.

    Parameters
    ----------
    target : callable
        From the points of a stratum to the logs of their posterior weights.
    """
    pilots = [_pilot(proposal, target, _PILOT, [seed, i, REPLICATES]) for i, proposal in enumerate(proposals)]
    totals = np.array([one.total for one in pilots])
    for i in np.flatnonzero(np.isfinite(totals) & (totals > totals.max() - _NOTHING)).tolist():
        if pilots[i].effective < _POOR * 2**_PILOT:
            again = [seed, i, REPLICATES + _ROUNDS + 2]
            pilots[i] = _pilot(proposals[i], target, _LARGE_PILOT, again, pilots[i].fitted)
    fitted = [one.fitted for one in pilots]
    shares = _shares([one.log_weight for one in pilots], [one.size for one in pilots])
    return Adapted(proposals, fitted, shares, _missed(proposals, fitted, shares, target, seed), seed)


def draw(adapted: Adapted, size: int) -> Sample:
    """A sample of about 2**`size` points in all, in independent replicates of the strata that have a share of the posterior."""
    drawn = []
    for i, share in enumerate(adapted.shares):
        if share > 0:
            n = max(round(math.log2(share * 2**size / REPLICATES)), _LEAST)
            seeds = [[adapted.seed, i, r] for r in range(REPLICATES)]
            drawn.append(_drawn(adapted.proposals[i], adapted.fitted[i], n, seeds))
    return Sample(tuple(drawn), adapted.missed)


@dataclass(frozen=True)
class _Pilot:
    """A first sample of a stratum: the proposal fitted to it, the logs of its points' weights, and how many were drawn."""

    fitted: Fitted | None
    log_weight: Floats
    size: int

    @property
    def total(self) -> float:
        return float(logsumexp(self.log_weight)) if self.log_weight.size else -np.inf

    @property
    def effective(self) -> float:
        return _effective(self.log_weight)


def _pilot(proposal: Proposal, target: Target, size: int, seed: Sequence[int], fitted: Fitted | None = None) -> _Pilot:
    """A pilot of 2**`size` points, its proposal fitted to the target while that makes it better."""
    *before, last = seed
    pilot = _drawn(proposal, fitted, size, [seed], _PILOT_STARTS)
    if not pilot.x.size and fitted is None:
        fitted = _wider(proposal)
        pilot = _drawn(proposal, fitted, size + 1, [seed], _PILOT_STARTS)
    log_weight = target(pilot)
    for step in range(_ROUNDS):
        if _effective(log_weight) > _GOOD * 2**size:
            break
        again = _fit(pilot.x, log_weight, proposal.dimension)
        if again is None:
            break
        pilot = _drawn(proposal, again, size, [[*before, last + 1 + step]], _PILOT_STARTS)
        better = target(pilot)
        if _effective(better) <= _effective(log_weight):
            break
        log_weight, fitted = better, again
    return _Pilot(fitted, log_weight, 2**size)


def _wider(proposal: Proposal) -> Fitted:
    """A proposal that reaches standard errors far from what their prior says, for trials that are hard to reconcile."""
    root = np.eye(proposal.dimension)
    first = proposal.layout["sd"].start
    root[first, first] = _WIDER
    return Fitted(np.zeros(proposal.dimension), root)


def _missed(
    proposals: Sequence[Proposal], fitted: Sequence[Fitted | None], shares: Floats, target: Target, seed: int
) -> float:
    """Share of the posterior that no start leads to, if tests were known roughly; zero without any."""
    parts = [np.array([[-np.inf], [0.0]])]
    for i, (proposal, fit, share) in enumerate(zip(proposals, fitted, shares, strict=True)):
        if share > 0 and proposal.tests and proposal.latent.any():
            x, correction = _coordinates(proposal, fit, _PILOT + 1, [[seed, i, REPLICATES + _ROUNDS + 1]])
            points, row, log_rough, missed = proposal.missed(x)
            drawn = _weighted(proposal, points, x[row], correction[row] + log_rough, np.zeros(row.size, dtype=int))
            log_weight = target(drawn)
            parts.append(np.stack([log_weight, missed[drawn.place]]))
    log_weight, missed = np.concatenate(parts, axis=1)
    weight = np.exp(log_weight - max(log_weight.max(), -1e300))
    return float(weight @ missed / max(weight.sum(), TINY))


def _effective(log_weight: Floats) -> float:
    """Effective number of weighted points."""
    return (
        float(np.exp(2 * logsumexp(log_weight) - logsumexp(2 * log_weight))) if np.isfinite(log_weight).any() else 0.0
    )


def _drawn(
    proposal: Proposal, fitted: Fitted | None, size: int, seeds: Sequence[Sequence[int]], n_starts: int | None = None
) -> Drawn:
    """Points of a stratum, from 2**`size` rows of coordinates by every seed; those without any weight are left out."""
    x, correction = _coordinates(proposal, fitted, size, seeds)
    parts = []
    for start in range(0, len(x), _CHUNK):
        points, row = proposal.draw(x[start : start + _CHUNK], n_starts)
        row = row + start
        parts.append(_weighted(proposal, points, x[row], correction[row] - math.log(len(x)), row >> size))
    points = Points(*(np.concatenate(values) for values in zip(*(one.points for one in parts), strict=True)))
    joined = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("x", "replicate", "log_weight", "place")
    )
    return Drawn(proposal, points, *joined)


def _coordinates(
    proposal: Proposal, fitted: Fitted | None, size: int, seeds: Sequence[Sequence[int]]
) -> tuple[Floats, Floats]:
    """Coordinates, and the log density of the standard normal over that of which they are."""
    d = proposal.dimension
    from scipy.stats import qmc

    u = np.concatenate([qmc.Sobol(d + 1, rng=np.random.default_rng(seed)).random_base2(size) for seed in seeds])
    u = np.clip(u, 1e-12, 1 - 1e-12)  # a Sobol point may be zero: quantiles stay within 7 sd
    x = ndtri(u[:, :d])
    return (x, np.zeros(len(x))) if fitted is None else fitted.moved(x, u[:, d])


def _weighted(proposal: Proposal, points: Points, x: Floats, correction: Floats, replicate: Ints) -> Drawn:
    """Points that have any weight, with it."""
    arrays = proposal.stratum.arrays
    with np.errstate(all="ignore"):
        terms = arrays.statistic_terms(arrays.trials(points.y[:, None, :], points.se[:, None, :]))
        printed = sum(terms, np.zeros((len(x), arrays.log_weight.size))) + arrays.log_weight
        log_weight = (points.log_ratio + correction)[:, None] + printed
    kept = np.flatnonzero(np.isfinite(log_weight).any(axis=1))
    log_weight = np.where(np.isfinite(log_weight[kept]), log_weight[kept], -np.inf)
    return Drawn(proposal, Points(*(values[kept] for values in points)), x[kept], replicate[kept], log_weight, kept)


def _shares(weights: Sequence[Floats], sizes: Sequence[int]) -> Floats:
    """How many points each stratum should have: in proportion to the standard deviation of its weights, as Neyman has it.

    The weights are over the number of points that were drawn, `sizes`.
    """
    if not any(np.isfinite(one).any() for one in weights):
        raise ImportanceError("importance sampling finds no trials that have what was printed.")
    totals, squares = (np.array([logsumexp(k * one) if one.size else -np.inf for one in weights]) for k in (1, 2))
    squares = squares + np.log(sizes)
    spread = np.exp(0.5 * (squares - squares.max()))
    negligible = totals < logsumexp(totals) - _NOTHING
    spread = np.where(negligible, 0.0, np.maximum(spread, _SMALLEST * spread.max()))
    return np.asarray(spread / spread.sum())


def _fit(x: Floats, log_weight: Floats, dimension: int) -> Fitted | None:
    """Mean and covariance of weighted coordinates, drawn towards the standard normal; None where too few carry them."""
    if not log_weight.size or not np.isfinite(log_weight.max()):
        return None
    w = np.exp(log_weight - logsumexp(log_weight))
    effective = 1 / (w**2).sum()
    if effective < 3:
        return None
    shrink = max(_SHRINK, min(1.0, _FEW / effective))
    mean = (1 - shrink) * (w @ x)
    away = x - w @ x
    cov = (1 - shrink) * (away * w[:, None]).T @ away + shrink * np.eye(dimension)
    return Fitted(mean, np.linalg.cholesky(cov))
