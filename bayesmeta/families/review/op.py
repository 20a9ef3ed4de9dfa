"""The review's log density as one operation of a graph: trials, means and statistics together, with their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt

from bayesmeta.families.op import Density, constants
from bayesmeta.families.review import codes, kernel, kernel_fit, kernel_trials
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.kernel import fitted_adjoint, fitted_values, review_log_density
from bayesmeta.families.review.kernel_trials import fill_trials, trials_adjoint
from bayesmeta.spec.design import Design

_SOURCES = (__file__, kernel.__file__, kernel_fit.__file__, kernel_trials.__file__, codes.__file__)


def evaluate_review(
    y_latent, sd, size, mu, beta, u, tau, y, se, latent, inverse, slot, lower, upper, per, rest, base, where, change,
    log_weight, reading, included, member, stratum, x, method, what, how, by_scenario, slots,
):  # fmt: skip
    """Value, and derivatives by the first seven."""
    sd, size = np.ascontiguousarray(sd), np.ascontiguousarray(size)
    beta, u = np.ascontiguousarray(beta), np.ascontiguousarray(u)
    y, se = y.copy(), se.copy()
    fill_trials(y_latent, sd, size, y, se, latent, inverse, slot, lower, upper, per, rest)
    fitted = fitted_values(mu.item(), beta, u, base, where, change)
    value, d_y, d_se, d_fitted, d_tau = review_log_density(
        y, se, fitted, tau.item(), log_weight, reading, included, member, stratum, x, method, what, how, by_scenario, slots
    )  # fmt: skip
    d_latent, d_sd, d_size = trials_adjoint(d_y, d_se, sd, size, se, latent, slot, lower, upper, rest)
    d_mu, d_beta, d_u = fitted_adjoint(d_fitted, beta, u, base, where, change)
    return np.asarray(value), d_latent, d_sd, d_size, np.asarray(d_mu), d_beta, d_u, np.asarray(d_tau)


def log_density_of(
    arrays: ReviewArrays, design: Design, latent: Mapping[str, Any], mu: Any, beta: Any, u: Any, tau: Any
) -> Any:
    """Log density of the review given latent trials, mu, beta, the positions `u` of its ranges, and tau: a scalar variable."""
    missing = ~arrays.known
    m, ranged = int(missing.sum()), np.flatnonzero(arrays.ranged)
    slot = np.full(missing.size, -1)
    slot[ranged] = np.arange(ranged.size)
    where = np.argwhere(design.slope != 0)
    fixed = constants(
        arrays.y, arrays.se, np.flatnonzero(missing), arrays.inverse_size[:, missing], slot[missing], arrays.n_lower,
        arrays.n_upper, arrays.per_participant, np.full(len(arrays.y), np.nan) if arrays.n_rest is None else arrays.n_rest,
        design.base, where, design.slope[tuple(where.T)], arrays.log_weight, arrays.reading, arrays.included, *arrays.encoded,
    )  # fmt: skip
    trials = [latent.get(name, pt.zeros(n)) for name, n in (("y_latent", m), ("sd", m), ("size_position", 0))]
    return Density(evaluate_review, 7, _SOURCES)(*trials, mu, beta, u, tau, *fixed)[0]
