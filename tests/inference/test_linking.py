"""The functions that nutpie's sampler calls: those that nutpie compiles itself, at less cost."""

from __future__ import annotations

import ctypes

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_array_equal

from bayesmeta.inference.sampling import CompiledModel, _one_rounding
from bayesmeta.inference.settings import SamplerSettings

pytestmark = pytest.mark.slow

SHORT = SamplerSettings(draws=50, tune=100, chains=2)
OTHER = {"scale": 0.25, "centre": [3.0, -1.0], "upper": 0.75}


@pytest.fixture(scope="module")
def graph():
    """A scalar, an array and a bound that are exchanged; the bound is in the function that shows a draw, too."""
    with pm.Model(check_bounds=False) as model:
        upper, centre, scale = pm.Data("upper", 2.0), pm.Data("centre", [0.0, 1.0]), pm.Data("scale", 1.0)
        pm.Normal("mu", centre, scale, shape=2)
        pm.Uniform("tau", 0.5, upper)
    return model


@pytest.fixture(scope="module")
def compiled(graph):
    return CompiledModel(graph)


def test_draws_are_those_of_nutpies_own_functions_to_the_bit(graph, compiled):
    import nutpie

    with _one_rounding():
        reference = nutpie.compile_pymc_model(graph, backend="numba")
    for numbers in ({}, OTHER):
        found, _ = compiled.sample(numbers, SHORT, 7)
        data = reference.with_data(**{name: np.asarray(value, float) for name, value in numbers.items()})
        want = nutpie.sample(data, draws=50, tune=100, chains=2, seed=7, progress_bar=False, target_accept=0.95)
        assert {"tau", "mu"} <= set(found) == set(want["posterior"].data_vars)
        for name, values in found.items():
            assert_array_equal(values, want["posterior"][name], err_msg=name)
        assert (found["tau"].max() < 0.75) == bool(numbers)


def test_a_loaded_function_is_the_compiled_one(graph, compiled):
    first, second = compiled.linked.compiled, CompiledModel(graph).linked.compiled
    assert (first.compiled_logp_func.cache_hits, second.compiled_logp_func.cache_hits) == (0, 1)
    assert (first.compiled_expand_func.cache_hits, second.compiled_expand_func.cache_hits) == (0, 1)


def test_a_point_without_a_density_is_rejected(compiled):
    """0 is a density, from 1 on a step is rejected, below 0 the run ends."""
    made = compiled.linked.compiled
    doubles = ctypes.POINTER(ctypes.c_double)

    def status(at, size=3):
        arrays = np.array(at, float), np.zeros(3), np.zeros(1), made.user_data
        return made.compiled_logp_func.ctypes(size, *(array.ctypes.data_as(doubles) for array in arrays))

    assert status([0.0, 0.0, 0.0]) == 0
    assert status([0.0, 0.0, 0.0], size=2) == -1
    assert status([0.0, np.nan, 0.0]) == 3
    assert status([0.0, 1e200, 0.0]) >= 3
