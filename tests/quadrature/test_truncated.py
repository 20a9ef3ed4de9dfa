"""Truncated priors on a coefficient: versus SciPy's integrals over mu and tau, published Bayes factors, and NUTS."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy.integrate import quad
from scipy.stats import invgamma, multivariate_normal, norm, truncnorm

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.quadrature import cut

# Seven log odds ratios, and the six standardised differences of Gronau et al. (2017), Compr. Results Soc. Psychol. 2:123-138,
# doi:10.1080/23743603.2017.1326760, as metaBMA's test of them has them (tests/testthat/test_gronau2017powerpose.R).
Y = np.array([0.381, 0.305, 0.206, 0.251, 0.288, -0.122, -1.462])
SE = np.array([0.198, 0.136, 0.192, 0.170, 0.824, 0.248, 0.760])
POSE_Y = [
    0.250764017924524,
    0.227517972804145,
    0.318606850192274,
    0.28320818574983,
    0.146394854929443,
    0.15097732711972,
]
POSE_SE = [
    0.207139918036344,
    0.193104616308138,
    0.142322788099776,
    0.142135559910985,
    0.141610658616767,
    0.122116593013658,
]
UP = bm.Truncated(bm.Normal(0, 0.3), 0, math.inf)
_X, _W = leggauss(400)


def _fit(mu, tau=None, y=Y, se=SE, **more):
    return bm.fit(bm.Estimates(y, se), bm.NormalNormal(mu=mu, tau=tau or bm.InvGamma(1, 0.15), **more), "quadrature")


class _Grid:
    """The posterior of mu and tau on Gauss-Legendre nodes, mu over its support and tau over its logarithm: SciPy's densities."""

    def __init__(self, log_mu, log_tau, low, high, y=Y, se=SE):
        self.mu = 0.5 * (low + high) + 0.5 * (high - low) * _X
        u = -6.0 + 7.5 * (_X + 1) / 2 * 1.2
        self.tau = np.exp(u)
        mu, tau = self.mu[:, None], self.tau[None, :]
        log_p = log_mu(mu) + log_tau(tau) + np.log(tau)
        for yi, si in zip(y, se, strict=True):
            log_p = log_p + norm.logpdf(yi, mu, np.hypot(si, tau))
        mass = np.exp(log_p) * _W[:, None] * _W[None, :] * 0.5 * (high - low) * 4.5
        self.evidence = mass.sum()
        self.mass = mass / self.evidence

    def mean(self, values):
        return float((self.mass * values).sum())

    def new_cdf(self, x):
        return self.mean(norm.cdf(x, self.mu[:, None], self.tau[None, :]))

    def study(self, y, se):
        """Means and variances of a study's true effect at the nodes."""
        keep = self.tau**2 / (self.tau**2 + se**2)
        return keep * y + (1 - keep) * self.mu[:, None], keep * se**2


def _witness(y=Y, se=SE, lower=0.0, upper=2.2):
    a, b = lower / 0.3, upper / 0.3
    return _Grid(
        lambda m: truncnorm.logpdf(m, a, math.inf if upper > 2 else b, 0, 0.3),
        lambda t: invgamma.logpdf(t, 1, scale=0.15),
        lower,
        upper,
        y,
        se,
    )


def test_the_directed_bayes_factor_of_seven_odds_ratios():
    null = _fit(bm.PointMass(0))
    factor = _fit(UP).log_marginal_likelihood - null.log_marginal_likelihood
    assert math.exp(factor) == pytest.approx(3.806, abs=5e-4)
    assert 1 / _fit(UP).bayes_factor("mu = 0") == pytest.approx(math.exp(factor), rel=1e-12)


