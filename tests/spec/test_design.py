"""From formulas to design matrices: coding, ranges, choices, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import Choice, Option, PublishedReview, Range, Study
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.families.prepared import design
from bayesmeta.priors import HalfNormal, LogNormal, Normal
from bayesmeta.spec import NormalNormal

DATA = Estimates(
    y=[-1, -2, -3, 0, 1],
    se=[1, 1, 1, 1, 1],
    study=list("ABCDE"),
    covariates={
        "crps": [1, 1, 0, 0, 0],
        "dose": [10.0, 20.0, 40.0, 80.0, 20.0],
        "pain_class": ["other", "mixed", "neuropathic", "mixed", "neuropathic"],
        "two": [2, 2, 2, 2, 2],
        "not_crps": [0, 0, 1, 1, 1],
    },
)


def model(formula, **fields):
    return NormalNormal(**({"formula": formula, "tau": HalfNormal(1)} | fields))


def matrix(formula, **fields):
    made = design(DATA, model(formula, **fields))
    assert made.base.shape == (1, 5, len(made.columns))
    assert made.slope.shape == (0, 1, 5, len(made.columns))
    return made


def test_intercept_is_mu_and_no_column():
    made = matrix("1")
    assert made.columns == {}
    assert made.intercept
    assert not matrix("0 + crps").intercept
    assert not matrix("crps - 1").intercept


def test_numbers_enter_as_they_are_and_transformed():
    made = matrix("1 + crps + np.log2(dose)")
    assert list(made.columns) == ["crps", "np.log2(dose)"]
    assert made.columns["crps"] == "crps"
    assert_allclose(made.base[0], np.column_stack([[1, 1, 0, 0, 0], np.log2([10, 20, 40, 80, 20])]))


def test_categories_are_contrasts_with_the_first_one():
    made = matrix("1 + pain_class")
    assert made.columns == {"pain_class[T.neuropathic]": "pain_class", "pain_class[T.other]": "pain_class"}
    assert made.base[0].tolist() == [[0, 1], [0, 0], [1, 0], [0, 0], [1, 0]]


def test_reference_category_can_be_named():
    made = matrix("1 + C(pain_class, contr.treatment('neuropathic'))")
    assert set(made.columns.values()) == {"pain_class"}
    assert made.base[0].tolist() == [[0, 1], [1, 0], [0, 0], [1, 0], [0, 0]]


def test_text_without_variation_is_refused_like_a_number():
    data = Estimates([0.1, 0.2, 0.4], [0.1, 0.1, 0.1], covariates={"country": ["NL"] * 3, "dose": [1, 2, 3]})
    for formula in ("1 + country", "1 + dose + country"):
        with pytest.raises(SpecificationError, match="covariate without variation, 'country' is 'NL' in every study"):
            design(data, model(formula))
    assert list(design(data, model("0 + country")).columns) == ["country[NL]"]


def test_without_an_intercept_every_category_has_a_column():
    made = matrix("0 + pain_class")
    assert made.base[0].sum(axis=1).tolist() == [1] * 5
    assert len(made.columns) == 3


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("1 + crsp", r"formula '1 \+ crsp': no column 'crsp'. Did you mean 'crps'\? Columns: crps, dose"),
        ("1 + log(doze)", "no column 'doze'. Did you mean 'dose'"),
        ("1 + two", "covariate without variation, 'two' is 2 in every study"),
        (
            "1 + crps + not_crps",
            "3 coefficients with flat priors, but only 2 can be told apart with 5 studies",
        ),
        ("1 + pain_class + dose + crps + dose:crps", "coefficients with flat priors, but only 5"),
        ("1 + (crps", "cannot be read"),
        ("1 + crsps(crps)", r"cannot be read: crsps\(...\) is not one of its functions"),
        ("1 + crps.nothing", "no column 'crps.nothing'. Did you mean"),
    ],
)
def test_refused_formula(formula, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        design(DATA, model(formula))
    assert "\n" not in str(caught.value)


def test_priors_tell_collinear_columns_apart():
    both = {"crps": Normal(0, 1), "not_crps": Normal(0, 1)}
    assert list(matrix("1 + crps + not_crps", beta=both).columns) == ["crps", "not_crps"]
    assert list(matrix("1 + crps + not_crps", beta={"crps": Normal(0, 1)}).columns) == ["crps", "not_crps"]
    assert list(matrix("1 + crps + not_crps", mu=Normal(0, 1)).columns) == ["crps", "not_crps"]


def test_prior_for_a_missing_column_is_refused():
    with pytest.raises(SpecificationError, match=r"beta\['doze'\]: the formula .* Did you mean 'dose'\? Columns: dose"):
        design(DATA, model("1 + dose", beta={"doze": Normal(0, 1)}))
    with pytest.raises(SpecificationError, match="Columns: none"):
        design(DATA, model("1", beta={"dose": Normal(0, 1)}))


def review(dose, choices=(), **extra):
    studies = [
        Study(name=name, n=20, covariates={"dose": value, "crps": int(i < 2)} | extra.get(name, {}))
        for i, (name, value) in enumerate(zip("ABCD", dose, strict=True))
    ]
    return PublishedReview(studies=studies, statistics=[], sd=LogNormal(0, 1), choices=choices)


def test_ranges_are_linear_in_their_position():
    made = design(review([10, Range(20, 30), 40, Range(5, 9)]), model("1 + crps + dose + crps:dose"))
    assert made.slots == (("B", "dose"), ("D", "dose"))
    assert made.base.shape == (1, 4, 3)
    rng = np.random.default_rng(1)
    for u in rng.random((5, 2)):
        dose = np.array([10, 20 + 10 * u[0], 40, 5 + 4 * u[1]])
        crps = np.array([1, 1, 0, 0])
        assert_allclose(made.at(u)[0], np.column_stack([crps, dose, crps * dose]), atol=1e-9)
    assert made.at(rng.random((3, 2, 2))).shape == (3, 2, 1, 4, 3)


@pytest.mark.parametrize("formula", ["1 + np.log2(dose)", "1 + dose + np.square(dose)"])
def test_a_range_must_enter_linearly(formula):
    with pytest.raises(SpecificationError, match="known as a range must enter linearly.*log2_dose instead of dose"):
        design(review([10, Range(20, 30), 40, 50]), model(formula))
    assert len(design(review([10, 20, 40, 50]), model(formula)).columns) >= 1


def test_two_ranges_must_not_multiply():
    ranged = {"B": {"crps": Range(0, 1)}}
    with pytest.raises(SpecificationError, match="must enter linearly"):
        design(review([10, Range(20, 30), 40, 50], **ranged), model("1 + dose:crps"))


def test_choices_make_one_matrix_for_each_scenario():
    options = [Option(label="yes", weight=1, values={"D": {"crps": 1}}), Option(label="no", weight=1)]
    found = review([10, Range(20, 30), 40, 50], [Choice(name="D is CRPS", options=options)])
    made = design(found, model("1 + crps + dose"))
    assert made.base[:, :, 0].tolist() == [[1, 1, 0, 1], [1, 1, 0, 0]]
    assert made.at(np.array([0.5]))[:, 1, 1].tolist() == [25, 25]


def test_a_range_under_one_option_is_a_number_under_the_other():
    options = [
        Option(label="range", weight=1, values={"D": {"dose": Range(50, 60)}}),
        Option(label="50", weight=1),
    ]
    made = design(review([10, 20, 40, 50], [Choice(name="dose of D", options=options)]), model("1 + dose"))
    assert made.slots == (("D", "dose"),)
    assert made.at(np.array([1.0]))[:, 3, 0].tolist() == [60, 50]


def test_a_range_is_variation():
    made = design(review([10, 10, 10, Range(10, 12)]), model("1 + dose"))
    assert made.columns == {"dose": "dose"}
    with pytest.raises(SpecificationError, match="covariate without variation, 'dose' is 10"):
        design(review([10, 10, 10, 10]), model("1 + dose"))


def test_a_covariate_that_a_study_lacks_is_refused():
    found = PublishedReview(
        studies=[Study(name="A", n=20, covariates={"dose": 3}), Study(name="B", n=20)],
        statistics=[],
        sd=LogNormal(0, 1),
    )
    with pytest.raises(
        DataError, match="study 'B': covariate 'dose' is missing, and the formula '1 \\+ dose' needs it"
    ):
        design(found, model("1 + dose"))
