"""Reverse Bayes against published formulas and numbers, forward Bayes, and the closed form by Lambert's W."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import lambertw
from scipy.stats import norm

from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.sensitivity.reverse_bayes import reverse_bayes

estimates = st.floats(-5, 5).filter(lambda x: abs(x) > 0.05)
errors = st.floats(0.05, 3)


def posterior(y: float, se: float, mean: float, sd: float) -> tuple[float, float]:
    precision = se**-2 + sd**-2
    return (y / se**2 + mean / sd**2) / precision, precision**-0.5


@given(y=estimates, se=errors, level=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_posterior_interval_just_reaches_zero(y: float, se: float, level: float) -> None:
    found = reverse_bayes(estimate=y, se=se, level=level)
    z = norm.ppf((1 + level) / 2)
    if found.prior is None or abs(abs(y / se) - z) < 1e-4:
        return
    mean, sd = posterior(y, se, found.prior.mean, found.prior.sd)
    assert abs(mean) / sd == pytest.approx(z, rel=1e-8)
    assert found.prior.kind == ("sceptical" if abs(y) > z * se else "advocacy")


@given(lower=st.floats(-3, 3), width=st.floats(0.1, 4))
def test_the_limits_are_those_of_matthews(lower: float, width: float) -> None:
    upper = lower + width
    product = lower * upper
    if abs(product) < 1e-3 or abs(lower + upper) < 1e-3:
        return
    found = reverse_bayes(lower=lower, upper=upper).prior
    assert found is not None
    sceptical = (upper - lower) ** 2 / (4 * math.sqrt(abs(product)))
    advocacy = -(upper + lower) * (upper - lower) ** 2 / (2 * product)
    assert found.limit == pytest.approx(sceptical if product > 0 else advocacy, rel=1e-9)


def test_held_2019_threshold_of_0_0056_and_credibility_ratio_of_5_8() -> None:
    """The two numbers that the paper is known for: a two-sided P of .0056, and upper / lower = 5.8, at 5%."""
    t = math.sqrt(2) * norm.ppf(0.975)
    at = reverse_bayes(estimate=t, se=1)
    assert at.p_intrinsic == pytest.approx(0.05, rel=1e-12)
    assert round(at.p_value, 4) == 0.0056
    assert round(at.upper / at.lower, 1) == 5.8
    assert not reverse_bayes(estimate=t - 1e-6, se=1).intrinsically_credible
    assert reverse_bayes(estimate=t + 1e-6, se=1).intrinsically_credible


@pytest.mark.parametrize("t", [1.2, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("factor", [0.9, 0.5, 1 / 3, 1 / 10, 1 / 30])
def test_bayes_factor_sds_by_lambert_w_and_forward(t: float, factor: float) -> None:
    found = reverse_bayes(estimate=-2 * t, se=2, bayes_factor=factor)
    least = t * math.exp(-0.5 * (t**2 - 1))
    assert found.minimum_bayes_factor == pytest.approx(least, rel=1e-12)
    if factor < least:
        assert found.bayes_factor_sds == ()
        return
    argument = -(t**2) / factor**2 * math.exp(-(t**2))
    want = [2 * math.sqrt(-(t**2) / lambertw(argument, branch).real - 1) for branch in (-1, 0)]
    np.testing.assert_allclose(found.bayes_factor_sds, want, rtol=1e-8)
    for sd in found.bayes_factor_sds:
        null, other = norm.logpdf(2 * t, scale=2), norm.logpdf(2 * t, scale=math.hypot(2, sd))
        assert math.exp(null - other) == pytest.approx(factor, rel=1e-9)


def test_no_sd_gives_evidence_against_zero_below_a_t_of_one() -> None:
    found = reverse_bayes(estimate=0.9, se=1)
    assert found.minimum_bayes_factor == 1
    assert found.bayes_factor_sds == ()


def test_a_huge_estimate_keeps_its_narrow_prior() -> None:
    found = reverse_bayes(estimate=60, se=1)
    assert len(found.bayes_factor_sds) == 1  # the other is larger than a float
    sd = found.bayes_factor_sds[0]
    assert norm.logpdf(60) - norm.logpdf(60, scale=math.hypot(1, sd)) == pytest.approx(math.log(0.1), rel=1e-9)


def test_sentences_and_edges() -> None:
    assert "not convinced" in reverse_bayes(lower=0.2, upper=1).sentence()
    assert "is convinced" in reverse_bayes(lower=-0.2, upper=1).sentence()
    assert reverse_bayes(estimate=0, se=1).prior is None
    assert "No prior" in reverse_bayes(estimate=0, se=1).sentence()


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"estimate": 1}, "either estimate and se"),
        ({"estimate": 1, "se": 1, "lower": 0, "upper": 1}, "they disagree; the interval has its middle at 0.5"),
        ({"estimate": 2.43, "lower": 1.10, "upper": 5.40}, "Give ratios as logarithms"),
        ({"estimate": 0.5, "se": 0.5, "lower": 0.1, "upper": 0.9}, "implies a standard error of 0.2041"),
        ({"estimate": 1, "lower": 0}, "either estimate and se"),
        ({"estimate": "a", "se": 1}, "estimate='a'"),
        ({"estimate": 1e300, "se": 1e-300}, "too large"),
        ({"estimate": 1, "se": 0}, "positive"),
        ({"lower": 1, "upper": 0}, "above lower"),
        ({"lower": math.nan, "upper": 0}, "finite"),
    ],
)
def test_what_cannot_be_right_is_refused(given_: dict[str, float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        reverse_bayes(**given_)


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 0}, {"level": "a"}, {"bayes_factor": 2}])
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(SpecificationError):
        reverse_bayes(estimate=1, se=1, **options)


def test_an_estimate_may_stand_beside_its_interval() -> None:
    interval = reverse_bayes(lower=-2.35, upper=-1.31)
    assert reverse_bayes(estimate=-1.83, lower=-2.35, upper=-1.31) == interval
    assert reverse_bayes(estimate=-1.8, se=0.27, lower=-2.35, upper=-1.31) == interval


@pytest.mark.parametrize("upper", [0.7, 1.0, 3.3, 1e-9])
def test_an_interval_that_ends_at_zero_has_no_critical_prior(upper: float) -> None:
    for found in (reverse_bayes(lower=0, upper=upper), reverse_bayes(lower=-upper, upper=0)):
        assert found.prior is None
        assert not found.significant


@pytest.mark.parametrize(("lower", "upper"), [(0.2, 1.0), (-1.0, -0.2), (-0.2, 1.0), (-1.0, 0.2)])
def test_the_sentence_is_true_of_narrower_priors(lower: float, upper: float) -> None:
    """Sceptics must be centred on no effect: one who is sure of an effect within the interval is convinced."""
    found = reverse_bayes(lower=lower, upper=upper)
    z = norm.ppf(0.975)
    for share in (0.05, 0.5, 0.999, 1.001, 2):
        mean, sd = posterior(found.estimate, found.se, share * found.prior.mean, share * found.prior.sd)
        within = share < 1
        assert (abs(mean) > z * sd) == (within if found.prior.kind == "advocacy" else not within)
    if found.prior.kind == "sceptical":
        assert "centred on no effect" in found.sentence()
        mean, sd = posterior(found.estimate, found.se, 0.5 * math.copysign(found.prior.limit, upper), 0.01)
        assert abs(mean) > z * sd