@pytest.mark.parametrize(
    ("mu", "tau", "expected"),
    [  # log marginal likelihoods of quadrature; the article prints the Bayes factors 89.57, 9.374, 191.751 and 20.689
        (bm.Truncated(bm.Cauchy(0, math.sqrt(0.5)), 0, math.inf), None, 1.5500735511916908),
        (bm.Truncated(bm.Cauchy(0, math.sqrt(0.5)), 0, math.inf), bm.PointMass(0), 2.942088247131151),
        (bm.Truncated(bm.StudentT(3, 0.34999, 0.1021), 0, math.inf), None, 2.3416774798445306),
        (bm.Truncated(bm.StudentT(3, 0.34999, 0.1021), 0, math.inf), bm.PointMass(0), 3.703258950488583),
    ],
)
def test_published_bayes_factors_of_power_poses(mu, tau, expected):
    scale = 0.7071 if str(mu).startswith("Truncated(Cauchy") else None
    result = _fit(mu, tau, POSE_Y, POSE_SE)
    null = _fit(bm.PointMass(0), tau, POSE_Y, POSE_SE)
    printed = {(0.7071, False): 9.374, (0.7071, True): 89.57, (None, False): 20.689, (None, True): 191.751}
    factor = math.exp(result.log_marginal_likelihood - null.log_marginal_likelihood)
    assert factor == pytest.approx(printed[scale, tau is not None], rel=6e-5)
    assert result.log_marginal_likelihood == pytest.approx(expected, abs=1e-8)


def test_marginals_claims_and_shrinkage_are_those_of_an_integral_over_mu_and_tau():
    result, witness = _fit(UP), _witness()
    assert result.log_marginal_likelihood == pytest.approx(math.log(witness.evidence), abs=1e-8)
    mu, tau, new = (result.marginal(name) for name in ("mu", "tau", "theta_new"))
    assert (mu.mean(), tau.mean(), new.mean()) == pytest.approx(
        (witness.mean(witness.mu[:, None]), witness.mean(witness.tau), witness.mean(witness.mu[:, None])), rel=1e-8
    )
    second = witness.mean(witness.mu[:, None] ** 2)
    assert mu.sd() == pytest.approx(math.sqrt(second - mu.mean() ** 2), rel=1e-7)
    spread = witness.mean(witness.mu[:, None] ** 2 + witness.tau**2) - mu.mean() ** 2
    assert new.sd() == pytest.approx(math.sqrt(spread), rel=1e-6)
    for x in (-0.4, 0.0, 0.2, 0.7):
        assert new.cdf(x) == pytest.approx(witness.new_cdf(x), abs=1e-8)
        density = witness.mean(norm.pdf(x, witness.mu[:, None], witness.tau))
        assert new.pdf(x) == pytest.approx(density, rel=1e-6)
    np.testing.assert_allclose(new.cdf(new.ppf([0.025, 0.5, 0.975])), [0.025, 0.5, 0.975], atol=1e-12)
    np.testing.assert_allclose(mu.cdf(mu.ppf([0.001, 0.5, 0.975])), [0.001, 0.5, 0.975], atol=1e-12)
    assert mu.cdf(0) == 0
    assert mu.support == (0, math.inf)
    shrinkage = result.shrinkage()
    for i, (y, se) in enumerate(zip(Y, SE, strict=True)):
        means, variances = witness.study(y, se)
        centre = witness.mean(means)
        assert shrinkage["mean"].iloc[i] == pytest.approx(centre, rel=1e-7)
        sd = math.sqrt(witness.mean(variances + (means - centre) ** 2))
        assert shrinkage["sd"].iloc[i] == pytest.approx(sd, rel=1e-6)
        upper = shrinkage["upper"].iloc[i]
        assert witness.mean(norm.cdf(upper, means, np.sqrt(variances))) == pytest.approx(0.975, abs=1e-8)


