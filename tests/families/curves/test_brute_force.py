"""Extreme counts against sums over grids of mu, tau and theta that are written here and share nothing with the engine.

Each sum is a trapezoid or Gauss-Legendre rule over a smooth function, and converges exponentially:
half of the nodes leave the numbers as they are to 1e-9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import comb, expit, log_expit, logsumexp

import bayesmeta as bm
from bayesmeta.families.prepared import prepare

MU_SD, TAU_SCALE = 2.5, 0.7
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


def same(result: Any, sums: Sums) -> None:
    assert result.error_bound < 1e-6
    assert result.log_marginal_likelihood == pytest.approx(sums.log_evidence, abs=1e-6)
    for name, values in (("mu", sums.mu), ("tau", sums.tau)):
        marginal = result.marginal(name)
        assert (marginal.mean(), marginal.sd()) == pytest.approx(sums.moments(values), abs=1e-6), name
    assert result.probability("mu > 0") == pytest.approx(float(sums.mass[sums.mu[:, 0] > 0].sum()), abs=1e-6)
    new = np.hypot(sums.moments(sums.mu)[1], np.sqrt((sums.mass * sums.tau**2).sum()))
    assert result.marginal("theta_new").sd() == pytest.approx(float(new), abs=1e-6)


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
