"""Extreme counts against sums over grids of mu, tau and theta that are written here and share nothing with the engine.

Each sum is a trapezoid or Gauss-Legendre rule over a smooth function, and converges exponentially:
half of the nodes leave the numbers as they are to 1e-9.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from scipy.special import comb, expit, gammaln, log_expit, logsumexp

import bayesmeta as bm
from bayesmeta.families.prepared import prepare

MU_SD, TAU_SCALE = 2.5, 0.7
GLMM = [
    one
    for one in json.loads((Path(__file__).parents[2] / "golden" / "glmm.json").read_text("utf-8"))["fits"]
    if one["measure"] == "OR" and one["method"] == "ML" and "beta" in one
]
PRIORS = {"mu": bm.Normal(0, MU_SD), "tau": bm.HalfNormal(TAU_SCALE)}


@dataclass
class Sums:
    """Posterior of mu and tau on nodes."""

    mu: Any
    tau: Any
    mass: Any
    log_evidence: float

    def moments(self, values: Any) -> tuple[float, float]:
        mean = float((self.mass * values).sum())
        return mean, float(np.sqrt((self.mass * (values - mean) ** 2).sum()))


def posterior(log_likelihood: Any) -> Sums:
    """From the log likelihood of every study at effects, shape (...) to (study, ...)."""
    x, w = np.polynomial.legendre.leggauss(80)
    mu = np.concatenate([-12.5 + 12.5 * x, 12.5 + 12.5 * x])  # halves, so that the probability of one side is a sum
    log_w = np.log(np.tile(12.5 * w, 2)) + stats.norm.logpdf(mu, 0, MU_SD)
    x, v = np.polynomial.legendre.leggauss(40)
    tau = 4 * TAU_SCALE * (1 + x)
    log_v = np.log(4 * TAU_SCALE * v) + stats.halfnorm.logpdf(tau, scale=TAU_SCALE)
    z = np.arange(-9, 9.01, 0.25)
    log_z = stats.norm.logpdf(z) + np.log(0.25)
    log_joint = log_w[:, None] + log_v
    for i in range(len(mu)):
        terms = log_likelihood(mu[i] + tau[:, None] * z)
        log_joint[i] += logsumexp(terms + log_z, axis=-1).sum(axis=0)
    total = float(logsumexp(log_joint))
    return Sums(mu[:, None], tau[None, :], np.exp(log_joint - total), total)


def same(result: Any, sums: Sums, close: float = 1e-6) -> None:
    assert result.error_bound < 1e-6
    assert result.log_marginal_likelihood == pytest.approx(sums.log_evidence, abs=close)
    for name, values in (("mu", sums.mu), ("tau", sums.tau)):
        marginal = result.marginal(name)
        assert (marginal.mean(), marginal.sd()) == pytest.approx(sums.moments(values), abs=close), name
    assert result.probability("mu > 0") == pytest.approx(float(sums.mass[sums.mu[:, 0] > 0].sum()), abs=close)
    new = np.hypot(sums.moments(sums.mu)[1], np.sqrt((sums.mass * sums.tau**2).sum()))
    assert result.marginal("theta_new").sd() == pytest.approx(float(new), abs=close)


def binomial(events: int, n: int, logit: Any) -> Any:
    return np.log(comb(n, events)) + events * log_expit(logit) + (n - events) * log_expit(-logit)


PROPORTIONS = {
    "none of six among five": ([3, 0, 7, 12, 5], [11, 6, 9, 40, 8]),
    "all in all": ([6, 20, 9], [6, 20, 9]),
    "none at all": ([0, 0], [15, 31]),
    "one participant": ([1], [1]),
}


@pytest.mark.parametrize("label", PROPORTIONS)
def test_single_arms(label: str) -> None:
    events, n = map(np.array, PROPORTIONS[label])
    result = bm.fit(bm.Proportions(events=events, n=n), bm.BinomialNormal(**PRIORS))

    def log_likelihood(theta: Any) -> Any:
        return np.stack([binomial(a, m, theta) for a, m in zip(events, n, strict=True)])

    sums = posterior(log_likelihood)
    same(result, sums)
    # A claim on the scale of the proportion is the one on the logit, to the bit, and is simulated nowhere.
    assert result.probability("expit(mu) > 0.5") == result.probability("mu > 0")
    assert result.probability_mcse("expit(mu) > 0.5") == 0
    risk = result.marginal("expit(mu)")
    assert np.asarray(risk.ppf([0.1, 0.5, 0.9])) == pytest.approx(
        expit(result.marginal("mu").ppf([0.1, 0.5, 0.9])), rel=1e-7
    )
    if label != "all in all":
        return
    mean, sd = sums.moments(expit(sums.mu))
    assert risk.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(100_000))  # moments are those of draws
    assert risk.sd() == pytest.approx(sd, rel=0.02)


TOTALS = {
    "zeros in either arm": ([3, 0, 2], [20, 15, 9], [5, 4, 0], [21, 14, 8]),
    "none in both, and all in both": ([2, 0, 7], [12, 15, 7], [1, 0, 8], [11, 14, 8]),
    "one event": ([1], [10], [0], [12]),
}


@pytest.mark.parametrize("label", TOTALS)
def test_two_arms_given_their_total(label: str) -> None:
    """Against SciPy's non-central hypergeometric distribution, point by point."""
    columns = list(map(np.array, TOTALS[label]))
    data = bm.Counts(**dict(zip(("events_t", "n_t", "events_c", "n_c"), columns, strict=True)))
    result = bm.fit(data, bm.HypergeometricNormal(**PRIORS))
    grid = np.linspace(-70, 70, 2801)
    curves = []
    for a, n, c, m in zip(*columns, strict=True):
        x = np.arange(max(0, a + c - m), min(n, a + c) + 1)
        log_ways = np.log(comb(n, x)) + np.log(comb(m, a + c - x))
        curves.append(log_ways[x == a] + a * grid - logsumexp(log_ways + x * grid[:, None], axis=1))
        for place in (600, 1400, 1450):
            peer = stats.nchypergeom_fisher.logpmf(a, n + m, n, a + c, np.exp(grid[place]))
            assert curves[-1][place] == pytest.approx(peer, abs=1e-6)
    splines = [CubicSpline(grid, curve) for curve in curves]
    same(result, posterior(lambda theta: np.stack([spline(theta) for spline in splines])), 2e-5)


