"""Functions that nutpie's sampler calls in a compiled model: the density with its derivatives, and what a draw is shown as.

nutpie compiles such a function for any model, in four seconds and again in each process. These know what a model of this
package holds, a vector of numbers that are exchanged; they take a tenth of that, and are kept on disk as PyTensor keeps
the functions that they call.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numba
import numpy as np
import pymc as pm
from numba import types
from numpy.typing import NDArray
from nutpie import compile_pymc
from pymc.initial_point import make_initial_point_fn
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS, compile_numba_function_src

_SIZE, _DOUBLES, _STATUS = types.uint64, types.CPointer(types.double), types.int64
_DENSITY = _STATUS(_SIZE, _DOUBLES, _DOUBLES, _DOUBLES, _DOUBLES)
_EXPANDED = _STATUS(_SIZE, _SIZE, _DOUBLES, _DOUBLES, _DOUBLES)

# Its statuses are nutpie's: 1 and up reject a step, -1 and down end the run.
_DENSITY_SOURCE = """
def log_density(size, at, slopes, value, numbers):
    if size != {size}:
        return -1
    try:
        found, gradient = inner(carray(at, ({size},)){arguments})
    except Exception:
        return 1
    value[0] = found.item()
    for i in range({size}):
        slopes[i] = gradient[i]
        if not isfinite(gradient[i]):
            return 3
    return 0 if isfinite(value[0]) else 4
"""
_EXPANDED_SOURCE = """
def expanded(size, n_shown, at, shown, numbers):
    if size != {size} or n_shown != {n_shown}:
        return -1
    try:
        (values,) = inner(carray(at, ({size},)){arguments})
    except Exception:
        return -2
    for i in range({n_shown}):
        shown[i] = values[i]
    return 0
"""


@dataclasses.dataclass(frozen=True)
class Linked:
    """A compiled model, and where in its vector of numbers each `pm.Data` stands."""

    compiled: compile_pymc.CompiledPyMCModel
    places: Mapping[str, slice]

    def with_data(self, values: Mapping[str, NDArray[np.float64]]) -> Any:
        """Return nutpie's model with other numbers, each of the shape that it was compiled with."""
        numbers = self.compiled.user_data.copy()
        for name, value in values.items():
            numbers[self.places[name]] = value.ravel()
        return dataclasses.replace(self.compiled, user_data=numbers)


def link(model: pm.Model) -> Linked:
    """Compile a PyMC model for nutpie."""
    scattered = set(model.free_RVs)
    initial = make_initial_point_fn(
        model=model, default_strategy="support_point", jitter_rvs=scattered, return_transformed=True
    )
    size, n_shown, density, expand, start, variables, reparameterised = compile_pymc._make_functions(
        model,
        mode="NUMBA",
        compute_grad=True,
        join_expanded=True,
        pymc_initial_point_fn=compile_pymc._wrap_with_lock(initial),
    )
    shared = {one.name: one for one in (*density.get_shared(), *expand.get_shared())}
    values = {name: np.asarray(one.get_value(), dtype=float) for name, one in shared.items()}
    ends = np.cumsum([0, *(value.size for value in values.values())]).tolist()
    places = {name: slice(first, last) for name, first, last in zip(values, ends[:-1], ends[1:], strict=True)}
    views = {
        name: f", carray(numbers, ({ends[-1]},))[{at.start}:{at.stop}].reshape({values[name].shape})"
        for name, at in places.items()
    }
    names = [[one.name for one in function.get_shared()] for function in (density, expand)]
    dims, coords = compile_pymc._prepare_dims_and_coords(model, variables, reparameterised)
    compiled = compile_pymc.CompiledPyMCModel(
        _n_dim=size,
        dims=dims,
        _coords=coords,
        _shapes={name: tuple(shape) for name, _, shape in zip(*variables, strict=True)},
        compiled_logp_func=_function(density, _DENSITY, _DENSITY_SOURCE, [views[n] for n in names[0]], size=size),
        compiled_expand_func=_function(
            expand, _EXPANDED, _EXPANDED_SOURCE, [views[n] for n in names[1]], size=size, n_shown=n_shown
        ),
        initial_point_func=start,
        shared_data={},
        shared_var_keys={},
        user_data=np.concatenate([np.zeros(0), *(value.ravel() for value in values.values())]),
        n_expanded=n_shown,
        shape_info=variables,
        logp_func=density,
        expand_func=expand,
        reparameterized_names=reparameterised,
    )
    return Linked(compiled, places)


def _function(made: Any, signature: Any, source: str, arguments: Sequence[str], **sizes: int) -> Any:
    """Compile a function of C around a function of PyTensor, or load it where PyTensor would load what it calls."""
    outer = made.vm.jit_fn
    # What PyTensor's own function only hands its arguments to: one function less that holds all code and is optimised.
    inner = outer.py_func.__globals__.get("jitable_func", outer)
    text = source.format(arguments="".join(arguments), **sizes)
    inner_key = CACHED_SRC_FUNCTIONS.get(outer.py_func)
    function = compile_numba_function_src(
        text,
        text.split("(")[0].split()[-1],
        global_env={"__name__": __name__, "inner": inner, "carray": numba.carray, "isfinite": np.isfinite},
        cache_key=None if inner_key is None else hashlib.sha256(f"{inner_key}\n{text}".encode()).hexdigest(),
    )
    return numba.cfunc(signature, cache=inner_key is not None)(function)
