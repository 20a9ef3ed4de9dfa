"""The surface of a log likelihood: the curves' own sums, its bound, and fits of odd data with and without it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

import bayesmeta as bm
from bayesmeta.families.curves.problem import curves_problem
from bayesmeta.families.prepared import prepare
from bayesmeta.quadrature.study_curves import placement
from bayesmeta.quadrature.study_curves.fit import fit_curves
from bayesmeta.quadrature.study_curves.kernel import _on_grid
from bayesmeta.quadrature.study_curves.marginals import marginal
from bayesmeta.quadrature.study_curves.placement import Likelihood
from bayesmeta.quadrature.study_curves.problem import CurvesProblem, pieces
from bayesmeta.quadrature.study_curves.surface import REACH
from bayesmeta.quadrature.study_curves.tables import tabulate
from bayesmeta.results.spread_marginal import SpreadMarginal

LEVELS = [0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999]


def simulated(kind: str) -> bm.Counts:
    rng = np.random.default_rng(20261201)
    k = {"one study": 1, "many": 200}.get(kind, 9)
    n = rng.integers(20, 300, (2, k))
    if kind == "a million":
        n = rng.integers(500_000, 2_000_000, (2, k))
    if kind == "mixed":
        n = np.exp(rng.uniform(math.log(4), math.log(1e6), (2, k))).astype(int)
    base = rng.uniform(0.001, 0.01, k) if kind == "rare" else rng.uniform(0.03, 0.4, k)
    events_t, events_c = (rng.binomial(size, risk) for size, risk in zip(n, (base * 0.8, base), strict=True))
    if kind == "double zeros":
        events_t[:3] = events_c[:2] = 0
    if kind == "no event under treatment":
        events_t[:] = 0
    return bm.Counts(events_t=events_t, n_t=n[0], events_c=events_c, n_c=n[1])


KINDS = ["plain", "one study", "many", "a million", "mixed", "rare", "double zeros", "no event under treatment"]


def problem_of(data: bm.Counts, mu: bm.Prior, tau: bm.Prior) -> CurvesProblem:
    model = bm.BinomialNormal(mu=mu, tau=tau)
    ready = prepare(data, model)
    return curves_problem(ready.family.curves(data, model), model, ready.design, tau)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_a_surface_is_the_curves_own_sum_but_for_its_bound(kind):
    problem = problem_of(simulated(kind), bm.Normal(0, 2), bm.HalfNormal(0.5))
    likelihood = Likelihood(problem, pieces(problem)[0])
    surface, rng = likelihood._surface, np.random.default_rng(1)
    low, high = (surface.c * math.sqrt(math.expm1(2 * w)) for w in (surface.low, surface.high))
    tau = np.append(np.exp(rng.uniform(math.log(max(low, 1e-6 * surface.c)), math.log(high), 400)), low)
    middle, sd = likelihood.around(tau)
    beta = middle + sd * rng.uniform(-REACH, REACH, tau.size) * 0.999
    found, want = surface(beta, tau), likelihood._of_curves(beta[:, None], tau)
    counts = want > want.max() - 38
    assert counts.sum() > 20
    noise = 2e-15 * abs(want.max()) * problem.tables.n_studies**0.5  # of the sums themselves, in units of rounding
    assert np.abs(found - want)[counts].max() <= surface.error + problem.tables.error + noise
    assert surface.error < 1e-7
    outside = surface(middle + sd * (REACH + 0.1), tau), surface(middle, tau * 0 + 1.01 * high)
    assert np.isnan(outside).all()
    np.testing.assert_array_equal(
        likelihood(middle[:, None], 0 * tau + 1.01 * high),
        likelihood._of_curves(middle[:, None], 0 * tau + 1.01 * high),
    )


@pytest.mark.parametrize("tau", [bm.HalfNormal(0.5), bm.Gamma(0.5, 2)], ids=["half normal", "infinite at zero"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_covers_a_finer_rule_on_the_curves_themselves(kind, tau, monkeypatch):
    mu, data = bm.Normal(0, 2.82), simulated(kind)
    fit = fit_curves(problem_of(data, mu, tau))
    monkeypatch.setattr(placement, "surface", lambda *_: None)
    problem = problem_of(data, mu, tau)
    problem = CurvesProblem(
        tables=problem.tables.take(np.arange(data.n_studies)), X=problem.X, names=problem.names, priors=problem.priors,
        log_constant=problem.log_constant,
    )  # fmt: skip
    finer = fit_curves(problem, 1e-10)
    assert finer.parts[0].likelihood._surface is None
    for new in (False, True):
        one, other = (SpreadMarginal(marginal(each, np.ones(1), new), mu.support) for each in (fit, finer))
        points = np.asarray(other.ppf(LEVELS))
        assert np.abs(np.asarray(one.cdf(points)) - LEVELS).max() <= fit.error + finer.error
        assert one.mean() == pytest.approx(other.mean(), abs=1e-7 * other.sd())
        assert one.sd() == pytest.approx(other.sd(), rel=1e-6)
    assert fit.log_evidence == pytest.approx(finer.log_evidence, abs=1e-7)
    assert fit.error < 1e-6


def test_a_fit_on_a_surface_is_a_sum_over_plain_grids():
    """Trapezoid sums over mu, log tau, theta and the baseline, which share nothing with the engine but the model."""
    cells = np.array([[4, 30, 7, 31], [0, 25, 3, 24], [9, 60, 11, 58]])
    data = bm.Counts(events_t=cells[:, 0], n_t=cells[:, 1], events_c=cells[:, 2], n_c=cells[:, 3])
    result = bm.fit(data, bm.BinomialNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    mu, log_tau = np.linspace(-6, 4, 161), np.linspace(math.log(1e-3), math.log(4), 61)
    tau = np.exp(log_tau)
    theta, alpha = np.linspace(-25, 20, 1801), np.linspace(-60, 60, 4801)
    log_joint = stats.norm.logpdf(mu, 0, 2)[:, None] + stats.halfnorm.logpdf(tau, scale=0.5) + log_tau
    x, w = np.polynomial.hermite_e.hermegauss(40)
    for a, n, c, m in cells:
        control = stats.binom.pmf(c, m, 1 / (1 + np.exp(-alpha))) * stats.norm.pdf(alpha, 0, 10)
        curve = [integrate.simpson(control * stats.binom.pmf(a, n, 1 / (1 + np.exp(-alpha - t))), alpha) for t in theta]
        log_curve = np.interp(mu[:, None, None] + tau[:, None] * x, theta, np.log(np.maximum(curve, 1e-300)))
        log_joint = log_joint + np.log(np.exp(log_curve) @ (w / w.sum()))
    mass = np.exp(log_joint - log_joint.max())
    below_zero = mass[mu < 0].sum() + mass[mu == 0].sum() / 2
    mass, below_zero = mass / mass.sum(), below_zero / mass.sum()
    for name, values in (("mu", mu[:, None] + 0 * tau), ("tau", 0 * mu[:, None] + tau)):
        mean = float((mass * values).sum())
        assert result.marginal(name).mean() == pytest.approx(mean, abs=1e-3), name
        assert result.marginal(name).sd() == pytest.approx(
            math.sqrt(float((mass * (values - mean) ** 2).sum())), abs=1e-3
        )
    assert result.probability("mu < 0") == pytest.approx(below_zero, abs=1e-3)


@pytest.mark.parametrize("steps", [201.0, 300.0, 5000.0])
@pytest.mark.parametrize("away", [-40.0, -3.0, 0.5, 40.0])
def test_a_tail_that_is_flat_is_summed_as_its_nodes_are(steps, away):
    """No event in 50 participants: the curve is 1 on one side, where a sum over nodes would be long."""
    tables = tabulate(lambda _, theta: -50 * np.logaddexp(0, -2 + theta), np.array([-2.6]), np.array([1.4]))
    tau, first, step, n = steps * tables.step[0], tables.first[0], tables.step[0], int(tables.nodes[0])
    m = away * tau / 20
    found = _on_grid(tables.grid[0], first, step, n, *tables.ends[0], m, tau)
    j = np.arange(math.floor((m - 10 * tau - first) / step), math.ceil((m + 10 * tau - first) / step))
    values = np.where(
        j < 0, tables.ends[0, 0], np.where(j >= n, tables.ends[0, 1], tables.grid[0][np.clip(j, 0, n - 1)])
    )
    assert found == pytest.approx(float(values @ stats.norm.pdf(first + step * j, m, tau)) * step, rel=1e-10)