RATES = {
    "zeros in either arm": ([3, 0, 2], [20, 15.5, 0.9], [5, 4, 0], [21, 14, 0.8], -1.0),
    "no event at all": ([0, 0], [10, 12], [0, 0], [9, 20], -3.0),
    "events in both": ([9], [413], [16], [398], -3.0),
}


@pytest.mark.parametrize("label", RATES)
def test_rates_in_two_arms(label: str) -> None:
    """The baseline is summed over here as it is in the model: Poisson counts of both arms given the log rate under control."""
    *given, centre = RATES[label]
    columns = list(map(np.array, given))
    data = bm.Rates(**dict(zip(("events_t", "time_t", "events_c", "time_c"), columns, strict=True)))
    result = bm.fit(data, bm.PoissonNormal(**PRIORS, baseline=bm.Normal(centre, 1.5)))
    alpha, theta = centre + np.linspace(-15, 15, 1501), np.linspace(-70, 70, 2801)
    splines = []
    for a, s, c, t in zip(*columns, strict=True):
        with np.errstate(over="ignore"):
            control = stats.poisson.logpmf(c, t * np.exp(alpha)) + stats.norm.logpdf(alpha, centre, 1.5)
            rate = alpha + theta[:, None]
            treated = a * (rate + np.log(s)) - s * np.exp(np.minimum(rate, 300)) - gammaln(a + 1)
        splines.append(CubicSpline(theta, logsumexp(control + treated, axis=1) + np.log(alpha[1] - alpha[0])))
    same(result, posterior(lambda at: np.stack([spline(at) for spline in splines])), 2e-5)


@pytest.mark.parametrize(("events", "time"), [([3, 0, 12], [20, 15.5, 9]), ([0, 0], [1e3, 0.5]), ([16], [398])])
def test_rates_in_single_arms(events: Any, time: Any) -> None:
    data = bm.IncidenceRates(events=events, time=time)
    result = bm.fit(data, bm.PoissonNormal(**PRIORS))

    def log_likelihood(theta: Any) -> Any:
        with np.errstate(under="ignore"):
            each = zip(events, time, strict=True)
            return np.stack([stats.poisson.logpmf(a, np.maximum(t * np.exp(theta), 1e-300)) for a, t in each])

    same(result, posterior(log_likelihood), 2e-5)  # at the largest tau the sum takes steps of 1.4 in a log rate


