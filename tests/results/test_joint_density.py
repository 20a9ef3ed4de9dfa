"""The joint density of mu and tau against products of normal densities, and its levels against areas on a grid."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import cauchy, halfnorm, multivariate_normal, norm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.results.joint_density import evaluate

SCHOOLS = bm.load_dataset("eight_schools")
MODEL = bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.HalfNormal(10))
MU, TAU = np.linspace(-70, 90, 1601), np.linspace(0, 70, 1401)
DOSE = np.array([0.0, 1.0, 3.0, 1.5])
DOSES = bm.Estimates(y=[0.3, -0.4, 1.1, 0.2], se=[0.4, 0.3, 0.6, 0.5], covariates={"dose": DOSE})


def trapezoid(density, x, tau):
    edge = np.ones(tau.size)
    edge[[0, -1]] = 0.5
    return density * edge[:, None] * (x[1] - x[0]) * (tau[1] - tau[0])


def likelihood(mu, tau):
    pairs = zip(SCHOOLS.y, SCHOOLS.se, strict=True)
    return np.prod([norm.pdf(y, mu, np.hypot(se, tau[:, None])) for y, se in pairs], axis=0)


@pytest.mark.parametrize(
    ("model", "prior"),
    [
        (MODEL, lambda mu, tau: norm.pdf(mu, 0, 20) * halfnorm(scale=10).pdf(tau)[:, None]),
        (
            bm.NormalNormal(mu=bm.Mixture([(0.7, bm.Normal(0, 2)), (0.3, bm.Normal(15, 5))]), tau=bm.HalfNormal(10)),
            lambda mu, tau: (
                (0.7 * norm.pdf(mu, 0, 2) + 0.3 * norm.pdf(mu, 15, 5)) * halfnorm(scale=10).pdf(tau)[:, None]
            ),
        ),
        (
            bm.NormalNormal(mu=bm.Normal(0, 20), tau=bm.Mixture([(0.4, bm.HalfNormal(2)), (0.6, bm.Uniform(1, 30))])),
            lambda mu, tau: (
                norm.pdf(mu, 0, 20)
                * (0.4 * halfnorm(scale=2).pdf(tau) + 0.6 * ((tau >= 1) & (tau <= 30)) / 29)[:, None]
            ),
        ),
    ],
    ids=["normal", "mixture on mu", "mixture on tau"],
)
def test_equals_prior_times_likelihood(model, prior):
    mu, tau = np.array([-20.0, 0.0, 7.3, 8.0, 40.0]), np.array([0.0, 0.5, 1.0, 5.0, 20.0, 30.0, 31.0])
    result = bm.fit(SCHOOLS, model)
    want = prior(mu, tau) * likelihood(mu, tau) / np.exp(result.fit.log_evidence)
    assert_allclose(result.joint_density(mu, tau).density, want, rtol=1e-8, atol=1e-300)


def test_integrates_to_one_and_to_its_marginals():
    result = bm.fit(SCHOOLS, MODEL)
    joint = result.joint_density(MU, TAU)
    mass = trapezoid(joint.density, MU, TAU)
    assert joint.density.shape == (TAU.size, MU.size)
    assert_allclose(mass.sum(), 1, atol=1e-6)
    assert_allclose((mass.sum(axis=1) / (TAU[1] - TAU[0]))[1:-1], result.marginal("tau").pdf(TAU)[1:-1], rtol=1e-5)
    assert_allclose(mass.sum(axis=0) / (MU[1] - MU[0]), result.marginal("mu").pdf(MU), rtol=1e-4, atol=1e-7)


def test_reference_priors():
    """Flat mu and Jeffreys' prior on tau, normalised by adaptive integrals."""
    y, v = SCHOOLS.y, SCHOOLS.v

    def jeffreys(tau):
        return np.sqrt(((tau / (v + tau**2)) ** 2).sum())

    def over_mu(u):
        tau = np.exp(u)
        w = 1 / (v + tau**2)
        rest = ((y - (w * y).sum() / w.sum()) ** 2 * w).sum()
        return jeffreys(tau) * tau * np.sqrt(np.prod(w / (2 * np.pi)) * 2 * np.pi / w.sum()) * np.exp(-0.5 * rest)

    total = quad(over_mu, -25, 25, points=[0, 2, 4], epsabs=0, epsrel=1e-11, limit=500)[0]
    tau = np.array([0.1, 3.0, 12.0])
    want = np.array([jeffreys(t) for t in tau])[:, None] * likelihood(np.array([2.0, 9.0]), tau) / total
    got = bm.fit(SCHOOLS, bm.NormalNormal(tau=bm.Jeffreys())).joint_density([2, 9], tau).density
    assert_allclose(got, want, rtol=1e-8)


