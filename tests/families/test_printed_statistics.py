"""Every kind of printed statistic is complete: observed, said in words, and readable from an analysis file."""

from __future__ import annotations

import typing

import pytest

import bayesmeta as bm
from bayesmeta.analysis.printed_statistics import STATISTIC_KEYS, printed_statistic
from bayesmeta.analysis.schema import Published
from bayesmeta.data.statistics import Statistic
from bayesmeta.families.review.observations import Reader, observed
from bayesmeta.families.review.statistic_words import observed_within, printed

STUDIES = [
    bm.Study(name=name, n=40, covariates={"crps": crps, "dose": dose})
    for name, crps, dose in (("A", 0, 0.5), ("B", 1, 1.0), ("C", 0, 4.0), ("D", 1, 2.0))
]
FILES: dict[str, dict[str, typing.Any]] = {  # what an analysis file states of each kind
    "pooled": {"estimate": -0.4, "lower": -1.0, "upper": 0.2, "covariate": "crps", "method": "reml"},
    "prediction": {"lower": -1.0, "upper": 0.2, "rule": "metafor"},
    "subgroup": {"covariate": "crps", "p": 0.05, "relation": ">", "tau": "common"},
    "slope": {"covariate": "dose", "estimate": -0.1, "lower": -0.3, "upper": 0.1, "tolerance": 0.02},
    "slope_test": {"covariate": "dose", "p": 0.3, "direction": "lower"},
    "i2": {"i2": 40.0, "tolerance": 5.0},
    "tau2": {"tau2": 0.12, "method": "pm"},
    "q": {"q": 4.2},
    "significant": {"count": 2, "direction": "lower", "tolerance": 0.2},
    "study": {"study": "B", "p": 0.05, "relation": "<", "direction": "higher", "tolerance": 0.2},
}


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_an_analysis_file_is_observed_and_said(kind: str) -> None:
    one = printed_statistic(Published.model_validate({"kind": kind, **FILES[kind]}))
    review = bm.PublishedReview(studies=STUDIES, statistics=[one], sd=bm.LogNormal(0, 0.5))
    found = list(observed(one, Reader(review)))
    assert any(number.relation is not None for number in found)
    assert any(number.shown is not None for number in found)
    assert all(number.statistic is one for number in found)
    assert printed(one)
    assert observed_within(one)


def test_no_kind_and_no_statistic_is_missing() -> None:
    kinds = set(typing.get_args(Published.model_fields["kind"].annotation))
    assert kinds == set(FILES) == set(STATISTIC_KEYS)
    made = {type(printed_statistic(Published.model_validate({"kind": kind, **keys}))) for kind, keys in FILES.items()}
    assert made == set(typing.get_args(Statistic))


def test_keys_reach_the_statistic_under_its_own_names() -> None:
    made = {kind: printed_statistic(Published.model_validate({"kind": kind, **keys})) for kind, keys in FILES.items()}
    assert made["pooled"] == bm.PooledEstimate(estimate=-0.4, lower=-1.0, upper=0.2, covariate="crps", method="reml")
    assert made["slope"].half_width == 0.02  # type: ignore[union-attr]
    assert made["i2"].half_width == 5.0  # type: ignore[union-attr]
    assert made["study"] == bm.StudyTest(study="B", p=0.05, relation="<", direction=1, width=0.2)
    assert made["slope_test"] == bm.MetaRegressionTest(covariate="dose", p=0.3, direction=-1)


def test_a_ratio_is_taken_by_its_logarithm() -> None:
    entry = Published.model_validate({"kind": "prediction", "lower": 0.5, "upper": 2.0, "ratio": True})
    one = printed_statistic(entry)
    assert one.lower == pytest.approx(-one.upper)  # type: ignore[union-attr]
    with pytest.raises(bm.DataError, match="Give the ratio itself, not its logarithm"):
        printed_statistic(Published.model_validate({"kind": "prediction", "lower": -0.5, "upper": 2.0, "ratio": True}))
