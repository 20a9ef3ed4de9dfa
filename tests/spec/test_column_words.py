"""Words for the columns of designs, as formulas name them."""

from __future__ import annotations

import pytest

import bayesmeta as bm
from bayesmeta.families.prepared import prepare
from bayesmeta.spec.column_words import column_words

DATA = bm.Estimates(
    [0.1, 0.2, 0.3, 0.4, 0.6], [0.1] * 5,
    covariates={
        "pain_class": ["mixed", "crps: 1", "other", "mixed", "other"], "dose": [1.0, 2.0, 4.0, 3.0, 0.0],
        "year": [2001, 2001, 2009, 2009, 2005], "mg/kg": [1.0, 0.0, 2.0, 5.0, 3.0],
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("pain_class", ["pain class: mixed versus crps: 1", "pain class: other versus crps: 1"]),
        ("C(year)", ["year: 2005 versus 2001", "year: 2009 versus 2001"]),
        ("C(year, Treatment(2009))", ["year: 2001 versus 2009", "year: 2005 versus 2009"]),
        ("0 + C(year)", ["year: 2001", "year: 2005", "year: 2009"]),
        ("dose:`mg/kg` + log1p(dose)", ["log1p(dose)", "dose × mg/kg"]),
    ],
)
def test_a_column_is_its_variable_and_level(formula: str, expected: list[str]) -> None:
    ready = prepare(DATA, bm.NormalNormal(formula=formula, tau=bm.HalfNormal(1)))
    said = [ready.labels[name] for name in ready.design.columns]
    assert sorted(said) == sorted(expected)


def test_labels_take_the_place_of_variables_and_of_whole_columns() -> None:
    labels = {"pain_class": "class of pain", "pain_class[T.b]": "B versus A", "dose": "mg"}
    references = {"pain_class": "a"}
    assert column_words("pain_class[T.c]", references, labels) == "class of pain: c versus a"
    assert column_words("pain_class[T.b]", references, labels) == "B versus A"
    assert column_words("dose:pain_class[T.c]", references, labels) == "mg × class of pain: c versus a"
