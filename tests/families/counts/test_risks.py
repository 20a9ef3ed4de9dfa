"""Risk ratios and risk differences against sums over grids that are written here and share nothing with the engine.

Zero cells, arms with events only, and studies without any event: there a curve bends at no effect, and one of a risk difference
ends at -1 and 1. The nodes of theta crowd there; half of them leave the numbers as they are to 1e-9.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import comb, expit, logsumexp, xlogy

import bayesmeta as bm
from bayesmeta.families.prepared import prepare

BASELINE = (-1.0, 1.5)
TAU = {"log_rr": 0.3, "rd": 0.15}  # medians of its prior
PRIORS = {
    "log_rr": {"mu": bm.Normal(0, 1), "tau": bm.LogNormal(float(np.log(TAU["log_rr"])), 0.25)},
    "rd": {"mu": bm.Normal(0, 0.4), "tau": bm.LogNormal(float(np.log(TAU["rd"])), 0.25)},
}
CELLS = {
    "zero cells": ([3, 0, 7], [20, 15, 12], [5, 4, 0], [21, 14, 11]),
    "none in both, and all in one": ([3, 0, 9], [20, 15, 9], [5, 0, 8], [21, 14, 9]),
    "all in both, and none v all": ([7, 0], [7, 6], [8, 5], [8, 5]),
}
GRADED = np.concatenate([[0.0], np.geomspace(1e-11, 0.05, 30)])
X, W = np.polynomial.legendre.leggauss(10)


def counts(label: str) -> Any:
    return bm.Counts(**dict(zip(("events_t", "n_t", "events_c", "n_c"), CELLS[label], strict=True)))


def model(measure: str, **changed: Any) -> Any:
    return bm.BinomialNormal(**PRIORS[measure], baseline=bm.Normal(*BASELINE), measure=measure, **changed)


def theta_nodes(measure: str, around: Any = ()) -> tuple[Any, Any]:
    """Nodes and weights of a Gauss-Legendre rule on panels, and the support of theta."""
    low, high = (-1.0, 1.0) if measure == "rd" else (-14.0, 14.0)
    wide = np.linspace(low, high, 41 if measure == "rd" else 141)
    edges = np.unique(np.concatenate([wide, GRADED, -GRADED, low + GRADED, high - GRADED, np.asarray(around)]))
    edges = edges[(edges >= low) & (edges <= high)]
    half = np.diff(edges)[:, None] / 2
    return ((edges[:-1, None] + edges[1:, None]) / 2 + half * X).ravel(), (half * W).ravel()


def log_curve(measure: str, theta: Any, a: int, n: int, c: int, m: int) -> Any:
    """Binomial probabilities of a study, its baseline summed over on the support that each theta leaves it."""
    if measure == "rd":
        low, high = np.maximum(0, -theta), np.minimum(1, 1 - theta)
    else:
        low, high = np.zeros(theta.size), np.minimum(1, np.exp(-theta))
    mean, sd = BASELINE
    with np.errstate(divide="ignore"):
        ends = [np.clip(np.log(p) - np.log1p(-p), mean - 9 * sd, mean + 9 * sd) for p in (low, high)]
    share = np.linspace(0, 1, 41)
    half = (ends[1] - ends[0])[:, None, None] / 80
    alpha = ends[0][:, None, None] + half * (2 * 40 * (share[:-1, None] + share[1:, None]) / 2 + X)
    control = expit(alpha)
    risk = control + theta[:, None, None] if measure == "rd" else control * np.exp(theta)[:, None, None]
    risk = np.clip(risk, 0, 1)
    terms = xlogy(a, risk) + xlogy(n - a, 1 - risk) + xlogy(c, control) + xlogy(m - c, expit(-alpha))
    terms += stats.norm.logpdf(alpha, mean, sd) + np.log(comb(n, a)) + np.log(comb(m, c))
    return logsumexp(terms.reshape(theta.size, -1), b=(half * W + 0 * alpha).reshape(theta.size, -1), axis=1)


@pytest.mark.parametrize("measure", PRIORS)
@pytest.mark.parametrize("label", CELLS)
def test_a_posterior_is_the_sum_over_grids(label: str, measure: str) -> None:
    theta, weight = theta_nodes(measure)
    curves = np.stack([np.exp(log_curve(measure, theta, *row)) for row in zip(*CELLS[label], strict=True)]) * weight
    priors = PRIORS[measure]
    width = 8 * priors["mu"].sd
    x, w = np.polynomial.legendre.leggauss(70)
    mu, log_w = np.concatenate([(x - 1) / 2, (x + 1) / 2]) * width, np.log(np.tile(w, 2) * width / 2)
    x, v = np.polynomial.legendre.leggauss(24)
    log_tau, log_v = np.log(TAU[measure]) + 7 * 0.25 * x, np.log(v * 7 * 0.25)
    tau = np.exp(log_tau)
    log_joint = (log_w + stats.norm.logpdf(mu, 0, priors["mu"].sd))[:, None]
    log_joint = log_joint + (log_v + stats.norm.logpdf(log_tau, np.log(TAU[measure]), 0.25))
    study = np.empty((2, mu.size, tau.size))
    with np.errstate(divide="ignore"):
        for t, spread in enumerate(tau):
            density = stats.norm.pdf(theta, mu[:, None], spread)
            means = density @ curves.T
            log_joint[:, t] += np.log(means).sum(axis=1)
            study[:, :, t] = [
                (density @ (curves[1] * power)) / np.maximum(means[:, 1], 1e-300) for power in (theta, theta**2)
            ]
    total = float(logsumexp(log_joint))
    mass = np.exp(log_joint - total)

    result = bm.fit(counts(label), model(measure))
    assert result.measure == measure
    assert result.error_bound < 1e-6
    assert result.log_marginal_likelihood == pytest.approx(total, abs=1e-6)
    for name, values in (("mu", mu[:, None] + 0 * tau), ("tau", tau + 0 * mu[:, None])):
        mean = (mass * values).sum()
        sd = np.sqrt((mass * (values - mean) ** 2).sum())
        marginal = result.marginal(name)
        assert (marginal.mean(), marginal.sd()) == pytest.approx((mean, sd), abs=1e-6), name
    below = mass[: mu.size // 2].sum()
    assert result.probability("mu < 0") == pytest.approx(below, abs=1e-6)
    assert result.marginal("mu").ppf(below) == pytest.approx(0, abs=1e-5)
    row = result.shrinkage().iloc[1]
    first, second = ((mass * one).sum() for one in study)
    assert (row["mean"], row["sd"]) == pytest.approx((first, np.sqrt(second - first**2)), abs=1e-6)
    name = f"theta[{result.data.study[1]}]"
    assert (result.marginal(name).mean(), result.marginal(name).sd()) == pytest.approx(
        (row["mean"], row["sd"]), abs=1e-5
    )


@pytest.mark.parametrize("measure", PRIORS)
@pytest.mark.parametrize(("m", "tau"), [(0.0, 0.01), (-0.2, 0.004), (0.03, 0.3), (0.95, 0.02), (1.2, 0.1)])
def test_means_of_a_curve_where_it_bends_and_ends(measure: str, m: float, tau: float) -> None:
    label = "none in both, and all in one"
    ready = prepare(counts(label), model(measure))
    found = ready.family.curves(ready.data, ready.model)
    theta, weight = theta_nodes(measure, m + tau * np.linspace(-10, 10, 41))
    for i, row in enumerate(zip(*CELLS[label], strict=True)):
        terms = log_curve(measure, theta, *row) + stats.norm.logpdf(theta, m, tau)
        mass = np.exp(terms - terms.max()) * weight
        log_mean, mean = terms.max() + np.log(mass.sum()), (mass @ theta) / mass.sum()
        got = found.tables.moments(i, np.array([m]), np.array([tau]))[0]
        variance = mass @ (theta - mean) ** 2 / mass.sum()
        assert got[0] + found.log_constant[i] == pytest.approx(log_mean, abs=1e-8)
        assert got[1] == pytest.approx(mean, abs=1e-8 * tau + 1e-9)
        assert np.sqrt(got[2]) == pytest.approx(np.sqrt(variance), rel=1e-7)
        again = found.tables.log_means(np.array([[m]]), np.ones((3, 1)), np.array([tau]))[0, i]
        assert again == pytest.approx(got[0], abs=2e-9)
        drawn = found.tables.draw(i, np.full(20_000, m), np.full(20_000, tau), np.random.default_rng(2))
        assert drawn.mean() == pytest.approx(mean, abs=4.5 * np.sqrt(variance / 20_000))
        assert drawn.std() == pytest.approx(np.sqrt(variance), rel=0.04)


@pytest.mark.parametrize("measure", PRIORS)
def test_many_events_leave_the_normal_model_of_effect_sizes(measure: str) -> None:
    """At a hundred thousand participants an arm the two differ by what is of the order of one over the events."""
    arms = {"events_t": [12_000, 9_000, 20_000], "n_t": [80_000, 100_000, 90_000]}
    arms |= {"events_c": [15_000, 8_000, 26_000], "n_c": [81_000, 95_000, 90_000], "study": ["A", "B", "C"]}
    counted = bm.fit(bm.Counts(**arms), model(measure))
    priors = {name: PRIORS[measure][name] for name in ("mu", "tau")}
    normal = bm.fit(bm.effect_sizes(arms, measure), bm.NormalNormal(**priors))
    for name in ("mu", "tau"):
        for moment in ("mean", "sd"):
            got, want = (getattr(one.marginal(name), moment)() for one in (counted, normal))
            assert got == pytest.approx(want, rel=1e-3, abs=1e-4), (name, moment)


@pytest.mark.slow
@pytest.mark.parametrize("measure", PRIORS)
def test_chains_agree_with_quadrature(measure: str, assert_within_mcse: Any, assert_rarely_diverges: Any) -> None:
    data = counts("none in both, and all in one")
    exact = bm.fit(data, model(measure))
    result = bm.fit(data, model(measure), engine="nuts", seed=11, draws=2000, target_accept=0.95)
    assert_rarely_diverges(result)
    posterior = result.datatree["posterior"]
    for name in ("mu", "tau"):
        marginal = exact.marginal(name)
        assert_within_mcse(posterior[name], mean=marginal.mean(), sd=marginal.sd(), max_mcse=0.06)
    rows = exact.shrinkage()
    for study in data.study:
        row = rows.loc[study]
        assert_within_mcse(posterior["theta"].sel(study=study), mean=row["mean"], sd=row["sd"], max_mcse=0.06)
    risk = exact.datatree["posterior"]["baseline_risk"].to_numpy()
    assert posterior["baseline_risk"].mean().item() == pytest.approx(risk.mean(), abs=0.01)


def test_frequentist_rows_are_of_the_same_measure() -> None:
    arms = {"events_t": [12, 0], "n_t": [100, 40], "events_c": [24, 3], "n_c": [100, 41], "study": ["A", "B"]}
    for measure in PRIORS:
        table = bm.compare(bm.Counts(**arms), model(measure))
        assert list(table.index) == ["mh", "half reml wald", "Bayes"]
        want = bm.mantel_haenszel(arms, measure)
        assert table.loc["mh", ["estimate", "se"]].tolist() == [want.estimate, want.se]
        with pytest.raises(bm.SpecificationError, match="there are 'mh', and 'half'"):
            bm.compare(bm.Counts(**arms), model(measure), ["peto"])
    both = {name: model(name) for name in PRIORS}
    with pytest.raises(bm.SpecificationError, match="log_rr"):
        bm.compare(bm.Counts(**arms), both)


def test_what_measures_cannot_be() -> None:
    with pytest.raises(bm.SpecificationError, match="two arms have a baseline. State one"):
        replace(model("rd"), baseline=None)
    with pytest.raises(bm.SpecificationError, match="Say log_or, log_rr or rd"):
        prepare(counts("zero cells"), model("rd")).family.build(model("rd").base, counts("zero cells"), "smd", {})


@pytest.mark.parametrize(
    ("events", "tau", "message"),
    [((7, 8, 3, 8), bm.PointMass(0), "ends at -1 and 1"), ((1, 1, 1, 1), bm.HalfNormal(0.1), "or events alone")],
)
def test_risk_differences_that_quadrature_does_not_resolve_are_left_to_sampling(events, tau, message):
    """Read beyond -1 and 1 a curve would go on as a line: mu would lie outside with a tenth of its probability."""
    a, n, c, m = events
    data = bm.Counts(events_t=[a], n_t=[n], events_c=[c], n_c=[m])
    with pytest.raises(bm.SpecificationError, match=message):
        bm.fit(data, bm.BinomialNormal(mu=bm.Normal(0, 0.4), tau=tau, measure="rd"), "quadrature")
