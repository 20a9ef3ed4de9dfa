"""Counts of two arms where both the level and the effect of a study are random: a likelihood in four parameters.

Study i has the predictors mu + sigma w + x_i beta + tau z / 2 under treatment and mu + sigma w - tau z / 2 under control, with w
and z standard normal. The double integral is a product of two trapezoid rules along the principal axes of each study's
integrand, each in a sinh-transformed variable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from bayesmeta.pooling.components import Objective, curvature, settle, try_zero
from bayesmeta.pooling.counts import Likelihood
from bayesmeta.pooling.marginal_counts import MarginalCounts, Part

Floats = NDArray[np.float64]
_HALF = 24  # nodes on either side of the mode, on each axis
_REACH = 9.0
_STEPS = 200
_STARTS = ((0.3, 0.15), (1.0, 0.8))  # of sigma and tau


@dataclass(frozen=True)
class RandomLevels:
    """The likelihood of mu, beta, sigma and tau, in this order; `X` is the design of the mean effects x beta."""

    treated: Likelihood
    control: Likelihood
    X: Floats

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return len(self.X)

    def log_likelihood(self, at: Floats) -> tuple[float, Floats]:
        """Log likelihood and its derivatives."""
        mu, sigma, tau = at[0], at[-2], at[-1]
        effect = self.X @ at[1:-2]
        loads = np.array([[sigma, tau / 2], [sigma, -tau / 2]])  # of w and z, in each arm
        mode, axes, sizes = self._mode(mu, effect, loads)
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
        of_treated, slope_t, _ = self.treated(mu + effect[:, None] + loads[0, 0] * w + loads[0, 1] * z)
        two, slope_c, _ = self.control(mu + loads[1, 0] * w + loads[1, 1] * z)
        values = values + of_treated + two
        top = values.max(axis=1, keepdims=True)
        weight = np.exp(values - top)
        total = weight.sum(axis=1, keepdims=True)
        weight = weight / total
        both = slope_t + slope_c
        gradient = self.X.T @ np.sum(weight * slope_t, axis=1)
        slopes = (both, both * w, (slope_t - slope_c) * z / 2)
        level, *spreads = (np.sum(weight * slope) for slope in slopes)
        return float(np.sum(top + np.log(total))), np.array([level, *gradient, *spreads])

    def _mode(self, mu: float, effect: Floats, loads: Floats) -> tuple[Floats, Floats, Floats]:
        """Mode of each study's integrand in (w, z), its principal axes, and its widths along them."""
        at = np.zeros((self.n_studies, 2))
        for _ in range(_STEPS):
            slope, bend = -at, np.broadcast_to(-np.eye(2), (self.n_studies, 2, 2))
            for part, start, load in (
                (self.treated, mu + effect, loads[0]),
                (self.control, np.full_like(effect, mu), loads[1]),
            ):
                _, first, second = part((start + at @ load)[:, None])
                slope = slope + first * load
                bend = bend + second[:, :, None] * np.outer(load, load)
            step = np.clip(-np.linalg.solve(bend, slope[:, :, None])[:, :, 0], -1, 1)
            at = at + step
            if np.abs(step).max() < 1e-6:  # the rule need not sit on the mode exactly
                break
        values, axes = np.linalg.eigh(-bend)
        return at, axes, values**-0.5

    def _loss(self, free: list[int]) -> Objective:
        """Return minus the log likelihood over the parameters `free`, the others zero."""

        def loss(part: Floats) -> tuple[float, Floats]:
            value, slope = self.log_likelihood(self._full(part, free))
            return -value, -slope[free]

        return loss

    def _full(self, part: Floats, free: list[int]) -> Floats:
        full = np.zeros(self.X.shape[1] + 3)
        full[free] = part
        return full

    def fit(self, start: Floats, random: bool) -> tuple[Floats, float]:
        """Highest point; `start` is of mu and beta. Without `random` effects tau is zero."""
        free = list(range(len(start) + 1 + random))
        starts = [np.array([*start, *spread])[free] for spread in _STARTS]
        loss = self._loss(free)
        best, height = try_zero(loss, *settle(loss, starts, "pool_glmm"), range(len(start), len(free)))
        return self._full(best, free), -height

    def covariance(self, best: Floats) -> Floats:
        """Covariance of mu and beta by the curvature of the likelihood, in all parameters that are not zero."""
        inner = len(best) - 2
        free = [*range(inner), *(i for i in (inner, inner + 1) if best[i] != 0)]
        return np.asarray(np.linalg.inv(curvature(self._loss(free), best[free])))[:inner, :inner]

    def saturated(self, start: Floats) -> tuple[float, float]:
        """Highest log likelihood with an effect of its own for each study, and Wald's test that X explains them."""
        parts = (Part(self.treated, 1.0, 1.0), Part(self.control, 1.0, 1.0, 0.0))
        effects = self.X @ start[1:]
        model = MarginalCounts(parts, effects, np.ones((self.n_studies, 1)))

        def loss(at: Floats) -> tuple[float, Floats]:
            value, slope = model.log_likelihood(at[:1], float(at[1]))
            return -value, -slope

        best, height = settle(loss, [np.array([start[0], spread[0]]) for spread in _STARTS], "pool_glmm")
        best, height = try_zero(loss, best, height, [1])
        level = np.full(self.n_studies, best[0])
        effects = model.best_base(effects, level, float(best[1]))
        curved = np.flatnonzero(-model.integral(effects, level, float(best[1])).bend > 1e-9)
        levels = 2 if best[1] else 1

        def joint(at: Floats) -> tuple[float, Floats]:
            base = effects.copy()
            base[curved] = at[levels:]
            integral = model.integral(base, np.full(self.n_studies, at[0]), at[1] if levels == 2 else 0.0)
            of_levels = [integral.effect.sum(), integral.tau.sum()][:levels]
            return -float(integral.value.sum()), -np.array([*of_levels, *integral.base[curved]])

        information = curvature(joint, np.append(best[:levels], effects[curved]))
        spread = np.linalg.inv(information)[levels:, levels:]
        if not len(curved):
            return -height, 0.0
        contrast = linalg.null_space(self.X[curved].T).T
        gaps = contrast @ effects[curved]
        return -height, float(gaps @ np.linalg.solve(contrast @ spread @ contrast.T, gaps))
