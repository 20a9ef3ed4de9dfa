"""Likelihood curves: their tables and means against SciPy's quadrature, and normal ones against the conjugate engine."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.quadrature.engine import fit_quadrature
from bayesmeta.quadrature.study_curves.effects import effect_marginal, effect_moments
from bayesmeta.quadrature.study_curves.fit import fit_curves
from bayesmeta.quadrature.study_curves.marginals import marginal
from bayesmeta.quadrature.study_curves.problem import CurvesProblem, obstacle
from bayesmeta.quadrature.study_curves.tables import tabulate
from bayesmeta.results.curves_result import CurvesResult
from bayesmeta.results.quadrature_result import QuadratureResult
from bayesmeta.results.spread_marginal import SpreadMarginal

LEVELS = [0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999]


def normal_tables(y, se):
    y, se = np.asarray(y, float), np.asarray(se, float)
    return tabulate(lambda i, theta: stats.norm.logpdf(theta, y[i], se[i]), y, se)


def zero_cell(i: int, theta: np.ndarray) -> np.ndarray:
    """No event in 50 participants at a known control risk of 12%, and three in 40: a flat tail, and none."""
    risk = -2.0 + theta
    return ((0, 3)[i] * risk - (50, 40)[i] * np.logaddexp(0, risk)) * np.ones_like(theta)


CENTRES, SCALES = np.array([-2.6, 0.05]), np.array([1.4, 0.6])


def test_a_table_follows_its_curve_everywhere():
    tables = tabulate(zero_cell, CENTRES, SCALES)
    x = np.concatenate([np.linspace(-40, 40, 901), [-900.0, 900.0]])
    for i in (0, 1):
        want = zero_cell(i, x)
        np.testing.assert_allclose(tables.log_curve(i, x), want, rtol=1e-13, atol=1e-11)
    assert tables.ends[0, 0] == pytest.approx(1.0, abs=1e-12)  # the flat tail is the top
    assert tables.error < 1e-10


@pytest.mark.parametrize("steps", [0.0, 1e-4, 0.009, 0.011, 0.7, 1.39, 1.41, 2.8, 5.99, 6.01, 40.0, 199.0, 201.0])
@pytest.mark.parametrize("away", [-12.0, -2.0, 0.5, 3.0, 12.0])
def test_a_mean_of_a_curve_is_that_of_adaptive_quadrature(steps, away):
    """On both sides of every switch between rules, which are at so many steps of the grid, and far from the top."""
    tables = tabulate(zero_cell, CENTRES, SCALES)
    for i in (0, 1):
        tau, m = steps * tables.step[i], float(CENTRES[i] + away)
        found = tables.log_means(np.array([[m]]), np.ones((2, 1)), np.array([tau]))[0, i]
        if tau == 0:
            assert found == pytest.approx(zero_cell(i, np.array([m]))[0], abs=1e-11)
            continue
        x = m + tau * np.linspace(-12, 12, 200_001)
        log_f = zero_cell(i, x) + stats.norm.logpdf(x, m, tau)
        mode = x[np.argmax(log_f)]
        width = min(tau, 1.0)
        cuts = [mode + width * k for k in (-40, -15, -6, -3, -1, 0, 1, 3, 6, 15, 40)]
        cuts = sorted({*cuts, *(m + tau * k for k in (-12, -6, -2, 0, 2, 6, 12) if tau > width)})
        value, mean, square = (integral(i, m, tau, float(found), cuts, power) for power in (0, 1, 2))
        assert math.log(value) == pytest.approx(0, abs=2e-9)
        again, centre, variance = tables.moments(i, np.array([m]), np.array([tau]))[0]
        assert again == pytest.approx(found, abs=2e-9)
        assert centre == pytest.approx(mean / value, abs=1e-9 * (1 + abs(mean)))
        assert variance == pytest.approx(square / value - (mean / value) ** 2, rel=1e-6, abs=1e-8)


def integral(i: int, m: float, tau: float, log_scale: float, cuts: list[float], power: int) -> float:
    """Of a power of theta times curve and normal density, over exp(log_scale), by SciPy."""

    def integrand(t: float) -> float:
        return t**power * math.exp(zero_cell(i, np.array([t]))[0] + stats.norm.logpdf(t, m, tau) - log_scale)

    return sum(integrate.quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in itertools.pairwise(cuts))


def test_draws_of_an_effect_have_its_distribution():
    tables, rng = tabulate(zero_cell, CENTRES, SCALES), np.random.default_rng(1)
    m, tau = np.full(200_000, -1.0), np.full(200_000, 1.5)
    for i in (0, 1):
        _, mean, variance = tables.moments(i, m[:1], tau[:1])[0]
        drawn = tables.draw(i, m, tau, rng)
        assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / drawn.size))
        spread = stats.bootstrap((drawn[:2000],), np.std, n_resamples=200, rng=rng).standard_error * math.sqrt(
            2000 / drawn.size
        )
        assert drawn.std() == pytest.approx(math.sqrt(variance), abs=4 * spread)


NORMAL = {
    "three": ([0.1, 0.5, -0.2], [0.1, 0.2, 0.3], bm.Normal(0, 1), bm.HalfNormal(0.5)),
    "conflict": ([0.0, 3.0], [0.05, 0.1], bm.Normal(0, 2), bm.HalfNormal(0.1)),
    "wide prior": ([1.0, 1.4, 0.2, 2.0], [0.3] * 4, bm.Normal(0, 100), bm.HalfCauchy(1)),
    "narrow prior": ([1.0, 1.4, 0.2, 2.0], [0.3] * 4, bm.Normal(0, 0.05), bm.HalfNormal(1)),
    "t": ([1.0, 1.4, 0.2, 2.0], [0.3] * 4, bm.StudentT(4, 0, 0.5), bm.HalfNormal(1)),
    "spike and slab": (
        [0.3, 0.6, 0.2], [0.3] * 3, bm.Mixture([(0.5, bm.PointMass(0)), (0.5, bm.Normal(0, 1))]),
        bm.Mixture([(0.3, bm.PointMass(0)), (0.7, bm.HalfNormal(0.5))]),
    ),
    "flat": ([0.3, 0.6, 0.2], [0.3] * 3, bm.Flat(), bm.HalfNormal(1)),
    "one study": ([0.7], [0.2], bm.Normal(0, 1), bm.HalfNormal(0.5)),
    "tau known": ([0.1, 0.5, -0.2], [0.1, 0.2, 0.3], bm.Normal(0, 1), bm.PointMass(0.2)),
    "tau bounded": ([0.1, 0.5, -0.2], [0.1, 0.2, 0.3], bm.Normal(0, 1), bm.Uniform(0, 2)),
    "infinite at zero": ([0.1, 0.5, -0.2], [0.1, 0.2, 0.3], bm.Normal(0, 1), bm.Gamma(0.5, 2)),
}  # fmt: skip


def both(y, se, model, covariates=None):
    """The conjugate engine's result, and that of the same problem by normal curves."""
    data = bm.Estimates(y=y, se=se, covariates=covariates)
    problem = prepare(data, model).gaussian
    conjugate = QuadratureResult(fit_quadrature(problem, 1e-10), model, data, (4, 1000))
    curves = CurvesProblem(tables=normal_tables(y, se), X=problem.X, names=problem.names, priors=dict(problem.priors))
    return conjugate, CurvesResult(fit_curves(curves, 1e-10), model, data, (4, 1000))