@pytest.mark.parametrize(
    "claim",
    ["mu > 0.1", "theta_new > 0", "mu < tau", "theta_new > 0 and mu > 0.2", "mu > 0.1 and tau < 0.1", "exp(mu) > 1.2"],
)
def test_claims_are_exact(claim):
    result, low, high = _fit(UP), 0.0, 2.2
    x, w = leggauss(60)

    def inner(a, b, weight=lambda mu, tau: 1.0):
        """Integral over mu from a(tau) to b(tau), and the densities of tau, all SciPy's."""

        def over_mu(tau):
            mu = 0.5 * (a(tau) + b(tau)) + 0.5 * (b(tau) - a(tau)) * _X
            likelihood = np.prod(norm.pdf(Y[:, None], mu, np.hypot(SE, tau)[:, None]), axis=0)
            joint = likelihood * truncnorm.pdf(mu, 0, np.inf, 0, 0.3) * weight(mu, tau)
            return float(joint @ _W) * 0.5 * (b(tau) - a(tau)) * invgamma.pdf(tau, 1, scale=0.15) * tau

        return over_mu

    def integral(over_mu, top=3.0):
        ends = np.linspace(-6.0, top, 7)
        half = 0.5 * (ends[1] - ends[0])
        return sum(half * w @ [over_mu(math.exp(p + half * (1 + xi))) for xi in x] for p in ends[:-1])

    whole = math.exp(result.log_marginal_likelihood)
    cases = {
        "mu > 0.1": lambda: integral(inner(lambda t: 0.1, lambda t: high)),
        "theta_new > 0": lambda: integral(inner(lambda t: low, lambda t: high, lambda m, t: norm.sf(0, m, t))),
        "mu < tau": lambda: integral(inner(lambda t: low, lambda t: min(t, high))),
        "theta_new > 0 and mu > 0.2": lambda: integral(
            inner(lambda t: 0.2, lambda t: high, lambda m, t: norm.sf(0, m, t))
        ),
        "mu > 0.1 and tau < 0.1": lambda: integral(inner(lambda t: 0.1, lambda t: high), math.log(0.1)),
        "exp(mu) > 1.2": lambda: integral(inner(lambda t: math.log(1.2), lambda t: high)),
    }
    assert result.probability_mcse(claim) == 0
    assert result.probability(claim) == pytest.approx(cases[claim]() / whole, abs=2e-8)


def test_data_that_contradict_the_direction_lose_no_digits():
    y, se = -Y - 1.0, SE / 3  # the whole likelihood lies 10 standard errors below zero
    result = _fit(UP, bm.PointMass(0.05), y, se)
    log_joint = lambda m: sum(norm.logpdf(a, m, np.hypot(s, 0.05)) for a, s in zip(y, se, strict=True))  # noqa: E731
    top = log_joint(0.0)

    def integral(function):
        def integrand(m):
            return function(m) * math.exp(log_joint(m) - top) * truncnorm.pdf(m, 0, math.inf, 0, 0.3)

        return quad(integrand, 0, 0.03, epsabs=0, epsrel=1e-12)[0]

    mass = integral(lambda m: 1.0)
    assert result.log_marginal_likelihood == pytest.approx(top + math.log(mass), rel=1e-11)
    mean = integral(lambda m: m) / mass
    assert result.marginal("mu").mean() == pytest.approx(mean, rel=1e-9)
    assert result.marginal("mu").sd() == pytest.approx(math.sqrt(integral(lambda m: (m - mean) ** 2) / mass), rel=1e-8)
    below = integral(lambda m: norm.cdf(0.05, m, 0.05)) / mass
    assert result.marginal("theta_new").cdf(0.05) == pytest.approx(below, rel=1e-9)
    assert result.probability("theta_new > 0.05") == pytest.approx(1 - below, rel=1e-9)
    draws = result.draws("mu")
    assert draws.min() > 0
    assert draws.mean() == pytest.approx(mean, rel=4 / math.sqrt(draws.size))


