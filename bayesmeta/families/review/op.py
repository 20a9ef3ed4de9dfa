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
_FREE = 6  # y, se, mu, beta, u, tau have derivatives; the other inputs are constants


def _evaluate(
    y,
    se,
    mu,
    beta,
    u,
    tau,
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
    return np.asarray(value), d_y, d_se, np.asarray(d_mu), d_beta, d_u, np.asarray(d_tau)


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
        y,
        se,
        mu,
        beta,
        u,
        tau,
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
            np.ascontiguousarray(y), np.ascontiguousarray(se), mu, np.ascontiguousarray(beta), np.ascontiguousarray(u),
            tau, np.ascontiguousarray(base), np.ascontiguousarray(where), np.ascontiguousarray(change),
            np.ascontiguousarray(log_weight), np.ascontiguousarray(reading), np.ascontiguousarray(included),
            np.ascontiguousarray(member), np.ascontiguousarray(stratum), np.ascontiguousarray(x), np.ascontiguousarray(method),
            np.ascontiguousarray(what), np.ascontiguousarray(how), np.ascontiguousarray(by_scenario),
            np.ascontiguousarray(slots),
        )  # fmt: skip

    return contiguous, _SOURCE_KEY


def log_density_of(arrays: ReviewArrays, design: Design, y: Any, se: Any, mu: Any, beta: Any, u: Any, tau: Any) -> Any:
    """Log density of the review given mu, beta, the positions `u` of its ranges, and tau: a scalar variable."""
    where = np.argwhere(design.slope != 0)
    change = design.slope[tuple(where.T)]
    constants = (
        design.base,
        where,
        change,
        arrays.log_weight,
        arrays.reading,
        arrays.included,
    )
    fixed = [pt.constant(np.ascontiguousarray(value)) for value in (*constants, *arrays.encoded)]
    return ReviewLogDensity()(y, se, mu, beta, u, tau, *fixed)[0]


def trials_in_graph(arrays: ReviewArrays, latent: Mapping[str, Any]) -> tuple[Any, Any]:
    """Effects and standard errors, shape (reading, study), observed or latent."""
    missing = ~arrays.known
    if not missing.any():
        return pt.as_tensor(arrays.y), pt.as_tensor(arrays.se)
    u = latent.get("size_position", pt.zeros(0))
    place = np.eye(missing.size)[missing]  # (latent, study)
    y = pt.as_tensor(np.nan_to_num(arrays.y)) + pt.dot(latent["y_latent"], place)
    se = pt.as_tensor(np.nan_to_num(arrays.se)) + pt.dot(arrays.standard_errors(latent["sd"], u, xp=pt), place)
    return y, se
