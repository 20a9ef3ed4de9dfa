"""The density of u = log(tau), which integrals over tau use: right at any size of tau, without a warning.

The witness is the density written out in decimal arithmetic of 60 digits, which neither overflows nor underflows.
"""

from __future__ import annotations

import decimal
import math

import numpy as np
import pytest

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import (
    BergerDeely,
    Conventional,
    CustomScale,
    DuMouchel,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfLogistic,
    HalfNormal,
    HalfStudentT,
    ImproperUniform,
    InvGamma,
    ISquared,
    Jeffreys,
    LogNormal,
    LogStudentT,
    Lomax,
    Mixture,
    OnVariance,
    OverallJeffreys,
    PointMass,
    Rayleigh,
    SqrtUniform,
    Uniform,
    UniformShrinkage,
)


def dec(x):
    """Exact decimal value of a float or text."""
    return decimal.Decimal(x)


PI = dec("3.14159265358979323846264338327950288419716939937510582097494459")
V = (0.04, 0.25, 9.0)


def half_t(nu, scale):
    """Density of |t| for 3 degrees of freedom, whose constant needs no gamma function."""
    assert nu == 3
    return lambda t: (4 / (PI * dec(3).sqrt() * dec(scale))).ln() - 2 * (1 + (t / dec(scale)) ** 2 / 3).ln()


def log_normal(meanlog, sdlog):
    return lambda t: (
        -(((t.ln() - dec(meanlog)) / dec(sdlog)) ** 2) / 2 - (2 * PI).sqrt().ln() - dec(sdlog).ln() - t.ln()
    )


def log_t3(location, scale):
    return lambda t: (
        (2 / (PI * dec(3).sqrt() * dec(scale))).ln()
        - 2 * (1 + ((t.ln() - dec(location)) / dec(scale)) ** 2 / 3).ln()
        - t.ln()
    )


def lomax(shape, scale):
    return lambda t: (dec(shape) / dec(scale)).ln() - (dec(shape) + 1) * (1 + t / dec(scale)).ln()


def half_normal(scale):
    return lambda t: (2 / PI).sqrt().ln() - dec(scale).ln() - (t / dec(scale)) ** 2 / 2


def on_variance(log_density):
    return lambda t: (2 * t).ln() + log_density(t * t)


def total(power):
    return lambda t: sum((dec(v) + t * t) ** -power for v in V)


def product(power):
    return lambda t: math.prod(dec(v) + t * t for v in V) ** (dec(power) / len(V))