@pytest.mark.parametrize("label", NORMAL)
def test_normal_curves_are_the_conjugate_engine(label):
    y, se, mu, tau = NORMAL[label]
    want, found = both(y, se, bm.NormalNormal(mu=mu, tau=tau))
    assert found.fit.log_evidence == pytest.approx(want.fit.log_evidence, abs=1e-8)
    for name in ("mu", "tau", "theta_new"):
        one, other = want.marginal(name), found.marginal(name)
        size = max(one.sd(), 1e-3)
        if math.isfinite(one.mean()) and label != "wide prior":
            assert other.mean() == pytest.approx(one.mean(), abs=1e-8 * size), name
            assert other.sd() == pytest.approx(one.sd(), abs=1e-8 * size), name
        if name == "tau" and label == "tau known":
            continue
        if label != "spike and slab":
            np.testing.assert_allclose(np.asarray(one.cdf(other.ppf(LEVELS))), LEVELS, atol=1e-8, err_msg=name)
        for point in (-0.3, 0.0, 0.21, 0.9):
            assert float(other.cdf(point)) == pytest.approx(float(one.cdf(point)), abs=1e-8), (name, point)
    assert found.error_bound < 1e-6


def test_normal_curves_with_a_covariate_are_the_conjugate_engine():
    y, se = [0.1, 0.5, -0.2, 0.9, 0.4], [0.1, 0.2, 0.3, 0.2, 0.2]
    model = bm.NormalNormal(
        formula="1 + dose", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"dose": bm.Normal(0, 1)}
    )
    want, found = both(y, se, model, {"dose": [0.0, 1, 2, 3, 5]})
    assert found.log_marginal_likelihood == pytest.approx(want.log_marginal_likelihood, abs=1e-7)
    for expression in ("mu", "dose", "tau", "theta_new", "mu + 2*dose", "dose - mu"):
        one, other = want.marginal(expression), found.marginal(expression)
        assert other.mean() == pytest.approx(one.mean(), abs=1e-7)
        assert other.sd() == pytest.approx(one.sd(), abs=1e-7)
        np.testing.assert_allclose(np.asarray(one.cdf(other.ppf(LEVELS))), LEVELS, atol=2e-7)
    for i in range(5):
        one = want.marginal(f"theta[study {i + 1}]")
        np.testing.assert_allclose(effect_moments(found.fit, i), [one.mean(), one.sd()], atol=1e-7)
    prior = bm.MultivariateNormal([0, 0.1], [[1, -0.3], [-0.3, 0.5]])
    joint = bm.NormalNormal(formula="1 + dose", tau=bm.HalfNormal(0.5), beta={("mu", "dose"): prior})
    want, found = both(y, se, joint, {"dose": [0.0, 1, 2, 3, 5]})
    assert found.log_marginal_likelihood == pytest.approx(want.log_marginal_likelihood, abs=1e-7)


