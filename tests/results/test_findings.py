"""Absolute effects at a baseline risk: closed forms where it is known, integrals by SciPy and draws where it is not."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats
from scipy.special import expit, logit

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.effects.baseline_risk import baseline_risk, printed_risk
from bayesmeta.results.needed import Needed

Y, SE = -0.485, 0.275
SURE = bm.NormalNormal(tau=bm.PointMass(0))
LEVELS = [0.5, 0.025, 0.975]
BASELINES = {
    "Beta(12, 48)": stats.beta(12, 48),
    "12 of 60": stats.beta(12.5, 48.5),
    "Uniform(0.1, 0.3)": stats.uniform(0.1, 0.2),
}


def normal(measure="log_or"):
    """A posterior that is N(Y, SE^2)."""
    return bm.fit(bm.Estimates([Y], [SE], measure=measure), SURE)


RISKS = {
    "log_or": (lambda p, x: expit(logit(p) + x), lambda p, r: logit(r) - logit(p)),
    "log_rr": (lambda p, x: np.minimum(p * np.exp(x), 1), lambda p, r: math.log(r / p)),
    "log_hr": (lambda p, x: 1 - (1 - p) ** np.exp(x), lambda p, r: math.log(math.log1p(-r) / math.log1p(-p))),
}


@pytest.mark.parametrize("measure", RISKS)
def test_at_a_known_risk_everything_is_a_closed_form(measure):
    risk, effect = RISKS[measure]
    found = bm.summary_of_findings(normal(measure), 0.2, mid=30)
    x = stats.norm(Y, SE)
    treated = risk(0.2, x.ppf(LEVELS))
    assert_allclose(found.relative, np.exp(x.ppf(LEVELS)), rtol=1e-7)
    assert found.control == (200.0, 200.0, 200.0)
    assert_allclose(found.treated, 1000 * treated, rtol=1e-7)
    assert_allclose(found.difference, 1000 * (treated - 0.2), rtol=1e-6)
    assert_allclose(found.probability_benefit, x.cdf(0), atol=1e-9)
    assert_allclose(found.probability_beyond, x.cdf(effect(0.2, 0.17)), atol=1e-9)
    assert_allclose(found.probability_harm_beyond, x.sf(effect(0.2, 0.23)), atol=1e-9)
    low, high = 0.2 - treated[2], 0.2 - treated[1]
    assert_allclose(found.needed.difference, [low, 0.2 - treated[0], high], rtol=1e-6)
    middle, near, far = (f"{size:.{1 if size < 9.95 else 0}f}" for size in (1 / (0.2 - treated[0]), 1 / high, -1 / low))
    assert found.needed.text == f"NNTB {middle} (NNTB {near} to ∞ to NNTH {far})"


@pytest.mark.parametrize("text", BASELINES)
def test_an_uncertain_risk_is_integrated_over(text):
    """Distribution functions by SciPy's adaptive quadrature, at the quantiles that were found."""
    p, x = BASELINES[text], stats.norm(Y, SE)
    found = bm.summary_of_findings(normal(), text, mid=30)
    low, high = p.ppf([1e-14, 1 - 1e-14])

    def share(limit):
        """Of pairs in which the effect is below a limit that depends on the baseline risk."""
        return integrate.quad(
            lambda r: p.pdf(r) * x.cdf(limit(r)), low, high, epsabs=1e-12, limit=400, points=[0.01, 0.2]
        )[0]

    def effect(baseline, treated):
        return logit(treated) - logit(baseline) if 0 < treated < 1 else math.inf * (1 if treated >= 1 else -1)

    assert_allclose(found.control, 1000 * p.ppf(LEVELS), rtol=1e-9)
    for value, level in zip(found.treated, LEVELS, strict=True):
        assert_allclose(share(lambda r, v=value: effect(r, v / 1000)), level, atol=2e-8)
    for value, level in zip(found.difference, LEVELS, strict=True):
        assert_allclose(share(lambda r, v=value: effect(r, r + v / 1000)), level, atol=2e-8)
    assert_allclose(found.probability_beyond, share(lambda r: effect(r, r - 0.03)), atol=2e-8)
    assert_allclose(1 - found.probability_harm_beyond, share(lambda r: effect(r, r + 0.03)), atol=2e-8)
    assert_allclose(found.probability_benefit, x.cdf(0), atol=1e-9)  # whatever the baseline risk
    assert found.error_bound < 1e-7


