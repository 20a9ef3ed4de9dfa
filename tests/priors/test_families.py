"""Every family against scipy.stats, whose parameters are other ones, and against its own definition.

Tolerance 1e-10 leaves room for SciPy's own rounding, which is near 1e-12 where it is worst.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
from scipy import integrate, stats

import bayesmeta.priors as bmp
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
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
    Prior,
    Rayleigh,
    StudentT,
    Uniform,
)

Q = np.array([1e-12, 1e-6, 0.01, 0.2, 0.5, 0.75, 0.95, 0.999])
RTOL = 1e-10
FAR = 300 * math.log(10)  # -log(1e-300)


class FoldedT:
    """The absolute value of a t, from SciPy's two-sided one."""

    def __init__(self, nu: float, scale: float) -> None:
        self.t, self.square = stats.t(nu, scale=scale), stats.f(1, nu, scale=scale**2)

    def logpdf(self, x):
        return np.log(2) + self.t.logpdf(x)

    def cdf(self, x):
        return self.square.cdf(np.square(x))

    def ppf(self, q):
        return np.sqrt(self.square.ppf(q))

    def mean(self):
        return integrate.quad(lambda x: 2 * x * self.t.pdf(x), 0, np.inf, epsabs=0, epsrel=1e-12)[0]

    def std(self):
        return math.sqrt(self.square.mean() - self.mean() ** 2)


class LogT:
    """The exponential of a t."""

    def __init__(self, nu: float, location: float, scale: float) -> None:
        self.t = stats.t(nu, location, scale)

    def logpdf(self, x):
        return self.t.logpdf(np.log(x)) - np.log(x)

    def cdf(self, x):
        return self.t.cdf(np.log(x))

    def ppf(self, q):
        return np.exp(self.t.ppf(q))

    def mean(self):
        return np.inf

    def std(self):
        return np.inf


WITNESSES = [
    (Normal(-0.3, 2.5), stats.norm(-0.3, 2.5)),
    (StudentT(5, 0.35, 0.43), stats.t(5, 0.35, 0.43)),
    (StudentT(40, -2, 3), stats.t(40, -2, 3)),
    (Cauchy(0.1, 0.7), stats.cauchy(0.1, 0.7)),
    (HalfNormal(0.7), stats.chi(1, scale=0.7)),
    (HalfStudentT(3, 0.4), FoldedT(3, 0.4)),
    (HalfStudentT(30, 2), FoldedT(30, 2)),
    (HalfCauchy(0.3), stats.halfcauchy(scale=0.3)),
    (HalfLogistic(0.6), stats.halflogistic(scale=0.6)),
    (Rayleigh(0.5), stats.rayleigh(scale=0.5)),
    (Uniform(0, 4), stats.uniform(0, 4)),
    (Uniform(-1, 2), stats.uniform(-1, 3)),
    (Exponential(2.5), stats.expon(scale=1 / 2.5)),
    (Gamma(0.5, 4), stats.gamma(0.5, scale=0.25)),
    (Gamma(3, 4), stats.gamma(3, scale=0.25)),
    (InvGamma(2.4, 0.4), stats.invgamma(2.4, scale=0.4)),
    (LogNormal(-1.28, 0.87), stats.lognorm(0.87, scale=math.exp(-1.28))),
    (LogStudentT(5, -1.5, 1.08), LogT(5, -1.5, 1.08)),
    (Lomax(5, 2), stats.lomax(5, scale=2)),
    (OnVariance(LogNormal(-2.56, 1.74)), stats.lognorm(0.87, scale=math.exp(-1.28))),
    (OnVariance(LogStudentT(5, -3, 2.16)), LogT(5, -1.5, 1.08)),
    (OnVariance(Gamma(2, 3)), stats.nakagami(2, scale=math.sqrt(2 / 3))),
    (OnVariance(Gamma(0.5, 0.5)), stats.chi(1)),
    (OnVariance(Exponential(0.5)), stats.rayleigh()),
    (OnVariance(InvGamma(2, 0.125)), stats.gengamma(2, -2, scale=math.sqrt(0.125))),
]
IMPROPER_OR_DISCRETE = [Flat(), PointMass(0.3)]
CONTINUOUS = [prior for prior, _ in WITNESSES] + [Mixture([(0.3, HalfNormal(1)), (0.7, LogNormal(0, 1))])]


