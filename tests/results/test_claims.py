"""Claims and expressions as text."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmeta.errors import SpecificationError
from bayesmeta.results.claims import evaluate, is_claim, mentioned, probability_mcse, require_claim

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
    assert is_claim(got) == (want.dtype == bool)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crsp < 0", r"'crsp < 0': no parameter 'crsp'. Did you mean 'crps'\? Parameters: mu, tau"),
        ("pain_class[T.other] < 0", r"no parameter 'pain_class\[T.other\]'. Did you mean 'pain_class\[T.mixed\]'"),
        ("crps <", "cannot be read"),
        ("crps = 0", "cannot be read"),
        ("", "cannot be read"),
        ("crps == 0", "'crps == 0' is not allowed here"),
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


def test_an_expression_is_no_claim():
    with pytest.raises(SpecificationError, match="'mu' is not a claim: compare it with something, e.g. 'mu < 0'"):
        require_claim("mu", mu)
    assert require_claim("mu < 0", mu < 0).dtype == bool


def test_mentioned():
    assert mentioned("mu + pain_class[T.mixed] < exp(tau)", NAMES) == ("mu", "tau", "pain_class[T.mixed]")
    assert mentioned("pain_class[T.mixed]:dose < 0", NAMES) == ("pain_class[T.mixed]:dose",)


def test_probability_mcse_is_binomial():
    draws = np.random.default_rng(2).random((20000, 400)) < 0.3
    assert probability_mcse(400, 0.3) == pytest.approx(draws.mean(axis=1).std(), rel=0.03)
    assert probability_mcse(400, 1.0) == 0
