"""A log density by compiled code that returns its derivatives too, as one operation of a sampler's graph.

One operation compiles in the place of hundreds, and needs no derivatives of PyTensor's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key


class Density(Op):
    """Log density; the further outputs are its derivatives by the first inputs, the others are constants.

    Parameters
    ----------
    evaluate : callable
        From arrays to the value and the derivatives, arrays too; its name is unique among all of them.
    n_free : int
        Inputs with derivatives.
    sources : sequence of str
        Files with the code: PyTensor keeps compiled functions on disk, and a changed one must not find the old one.
    """

    __props__ = ("evaluate", "n_free")

    def __init__(self, evaluate: Callable[..., Any], n_free: int, sources: Sequence[str]) -> None:
        self.evaluate, self.n_free = evaluate, n_free
        content = b"".join(Path(file).read_bytes() for file in (__file__, *sources))
        self.key = hashlib.sha256(evaluate.__name__.encode() + content).hexdigest()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node for the inputs of `evaluate`, in their order."""
        variables = [pt.as_tensor(value) for value in inputs]
        return Apply(self, variables, [pt.dscalar(), *(variable.type() for variable in variables[: self.n_free])])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Evaluate outside compiled graphs."""
        results = self.evaluate(*(np.asarray(value, order="C") for value in inputs))
        for storage, value in zip(outputs, results, strict=True):
            storage[0] = np.asarray(value, dtype=float)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the log density depends on anything, as far as derivatives go."""
        return [[i < self.n_free, *[False] * self.n_free] for i in range(len(node.inputs))]

    def pullback(self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]) -> list[Any]:
        """Chain rule with the derivatives that `evaluate` returned."""
        free = [output_grads[0] * derivative for derivative in outputs[1:]]
        return [*free, *(DisconnectedType()() for _ in inputs[self.n_free :])]


@register_funcify_and_cache_key(Density)
def _numba(op: Density, node: Apply, **kwargs: Any) -> Any:
    return numba_njit(op.evaluate), op.key


def constants(*arrays: Any) -> list[Any]:
    """Arrays as constants of a graph."""
    return [pt.constant(np.ascontiguousarray(array)) for array in arrays]
