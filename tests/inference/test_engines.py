"""Engines keep what they compiled: equal graphs are taken again, and no fit depends on fits before it."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.inference import nuts

DATA = bm.Estimates(y=[0.2, 0.5, -0.1, 0.3], se=[0.1, 0.2, 0.15, 0.2], covariates={"x": [0.0, 1.0, 2.0, 4.0]})
MEAN = {scale: bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(scale)) for scale in (0.5, 1.0)}
SLOPE = bm.NormalNormal(formula="1 + x", mu=bm.Normal(0, 1), tau=bm.HalfNormal(1), beta={"x": bm.Normal(0, 1)})
fitting = importlib.import_module("bayesmeta.results.fit")  # the name in the package is the function


def test_a_graph_is_compiled_once_and_an_equal_one_taken_again(monkeypatch):
    compiled = []

    class Compiled:
        def __init__(self, graph, *, low_rank):
            compiled.append(graph)

    monkeypatch.setattr(nuts, "CompiledModel", Compiled)
    engine = nuts.NutsEngine()

    def columns_after(*models):
        engine.prepare([prepare(DATA, model) for model in models])
        return [list(skeleton.beta) for skeleton, _ in engine._prepared], len(compiled)

    assert columns_after(MEAN[0.5]) == ([[]], 1)
    assert columns_after(MEAN[1.0], MEAN[0.5]) == ([[]], 1)
    assert columns_after(SLOPE) == ([["x"]], 2)
    assert columns_after(MEAN[1.0]) == ([[]], 2)  # not the larger graph, whose draws are others
    assert columns_after(MEAN[1.0], SLOPE) == ([["x"]], 2)  # one graph for both, as always
    wider = bm.NormalNormal(mu=bm.StudentT(3, 0, 1), tau=bm.HalfNormal(1))
    assert columns_after(wider) == ([[]], 3)


def test_engines_are_shared_by_the_content_of_the_data():
    def engine(data):
        return fitting._engine("normal", data.hash)

    same = bm.Estimates(y=DATA.y, se=DATA.se, covariates={"x": [0.0, 1.0, 2.0, 4.0]})
    assert engine(same) is engine(DATA)
    assert engine(DATA.subset(np.array([True, True, True, False]))) is not engine(DATA)


@pytest.mark.slow
def test_draws_do_not_depend_on_earlier_fits():
    def draws():
        return bm.fit_many(DATA, {"m": MEAN[0.5]}, "nuts", seed=3, draws=50, tune=50, chains=1)["m"].draws("mu")

    first = draws()
    bm.fit_many(DATA, {"x": SLOPE, "m": MEAN[1.0]}, "nuts", seed=3, draws=50, tune=50, chains=1)
    np.testing.assert_array_equal(draws(), first)