def _regression(tau, lower, upper):
    """Evidence, and mean and variance of (mu, slope) before the cut, of a regression with known tau, by dense matrices."""
    x = np.arange(7.0) - 3
    X = np.column_stack([np.ones(7), x])
    V = np.diag(SE**2 + tau**2)
    prior = np.diag([0.3**2, 0.5**2])
    covariance = np.linalg.inv(np.linalg.inv(prior) + X.T @ np.linalg.solve(V, X))
    mean = covariance @ X.T @ np.linalg.solve(V, Y)
    log_evidence = multivariate_normal(np.zeros(7), V + X @ prior @ X.T).logpdf(Y)
    posterior, before = norm(mean[0], math.sqrt(covariance[0, 0])), norm(0, 0.3)
    gain = math.log((posterior.cdf(upper) - posterior.cdf(lower)) / (before.cdf(upper) - before.cdf(lower)))
    return x, mean, covariance, log_evidence + gain


@pytest.mark.parametrize(("lower", "upper"), [(0, math.inf), (-math.inf, 0.1), (0.1, 0.3)])
def test_a_slope_beside_a_truncated_mean(lower, upper):
    x, mean, covariance, log_evidence = _regression(0.1, lower, upper)
    result = bm.fit(
        bm.Estimates(Y, SE, covariates={"x": x}),
        bm.NormalNormal(
            mu=bm.Truncated(bm.Normal(0, 0.3), lower, upper),
            beta={"x": bm.Normal(0, 0.5)},
            tau=bm.PointMass(0.1),
            formula="1 + x",
        ),
        "quadrature",
    )
    assert result.log_marginal_likelihood == pytest.approx(log_evidence, rel=1e-12)
    sds = np.sqrt(np.diag(covariance))
    mu = truncnorm((lower - mean[0]) / sds[0], (upper - mean[0]) / sds[0], mean[0], sds[0])
    assert result.marginal("mu").mean() == pytest.approx(mu.mean(), rel=1e-10)
    assert result.marginal("mu").sd() == pytest.approx(mu.std(), rel=1e-8)
    np.testing.assert_allclose(result.marginal("mu").ppf([0.025, 0.5, 0.975]), mu.ppf([0.025, 0.5, 0.975]), rtol=1e-9)
    np.testing.assert_allclose(result.marginal("mu").pdf([0.12, 0.25]), mu.pdf([0.12, 0.25]), rtol=1e-10)
    # the slope is normal given mu
    slope, within = covariance[0, 1] / covariance[0, 0], covariance[1, 1] - covariance[0, 1] ** 2 / covariance[0, 0]
    centre = mean[1] + slope * (mu.mean() - mean[0])
    assert result.marginal("x").mean() == pytest.approx(centre, rel=1e-9)
    assert result.marginal("x").sd() == pytest.approx(math.sqrt(within + slope**2 * mu.var()), rel=1e-9)
    ends = mu.ppf([1e-13, 1 - 1e-13])
    given = lambda m: norm(mean[1] + slope * (m - mean[0]), math.sqrt(within))  # noqa: E731
    nodes = 0.5 * ends.sum() + 0.5 * np.diff(ends) * _X
    weights = 0.5 * np.diff(ends) * _W * mu.pdf(nodes)
    assert result.marginal("x").cdf(0.02) == pytest.approx(weights @ given(nodes).cdf(0.02), abs=1e-11)
    assert result.marginal("x").pdf(0.02) == pytest.approx(weights @ given(nodes).pdf(0.02), rel=1e-9)
    cut_at = 0.5 * (mu.ppf(0.3) + mu.ppf(0.4))
    inner = 0.5 * (ends[0] + cut_at) + 0.5 * (cut_at - ends[0]) * _X
    both = 0.5 * (cut_at - ends[0]) * (_W * mu.pdf(inner)) @ given(inner).cdf(0.02)
    assert result.probability(f"x < 0.02 and mu < {float(cut_at)!r}") == pytest.approx(both, abs=1e-10)
    assert result.probability(f"mu < {float(cut_at)!r} and x < 0.02") == pytest.approx(both, abs=1e-10)
    # x < 0 and mu + x < 0.1 are two directions, neither of which is what is cut: simulated, and says so
    assert result.probability_mcse("x < 0 and mu + x < 0.1") > 0
    draws = result.draws("x")
    assert draws.mean() == pytest.approx(centre, abs=4 * draws.std() / math.sqrt(draws.size))
    assert draws.std() == pytest.approx(result.marginal("x").sd(), rel=4 / math.sqrt(2 * draws.size))


