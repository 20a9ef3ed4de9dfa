"""Columns that cannot be told apart, and combinations of levels that no study has, are named where a formula is rejected."""

from __future__ import annotations

import re

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.spec.collinear import redundant

TOGETHER = {"a": ["x", "x", "z", "z", "z", "x"], "b": ["u", "u", "w", "w", "w", "u"], "dose": [1.0, 2, 3, 4, 5, 6]}
EMPTY = {"a": ["x", "x", "z", "z", "x", "x"], "b": ["u", "w", "w", "w", "u", "w"], "dose": [1.0, 2, 3, 4, 5, 6]}


def data(covariates):
    return bm.Estimates([0.1, 0.3, -0.4, -0.1, 0.2, -0.3], [0.2] * 6, covariates=covariates)


@pytest.mark.parametrize("ask", ["fit", "pool"])
@pytest.mark.parametrize(
    ("covariates", "formula", "said"),
    [
        (TOGETHER, "1 + a + b", "only 2 can be told apart with 6 studies: 'b[T.w]' follows from 'a[T.z]'."),
        (TOGETHER | {"twice": [2.0, 4, 6, 8, 10, 12]}, "1 + dose + twice", "'twice' follows from 'dose'."),
        (TOGETHER | {"rest": [9.0, 8, 7, 6, 5, 4]}, "1 + dose + rest", "'rest' follows from 'mu' and 'dose'."),
        (TOGETHER, "1 + a * b", "No study has a = x with b = w, nor a = z with b = u."),
        (EMPTY, "1 + a * b", "'a[T.z]:b[T.w]' follows from 'a[T.z]'. No study has a = z with b = u."),
    ],
)
def test_what_cannot_be_told_apart_is_named(ask, covariates, formula, said):
    model = bm.NormalNormal(formula=formula, tau=bm.HalfNormal(0.5))
    asked = {
        "fit": lambda: bm.fit(data(covariates), model),
        "pool": lambda: bm.pool(data(covariates), formula=formula),
    }[ask]
    with pytest.raises(bm.SpecificationError, match=re.escape(said)):
        asked()


def test_an_empty_combination_is_named_where_its_column_is_zero():
    covariates = {"a": ["x", "x", "z", "z", "x", "x"], "b": ["u", "w", "u", "u", "u", "w"]}
    with pytest.raises(bm.SpecificationError, match=r"is 0 in every study\. No study has a = z with b = w\."):
        bm.pool(data(covariates), formula="1 + a * b")


def test_with_priors_a_formula_of_dependent_columns_is_taken():
    model = bm.NormalNormal(
        formula="1 + a + b", tau=bm.HalfNormal(0.5), beta={"a": bm.Normal(0, 1), "b": bm.Normal(0, 1)}
    )
    assert bm.fit(data(TOGETHER), model).coefficients == ("a[T.z]", "b[T.w]")


def test_many_studies_of_one_covariate_are_independent_columns():
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(1000), rng.normal(size=1000), 1e6 + rng.normal(size=1000)])
    assert not list(redundant(["mu", "x", "far"], X))
