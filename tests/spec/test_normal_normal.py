"""The model as a value: what it refuses, how it prints, compares and picks priors."""

from __future__ import annotations

import dataclasses

import pytest

from bayesmeta.errors import SpecificationError
from bayesmeta.priors import Flat, HalfNormal, Normal, StudentT, Uniform
from bayesmeta.spec import NormalNormal

MODEL = NormalNormal(formula="1 + crps", mu=Normal(0, 3), tau=HalfNormal(1), beta={"crps": Normal(0, 1.5)})


def test_prints_compares_and_serialises():
    text = "NormalNormal(formula='1 + crps', mu=Normal(0, 3), tau=HalfNormal(1), beta={'crps': Normal(0, 1.5)})"
    assert str(MODEL) == repr(MODEL) == text
    assert dataclasses.replace(MODEL) == MODEL
    assert hash(dataclasses.replace(MODEL)) == hash(MODEL)
    assert dataclasses.replace(MODEL, tau=HalfNormal(2)) != MODEL
    assert MODEL.as_dict() == {
        "model": "NormalNormal", "formula": "1 + crps", "mu": "Normal(0, 3)", "tau": "HalfNormal(1)",
        "beta": {"crps": "Normal(0, 1.5)"},
    }  # fmt: skip


def test_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODEL.tau = HalfNormal(2)
    with pytest.raises(TypeError):
        MODEL.beta["crps"] = Normal(0, 9)
    given = {"crps": Normal(0, 1)}
    model = NormalNormal(tau=HalfNormal(1), formula="1 + crps", beta=given)
    given["crps"] = Normal(0, 9)
    assert model.beta["crps"] == Normal(0, 1)


def test_prior_of_a_column_is_its_own_or_its_variables_or_flat():
    model = NormalNormal(tau=HalfNormal(1), beta={"pain_class": Normal(0, 1), "pain_class[T.mixed]": Normal(0, 2)})
    assert model.coefficient_prior("pain_class[T.mixed]", "pain_class") == Normal(0, 2)
    assert model.coefficient_prior("pain_class[T.other]", "pain_class") == Normal(0, 1)
    assert model.coefficient_prior("dose", "dose") == Flat()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"tau": Normal(0, 1)},
            r"prior for tau is Normal\(0, 1\), which puts mass below zero. Use HalfNormal\(1\)",
        ),
        ({"tau": StudentT(4, 0, 1)}, r"Use HalfStudentT\(4, 1\)"),
        ({"tau": Uniform(-1, 1)}, r"puts mass below zero. Use Uniform\(0, 1\)"),
        ({"tau": Flat()}, r"puts mass below zero. Use ImproperUniform\(\) or another prior"),
        ({"tau": 0.5}, "prior for tau must be a prior, e.g. "),
        ({"tau": HalfNormal(1), "mu": "Norml(0, 1)"}, "Norml.*Did you mean 'Normal'"),
        ({"tau": HalfNormal(1), "formula": "y ~ 1 + crps"}, "give the right-hand side only"),
        ({"tau": HalfNormal(1), "formula": " "}, "give the right-hand side only"),
        ({"tau": HalfNormal(1), "formula": 1}, "give the right-hand side only"),
        ({"tau": HalfNormal(1), "beta": [Normal(0, 1)]}, "beta must map column names to priors"),
        ({"tau": HalfNormal(1), "beta": {"crps": 1.5}}, r"prior for beta\['crps'\] must be a prior"),
        (
            {"tau": HalfNormal(1), "beta": {"mu": Normal(0, 1)}},
            r"beta\['mu'\]: this name is taken; use the argument mu=",
        ),
    ],
)
def test_refused(fields, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        NormalNormal(**fields)
    assert "\n" not in str(caught.value)
