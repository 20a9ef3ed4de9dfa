"""The review's log density as a PyTensor operation with its gradient, so that PyMC models can contain it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from bayesmeta.families.review import codes, kernel, kernel_fit, kernel_trials
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.kernel import fitted_adjoint, fitted_values, review_log_density
from bayesmeta.families.review.kernel_trials import fill_trials, trials_adjoint
from bayesmeta.spec.design import Design

# PyTensor keeps compiled functions on disk: a changed kernel must not find the old one.
_SOURCES = (__file__, kernel.__file__, kernel_fit.__file__, kernel_trials.__file__, codes.__file__)
_SOURCE_KEY = hashlib.sha256(b"".join(Path(file).read_bytes() for file in _SOURCES)).hexdigest()
_FREE = 7  # y_latent, sd, size, mu, beta, u, tau have derivatives; the other inputs are constants


def _evaluate(
    y_latent, sd, size, mu, beta, u, tau, y, se, latent, inverse, slot, lower, upper, per, rest, base, where, change,
    log_weight, reading, included, member, stratum, x, method, what, how, by_scenario, slots,
):  # fmt: skip
    sd, size, beta, u = (
        np.ascontiguousarray(sd),
        np.ascontiguousarray(size),
        np.ascontiguousarray(beta),
        np.ascontiguousarray(u),
    )
    y, se = y.copy(), se.copy()
    fill_trials(y_latent, sd, size, y, se, latent, inverse, slot, lower, upper, per, rest)
    fitted = fitted_values(mu.item(), beta, u, base, where, change)
    value, d_y, d_se, d_fitted, d_tau = review_log_density(
        y,
        se,
        fitted,
        tau.item(),
        log_weight,
        reading,
        included,
        member,
        stratum,
        x,
        method,
        what,
        how,
        by_scenario,
        slots,
    )
    d_latent, d_sd, d_size = trials_adjoint(d_y, d_se, sd, size, se, latent, slot, lower, upper, rest)
    d_mu, d_beta, d_u = fitted_adjoint(d_fitted, beta, u, base, where, change)
    return np.asarray(value), d_latent, d_sd, d_size, np.asarray(d_mu), d_beta, d_u, np.asarray(d_tau)


class ReviewLogDensity(Op):
    """Log density of a published review; the further outputs are its derivatives."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node for the inputs of `_evaluate`, in their order."""
        variables = [pt.as_tensor(value) for value in inputs]
        return Apply(self, variables, [pt.dscalar(), *(variable.type() for variable in variables[:_FREE])])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Evaluate outside compiled graphs."""
        for storage, value in zip(outputs, _evaluate(*map(np.ascontiguousarray, inputs)), strict=True):
            storage[0] = np.asarray(value, dtype=float).reshape(np.shape(value))

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the log density depends on anything, as far as derivatives go."""
        return [[i < _FREE, *[False] * _FREE] for i in range(len(node.inputs))]

    def pullback(self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]) -> list[Any]:
        """Chain rule with the derivatives that the kernel returned."""
        free = [output_grads[0] * derivative for derivative in outputs[1:]]
        return [*free, *(DisconnectedType()() for _ in inputs[_FREE:])]


@register_funcify_and_cache_key(ReviewLogDensity)
def _numba(op: ReviewLogDensity, node: Apply, **kwargs: Any) -> Any:
    return numba_njit(_evaluate), _SOURCE_KEY


def log_density_of(
    arrays: ReviewArrays, design: Design, latent: Mapping[str, Any], mu: Any, beta: Any, u: Any, tau: Any
) -> Any:
    """Log density of the review given latent trials, mu, beta, the positions `u` of its ranges, and tau: a scalar variable."""
    missing = ~arrays.known
    m, ranged = int(missing.sum()), np.flatnonzero(arrays.ranged)
    slot = np.full(missing.size, -1)
    slot[ranged] = np.arange(ranged.size)
    where = np.argwhere(design.slope != 0)
    constants = (
        arrays.y,
        arrays.se,
        np.flatnonzero(missing),
        arrays.inverse_size[:, missing],
        slot[missing],
        arrays.n_lower,
        arrays.n_upper,
        arrays.per_participant,
        np.full(len(arrays.y), np.nan) if arrays.n_rest is None else arrays.n_rest,
        design.base,
        where,
        design.slope[tuple(where.T)],
        arrays.log_weight,
        arrays.reading,
        arrays.included,
    )
    fixed = [pt.constant(np.ascontiguousarray(value)) for value in (*constants, *arrays.encoded)]
    trials = [latent.get(name, pt.zeros(n)) for name, n in (("y_latent", m), ("sd", m), ("size_position", 0))]
    return ReviewLogDensity()(*trials, mu, beta, u, tau, *fixed)[0]
