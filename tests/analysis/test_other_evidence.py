"""A review with other evidence in an analysis file: what is built, what is said of it, and what is rejected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import bayesmeta as bm
from bayesmeta.analysis.other_evidence import changes, on_other_evidence, reviews
from bayesmeta.analysis.schema import OtherEvidence, Outcome, Probability
from bayesmeta.data.review import with_option
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare

POOL = bm.PooledEstimate(estimate=-0.5, lower=-0.8, upper=-0.2, half_width=0.05)
TEST = bm.SubgroupTest(covariate="high", p=0.3, direction=-1, tolerance=0.1)
CHOICE = bm.Choice(
    name="group of C",
    options=[bm.Option(label="low", weight=1), bm.Option(label="high", weight=1, values={"C": {"high": 1}})],
)
REVIEW = bm.PublishedReview(
    studies=[
        bm.Study(name=name, n=n, covariates={"high": high})
        for name, n, high in (("A", 40, 1), ("B", 60, 0), ("C", 30, 0), ("D", 80, 1), ("E", 50, 0))
    ],
    statistics=[POOL, TEST],
    sd=bm.LogNormal(0.1, 0.5),
    choices=[CHOICE],
)
MODEL = bm.NormalNormal(formula="1 + high", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5), beta={"high": bm.Normal(0, 1)})
SIGNAL = {"name": "dose", "model": "m", "claim": "high < 0", "claim_label": "larger", "quantity": "high"}


def outcome(
    *evidence: dict[str, Any], studies: str | None = "studies.csv", probabilities: tuple[dict[str, str], ...] = ()
) -> Outcome:
    rows = [OtherEvidence.model_validate({"label": "other", "source": "a paper"} | one) for one in evidence]
    asked = Outcome.model_construct(studies=studies, signals=[], sensitivity=None)
    section = Outcome.model_fields["sensitivity"].annotation
    signal = Outcome.model_fields["signals"].annotation.__args__[0].model_validate(SIGNAL)  # type: ignore[union-attr]
    questions = [Probability.model_validate(one) for one in probabilities]
    return asked.model_copy(  # type: ignore[misc]
        update={"sensitivity": section(evidence=rows), "signals": [signal], "probabilities": questions}
    )


BOUND = {"kind": "study", "study": "B", "p": 0.05, "relation": ">"}
CASES: dict[str, tuple[dict[str, Any], bm.PublishedReview, tuple[str, ...]]] = {
    "more": (
        {"published": [BOUND]},
        replace(REVIEW, statistics=[POOL, TEST, bm.StudyTest(study="B", p=0.05, relation=">")]),
        ("with P value of B: P > 0.05",),
    ),
    "less": (
        {"without": ["subgroup test: high"]}, replace(REVIEW, statistics=[POOL]), ("without subgroup test: high",)
    ),
    "decided": (
        {"options": {"group of C": "high"}},
        replace(
            REVIEW,
            choices=[],
            studies=[replace(one, covariates={"high": 1.0}) if one.name == "C" else one for one in REVIEW.studies],
        ),
        ("group of C: high",),
    ),
    "outside": (
        {"outside": ["D"]},
        replace(REVIEW, studies=[replace(one, in_review=one.name != "D") for one in REVIEW.studies]),
        ("D not in the review's pool",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_other_evidence_is_the_review_it_says(case: str) -> None:
    evidence, wanted, said = CASES[case]
    found = reviews(outcome(evidence), REVIEW)["other"]
    assert found.statistics == wanted.statistics
    assert [one.in_review for one in found.studies] == [one.in_review for one in wanted.studies]
    assert [dict(one.covariates) for one in found.studies] == [dict(one.covariates) for one in wanted.studies]
    assert found.choices == wanted.choices
    assert changes(REVIEW, found, evidence.get("options", {})) == said


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ({}, "evidence 'other': it changes nothing"),
        ({"without": ["subgroup test: hgih"]}, "no statistic 'subgroup test: hgih'. Did you mean 'subgroup test: high'"),
        ({"outside": ["F"]}, "no study 'F'"),
        ({"options": {"group": "high"}}, "no choice 'group'"),
        ({"options": {"group of C": "hihg"}}, "no option of 'group of C' 'hihg'. Did you mean 'high'"),
    ],
)  # fmt: skip
def test_evidence_that_is_not_of_the_review_is_rejected(evidence: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        reviews(outcome(evidence), REVIEW)


def test_it_is_of_published_reviews_alone() -> None:
    with pytest.raises(SpecificationError, match="it is of a published review, and this outcome has none"):
        reviews(outcome({"published": [BOUND]}, studies=None), REVIEW)


def test_a_label_twice_is_rejected() -> None:
    with pytest.raises(SpecificationError, match="evidence 'other' is given twice"):
        reviews(outcome({"published": [BOUND]}, {"without": ["subgroup test: high"]}), REVIEW)


def test_answers_are_those_of_fits_of_the_other_review() -> None:
    asked = outcome({"without": ["subgroup test: high"]} | {"label": "less"}, {"options": {"group of C": "high"}})
    found = on_other_evidence(asked, {"m": prepare(REVIEW, MODEL)}, seed=2).signals["dose"]
    less, decided = replace(REVIEW, statistics=[POOL]), with_option(REVIEW, "group of C", "high")
    for label, review in (("less", less), ("other", decided)):
        fit = bm.fit(review, MODEL, seed=2)
        (answer,) = found[label].under.answers
        assert answer.probability == fit.probability("high < 0")
        assert answer.mcse == fit.probability_mcse("high < 0")
        assert found[label].under.method == "importance"
    # without its test a review says little of a difference: its probability is nearer to one half
    flat, tested = found["less"].under.answers[0].probability, bm.fit(REVIEW, MODEL, seed=2).probability("high < 0")
    assert abs(flat - 0.5) < abs(tested - 0.5) - 0.1


def test_probabilities_with_other_evidence_are_those_of_fits_too() -> None:
    question = {"label": "larger at high dose", "claim": "high < -0.2", "model": "m"}
    asked = outcome({"without": ["subgroup test: high"]}, probabilities=(question,))
    (found,) = on_other_evidence(asked, {"m": prepare(REVIEW, MODEL)}, seed=2).probabilities
    fit = bm.fit(replace(REVIEW, statistics=[POOL]), MODEL, seed=2)
    (answer,) = found["other"].under.answers
    assert answer.probability == fit.probability("high < -0.2")
    assert found["other"].changes == ("without subgroup test: high",)


def test_without_refits_a_review_that_importance_sampling_refuses_has_no_numbers() -> None:
    one_latent = replace(
        REVIEW, studies=[replace(one, y=-0.3, se=0.3, n=None) for one in REVIEW.studies[:-1]] + [REVIEW.studies[-1]]
    )
    asked = outcome({"published": [BOUND]})
    answers = on_other_evidence(asked, {"m": prepare(one_latent, MODEL)}, seed=2, refit=False).signals["dose"]["other"]
    assert answers.under.method == "refitted"
    assert answers.under.answers[0].probability == 0
