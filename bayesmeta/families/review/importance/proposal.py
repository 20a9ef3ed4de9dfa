"""Trials of a review drawn so that they meet what it printed, with the density that they were drawn with.

Standard errors come first: a printed pool fixes their common factor where its tau^2 is zero or was printed too, and fixes tau^2
elsewhere. Effects follow, by `effects`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from bayesmeta.families.review.importance import moments
from bayesmeta.families.review.importance.constraints import Constraint, constraints
from bayesmeta.families.review.importance.effects import SLACK, Effects
from bayesmeta.families.review.importance.solve import heterogeneity, shift_for_heterogeneity, shift_for_tau2
from bayesmeta.families.review.importance.strata import Stratum, exact_pool, printed_heterogeneity
from bayesmeta.families.review.importance.wanted import Form, Wanted
from bayesmeta.families.review.observations import I2_SOFTNESS

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Flags = NDArray[np.bool_]
_LOG_2PI = math.log(2 * math.pi)
# Spreads of the normal distribution that effects come from, in units of a trial's typical standard error; first guesses, which
# the adaptation corrects: of true effects, of their mean around the pooled estimate, of each subgroup's difference.
_TAU, _MEAN, _DIFFERENCE = 0.65, 0.45, 1.15
_TAU_ALONE = 2.0  # where no pool limits how far effects lie apart: tails must be wider than those of any model
_WIDEST = 50.0  # of a shift of log SDs: beyond it nothing has any weight


class Points(NamedTuple):
    """Trials that were drawn.

    Attributes
    ----------
    y, se : ndarray, shape (point, study)
    sd : ndarray, shape (point, latent)
        Unit SDs of the latent trials.
    size_position, positions : ndarray, shapes (point, free size) and (point, slot)
        Where sizes and covariates known as ranges lie in them, from 0 to 1.
    log_ratio : ndarray, shape (point,)
        Log density of the unit SDs under their prior, over that of SDs and effects as drawn; minus infinity where there are none.
    """

    y: Floats
    se: Floats
    sd: Floats
    size_position: Floats
    positions: Floats
    log_ratio: Floats


class _Pool(NamedTuple):
    """Estimate and standard error that are aimed at, their log densities, and what of the trials follows from them."""

    estimate: Floats
    log_density: Floats  # of the estimate
    shift: Floats  # of the log SDs of latent trials in the pool
    log_shift: Floats  # its log density
    tau2: Floats
    q: Floats | None = None
    log_q: Floats | None = None  # density of Q as drawn

    def of(self, rows: Ints) -> _Pool:
        """The same for some of the points."""
        q, log_q = (None if values is None else values[rows] for values in (self.q, self.log_q))
        fixed = (self.estimate, self.log_density, self.shift, self.log_shift, self.tau2)
        estimate, log_density, shift, log_shift, tau2 = (values[rows] for values in fixed)
        return _Pool(estimate, log_density, shift, log_shift, tau2, q, log_q)


class _Made(NamedTuple):
    """Rows of coordinates that allow effects, and all of the trials but these."""

    usable: Ints
    y: Floats
    se: Floats
    sd: Floats
    sizes: Floats
    positions: Floats
    log_ratio: Floats
    effects: Effects
    coordinates: tuple[Floats, Floats, Floats]

    def points(self, effects: Floats, log_density: Floats, rows: Ints | slice = slice(None)) -> Points:
        """Points with these effects of latent trials."""
        y, ratio = self.y[rows].copy(), self.log_ratio[rows] - log_density
        y[:, self.effects.latent] = effects
        ratio = np.where(np.isfinite(ratio) & np.isfinite(y).all(axis=1), ratio, -np.inf)
        return Points(y, self.se[rows], self.sd[rows], self.sizes[rows], self.positions[rows], ratio)


@dataclass(frozen=True)
class Proposal:
    """How trials of one stratum are drawn from standard normal coordinates.

    Attributes
    ----------
    stratum : Stratum
    n_slots : int
        Covariates known as ranges.
    location : (float, float)
        Mean and standard deviation of effects where no pool was printed.
    """

    stratum: Stratum
    n_slots: int
    location: tuple[float, float]

    @cached_property
    def latent(self) -> NDArray[np.bool_]:
        """Shape (study,)."""
        return ~self.stratum.arrays.known

    @cached_property
    def pooled(self) -> NDArray[np.bool_]:
        """Whether each trial is in the review's pool, shape (study,)."""
        return self.stratum.arrays.included > 0

    @cached_property
    def layout(self) -> dict[str, slice]:
        """Places of the coordinates."""
        arrays = self.stratum.arrays
        sizes = {
            "pool": 3 if self.stratum.branch != "no pool" else 0,
            "sd": int(self.latent.sum()),
            "size": arrays.n_free_sizes,
            "slot": self.n_slots,
            "effect": int(self.latent.sum()),
            "factor": 1 + len(self.tests),
            "test": len(self.tests),
        }
        ends = np.cumsum(list(sizes.values())).tolist()
        return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return int(self.layout["test"].stop)

    @cached_property
    def tests(self) -> list[Constraint]:
        """Each printed number that the latent trials' effects can be solved for."""
        arrays, latent = self.stratum.arrays, self.latent
        kept = list[Constraint]()
        directions = [arrays.included[latent]] if self.stratum.branch != "no pool" else []
        for one in constraints(arrays):
            more = [*directions, one.direction[latent]]
            if np.linalg.matrix_rank(np.array(more)) == len(more) < latent.sum():
                kept.append(one)
                directions = more
        return kept

    @cached_property
    def _sd_centre(self) -> tuple[float, float]:
        """Centre and spread of the log of a unit SD under its prior."""
        low, middle, high = np.log(np.asarray(self.stratum.arrays.review.sd.ppf(ndtr(np.array([-1.0, 0.0, 1.0])))))
        return float(middle), float(high - low) / 2

    @cached_property
    def unit(self) -> float:
        """A typical standard error of one trial."""
        pool = exact_pool(self.stratum.arrays)
        if pool is not None:
            return pool.se * math.sqrt(self.pooled.sum())
        arrays = self.stratum.arrays
        sizes = np.full((1, arrays.n_free_sizes), 0.5)
        roots = arrays.standard_errors(np.ones((1, int(self.latent.sum()))), sizes)[0, 0]
        return float(np.median([*np.exp(self._sd_centre[0]) * roots, *arrays.se[0, arrays.known]]))

    @property
    def _tau(self) -> float:
        return self.unit * (_TAU_ALONE if self.stratum.branch == "no pool" else _TAU)

    def draw(self, x: Floats, n_starts: int | None = None) -> tuple[Points, Ints]:
        """Trials at standard normal coordinates, shape (point, coordinate), and the row of coordinates that each set is from.

        A row may give several sets of trials, or none. With a number of starts Newton's method begins at the first few alone.
        """
        with np.errstate(all="ignore"):  # impossible points are given no weight
            made = self._standard_errors(x)
            if not self.latent.any():
                return made.points(np.zeros((made.usable.size, 0)), np.zeros(made.usable.size)), made.usable
            rows, effects, log_density = made.effects.draw(*made.coordinates, n_starts)
            return made.points(effects, log_density, rows), made.usable[rows]

    def missed(self, x: Floats) -> tuple[Points, Ints, Floats, Flags]:
        """Trials whose subgroup tests are met roughly, without solving for them, and whether solving would have missed them.

        Returns
        -------
        points : Points
        row : ndarray of int
            As of `draw`.
        log_rough : ndarray, shape (point,)
            Log density of the tests' z with a standard deviation of `SLACK`, over that as they are known.
        missed : ndarray of bool, shape (point,)
        """
        with np.errstate(all="ignore"):
            made = self._standard_errors(x)
            rows, effects, log_density, missed = made.effects.missed(*made.coordinates)
            points = made.points(effects, log_density, rows)
            log_rough = np.zeros(len(rows))
            for test in self.tests:
                miss = test.slope(points.y, points.se).value - test.target
                log_rough += 0.5 * (miss / test.spread) ** 2 - 0.5 * (miss / SLACK) ** 2 + math.log(test.spread / SLACK)
            return points, made.usable[rows], log_rough, missed

    def _standard_errors(self, x: Floats) -> _Made:
        """Everything but the effects, at the rows of coordinates that allow any."""
        arrays, at = self.stratum.arrays, self.layout
        sizes = ndtr(x[:, at["size"]])
        roots = arrays.standard_errors(np.ones((len(x), int(self.latent.sum()))), sizes)[:, 0, :]
        log_sd, log_sd_density, joint = self._log_sds(x[:, at["sd"]])
        pool = self._pool(x[:, at["pool"]], np.exp(log_sd) * roots, joint)
        log_sd[:, self._latent_in_pool] += pool.shift[:, None]
        sd = np.exp(log_sd)
        se = np.broadcast_to(arrays.se[0], (len(x), arrays.known.size)).copy()
        se[:, self.latent] = sd * roots
        ratio = (np.asarray(arrays.review.sd.logpdf(sd)).reshape(sd.shape) + log_sd).sum(axis=1) - log_sd_density
        ratio = ratio - pool.log_shift - (pool.log_density if self.stratum.branch != "no pool" else 0.0)
        ratio = ratio if pool.log_q is None else ratio - pool.log_q
        usable = np.flatnonzero(np.isfinite(ratio + pool.tau2) & (np.abs(pool.shift) < _WIDEST))
        x, se, pool = x[usable], se[usable], pool.of(usable)
        return _Made(
            usable, np.broadcast_to(arrays.y[0], se.shape), se, sd[usable], sizes[usable], ndtr(x[:, at["slot"]]),
            ratio[usable], self._effects(se, pool), (x[:, at["effect"]], x[:, at["factor"]], x[:, at["test"]]),
        )  # fmt: skip

    @cached_property
    def _latent_in_pool(self) -> NDArray[np.bool_]:
        """Of the latent trials, those in the pool."""
        return self.pooled[self.latent]

    def _log_sds(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Log unit SDs but for a common shift of those in the pool, their log density but for its own, and its coordinate."""
        centre, spread = self._sd_centre
        log_sd, inside = centre + spread * x, self._latent_in_pool
        density = (-0.5 * x[:, ~inside] ** 2 - 0.5 * _LOG_2PI - math.log(spread)).sum(axis=1)
        m = int(inside.sum())
        if m == 0:
            return log_sd, density, np.zeros(len(x))
        coordinates = x[:, inside]
        turned = coordinates @ _helmert(m).T  # the first of them is the mean, times the root of m
        log_sd[:, inside] = centre + spread * (turned - turned.mean(axis=1, keepdims=True))
        density += (-0.5 * coordinates[:, 1:] ** 2 - 0.5 * _LOG_2PI - math.log(spread)).sum(axis=1) - 0.5 * math.log(m)
        return log_sd, density, coordinates[:, 0]

    def _pool(self, x: Floats, se: Floats, joint: Floats) -> _Pool:
        """What the printed pool leaves open, and the density that it is drawn with."""
        arrays, zero = self.stratum.arrays, np.zeros(len(se))
        spread = self._sd_centre[1]
        m = int(self._latent_in_pool.sum())
        shift_sd = spread / math.sqrt(max(m, 1))
        if self.stratum.branch == "no pool":
            log_shift = -0.5 * joint**2 - 0.5 * _LOG_2PI - math.log(shift_sd) if m else zero
            return _Pool(zero + self.location[0], zero, shift_sd * joint, log_shift, zero)
        printed = exact_pool(arrays)
        assert printed is not None
        width = printed.spread / math.sqrt(2)
        middle = (printed.lower + printed.upper) / 2
        estimate, target = middle + width * x[:, 0], printed.se + width / printed.z * x[:, 1]
        log_estimate = -0.5 * x[:, 0] ** 2 - 0.5 * _LOG_2PI - math.log(width)
        log_target = -0.5 * x[:, 1] ** 2 - 0.5 * _LOG_2PI - math.log(width / printed.z)
        known = float((arrays.se[0, arrays.known & self.pooled] ** -2.0).sum())
        inside = se[:, self._latent_in_pool]
        room, precision = target**-2.0 - known, (inside**-2.0).sum(axis=1)
        if self.stratum.branch in ("no heterogeneity", "common effect"):
            shift = 0.5 * np.log(precision / room)
            return _Pool(estimate, log_estimate, shift, log_target + np.log(target**3 * room), zero)
        if self.stratum.branch == "heterogeneity":
            most = np.where(room > 0, 0.5 * np.log(precision / np.where(room > 0, room, 1.0)), np.inf) / shift_sd
            log_below = log_ndtr(most)
            share = np.exp(log_ndtr(joint) + log_below)
            shift = shift_sd * ndtri(share)
            log_shift = -0.5 * (shift / shift_sd) ** 2 - 0.5 * _LOG_2PI - math.log(shift_sd) - log_below
            fixed = np.broadcast_to(
                arrays.se[0, arrays.known & self.pooled], (len(se), int((arrays.known & self.pooled).sum()))
            )
            by_target = heterogeneity(np.column_stack([inside * np.exp(shift)[:, None], fixed]), target)
            log_q = log_target + np.log(by_target.slope)
            return _Pool(estimate, log_estimate, shift, log_shift, by_target.tau2, None, log_q)
        fixed = arrays.se[0, arrays.known & self.pooled]
        if self.stratum.branch == "printed tau^2":
            tau2, log_q = self._printed_tau2(x[:, 2])
            shift, slope = shift_for_tau2(inside, fixed, target, tau2)
            return _Pool(estimate, log_estimate, shift, log_target + np.log(slope), tau2, None, log_q)
        q, log_q = self._printed_q(x[:, 2])
        solved = shift_for_heterogeneity(inside, fixed, target, q - self._freedom)
        return _Pool(estimate, log_estimate, solved.shift, log_target + np.log(solved.slope), solved.tau2, q, log_q)

    @cached_property
    def _freedom(self) -> float:
        return float(self.pooled.sum() - 1)

    def _printed_q(self, x: Floats) -> tuple[Floats, Floats]:
        """Q above its degrees of freedom as the printed I-squared or Q leaves it, and its log density."""
        printed = printed_heterogeneity(self.stratum.arrays)
        assert printed is not None
        if printed.i2 == 0:
            scale = self._freedom / (1 - printed.rounding / 100) - self._freedom + 2 * I2_SOFTNESS
            above = -scale * log_ndtr(-x)
            return self._freedom + above, -above / scale - math.log(scale)
        drawn = printed.value + printed.spread * x
        log_drawn = -0.5 * x**2 - 0.5 * _LOG_2PI - math.log(printed.spread)
        if printed.kind == "q":
            return np.where(drawn > self._freedom, drawn, np.nan), log_drawn
        share = drawn / 100
        q = np.where((share > 0) & (share < 1), self._freedom / (1 - share), np.nan)
        return q, log_drawn + np.log(100 * self._freedom) - 2 * np.log(q)

    def _printed_tau2(self, x: Floats) -> tuple[Floats, Floats]:
        """Tau^2 as it was printed, and its log density."""
        printed = printed_heterogeneity(self.stratum.arrays)
        assert printed is not None
        drawn = printed.value + printed.spread * x
        return np.where(drawn > 0, drawn, np.nan), -0.5 * x**2 - 0.5 * _LOG_2PI - math.log(printed.spread)

    def _effects(self, se: Floats, pool: _Pool) -> Effects:
        """How effects are drawn."""
        arrays, branch = self.stratum.arrays, self.stratum.branch
        printed = exact_pool(arrays)
        method = "fe" if printed is None else printed.method
        form = None
        if branch not in ("no pool", "common effect"):
            most = pool.q if pool.q is not None else moments.expected(method, se, pool.tau2, arrays.included)
            form = Form(*moments.form_weights(method, se, pool.tau2, arrays.included), most)
        wanted = Wanted(
            se=se,
            known=np.where(self.latent, np.nan, arrays.y[0]),
            estimate=None if branch == "no pool" else pool.estimate,
            tau2=None if branch == "no pool" else pool.tau2,
            pooled=arrays.included,
            tests=self.tests,
            method=method,
            form=form,
            met=branch not in ("no pool", "common effect", "no heterogeneity"),
            by_tau2=branch in ("heterogeneity", "printed tau^2"),
        )
        middle, factor = self._factors(pool.estimate)
        return Effects(wanted, middle, factor, se[:, self.latent] ** 2 + self._tau**2)

    def _factors(self, location: Floats) -> tuple[Floats, Floats]:
        """Mean of the latent effects given the known ones, shape (point, latent), and what they share, (latent, factor)."""
        arrays, latent = self.stratum.arrays, self.latent
        mean = _MEAN * self.unit if self.stratum.branch != "no pool" else self.location[1]
        columns = [np.full(latent.size, mean), *(_DIFFERENCE * self.unit * one.direction for one in self.tests)]
        factors = np.stack(columns, axis=-1)
        known, open_ = factors[~latent], factors[latent]
        weight = 1 / (arrays.se[0, ~latent] ** 2 + self._tau**2)
        cov = np.linalg.inv(np.eye(len(columns)) + known.T @ (weight[:, None] * known))
        gap = arrays.y[0, ~latent] - location[:, None]
        middle = location[:, None] + (gap * weight) @ known @ cov @ open_.T
        return middle, open_ @ np.linalg.cholesky(cov)


def _helmert(m: int) -> Floats:
    """Orthogonal matrix whose first column is constant."""
    out = np.zeros((m, m))
    out[:, 0] = m**-0.5
    for j in range(1, m):
        out[:j, j], out[j, j] = 1.0, -j
        out[:, j] /= math.sqrt(j * (j + 1))
    return out
