"""The reference priors: against R's bayesmeta, closed forms, and their own definitions by independent integrals."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    BergerDeely,
    Conventional,
    DuMouchel,
    Flat,
    HalfNormal,
    ImproperUniform,
    ISquared,
    Jeffreys,
    Lomax,
    Mixture,
    OnVariance,
    OverallJeffreys,
    Prior,
    SqrtUniform,
    UniformShrinkage,
    parse_prior,
    require_scale_prior,
)

R_NAMES = {
    "uniform": ImproperUniform(),
    "sqrt": SqrtUniform(),
    "jeffreys": Jeffreys(),
    "overalljeffreys": OverallJeffreys(),
    "bergerdeely": BergerDeely(),
    "conventional": Conventional(),
    "dumouchel": DuMouchel(),
    "shrinkage": UniformShrinkage(),
    "i2": ISquared(),
}
PROPER = [Conventional(), DuMouchel(), UniformShrinkage(), ISquared()]
IMPROPER = [ImproperUniform(), SqrtUniform(), Jeffreys(), OverallJeffreys(), BergerDeely()]
ALL = [*PROPER, *IMPROPER]
DEPENDENT = [*PROPER, Jeffreys(), OverallJeffreys(), BergerDeely()]
V = np.array([0.5, 2.0, 0.1, 7.0])


def of(priors):
    return pytest.mark.parametrize("prior", priors, ids=str)


def golden_cases():
    for path in sorted((Path(__file__).parents[1] / "golden").glob("bayesmeta_*.json")):
        data = json.loads(path.read_text("utf-8"))
        for case in data["cases"]:
            rule = case["tau_prior"]
            if rule["family"] in R_NAMES and not (rule["family"] == "uniform" and rule["proper"]):
                yield pytest.param(data["sigma"], case, id=f"{data['dataset']}-{case['id']}")


CASES = list(golden_cases())


def test_every_rule_has_a_golden_case():
    assert {case.values[1]["tau_prior"]["family"] for case in CASES} == set(R_NAMES)


@pytest.mark.parametrize(("sigma", "case"), CASES)
def test_density_matches_r(sigma, case):
    prior = R_NAMES[case["tau_prior"]["family"]].given(np.square(sigma))
    # Ten digits are printed, of sigma and of the grid too; R normalises the conventional prior to about 1e-8.
    rtol = 1e-7 if isinstance(R_NAMES[case["tau_prior"]["family"]], Conventional) else 3e-9
    np.testing.assert_allclose(prior.pdf(case["grids"]["tau"]), case["peer"]["density"]["prior_tau"], rtol=rtol)
    assert prior.is_proper is case["tau_prior"]["proper"]


@pytest.mark.parametrize(("sigma", "case"), CASES)
def test_scales_match_r(sigma, case):
    rule, v = case["tau_prior"], np.square(sigma)
    if "s0" in rule:
        np.testing.assert_allclose(DuMouchel().given(v).scale, rule["s0"], rtol=1e-9)
    if "s02" in rule:
        np.testing.assert_allclose(UniformShrinkage().given(v).prior.scale, rule["s02"], rtol=1e-9)
    if "sigma2hat" in rule:
        np.testing.assert_allclose(ISquared().given(v).prior.scale, rule["sigma2hat"], rtol=1e-9)


def exact_scales(v):
    """Harmonic mean and Higgins and Thompson's typical variance, in rational arithmetic."""
    w = [1 / Fraction(x) for x in v]
    harmonic = Fraction(len(v)) / sum(w)
    typical = (len(v) - 1) * sum(w) / (sum(w) ** 2 - sum(x * x for x in w)) if len(v) > 1 else None
    return harmonic, typical


variances = st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=8)


@given(variances)
def test_scales_match_rational_arithmetic(v):
    harmonic, typical = exact_scales(v)
    assert DuMouchel().given(v) == Lomax(1, DuMouchel().given(v).scale)
    np.testing.assert_allclose(DuMouchel().given(v).scale, math.sqrt(harmonic), rtol=1e-14)
    np.testing.assert_allclose(UniformShrinkage().given(v).prior.scale, float(harmonic), rtol=1e-14)
    np.testing.assert_allclose(ISquared().given(v).prior.scale, float(typical), rtol=1e-14)


def test_uniform_priors_are_uniform():
    v = [0.3, 0.3, 5.0]
    harmonic, typical = (float(s) for s in exact_scales(v))
    q = np.array([0.05, 0.3, 0.9])
    square = ISquared().given(v).ppf(q) ** 2
    np.testing.assert_allclose(square / (square + typical), q, rtol=1e-12)
    square = UniformShrinkage().given(v).ppf(q) ** 2
    np.testing.assert_allclose(harmonic / (square + harmonic), 1 - q, rtol=1e-12)


def conventional_integral(a, b):
    """Integral of t ((a + t^2)(b + t^2))^(-3/4) over t > 0, for a <= b (DLMF 15.6.1)."""
    return a**-0.75 * b**0.25 * special.hyp2f1(0.75, 1, 1.5, 1 - b / a)


