"""What `save` wrote and `load` reads answers to the last digit, or says in one sentence why it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

import bayesmeta as bm
from bayesmeta.results.definition import decoded, encoded
from bayesmeta.results.saved import KEY

sys.path.append(str(Path(__file__).resolve().parents[1] / "families"))
from test_registry import ESTIMATES, EXAMPLES

ARMS = pytest.param("arms", marks=pytest.mark.slow)  # a grid over all parameters takes seconds
WITH_COV = bm.Estimates(
    [1 / 3, 0.2, -0.1], cov=[[0.04, 0.01, 0], [0.01, 0.09, 0], [0, 0, 0.02]], study=["A", "B", "日本"],
    covariates={"trial": ["x", "x", "y"], "year": [1990, 1991, 1992]}, measure="log_or", added=[0, 0.5, 0],
)  # fmt: skip
ROUND = {
    "covariance": (WITH_COV, bm.NormalNormal(tau=bm.HalfNormal(1 / 3), between=bm.MultiArm("trial"))),
    "matrix": (WITH_COV, bm.NormalNormal(tau=bm.HalfNormal(1), between=bm.Given(np.eye(3)))),
    "mixture": (
        ESTIMATES,
        bm.NormalNormal(mu=bm.Mixture([(1, bm.Normal(0, 1)), (2, bm.StudentT(4, 0, 0.1))]), tau=bm.Jeffreys()),
    ),
    "review": (
        bm.PublishedReview(
            studies=[
                bm.Study(name="A", n=bm.Range(10, 20)),
                bm.Study(name="B", n_t=9, n_c=11, y=0.1, se=1 / 3, status="outcome missing"),
                bm.Study(name="C", n=30, correlation=0.5, in_review=False),
            ],
            statistics=[
                bm.PooledEstimate(estimate=0.2, lower=0.1, upper=0.3),
                bm.SignificantCount(count=1, direction=1),
            ],
            sd=bm.LogNormal(0, 0.5),
            choices=[
                bm.Choice(
                    name="size",
                    options=[
                        bm.Option(label="small", weight=1),
                        bm.Option(label="large", weight=2, values={"C": {"n": 60}}),
                    ],
                )
            ],
            measure="md",
        ),
        bm.NormalNormal(tau=bm.HalfNormal(1)),
    ),
    **{name: (example.data, example.model) for name, example in EXAMPLES.items()},
}


@pytest.mark.parametrize("case", ROUND)
def test_data_and_models_come_back_from_text(case):
    data, model = ROUND[case]
    text = json.dumps(encoded({"data": data, "model": model}))
    back = decoded(json.loads(text))
    assert type(back["data"]) is type(data)
    assert back["data"].hash == data.hash
    assert back["model"] == model
    for fact in ("measure", "cluster"):
        assert getattr(back["data"], fact, None) == getattr(data, fact, None)
    assert json.dumps(encoded(back)) == text, "every digit, label and word"


@pytest.mark.parametrize("name", ["joint", "no mean", "clusters", "published prior", ARMS])
def test_what_was_computed_answers_as_before(name, tmp_path):
    example = EXAMPLES[name]
    result = bm.fit(example.data, example.model, "quadrature", seed=3, draws=20, chains=2)
    result.save(tmp_path / "fit.nc")
    loaded = bm.load(tmp_path / "fit.nc")
    assert type(loaded) is type(result)
    assert loaded.error_bound == result.error_bound
    assert_array_equal(loaded.summary().iloc[:, :5], result.summary().iloc[:, :5])
    claim = f"{result.coefficients[0] if result.coefficients else 'mu'} < 0.123 and tau < 0.4"
    assert loaded.probability(claim) == result.probability(claim)
    assert str(loaded) == str(result)
    assert_array_equal(loaded.posterior["theta"], result.posterior["theta"])
    assert_array_equal(loaded.draws("tau"), result.draws("tau"))
    assert loaded.datatree.attrs == result.datatree.attrs


def test_draws_of_the_file_are_used_and_none_are_made(tmp_path):
    """Whatever random numbers a later version makes, the draws are those that were saved."""
    result = bm.fit(ESTIMATES, bm.NormalNormal(tau=bm.HalfNormal(0.5)), draws=20)
    result.save(tmp_path / "fit.nc")
    with h5py.File(tmp_path / "fit.nc", "r+") as file:
        file["posterior/tau"][0, 0] = 7.0
    assert bm.load(tmp_path / "fit.nc").draws("tau")[0, 0] == 7.0


@pytest.mark.parametrize("name", ["review", "instruments", "slopes"])
def test_draws_come_back_as_draws(drawn, name, tmp_path):
    result = drawn(EXAMPLES[name])
    result.datatree.attrs.update(data_hash=result.data.hash, model=str(result.model))
    result.save(tmp_path / "fit.nc")
    loaded = bm.load(tmp_path / "fit.nc")
    assert type(loaded) is type(result)
    assert loaded.engine == "nuts"
    assert_array_equal(loaded.summary().iloc[:, :9], result.summary().iloc[:, :9])
    assert loaded.probability_mcse("mu < 0.2") == result.probability_mcse("mu < 0.2")
    assert_array_equal(loaded.marginal("mu").ppf([0.1, 0.9]), result.marginal("mu").ppf([0.1, 0.9]))
    assert str(loaded) == str(result)


def test_many_studies_with_long_names_fit_into_a_file(tmp_path):
    n = 3000
    data = bm.Estimates(np.linspace(-1, 1, n), np.full(n, 0.3), [f"a study with a long name, {i}" for i in range(n)])
    result = bm.fit(data, bm.NormalNormal(tau=bm.HalfNormal(1)), draws=1, chains=1)
    result.save(tmp_path / "fit.nc")
    assert bm.load(tmp_path / "fit.nc").marginal("mu").mean() == result.marginal("mu").mean()


@pytest.fixture
def saved(tmp_path):
    result = bm.fit(ESTIMATES, bm.NormalNormal(tau=bm.HalfNormal(0.5)), draws=5)
    result.save(tmp_path / "fit.nc")
    return tmp_path / "fit.nc"


def changed(path, **more):
    """The file, with other words about its result."""
    with h5py.File(path, "r+") as file:
        file.attrs[KEY] = json.dumps(json.loads(file.attrs[KEY]) | more)
    return path


def test_a_file_that_is_none_is_rejected_in_one_sentence(saved, tmp_path):
    (tmp_path / "text.nc").write_text("mu,tau", encoding="utf-8")
    xr.Dataset({"x": ("draw", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    for name, message in {
        "fits.nc": r"there is no such file. Did you mean 'fit.nc'\?",
        "text.nc": r"not a netCDF file. Give one that result.save\(path\) wrote.",
        "other.nc": r"result.save\(path\) did not write it. xarray.open_datatree reads",
    }.items():
        with pytest.raises(bm.DataError, match=message) as caught:
            bm.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_newer_format_names_the_version_that_wrote_it(saved):
    with pytest.raises(bm.DataError, match=r"format 2, of bayesmeta 0\.1\.0; this version reads format 1\. Install"):
        bm.load(changed(saved, format=2))
    with pytest.raises(bm.DataError, match=r"'Sums' is no data and no model of this version"):
        bm.load(changed(saved, format=1, data={"class": "Sums", "arguments": {"items": []}}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "zzz"},
        {"engine": "nuts", "model": encoded(bm.NormalNormal(tau=bm.HalfNormal(5)))},
        {"computed": []},
        {"means": {"no": 1.0}},
        {"means": {"mu": "a"}},
        {"model": []},
        {"data": {"prior": "Normal(0, 1)"}},
    ],
)
def test_an_edited_file_is_rejected_in_one_sentence_that_names_it(saved, wrong):
    with pytest.raises(bm.DataError, match=r"fit\.nc: its (result|data or model) cannot be read: ") as caught:
        bm.load(changed(saved, **wrong))
    assert "\n" not in str(caught.value)


def test_versions_that_cannot_be_read_hide_no_message(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["versions"] = "oops"
    with pytest.raises(bm.DataError, match=r"format 9, of bayesmeta \(unknown version\)"):
        bm.load(changed(saved, format=9))


def test_other_data_than_those_of_the_draws_are_rejected(saved):
    with pytest.raises(bm.DataError, match="its draws are not of the data in the file"):
        bm.load(changed(saved, data=encoded(ESTIMATES.drop("study 1"))))


def test_a_number_that_is_computed_otherwise_now_is_warned_about(saved):
    with pytest.warns(bm.DataWarning, match=r"the mean of mu is 0\.2\d+; that which bayesmeta 0\.1\.0 saved is 0\.5\."):
        bm.load(changed(saved, means={"mu": 0.5}))


def test_a_prior_that_is_a_function_is_handed_in(tmp_path):
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.CustomScale(lambda tau: -2 * tau, name="exponential"))
    result = bm.fit(ESTIMATES, model, draws=5)
    result.save(tmp_path / "fit.nc")
    with pytest.raises(bm.DataError, match=r"no model, for its prior CustomScale\(exponential\) has no text"):
        bm.load(tmp_path / "fit.nc")
    with pytest.raises(bm.DataError, match=r"its draws are of the model .*exponential.*; got "):
        bm.load(tmp_path / "fit.nc", model=bm.NormalNormal(tau=bm.HalfNormal(1)))
    loaded = bm.load(tmp_path / "fit.nc", model=model)
    assert loaded.probability("mu < 0.2") == result.probability("mu < 0.2")


def test_a_model_is_taken_only_where_the_file_has_none(saved):
    with pytest.raises(bm.DataError, match="it has its model. Leave model= out."):
        bm.load(saved, model=bm.NormalNormal(tau=bm.HalfNormal(0.5)))


def test_loading_needs_no_sampler(saved):
    code = f"import sys, bayesmeta as bm; print(bm.load({str(saved)!r})); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Mean effect (mu)" in run.stdout
    assert not {"pymc", "pytensor", "numba", "matplotlib"} & set(run.stdout.splitlines()[-1].split())
