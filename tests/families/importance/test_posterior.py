"""Posteriors by importance sampling of a review's trials: equal to plain Monte Carlo from the priors, whatever was printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bayesmeta as bm
from bayesmeta.data.review import Choice, Option, PublishedReview, Range, Study
from bayesmeta.data.statistics import (
    Heterogeneity,
    MetaRegressionSlope,
    MetaRegressionTest,
    PooledEstimate,
    PredictionInterval,
    SignificantCount,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.families.prepared import prepare
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.importance import engine

Floats = NDArray[np.float64]
POOL = PooledEstimate(estimate=-0.6, lower=-1.1, upper=-0.1, half_width=0.25)
CRPS = SubgroupTest(covariate="crps", p=0.2, direction=-1, tolerance=0.5)
HIGH = SubgroupTest(covariate="high", p=0.6, direction=1, tolerance=0.5)
COUNT = SignificantCount(count=1, direction=-1, width=0.5)
MODEL = bm.NormalNormal(mu=bm.Normal(-0.4, 0.7), tau=bm.HalfNormal(0.4))
SUBGROUPS = bm.NormalNormal(
    formula="1 + crps", mu=bm.Normal(-0.4, 0.7), tau=bm.HalfNormal(0.4), beta={"crps": bm.Normal(0, 0.5)}
)
N = 1_000_000


def study(name: str, crps: int, high: int, *, n: float | Range = 40, **known: Any) -> Study:
    return Study(name=name, n=n, covariates={"crps": crps, "high": high}, **known)


LATENT = [study("A", 1, 1), study("B", 1, 0, n=60), study("C", 0, 1, n=30), study("D", 0, 0, n=80), study("E", 0, 0)]
KNOWN = study("K", 0, 1, y=-0.3, se=0.3)
OUTSIDE = study("O", 0, 0, y=-0.9, se=0.4, in_review=False)


def review(studies: list[Study], *statistics: Any, **options: Any) -> PublishedReview:
    return PublishedReview(studies=studies, statistics=statistics, sd=bm.LogNormal(0.1, 0.5), **options)


def pooled(**options: Any) -> PooledEstimate:
    return PooledEstimate(estimate=-0.6, lower=-1.1, upper=-0.1, half_width=0.25, **options)


def dosed(name: str, dose: float, **options: Any) -> Study:
    return Study(name=name, n=40, covariates={"crps": int(dose > 1), "dose": dose}, **options)


DOSED = [dosed("A", 0.0), dosed("B", 1.0), dosed("C", 2.0), dosed("D", 4.0)]
DOSE = bm.NormalNormal(
    formula="1 + dose", mu=bm.Normal(-0.4, 0.7), tau=bm.HalfNormal(0.4), beta={"dose": bm.Normal(0, 0.3)}
)
SITES = [
    Study(name=name, n=40, covariates={"site": site, "crps": crps})
    for name, site, crps in (("A", 0, 0), ("B", 1, 1), ("C", 2, 0), ("D", 0, 1), ("E", 1, 0))
]
UNSURE = [
    Choice(
        name="pooled",
        options=[
            Option(label="all", weight=0.5),
            Option(label="without D", weight=0.5, values={"D": {"crps": 0}}),
        ],
    )
]
OTHER_EVIDENCE = {
    "pool with a common effect": (review(LATENT[:3], pooled(method="fe")), MODEL),
    "pool with a common effect, and a test": (
        review(
            [*LATENT[:4], KNOWN],
            pooled(method="fe"),
            SubgroupTest(covariate="crps", p=0.2, direction=-1, tolerance=0.5, method="fe"),
        ),
        SUBGROUPS,
    ),
    "pool by REML": (review(LATENT[:3], pooled(method="reml")), MODEL),
    "pool by Paule and Mandel, a known trial": (review([*LATENT[:3], KNOWN], pooled(method="pm")), MODEL),
    "pool with Hartung and Knapp's interval": (review(LATENT[:3], pooled(method="reml", interval="hksj")), MODEL),
    "a test without a direction": (
        review([*LATENT[:3], KNOWN], POOL, SubgroupTest(covariate="crps", p=0.2, tolerance=0.3)),
        SUBGROUPS,
    ),
    "a test that was not significant": (
        review([*LATENT[:4]], POOL, SubgroupTest(covariate="crps", p=0.05, relation=">", tolerance=0.2)),
        SUBGROUPS,
    ),
    "a test with P below a bound": (
        review([*LATENT[:4]], SubgroupTest(covariate="crps", p=0.05, relation="<", direction=-1, tolerance=0.2)),
        SUBGROUPS,
    ),
    "three groups": (review(SITES, POOL, SubgroupTest(covariate="site", p=0.3, tolerance=0.3)), SUBGROUPS),
    "estimates of a subgroup": (review([*LATENT[:4], KNOWN], POOL, pooled(covariate="crps", group=1)), SUBGROUPS),
    "estimates of both subgroups": (
        review(LATENT[:4], pooled(covariate="crps", group=1), pooled(covariate="crps", group=0)),
        SUBGROUPS,
    ),
    "a pool of studies that are not certain": (
        review([*DOSED, dosed("K", 3.0, y=-0.3, se=0.3)], pooled(covariate="crps"), choices=UNSURE),
        DOSE,
    ),
    "a slope and its test": (
        review(
            DOSED,
            POOL,
            MetaRegressionSlope(covariate="dose", estimate=-0.2, half_width=0.2),
            MetaRegressionTest(covariate="dose", p=0.3, direction=-1, tolerance=0.5),
        ),
        DOSE,
    ),
    "a slope with limits": (
        review(DOSED, MetaRegressionSlope(covariate="dose", estimate=-0.2, lower=-0.5, upper=0.1, half_width=0.1)),
        DOSE,
    ),
    "pool and tau-squared": (review(LATENT[:3], POOL, Heterogeneity(tau2=0.15, digits=1)), MODEL),
    "pool by REML and tau-squared": (
        review(LATENT[:3], pooled(method="reml"), Heterogeneity(tau2=0.15, digits=1, method="reml")),
        MODEL,
    ),
    "pool and Q": (review(LATENT[:4], POOL, Heterogeneity(q=6, digits=0)), MODEL),
    "pool and a prediction interval": (
        review(LATENT[:4], POOL, PredictionInterval(lower=-2.2, upper=0.9, half_width=0.4)),
        MODEL,
    ),
    "a crossover study": (
        review(
            [*LATENT[:2], Study(name="X", n=20, correlation=0.4), Study(name="Y", n=Range(20, 60), correlation=0.6)],
            POOL,
        ),
        MODEL,
    ),
}
REVIEWS = OTHER_EVIDENCE | {
    "pool": (review(LATENT[:3], POOL), MODEL),
    "pool of two": (review(LATENT[:2], POOL), MODEL),
    "a mixture and a heavy tail": (
        review(LATENT[:2], POOL),
        bm.NormalNormal(mu=bm.Mixture([(1, bm.Normal(0, 0.2)), (2, bm.Normal(-0.5, 1.0))]), tau=bm.HalfCauchy(0.3)),
    ),
    "pool and a known trial": (review([*LATENT[:3], KNOWN], POOL), MODEL),
    "pool and trials outside": (
        review([*LATENT[:3], OUTSIDE, Study(name="P", n=50, in_review=False, covariates={"crps": 0, "high": 1})], POOL),
        MODEL,
    ),
    "pool and a test": (review([*LATENT[:4], KNOWN], POOL, CRPS), SUBGROUPS),
    "pool, two tests and a count": (review([*LATENT, KNOWN], POOL, CRPS, HIGH, COUNT), SUBGROUPS),
    "pool, a test and I-squared of zero": (review(LATENT[:4], POOL, CRPS, Heterogeneity(i2=0)), SUBGROUPS),
    "pool and I-squared": (review([*LATENT[:3], KNOWN], POOL, Heterogeneity(i2=40, digits=-1)), MODEL),
    "pool, a test and I-squared": (review(LATENT[:4], POOL, CRPS, Heterogeneity(i2=40, digits=-1)), SUBGROUPS),
    "no pool": (review([*LATENT[:3], KNOWN], CRPS, StudyTest(study="B", p=0.05, relation=">")), SUBGROUPS),
    "no pool, I-squared": (review([*LATENT[:3], KNOWN], Heterogeneity(i2=40, digits=-1)), MODEL),
    "sizes with a total": (
        review([study("A", 1, 1, n=Range(20, 60)), study("B", 0, 1, n=Range(30, 90)), LATENT[2]], POOL, n_total=120),
        MODEL,
    ),
    "a choice and a range": (
        review(
            [
                Study(name="A", n=40, covariates={"crps": 1, "high": 1, "dose": 2}),
                Study(name="B", n=60, covariates={"crps": 1, "high": 0, "dose": 0}),
                Study(name="C", n=30, covariates={"crps": 0, "high": 1, "dose": Range(0, 2)}),
                Study(name="K", n=40, y=-0.3, se=0.3, covariates={"crps": 0, "high": 0, "dose": 1}),
                Study(name="L", n=40, covariates={"crps": 0, "high": 0, "dose": 1}),
            ],
            POOL,
            CRPS,
            choices=[
                Choice(
                    name="reading",
                    options=[
                        Option(label="as printed", weight=0.7),
                        Option(label="an SE", weight=0.3, values={"K": {"y": -0.3, "se": 0.6}}),
                    ],
                ),
                Choice(
                    name="group",
                    options=[
                        Option(label="other", weight=0.5),
                        Option(label="crps", weight=0.5, values={"L": {"crps": 1}}),
                    ],
                ),
            ],
        ),
        bm.NormalNormal(
            formula="1 + dose", mu=bm.Normal(-0.4, 0.7), tau=bm.HalfNormal(0.4), beta={"dose": bm.Normal(0, 0.3)}
        ),
    ),
}


@dataclass(frozen=True)
class Plain:
    """Estimates by plain Monte Carlo: log marginal likelihood and weighted draws."""

    log_evidence: float
    log_evidence_error: float
    weights: Floats
    draws: dict[str, Floats]

    def moment(self, values: Floats) -> tuple[float, float]:
        mean = float(self.weights @ values)
        return mean, float(np.sqrt((self.weights**2) @ (values - mean) ** 2))


def plain(data: PublishedReview, model: bm.NormalNormal, seed: int, total: int = N) -> Plain:
    """Everything drawn from its prior, and weighted by the density of what was printed, as `terms` has it."""
    ready, arrays, rng = prepare(data, model), review_arrays(data), np.random.default_rng(seed)
    design, latent = ready.design, ~arrays.known
    draws, parts = {name: [] for name in ready.parameters}, []
    for _ in range(total // 100_000):
        n = 100_000
        top = {name: np.asarray(prior.rvs(n, rng)) for name, prior in ready.priors.items()}
        sd, u = np.asarray(data.sd.rvs((n, int(latent.sum())), rng)), rng.random((n, arrays.n_free_sizes))
        X = design.at(rng.random((n, len(design.slots))))
        beta = np.stack([top[name] for name in design.columns], axis=-1) if design.columns else np.zeros((n, 0))
        mean = top["mu"][:, None, None] + np.einsum("nsip,np->nsi", X, beta)
        chosen = rng.choice(len(arrays.labels), size=n, p=np.exp(arrays.log_weight))
        fitted = mean[np.arange(n), chosen]
        se = np.broadcast_to(arrays.se, (n, *arrays.se.shape)).copy()
        se[..., latent] = arrays.standard_errors(sd, u)
        own = se[np.arange(n), arrays.reading[chosen]]
        y = np.broadcast_to(arrays.y, (n, *arrays.y.shape)).copy()
        drawn = fitted + np.sqrt(own**2 + top["tau"][:, None] ** 2) * rng.standard_normal(own.shape)
        y[..., latent] = drawn[:, None, latent]
        terms = sum(arrays.statistic_terms(arrays.trials(y, se)))[np.arange(n), chosen]
        spread = np.sqrt(own**2 + top["tau"][:, None] ** 2)
        gap = (y[np.arange(n), arrays.reading[chosen]] - fitted) / spread
        known = (-0.5 * gap**2 - np.log(spread) - 0.5 * np.log(2 * np.pi))[:, ~latent].sum(axis=1)
        parts.append(terms + known)
        for name, values in top.items():
            draws[name].append(values)
    log_weight = np.concatenate(parts)
    weight = np.exp(log_weight - log_weight.max())
    error = weight.std() / weight.mean() / np.sqrt(weight.size)
    return Plain(
        float(np.log(weight.mean()) + log_weight.max()),
        float(error),
        weight / weight.sum(),
        {name: np.concatenate(values) for name, values in draws.items()},
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", REVIEWS)
def test_posterior_is_that_of_plain_monte_carlo(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From half the points that a fit begins with: the errors asserted below say what the comparison can see."""
    monkeypatch.setattr(engine, "_SIZES", (13, *engine._SIZES))
    (data, model), few = REVIEWS[case], case in OTHER_EVIDENCE
    result = bm.fit(data, model, "importance", seed=3)
    reference = plain(data, model, 1, N // 3 if few else N)
    summary = result.summary(ci_prob=0.95, ci_kind="eti")
    errors = np.hypot(reference.log_evidence_error, result.log_marginal_likelihood_error)
    assert errors < (0.07 if few else 0.04)
    assert result.missed < 0.01
    assert abs(result.log_marginal_likelihood - reference.log_evidence) < 4 * errors
    for name, draws in reference.draws.items():
        mean, error = reference.moment(draws)
        row = summary.loc[name]
        assert abs(row["mean"] - mean) < 4 * np.hypot(error, row["mcse_mean"]), (name, "mean")
        square, square_error = reference.moment((draws - mean) ** 2)
        sd_error = square_error / (2 * np.sqrt(square))
        assert abs(row["sd"] - np.sqrt(square)) < 4 * np.hypot(sd_error, row["mcse_sd"]), (name, "sd")
        assert sd_error < (0.1 if few else 0.06) * np.sqrt(square)
        claim = f"{name} < {mean!r}"
        below, below_error = reference.moment((draws < mean).astype(float))
        assert abs(result.probability(claim) - below) < 4 * np.hypot(below_error, result.probability_mcse(claim)), claim
