"""Published reviews as data: what is refused and how, scenarios, hashes, and sizes that add up."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.data.review import Choice, Option, PublishedReview, Range, Study, study_size
from bayesmeta.data.statistics import PooledEstimate, SignificantCount, StudyTest, SubgroupTest
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.priors import Flat, HalfNormal, LogNormal, Normal

POOLED = PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31)


def review(**changes):
    fields = {
        "studies": [
            Study(name="Schwartzman", n=19, covariates={"crps": 1, "dose": 30}),
            Study(
                name="Sigtermans",
                n_t=30,
                n_c=30,
                y=-2.77,
                se=0.7,
                covariates={"crps": 1, "dose": Range(50, 70)},
            ),
            Study(name="Noppers", n_t=12, n_c=12, covariates={"crps": 0, "dose": 15}),
        ],
        "statistics": [POOLED],
        "sd": LogNormal(0.7, 0.5),
    }
    return PublishedReview(**(fields | changes))


def sizes(studies):
    return [study_size(study)[:2] for study in studies]


def test_fields():
    found = review()
    assert found.study == ("Schwartzman", "Sigtermans", "Noppers")
    assert found.n_studies == 3
    assert [study.known for study in found.studies] == [False, True, False]
    assert found.covariate_names == ("crps", "dose")
    assert sizes(found.studies) == [(19, 4 / 19), (60, 2 / 30), (24, 4 / 24)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.n_total = 3


STUDY = {
    "se zero": ({"y": 1, "se": 0}, "study 'A': se must be positive; got 0"),
    "se negative": ({"y": 1, "se": -0.2}, "se must be positive; got -0.2"),
    "se missing": ({"y": 1, "se": math.nan}, "se must be positive; got nan"),
    "y alone": ({"y": 1, "n": 20}, "y and se are known together or not at all; got y=1, se=None"),
    "se alone": ({"se": 1, "n": 20}, "got y=None, se=1"),
    "y missing": ({"y": math.nan, "se": 1}, "study 'A': y must be a finite number; got nan"),
    "one arm": ({"n_t": 10}, "give n_t and n_c together, or their total n; got 10 and None"),
    "empty arm": ({"n_t": 0, "n_c": 10}, "n_t must be at least 1; got 0"),
    "range from zero": ({"n": Range(0, 10)}, "n must be at least 1"),
    "nothing known": ({}, "neither y and se nor an arm size is given; state n, or a range for it"),
}


@pytest.mark.parametrize("case", STUDY)
def test_refused_study(case):
    fields, message = STUDY[case]
    with pytest.raises(DataError, match=message):
        Study(name="A", **fields)


@pytest.mark.parametrize("limits", [(2, 2), (3, 2), (0, math.inf), (math.nan, 1)])
def test_refused_range(limits):
    with pytest.raises(DataError, match="a range needs finite limits, lower below upper"):
        Range(*limits)


def option(label="a", weight=1.0, **values):
    return Option(label=label, weight=weight, values=values)


def choice(*options):
    return Choice(name="seventh trial", options=options)


def group(name, value, **fields):
    return Study(name=name, n=20, covariates={} if value is None else {"crps": value}, **fields)


CRPS = SubgroupTest(covariate="crps", p=0.079, direction=-1)
REVIEW = {
    "no study": ({"studies": []}, "at least one study"),
    "duplicate study": (
        {"studies": [Study(name="A", n=9), Study(name="B", n=9), Study(name="A", n=8)]},
        r"study 'A' is given twice \(entries 1 and 3\)",
    ),
    "unknown study in an option": (
        {"choices": [choice(option(Schwarzman={"n": 20}), option("b"))]},
        "choice 'seventh trial', option 'a': no study 'Schwarzman'. Did you mean 'Schwartzman'",
    ),
    "known under one option": (
        {"choices": [choice(option(Noppers={"y": 1.0, "se": 0.5}), option("b"))]},
        "study 'Noppers': y and se must be known under every option or under none",
    ),
    "unknown study in a test": (
        {"statistics": [StudyTest(study="Nopers", p=0.05, relation=">")]},
        "P value of Nopers: no such study. Did you mean 'Noppers'",
    ),
    "unknown covariate": (
        {"statistics": [SubgroupTest(covariate="crsp", p=0.1, direction=1)]},
        r"subgroup test: crsp: no covariate 'crsp'. Did you mean 'crps'\? Covariates: crps, dose",
    ),
    "group that is not a group": (
        {"statistics": [SubgroupTest(covariate="dose", p=0.1, direction=1)]},
        "study 'Sigtermans' must be in group 0 or 1, or another whole number from 0; got Range",
    ),
    "no group": (
        {"studies": [group("A", 1), group("B", None)], "statistics": [CRPS]},
        "study 'B' must be in group 0 or 1, or another whole number from 0; got None",
    ),
    "one group": (
        {"studies": [group("A", 1), group("B", 1)], "statistics": [CRPS]},
        "subgroup test: crps: covariate without variation, every study is in group 1",
    ),
    "one group within the review": (
        {"studies": [group("A", 1), group("B", 1), group("C", 0, in_review=False)], "statistics": [CRPS]},
        "covariate without variation",
    ),
    "one group under one option": (
        {"statistics": [CRPS], "choices": [choice(option(Noppers={"crps": 1}), option("b"))]},
        "covariate without variation",
    ),
    "more significant than pooled": (
        {
            "studies": [Study(name="A", n=9), Study(name="B", n=9), Study(name="C", n=8, in_review=False)],
            "statistics": [SignificantCount(count=3, direction=-1)],
        },
        "number of significant studies: 3 of 2 studies cannot be significant",
    ),
}


@pytest.mark.parametrize("case", REVIEW)
def test_refused_review(case):
    changes, message = REVIEW[case]
    with pytest.raises(DataError, match=message) as caught:
        review(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("sd", "message"), [(Normal(0, 1), "mass below zero"), (Flat(), "does not integrate to one")])
def test_refused_prior_on_the_unit_sd(sd, message):
    with pytest.raises(SpecificationError, match=message):
        review(sd=sd)


@pytest.mark.parametrize("weight", [0, -1, math.inf, math.nan])
def test_refused_weight(weight):
    with pytest.raises(DataError, match="option 'a': weight must be positive"):
        option(weight=weight)


@pytest.mark.parametrize("options", [(), (option(),), (option(), option())])
def test_refused_choice(options):
    with pytest.raises(DataError, match="choice 'seventh trial': needs at least two options with different labels"):
        choice(*options)


@given(weights=st.lists(st.lists(st.floats(0.01, 100), min_size=2, max_size=4), max_size=3))
def test_scenario_weights_are_products_that_sum_to_one(weights):
    choices = [
        Choice(name=f"choice {i}", options=[option(str(j), weight) for j, weight in enumerate(row)])
        for i, row in enumerate(weights)
    ]
    scenarios = review(choices=choices).scenarios()
    assert len(scenarios) == math.prod(len(row) for row in weights)
    assert len({s.labels for s in scenarios}) == len(scenarios)
    assert sum(math.exp(s.log_weight) for s in scenarios) == pytest.approx(1, abs=1e-12)
    for scenario in scenarios:
        want = math.prod(row[int(label)] / sum(row) for row, label in zip(weights, scenario.labels, strict=True))
        assert math.exp(scenario.log_weight) == pytest.approx(want)


def test_options_set_what_they_name():
    se = Choice(
        name="plus minus",
        options=[option("SD", Sigtermans={"se": 0.7}), option("SE", Sigtermans={"se": 2.1})],
    )
    size = Choice(
        name="size",
        options=[
            option("arms", Schwartzman={"n_t": 9, "n_c": 10}),
            option("total", Noppers={"n": 30, "pain": 4}),
        ],
    )
    found = review(choices=[se, size])
    scenarios = found.scenarios()
    assert [s.labels for s in scenarios] == [("SD", "arms"), ("SD", "total"), ("SE", "arms"), ("SE", "total")]
    assert [s.studies[1].se for s in scenarios] == [0.7, 0.7, 2.1, 2.1]
    assert sizes(scenarios[0].studies) == [(19, 1 / 9 + 1 / 10), (60, 2 / 30), (24, 4 / 24)]
    assert sizes(scenarios[1].studies) == [(19, 4 / 19), (60, 2 / 30), (30, 4 / 30)]
    assert scenarios[1].studies[2].covariates == {"crps": 0, "dose": 15, "pain": 4}
    assert found.covariate_names == ("crps", "dose", "pain")
    assert found.studies[2].covariates == {"crps": 0, "dose": 15}


def test_hash_is_of_the_content():
    assert review().hash == review().hash
    others = [
        review(statistics=[]),
        review(n_total=103),
        review(sd=HalfNormal(2)),
        review(choices=[choice(option(), option("b"))]),
        review(studies=[Study(name="A", n=20)]),
        review(studies=[Study(name="A", n=20), Study(name="B", n=20, in_review=False)]),
        review(studies=[Study(name="A", n=20, covariates={"crps": 1})]),
    ]
    assert len({other.hash for other in [review(), *others]}) == 8


def test_hash_is_the_same_on_every_machine():
    """Reports keep it: it may change with the format of a review only."""
    small = PublishedReview(studies=[Study(name="A", n=20)], statistics=[POOLED], sd=LogNormal(0.7, 0.5))
    assert small.hash == "b25a83df1621df5fe1faf26d32a51e8023248549999d4945d448006696c93058"


lower_and_width = st.tuples(st.integers(1, 60), st.integers(1, 80))


@given(
    limits=st.lists(lower_and_width, min_size=1, max_size=5),
    share=st.floats(0, 1),
    u=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_sizes_add_up_and_stay_within_their_ranges(limits, share, u):
    lower = np.array([low for low, _ in limits], float)
    upper = lower + [width for _, width in limits]
    rest = lower.sum() + share * (upper - lower).sum()
    studies = [Study(name=f"unknown {i}", n=Range(*ends)) for i, ends in enumerate(zip(lower, upper, strict=True))]
    studies.insert(1, Study(name="known", n_t=11, n_c=13))
    arrays = review_arrays(review(studies=studies, n_total=rest + 24))
    assert arrays.n_free_sizes == len(limits) - 1
    sizes = np.array(arrays.sizes(np.array(u)))[:, 0]
    assert sizes.sum() == pytest.approx(rest)
    assert (sizes >= lower - 1e-9).all()
    assert (sizes <= upper + 1e-9).all()


def test_sizes_without_a_total_are_free():
    studies = [Study(name="A", n=Range(10, 20)), Study(name="B", n=Range(30, 50)), Study(name="C", n=40)]
    arrays = review_arrays(review(studies=studies))
    assert arrays.n_free_sizes == 2
    assert np.array(arrays.sizes(np.array([0.5, 0.25])))[:, 0].tolist() == [15, 35]
    se = arrays.standard_errors(np.array([2.0, 3.0, 4.0]), np.array([0.5, 0.25]))
    want = [2 * math.sqrt(4 / 15), 3 * math.sqrt(4 / 35), 4 * math.sqrt(4 / 40)]
    np.testing.assert_allclose(se[0], want)


def test_unequal_arms_have_their_own_standard_error():
    arrays = review_arrays(review(studies=[Study(name="A", n_t=10, n_c=40), Study(name="B", n=50)]))
    se = arrays.standard_errors(np.array([2.0, 2.0]), np.zeros(0))
    np.testing.assert_allclose(se[0], [2 * math.sqrt(1 / 10 + 1 / 40), 2 * math.sqrt(2 / 25)])


@pytest.mark.parametrize(("total", "left"), [(40, 16), (200, 176)])
def test_a_total_that_cannot_add_up_is_refused(total, left):
    studies = [Study(name="A", n=Range(10, 20)), Study(name="B", n=Range(30, 50)), Study(name="C", n=24)]
    with pytest.raises(DataError, match=f"n_total={total} leaves {left} participants .* add up to 40 to 70"):
        review_arrays(review(studies=studies, n_total=total))


def test_a_size_that_is_a_range_under_one_option_only_is_refused():
    one = choice(option(Schwartzman={"n": Range(10, 30)}), option("b"))
    with pytest.raises(DataError, match="must be a range under every option of a choice, or under none"):
        review_arrays(review(choices=[one]))


def test_a_known_study_of_unknown_size_keeps_out_of_the_others_standard_errors():
    known = Study(name="A", n=Range(10, 20), y=-1, se=0.5)
    arrays = review_arrays(review(studies=[known, Study(name="B", n=Range(10, 30)), Study(name="C", n=40)]))
    se = arrays.standard_errors(np.array([2.0, 2.0]), np.array([0.5, 0.25]))
    np.testing.assert_allclose(se[0], [2 * math.sqrt(4 / 15), 2 * math.sqrt(4 / 40)])


def test_a_total_needs_the_size_of_every_study():
    studies = [Study(name="A", y=-1, se=0.5), Study(name="B", n=Range(10, 80)), Study(name="C", n=40)]
    with pytest.raises(DataError, match="n_total=100.*study 'A' has no size"):
        review(studies=studies, n_total=100)
