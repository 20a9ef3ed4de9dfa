"""Claims and expressions as text."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmeta.errors import SpecificationError
from bayesmeta.results.claim_syntax import read
from bayesmeta.results.claims import check_claim, evaluate, holds_on, mentioned, probability_mcse

RNG = np.random.default_rng(1)
NAMES = ("mu", "tau", "crps", "pain_class[T.mixed]", "pain_class[T.mixed]:dose", "np.log2(dose)", "theta_new")
DRAWS = {name: RNG.normal(0, 2, size=(2, 50)) for name in NAMES}
DRAWS["tau"] = np.abs(DRAWS["tau"])
mu, tau, crps, mixed, product, log2_dose, theta_new = DRAWS.values()

CASES = {
    "crps < -1": crps < -1,
    "crps<=-1": crps <= -1,
    "tau > 0.5": tau > 0.5,
    "tau >= .5e0": tau >= 0.5,
    "mu + crps < -2": mu + crps < -2,
    "-1 < mu < 1": (mu > -1) & (mu < 1),
    "mu < crps < tau < 3": (mu < crps) & (crps < tau) & (tau < 3),
    "crps < 0 and mu < 0": (crps < 0) & (mu < 0),
    "crps < 0 and mu < 0 and tau < 1": (crps < 0) & (mu < 0) & (tau < 1),
    "crps < 0 or mu < 0": (crps < 0) | (mu < 0),
    "crps < 0 or mu < 0 and tau < 1": (crps < 0) | ((mu < 0) & (tau < 1)),
    "(crps < 0 or mu < 0) and tau < 1": ((crps < 0) | (mu < 0)) & (tau < 1),
    "not crps < 0": ~(crps < 0),
    "pain_class[T.mixed] < 0": mixed < 0,
    "mu + pain_class[T.mixed] < 0": mu + mixed < 0,
    "pain_class[T.mixed]:dose > pain_class[T.mixed]": product > mixed,
    "np.log2(dose) < 0 < mu": (log2_dose < 0) & (mu > 0),
    "theta_new < 0": theta_new < 0,
    "abs(mu) > 1": np.abs(mu) > 1,
    "mu + 3 * np.log2(dose)": mu + 3 * log2_dose,
    "exp(mu)": np.exp(mu),
    "sqrt(tau) - log(tau) / 2": np.sqrt(tau) - np.log(tau) / 2,
    "-mu ** 2": -(mu**2),
    "+mu": mu,
}


@pytest.mark.parametrize("text", CASES)
def test_evaluate(text):
    got, want = evaluate(text, DRAWS.__getitem__, NAMES), CASES[text]
    assert got.dtype == want.dtype
    assert_allclose(got, want)
    assert read(text, NAMES).kind == ("claim" if want.dtype == bool else "number")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crsp < 0", r"'crsp < 0': no parameter 'crsp'. Did you mean 'crps'\? Parameters: mu, tau"),
        ("pain_class[T.other] < 0", r"no parameter 'pain_class\[T.other\]'. Did you mean 'pain_class\[T.mixed\]'"),
        ("crps <", "cannot be read"),
        ("", "cannot be read"),
        ("crps != 0", "'crps != 0' is not allowed here"),
        ("crps =< 0", "cannot be read"),
        ("mu < (tau < 1)", "'tau < 1' is not a number"),
        ("(mu < 0) + 1 < 2", "'mu < 0' is not a number"),
        ("not mu", "'mu' is not a claim; compare it with something, e.g. 'mu < 0'"),
        ("mu < 1 and tau", "'tau' is not a claim"),
        ("mu < pain_class[T.mixed] and tau", "'tau' is not a claim"),
        ("mu < 0\0", "cannot be read"),
        ("mu < 1e999", "too large a number"),
        (f"{'(' * 300}mu{')' * 300} < 0", "nest"),
        (f"{'-' * 100}mu < 0", "too large: a claim may have"),
        (f"{'not ' * 100}mu < 0", "too large: a claim may have"),
        (f"mu < 0{' + 0' * 450}", "too large: a claim may have"),
        ("mu" * 5000, "10000 characters"),
        ("crps < 'a'", "is not allowed here"),
        ("crps < True", "'True' is not allowed here"),
        ("mu if tau else crps", "is not allowed here"),
        ("sin(mu) < 0", "'sin\\(mu\\)' is not allowed here"),
        ("exp(mu, tau) < 0", "is not allowed here"),
        ("mu.real < 0", "'mu.real' is not allowed here"),
        ("mu[0] < 0", r"no parameter .mu\[0\]."),
        ("mu % 2 < 1", "is not allowed here"),
        ("__import__('os').system('true')", "is not allowed here"),
        ("(lambda: 0)() < 1", "is not allowed here"),
    ],
)
def test_refused(text, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        evaluate(text, DRAWS.__getitem__, NAMES)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_expression_is_no_claim():
    with pytest.raises(SpecificationError, match="'mu' is not a claim: compare it with something, e.g. 'mu < 0'"):
        holds_on("mu", DRAWS.__getitem__, NAMES)
    assert holds_on("mu < 0", DRAWS.__getitem__, NAMES).dtype == bool


@pytest.mark.parametrize("text", ["mu = 0", "mu == 0", "0 == mu", "mu=0"])
def test_an_equation_asks_for_a_point(text):
    assert evaluate(text, {"mu": np.array([0.0, 1.0])}.__getitem__, ["mu"]).tolist() == [True, False]


def test_only_what_is_named_is_drawn():
    asked = []
    evaluate("exp(mu) > 1.2", lambda name: asked.append(name) or mu, NAMES)
    assert asked == ["mu"]


@pytest.mark.parametrize("text", ["0 < 1 < mu", "mu > 0 or 1 < 2", "1 < 2"])
def test_parts_without_parameters_are_broadcast(text):
    assert evaluate(text, DRAWS.__getitem__, NAMES).shape == (mu.shape if "mu" in text else ())


@pytest.mark.parametrize(
    ("text", "draws", "share"),
    [
        ("log(mu) < 1", [-1.0, 1.0, 2.0, 3.0], "25% of the draws"),
        ("log(mu) < 1", [0.0, 1.0], "50% of the draws"),
        ("sqrt(mu) < 1", [-1.0, -2.0], "everywhere"),
        ("1 / mu > 1", [0.0, 1.0], "50% of the draws"),
        ("mu ** -1 > 1", [0.0, 1.0], "50% of the draws"),
        ("exp(mu) < exp(2 * mu)", [800.0, 1.0], "50% of the draws"),  # two overflows
        ("mu ** 0.5 > 1", [-4.0, 1.0], "50% of the draws"),
        ("not log(mu) < 1", [-1.0, 1.0], "50% of the draws"),
        ("log(mu) < 1 or mu > 5", [-1.0, 1.0], "50% of the draws"),
        ("0 < log(mu) < 1", [-1.0, 1.0], "50% of the draws"),
        ("log(mu)", [-1.0, 1.0], "50% of the draws"),
    ],
)
def test_what_has_no_value_is_counted_and_said(text, draws, share):
    with pytest.raises(SpecificationError, match=f"undefined .*{share}"):
        evaluate(text, {"mu": np.array(draws)}.__getitem__, ["mu"])


@pytest.mark.parametrize(
    ("text", "draws", "want"),
    [
        ("mu > 0 and log(mu) < 1", [-1.0, 1.0, 9.0], [False, True, False]),
        ("log(mu) < 1 and mu > 0", [-1.0, 1.0, 9.0], [False, True, False]),
        ("mu <= 0 or log(mu) < 1", [-1.0, 1.0, 9.0], [True, True, False]),
        ("sqrt(mu) < 1", [0.0, 4.0], [True, False]),
        ("exp(mu) > 1", [-2000.0, 2000.0], [False, True]),
    ],
)
def test_a_claim_may_say_what_holds_where_a_part_has_no_value(text, draws, want):
    assert evaluate(text, {"mu": np.array(draws)}.__getitem__, ["mu"]).tolist() == want


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mu > 1 / 0", "divides by zero: '1 / 0' has no value"),
        ("mu / (tau - tau) > 1", "divides by zero"),
        ("mu > log(0)", "'log\\(0\\)' has no value: log of 0"),
        ("mu > sqrt(-1)", "has no value: sqrt of -1"),
        ("mu > (-8) ** 0.5", "has no value: -8 to the power of 0.5"),
        ("mu > 9 ** 9 ** 9", "is too large a number"),
        ("mu > exp(1000)", "is too large a number"),
    ],
)
def test_constants_without_a_value_are_refused_before_anything_is_drawn(text, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        check_claim(text, NAMES)
    assert "\n" not in str(caught.value)


def test_a_keyword_may_be_the_name_of_a_column():
    names = ["mu", "class", "lambda"]
    assert mentioned("class + lambda < 0", names) == ("class", "lambda")


def test_mentioned():
    assert mentioned("mu + pain_class[T.mixed] < exp(tau)", NAMES) == ("mu", "tau", "pain_class[T.mixed]")
    assert mentioned("pain_class[T.mixed]:dose < 0", NAMES) == ("pain_class[T.mixed]:dose",)


def test_probability_mcse_is_binomial():
    draws = np.random.default_rng(2).random((20000, 400)) < 0.3
    assert probability_mcse(400, 0.3) == pytest.approx(draws.mean(axis=1).std(), rel=0.03)
    assert probability_mcse(400, 1.0) == 0