FAMILIES = [
    (HalfNormal(0.7), half_normal(0.7)),
    (HalfStudentT(3, 0.4), half_t(3, 0.4)),
    (HalfCauchy(0.3), lambda t: (2 / (PI * dec(0.3))).ln() - (1 + (t / dec(0.3)) ** 2).ln()),
    (HalfNormal(1e-200), half_normal(1e-200)),
    (HalfCauchy(1e-9), lambda t: (2 / (PI * dec(1e-9))).ln() - (1 + (t / dec(1e-9)) ** 2).ln()),
    (HalfLogistic(0.6), lambda t: (2 / dec(0.6)).ln() - t / dec(0.6) - 2 * (1 + (-t / dec(0.6)).exp()).ln()),
    (Rayleigh(0.5), lambda t: t.ln() - 2 * dec(0.5).ln() - (t / dec(0.5)) ** 2 / 2),
    (Uniform(0, 4), lambda t: -dec(4).ln() if t <= 4 else dec("-Infinity")),
    (Uniform(1, 4), lambda t: -dec(3).ln() if 1 <= t <= 4 else dec("-Infinity")),
    (Exponential(2.5), lambda t: dec(2.5).ln() - dec(2.5) * t),
    (Gamma(3, 4), lambda t: 3 * dec(4).ln() + 2 * t.ln() - 4 * t - dec(2).ln()),
    (Gamma(0.5, 4), lambda t: dec(4).ln() / 2 - t.ln() / 2 - 4 * t - PI.ln() / 2),
    (InvGamma(3, 0.4), lambda t: 3 * dec(0.4).ln() - 4 * t.ln() - dec(0.4) / t - dec(2).ln()),
    (LogNormal(-1.28, 0.87), log_normal(-1.28, 0.87)),
    (LogStudentT(3, -1.5, 1.08), log_t3(-1.5, 1.08)),
    (Lomax(5, 2), lomax(5, 2)),
    (OnVariance(HalfNormal(0.7)), on_variance(half_normal(0.7))),
    (OnVariance(LogNormal(-2.56, 1.74)), on_variance(log_normal(-2.56, 1.74))),
    (OnVariance(OnVariance(Lomax(1, 2))), on_variance(on_variance(lomax(1, 2)))),
    (
        Mixture([(0.25, HalfNormal(0.7)), (0.75, Lomax(5, 2))]),
        lambda t: (half_normal(0.7)(t).exp() / 4 + 3 * lomax(5, 2)(t).exp() / 4).ln(),
    ),
    (Jeffreys().given(V), lambda t: (t * t * total(2)(t)).sqrt().ln()),
    (OverallJeffreys().given(V), lambda t: (t * t * total(2)(t) * total(1)(t)).sqrt().ln()),
    (SqrtUniform().given(V), lambda t: -t.ln() / 2),
    (ImproperUniform().given(V), lambda t: dec(0)),
    (BergerDeely().given(V), lambda t: (t / product(1)(t)).ln()),
    (DuMouchel().given([4, 4]), lambda t: (2 / (2 + t) ** 2).ln()),
    (UniformShrinkage().given([4, 4]), lambda t: (8 * t / (4 + t * t) ** 2).ln()),
    (ISquared().given([4, 4]), lambda t: (8 * t / (4 + t * t) ** 2).ln()),
    (Conventional().given([4, 4]), lambda t: (2 * t).ln() - 3 * (4 + t * t).ln() / 2),
    (CustomScale(lambda t: -2 * np.log(2 + t), "DuMouchel"), lambda t: (2 / (2 + t) ** 2).ln()),
]
IDS = [str(prior) for prior, _ in FAMILIES]
U = np.array([-350.0, -349.7, -200.3, -60.1, -10.2, -3.1, -1.0, -0.1, 0.0, 0.3, 1.2, 1.5, 3.3, 8.7, 60.4, 200.2, 350.0])


@pytest.mark.parametrize(("prior", "log_density"), FAMILIES, ids=IDS)
def test_log_density_of_log_tau_matches_decimal_arithmetic(prior, log_density):
    context = decimal.Context(prec=60, Emin=-decimal.MAX_EMAX, Emax=decimal.MAX_EMAX, traps=[])
    with decimal.localcontext(context):
        want = [float(dec(u) + log_density(dec(u).exp())) for u in U.tolist()]
    got = prior._logpdf_of_log(U)
    assert not np.isnan(got).any()
    np.testing.assert_allclose(got, want, rtol=3e-13, atol=3e-13)  # rounding of u, up to 350, times powers of tau


@pytest.mark.parametrize("prior", [prior for prior, _ in FAMILIES], ids=IDS)
def test_log_density_of_log_tau_is_that_of_tau_times_tau(prior):
    u = np.linspace(-12, 12, 101)
    with np.errstate(over="ignore"):
        want = u + prior.logpdf(np.exp(u))
    np.testing.assert_allclose(prior._logpdf_of_log(u), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("prior", [prior for prior, _ in FAMILIES], ids=IDS)
def test_any_shape_of_u_gives_numbers_and_no_warning(prior):
    u = np.linspace(-350, 350, 1400).reshape(2, 7, 100)
    got = prior._logpdf_of_log(u)
    assert got.shape == u.shape
    assert np.all(got < np.inf)  # and so not nan
    np.testing.assert_array_equal(got[1, 3], prior._logpdf_of_log(u[1, 3]))
    assert np.ndim(prior._logpdf_of_log(0.5)) == 0


def test_a_point_mass_has_no_density_on_the_log_scale_either():
    for prior in (PointMass(1), Mixture([(0.5, PointMass(1)), (0.5, HalfNormal(1))])):
        with pytest.raises(SpecificationError, match="a point mass has no density"):
            prior._logpdf_of_log(np.zeros(2))
