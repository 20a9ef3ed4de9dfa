"""Elicited priors: closed forms, SciPy's distributions, statements that come back, and those that cannot."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

import bayesmeta as bm
from bayesmeta.errors import DataWarning, SpecificationError


@pytest.mark.parametrize(
    ("family", "statement", "parameter", "value"),
    [
        ("HalfNormal", "P(tau > 1) = 0.05", "scale", 1 / stats.norm.isf(0.025)),
        ("HalfCauchy", "P(tau > 1) = 0.05", "scale", 1 / math.tan(math.pi / 2 * 0.95)),
        ("HalfLogistic", "P(tau > 1) = 0.05", "scale", 1 / (2 * math.atanh(0.95))),
        ("Rayleigh", "P(tau < 1) = 0.95", "scale", 1 / math.sqrt(-2 * math.log(0.05))),
        ("Exponential", "P(tau > 1) = 0.05", "rate", -math.log(0.05)),
        ("Normal", "P(|mu| < 2) = 0.9", "sd", 2 / stats.norm.isf(0.05)),
        ("Normal", "P(|mu| > log(4)) = 0.1", "sd", math.log(4) / stats.norm.isf(0.05)),
        ("Cauchy", "P(|mu| < 2) = 0.5", "scale", 2.0),
        ("HalfNormal", "P(1 < tau) = 5/100", "scale", 1 / stats.norm.isf(0.025)),
        ("HalfNormal", "P(1 >= tau > 0) = 0.95", "scale", 1 / stats.norm.isf(0.025)),
    ],
)
def test_one_parameter_in_closed_form(family, statement, parameter, value):
    found = bm.elicit(family, statement)
    assert_allclose(getattr(found.prior, parameter), value, rtol=1e-11)
    assert found.misfit < 1e-12


@pytest.mark.parametrize(
    ("family", "known", "value"),
    [
        ("HalfStudentT", {"nu": 3}, 1 / stats.t(3).isf(0.025)),
        ("LogNormal", {"sdlog": 0.8}, -0.8 * stats.norm.isf(0.05)),
        ("LogStudentT", {"nu": 4, "scale": 0.8}, -0.8 * stats.t(4).isf(0.05)),
        ("Lomax", {"shape": 2}, 1 / (0.05**-0.5 - 1)),
        ("Gamma", {"shape": 2}, stats.gamma(2).isf(0.05)),
        ("InvGamma", {"shape": 2}, 1 / stats.invgamma(2).isf(0.05)),
        ("Uniform", {"lower": 0}, 1 / 0.95),
    ],
)
def test_one_parameter_with_the_others_given(family, known, value):
    found = bm.elicit(family, "P(tau > 1) = 0.05", **known).prior
    free = next(name for name in found.__dataclass_fields__ if name not in known)
    assert_allclose(getattr(found, free), value, rtol=1e-10)


def test_two_quantiles_in_closed_form():
    z = stats.norm.ppf(0.95)
    normal = bm.elicit("Normal", {0.5: 0.3, 0.95: 1}).prior
    assert_allclose([normal.mean, normal.sd], [0.3, 0.7 / z], rtol=1e-10)
    log_normal = bm.elicit("LogNormal", {0.5: 0.3, 0.95: 1}).prior
    assert_allclose([log_normal.meanlog, log_normal.sdlog], [math.log(0.3), -math.log(0.3) / z], rtol=1e-10)
    uniform = bm.elicit("Uniform", {0.25: 1, 0.75: 2}).prior
    assert_allclose([uniform.lower, uniform.upper], [0.5, 2.5], rtol=1e-10)
    variance = bm.elicit("OnVariance(LogNormal)", {0.5: 0.3, 0.95: 1}).prior
    assert str(variance).startswith("OnVariance(LogNormal(")
    assert_allclose(variance.ppf([0.5, 0.95]), [0.3, 1], rtol=1e-9)


@pytest.mark.parametrize(
    ("family", "shape", "scale", "scipy"),
    [
        ("Gamma", 2.5, 3.0, lambda a, b: stats.gamma(a, scale=1 / b)),
        ("InvGamma", 1.7, 0.4, lambda a, b: stats.invgamma(a, scale=b)),
        ("Lomax", 2.5, 0.4, lambda a, b: stats.lomax(a, scale=b)),
        ("HalfStudentT", 3.0, 0.4, lambda a, b: stats.gamma(1, scale=1)),
    ],
)
def test_two_quantiles_give_back_the_distribution(family, shape, scale, scipy):
    if family == "HalfStudentT":
        quantiles = {q: 0.4 * stats.t(3).ppf((1 + q) / 2) for q in (0.5, 0.95)}
    else:
        quantiles = {q: float(scipy(shape, scale).ppf(q)) for q in (0.5, 0.95)}
    found = bm.elicit(family, quantiles).prior
    assert_allclose([getattr(found, name) for name in found.__dataclass_fields__], [shape, scale], rtol=1e-7)


@settings(max_examples=25, deadline=None)
@given(mean=st.floats(-50, 50), sd=st.floats(0.01, 50), a=st.floats(0.05, 0.45), b=st.floats(0.55, 0.95))
def test_a_normal_comes_back_from_any_two_quantiles(mean, sd, a, b):
    wanted = stats.norm(mean, sd)
    found = bm.elicit("Normal", {a: float(wanted.ppf(a)), b: float(wanted.ppf(b))}).prior
    assert_allclose([found.mean, found.sd], [mean, sd], rtol=1e-6, atol=1e-6 * sd)


@settings(max_examples=10, deadline=None)
@given(size=st.floats(1e-3, 1e3))
def test_scales_carry_over(size):
    one = bm.elicit("Gamma", {0.5: 0.3, 0.95: 1}).prior
    other = bm.elicit("Gamma", {0.5: 0.3 * size, 0.95: size}).prior
    assert_allclose([other.shape, other.rate * size], [one.shape, one.rate], rtol=1e-6)


def test_more_statements_than_parameters():
    """Least squares of the probabilities, on a grid of scales."""
    found = bm.elicit("HalfNormal", ["P(tau > 0.5) = 0.3", "P(tau > 1) = 0.05"])
    scale = np.linspace(0.3, 0.8, 50_001)
    squares = (2 * stats.norm.sf(0.5 / scale) - 0.3) ** 2 + (2 * stats.norm.sf(1 / scale) - 0.05) ** 2
    assert_allclose(found.prior.scale, scale[np.argmin(squares)], atol=2e-5)
    achieved = 2 * stats.norm.sf(np.array([0.5, 1]) / found.prior.scale)
    assert_allclose(found.achieved, achieved, rtol=1e-10)
    assert_allclose(found.misfit, np.abs(achieved - [0.3, 0.05]).max(), rtol=1e-8)
    consistent = {q: float(stats.norm(1, 2).ppf(q)) for q in (0.1, 0.3, 0.8)}
    normal = bm.elicit("Normal", consistent)
    assert_allclose([normal.prior.mean, normal.prior.sd], [1, 2], rtol=1e-6)
    assert normal.misfit < 1e-8


def test_a_poor_fit_is_warned_about():
    with pytest.warns(DataWarning, match=r"HalfNormal\(.*\) is the nearest, but gives 'P\(tau > 0.5\) = 0.9'"):
        bm.elicit("HalfNormal", ["P(tau > 0.5) = 0.9", "P(tau > 1) = 0.05"])


@pytest.mark.parametrize(
    ("family", "statements", "known", "message"),
    [
        ("HalfNormal", ["P(tau > 1) = 0.05", "P(tau > 2) = 0.2"], {}, "no distribution satisfies these together"),
        ("HalfNormal", ["P(tau > 1) = 0.05", "P(tau > 1) = 0.1"], {}, "no distribution satisfies these together"),
        ("Normal", ["P(|mu| < 1) = 0.9", "P(mu > 2) = 0.2"], {}, "no distribution satisfies these together"),
        ("HalfNormal", "P(0.5 < tau < 1) = 0.1", {}, "several members of HalfNormal .* HalfNormal(0.30"),
        ("HalfNormal", "P(0.5 < tau < 1) = 0.9", {}, "no HalfNormal satisfies this.* comes nearest, with 0.323"),
        ("HalfNormal", "P(tau > -1) = 0.9", {}, "no HalfNormal satisfies"),
        ("Normal", "P(mu < 2) = 0.1", {"mean": 0}, "no Normal with mean=0 satisfies"),
        ("Normal", "P(mu < 0) = 0.5", {"mean": 0}, "says nothing about sd"),
        ("Normal", "P(mu < 2) = 0.1", {}, "1 statement for the parameters mean, sd.*mean="),
        ("Lomax", {0.5: 0.3, 0.95: 1}, {}, "no Lomax satisfies"),
        ("StudentT", {0.5: 0.3, 0.95: 1}, {}, "free parameters are nu, mean, scale"),
        ("HalfNormal", "P(tau > 1) = 0.05", {"scale": 1}, "free parameters are none"),
        ("HalfNormal", "P(tau > 1) = 0.05", {"sd": 1}, "no parameter 'sd'"),
        ("HalfStudentT", "P(tau > 1) = 0.05", {"nu": math.nan}, "nu=nan"),
        ("HalfNorml", "P(tau > 1) = 0.05", {}, "Did you mean 'HalfNormal'"),
        ("OnVariance(Normal)", "P(tau > 1) = 0.05", {}, "not known"),
        ("HalfNormal", "P(tau > 1) = 5", {}, "5% is 0.05"),
        ("HalfNormal", "P(tau > 1) = 0", {}, "these excluded"),
        ("HalfNormal", "tau > 1", {}, "cannot be read"),
        ("HalfNormal", "P(tau = 1) = 0.1", {}, "cannot be read"),
        ("HalfNormal", "P(tau > > 1) = 0.1", {}, "cannot be read"),
        ("HalfNormal", "P(1 < tau > 2) = 0.1", {}, "cannot be read"),
        ("HalfNormal", "P(tau > mu) = 0.1", {}, "cannot be read"),
        ("HalfNormal", "P(2 < tau < 1) = 0.1", {}, "nothing lies between 2 and 1"),
        ("Normal", "P(|mu| < -1) = 0.1", {}, "with a positive number"),
        ("Normal", "P(1 < |mu| < 2) = 0.1", {}, "with a positive number"),
        ("Normal", ["P(mu > 1) = 0.1", "P(beta > 0) = 0.5"], {}, "different parameters: beta, mu"),
        ("Normal", {1.5: 2, 0.5: 1}, {}, "give probability: value"),
        ("Normal", [], {}, "no statement was given"),
        ("Normal", [3], {}, "statement 3"),
        ("Normal", 3, {}, "statement 3"),
    ],
)
def test_refusals(family, statements, known, message):
    with pytest.raises(
        SpecificationError,
        match=message if "(" not in message else re.escape(message).replace(r"\ ", " ").replace(r"\.\*", ".*"),
    ):
        bm.elicit(family, statements, **known)


def test_what_was_elicited_goes_into_a_model():
    tau = bm.elicit("HalfNormal", "P(tau > 1) = 0.05").prior
    result = bm.fit(bm.Estimates(y=[0.1, 0.5], se=[0.2, 0.3]), bm.NormalNormal(mu=bm.Normal(0, 2), tau=tau))
    assert 0 < result.probability("tau > 1") < 0.05