@pytest.mark.parametrize("label", ["three", "conflict", "t", "spike and slab", "tau bounded"])
def test_effects_of_studies_are_those_of_the_conjugate_engine(label):
    y, se, mu, tau = NORMAL[label]
    want, found = both(y, se, bm.NormalNormal(mu=mu, tau=tau))
    for i in range(len(y)):
        one = want.marginal(f"theta[study {i + 1}]")
        other = SpreadMarginal(effect_marginal(found.fit, i), (-np.inf, np.inf))
        assert (other.mean(), other.sd()) == pytest.approx((one.mean(), one.sd()), abs=1e-8)
        if label != "spike and slab":  # both point masses make an effect known
            np.testing.assert_allclose(np.asarray(one.cdf(other.ppf(LEVELS))), LEVELS, atol=1e-7)


ONE_SIDED = {
    "half normal": (bm.HalfNormal(1), stats.halfnorm(scale=1)),
    "uniform": (bm.Uniform(0, 2), stats.uniform(0, 2)),
    "exponential": (bm.Exponential(2), stats.expon(scale=0.5)),
    "cauchy": (bm.Cauchy(0, 0.1), stats.cauchy(0, 0.1)),
    "far away": (bm.HalfNormal(0.05), stats.halfnorm(scale=0.05)),
}


