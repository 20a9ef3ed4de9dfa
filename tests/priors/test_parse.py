"""Priors as text: what parse_prior reads, that this is what a prior prints, and what it says otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    FAMILIES,
    Cauchy,
    Exponential,
    Flat,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    InvGamma,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    Normal,
    OnVariance,
    PointMass,
    Rayleigh,
    StudentT,
    Uniform,
    parse_prior,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
bounds = st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)).filter(lambda b: b[0] != b[1]).map(sorted)
real_line = st.one_of(
    st.builds(Normal, finite, positive),
    st.builds(StudentT, positive, finite, positive),
    st.builds(Cauchy, finite, positive),
)
scale_densities = st.one_of(
    *(st.builds(family, positive) for family in (HalfNormal, HalfCauchy, HalfLogistic, Rayleigh, Exponential)),
    *(st.builds(family, positive, positive) for family in (HalfStudentT, Gamma, InvGamma, Lomax)),
    st.builds(LogNormal, finite, positive),
    st.builds(LogStudentT, positive, finite, positive),
)
scales = scale_densities | scale_densities.map(OnVariance) | scale_densities.map(OnVariance).map(OnVariance)
weight = st.floats(0.001, 1000)


def mixtures(priors: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(st.tuples(weight, priors), min_size=1, max_size=4).map(Mixture)


real_mixtures = mixtures(real_line | st.builds(PointMass, finite))
priors = st.one_of(
    st.builds(Flat),
    st.builds(PointMass, finite),
    bounds.map(lambda b: Uniform(*b)),
    real_line,
    scales,
    mixtures(scales),
    real_mixtures,
    mixtures(real_mixtures),
    mixtures(scales).map(OnVariance),
)


@given(priors)
def test_text_reads_back_as_the_same_prior(prior):
    assert parse_prior(str(prior)) == prior
    assert str(parse_prior(str(prior))) == str(prior)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("HalfNormal(0.5)", HalfNormal(0.5)),
        ("  HalfNormal( scale = .5 )\n", HalfNormal(0.5)),
        ("Normal(mean=0, sd=4)", Normal(0, 4)),
        ("Normal(sd=4, mean=-1/2)", Normal(-0.5, 4)),
        ("Normal(+1, sd=2**3)", Normal(1, 8)),
        ("Cauchy(0, sqrt(2)/4)", Cauchy(0, math.sqrt(2) / 4)),
        ("LogNormal(log(2), 1e-2)", LogNormal(math.log(2), 0.01)),
        ("HalfNormal(exp(1) * pi - 1)", HalfNormal(math.e * math.pi - 1)),
        ("Uniform(-1, 2)", Uniform(-1, 2)),
        ("Flat()", Flat()),
        ("OnVariance(LogNormal(-1.83, 1.52))", OnVariance(LogNormal(-1.83, 1.52))),
        ("OnVariance(prior=InvGamma(0.001, 0.001))", OnVariance(InvGamma(0.001, 0.001))),
        (
            "Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 0.1))])",
            Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 0.1))]),
        ),
        (
            "Mixture(((1/3, PointMass(0)),\n [2/3, HalfNormal(1)]))",
            Mixture([(1, PointMass(0)), (2, HalfNormal(1))]),
        ),
        ("Mixture(components=[(1, Flat())][:0])", None),
    ],
)
def test_texts(text, prior):
    if prior is None:
        with pytest.raises(SpecificationError, match="must be a list"):
            parse_prior(text)
    else:
        assert parse_prior(text) == prior


@pytest.mark.parametrize(
    ("prior", "text"),
    [
        (HalfNormal(1), "HalfNormal(1)"),
        (Normal(-0.0, np.float64(0.1)), "Normal(0, 0.1)"),
        (StudentT(3, -1.5, 1e-7), "StudentT(3, -1.5, 1e-07)"),
        (Flat(), "Flat()"),
        (OnVariance(LogStudentT(5, -2.99, 2.16)), "OnVariance(LogStudentT(5, -2.99, 2.16))"),
        (
            Mixture([(1, PointMass(0)), (3, Normal(0, 2))]),
            "Mixture([(0.25, PointMass(0)), (0.75, Normal(0, 2))])",
        ),
    ],
)
def test_printed_text(prior, text):
    assert str(prior) == repr(prior) == f"{prior}" == text


def test_a_prior_passes_through():
    prior = HalfNormal(0.5)
    assert parse_prior(prior) is prior


NUMBER = "give a number, e.g. 0.5, -1/2 or sqrt(2)/4."
INFINITE = "which is not a finite number."
UNREADABLE = "cannot be read; write a family with its parameters, e.g. HalfNormal(0.5)."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", UNREADABLE),
        ("HalfNormal(0.5", UNREADABLE),
        ("0.5", "0.5 is a number; a value that is known is PointMass(0.5)."),
        ("bm.HalfNormal(1)", "bm.HalfNormal(1) is not a prior; write e.g. HalfNormal(0.5)."),
        ("OnVariance(2)", "2 is a number; a value that is known is PointMass(2)."),
        ("HalfNormal", "the parameters are missing; write HalfNormal(scale)."),
        ("HalfNorml(1)", "HalfNorml is not a known family. Did you mean 'HalfNormal'?"),
        ("halfcauchy(1)", "halfcauchy is not a known family. Did you mean 'HalfCauchy'?"),
        ("qqq(1)", f"qqq is not a known family. Known are {', '.join(FAMILIES)}, published_prior."),
        ("HalfNormal(1, 2)", "write HalfNormal(scale); got 2 parameters."),
        ("Normal(1)", "write Normal(mean, sd); sd missing."),
        ("StudentT()", "write StudentT(nu, mean, scale); nu, mean, scale missing."),
        ("Flat(1)", "write Flat(); got 1 parameters."),
        ("Normal(0, sigma=1)", "write Normal(mean, sd); sigma=1 is not expected."),
        ("Gamma(1, rat=1)", "write Gamma(shape, rate); rat=1 is not expected. Did you mean 'rate'?"),
        ("Normal(0, mean=1, sd=1)", "write Normal(mean, sd); mean is given twice."),
        ("Normal(**{})", "write Normal(mean, sd); **{} is not expected."),
        ("HalfNormal(-1)", "HalfNormal(scale=-1): scale must be positive and finite."),
        ("HalfNormal(1e999)", "HalfNormal(scale=inf): scale must be positive and finite."),
        ("HalfNormal(x)", f"HalfNormal: scale is x; {NUMBER}"),
        ("HalfNormal(True)", f"HalfNormal: scale is True; {NUMBER}"),
        ("HalfNormal('1')", f"HalfNormal: scale is '1'; {NUMBER}"),
        ("HalfNormal(log(2, 3))", f"HalfNormal: scale is log(2, 3); {NUMBER}"),
        ("HalfNormal(7 // 2)", f"HalfNormal: scale is 7 // 2; {NUMBER}"),
        ("HalfNormal(1/0)", f"HalfNormal: scale is 1 / 0, {INFINITE}"),
        ("HalfNormal(log(0))", f"HalfNormal: scale is log(0), {INFINITE}"),
        ("HalfNormal(9**9**9**9)", f"HalfNormal: scale is 9 ** 9 ** 9, {INFINITE}"),
        ("HalfNormal((-8)**(1/3))", f"HalfNormal: scale is (-8) ** (1 / 3), {INFINITE}"),
        ("Mixture(Normal(0, 1))", "Normal(0, 1) must be a list; write Mixture([(weight, prior), ...])."),
        ("Mixture()", "write Mixture([(weight, prior), ...]); components missing."),
        ("Mixture([(1, 2, 3)])", "(1, 2, 3) must be (weight, prior)."),
        ("Mixture([(w, Normal(0, 1))])", f"Mixture: weight is w; {NUMBER}"),
        (
            "Mixture([(-1, Normal(0, 1))])",
            "Mixture: component 1, Normal(0, 1), has weight -1.0; it must be positive and finite.",
        ),
    ],
)
def test_messages(text, reason):
    with pytest.raises(SpecificationError) as refused:
        parse_prior(text)
    assert str(refused.value) == f"prior {text!r}: {reason}"


@pytest.mark.parametrize("given", [0.5, None, ("HalfNormal", 1)])
def test_only_text_is_read(given):
    with pytest.raises(SpecificationError) as refused:
        parse_prior(given)
    assert str(refused.value) == f"a prior is given as text such as 'HalfNormal(0.5)'; got {given!r}."


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('false')",
        "HalfNormal(__import__('os').getpid())",
        "HalfNormal((lambda: 1)())",
        "Normal(0, 1) if True else Flat()",
        "[HalfNormal(1)][0]",
        "HalfNormal(1); 2",
        "HalfNormal(1)\0",
        "HalfNormal(" + "(" * 5000 + "1" + ")" * 5000 + ")",
        "HalfNormal(" + "-" * 100_000 + "1)",
        "HalfNormal(" + "9" * 5000 + ")",
    ],
)
def test_nothing_is_evaluated(text):
    with pytest.raises(SpecificationError, match=r"^prior "):
        parse_prior(text)
