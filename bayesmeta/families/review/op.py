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

from bayesmeta.families.review import codes, kernel, kernel_fit
from bayesmeta.families.review.arrays import ReviewArrays
from bayesmeta.families.review.kernel import fitted_adjoint, fitted_values, review_log_density
from bayesmeta.spec.design import Design

# PyTensor keeps compiled functions on disk: a changed kernel must not find the old one.
_SOURCES = (__file__, kernel.__file__, kernel_fit.__file__, codes.__file__)
_SOURCE_KEY = hashlib.sha256(b"".join(Path(file).read_bytes() for file in _SOURCES)).hexdigest()
_FREE = 6  # y_latent, se_latent, mu, beta, u, tau have derivatives; the other inputs are constants


def _evaluate(
    y_latent,
    se_latent,
    mu,
    beta,
    u,
    tau,
    y,
    se,
    latent,
    base,
    where,
    change,
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
):
    y, se = y.copy(), se.copy()
    for r in range(y.shape[0]):
        for j in range(latent.size):
            y[r, latent[j]], se[r, latent[j]] = y_latent[j], se_latent[r, j]
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
    d_mu, d_beta, d_u = fitted_adjoint(d_fitted, beta, u, base, where, change)
    d_y_latent, d_se_latent = np.zeros(latent.size), np.empty((y.shape[0], latent.size))
    for r in range(y.shape[0]):
        for j in range(latent.size):
            d_y_latent[j] += d_y[r, latent[j]]
            d_se_latent[r, j] = d_se[r, latent[j]]
    return np.asarray(value), d_y_latent, d_se_latent, np.asarray(d_mu), d_beta, d_u, np.asarray(d_tau)


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
    compiled = numba_njit(_evaluate)

    @numba_njit
    def contiguous(
        y_latent,
        se_latent,
        mu,
        beta,
        u,
        tau,
        y,
        se,
        latent,
        base,
        where,
        change,
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
    ):
        return compiled(
            np.ascontiguousarray(y_latent), np.ascontiguousarray(se_latent), mu, np.ascontiguousarray(beta),
            np.ascontiguousarray(u), tau, np.ascontiguousarray(y), np.ascontiguousarray(se), np.ascontiguousarray(latent),
            np.ascontiguousarray(base), np.ascontiguousarray(where), np.ascontiguousarray(change),
            np.ascontiguousarray(log_weight), np.ascontiguousarray(reading), np.ascontiguousarray(included),
            np.ascontiguousarray(member), np.ascontiguousarray(stratum), np.ascontiguousarray(x), np.ascontiguousarray(method),
            np.ascontiguousarray(what), np.ascontiguousarray(how), np.ascontiguousarray(by_scenario),
            np.ascontiguousarray(slots),
        )  # fmt: skip

    return contiguous, _SOURCE_KEY


def log_density_of(
    arrays: ReviewArrays, design: Design, latent: Mapping[str, Any], mu: Any, beta: Any, u: Any, tau: Any
) -> Any:
    """Log density of the review given latent trials, mu, beta, the positions `u` of its ranges, and tau: a scalar variable."""
    where = np.argwhere(design.slope != 0)
    constants = (
        arrays.y,
        arrays.se,
        np.flatnonzero(~arrays.known),
        design.base,
        where,
        design.slope[tuple(where.T)],
        arrays.log_weight,
        arrays.reading,
        arrays.included,
    )
    fixed = [pt.constant(np.ascontiguousarray(value)) for value in (*constants, *arrays.encoded)]
    return ReviewLogDensity()(*_trials(arrays, latent), mu, beta, u, tau, *fixed)[0]


def _trials(arrays: ReviewArrays, latent: Mapping[str, Any]) -> tuple[Any, Any]:
    """Effects, shape (latent,), and standard errors, shape (reading, latent), of the latent trials."""
    if arrays.known.all():
        return pt.zeros(0), pt.zeros((len(arrays.y), 0))
    u = latent.get("size_position", pt.zeros(0))
    return latent["y_latent"], arrays.standard_errors(latent["sd"], u, xp=pt)