def test_rates_of_many_events_are_normal() -> None:
    """Log rates with standard errors 1 / sqrt(events): what a Poisson likelihood is beside is of the order of 1 / events."""
    events, time = np.array([40_000.0, 90_000, 62_500]), np.array([300.0, 800, 400])
    estimates = bm.Estimates(np.log(events / time), events**-0.5)
    model = bm.NormalNormal(mu=bm.Normal(4, 2.5), tau=bm.HalfNormal(0.7))
    normal = bm.fit(estimates, model)
    rates = bm.fit(bm.IncidenceRates(events=events, time=time), bm.PoissonNormal(base=model))
    for name in ("mu", "tau", "theta_new"):
        one, other = rates.marginal(name), normal.marginal(name)
        assert (one.mean(), one.sd()) == pytest.approx((other.mean(), other.sd()), abs=2e-5)
    # the Poisson probability of a count is about the normal density of its log rate over the count
    gap = rates.log_marginal_likelihood + np.log(events).sum() - normal.log_marginal_likelihood
    assert gap == pytest.approx(0, abs=1e-4)


def test_a_table_alone_with_its_margins_says_nothing() -> None:
    """No event in both arms, and events only: the posterior is the prior, and the evidence is one."""
    none = bm.Counts(events_t=[0, 15], n_t=[20, 15], events_c=[0, 9], n_c=[21, 9])
    result = bm.fit(none, bm.HypergeometricNormal(**PRIORS))
    assert result.log_marginal_likelihood == pytest.approx(0, abs=1e-10)
    assert result.marginal("mu").sd() == pytest.approx(MU_SD, abs=1e-7)
    assert result.marginal("tau").mean() == pytest.approx(TAU_SCALE * np.sqrt(2 / np.pi), abs=1e-7)
    assert result.probability("mu < 1") == pytest.approx(stats.norm.cdf(1 / MU_SD), abs=1e-7)
    some = {"events_t": [4, 0], "n_t": [30, 25], "events_c": [7, 0], "n_c": [31, 24]}
    both, one = (
        bm.fit(bm.Counts(**{name: values[:k] for name, values in some.items()}), bm.HypergeometricNormal(**PRIORS))
        for k in (2, 1)
    )
    assert both.log_marginal_likelihood == pytest.approx(one.log_marginal_likelihood, abs=1e-9)
    assert both.marginal("mu").mean() == pytest.approx(one.marginal("mu").mean(), abs=1e-8)


@pytest.mark.parametrize(
    ("name", "beta", "tau2", "loglik"),
    [(one["name"], one["beta"], one["tau2"], one["loglik"]) for one in GLMM if one["model"] == "CM.EL"],
)
def test_the_conditional_likelihood_has_metafors_maximum(name: str, beta: float, tau2: float, loglik: float) -> None:
    """rma.glmm(model="CM.EL"), whose optimizer stops a few millionths short."""
    (fit,) = [one for one in GLMM if (one["name"], one["model"]) == (name, "CM.EL")]
    a, b, c, d = (np.array(fit["data"][key]) for key in ("ai", "bi", "ci", "di"))
    ready = prepare(bm.Counts(events_t=a, n_t=a + b, events_c=c, n_c=c + d), bm.HypergeometricNormal(**PRIORS))
    curves = ready.family.curves(ready.data, ready.model)

    def minus(at: Any) -> float:
        total = curves.tables.log_totals(np.array([[at[0]]]), np.ones((a.size, 1)), np.array([abs(at[1])]))
        return -float(total[0] + curves.log_constant.sum())

    found = minimize(minus, [0.0, 0.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert -found.fun == pytest.approx(loglik, abs=2e-6)
    assert found.x[0] == pytest.approx(beta, abs=1e-5)
    assert found.x[1] ** 2 == pytest.approx(tau2, abs=2e-5)


@pytest.mark.parametrize("tau", [3.0, 5.0, 40.0, 1e3, 1e6])
@pytest.mark.parametrize("place", [-4.0, -1.0, 0.0, 0.7, 3.0])
def test_a_wide_spread_of_effects_beside_the_curve(tau: float, place: float) -> None:
    """No event in 6, all of 9, 2 of 8: curves end at one, and at zero; each mean is a sum over what bends and a normal tail."""
    ready = prepare(bm.Proportions(events=[0, 9, 2], n=[6, 9, 8]), bm.BinomialNormal(**PRIORS))
    curves = ready.family.curves(ready.data, ready.model)
    m = place * tau
    found = curves.tables.log_means(np.array([[m]]), np.ones((3, 1)), np.array([tau]))[0] + curves.log_constant
    theta = np.linspace(-60, 60, 240_001)
    for i, (a, n) in enumerate([(0, 6), (9, 9), (2, 8)]):
        inner = np.trapezoid(np.exp(binomial(a, n, theta)) * stats.norm.pdf(theta, m, tau), theta)
        outer = {0: stats.norm.cdf(-60, m, tau), 1: stats.norm.sf(60, m, tau), 2: 0.0}[i]
        assert found[i] == pytest.approx(np.log(inner + outer), abs=2e-9), i