def test_a_spike_beside_half_of_a_slab():
    slab = _fit(UP)
    mixed = _fit(bm.Mixture([(0.4, bm.PointMass(0)), (0.6, UP)]))
    spike = _fit(bm.PointMass(0))
    evidence = [0.4 * math.exp(spike.log_marginal_likelihood), 0.6 * math.exp(slab.log_marginal_likelihood)]
    at_zero = evidence[0] / sum(evidence)
    assert mixed.log_marginal_likelihood == pytest.approx(math.log(sum(evidence)), abs=1e-9)
    assert mixed.probability("mu = 0") == pytest.approx(at_zero, abs=1e-9)
    assert mixed.marginal("mu").cdf(0) == pytest.approx(at_zero, abs=1e-9)
    assert mixed.marginal("mu").ppf(0.5 * at_zero) == 0
    assert mixed.marginal("mu").mean() == pytest.approx((1 - at_zero) * slab.marginal("mu").mean(), rel=1e-8)
    level = at_zero + 0.3 * (1 - at_zero)
    assert mixed.marginal("mu").ppf(level) == pytest.approx(slab.marginal("mu").ppf(0.3), rel=1e-7)
    left = bm.Truncated(bm.Normal(0, 0.3), -math.inf, 0)
    halves = _fit(bm.Mixture([(0.5, UP), (0.5, left)]))
    whole = _fit(bm.Normal(0, 0.3))
    assert halves.log_marginal_likelihood == pytest.approx(whole.log_marginal_likelihood, abs=1e-9)
    np.testing.assert_allclose(halves.marginal("mu").ppf([0.1, 0.5]), whole.marginal("mu").ppf([0.1, 0.5]), atol=1e-8)
    np.testing.assert_allclose(halves.shrinkage()["sd"], whole.shrinkage()["sd"], rtol=1e-8)


def test_without_bounds_nothing_changes():
    for prior in (bm.Normal(0, 0.3), bm.StudentT(4, 0.1, 0.2), bm.Cauchy(0, 0.5)):
        plain, loose = _fit(prior), _fit(bm.Truncated(prior, -50, math.inf))
        inside = 1 - float(prior.cdf(-50))
        assert loose.log_marginal_likelihood == pytest.approx(
            plain.log_marginal_likelihood - math.log(inside), abs=1e-8
        )
        for name in ("mu", "theta_new"):
            np.testing.assert_allclose(
                loose.marginal(name).ppf([0.025, 0.6]), plain.marginal(name).ppf([0.025, 0.6]), atol=1e-7
            )
            assert loose.marginal(name).sd() == pytest.approx(plain.marginal(name).sd(), rel=1e-6)


def test_leaving_a_study_out_is_a_fit_without_it():
    data = bm.Estimates(Y, SE)
    table = bm.leave_one_out(data, bm.NormalNormal(mu=UP, tau=bm.InvGamma(1, 0.15))).table
    full = _fit(UP)
    for i in (1, 6):
        keep = np.arange(7) != i
        others = _fit(UP, y=Y[keep], se=SE[keep])
        witness = _witness(Y[keep], SE[keep])
        density = witness.mean(norm.pdf(Y[i], witness.mu[:, None], np.hypot(SE[i], witness.tau)))
        assert table["elpd"].iloc[i] == pytest.approx(math.log(density), abs=1e-7)
        pit = witness.mean(norm.cdf(Y[i], witness.mu[:, None], np.hypot(SE[i], witness.tau)))
        assert table["pit"].iloc[i] == pytest.approx(pit, abs=1e-7)
        assert table["mu_mean"].iloc[i] == pytest.approx(others.marginal("mu").mean(), rel=1e-7)
        everything = _witness()
        within = everything.mean(norm.pdf(Y[i], everything.mu[:, None], np.hypot(SE[i], everything.tau)))
        assert table["p_loo"].iloc[i] == pytest.approx(math.log(within / density), abs=1e-7)
    assert full.error_bound < 1e-8


