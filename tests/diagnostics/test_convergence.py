"""Convergence of spreads and tails on chains that were made to fail in one way each."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from scipy.stats import halfnorm, norm

import bayesmeta as bm
from bayesmeta.diagnostics.convergence import Convergence, worst_of
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.precision import Precision, problems

fitting = importlib.import_module("bayesmeta.results.fit")  # the name in the package is the function
DATA = bm.Estimates(y=[0.2, 0.5, -0.1], se=[0.1, 0.2, 0.15])
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
SHAPE = (4, 2000)


@cache
def independent():
    return bm.fit(DATA, MODEL, seed=1, draws=SHAPE[1], chains=SHAPE[0]).datatree


def result(mu, saturated=0, diverging=0):
    """A result with independent draws of everything but mu."""
    tree = independent().copy(deep=True)
    tree["posterior"]["mu"] = xr.DataArray(mu, dims=("chain", "draw"))
    stats = {
        "energy": np.random.default_rng(2).normal(size=SHAPE),
        "reached_max_treedepth": np.arange(np.prod(SHAPE)).reshape(SHAPE) < saturated,
        "diverging": np.arange(np.prod(SHAPE)).reshape(SHAPE) < diverging,
    }
    for name, values in stats.items():
        tree["sample_stats"][name] = xr.DataArray(values, dims=("chain", "draw"))
    tree.attrs["target_accept"] = 0.95
    return DrawsResult(tree, MODEL, DATA, "nuts")


def chains(kind, seed=0):
    """Draws of mu, mean 0 in every chain, which fail in the way that `kind` names."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=SHAPE)
    if kind == "spreads differ":
        z = z * np.array([0.85, 1.0, 1.0, 1.2])[:, None]
    elif kind == "spread moves slowly":  # the sign is new at every draw, the size is an autoregression
        slow = lfilter([np.sqrt(1 - 0.99**2)], [1, -0.99], rng.normal(size=SHAPE))
        z = np.sign(z) * halfnorm.ppf(norm.cdf(slow))
    elif kind == "rare far draws":  # a tail that few draws reach decides the standard deviation
        z = np.where(rng.random(SHAPE) < 5e-4, 30 * z, z)
    return z - z.mean(axis=1, keepdims=True)


def failed(convergence):
    return {check.name.removeprefix("fit: ") for check in convergence.checks("fit") if not check.passed}


def test_independent_draws_pass():
    assert failed(bm.convergence(result(chains("good")))) == set()


@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        ("spreads differ", {"R-hat"}),
        ("spread moves slowly", {"tail ESS", "error of the SD", "R-hat"}),
        ("rare far draws", {"error of the SD"}),
    ],
)
def test_wrong_spreads_fail_where_the_means_agree(kind, fails):
    """What only looks at means sees nothing: split R-hat of the draws, and their bulk ESS."""
    mu = chains(kind)
    data = xr.Dataset({"x": (("chain", "draw"), mu)})
    assert float(arviz_stats.rhat(data, method="split")["x"]) < 1.003
    assert float(arviz_stats.ess(data, method="bulk")["x"]) > 4000
    found = bm.convergence(result(mu))
    assert failed(found) == fails
    assert "tail ESS" not in fails or found.worst_tail == "mu"
    assert "error of the SD" not in fails or found.worst_sd == "mu"


def test_an_sd_that_quadrature_gives_is_not_made_to_fail_by_draws():
    checks = {check.name: check for check in bm.convergence(result(chains("rare far draws"))).checks("fit", exact=True)}
    assert checks["fit: error of the SD"].passed is None
    assert "Quadrature gives what is printed." in checks["fit: error of the SD"].note
    assert all(check.passed for name, check in checks.items() if name != "fit: error of the SD")


def test_cut_trajectories_and_divergences_fail():
    good = chains("good")
    few, many = bm.convergence(result(good, saturated=80)), bm.convergence(result(good, saturated=81))
    assert (few.saturated, few.transitions, failed(few)) == (80, 8000, set())
    assert failed(many) == {"saturated tree depth"}
    assert "81 of 8000 trajectories were cut" in next(c.note for c in many.checks("fit") if not c.passed)
    assert failed(bm.convergence(result(good, diverging=1))) == {"divergences"}


def test_an_sd_that_is_not_printed_needs_no_precision():
    """Of a trial's own effect the interval is reported, and its tails are counted."""
    found = result(chains("good"))
    theta = found.datatree["posterior"]["theta"].to_numpy().copy()
    theta[..., 0] = chains("rare far draws")
    found.datatree["posterior"]["theta"] = xr.DataArray(theta, dims=("chain", "draw", "study"))
    assert failed(bm.convergence(found)) == set()
    theta[..., 0] = chains("spread moves slowly")
    found.datatree["posterior"]["theta"] = xr.DataArray(theta, dims=("chain", "draw", "study"))
    assert failed(bm.convergence(found)) == {"R-hat", "tail ESS"}
    assert bm.convergence(found).worst_tail == f"theta[{DATA.study[0]}]"