def all_of(priors):
    return pytest.mark.parametrize("prior", priors, ids=str)


def with_witness(test):
    return pytest.mark.parametrize(("prior", "witness"), WITNESSES, ids=[str(p) for p, _ in WITNESSES])(test)


@with_witness
def test_log_density_matches_scipy(prior, witness):
    x = witness.ppf(Q)
    np.testing.assert_allclose(prior.logpdf(x), witness.logpdf(x), rtol=RTOL, atol=1e-10)
    np.testing.assert_allclose(prior.pdf(x), np.exp(witness.logpdf(x)), rtol=RTOL)


@with_witness
def test_distribution_function_matches_scipy(prior, witness):
    x = witness.ppf(Q)
    np.testing.assert_allclose(prior.cdf(x), witness.cdf(x), rtol=RTOL)


@with_witness
def test_quantiles_match_scipy(prior, witness):
    np.testing.assert_allclose(prior.ppf(Q), witness.ppf(Q), rtol=RTOL)


@with_witness
def test_moments_match_scipy(prior, witness):
    mean, sd = prior.moments()
    np.testing.assert_allclose((mean, sd), (witness.mean(), witness.std()), rtol=RTOL)
    if not isinstance(prior, Normal | StudentT | Cauchy):
        assert (prior.mean(), prior.sd()) == (mean, sd)


@all_of(CONTINUOUS)
def test_density_integrates_to_distribution_function(prior):
    ends = prior.ppf([0.02, 0.3, 0.5, 0.8, 0.98])
    for lower, upper in itertools.pairwise(ends):
        area, _ = integrate.quad(prior.pdf, lower, upper, epsabs=1e-13, epsrel=1e-11)
        np.testing.assert_allclose(area, prior.cdf(upper) - prior.cdf(lower), rtol=1e-9)