def test_of_counts_by_draws():
    """A posterior that is not normal, at a logit-normal risk, beside independent draws of both."""
    data = bm.Counts(events_t=[5, 2, 0], n_t=[35, 40, 30], events_c=[9, 7, 4], n_c=[39, 40, 31])
    result = bm.fit(data, bm.BinomialNormal(mu=bm.Normal(0, 2.82), tau=bm.HalfNormal(0.5)))
    found = bm.summary_of_findings(result, "LogitNormal(-1.4, 0.3)", mid=50, benefit="higher", parameter="theta_new")
    rng, n = np.random.default_rng(20260101), 1_000_000
    baseline = expit(rng.normal(-1.4, 0.3, n))
    effect = np.asarray(result.marginal("theta_new").ppf((np.arange(n) + 0.5) / n))
    treated = expit(logit(baseline) + rng.permutation(effect))
    difference = 1000 * (treated - baseline)
    for got, drawn in ((found.treated, 1000 * treated), (found.difference, difference)):
        assert_allclose(got, np.quantile(drawn, LEVELS), atol=1.5)
    for got, share in (
        (found.probability_beyond, np.mean(difference > 50)),
        (found.probability_harm_beyond, np.mean(difference < -50)),
    ):
        assert_allclose(got, share, atol=4 * math.sqrt(share * (1 - share) / n))
    assert found.probability_benefit == result.probability("theta_new > 0")
    assert set(found.errors.values()) == {0.0}


def test_a_mixture_with_points_is_the_mixture_of_its_parts():
    result = normal()
    found = bm.summary_of_findings(result, bm.Mixture([(0.3, bm.PointMass(0.1)), (0.7, bm.PointMass(0.4))]), mid=40)
    parts = [bm.summary_of_findings(result, risk, mid=40).probability_beyond for risk in (0.1, 0.4)]
    assert_allclose(found.probability_beyond, 0.3 * parts[0] + 0.7 * parts[1], atol=1e-12)
    assert found.control == pytest.approx((400.0, 100.0, 400.0))


def test_an_effect_that_may_be_none_has_no_difference_there():
    """Half of the prior mass on no effect stays on no difference, of which infinitely many are needed."""
    prior = bm.Mixture([(0.9, bm.PointMass(0)), (0.1, bm.Normal(0, 1))])
    result = bm.fit(bm.Estimates([0.1], [0.5], measure="log_or"), bm.NormalNormal(mu=prior, tau=bm.PointMass(0)))
    for risk in (0.2, "Beta(12, 48)"):
        found = bm.summary_of_findings(result, risk)
        assert found.difference[0] == pytest.approx(0, abs=1e-9)
    assert bm.summary_of_findings(result, 0.2).needed.text.startswith("∞")


def test_a_risk_cannot_pass_one():
    found = bm.summary_of_findings(bm.fit(bm.Estimates([2.0], [0.3], measure="log_rr"), SURE), 0.5, mid=600)
    assert found.treated == (1000.0, 1000.0, 1000.0)
    assert (found.probability_beyond, found.probability_harm_beyond) == (0.0, 0.0)


def test_where_risks_end_at_one_the_rule_does():
    """A risk ratio that often takes the risk to 1: the distribution of the difference jumps, by SciPy on either side."""
    effect, p = stats.norm(1.5, 0.5), stats.beta(12, 48)
    found = bm.summary_of_findings(bm.fit(bm.Estimates([1.5], [0.5], measure="log_rr"), SURE), "Beta(12, 48)", mid=700)

    def below(x):
        parts = [(1e-12, 1 - x), (1 - x, 1)] if x > 0 else [(-x, 1)]
        inner = [lambda r: p.pdf(r) * effect.cdf(np.log((r + x) / r)), p.pdf]
        return sum(integrate.quad(f, *ends, epsabs=1e-12, limit=400)[0] for f, ends in zip(inner, parts, strict=False))

    assert_allclose([below(x / 1000) for x in found.difference], LEVELS, atol=2e-8)
    assert_allclose(found.probability_harm_beyond, 1 - below(0.7), atol=2e-8)
    assert found.treated[2] == 1000.0
    assert found.error_bound < 1e-7


def test_turning_benefit_around_turns_the_number_around():
    fewer, more = (bm.summary_of_findings(normal(), "Beta(12, 48)", 20, benefit=side) for side in ("lower", "higher"))
    assert more.needed.difference == tuple(-x for x in (fewer.needed.difference[2], *fewer.needed.difference[1::-1]))
    assert (more.probability_beyond, more.probability_harm_beyond) == (
        fewer.probability_harm_beyond,
        fewer.probability_beyond,
    )
    assert more.probability_benefit == pytest.approx(1 - fewer.probability_benefit)
    assert fewer.needed.text.replace("NNTB", "x").replace("NNTH", "NNTB").replace("x", "NNTH") == more.needed.text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        ((0.05, 0.10, 0.25), "NNTB 10 (NNTB 4.0 to NNTB 20)"),
        ((-0.05, 0.10, 0.25), "NNTB 10 (NNTB 4.0 to ∞ to NNTH 20)"),
        ((-0.25, -0.10, -0.05), "NNTH 10 (NNTH 4.0 to NNTH 20)"),
        ((-0.25, -0.10, 0.05), "NNTH 10 (NNTH 4.0 to ∞ to NNTB 20)"),
        ((0.0, 0.10, 0.25), "NNTB 10 (NNTB 4.0 to ∞ to ∞)"),
    ],
)
def test_numbers_needed_as_altman_writes_them(difference, text):
    """Altman (1998): NNTB 10 (NNTB 4 to infinity to NNTH 20) is the difference 10% (-5% to 25%)."""
    assert Needed(difference).text == text


