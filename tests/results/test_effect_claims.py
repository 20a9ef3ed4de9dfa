"""Claims about true effects of studies and of new studies of a group, and names that Python would not read."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import halfnorm, multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError

Y = np.array([0.4, -0.1, 0.2, 0.9])
SE = np.array([0.2, 0.3, 0.25, 0.5])
STUDY = ("Smith (2010), arm-1", "Müller [2]", "O'Neil", "d")
TAU = 0.3


def _joint(tau):
    """Mean and covariance of (mu, theta) given tau, mu ~ N(0, 1), by dense algebra; and the log evidence."""
    prior = np.ones((5, 5))
    prior[1:, 1:] += tau**2 * np.eye(4)
    H = np.eye(5)[1:]
    V = H @ prior @ H.T + np.diag(SE**2)
    gain = prior @ H.T @ np.linalg.inv(V)
    return gain @ Y, prior - gain @ H @ prior, multivariate_normal(np.zeros(4), V).logpdf(Y)


def _fit(tau, **more):
    data = bm.Estimates(Y, SE, study=STUDY)
    return bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=tau), "quadrature", **more)


CLAIMS = {
    "theta[Smith (2010), arm-1] > 0.3": ([0, 1, 0, 0, 0], 0.3),
    "theta[`Müller [2]`] > 0": ([0, 0, 1, 0, 0], 0.0),
    'theta["O\'Neil"] > theta[d]': ([0, 0, 0, 1, -1], 0.0),
    "2 * theta[d] - theta[Müller [2]] > 0.5 * mu + 1": ([-0.5, 0, -1, 0, 2], 1.0),
    "exp(theta[d]) > 1.2": ([0, 0, 0, 0, 1], math.log(1.2)),
    "theta[d] > mu": ([-1, 0, 0, 0, 1], 0.0),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_true_effects_of_studies_are_exact(claim):
    c, threshold = np.array(CLAIMS[claim][0], float), CLAIMS[claim][1]
    mean, covariance, _ = _joint(TAU)
    expected = norm.sf(threshold, c @ mean, math.sqrt(c @ covariance @ c))
    known = _fit(bm.PointMass(TAU))
    assert known.probability(claim) == pytest.approx(expected, rel=1e-10)
    assert known.probability_mcse(claim) == 0
    assert known.probability(f"not ({claim})") == pytest.approx(1 - expected, rel=1e-10)

    def density(tau):
        return math.exp(_joint(tau)[2]) * halfnorm.pdf(tau, scale=0.5)

    def holds(tau):
        mean, covariance, _ = _joint(tau)
        return density(tau) * norm.sf(threshold, c @ mean, math.sqrt(max(c @ covariance @ c, 1e-300)))

    ends = {"epsabs": 0, "epsrel": 1e-10, "limit": 200}
    averaged = quad(holds, 1e-9, 4, **ends)[0] / quad(density, 1e-9, 4, **ends)[0]
    assert _fit(bm.HalfNormal(0.5)).probability(claim) == pytest.approx(averaged, abs=2e-7)


def test_marginals_and_draws_of_sums_of_effects():
    result = _fit(bm.PointMass(TAU), draws=20_000, chains=4)
    mean, covariance, _ = _joint(TAU)
    c = np.array([0, 1, 0, 0, -1.0])
    expression = "theta[Smith (2010), arm-1] - theta[d]"
    marginal, sd = result.marginal(expression), math.sqrt(c @ covariance @ c)
    assert marginal.mean() == pytest.approx(c @ mean, rel=1e-10)
    assert marginal.sd() == pytest.approx(sd, rel=1e-10)
    np.testing.assert_allclose(marginal.ppf([0.1, 0.9]), norm(c @ mean, sd).ppf([0.1, 0.9]), rtol=1e-9)
    draws = result.draws(expression).ravel()
    assert draws.mean() == pytest.approx(c @ mean, abs=4 * sd / math.sqrt(draws.size))
    assert draws.std() == pytest.approx(sd, rel=4 / math.sqrt(2 * draws.size))
    both = "theta[Smith (2010), arm-1] > 0.3 and theta[d] > 0.3"
    upper = multivariate_normal(-mean[[1, 4]], covariance[np.ix_([1, 4], [1, 4])]).cdf([-0.3, -0.3])
    assert result.probability(both) == pytest.approx(upper, abs=4 * result.probability_mcse(both))
    assert 0 < result.probability_mcse(both) < 0.003


def test_effects_that_covary_given_tau_are_exact_alone_and_simulated_together():
    cov = np.diag(SE**2) + 0.02
    data = bm.Estimates(Y, cov=cov, study=STUDY)
    result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(TAU)), "quadrature", draws=20_000)
    prior = np.ones((4, 4)) + TAU**2 * np.eye(4)
    gain = prior @ np.linalg.inv(prior + cov)
    mean, covariance = gain @ Y, prior - gain @ prior
    assert result.probability("theta[d] > 0.3") == pytest.approx(
        norm.sf(0.3, mean[3], covariance[3, 3] ** 0.5), rel=1e-9
    )
    c = np.array([0, 0, 1.0, -1.0])
    expected = norm.sf(0, c @ mean, math.sqrt(c @ covariance @ c))
    claim = "theta[O'Neil] > theta[d]"
    assert 0 < result.probability_mcse(claim) < 0.01
    assert result.probability(claim) == pytest.approx(expected, abs=4 * result.probability_mcse(claim))


def _groups(tau, beta=None):
    data = bm.Estimates(Y, SE, study=STUDY, covariates={"group": ["a", "a", "b", "b"]})
    model = bm.NormalNormal(formula="0 + group", beta={"group": beta or bm.Normal(0, 1)}, tau=tau)
    return bm.fit(data, model, "quadrature", draws=20_000)


def test_a_new_study_of_a_group_without_an_intercept():
    result = _groups(bm.PointMass(TAU))
    w = 1 / (SE[:2] ** 2 + TAU**2)
    mean, variance = (w @ Y[:2]) / (w.sum() + 1), 1 / (w.sum() + 1)
    new = norm(mean, math.sqrt(variance + TAU**2))
    for claim in ("theta_new[group[a]] > 0.2", "theta_new[`group[a]`] > 0.2", "not theta_new[group[a]] < 0.2"):
        assert result.probability(claim) == pytest.approx(new.sf(0.2), rel=1e-10)
        assert result.probability_mcse(claim) == 0
    marginal = result.marginal("theta_new[group[a]]")
    np.testing.assert_allclose(marginal.ppf([0.025, 0.5, 0.975]), new.ppf([0.025, 0.5, 0.975]), rtol=1e-9)
    draws = result.draws("theta_new[group[a]]").ravel()
    assert draws.std() == pytest.approx(new.std(), rel=4 / math.sqrt(2 * draws.size))
    wb = 1 / (SE[2:] ** 2 + TAU**2)
    gap = (wb @ Y[2:]) / (wb.sum() + 1)
    spread = math.sqrt(variance + TAU**2 + 1 / (wb.sum() + 1))
    claim = "theta_new[group[a]] > group[b]"
    assert result.probability(claim) == pytest.approx(norm.sf(0, mean - gap, spread), rel=1e-10)
    known = _groups(bm.PointMass(0), bm.PointMass(0.25))
    assert known.probability("theta_new[group[a]] > 0.2") == 1
    assert known.probability("theta_new[group[a]] > 0.3 and tau < 1") == 0


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("theta_new > 0", r"without an intercept a new study is one of a group. Write theta_new\[group\[a\]\]"),
        (
            "theta_new[group[c]] > 0",
            r"theta_new\[group\[c\]\]: no such group without an intercept. Did you mean 'group\[",
        ),
        (
            "theta_new[group[a]] > theta_new[group[b]]",
            r"one new study. Compare the groups themselves: group\[a\] > group\[b\]",
        ),
        ("theta[Smith 2010] > 0", r"theta\[Smith 2010\]: no such study. Did you mean 'Smith \(2010\), arm-1'"),
        ("theta[] > 0", r"theta\[\]: no such study. It has Smith"),
        ("`grup` > 0", r"no parameter 'grup'"),
    ],
)
def test_what_is_not_there_is_named(claim, message):
    with pytest.raises(SpecificationError, match=message):
        _groups(bm.HalfNormal(0.5)).probability(claim)


def test_with_an_intercept_a_group_is_added():
    with pytest.raises(SpecificationError, match="write theta_new, plus coefficients"):
        _fit(bm.HalfNormal(0.5)).probability("theta_new[group[a]] > 0")


def test_names_that_python_would_not_read():
    x = np.array([0.0, 1.0, 2.0, 4.0])
    names = ("dose mg", "pre-post", "µg/l", "risk", "in", "Größe", "cafe\u0301")
    for name in names:
        data = bm.Estimates(Y, SE, covariates={name: x})
        model = bm.NormalNormal(
            formula=f"1 + `{name}`", mu=bm.Normal(0, 1), beta={name: bm.Normal(0, 1)}, tau=bm.PointMass(TAU)
        )
        result = bm.fit(data, model, "quadrature")
        X = np.column_stack([np.ones(4), x])
        V = np.diag(SE**2 + TAU**2)
        covariance = np.linalg.inv(np.eye(2) + X.T @ np.linalg.solve(V, X))
        mean = covariance @ X.T @ np.linalg.solve(V, Y)
        expected = norm.sf(0.1, mean[0] + 3 * mean[1], math.sqrt(np.array([1, 3]) @ covariance @ [1, 3]))
        composed = name.replace("e\u0301", "é")  # the same letter in another form
        for written in (name, f"`{name}`", composed):
            assert result.probability(f"mu + 3 * {written} > 0.1") == pytest.approx(expected, rel=1e-10), written
        assert result.draws(f"`{name}`").shape == result.draws("mu").shape


def test_a_word_of_python_within_a_name_is_left_alone():
    data = bm.Estimates(Y, SE, covariates={"is": [0.0, 1, 0, 1], "risk": [1.0, 2, 3, 5]})
    model = bm.NormalNormal(formula="1 + `is` + risk", mu=bm.Normal(0, 1), beta={}, tau=bm.PointMass(TAU))
    result = bm.fit(data, model, "quadrature")
    assert result.probability("risk > 0") == pytest.approx(1 - result.marginal("risk").cdf(0), rel=1e-12)
    level = bm.Estimates(Y, SE, covariates={"Risk of bias": ["low", "high", "low", "high"]})
    model = bm.NormalNormal(formula="1 + `Risk of bias`", mu=bm.Normal(0, 1), tau=bm.PointMass(TAU))
    fitted = bm.fit(level, model, "quadrature")
    ways = ("Risk of bias[T.low]", "`Risk of bias`[T.low]", "`Risk of bias[T.low]`", 'Risk of bias["T.low"]')
    assert len({fitted.probability(f"{way} > 0.1") for way in ways}) == 1


def test_quotation_marks_in_a_formula_get_the_hint_of_backticks():
    for formula in ('1 + "Risk of bias"', "1 + Risk of bias"):
        with pytest.raises(SpecificationError, match="in backticks.*`"):
            bm.NormalNormal(formula=formula, tau=bm.HalfNormal(1))


def test_sensitivity_of_a_claim_about_a_study():
    data = bm.Estimates(Y, SE, study=STUDY)
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    claim = "theta[d] > 0.3"
    table = bm.prior_sensitivity(data, model, tau=[bm.HalfNormal(0.5), bm.PointMass(TAU)], claim=claim).table()
    expected = [_fit(tau).probability(claim) for tau in (bm.HalfNormal(0.5), bm.PointMass(TAU))]
    np.testing.assert_allclose(table[f"P({claim})"], expected, atol=1e-9)


@pytest.mark.slow
def test_nuts_answers_the_same(assert_within_mcse):
    exact = _fit(bm.HalfNormal(0.5))
    data = bm.Estimates(Y, SE, study=STUDY)
    drawn = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5)), "nuts", draws=2000, seed=1)
    for claim in CLAIMS:
        p, error = drawn.probability(claim), drawn.probability_mcse(claim)
        assert p == pytest.approx(exact.probability(claim), abs=4 * error), claim
    marginal = exact.marginal("theta[d]")
    assert_within_mcse(drawn.draws("theta[d]"), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06)