@pytest.mark.parametrize("label", ONE_SIDED)
def test_any_prior_on_mu_is_that_of_adaptive_quadrature(label):
    """Given tau = 0.3 the likelihood of mu is normal: one integral by SciPy."""
    y, se, tau = np.array([-0.3, 0.6, 0.2]), np.array([0.3, 0.2, 0.25]), 0.3
    prior, witness = ONE_SIDED[label]
    problem = CurvesProblem(
        tables=normal_tables(y, se), X=np.ones((3, 1)), names=("mu",), priors={"mu": prior, "tau": bm.PointMass(tau)}
    )
    fit = fit_curves(problem)
    spread = marginal(fit, np.ones(1))
    found = SpreadMarginal(spread, prior.support)

    def density(m: float) -> float:
        return float(np.prod(stats.norm.pdf(y, m, np.hypot(se, tau))) * witness.pdf(m))

    cuts = [c for c in (-4, -1, -0.3, -0.1, 0, 0.02, 0.1, 0.3, 1, 2, 4) if prior.support[0] <= c <= prior.support[1]]

    def integral(power: int, upper: float = 4.0) -> float:
        inner = [c for c in cuts if c < upper] + [upper]
        return sum(
            integrate.quad(lambda m: m**power * density(m), a, b, epsabs=1e-14, epsrel=1e-12)[0]
            for a, b in itertools.pairwise(inner)
        )

    total = integral(0)
    assert math.exp(fit.log_evidence) == pytest.approx(total, rel=1e-8)
    mean = integral(1) / total
    assert found.mean() == pytest.approx(mean, abs=1e-8)
    assert found.sd() == pytest.approx(math.sqrt(integral(2) / total - mean**2), abs=1e-8)
    for point in (0.05, 0.2, 0.5):
        assert float(found.cdf(point)) == pytest.approx(integral(0, point) / total, abs=1e-8)
    new = SpreadMarginal(marginal(fit, np.ones(1), new=True), (-np.inf, np.inf))
    for point in (-0.4, 0.0, 0.1, 0.5):
        below = sum(
            integrate.quad(lambda m, x=point: density(m) * stats.norm.cdf(x, m, tau), a, b, epsabs=1e-14, epsrel=1e-12)[
                0
            ]
            for a, b in itertools.pairwise(cuts)
        )
        assert float(new.cdf(point)) == pytest.approx(below / total, abs=1e-8), point


@pytest.mark.parametrize("seed", range(8))
def test_the_bound_covers_what_finer_rules_change(seed):
    """Random events in a single arm each, zero and full cells among them; the finer fit has four times the nodes over tau."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 9))
    n = rng.integers(3, 80, k)
    events = rng.binomial(n, rng.uniform(0, 0.4))

    def log_curve(i, theta):
        return events[i] * theta - n[i] * np.logaddexp(0, theta)

    centre = np.log((events + 0.5) / (n - events + 0.5))
    tables = tabulate(log_curve, centre, np.sqrt(1 / (events + 0.5) + 1 / (n - events + 0.5)))
    prior = [bm.Normal(-1, 2), bm.StudentT(3, 0, 1), bm.HalfNormal(2), bm.Cauchy(0, 1)][seed % 4]
    tau = [bm.HalfNormal(0.5), bm.HalfCauchy(0.5), bm.LogNormal(-1, 1)][seed % 3]
    problem = CurvesProblem(tables=tables, X=np.ones((k, 1)), names=("mu",), priors={"mu": prior, "tau": tau})
    fits = [fit_curves(problem, tolerance) for tolerance in (1e-6, 1e-11)]
    coarse, fine = (SpreadMarginal(marginal(fit, np.ones(1)), prior.support) for fit in fits)
    points = np.asarray(fine.ppf(LEVELS))
    worst = float(np.abs(np.asarray(coarse.cdf(points)) - LEVELS).max())
    assert worst <= fits[0].error + fits[1].error
    assert fits[0].log_evidence == pytest.approx(fits[1].log_evidence, abs=100 * fits[0].error + 1e-8)


def test_what_the_rules_do_not_carry_is_said():
    names = ("mu", "a", "b", "c")
    wide = bm.Normal(0, 1)
    assert "4 coefficients" in (obstacle(names, {**dict.fromkeys(names, wide), "tau": wide}) or "")
    two = {"mu": bm.HalfNormal(1), "a": wide, "tau": wide}
    assert "has an edge" in (obstacle(("mu", "a"), two) or "")
    assert "no bound" in (obstacle(("mu",), {"mu": bm.Gamma(0.5, 1)}) or "")
    assert obstacle(("mu",), {"mu": bm.HalfNormal(1)}) is None
