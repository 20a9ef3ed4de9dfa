"""What comes in as an array: masked entries, complex numbers and dates are refused by the argument's name, never converted."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import BayesmetaError

GOOD = np.array([0.1, 0.2, 0.3])
BAD: dict[str, tuple[Any, str]] = {
    "masked": (np.ma.masked_array(GOOD, mask=[False, True, False]), "masked|missing"),
    "masked in a list": ([0.1, np.ma.masked, 0.3], "masked|missing"),
    "complex": (GOOD + 0.5j, "complex|number"),
    "complex in a list": ([0.1 + 0j, 0.2, 0.3], "complex|number"),
    "dates": (np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"), "dates|number"),
    "dates of pandas": (pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])), "dates|number"),
    "dates of Python": ([datetime.date(2020, 1, i) for i in (1, 2, 3)], "numbers only|number"),
    "times": (np.array([1, 2, 3], dtype="timedelta64[D]"), "lengths of time|number"),
}
MODEL = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(1))
FITTED = bm.fit(bm.Estimates(GOOD, GOOD), MODEL)


def square(x: Any) -> Any:
    if isinstance(x, np.ma.MaskedArray):
        return np.ma.masked_array(np.eye(3), mask=np.outer(np.ma.getmaskarray(x), [0, 1, 0]))
    return np.diag(np.asarray(x)) if not isinstance(x, list) else [[value, 0, 0] for value in x]


# every public place that takes an array, with the name that its message must have
PLACES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Estimates y": ("y", lambda x: bm.Estimates(x, GOOD)),
    "Estimates se": ("se", lambda x: bm.Estimates(GOOD, x)),
    "Estimates cov": ("cov", lambda x: bm.Estimates(GOOD, cov=square(x))),
    "from_frame": ("y", lambda x: bm.Estimates.from_frame({"study": list("abc"), "y": x, "se": GOOD})),
    "fit_batch y": ("y", lambda x: bm.fit_batch(x, GOOD, tau=bm.HalfNormal(1))),
    "fit_batch se": ("se", lambda x: bm.fit_batch(GOOD, x, tau=bm.HalfNormal(1))),
    "fit_batch column": ("dose", lambda x: bm.fit_batch(GOOD, GOOD, tau=bm.HalfNormal(1), covariates={"dose": x})),
    "MultivariateNormal mean": ("mean", lambda x: bm.MultivariateNormal(x, np.eye(3))),
    "MultivariateNormal cov": ("cov", lambda x: bm.MultivariateNormal(GOOD, square(x))),
    "Given": ("Given", lambda x: bm.Given(square(x))),
    "reference prior": ("DuMouchel", lambda x: bm.DuMouchel().given(x)),
    "se_from_p_value": ("y", lambda x: bm.se_from_p_value(x, GOOD)),
    "se_from_interval": ("lower", lambda x: bm.se_from_interval(x, GOOD + 1)),
    "degrees of freedom": ("df", lambda x: bm.se_from_p_value(GOOD, GOOD, df=x)),
    "quantiles": ("q1", lambda x: bm.mean_sd_from_quantiles(n=[9] * 3, median=[1.0] * 3, q1=x, q3=[2.0] * 3)),
    "ppf": ("q", lambda x: FITTED.marginal("mu").ppf(x)),
    "joint_density": ("mu", lambda x: FITTED.joint_density(x, GOOD)),
    "scales": ("scales", lambda x: bm.bayes_factor_curve(FITTED.data, MODEL, "mu = 0", scales=x)),
    "simulation_based_calibration": ("se", lambda x: bm.simulation_based_calibration(MODEL, x, replications=2)),
    "prior_predictive": ("v", lambda x: bm.prior_predictive(MODEL, v=x)),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_real_number_is_refused_by_name(place: str, bad: str) -> None:
    name, call = PLACES[place]
    value, message = BAD[bad]
    with pytest.raises(BayesmetaError, match=message) as caught:
        call(value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_masked_cell_of_an_arm_table_is_a_missing_value(measure: str) -> None:
    for column in MEASURES[measure].columns:
        columns = {name: np.array([5.0, 6.0]) for name in MEASURES[measure].columns}
        columns[column] = np.ma.masked_array([5.0, 6.0], mask=[False, True])
        with pytest.raises((bm.DataError, bm.DataWarning), match="masked|missing|must be") as caught:
            bm.effect_sizes({"study": ["a", "b"], **columns}, measure)
        assert column in str(caught.value)


@pytest.mark.parametrize(
    "value", [np.ma.masked, 1 + 0j, np.complex128(1), np.datetime64("2020-01-01"), np.timedelta64(1, "D")]
)
def test_a_parameter_of_a_prior_is_a_real_number(value: object) -> None:
    for make in (
        lambda x: bm.Normal(x, 1),
        lambda x: bm.HalfNormal(x),
        lambda x: bm.PointMass(x),
        lambda x: bm.Mixture([(x, bm.Normal(0, 1))]),
    ):
        with pytest.raises(bm.SpecificationError):
            make(value)


def test_a_covariate_is_no_complex_number() -> None:
    with pytest.raises(bm.DataError, match="covariate 'x': .* is a complex number"):
        bm.Estimates(GOOD, GOOD, covariates={"x": GOOD + 1j})
    with pytest.raises(bm.DataError, match="covariate 'x': the value is missing"):
        bm.Estimates(GOOD, GOOD, covariates={"x": BAD["masked"][0]})


def test_a_mask_that_hides_nothing_is_no_matter() -> None:
    assert bm.Estimates(np.ma.masked_array(GOOD), GOOD).y.tolist() == GOOD.tolist()


def conversions(path: Path) -> list[str]:
    """Lines of a file that turn an argument into floats on their own."""
    found = []
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        arguments = {
            a.arg
            for a in [*function.args.args, *function.args.kwonlyargs]
            if "ArrayLike" in ast.unparse(a.annotation or ast.Name("x"))
        }
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in ("np.asarray", "np.array")
                and node.args
                and isinstance(node.args[0], ast.Name)
                and node.args[0].id in arguments
                and "float" in ast.unparse(node)
            ):
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_arguments_become_floats_in_one_place() -> None:
    root = Path(bm.__file__).parent
    allowed = {"asarray(n,", "asarray(df,"}  # of columns that were read before, and of degrees of freedom
    found = [
        line
        for folder in ("data", "effects", "spec", "diagnostics")
        for path in (root / folder).rglob("*.py")
        for line in conversions(path)
    ]
    assert [line for line in found if not any(name in line for name in allowed)] == []