@pytest.mark.parametrize("shift", [0.0, 1e6], ids=["near zero", "far from zero"])
def test_a_coefficient_of_a_regression(shift):
    """With mu integrated out by its covariance: y - dose beta is normal given tau and beta."""
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(shift, 2), tau=bm.HalfNormal(0.5), beta={"dose": bm.Cauchy(0, 1)}
    )
    data = bm.Estimates(y=DOSES.y + shift, se=DOSES.se, covariates=DOSES.covariates)
    beta, tau = np.array([-0.7, 0.0, 0.4]), np.array([0.0, 0.2, 1.3])
    result = bm.fit(data, model, tolerance=1e-6)

    def joint(b, t):
        C = np.diag(DOSES.v + t**2) + 4 * np.ones((4, 4))
        density = multivariate_normal(np.zeros(4), C).pdf(DOSES.y - DOSE * b)
        return density * cauchy.pdf(b) * halfnorm(scale=0.5).pdf(t)

    got = result.joint_density(beta, tau, coefficient="dose").density
    want = np.array([[joint(b, t) for b in beta] for t in tau]) / np.exp(result.fit.log_evidence)
    assert_allclose(got, want, rtol=2e-7)  # the rule behind a Cauchy prior, and rounding of y


@pytest.mark.parametrize("prob", [0.1, 0.5, 0.9, 0.99])
def test_level_encloses_its_probability(prob):
    joint = bm.fit(SCHOOLS, MODEL).joint_density(MU, TAU)
    mass = trapezoid(joint.density, MU, TAU)
    assert_allclose(mass[joint.density > joint.level(prob)].sum(), prob, atol=1e-3)


def test_level_does_not_depend_on_the_grid_and_scales():
    one = bm.fit(SCHOOLS, MODEL).joint_density([0], [1])
    big = bm.Estimates(y=10 * SCHOOLS.y, se=10 * SCHOOLS.se)
    other = bm.fit(big, bm.NormalNormal(mu=bm.Normal(0, 200), tau=bm.HalfNormal(100))).joint_density(MU, TAU)
    assert_allclose(other.level(0.9), one.level(0.9) / 100, rtol=5e-3)  # 3e-4 in probability


def test_level_under_a_prior_with_heavy_tails():
    """A closed form: with one study far less precise than the prior, mu and tau keep their prior."""
    data = bm.Estimates(y=[0.0], se=[1e6])
    joint = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(3))).joint_density([0], [1])
    # mu^2/4 + tau^2/9 is chi-square on two degrees of freedom, and the density falls with it
    want = 2 / (2 * np.pi * 2 * 3) * (1 - np.array([0.2, 0.5, 0.95]))
    assert_allclose([joint.level(p) for p in (0.2, 0.5, 0.95)], want, rtol=2e-3)


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (bm.NormalNormal(tau=bm.PointMass(1)), ([0], [1]), "the prior on tau has a point mass"),
        (
            bm.NormalNormal(mu=bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))]), tau=bm.HalfNormal(1)),
            ([0], [1]),
            "the prior on mu has a point mass",
        ),
        (MODEL, ([0], [-1]), "at least 0; got -1"),
        (MODEL, ([[0]], [1]), "mu: give a vector"),
        (MODEL, ([0], [np.inf]), "tau: give a vector of finite numbers"),
        (MODEL, ([0], [1], "dose"), "no coefficient 'dose'"),
    ],
)
def test_refusals(model, arguments, message):
    result = bm.fit(SCHOOLS, model)
    with pytest.raises(SpecificationError, match=message):
        result.joint_density(*arguments)


def test_level_needs_a_probability():
    with pytest.raises(SpecificationError, match="prob=95"):
        bm.fit(SCHOOLS, MODEL).joint_density([0], [1]).level(95)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (bm.NormalNormal(tau=bm.HalfCauchy(0.5)), "mu"),
        (bm.NormalNormal(tau=bm.Gamma(0.6, 1), mu=bm.StudentT(4, 0, 1)), "mu"),
        (
            bm.NormalNormal(tau=bm.Lomax(1, 0.1), mu=bm.Mixture([(0.5, bm.Normal(0, 0.01)), (0.5, bm.Normal(3, 1))])),
            "mu",
        ),
        (bm.NormalNormal(formula="1 + dose", tau=bm.Uniform(0.1, 2)), "dose"),
        (bm.NormalNormal(tau=bm.Mixture([(0.8, bm.HalfNormal(0.1)), (0.2, bm.Uniform(1, 3))])), "mu"),
    ],
    ids=str,
)
def test_level_encloses_its_share_of_draws(model, name):
    """Few studies, heavy tails, a density without bound at zero, two modes: by 20,000 independent draws."""
    result = bm.fit(DOSES, model, draws=5_000)
    x, tau = result.draws(name).reshape(-1, 1), result.draws("tau").ravel()
    density = evaluate(result.fit, name, x, tau)[:, 0]
    joint = result.joint_density([0], [1], name)
    for prob in (0.5, 0.9, 0.99):
        mcse = np.sqrt(prob * (1 - prob) / x.size)
        assert abs((density > joint.level(prob)).mean() - prob) < 4 * mcse + 3e-4
