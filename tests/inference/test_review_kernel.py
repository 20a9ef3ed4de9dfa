"""The compiled kernel against NumPy, its gradient against finite differences, and both against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

from bayesmeta.data.review import Choice, Option, PublishedReview, Study
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
from bayesmeta.errors import DataError
from bayesmeta.families.likelihood import NUMPY
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.kernel import review_log_density
from bayesmeta.families.review.terms import log_poisson_binomial
from bayesmeta.priors import HalfNormal

POOLED = PooledEstimate(estimate=-1.8, lower=-2.3, upper=-1.3, half_width=0.4)  # wide: finite differences need it
CRPS = SubgroupTest(covariate="crps", p=0.079, direction=-1, tolerance=0.3)
LONE = SubgroupTest(covariate="lone", p=0.4, direction=1, tolerance=0.5)
SLOPE = {"covariate": "dose", "half_width": 0.2}
WIDE = {"lower": -2.3, "upper": -1.3, "half_width": 0.4}
STATISTICS = {
    **{
        f"pooled {method} {interval}": [PooledEstimate(estimate=-1.8, method=method, interval=interval, **WIDE)]
        for method in ("dl", "fe", "pm", "reml")
        for interval in ("wald", "hksj")
    },
    "pooled subgroup": [PooledEstimate(estimate=-1.8, covariate="crps", method="reml", **WIDE)],
    **{
        f"subgroup {method} {tau}": [SubgroupTest(covariate="crps", p=0.079, direction=-1, tolerance=0.3, method=method, tau=tau)]
        for method in ("dl", "fe", "pm", "reml")
        for tau in ("separate", "common")
    },
    "subgroup, no direction": [SubgroupTest(covariate="crps", p=0.3, tolerance=0.3)],
    "subgroup below": [SubgroupTest(covariate="crps", p=0.001, relation="<", direction=-1, tolerance=0.5)],
    "subgroup below, no direction": [SubgroupTest(covariate="crps", p=0.2, relation="<", tolerance=0.5)],
    "subgroup not significant": [SubgroupTest(covariate="crps", p=0.05, relation=">", tolerance=0.5)],
    "three groups": [SubgroupTest(covariate="site", p=0.2, tolerance=0.3)],
    "three groups, one tau, not significant": [SubgroupTest(covariate="site", p=0.05, relation=">", tau="common", method="reml")],
    **{
        f"slope {method}": [
            MetaRegressionSlope(estimate=-0.2, lower=-0.5, upper=0.1, method=method, interval=interval, **SLOPE),
            MetaRegressionTest(covariate="dose", p=0.2, direction=-1, tolerance=0.3, method=method),
        ]
        for method, interval in (("dl", "wald"), ("fe", "wald"), ("pm", "hksj"), ("reml", "hksj"))
    },
    "slope without limits": [MetaRegressionSlope(estimate=-0.2, **SLOPE)],
    "tau-squared": [Heterogeneity(tau2=0.6, digits=0)],
    "tau-squared reml": [Heterogeneity(tau2=0.6, digits=0, method="reml")],
    "Q": [Heterogeneity(q=9, digits=-1)],
    "I2 of a subgroup": [Heterogeneity(i2=40, digits=-1, covariate="crps", group=0)],
    "prediction": [PredictionInterval(lower=-3, upper=-0.2, half_width=0.5)],
    "prediction reml": [PredictionInterval(lower=-3, upper=-0.2, half_width=0.5, method="reml", interval="hksj", rule="metafor")],
    "none": [],
    "pooled": [POOLED],
    "pooled 90%": [PooledEstimate(estimate=-1.8, lower=-2.3, upper=-1.3, half_width=0.4, level=0.9)],
    "subgroup": [CRPS],
    "group of one": [LONE],
    "I2 zero": [Heterogeneity(i2=0)],
    "I2": [Heterogeneity(i2=60)],
    "I2 decimals": [Heterogeneity(i2=0.4, digits=1)],
    "count 0": [SignificantCount(count=0, direction=1, width=0.8)],
    "count 3": [SignificantCount(count=3, direction=-1, width=0.8)],
    "count all": [SignificantCount(count=6, direction=-1, width=2.0)],
    "below": [StudyTest(study="B", p=0.01, relation="<", direction=-1, width=0.5)],
    "below, higher": [StudyTest(study="C", p=0.2, relation="<", direction=1, width=0.5)],
    "above": [StudyTest(study="C", p=0.05, relation=">", width=0.5)],
    "all": [
        POOLED, CRPS, LONE, Heterogeneity(i2=30), SignificantCount(count=2, direction=-1, width=0.8),
        StudyTest(study="B", p=0.01, relation="<", direction=-1, width=0.5),
        StudyTest(study="C", p=0.05, relation=">", width=0.5),
    ],
}  # fmt: skip
CHOICES = (
    Choice(
        name="plus minus",  # changes the known numbers: two readings
        options=(
            Option(label="SD", weight=1, values={"A": {"se": 0.7}}),
            Option(label="SE", weight=2, values={"A": {"se": 0.25}}),
        ),
    ),
    Choice(
        name="D is CRPS",  # changes a covariate only
        options=(
            Option(label="yes", weight=3, values={"D": {"crps": 1}}),
            Option(label="no", weight=1, values={}),
        ),
    ),
)


def review(statistics, choices=CHOICES):
    crps = {"A": 1, "B": 1, "C": 0, "D": 0, "E": 0, "F": 0, "outside": 1}
    dose = dict(zip(crps, (0.0, 0.5, 3.0, 1.0, 2.0, 4.0, 1.0), strict=True))
    site = dict(zip(crps, (0, 1, 2, 0, 1, 2, 0), strict=True))
    covariates = {
        name: {"crps": value, "lone": int(name == "E"), "dose": dose[name], "site": site[name]}
        for name, value in crps.items()
    }
    studies = [Study(name=name, n=30, covariates=covariates[name], in_review=name != "outside") for name in crps]
    studies[0] = Study(name="A", y=-2.0, se=0.5, covariates=covariates["A"])
    return PublishedReview(studies=studies, statistics=statistics, sd=HalfNormal(2), choices=choices)


def random_point(arrays, seed):
    rng = np.random.default_rng(seed)
    n_readings, n_studies = arrays.y.shape
    y = rng.normal(-1.5, 1.0, (n_readings, n_studies))
    se = rng.uniform(0.3, 0.9, (n_readings, n_studies))
    fitted = rng.normal(-1.5, 0.5, (len(arrays.log_weight), n_studies))
    return [y, se, fitted, np.array(rng.uniform(0.1, 1.0))]


def constants(arrays):
    return (arrays.log_weight, arrays.reading, arrays.included, *arrays.encoded)


def value(arrays, point):
    y, se, fitted, tau = point
    return review_log_density(y, se, fitted, float(tau), *constants(arrays))[0]


@pytest.mark.parametrize("name", STATISTICS)
def test_kernel_equals_numpy(name):
    arrays = review_arrays(review(STATISTICS[name]))
    assert len(arrays.log_weight) == 4
    assert arrays.y.shape == (2, 7)
    for seed in range(5):
        y, se, fitted, tau = random_point(arrays, seed)
        at = arrays.reading
        studies = NUMPY.normal(y[at], fitted, np.sqrt(se[at] ** 2 + tau**2)).sum(axis=-1)
        printed = arrays.statistic_terms(arrays.trials(y, se))
        want = np.logaddexp.reduce(arrays.log_weight + studies + sum(printed))
        assert_allclose(value(arrays, (y, se, fitted, tau)), want, rtol=1e-10)


@pytest.mark.parametrize("name", STATISTICS)
def test_kernel_gradient_equals_finite_differences(name):
    arrays = review_arrays(review(STATISTICS[name]))
    step = 1e-6
    for seed in range(3):
        point = random_point(arrays, seed)
        y, se, fitted, tau = point
        gradient = review_log_density(y, se, fitted, float(tau), *constants(arrays))[1:]
        for k, derivative in enumerate(gradient):
            numeric = np.empty(np.shape(derivative))
            for i in np.ndindex(numeric.shape):
                sides = []
                for sign in (1, -1):
                    moved = [np.array(part, float) for part in point]
                    moved[k][i] += sign * step
                    sides.append(value(arrays, moved))
                numeric[i] = (sides[0] - sides[1]) / (2 * step)
            # rounding of a value of about 100 over the step leaves 1e-8; the curvature adds step^2
            assert_allclose(derivative, numeric, rtol=2e-5, atol=2e-6, err_msg=f"input {k}")


def scenario_density(labels, y, se, fitted, tau):
    """The density of one scenario, written out from the definitions with loops."""

    def pool(rows):
        weight = [1 / se[i] ** 2 for i in rows]
        common = sum(w * y[i] for w, i in zip(weight, rows, strict=True)) / sum(weight)
        q = sum(w * (y[i] - common) ** 2 for w, i in zip(weight, rows, strict=True))
        spread = sum(weight) - sum(w * w for w in weight) / sum(weight)
        tau2 = max(0.0, (q - len(rows) + 1) / spread) if len(rows) > 1 else 0.0
        weight = [1 / (se[i] ** 2 + tau2) for i in rows]
        mean = sum(w * y[i] for w, i in zip(weight, rows, strict=True)) / sum(weight)
        return mean, sum(weight) ** -0.5, q

    crps = [0, 1, 3] if labels[1] == "yes" else [0, 1]
    mean, error, q = pool(range(6))
    total = norm.logpdf(mean - 1.959963984540054 * error, -2.3, 0.4 / 1.959963984540054)
    total += norm.logpdf(mean + 1.959963984540054 * error, -1.3, 0.4 / 1.959963984540054)
    for group, p, sign, spread in ((crps, 0.079, -1, 0.3), ([4], 0.4, 1, 0.5)):
        a, b = pool(group), pool([i for i in range(6) if i not in group])
        z = (a[0] - b[0]) / np.hypot(a[1], b[1])
        total += norm.logpdf(z, sign * norm.isf(p / 2), spread)
    total += norm.logpdf(max(0.0, 100 * (q - 5) / q), 30, 0.5 / 1.959963984540054)
    chance = [expit((-y[i] / se[i] - 1.959963984540054) / 0.8) for i in range(6)]
    pairs = itertools.combinations(range(6), 2)
    total += np.log(sum(np.prod([c if i in pair else 1 - c for i, c in enumerate(chance)]) for pair in pairs))
    total += np.log(expit((-y[1] / se[1] - norm.isf(0.005)) / 0.5))
    total += np.log(expit((norm.isf(0.025) - abs(y[2] / se[2])) / 0.5))
    return total + norm.logpdf(y, fitted, np.sqrt(se**2 + tau**2)).sum()


def test_kernel_equals_the_definitions_written_out():
    arrays = review_arrays(review(STATISTICS["all"]))
    prior = {"SD": 1 / 3, "SE": 2 / 3, "yes": 3 / 4, "no": 1 / 4}
    for seed in range(3):
        y, se, fitted, tau = random_point(arrays, seed)
        density = []
        for s, labels in enumerate(arrays.labels):
            r = arrays.reading[s]
            weight = np.log(prior[labels[0]] * prior[labels[1]])
            density.append(weight + scenario_density(labels, y[r], se[r], fitted[s], tau))
        assert_allclose(value(arrays, (y, se, fitted, tau)), np.logaddexp.reduce(density), rtol=1e-9)


def test_i2_zero_fades_out_where_it_would_be_printed_as_one():
    arrays = review_arrays(review([Heterogeneity(i2=0)], choices=()))
    rng = np.random.default_rng(3)
    y, se = rng.normal(0, 0.7, size=(200, 1, 7)), np.full((200, 1, 7), 0.6)
    trials = arrays.trials(y, se)
    allowed = np.exp(arrays.statistic_terms(trials)[0][:, 0])
    q, i2 = trials.fits.q[:, 0, 0], trials.fits.i2[:, 0, 0]
    clear = np.abs(q - 5 / 0.995) > 0.25  # five times the softness
    assert_allclose(allowed[clear], i2[clear] < 0.5, atol=0.01)
    assert set(i2[clear] < 0.5) == {True, False}


def test_poisson_binomial_equals_brute_force():
    rng = np.random.default_rng(4)
    logit = rng.normal(0, 2, size=(3, 6))
    chance = expit(logit)
    total = np.zeros(3)
    for count in range(7):
        want = np.zeros(3)
        for chosen in itertools.combinations(range(6), count):
            inside = np.isin(np.arange(6), chosen)
            want += np.where(inside, chance, 1 - chance).prod(axis=-1)
        got = np.exp(log_poisson_binomial(logit, count))
        assert_allclose(got, want, rtol=1e-10)
        total += got
    assert_allclose(total, 1, rtol=1e-12)


def test_more_significant_studies_than_studies_are_refused():
    with pytest.raises(DataError, match="7 significant studies were published, but the review has only 6"):
        log_poisson_binomial(np.zeros(6), 7)
