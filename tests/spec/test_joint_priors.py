"""Joint priors on coefficients in a model, and reference priors on tau given the studies."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import PublishedReview, Study
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import design, tau_prior
from bayesmeta.priors import (
    DuMouchel,
    Flat,
    HalfNormal,
    ImproperUniform,
    ISquared,
    Jeffreys,
    LogNormal,
    Lomax,
    MultivariateNormal,
    Normal,
    parse_prior,
)
from bayesmeta.spec import NormalNormal

JOINT = MultivariateNormal([0, 1], [[9, 1], [1, 4]])
MODEL = NormalNormal(formula="1 + crps + dose", tau=HalfNormal(1), beta={("mu", "crps"): JOINT, "dose": Normal(0, 0.1)})
DATA = Estimates(
    y=[-1, -2, -3, 0],
    se=[1, 2, 2, 1],
    study=list("ABCD"),
    covariates={"crps": [1, 1, 0, 0], "dose": [1.0, 2.0, 4.0, 8.0], "pain": ["a", "b", "c", "c"]},
)


def test_prints_compares_and_serialises():
    assert str(MODEL) == (
        "NormalNormal(formula='1 + crps + dose', mu=Flat(), tau=HalfNormal(1), "
        "beta={('mu', 'crps'): MultivariateNormal([0, 1], [[9, 1], [1, 4]]), 'dose': Normal(0, 0.1)})"
    )
    assert dataclasses.replace(MODEL) == MODEL
    assert hash(dataclasses.replace(MODEL)) == hash(MODEL)
    stored = json.loads(json.dumps(MODEL.as_dict()))["beta"]
    assert stored == {"mu, crps": "MultivariateNormal([0, 1], [[9, 1], [1, 4]])", "dose": "Normal(0, 0.1)"}
    assert parse_prior(stored["mu, crps"]) == JOINT


def test_joint_priors_and_their_marginals():
    assert MODEL.joint_priors() == {("mu", "crps"): JOINT}
    assert NormalNormal(tau=HalfNormal(1)).joint_priors() == {}
    assert MODEL.mu == Flat()
    assert MODEL.mu_prior == Normal(0, 3)
    assert NormalNormal(tau=HalfNormal(1), mu=Normal(1, 2)).mu_prior == Normal(1, 2)
    assert MODEL.coefficient_prior("crps", "crps") == Normal(1, 2)
    assert MODEL.coefficient_prior("dose", "dose") == Normal(0, 0.1)
    assert MODEL.coefficient_prior("other", "other") == Flat()


def test_a_column_in_a_joint_prior_does_without_that_of_its_variable():
    beta = {"pain": Normal(0, 5), ("mu", "pain[T.c]"): JOINT}
    model = NormalNormal(formula="1 + pain", tau=HalfNormal(1), beta=beta)
    assert model.coefficient_prior("pain[T.c]", "pain") == Normal(1, 2)
    assert model.coefficient_prior("pain[T.b]", "pain") == Normal(0, 5)
    assert list(design(DATA, model).columns) == ["pain[T.b]", "pain[T.c]"]


@pytest.mark.parametrize("own", [{("pain[T.b]", "pain[T.c]"): JOINT}, {"pain[T.b]": Normal(0, 1), "pain[T.c]": Flat()}])
def test_a_prior_for_a_variable_whose_columns_all_have_their_own_is_rejected(own):
    model = NormalNormal(formula="1 + pain", tau=HalfNormal(1), beta={"pain": Normal(0, 5), **own})
    with pytest.raises(SpecificationError, match="'pain'.*: each of its columns has a prior of its own"):
        design(DATA, model)


def test_joint_priors_tell_collinear_columns_apart():
    formula = "1 + crps + I(1 - crps) + dose"
    with pytest.raises(SpecificationError, match="4 coefficients with flat priors, but only 3"):
        design(DATA, NormalNormal(formula=formula, tau=HalfNormal(1)))
    for names in [("mu", "dose"), ("crps", "dose")]:
        design(DATA, NormalNormal(formula=formula, tau=HalfNormal(1), beta={names: JOINT}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"beta": {("crps",): JOINT}}, r"beta\[\('crps',\)\]: 1 names, but MultivariateNormal.* is for 2 coefficients"),
        ({"beta": {("mu", "crps"): Normal(0, 1)}}, "a tuple of names takes a MultivariateNormal; got Normal"),
        ({"beta": {("mu", "crps"): None}}, "a tuple of names takes a MultivariateNormal; got None"),
        ({"beta": {"crps": JOINT}}, r"prior for beta\['crps'\] is MultivariateNormal.*which is for 2 coefficients"),
        ({"mu": JOINT}, "prior for mu is MultivariateNormal.*which is for 2 coefficients together"),
        ({"tau": JOINT}, "prior for tau is MultivariateNormal.*which is for 2 coefficients together"),
        ({"beta": {("mu", 1): JOINT}}, "give the name of a column, or a tuple of names"),
        ({"beta": {(): JOINT}}, "give the name of a column, or a tuple of names"),
        ({"beta": {1: JOINT}}, "give the name of a column, or a tuple of names"),
        ({"beta": {("tau", "crps"): JOINT}}, "tau is not a coefficient"),
        ({"beta": {("crps", "crps"): JOINT}}, "'crps' has two priors"),
        ({"beta": {("mu", "crps"): JOINT, "crps": Normal(0, 1)}}, "'crps' has two priors"),
        ({"beta": {("mu", "crps"): JOINT, ("dose", "crps"): JOINT}}, "'crps' has two priors"),
        (
            {"mu": Normal(0, 4), "beta": {("mu", "crps"): JOINT}},
            r"mu=Normal\(0, 4\): beta holds a joint prior for mu already; leave out mu=",
        ),
    ],
)
def test_refused(fields, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        NormalNormal(**{"formula": "1 + crps", "tau": HalfNormal(1)} | fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "names", "message"),
    [
        ("1 + crps", ("mu", "dose"), r"beta\[\('mu', 'dose'\)\]: the formula '1 \+ crps' has no such column"),
        ("1 + crps", ("mu", "crp"), "has no such column. Did you mean 'crps'"),
        ("1 + pain", ("mu", "pain"), "has no such column"),  # a variable with two columns
        ("0 + crps + dose", ("mu", "crps"), r"the formula '0 \+ crps \+ dose' has no mu"),
    ],
)
def test_names_must_be_columns(formula, names, message):
    with pytest.raises(SpecificationError, match=message):
        design(DATA, NormalNormal(formula=formula, tau=HalfNormal(1), beta={names: JOINT}))


def test_models_take_reference_priors_and_give_them_the_studies():
    for prior in (Jeffreys(), ImproperUniform(), DuMouchel(), Jeffreys().given([1.0, 2.0])):
        assert NormalNormal(tau=prior).tau == prior
    assert str(NormalNormal(tau=Jeffreys())) == "NormalNormal(formula='1', mu=Flat(), tau=Jeffreys(), beta={})"
    assert tau_prior(DATA, NormalNormal(tau=DuMouchel())) == Lomax(1, np.sqrt(1.6))  # 4 / (1 + 1/4 + 1/4 + 1)
    assert tau_prior(DATA, NormalNormal(tau=HalfNormal(1))) == HalfNormal(1)
    assert tau_prior(DATA, NormalNormal(tau=Jeffreys())) == Jeffreys().given([1, 4, 4, 1])
    assert tau_prior(Estimates(y=[0, 1], cov=[[4, 1], [1, 9]]), NormalNormal(tau=ISquared())) == ISquared().given(
        [4, 9]
    )
    with pytest.raises(SpecificationError, match="needs at least two studies"):
        tau_prior(Estimates(y=[1.0], se=[0.5]), NormalNormal(tau=ISquared()))


def test_a_published_review_does_not_tell_the_standard_errors():
    studies = [Study(name="A", n_t=10, n_c=10), Study(name="B", n_t=10, n_c=10)]
    review = PublishedReview(studies=studies, statistics=[], sd=LogNormal(0, 1))
    assert tau_prior(review, NormalNormal(tau=HalfNormal(1))) == HalfNormal(1)
    with pytest.raises(SpecificationError, match=r"prior for tau is DuMouchel\(\), which needs the studies' standard"):
        tau_prior(review, NormalNormal(tau=DuMouchel()))


def test_preliz_distributions_become_priors():
    made = type("HalfNormal", (), {"__module__": "preliz.distributions.halfnormal", "sigma": 2.0})()
    normal = type("Normal", (), {"__module__": "preliz.distributions.normal", "mu": 0.0, "sigma": 2.0})()
    model = NormalNormal(formula="1 + crps", tau=made, mu=normal, beta={"crps": normal})
    assert model == NormalNormal(formula="1 + crps", tau=HalfNormal(2), mu=Normal(0, 2), beta={"crps": Normal(0, 2)})