def test_a_joint_density_ends_at_the_bound():
    result, witness = _fit(UP), _witness()
    joint = result.joint_density([-0.1, 0.1, 0.3], [0.05, 0.2])
    expected = [
        [
            np.prod(norm.pdf(Y, m, np.hypot(SE, t)))
            * truncnorm.pdf(m, 0, np.inf, 0, 0.3)
            * invgamma.pdf(t, 1, scale=0.15)
            for m in joint.x
        ]
        for t in joint.tau
    ]
    np.testing.assert_allclose(joint.density, np.array(expected) / witness.evidence, rtol=1e-7)


def test_sensitivity_tipping_and_divergence_take_it():
    data, model = bm.Estimates(Y, SE), bm.NormalNormal(mu=UP, tau=bm.InvGamma(1, 0.15))
    wide = bm.Truncated(bm.Normal(0, 1), 0, math.inf)
    surface = bm.prior_sensitivity(data, model, mu=[UP, wide, bm.Normal(0, 0.3)], claim="mu > 0.1")
    table = surface.table()
    fits = [_fit(mu) for mu in (UP, wide, bm.Normal(0, 0.3))]
    np.testing.assert_allclose(table["P(mu > 0.1)"], [one.probability("mu > 0.1") for one in fits], atol=1e-9)
    witness = _witness()
    other = _Grid(
        lambda m: truncnorm.logpdf(m, 0, math.inf, 0, 1), lambda t: invgamma.logpdf(t, 1, scale=0.15), 0.0, 2.2
    )
    kl = float((other.mass * (np.log(other.mass) - np.log(witness.mass))).sum())
    assert table["kl"].iloc[1] == pytest.approx(kl, rel=1e-5)
    assert table["kl"].iloc[2] == math.inf  # it has mass below zero, where the truncated posterior has none
    fixed = bm.tipping_point(data, model, "mu > 0.1", level=0.9)["tau_fixed"].tips
    assert fixed  # at the between-study SD found, the claim has just the level
    for tip in fixed:
        there = _fit(UP, bm.PointMass(tip.value))
        assert there.probability("mu > 0.1") == pytest.approx(0.9, abs=1e-6)


def test_clusters_beside_a_truncated_mean():
    lab = ["a", "a", "b", "b", "c", "d", "d"]
    data = bm.Estimates(Y, SE, covariates={"lab": lab})
    model = bm.TwoScales(bm.NormalNormal(mu=UP, tau=bm.PointMass(0.1)), bm.Cluster("lab"), bm.PointMass(0.2))
    result = bm.fit(data, model, "quadrature")
    same = np.equal.outer(lab, lab)
    V = np.diag(SE**2 + 0.01) + 0.04 * same
    w = np.linalg.inv(V)
    precision = w.sum() + 0.3**-2
    mean, sd = float(w.sum(axis=0) @ Y / precision), precision**-0.5
    exact = truncnorm(-mean / sd, math.inf, mean, sd)
    assert result.marginal("mu").mean() == pytest.approx(exact.mean(), rel=1e-9)
    assert result.marginal("mu").sd() == pytest.approx(exact.std(), rel=1e-8)
    log_evidence = multivariate_normal(np.zeros(7), V + 0.09).logpdf(Y) + math.log(2 * norm.sf(0, mean, sd))
    assert result.log_marginal_likelihood == pytest.approx(log_evidence, rel=1e-11)