@pytest.mark.parametrize(
    ("a", "b"), [(1, 1), (1, 4), (3, 3.1), (1e-6, 1e6), (1e-12, 1), (1e-3, 1e9), (1e-9, 1e12), (1e40, 1e44)]
)
def test_conventional_is_normalised_to_13_digits(a, b):
    for v in ([a, b], [b, a], [a, b] * 50):
        got = float(Conventional().given(v).logpdf(1.0))
        want = -0.75 * (math.log1p(a) + math.log1p(b)) - math.log(conventional_integral(a, b))
        assert abs(got - want) < 1e-13 * max(1, abs(want))


@pytest.mark.parametrize("v", [1e-300, 1e-12, 0.3, 1e12, 1e300])
def test_conventional_with_equal_variances_has_a_closed_form(v):
    prior, s = Conventional().given([v] * 3), math.sqrt(v)
    t = s * np.array([1e-3, 0.1, 1, 7, 1e4])
    np.testing.assert_allclose(prior.pdf(t) * s, (t / s) * (1 + (t / s) ** 2) ** -1.5, rtol=1e-12)
    np.testing.assert_allclose(prior.cdf(t), 1 - 1 / np.hypot(1, t / s), rtol=1e-9)
    for k in (0.1, 0.5, 0.9):
        want = special.beta(1 + k / 2, (1 - k) / 2) / 2
        np.testing.assert_allclose(prior._power_moment(k) / s**k, want, rtol=1e-11)
    q = np.array([1e-6, 0.02, 0.5, 0.99, 1 - 1e-8])
    np.testing.assert_allclose(prior.ppf(q) / s, np.sqrt((1 - q) ** -2 - 1), rtol=1e-9)


def test_conventional_functions_match_an_independent_integral():
    prior = Conventional().given(V)

    def unnormalised(t):
        return t * np.prod(V + t * t) ** (-3 / (2 * len(V)))

    total = integrate.quad(unnormalised, 0, np.inf, epsabs=0, epsrel=1e-12)[0]
    t = np.array([0.01, 0.4, 1.3, 30.0])
    want = [integrate.quad(unnormalised, 0, x, epsabs=0, epsrel=1e-12)[0] / total for x in t]
    np.testing.assert_allclose(prior.pdf(t), [unnormalised(x) / total for x in t], rtol=1e-11)
    np.testing.assert_allclose(prior.cdf(t), want, rtol=1e-10)
    np.testing.assert_allclose(prior.ppf(want), t, rtol=1e-10)
    draws = prior.rvs((2, 2000), seed=3)
    assert draws.shape == (2, 2000)
    assert abs(np.mean(draws < 1.3) - want[2]) < 4 * math.sqrt(want[2] * (1 - want[2]) / draws.size)


@pytest.mark.parametrize(
    ("prior", "mean", "sd"),
    [
        (DuMouchel(), math.inf, math.inf),
        (Conventional(), math.inf, math.inf),
        (UniformShrinkage(), math.pi / 2 * 1.5, math.inf),
        (ISquared(), math.pi / 2 * 1.5, math.inf),
    ],
    ids=str,
)
def test_moments(prior, mean, sd):
    np.testing.assert_allclose(prior.given([2.25] * 4).moments(), (mean, sd), rtol=1e-12)


@of([Jeffreys(), OverallJeffreys(), BergerDeely()])
def test_improper_density_is_as_defined_over_twelve_orders_of_magnitude(prior):
    v = np.logspace(-6, 6, 7)
    for t in (1e-5, 1e-2, 1.0, 300.0, 1e7):
        pairs = (t / (v + t * t)) ** 2
        want = {
            "Jeffreys": math.sqrt(pairs.sum()),
            "OverallJeffreys": math.sqrt((1 / (v + t * t)).sum() * pairs.sum()),
            "BergerDeely": t * np.prod((v + t * t) ** (-1 / len(v))),
        }[type(prior).__name__]
        np.testing.assert_allclose(prior.given(v).pdf(t), want, rtol=1e-12)
    assert prior.given(v).pdf(0.0) == 0


def test_many_studies_are_taken_in_blocks():
    v = np.exp(np.linspace(-4, 4, 5000))
    t = np.exp(np.linspace(-3, 3, 211))
    total = v + t[:, None] ** 2
    np.testing.assert_allclose(Jeffreys().given(v).pdf(t), t * np.sqrt((total**-2).sum(axis=1)), rtol=1e-11)
    np.testing.assert_allclose(BergerDeely().given(v).pdf(t), t / np.exp(np.log(total).mean(axis=1)), rtol=1e-11)


