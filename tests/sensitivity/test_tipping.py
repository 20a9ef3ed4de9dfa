"""Tipping points against closed forms at known tau, reverse Bayes, and integrals by scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import halfcauchy, halfnorm, norm, t

import bayesmeta as bm
from bayesmeta.sensitivity.reverse_bayes import reverse_bayes
from bayesmeta.sensitivity.roots import crossings
from bayesmeta.sensitivity.tipping import tipping_point

Y, SE, TAU = np.array([-0.8, -0.3, -0.9, -0.2]), np.array([0.3, 0.25, 0.4, 0.35]), 0.2
DATA = bm.Estimates(y=Y, se=SE)


def below_zero(y: np.ndarray, se: np.ndarray, tau: float, mean: float, sd: float) -> float:
    """P(mu < 0) with a Normal(mean, sd) prior at known tau."""
    w = 1 / (se**2 + tau**2)
    precision = w.sum() + sd**-2
    return float(norm.cdf(-((w @ y) + mean * sd**-2) / math.sqrt(precision)))


@pytest.fixture(scope="module")
def known():
    model = bm.NormalNormal(mu=bm.Normal(-0.2, 2), tau=bm.PointMass(TAU))
    return tipping_point(DATA, model, "mu < 0", level=0.975)


def test_the_sceptical_prior_is_that_of_reverse_bayes(known) -> None:
    w = 1 / (SE**2 + TAU**2)
    closed = reverse_bayes(estimate=w @ Y / w.sum(), se=w.sum() ** -0.5, level=0.95).prior
    (tip,) = known["sceptical_sd"].tips
    assert tip.value == pytest.approx(closed.sd, rel=1e-8)
    assert known["sceptical_sd"].ends[1] == math.inf
    flat = norm.cdf(-(w @ Y) / math.sqrt(w.sum()))
    np.testing.assert_allclose(known["sceptical_sd"].probabilities, [0.5, flat], atol=1e-5)


def test_the_other_changes_at_known_tau_by_closed_form(known) -> None:
    w = 1 / (SE**2 + TAU**2)
    z = norm.ppf(0.975)
    mean = -(w @ Y + z * math.sqrt(w.sum() + 0.25)) / 0.25
    assert [tip.value for tip in known["prior_mean"].tips] == pytest.approx([mean], rel=1e-8)
    tau = brentq(lambda t: below_zero(Y, SE, t, -0.2, 2) - 0.975, 0.01, 3, xtol=1e-14)
    assert [tip.value for tip in known["tau_fixed"].tips] == pytest.approx([tau], rel=1e-8)
    assert [tip.value for tip in known["tau_factor"].tips] == pytest.approx([tau / TAU], rel=1e-8)
    assert known["discount"].tips == ()
    want = [below_zero(Y, SE, TAU, 0, 1e9), below_zero(Y, SE, TAU, -0.2, 2)]
    np.testing.assert_allclose(known["discount"].probabilities, want, atol=1e-9)


def test_the_discount_of_opposing_evidence_by_closed_form() -> None:
    model = bm.NormalNormal(mu=bm.Normal(0.5, 0.2), tau=bm.PointMass(TAU))
    found = tipping_point(DATA, model, "mu < 0", level=0.9)
    assert not found.held
    want = brentq(lambda a: below_zero(Y, SE, TAU, 0.5, 0.2 / math.sqrt(a)) - 0.9, 1e-6, 1, xtol=1e-14)
    assert [tip.value for tip in found["discount"].tips] == pytest.approx([want], rel=1e-7)


def test_null_trials_at_known_tau_by_closed_form(known) -> None:
    def after(se: float, n: int = 1) -> float:
        return below_zero(np.append(Y, np.zeros(n)), np.append(SE, np.full(n, se)), TAU, -0.2, 2)

    average = np.mean(SE**-2.0) ** -0.5
    count = next(n for n in range(1, 10_000) if after(average, n) < 0.975)
    assert known["null_trials"].tips[0].value == count
    assert known["null_trials"].tips[0].probability == pytest.approx(after(average, count), abs=1e-9)
    (said,) = [sentence for sentence in known.sentences() if "average precision" in sentence]
    assert f"further trials with effect 0 and average precision, {count} of them" in said
    assert after(1e-6) > 0.975  # not even a trial of any size overturns it
    assert known["null_trial"].tips == ()
    weak = tipping_point(DATA, bm.NormalNormal(mu=bm.Normal(-0.2, 2), tau=bm.PointMass(0.45)), "mu < 0", level=0.95)
    root = brentq(lambda se: below_zero(np.append(Y, 0), np.append(SE, se), 0.45, -0.2, 2) - 0.95, 1e-3, 50, xtol=1e-14)
    assert [tip.value for tip in weak["null_trial"].tips] == pytest.approx([root], rel=1e-7)


def test_integrated_over_tau_by_scipy() -> None:
    model = bm.NormalNormal(mu=bm.Normal(0.5, 0.6), tau=bm.HalfNormal(0.3))
    found = tipping_point(DATA, model, "mu < 0", level=0.9)

    def probability(prior, mean: float, sd: float) -> float:
        def weight(tau: float) -> float:
            cov = np.diag(SE**2 + tau**2) + sd**2
            r = Y - mean
            return math.exp(-0.5 * r @ np.linalg.solve(cov, r)) / math.sqrt(np.linalg.det(cov)) * prior.pdf(tau)

        options = {"epsabs": 1e-14, "epsrel": 1e-12, "limit": 400, "points": [0.05, 0.2, 0.5, 1, 3]}
        total = quad(weight, 0, 30, **options)[0]
        return quad(lambda t: weight(t) * below_zero(Y, SE, t, mean, sd), 0, 30, **options)[0] / total

    checks = {
        "sceptical_sd": lambda v: probability(halfnorm(scale=0.3), 0, v),
        "prior_mean": lambda v: probability(halfnorm(scale=0.3), v, 0.6),
        "tau_factor": lambda v: probability(halfnorm(scale=0.3 * v), 0.5, 0.6),
        "discount": lambda v: probability(halfnorm(scale=0.3), 0.5, 0.6 / math.sqrt(v)),
    }
    tipped = 0
    for kind, forward in checks.items():
        for tip in found[kind].tips:
            tipped += 1
            assert abs(tip.probability - 0.9) < 1e-7
            assert forward(tip.value) == pytest.approx(0.9, abs=1e-7), kind
    assert tipped >= 3
    table = found.table()
    assert table["probability"].iloc[0] == pytest.approx(0.9, abs=1e-7)
    assert len(found.sentences()) == sum(not one.reason for one in found.kinds)


def test_a_mixture_weight_by_closed_form() -> None:
    hopeful, doubting = bm.Normal(-0.5, 0.2), bm.Normal(0, 0.1)
    model = bm.NormalNormal(mu=bm.Mixture([(0.5, hopeful), (0.5, doubting)]), tau=bm.PointMass(TAU))
    found = tipping_point(DATA, model, "mu < 0", level=0.98)["mixture_weight"]

    def parts(prior: bm.Normal) -> tuple[float, float]:
        cov = np.diag(SE**2 + TAU**2) + prior.sd**2
        r = Y - prior.mean
        evidence = math.exp(-0.5 * r @ np.linalg.solve(cov, r)) / math.sqrt(np.linalg.det(cov))
        return evidence, below_zero(Y, SE, TAU, prior.mean, prior.sd)

    (e1, p1), (e2, p2) = parts(hopeful), parts(doubting)
    want = brentq(lambda w: (w * e1 * p1 + (1 - w) * e2 * p2) / (w * e1 + (1 - w) * e2) - 0.98, 0, 1, xtol=1e-14)
    assert [tip.value for tip in found.tips] == pytest.approx([want], rel=1e-7)
    assert found.probabilities == pytest.approx((p2, p1), abs=1e-9)


def test_all_crossings_are_found_where_there_are_two() -> None:
    data = bm.Estimates(y=[0.6], se=[0.2])
    found = tipping_point(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.PointMass(0)), "0 < mu < 0.5", level=0.8)

    def inside(sd: float) -> float:
        shrink = sd**2 / (sd**2 + 0.04)
        after = norm(0.6 * shrink, 0.2 * math.sqrt(shrink))
        return float(after.cdf(0.5) - after.cdf(0))

    want = [brentq(lambda s: inside(s) - 0.8, a, b, xtol=1e-14) for a, b in ((0.01, 0.15), (0.15, 2))]
    assert [tip.value for tip in found["sceptical_sd"].tips] == pytest.approx(want, rel=1e-8)


def test_a_pair_of_crossings_between_two_points() -> None:
    def bump(x: float) -> float:
        return math.exp(-((x - 0.3) ** 2))

    found = crossings(bump, [-4, -2, 0, 2, 4], 0.99)
    half = math.sqrt(-math.log(0.99))
    assert found == pytest.approx([0.3 - half, 0.3 + half], abs=1e-9)
    assert crossings(bump, [-4, -2, 0, 2, 4], 1.01) == []


def test_claims_about_tau_jump_where_tau_is_known() -> None:
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfCauchy(0.2))
    found = tipping_point(DATA, model, "tau < 0.5", level=0.9)
    (tip,) = found["tau_fixed"].tips
    assert tip.jump
    assert tip.value == pytest.approx(0.5, rel=1e-9)
    assert "about no coefficient" in found["sceptical_sd"].reason
    (tip,) = found["tau_factor"].tips

    def weight(tau: float) -> float:
        cov = np.diag(SE**2 + tau**2) + 1
        prior = halfcauchy.pdf(tau, scale=0.2 * tip.value)
        return math.exp(-0.5 * Y @ np.linalg.solve(cov, Y)) / math.sqrt(np.linalg.det(cov)) * prior

    below, above = quad(weight, 0, 0.5, epsrel=1e-12)[0], quad(weight, 0.5, math.inf, epsrel=1e-12)[0]
    assert below / (below + above) == pytest.approx(0.9, abs=1e-7)


def test_a_single_study_a_new_one_and_a_claim_that_is_not_held() -> None:
    data = bm.Estimates(y=[-0.5], se=[0.3])
    found = tipping_point(data, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.2)), "theta_new < 0")
    assert not found.held
    assert found["sceptical_sd"].parameter == "mu"
    assert found["sceptical_sd"].tips == ()
    assert max(found["sceptical_sd"].probabilities) < 0.95
    assert "begin with" in found["null_trial"].reason
    assert any("No sceptical prior" in sentence for sentence in found.sentences())
    (tip,) = found["prior_mean"].tips  # a hopeful enough prior gains it
    assert tip.value < 0


def test_regression_needs_the_covariates_of_a_further_trial() -> None:
    data = bm.Estimates(y=Y, se=SE, covariates={"x": [0.0, 0.0, 1.0, 1.0]})
    model = bm.NormalNormal(formula="1 + x", tau=bm.PointMass(0.1), mu=bm.Normal(0, 1), beta={"x": bm.Normal(0, 1)})
    found = tipping_point(data, model, "mu + x < 0", level=0.9)
    assert "null_covariates" in found["null_trial"].reason
    assert "coefficient=" in found["sceptical_sd"].reason
    v, X = SE**2 + 0.01, np.column_stack([np.ones(4), [0, 0, 1, 1]])

    def probability(sd: float) -> float:
        precision = X.T @ (X / v[:, None]) + np.diag([1, sd**-2])
        at = np.linalg.solve(precision, X.T @ (Y / v))
        return float(norm.cdf(-at.sum() / math.sqrt(np.ones(2) @ np.linalg.solve(precision, np.ones(2)))))

    level = (probability(1.0) + min(probability(1e-4), probability(1e4))) / 2
    found = tipping_point(data, model, "mu + x < 0", level=level, coefficient="x", null_covariates={"x": 1.0})
    assert [probability(tip.value) for tip in found["sceptical_sd"].tips] == pytest.approx([level], abs=1e-8)
    assert not found["null_trial"].reason


def test_flat_and_reference_priors() -> None:
    found = tipping_point(DATA, bm.NormalNormal(tau=bm.Jeffreys()), "mu < 0", level=0.9)
    assert "no centre" in found["prior_mean"].reason
    assert "neither normal" in found["discount"].reason
    assert "no scale" in found["tau_factor"].reason
    assert len(found["tau_fixed"].tips) == 1


@pytest.mark.parametrize(
    ("claim", "options", "message"),
    [
        ("mu < 0", {"level": 0.5}, "level=0.5"),
        ("mu < 0", {"level": 1}, "level=1"),
        ("mu < 0", {"level": "0.9"}, "level='0.9'"),
        (3, {}, "claim 3: write a text"),
        ("mu", {}, "not a claim"),
        ("exp(mu) * tau < 1", {}, "no exact probability"),
        ("mu < 0", {"coefficient": "dose"}, "choose one of mu"),
    ],
)
def test_what_cannot_be_right_is_refused(claim: str, options: dict, message: str) -> None:
    with pytest.raises(bm.SpecificationError, match=message):
        tipping_point(DATA, bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.2)), claim, **options)


@pytest.mark.parametrize("sd", [1e-6, 1e-3, 30.0, 1000.0])
def test_narrow_and_vague_priors_are_followed_far_enough(sd: float) -> None:
    """Units of the search come from the data: the own prior may be a thousand times wider, or narrower, than they are."""
    found = tipping_point(DATA, bm.NormalNormal(mu=bm.Normal(-0.2, sd), tau=bm.PointMass(TAU)), "mu < 0", level=0.975)
    w, z = 1 / (SE**2 + TAU**2), norm.ppf(0.975)
    mean = -(w @ Y + z * math.sqrt(w.sum() + sd**-2)) * sd**2
    assert [tip.value for tip in found["prior_mean"].tips] == pytest.approx([mean], rel=1e-6)
    closed = reverse_bayes(estimate=w @ Y / w.sum(), se=w.sum() ** -0.5).prior
    assert [tip.value for tip in found["sceptical_sd"].tips] == pytest.approx([closed.sd], rel=1e-7)


def test_evidence_that_is_all_but_certain_is_discounted_far_enough() -> None:
    found = tipping_point(DATA, bm.NormalNormal(mu=bm.Normal(0.5, 1e-7), tau=bm.PointMass(TAU)), "mu < 0", level=0.9)
    want = brentq(lambda u: below_zero(Y, SE, TAU, 0.5, 1e-7 * 10**u) - 0.9, 0, 9, xtol=1e-14)
    assert [tip.value for tip in found["discount"].tips] == pytest.approx([10 ** (-2 * want)], rel=1e-6)


def test_a_t_prior_by_integration_to_the_accuracy_of_the_search() -> None:
    def probability(scale: float) -> float:
        w = 1 / (SE**2 + TAU**2)
        centre, spread = w @ Y / w.sum(), w.sum() ** -0.5

        def density(x: float) -> float:
            return float(norm.pdf(x, centre, spread) * t.pdf(x, 4, 0, scale))

        below = quad(density, -6, 0, points=[centre], epsabs=0, epsrel=1e-12)[0]
        return below / (below + quad(density, 0, 6, epsabs=0, epsrel=1e-12)[0])

    found = tipping_point(DATA, bm.NormalNormal(mu=bm.StudentT(4, 0, 0.3), tau=bm.PointMass(TAU)), "mu < 0", level=0.9)
    assert found.probability == pytest.approx(probability(0.3), abs=1e-9)


def test_sentences_name_what_was_followed_and_are_never_certain(known) -> None:
    told = {one.kind: text for one, text in zip(known.kinds, known.sentences(), strict=True)}
    assert "at sd = infinity." in told["sceptical_sd"]
    assert "more than 0.9999 at a centre of -" in told["prior_mean"]
    assert "less than 0.0001 at a centre of " in told["prior_mean"]
    assert " at tau = 0 and 0.5398 at tau = " in told["tau_fixed"]
    zero = tipping_point(DATA, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.PointMass(0)), "mu < 0")
    assert zero["tau_factor"].reason == "tau is known to be 0, which has no scale"
