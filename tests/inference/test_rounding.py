"""The same seed gives the same bytes: whichever way compiled code came to memory, and however many processors there are."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

import bayesmeta as bm
from bayesmeta.analysis.schema import Sampling
from bayesmeta.families.prepared import prepare
from bayesmeta.inference import sampling, settings
from bayesmeta.inference.nuts import NutsEngine
from bayesmeta.inference.settings import TARGET_ACCEPT, SamplerSettings

NAN = float("nan")
ROOT = Path(__file__).resolve().parents[2]
BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
ESTIMATES = bm.Estimates(y=[0.2, 0.5, -0.1, 0.4], se=[0.1, 0.2, 0.15, 0.3], covariates={"x": [1.0, 2.0, 3.0, 5.0]})
ARMS = bm.ArmMeans(
    n_t=[12, 20, 9], mean_t=[3.1, 2.2, 4.9], sd_t=[2.0, NAN, 1.4], n_c=[14, 19, 9], mean_c=[4.6, 3.0, 4.1],
    sd_c=[2.4, NAN, NAN], spread=["sd", "sd", "sd_or_se"],
)  # fmt: skip
ARM_MODEL = bm.ArmNormal(base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))
SHORT = SamplerSettings(draws=30, tune=30, chains=1)


def compiled_nuts(data, model):
    engine = NutsEngine()
    engine.prepare([prepare(data, model)])
    return engine._compiled[0][1]


@cache
def mean_only():
    return compiled_nuts(ESTIMATES, BASE)


@pytest.mark.slow
def test_sampled_code_of_a_regression_leaves_no_choice_of_rounding(assert_one_rounding):
    """As `test_nuts_arms.py` and `test_nuts_review.py` find of the graphs that they compile."""
    assert_one_rounding(compiled_nuts(ESTIMATES, bm.NormalNormal(formula="1 + x", tau=bm.HalfNormal(1))))


def test_the_pattern_sees_fast_math(fast_math):
    for line in (
        "%1 = fmul reassoc nsz double %a, %b",
        "%2 = tail call fast double @exp(double %a)",
        "@llvm.fmuladd.f64",
    ):
        assert fast_math.search(line), line
    assert not fast_math.search("%1 = fmul double %contract, %b")


SCRIPT = """
import hashlib, runpy, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import bayesmeta as bm
names = runpy.run_path(sys.argv[1])
tree = bm.fit_many(names["ARMS"], {"m": names["ARM_MODEL"]}, seed=3, draws=200, tune=200, chains=2)["m"].datatree
arrays = [np.ascontiguousarray(values) for _, values in sorted(tree["posterior"].data_vars.items())]
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def draws_under(caches):
    """Digest of a posterior that a new process samples with compiled code kept in a folder."""
    places = {"PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}", "NUMBA_CACHE_DIR": str(caches / "numba")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, __file__],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | places,
        check=True,
    )
    return run.stdout.split()[-1]


@pytest.mark.slow
def test_compiled_and_loaded_code_draw_the_same(tmp_path):
    """With fast-math, code loaded from the caches drew other numbers for this model than code just compiled."""
    cold = draws_under(tmp_path / "first")
    assert list((tmp_path / "first" / "pytensor").rglob("*.nbi"))  # there is something to load now
    assert draws_under(tmp_path / "first") == cold


@pytest.mark.slow
def test_draws_do_not_depend_on_the_number_of_processors(monkeypatch):
    compiled = mean_only()
    found = {}
    for cores in (1, 2, 5):
        monkeypatch.setattr(settings, "available_cores", lambda cores=cores: cores)
        run = SamplerSettings(draws=50, tune=50, chains=4)
        assert run.cores == min(cores, 4)
        found[cores], _ = compiled.sample({}, run, 1)
    for cores in (2, 5):
        for name, values in found[1].items():
            assert_array_equal(found[cores][name], values, err_msg=f"{name}, {cores} cores")


@pytest.mark.slow
def test_a_result_says_what_rounds_its_numbers():
    tree = bm.fit_many(ESTIMATES, {"m": BASE}, "nuts", draws=30, tune=30, chains=1)["m"].datatree
    said = json.loads(tree.attrs["machine"])
    assert set(said) == {"target", "processor", "features", "c_library", "blas"}
    assert said["processor"]
    assert all({"internal_api", "version", "architecture", "num_threads"} == set(library) for library in said["blas"])
    assert {"numba", "llvmlite", "pytensor", "numpy", "scipy", "nutpie"} <= set(json.loads(tree.attrs["versions"]))
    assert (tree.attrs["target_accept"], tree.attrs["max_tree_depth"]) == (TARGET_ACCEPT, 10)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
def test_cut_trajectories_are_counted(monkeypatch, sampler):
    """A tree of depth 2 has at most 3 steps; both samplers' names for it become one."""
    if sampler == "pymc":
        monkeypatch.setattr(sampling.importlib.util, "find_spec", lambda name: None)
    compiled = mean_only() if sampler == "nutpie" else compiled_nuts(ESTIMATES, BASE)
    assert compiled.sampler == sampler
    _, stats = compiled.sample({}, SamplerSettings(draws=50, tune=50, chains=2, max_tree_depth=2), 1)
    cut, depth = stats["reached_max_treedepth"][1], stats["tree_depth"][1]
    assert cut.shape == (2, 50)
    assert cut.any()
    assert (stats["n_steps"][1] <= 3).all()
    assert (depth[cut] == 2).all()


def test_target_accept_has_one_default():
    """`fit`, `fit_many`, analysis files and the command line sample a model alike; a number elsewhere would part them."""
    for function in (bm.fit, bm.fit_many):
        assert inspect.signature(function).parameters["target_accept"].default == TARGET_ACCEPT
    assert Sampling().target_accept == TARGET_ACCEPT
    stated = []
    for path in (ROOT / "bayesmeta").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            named = isinstance(node, ast.keyword) and node.arg == "target_accept"
            if named and isinstance(node.value, ast.Constant):
                stated.append(f"{path.name}:{node.value.lineno}")
            if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):
                names = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
                if any("target_accept" in ast.unparse(name).lower() for name in names) and path.name != "settings.py":
                    stated.append(f"{path.name}:{node.lineno}")
    assert stated == []