@of(ALL)
def test_bound_priors_are_values_that_ignore_the_order_of_studies(prior):
    bound = prior.given(V)
    assert isinstance(bound, Prior)
    assert bound == prior.given(V[::-1]) == copy.deepcopy(bound) == pickle.loads(pickle.dumps(bound))
    assert hash(bound) == hash(prior.given(list(V)))
    assert prior.given(V) is bound or prior.given(V + 1) != bound
    assert bound.support == prior.support == (0, math.inf)
    assert bound.has_density
    assert require_scale_prior(bound) is bound
    assert bound.is_proper is prior.is_proper is (prior in PROPER)
    assert str(bound) == repr(bound)
    assert bound.logpdf(-1.0) == -np.inf


def test_text_of_bound_priors():
    assert str(Jeffreys().given(V)) == "Jeffreys().given(4 variances)"
    assert str(Conventional().given(V)) == "Conventional().given(4 variances)"
    assert DuMouchel().given([4.0]) == parse_prior("Lomax(1, 2)")
    assert UniformShrinkage().given([4.0]) == parse_prior("OnVariance(Lomax(1, 4))")


@of(ALL)
def test_reference_priors_are_values_with_text(prior):
    name = type(prior).__name__
    assert str(prior) == repr(prior) == f"{name}()"
    assert parse_prior(f"{name}()") == parse_prior(name) == prior
    assert hash(copy.deepcopy(prior)) == hash(type(prior)())
    assert dataclasses.fields(prior) == ()
    assert not hasattr(prior, "__dict__")


@of(DEPENDENT)
def test_unbound_priors_refuse_and_say_why(prior):
    for method, call in [
        ("logpdf", lambda: prior.logpdf(1.0)),
        ("pdf", lambda: prior.pdf(1.0)),
        ("logpdf", lambda: prior._logpdf_of_log(np.zeros(1))),
        ("cdf", lambda: prior.cdf(1.0)),
        ("ppf", lambda: prior.ppf(0.5)),
        ("rvs", lambda: prior.rvs(1, seed=1)),
        ("moments", prior.moments),
    ]:
        with pytest.raises(SpecificationError) as refused:
            call()
        assert str(refused.value) == (
            f"{prior}.{method}: the density depends on the studies' standard errors; "
            f"use {prior}.given(se**2).{method}, with theirs."
        )


@of(IMPROPER)
def test_improper_priors_have_no_distribution_function(prior):
    bound = prior.given(V)
    for call in (bound.cdf, bound.ppf, lambda q: bound.rvs(1, seed=1)):
        with pytest.raises(SpecificationError, match="does not integrate to one"):
            call(0.5)
    assert np.isnan(bound.moments()).all()
    with pytest.raises(SpecificationError, match=r"Mixture: component 1, .*, does not integrate to one"):
        Mixture([(1, bound)])


def test_priors_that_are_the_same_for_all_studies_need_none():
    np.testing.assert_allclose(SqrtUniform().logpdf([0.25, 4]), [math.log(2), -math.log(2)], rtol=1e-15)
    np.testing.assert_array_equal(ImproperUniform().logpdf([0, 9, np.inf]), [0, 0, -np.inf])
    assert ImproperUniform().given(V) == ImproperUniform()


@of(ALL)
@pytest.mark.parametrize(
    ("v", "reason"),
    [
        ([], "give one variance for each study; got shape (0,)."),
        (2.0, "give one variance for each study; got shape ()."),
        ([[1.0]], "give one variance for each study; got shape (1, 1)."),
        ([1.0, 0.0], "variance 2 is 0; variances must be positive and finite."),
        ([math.nan, 1.0], "variance 1 is nan; variances must be positive and finite."),
        ([1.0, math.inf], "variance 2 is inf; variances must be positive and finite."),
    ],
)
def test_refused_variances(prior, v, reason):
    with pytest.raises(SpecificationError) as refused:
        prior.given(v)
    assert str(refused.value) == f"{prior}.given: {reason}"


def test_one_study_is_enough_except_for_i2():
    for prior in ALL:
        if prior != ISquared():
            assert np.isfinite(prior.given([2.0]).logpdf(1.0))
    with pytest.raises(SpecificationError, match=r"^ISquared\(\): the typical variance behind I\^2 needs at least two"):
        ISquared().given([2.0])


def test_combinations():
    bound = Conventional().given(V)
    mixed = Mixture([(1, bound), (1, HalfNormal(1))])
    np.testing.assert_allclose(mixed.cdf(1.3), (bound.cdf(1.3) + HalfNormal(1).cdf(1.3)) / 2, rtol=1e-12)
    np.testing.assert_allclose(OnVariance(bound).cdf(1.3), bound.cdf(1.69), rtol=1e-12)
    with pytest.raises(SpecificationError, match=r"component 1, DuMouchel\(\), depends on the studies' standard"):
        Mixture([(1, DuMouchel())])
    for prior in (DuMouchel(), Jeffreys().given(V), ImproperUniform()):
        with pytest.raises(SpecificationError, match="must be proper and the same for all studies"):
            OnVariance(prior)
    with pytest.raises(SpecificationError, match=r"Use ImproperUniform\(\) or another prior on \[0, inf\)"):
        require_scale_prior(Flat())
