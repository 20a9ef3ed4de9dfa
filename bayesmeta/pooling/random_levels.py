"""Counts of two arms where both the level and the effect of a study are random: a likelihood in four parameters.

Study i has the predictors mu + sigma w + beta + tau z / 2 under treatment and mu + sigma w - tau z / 2 under control, with w
and z standard normal. The double integral is a product of two trapezoid rules along the principal axes of each study's
integrand, each in a sinh-transformed variable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.pooling.components import curvature, settle, try_zero
from bayesmeta.pooling.counts import Likelihood
from bayesmeta.pooling.marginal_counts import MarginalCounts, Part

Floats = NDArray[np.float64]
_HALF = 24  # nodes on either side of the mode, on each axis
_REACH = 9.0
_STEPS = 200
_STARTS = ((0.3, 0.15), (1.0, 0.8))  # of sigma and tau


@dataclass(frozen=True)
class RandomLevels:
    """The likelihood of mu, beta, sigma and tau, in this order."""

    treated: Likelihood
    control: Likelihood
    n_studies: int

    def log_likelihood(self, at: Floats) -> tuple[float, Floats]:
        """Log likelihood and its derivatives."""
        mu, beta, sigma, tau = at
        loads = np.array([[sigma, tau / 2], [sigma, -tau / 2]])  # of w and z, in each arm
        mode, axes, sizes = self._mode(mu, beta, loads)
        end = np.arcsinh((_REACH + np.abs(mode).sum(axis=1))[:, None] / sizes)
        t = end[:, :, None] * np.arange(-_HALF, _HALF + 1) / _HALF
        steps = sizes[:, :, None] * np.sinh(t)
        logs = np.log(sizes[:, :, None] * np.cosh(t) * end[:, :, None] / _HALF)
        first, second = (
            x.reshape(self.n_studies, -1) for x in np.broadcast_arrays(steps[:, 0, :, None], steps[:, 1, None, :])
        )
        points = mode[:, :, None] + axes[:, :, :1] * first[:, None] + axes[:, :, 1:] * second[:, None]
        w, z = points[:, 0], points[:, 1]
        values = (logs[:, 0, :, None] + logs[:, 1, None, :]).reshape(self.n_studies, -1)
        values = values - 0.5 * (w**2 + z**2) - math.log(2 * math.pi)
        one, slope_t, _ = self.treated(mu + beta + loads[0, 0] * w + loads[0, 1] * z)
        two, slope_c, _ = self.control(mu + loads[1, 0] * w + loads[1, 1] * z)
        values = values + one + two
        top = values.max(axis=1, keepdims=True)
        weight = np.exp(values - top)
        total = weight.sum(axis=1, keepdims=True)
        weight = weight / total
        both = slope_t + slope_c
        slopes = (both, slope_t, both * w, (slope_t - slope_c) * z / 2)
        return float(np.sum(top + np.log(total))), np.array([np.sum(weight * slope) for slope in slopes])

    def _mode(self, mu: float, beta: float, loads: Floats) -> tuple[Floats, Floats, Floats]:
        """Mode of each study's integrand in (w, z), its principal axes, and its widths along them."""
        at = np.zeros((self.n_studies, 2))
        for _ in range(_STEPS):
            slope, bend = -at, np.broadcast_to(-np.eye(2), (self.n_studies, 2, 2))
            for part, start, load in ((self.treated, mu + beta, loads[0]), (self.control, mu, loads[1])):
                _, first, second = part((start + at @ load)[:, None])
                slope = slope + first * load
                bend = bend + second[:, :, None] * np.outer(load, load)
            step = np.clip(-np.linalg.solve(bend, slope[:, :, None])[:, :, 0], -1, 1)
            at = at + step
            if np.abs(step).max() < 1e-6:  # the rule need not sit on the mode exactly
                break
        values, axes = np.linalg.eigh(-bend)
        return at, axes, values**-0.5

    def fit(self, start: tuple[float, float], free: tuple[int, ...]) -> tuple[Floats, float]:
        """Highest point over the parameters `free`, the others zero; `start` is of mu and beta."""

        def loss(part: Floats) -> tuple[float, Floats]:
            full = np.zeros(4)
            full[list(free)] = part
            value, slope = self.log_likelihood(full)
            return -value, -slope[list(free)]

        starts = [np.array([*start, *spread])[list(free)] for spread in _STARTS]
        best, height = try_zero(loss, *settle(loss, starts, "pool_glmm"), range(2, len(free)))
        full = np.zeros(4)
        full[list(free)] = best
        return full, -height

    def covariance(self, best: Floats) -> Floats:
        """Covariance of mu and beta by the curvature of the likelihood, in all parameters that are not zero."""
        free = [0, 1, *(i for i in (2, 3) if best[i] != 0)]

        def loss(part: Floats) -> tuple[float, Floats]:
            full = np.zeros(4)
            full[free] = part
            value, slope = self.log_likelihood(full)
            return -value, -slope[free]

        return np.asarray(np.linalg.inv(curvature(loss, best[free])))[:2, :2]

    def saturated(self, start: tuple[float, float]) -> tuple[float, float]:
        """Highest log likelihood with an effect of its own for each study, and Wald's test that they are equal."""
        parts = (Part(self.treated, 1.0, 1.0), Part(self.control, 1.0, 1.0, 0.0))
        model = MarginalCounts(parts, np.full(self.n_studies, start[1]), self.n_studies)

        def loss(at: Floats) -> tuple[float, Floats]:
            value, slope = model.log_likelihood(float(at[0]), float(at[1]))
            return -value, -slope

        best, height = settle(loss, [np.array([start[0], spread[0]]) for spread in _STARTS], "pool_glmm")
        best, height = try_zero(loss, best, height, [1])
        effects = model.best_base(np.full(self.n_studies, start[1]), float(best[0]), float(best[1]))
        known = np.flatnonzero(-model.integral(effects, float(best[0]), float(best[1])).bend > 1e-9)
        levels = 2 if best[1] else 1

        def joint(at: Floats) -> tuple[float, Floats]:
            base = effects.copy()
            base[known] = at[levels:]
            found = model.integral(base, at[0], at[1] if levels == 2 else 0.0)
            own = [found.beta.sum(), found.tau.sum()][:levels]
            return -float(found.value.sum()), -np.array([*own, *found.base[known]])

        information = curvature(joint, np.append(best[:levels], effects[known]))
        spread = np.linalg.inv(information)[levels:, levels:]
        if len(known) < 2:
            return -height, 0.0
        contrast = np.column_stack([-np.ones(len(known) - 1), np.eye(len(known) - 1)])
        gaps = contrast @ effects[known]
        return -height, float(gaps @ np.linalg.solve(contrast @ spread @ contrast.T, gaps))
