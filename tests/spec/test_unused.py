"""A prior without a parameter is rejected wherever a model is built or changed."""

from __future__ import annotations

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare

DATA = bm.Estimates(
    [0.3, 0.5, -0.2, 0.4], [0.2, 0.3, 0.2, 0.25], covariates={"group": ["x", "x", "z", "z"], "dose": [1, 2, 3, 5]}
)
MEANS = bm.NormalNormal(formula="0 + group", tau=bm.HalfNormal(0.5), beta={"group": bm.Normal(0, 1)})
HALF = bm.HalfNormal(0.5)


@pytest.mark.parametrize("formula", ["0 + group", "group - 1", "-1 + dose", "0"])
@pytest.mark.parametrize(
    "prior", [{"mu": bm.Normal(0, 0.01)}, {"beta": {("mu", "dose"): bm.MultivariateNormal([0, 0], [[1, 0], [0, 1]])}}]
)
def test_a_prior_on_mu_needs_an_intercept(formula, prior):
    with pytest.raises(SpecificationError, match=r"has no mu, for it has no intercept"):
        bm.NormalNormal(formula=formula, tau=HALF, **prior)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: bm.prior_sensitivity(DATA, MEANS, "group[x] > 0", mu=[bm.Normal(0, 1), bm.Normal(0, 0.1)]),
        lambda: bm.tipping_point(DATA, MEANS, "mu > 0"),
        lambda: bm.prior_sensitivity(DATA, MEANS, "mu > 0", tau=[HALF]),
        lambda: bm.fit(DATA, MEANS).probability("mu > 0"),
        lambda: bm.compare(DATA, MEANS),
        lambda: bm.map_prior(DATA, MEANS),
        lambda: bm.fit_batch(DATA.y, DATA.se, tau=HALF, beta={"dose": bm.Normal(0, 1)}),
    ],
    ids=["prior_sensitivity", "tipping_point", "claim", "probability", "compare", "map_prior", "fit_batch"],
)
def test_every_question_rejects_a_parameter_that_is_not_there(ask):
    with pytest.raises(SpecificationError):
        ask()


def test_a_model_without_mu_says_nothing_of_one():
    assert "mu=" not in str(MEANS)
    assert "mu" not in MEANS.as_dict()
    assert prepare(DATA, MEANS).names == ["tau", "group[x]", "group[z]"]


def test_the_prior_on_the_means_has_its_effect():
    """With tau known each group is conjugate; a narrow prior pulls its mean to zero, where a flat one leaves it."""
    model = bm.NormalNormal(formula="0 + group", tau=bm.PointMass(0.1), beta={"group": bm.Normal(0, 0.01)})
    rows = np.array([0, 1])
    w = 1 / (DATA.v[rows] + 0.01)
    mean, precision = (w @ DATA.y[rows]) / (w.sum() + 1e4), w.sum() + 1e4
    row = bm.fit(DATA, model).summary().loc["group[x]"]
    assert [row["mean"], row["sd"]] == pytest.approx([mean, precision**-0.5], rel=1e-8)


def test_a_review_takes_no_structure():
    review = bm.PublishedReview(
        studies=[bm.Study(name="A", y=0.1, se=0.2), bm.Study(name="B", y=0.3, se=0.2)],
        statistics=[],
        sd=bm.LogNormal(0, 1),
    )
    for model in (
        bm.NormalNormal(tau=HALF, between=bm.MultiArm("trial")),
        bm.TwoScales(bm.NormalNormal(tau=HALF), bm.Cluster("lab"), HALF),
    ):
        with pytest.raises(SpecificationError, match="needs estimates"):
            prepare(review, model).check()


def test_a_reading_of_spreads_needs_one_that_is_in_doubt():
    arms = bm.ArmMeans(mean_t=[1.0, 2], sd_t=[1, 1], n_t=[20, 20], mean_c=[2, 3], sd_c=[1, 1], n_c=[20, 20])
    base = bm.NormalNormal(mu=bm.Normal(0, 1), tau=HALF)
    model = bm.ArmNormal(base=base, typical_sd=bm.LogNormal(0, 1), sd_variation=HALF, sd_probability=0.3)
    with pytest.raises(SpecificationError, match="sd_probability=0.3: no study's spread is 'sd_or_se'"):
        prepare(arms, model).check()
