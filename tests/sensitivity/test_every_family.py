"""Every question answers for every family, or rejects it in one line that says why, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.families.registry import FAMILIES, family_of

BASE = bm.NormalNormal(mu=bm.Normal(0, 4), tau=bm.HalfNormal(1))
ESTIMATES = bm.Estimates(y=[-1.8, -0.3, -0.9], se=[0.3, 0.3, 0.4], covariates={"lab": ["a", "a", "b"]})
ARMS = bm.ArmMeans(mean_t=[3, 4], mean_c=[5, 5], n_t=[20, 30], n_c=[20, 30], sd_t=[2, np.nan], sd_c=[2, np.nan])
CHANGES = bm.ArmChanges(
    n_t=[20, 30], n_c=[20, 30],
    mean_pre_t=[6, 6], sd_pre_t=[2, 2], mean_post_t=[3, 4], sd_post_t=[2, 2],
    mean_pre_c=[6, 6], sd_pre_c=[2, 2], mean_post_c=[5, 5], sd_post_c=[2, 2],
)  # fmt: skip
REVIEW = bm.PublishedReview(
    studies=[bm.Study(name="A", n_t=20, n_c=20, y=-1.8, se=0.3), bm.Study(name="B", n_t=30, n_c=30)],
    statistics=[bm.PooledEstimate(estimate=-1.2, lower=-2.0, upper=-0.4)],
    sd=bm.LogNormal(0.7, 0.5),
)
CASES: dict[str, tuple[Any, Any]] = {
    "two scales": (ESTIMATES, bm.TwoScales(BASE, bm.Cluster("lab"), bm.HalfNormal(1))),
    "arm_normal": (ARMS, bm.ArmNormal(base=BASE, typical_sd=bm.LogNormal(0.7, 0.5), sd_variation=bm.HalfNormal(0.3))),
    "change_normal": (
        CHANGES,
        bm.ChangeNormal(base=BASE, correlation=bm.Uniform(0, 1), correlation_variation=bm.HalfNormal(0.3)),
    ),
    "binomial_normal": (
        bm.Counts(events_t=[2, 0], n_t=[20, 30], events_c=[5, 3], n_c=[20, 30]), bm.BinomialNormal(base=BASE)
    ),
    "proportions": (bm.Proportions(events=[2, 0], n=[20, 30]), bm.BinomialNormal(base=BASE)),
    "hypergeometric_normal": (
        bm.Counts(events_t=[2, 0], n_t=[20, 30], events_c=[5, 3], n_c=[20, 30]), bm.HypergeometricNormal(base=BASE)
    ),
    "poisson_normal": (
        bm.Rates(events_t=[2, 0], time_t=[20, 30], events_c=[5, 3], time_c=[20, 30]), bm.PoissonNormal(base=BASE)
    ),
    "incidence rates": (bm.IncidenceRates(events=[2, 0], time=[20, 30]), bm.PoissonNormal(base=BASE)),
    "beta_binomial": (bm.Counts(events_t=[2, 0], n_t=[20, 30], events_c=[5, 3], n_c=[20, 30]), bm.BetaBinomial()),
    "beta_binomial proportions": (bm.Proportions(events=[2, 0], n=[20, 30]), bm.BetaBinomial()),
    "mixed_normal": (bm.MixedStudies(y=[0.2, 0.5], se=[0.2, 0.3], df=[9, 4]), bm.MixedNormal(base=BASE)),
    "dose_response": (
        bm.Estimates([0.1, 0.4], [0.1, 0.2], covariates={"dose": [1.0, 2.0]}),
        bm.DoseResponse("linear", bm.Normal(0, 1), bm.HalfNormal(1), unit_dose=2),
    ),
    "time_course": (
        bm.Estimates(y=[0.5, 0.4], se=[0.1, 0.2], covariates={"time": [1.0, 3]}), bm.TimeCourse(base=BASE, rho=0.5)
    ),
    "review": (REVIEW, BASE),
}  # fmt: skip
# What takes a model that is normal given one standard deviation of effects, and nothing else.
NORMAL_ONLY: dict[str, Callable[[Any, Any], Any]] = {
    "model_average": bm.model_average,
    "bayes_factor_curve": lambda data, model: bm.bayes_factor_curve(data, model, "mu = 0"),
    "prior_derivatives": bm.prior_derivatives,
    "box_p_value": bm.box_p_value,
    "prior_data_conflict": bm.prior_data_conflict,
    "simulation_based_calibration": lambda data, model: bm.simulation_based_calibration(model, [1.0, 1.0]),
    "prior_predictive": lambda data, model: bm.prior_predictive(model),
}
TAKES_MODEL_ALONE = ("simulation_based_calibration", "prior_predictive")


def test_every_family_has_a_case() -> None:
    assert {family_of(*case) for case in CASES.values()} == set(FAMILIES)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("question", NORMAL_ONLY)
def test_a_question_for_normal_models_rejects_others_in_one_line(question: str, case: str) -> None:
    if case == "review" and question in TAKES_MODEL_ALONE:
        return  # the model of a review is the normal one, and these take no data
    with pytest.raises((bm.SpecificationError, bm.DataError)) as caught:
        NORMAL_ONLY[question](*CASES[case])
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{question} takes a NormalNormal of Estimates, ")
    assert text.endswith(tuple(f"got {type(one).__name__}." for one in CASES[case]))


# What fits by any engine, and hands the sampler's settings on.
FITTING: dict[str, Callable[..., Any]] = {
    "tipping_point": lambda **more: bm.tipping_point(ESTIMATES, BASE, "mu < 0", **more),
    "prior_sensitivity": lambda **more: bm.prior_sensitivity(ESTIMATES, BASE, tau=[bm.HalfNormal(1)], **more),
    "leave_one_out": lambda **more: bm.leave_one_out(ESTIMATES, BASE, **more),
}


@pytest.mark.parametrize("question", FITTING)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "gibbs"}, "engine='gibbs' is not known; choose one of"),
        ({"drwas": 500}, r"drwas=500: there is no such argument\. Did you mean 'draws'\?"),
        ({"draws": 0}, "draws=0: must be a whole number"),
        ({"repeat": True}, "repeat=True: there is no such argument"),
    ],
)
def test_a_setting_without_a_use_is_rejected_where_fits_are_exact_too(question: str, given: Any, message: str) -> None:
    with pytest.raises(bm.SpecificationError, match=message):
        FITTING[question](**given)
