"""Log density of follow-ups whose effects and errors are correlated over time, and its derivatives: compiled.

The same in NumPy is `FollowUpsLikelihood.log_density`; here studies are computed one by one.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt

from bayesmeta.families.estimates import kernel as blocks
from bayesmeta.families.estimates.kernel import block_density
from bayesmeta.families.op import Density, constants
from bayesmeta.families.time_course.follow_ups import FollowUps, error_covariance
from bayesmeta.spec.time_course import TimeCourse


@numba.njit(cache=True, error_model="numpy")
def _correlation(rho, gap, by_gap):
    """Correlation of two rows of a study at different times, and its derivative by rho."""
    if by_gap:
        return rho**gap, gap * rho ** (gap - 1)
    return rho, 1.0


def evaluate_follow_ups(mean, tau, rho, rho_within, y, V, gap, by_gap, correlated, order, ends):
    """Value, and derivatives by means, tau, rho and rho_within; studies stand in `order`, a block between two of `ends`.

    `by_gap` tells for effects and errors whether the correlation depends on the time between two rows, `correlated`
    whether V is still to be multiplied by that of the errors.
    """
    d_mean, d_scales, value = np.zeros(y.size), np.zeros(3), 0.0
    spread = tau.item()
    for block in range(ends.size - 1):
        rows = order[ends[block] : ends[block + 1]]
        m = rows.size
        residual, cov, changes = np.empty(m), np.empty((m, m)), np.zeros((3, m, m))
        for i in range(m):
            residual[i] = y[rows[i]] - mean[rows[i]]
            for j in range(m):
                effects, errors, d_effects, d_errors = 1.0, 1.0, 0.0, 0.0
                if i != j:
                    apart = gap[rows[i], rows[j]]
                    effects, d_effects = _correlation(rho.item(), apart, by_gap[0])
                    if correlated:
                        errors, d_errors = _correlation(rho_within.item(), apart, by_gap[1])
                size = V[rows[i], rows[j]]
                cov[i, j] = size * errors + spread**2 * effects
                changes[0, i, j] = 2 * spread * effects
                changes[1, i, j] = spread**2 * d_effects
                changes[2, i, j] = size * d_errors
        d_residual = np.zeros(m)
        value += block_density(residual, cov, changes, d_residual, d_scales)
        for i in range(m):
            d_mean[rows[i]] = -d_residual[i]
    return np.asarray(value), d_mean, np.asarray(d_scales[0]), np.asarray(d_scales[1]), np.asarray(d_scales[2])


def log_density_of(y: Any, model: TimeCourse, rows: FollowUps, mean: Any, tau: Any, rho: Any, rho_within: Any) -> Any:
    """Log density of the estimates: a scalar variable."""
    correlated = rows.cov is None and rho_within is not None
    V = rows.se[:, None] * rows.se if correlated else error_covariance(model, rows, None)
    order = np.concatenate(rows.studies)
    ends = np.cumsum([0, *map(len, rows.studies)])
    by_gap = [model.between == "ar1", model.within == "ar1"]
    density = Density(evaluate_follow_ups, 4, (__file__, blocks.__file__))
    fixed = constants(y, V, rows.gap, by_gap, correlated, order, ends)
    free = [pt.as_tensor(value) for value in (mean, tau, rho, 0.0 if rho_within is None else rho_within)]
    return density(*free, *fixed)[0]