def test_two_truncated_priors_and_what_needs_normals_name_a_way_out():
    data = bm.Estimates(Y, SE, covariates={"x": np.arange(7.0)})
    both = bm.NormalNormal(mu=UP, beta={"x": UP}, tau=bm.HalfNormal(1), formula="1 + x")
    with pytest.raises(SpecificationError, match="priors for mu and x are truncated, .* takes one.*engine='nuts'"):
        bm.fit(data, both, "quadrature")
    model = bm.NormalNormal(mu=UP, tau=bm.HalfNormal(1))
    for ask in (
        lambda: bm.fit_batch(Y[None], SE[None], mu=UP, tau=bm.HalfNormal(1)),
        lambda: bm.prior_derivatives(bm.Estimates(Y, SE), model),
    ):
        with pytest.raises(SpecificationError, match="Normal, StudentT or Cauchy|normal and t priors"):
            ask()


@pytest.mark.slow
def test_nuts_agrees(assert_within_mcse):
    exact = _fit(UP)
    drawn = bm.fit(
        bm.Estimates(Y, SE),
        bm.NormalNormal(mu=UP, tau=bm.InvGamma(1, 0.15)),
        "nuts",
        draws=2000,
        chains=4,
        seed=20261201,
    )
    for name in ("mu", "tau", "theta_new"):
        marginal = exact.marginal(name)
        assert_within_mcse(drawn.draws(name), mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06, label=name)


def test_draws_keep_their_spread():
    result = bm.fit(
        bm.Estimates(Y, SE), bm.NormalNormal(mu=UP, tau=bm.InvGamma(1, 0.15)), "quadrature", draws=25_000, chains=4
    )
    for name in ("mu", "tau", "theta_new"):
        draws, exact = result.draws(name).ravel(), result.marginal(name)
        assert draws.mean() == pytest.approx(exact.mean(), abs=4 * exact.sd() / math.sqrt(draws.size))
        level = (draws < exact.ppf(0.9)).mean()
        assert level == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / draws.size))
    theta = np.asarray(result.posterior["theta"])[..., 6].ravel()
    exact = (
        result.marginal("theta[7]") if "7" in result.data.study else result.marginal(f"theta[{result.data.study[6]}]")
    )
    assert (theta < exact.ppf(0.1)).mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / theta.size))


def test_truncated_normals_by_quadrature_in_both_tails():
    fine, by = leggauss(800)
    for a, b in ((0.0, math.inf), (6.0, math.inf), (-1.0, 0.5), (-math.inf, -9.0), (2.0, 2.001)):
        exact, ends = truncnorm(a, b), (np.array(a), np.array(b))
        mean, variance = cut.moments(*ends)
        assert mean == pytest.approx(exact.mean(), rel=1e-11)
        assert variance == pytest.approx(exact.var(), rel=2e-5)  # SciPy's own loses digits where the bounds are close
        u = np.array([1e-6, 0.3, 0.999])
        np.testing.assert_allclose(cut.draw(*ends, u), exact.ppf(u), rtol=1e-9, atol=1e-12)
        for correlation, t in ((0.3, 0.4), (-0.7, -0.2), (0.95, 6.0), (0.9999, 0.1), (0.0, -1.0)):
            rest, low, high = math.sqrt(1 - correlation**2), max(a, -12.0), min(b, 14.0)
            nodes = 0.5 * (low + high) + 0.5 * (high - low) * fine
            density = by * np.exp(-0.5 * (nodes**2 - np.clip(0, a, b) ** 2))
            given = norm.cdf((t - correlation * nodes) / rest)
            expected = float(density @ given / density.sum())
            assert cut.below(np.array(t), np.array(correlation), *ends) == pytest.approx(expected, abs=1e-12)
        assert cut.below(np.array(0.3), np.array(1.0), *ends) == pytest.approx(exact.cdf(0.3), rel=1e-11)
        assert cut.below(np.array(0.3), np.array(-1.0), *ends) == pytest.approx(exact.sf(-0.3), rel=1e-11)