def test_errors_of_independent_normal_draws():
    """The SD of n independent normal draws has the error 1 / sqrt(2n) of itself."""
    found = Precision.of(np.random.default_rng(3).normal(size=(4, 5000, 6)))
    np.testing.assert_allclose(found.sd_error, 1 / np.sqrt(2 * 20_000), rtol=0.1)
    np.testing.assert_allclose(found.ess_tail, 20_000, rtol=0.15)
    assert (found.r_hat < 1.001).all()


def test_a_constant_and_a_single_chain():
    draws = np.random.default_rng(4).normal(size=(4, 500, 2))
    draws[..., 1] = 0.2
    found = Precision.of(draws)
    assert np.isfinite(list(found.rows()[0].values())).all()
    assert np.isnan(list(found.rows()[1].values())).all()
    alone = Precision.of(draws[:1])
    assert np.isnan(alone.r_hat[0])
    assert alone.sd_error[0] > 0


@pytest.mark.parametrize(
    ("kind", "counts", "says"),
    [
        ("good", {}, []),
        ("spreads differ", {}, ["mu has R-hat"]),
        ("rare far draws", {}, ["the standard deviation of mu has a Monte Carlo error of"]),
        ("good", {"diverging": 1}, ["1 transitions diverged"]),
        ("good", {"saturated": 4000}, ["4000 of 8000 trajectories were cut"]),
    ],
)
def test_warnings_of_fit_follow_the_checks(kind, counts, says):
    made = result(chains(kind), **counts)
    found = list(problems(made.summary(), made.datatree["sample_stats"].to_dataset(), 0.95))
    assert len(found) == len(says)
    assert all(text.startswith(start) for text, start in zip(found, says, strict=True))


def test_the_worst_of_several_fits():
    one = bm.convergence(result(chains("good")))
    other = replace(
        one, r_hat=1.5, ess_bulk=9.0, ess_tail=8.0, sd_error=0.3, divergences=2, saturated=3, bfmi=0.1, worst="a",
        worst_tail="b", worst_sd="c",
    )  # fmt: skip
    want = replace(other, divergences=2, saturated=3, transitions=16_000)
    assert worst_of([one, other]) == worst_of([other, one]) == want
    assert isinstance(worst_of([one]), Convergence)


@pytest.mark.parametrize(("diverging", "kept", "runs"), [([0], 0, 1), ([3, 0], 1, 2), ([3, 5], 0, 2), ([3, 1], 1, 2)])
def test_a_fit_with_divergences_is_sampled_again_in_smaller_steps(monkeypatch, diverging, kept, runs):
    """The run with fewer divergences is kept, and says that there were two."""
    made = [result(chains("good", seed=i), diverging=n).datatree for i, n in enumerate(diverging)]
    settings = []

    class Sampler:
        def prepare(self, models):
            pass

        def fit(self, model, how, seed, progress):
            settings.append(how)
            made[len(settings) - 1].attrs["target_accept"] = how.target_accept
            return made[len(settings) - 1]

    monkeypatch.setattr(fitting, "_engine", lambda family, data_hash: Sampler())
    found = bm.fit_many(DATA, {"m": MODEL}, "nuts", repeat=True, tune=600, target_accept=0.9)["m"]
    assert len(settings) == runs
    np.testing.assert_array_equal(found.draws("mu"), made[kept]["posterior"]["mu"])
    again = [(how.tune, how.target_accept, how.max_tree_depth) for how in settings]
    assert again == [(600, 0.9, 10), (1200, pytest.approx(0.975), 12)][:runs]
    convergence, attrs = bm.convergence(found), found.datatree["posterior"].attrs
    assert (convergence.divergences, convergence.repeated) == (min(diverging), runs - 1)
    note = next(check.note for check in convergence.checks("fit") if "divergences" in check.name)
    assert ("sampled again" in note) == (runs == 2)
    assert attrs.get("repeated") == (
        ["", "3 of 8000 transitions diverged at a target acceptance of 0.9"][runs - 1] or None
    )


def test_a_fit_in_python_leaves_its_target_to_the_caller(monkeypatch):
    tree = result(chains("good"), diverging=2).datatree

    class Sampler:
        def prepare(self, models):
            pass

        def fit(self, *_):
            return tree

    monkeypatch.setattr(fitting, "_engine", lambda family, data_hash: Sampler())
    with pytest.warns(bm.ConvergenceWarning, match="2 transitions diverged"):
        found = bm.fit(DATA, MODEL, "nuts")
    assert bm.convergence(found).repeated == 0


def test_an_exact_posterior_has_no_chains():
    with pytest.raises(bm.SpecificationError, match="computed without any: its probabilities are computed to"):
        bm.convergence(bm.fit(DATA, MODEL))