def test_very_many_printed_counts_are_thinned_without_a_trace():
    counts = [(k, 100_000) for k in range(49_950, 50_051)]
    every = stats.beta(np.array(counts)[:, :1] + 0.5, 100_000 - np.array(counts)[:, :1] + 0.5)
    found = printed_risk(50.0, counts).quantiles(LEVELS)
    assert_allclose(every.cdf(found).mean(axis=0), LEVELS, atol=2e-3)


REFUSED = {
    "percent": (lambda: bm.summary_of_findings(normal(), 20), "20% is 0.2"),
    "text": (lambda: bm.summary_of_findings(normal(), "about a fifth"), "baseline risk 'about a fifth': give a number"),
    "mass": (lambda: bm.summary_of_findings(normal(), bm.HalfNormal(1)), "mass below 0 or above 1"),
    "more events": (lambda: bm.summary_of_findings(normal(), "61 of 60"), "events must not exceed participants"),
    "shape": (lambda: bm.summary_of_findings(normal(), "Beta(1, 0)"), "Beta takes two positive numbers"),
    "spread": (lambda: bm.summary_of_findings(normal(), "LogitNormal(0, 0)"), "the latter positive"),
    "measure": (lambda: bm.summary_of_findings(normal("smd"), 0.2), "measure = 'smd' gives no risk under treatment"),
    "no measure": (lambda: bm.summary_of_findings(normal(None), 0.2), "the effects state no measure"),
    "mid": (lambda: bm.summary_of_findings(normal(), 0.2, 1000), "mid=1000: a difference in events per 1,000"),
    "benefit": (lambda: bm.summary_of_findings(normal(), 0.2, benefit="fewer"), "benefit='fewer'"),
    "parameter": (lambda: bm.summary_of_findings(normal(), 0.2, parameter="tau"), "parameter='tau'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_rejected(name):
    ask, message = REFUSED[name]
    with pytest.raises(bm.SpecificationError, match=re.escape(message)):
        ask()


def test_text_numbers_and_priors_are_read_alike():
    assert baseline_risk("0.2").known == baseline_risk(0.2).known == baseline_risk(bm.PointMass(0.2)).known == 0.2
    assert_allclose(
        baseline_risk("Uniform(0.1, 0.3)").quantiles(LEVELS), baseline_risk(bm.Uniform(0.1, 0.3)).quantiles(LEVELS)
    )
    for step in (1 / 8, 1 / 64):
        risks, weights = baseline_risk("Beta(2, 5)").nodes(step)
        assert_allclose(
            [weights.sum(), weights @ risks, weights @ risks**2], [1, 2 / 7, stats.beta(2, 5).moment(2)], rtol=1e-10
        )


@pytest.mark.slow
def test_of_chains_within_their_error():
    data = bm.Estimates([-0.6, -0.2, -0.5], [0.3, 0.25, 0.4], measure="log_or")
    model = bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.3))
    exact, drawn = (bm.fit(data, model, engine, seed=3) for engine in ("quadrature", "nuts"))
    for risk in (0.2, "Beta(12, 48)"):
        want, got = (bm.summary_of_findings(result, risk, mid=30) for result in (exact, drawn))
        for name, error in got.errors.items():
            assert 0 < error < 0.02
            assert abs(getattr(got, name) - getattr(want, name)) < 4 * error
        assert got.error_bound is None
        assert "Monte Carlo error" in got.computed


def test_on_the_command_line(tmp_path, capsys):
    (tmp_path / "arms.csv").write_text("study,events_t,n_t,events_c,n_c\nA,5,35,9,39\nB,2,40,7,40\n")
    arguments = ["fit", str(tmp_path / "arms.csv"), "--model", "binomial_normal", "--tau", "HalfNormal(0.5)"]
    arguments += ["--mu", "Normal(0, 2.82)", "--baseline-risk", "12 of 60"]
    with pytest.raises(SystemExit):
        main([*arguments, "--mid", "50", "--benefit", "higher", "--json"])
    content = json.loads(capsys.readouterr().out)["absolute"]
    data = bm.Counts(events_t=[5, 2], n_t=[35, 40], events_c=[9, 7], n_c=[39, 40], study=["A", "B"])
    result = bm.fit(data, bm.BinomialNormal(mu=bm.Normal(0, 2.82), tau=bm.HalfNormal(0.5)))
    want = bm.summary_of_findings(result, "12 of 60", mid=50, benefit="higher")
    assert content == json.loads(json.dumps(want.as_dict()))
    with pytest.raises(SystemExit):
        main([*arguments, "--mid", "50"])
    shown = capsys.readouterr().out
    for line in bm.summary_of_findings(result, "12 of 60", mid=50).probabilities:
        assert f"{line} = " in shown
    assert "Number needed to treat: NNTB" in shown
