"""Evidence that reviews print beside a pool and a test: what each number stands for, and what is rejected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm

import bayesmeta as bm
from bayesmeta.data.statistics.rounding import root_quantile
from bayesmeta.errors import DataError
from bayesmeta.families.review.arrays import review_arrays

STUDIES = [
    bm.Study(name=name, n=40, covariates={"site": site, "crps": crps, "dose": dose})
    for name, site, crps, dose in (("A", 0, 0, 0.5), ("B", 1, 1, 1.0), ("C", 2, 0, 4.0), ("D", 0, 1, 2.0))
]
INTERVAL = {"lower": -1.0, "upper": 0.2}


def review(*statistics, studies=STUDIES, **options):
    return bm.PublishedReview(studies=studies, statistics=statistics, sd=bm.LogNormal(0, 0.5), **options)


def test_root_of_a_quantile_has_the_tail_that_was_printed():
    for p in (0.9, 0.05, 1e-6):
        assert 2 * norm.sf(root_quantile(p)) == pytest.approx(p, rel=1e-9)
        assert chi2.sf(root_quantile(p, 3) ** 2, 3) == pytest.approx(p, rel=1e-9)


def test_rounding_of_p_is_that_of_z():
    test = bm.SubgroupTest(covariate="crps", p=0.079, direction=-1)
    low, high = norm.isf(0.0795 / 2), norm.isf(0.0785 / 2)
    assert test.rounding == pytest.approx((high - low) / 4, rel=1e-3)
    assert test.observed_within.sd == test.rounding
    bound = bm.SubgroupTest(covariate="crps", p=0.05, relation=">")
    assert (bound.spread, bound.observed_within.rounding) == (0.05, None)


def test_names_tell_statistics_apart():
    names = [
        one.name
        for one in (
            bm.PooledEstimate(estimate=-0.4, **INTERVAL),
            bm.PooledEstimate(estimate=-0.4, covariate="crps", **INTERVAL),
            bm.PooledEstimate(estimate=-0.4, covariate="crps", group=0, **INTERVAL),
            bm.PredictionInterval(**INTERVAL),
            bm.Heterogeneity(i2=30),
            bm.Heterogeneity(tau2=0.1),
            bm.Heterogeneity(q=3.0),
            bm.SubgroupTest(covariate="crps", p=0.2),
            bm.MetaRegressionSlope(covariate="dose", estimate=0.1),
            bm.MetaRegressionTest(covariate="dose", p=0.1),
        )
    ]
    assert len(set(names)) == len(names)
    assert names[1:3] == ["pooled estimate and CI: crps = 1", "pooled estimate and CI: crps = 0"]


REJECTED = {
    "two numbers": (lambda: bm.Heterogeneity(i2=30, tau2=0.1), "give one of i2, tau2 and q; got i2, tau2"),
    "none of three": (lambda: bm.Heterogeneity(), "give one of i2, tau2 and q; got none"),
    "negative tau2": (lambda: bm.Heterogeneity(tau2=-0.1), "tau-squared must be a number, not negative; got -0.1"),
    "tau2 of a common effect": (lambda: bm.Heterogeneity(tau2=0.1, method="fe"), "method='fe' is not known"),
    "a method": (lambda: bm.PooledEstimate(estimate=-0.4, method="remll", **INTERVAL), "method='remll'.*Did you mean 'reml'"),
    "an interval": (lambda: bm.PooledEstimate(estimate=-0.4, interval="knha", **INTERVAL), "interval='knha' is not known"),
    "limits swapped": (lambda: bm.PredictionInterval(lower=1.0, upper=-1.0), "the interval .1, -1. has no width"),
    "prediction of a common effect": (lambda: bm.PredictionInterval(method="fe", **INTERVAL), "method='fe' is not known"),
    "a direction of no difference": (
        lambda: bm.SubgroupTest(covariate="crps", p=0.05, relation=">", direction=1),
        "bounds the size of the difference on both sides, and takes no direction; got 1",
    ),
    "one limit": (lambda: bm.MetaRegressionSlope(covariate="dose", estimate=0.1, lower=0.0), "give both limits or neither"),
    "a slope outside": (
        lambda: bm.MetaRegressionSlope(covariate="dose", estimate=0.9, lower=0.0, upper=0.4), "does not contain its estimate 0.9"
    ),
    "a correlation of arms": (
        lambda: bm.Study(name="A", n_t=10, n_c=10, correlation=0.5), "both treatments.*Give their number n"
    ),
    "a correlation of one": (lambda: bm.Study(name="A", n=10, correlation=1.0), "correlation must lie between -1 and 1; got 1.0"),
    "the same twice": (
        lambda: review(bm.Heterogeneity(i2=30), bm.Heterogeneity(i2=40)), r"I-squared is given twice \(statistics 1 and 2\)"
    ),
    "no such group": (
        lambda: review(bm.PooledEstimate(estimate=-0.4, covariate="crps", group=2, **INTERVAL)), "in that group. Groups: 0, 1"
    ),
    "a gap between groups": (
        lambda: review(
            bm.SubgroupTest(covariate="site", p=0.2),
            studies=[bm.Study(name=name, n=9, covariates={"site": site}) for name, site in (("A", 0), ("B", 2))],
        ),
        "groups must be numbered 0, 1 and so on; got 0, 2",
    ),
    "a direction of three groups": (
        lambda: review(bm.SubgroupTest(covariate="site", p=0.2, direction=1)), "between 3 groups has no direction; got 1"
    ),
    "a slope on a range": (
        lambda: review(
            bm.MetaRegressionTest(covariate="dose", p=0.2),
            studies=[*STUDIES, bm.Study(name="E", n=9, covariates={"dose": bm.Range(1, 2)})],
        ),
        "study 'E' must be given a number; got Range",
    ),
    "a line through two": (
        lambda: review(bm.MetaRegressionTest(covariate="dose", p=0.2), studies=STUDIES[:2]), "2 studies leave nothing for tau"
    ),
    "a prediction from two": (
        lambda: review(bm.PredictionInterval(**INTERVAL), studies=STUDIES[:2]), "at least 3 studies; 2 were pooled"
    ),
    "Hartung and Knapp of one": (
        lambda: review(
            bm.PooledEstimate(estimate=-0.4, covariate="site", group=2, interval="hksj", **INTERVAL), studies=STUDIES
        ),
        "site = 2: it needs at least 2 studies; 1 were pooled",
    ),
    "no number": (
        lambda: review(
            bm.SubgroupTest(covariate="crps", p=0.2),
            studies=[*STUDIES, bm.Study(name="E", n=9, covariates={"crps": float("nan")})],
        ),
        "study 'E' must be in group 0 or 1, or another whole number from 0; got nan",
    ),
    "an infinite dose": (
        lambda: review(
            bm.MetaRegressionTest(covariate="dose", p=0.2),
            studies=[*STUDIES, bm.Study(name="E", n=9, covariates={"dose": float("inf")})],
        ),
        "study 'E' must be given a number; got inf",
    ),
    "one tau of nothing": (
        lambda: review(bm.SubgroupTest(covariate="site", p=0.2, tau="common"), studies=STUDIES[:3]),
        "3 studies in 3 groups leave nothing for a common",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_right_is_rejected(name):
    make, message = REJECTED[name]
    with pytest.raises(DataError, match=message):
        make()


def test_a_review_may_print_two_pools() -> None:
    """With a common effect and with random effects: their names differ, and the first is the review's."""
    found = review(
        bm.PooledEstimate(estimate=-0.4, method="fe", **INTERVAL), bm.PooledEstimate(estimate=-0.4, **INTERVAL)
    )
    assert found.pooled is found.statistics[0]
    assert [one.name for one in found.statistics] == ["pooled estimate and CI (fe)", "pooled estimate and CI"]


def test_pairs_are_more_precise_than_arms():
    """The standard error of a mean of differences is sd sqrt(2 (1 - r) / n), whether n is known or a range."""
    studies = [bm.Study(name="X", n=20, correlation=0.4), bm.Study(name="Y", n=bm.Range(20, 60), correlation=0.6)]
    arrays = review_arrays(bm.PublishedReview(studies=studies, statistics=[], sd=bm.LogNormal(0, 0.5), n_total=60))
    se = arrays.standard_errors(np.array([1.5, 2.0]), np.zeros(0))
    assert se[0].tolist() == pytest.approx([1.5 * (1.2 / 20) ** 0.5, 2.0 * (0.8 / 40) ** 0.5])