@all_of(CONTINUOUS)
def test_draws_follow_the_distribution(prior):
    draws = prior.rvs(4000, seed=20260101)
    assert stats.kstest(draws, prior.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(draws, prior.rvs(4000, seed=np.random.default_rng(20260101)))


@all_of([*CONTINUOUS, PointMass(0.3), Mixture([(0.5, PointMass(0)), (0.5, HalfNormal(1))])])
def test_shapes_of_results(prior):
    for answer in (prior.cdf, prior.ppf, *((prior.pdf, prior.logpdf) if prior.has_density else ())):
        assert isinstance(answer(0.5), float)
        assert answer(np.full((2, 1, 3), 0.5)).shape == (2, 1, 3)
        assert answer([]).shape == (0,)
        assert np.isnan(answer([np.nan, 0.5])).tolist() == [True, False]
    assert isinstance(prior.rvs(None, seed=1), float)
    assert prior.rvs((2, 3), seed=1).shape == (2, 3)


@all_of([*CONTINUOUS, PointMass(0.3)])
def test_ends_of_the_support(prior):
    lower, upper = prior.support
    assert prior.ppf([0, 1]).tolist() == [lower, upper]
    assert np.isnan(prior.ppf([-0.1, 1.1])).all()
    assert prior.cdf([-np.inf, np.inf]).tolist() == [0, 1]
    assert prior.cdf(np.nextafter(lower, -np.inf)) == 0
    if prior.has_density:
        outside = [-np.inf, np.inf, np.nextafter(lower, -np.inf), np.nextafter(upper, np.inf)]
        assert np.all(np.isneginf(prior.logpdf(outside)))
        assert np.all(prior.pdf(outside) == 0)


@pytest.mark.parametrize(
    ("prior", "density"),
    [
        (HalfNormal(2), 1 / math.sqrt(2 * math.pi)),
        (HalfStudentT(3, 2), 2 / (math.pi * math.sqrt(3))),
        (HalfCauchy(2), 1 / math.pi),
        (HalfLogistic(2), 0.25),
        (Rayleigh(2), 0),
        (Uniform(0, 4), 0.25),
        (Exponential(3), 3),
        (Gamma(0.5, 1), math.inf),
        (Gamma(1, 3), 3),
        (Gamma(2, 1), 0),
        (InvGamma(1, 0.15), 0),
        (LogNormal(0, 1), 0),
        (LogStudentT(5, 0, 1), math.inf),
        (Lomax(5, 2), 2.5),
        (OnVariance(Gamma(0.5, 0.5)), math.sqrt(2 / math.pi)),
        (OnVariance(Gamma(0.4, 1)), math.inf),
        (OnVariance(Gamma(0.6, 1)), 0),
        (OnVariance(HalfNormal(1)), 0),
        (OnVariance(InvGamma(1, 1)), 0),
        (OnVariance(LogNormal(0, 1)), 0),
        (OnVariance(LogStudentT(5, 0, 1)), math.inf),
        (OnVariance(Uniform(1, 2)), 0),
        (OnVariance(Mixture([(0.5, Gamma(0.5, 0.5)), (0.5, InvGamma(1, 1))])), 0.5 * math.sqrt(2 / math.pi)),
        (Mixture([(0.25, HalfCauchy(2)), (0.75, InvGamma(1, 1))]), 0.25 / math.pi),
        (Mixture([(0.25, LogStudentT(5, 0, 1)), (0.75, HalfNormal(1))]), math.inf),
    ],
    ids=str,
)
def test_density_at_zero(prior, density):
    log_density = math.log(density) if density else -math.inf
    rounding = {"rtol": 1e-11, "atol": 1e-11}  # OnVariance takes the limit at log(tau) = -1e4
    np.testing.assert_allclose(prior.logpdf([0.0, -0.0]), log_density, **rounding)
    np.testing.assert_allclose(prior.pdf(0), density, **rounding)


@pytest.mark.parametrize(
    ("prior", "x", "log_density"),
    [
        (Normal(0, 1), -60, -1800 - 0.5 * math.log(2 * math.pi)),
        (HalfNormal(1), 50, -1250 + 0.5 * math.log(2 / math.pi)),
        (HalfLogistic(1), 2000, math.log(2) - 2000),
        (Rayleigh(1), 100, math.log(100) - 5000),
        (Exponential(3), 1e4, math.log(3) - 3e4),
        (Gamma(2, 1), 1e5, math.log(1e5) - 1e5),
        (InvGamma(2, 1), 1e-4, -1e4 + 3 * math.log(1e4)),
        (Cauchy(0, 1), 1e200, -math.log(math.pi) - 400 * math.log(10)),
        (HalfCauchy(1), 1e200, math.log(2 / math.pi) - 400 * math.log(10)),
        (StudentT(3, 0, 1), -1e150, math.log(6 * math.sqrt(3) / math.pi) - 600 * math.log(10)),
        (HalfStudentT(3, 1), 1e150, math.log(12 * math.sqrt(3) / math.pi) - 600 * math.log(10)),
        (StudentT(1e12, 0, 1), 2, -2 - 0.5 * math.log(2 * math.pi)),
        (Lomax(5, 1), 1e60, math.log(5) - 360 * math.log(10)),
        (LogNormal(0, 1), 1e-300, FAR * (1 - FAR / 2) - 0.5 * math.log(2 * math.pi)),
        (OnVariance(LogNormal(0, 2)), 1e-300, FAR * (1 - FAR / 2) - 0.5 * math.log(2 * math.pi)),
        (OnVariance(Gamma(0.5, 0.5)), 1e-300, 0.5 * math.log(2 / math.pi)),
        (OnVariance(Gamma(0.25, 1)), 1e-300, math.log(2 / math.gamma(0.25)) + FAR / 2),
        (OnVariance(LogStudentT(1, 0, 2)), 1e-300, FAR - math.log(math.pi) - math.log1p(FAR**2)),
        (Mixture([(0.5, Normal(0, 1)), (0.5, Normal(0, 2))]), 80, -800 - math.log(32 * math.pi) / 2),
    ],
    ids=str,
)  # fmt: skip
def test_log_density_far_out(prior, x, log_density):
    """Closed forms of the tails, most of them where the density itself is too small for a float."""
    np.testing.assert_allclose(prior.logpdf(x), log_density, rtol=1e-11)


@pytest.mark.parametrize(
    ("prior", "x", "tail"),
    [
        (HalfStudentT(0.5, 1), 1e12, 2 * stats.t(0.5).sf(1e12)),
        (HalfCauchy(1), 1e9, 2e-9 / math.pi),
        (Lomax(1, 1), 1e9, 1e-9),
        (InvGamma(1, 1), 1e9, 1e-9),
    ],
    ids=str,
)
def test_heavy_upper_tails(prior, x, tail):
    """The probability above x is right to the rounding of numbers near 1."""
    np.testing.assert_allclose(1 - prior.cdf(x), tail, rtol=0, atol=3e-16)
    np.testing.assert_allclose(prior.ppf(prior.cdf(x)), x, rtol=4e-16 / tail)


def test_the_last_quantile_before_one():
    tail = 2.0**-53
    np.testing.assert_allclose(HalfCauchy(1).ppf(1 - tail), 2 / (math.pi * tail), rtol=1e-14)
    np.testing.assert_allclose(Cauchy(0, 1).ppf(1 - tail), 1 / (math.pi * tail), rtol=1e-14)


def test_lower_tail_of_the_cauchy():
    np.testing.assert_allclose(Cauchy(0, 1).cdf(-1e300), 1e-300 / math.pi, rtol=1e-14)
    np.testing.assert_allclose(Cauchy(0, 1).ppf(1e-300), -1e300 / math.pi, rtol=1e-14)
    assert abs(Cauchy(0, 1).ppf(0.5)) < 1e-15


@pytest.mark.parametrize(
    ("prior", "mean", "sd"),
    [
        (Cauchy(0, 1), math.nan, math.nan),
        (StudentT(1, 0, 1), math.nan, math.nan),
        (StudentT(1.5, 2, 1), 2, math.inf),
        (StudentT(2, 2, 1), 2, math.inf),
        (Flat(), math.nan, math.nan),
        (HalfCauchy(1), math.inf, math.inf),
        (HalfStudentT(1, 1), math.inf, math.inf),
        (HalfStudentT(2, 1), math.sqrt(2), math.inf),
        (InvGamma(1, 0.15), math.inf, math.inf),
        (InvGamma(2, 0.15), 0.15, math.inf),
        (Lomax(1, 1), math.inf, math.inf),
        (Lomax(2, 1), 1, math.inf),
        (LogStudentT(5, 0, 1), math.inf, math.inf),
        (LogNormal(0, 100), math.inf, math.inf),
        (PointMass(-2), -2, 0),
        (OnVariance(InvGamma(0.5, 1)), math.inf, math.inf),
        (OnVariance(InvGamma(1, 1)), math.sqrt(math.pi), math.inf),
        (OnVariance(HalfCauchy(4)), 2 * math.sqrt(2), math.inf),
        (Mixture([(0.5, HalfCauchy(1)), (0.5, HalfNormal(1))]), math.inf, math.inf),
        (Mixture([(0.5, Cauchy(0, 1)), (0.5, Normal(0, 1))]), math.nan, math.nan),
        (Mixture([(0.5, StudentT(2, 3, 1)), (0.5, Normal(1, 1))]), 2, math.inf),
    ],
    ids=str,
)
def test_moments_that_do_not_exist(prior, mean, sd):
    np.testing.assert_allclose(prior.moments(), (mean, sd), rtol=1e-12)


def test_no_parameter_is_too_large_for_the_moments():
    huge = [
        HalfStudentT(3, 1e200),
        LogNormal(1e3, 1e200),
        Uniform(0, 1e308),
        Mixture([(1, Normal(0, 1e300))]),
    ]
    for prior in [*huge, OnVariance(Uniform(0, 1e300)), OnVariance(Gamma(1e300, 1))]:
        assert prior.moments().mean >= 0


def test_improper_and_discrete_priors_refuse_what_they_lack():
    assert not Flat().is_proper
    np.testing.assert_array_equal(Flat().logpdf([-1e6, 0, np.inf]), [0, 0, -np.inf])
    for refused in (Flat().cdf, Flat().ppf, lambda q: Flat().rvs(1, seed=1)):
        with pytest.raises(SpecificationError, match=r"^Flat\(\).(cdf|ppf|rvs): .*does not integrate to one"):
            refused(0.5)
    spiked = Mixture([(0.5, PointMass(0)), (0.5, Normal(0, 1))])
    for prior in (PointMass(0), spiked):
        assert prior.is_proper
        assert not prior.has_density
        for refused in (prior.pdf, prior.logpdf):
            with pytest.raises(SpecificationError, match="a point mass has no density"):
                refused(0.5)


@all_of([*CONTINUOUS, *IMPROPER_OR_DISCRETE])
def test_priors_are_values(prior):
    assert copy.copy(prior) == prior
    assert pickle.loads(pickle.dumps(prior)) == prior
    assert hash(copy.deepcopy(prior)) == hash(prior)
    assert not hasattr(prior, "__dict__")
    fields = [field.name for field in dataclasses.fields(prior)]
    for name in fields:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(prior, name, 1.0)
    assert dataclasses.replace(prior, **{name: getattr(prior, name) for name in fields}) == prior


def test_equality_is_by_family_and_value():
    assert HalfNormal(1) == HalfNormal(np.float64(1.0))
    assert HalfNormal(1) != HalfNormal(1.1)
    assert HalfNormal(1) != HalfCauchy(1)
    assert type(HalfNormal(np.int64(1)).scale) is float
    assert dataclasses.replace(Normal(0, 1), sd=2) == Normal(0, 2)


BAD = [0, -1, math.inf, math.nan, "1", None, True, 1j, 10**400, np.array([1.0])]


@pytest.mark.parametrize(
    ("family", "good", "positive"),
    [
        (Normal, {"mean": 0, "sd": 1}, {"sd"}),
        (StudentT, {"nu": 4, "mean": 0, "scale": 1}, {"nu", "scale"}),
        (Cauchy, {"mean": 0, "scale": 1}, {"scale"}),
        (PointMass, {"value": 0}, set()),
        (HalfNormal, {"scale": 1}, {"scale"}),
        (HalfStudentT, {"nu": 4, "scale": 1}, {"nu", "scale"}),
        (HalfCauchy, {"scale": 1}, {"scale"}),
        (HalfLogistic, {"scale": 1}, {"scale"}),
        (Rayleigh, {"scale": 1}, {"scale"}),
        (Uniform, {"lower": -2, "upper": 1}, set()),
        (Exponential, {"rate": 1}, {"rate"}),
        (Gamma, {"shape": 1, "rate": 1}, {"shape", "rate"}),
        (InvGamma, {"shape": 1, "scale": 1}, {"shape", "scale"}),
        (LogNormal, {"meanlog": 0, "sdlog": 1}, {"sdlog"}),
        (LogStudentT, {"nu": 4, "location": 0, "scale": 1}, {"nu", "scale"}),
        (Lomax, {"shape": 1, "scale": 1}, {"shape", "scale"}),
    ],
)
def test_parameters_are_checked(family, good, positive):
    assert list(good) == [field.name for field in dataclasses.fields(family)]
    family(**good)
    for name in good:
        bad = BAD if name in positive else BAD[2:]
        allowed = "must be positive and finite" if name in positive else "must be a finite number"
        for value in bad:
            with pytest.raises(SpecificationError, match=rf"^{family.__name__}\({name}=.*\): {name} {allowed}\.$"):
                family(**good | {name: value})


def test_messages_of_the_checks():
    with pytest.raises(SpecificationError) as refused:
        HalfNormal(-1)
    assert str(refused.value) == "HalfNormal(scale=-1): scale must be positive and finite."
    with pytest.raises(SpecificationError) as refused:
        Uniform(2, 1)
    assert str(refused.value) == "Uniform(upper=1): upper must exceed lower, which is 2, by a finite amount."
    for bounds in [(1, 1), (-1e308, 1e308)]:
        with pytest.raises(SpecificationError, match="by a finite amount"):
            Uniform(*bounds)


def test_public_names():
    assert bmp.__all__ == sorted(bmp.__all__, key=lambda name: (not name.isupper(), name))
    for name, family in bmp.FAMILIES.items():
        assert getattr(bmp, name) is family
        assert name in bmp.__all__
        assert issubclass(family, Prior)
        assert ">>>" in family.__doc__
