"""Frequentist estimators beside models of single arms and of rates: metafor's numbers, and what a half does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayesmeta as bm

GOLDEN = Path(__file__).parents[2] / "golden"
FITS = json.loads((GOLDEN / "glmm.json").read_text(encoding="utf-8"))["fits"]
PRIORS = {"mu": bm.Normal(0, 10), "tau": bm.HalfNormal(1)}


def fit_of(measure: str, model: str = "") -> dict:
    return next(fit for fit in FITS if (fit["measure"], fit["model"], fit["method"]) == (measure, model, "ML"))


def columns(fit: dict) -> dict[str, np.ndarray]:
    return {name: np.array(values, dtype=float) for name, values in fit["data"].items()}


def test_rows_of_single_arms_are_those_of_metafor():
    for measure, make, model in (
        ("PLO", lambda x: bm.Proportions(events=x["xi"], n=x["ni"]), bm.BinomialNormal(**PRIORS)),
        ("IRLN", lambda x: bm.IncidenceRates(events=x["xi"], time=x["ti"]), bm.PoissonNormal(**PRIORS)),
    ):
        fit = fit_of(measure)
        table = bm.compare(make(columns(fit)), model)
        assert list(table.index) == ["glmm", "half reml wald", "Bayes"]
        assert_allclose(table.loc["glmm", ["estimate", "lower", "upper"]].astype(float),
                        [fit["beta"], fit["ci_lb"], fit["ci_ub"]], rtol=2e-4, atol=2e-5)  # fmt: skip
        assert_allclose(table.loc["glmm", "tau"] ** 2, fit["tau2"], rtol=2e-6, atol=1e-10)


def test_rows_of_rates_in_two_arms_are_those_of_metafor():
    x = columns(fit_of("IRR", "CM.EL"))
    data = bm.Rates(events_t=x["x1i"], time_t=x["t1i"], events_c=x["x2i"], time_c=x["t2i"])
    table = bm.compare(data, bm.PoissonNormal(**PRIORS))
    assert list(table.index) == ["um.fs", "um.rs", "cm.el", "half reml wald", "Bayes"]
    for name in ("um.fs", "cm.el"):
        fit = fit_of("IRR", name.upper())
        assert_allclose(table.loc[name, ["estimate", "lower", "upper"]].astype(float),
                        [fit["beta"], fit["ci_lb"], fit["ci_ub"]], rtol=2e-4, atol=2e-5)  # fmt: skip
    arms = dict(
        zip(("events_t", "time_t", "events_c", "time_c"), (x["x1i"], x["t1i"], x["x2i"], x["t2i"]), strict=True)
    )
    half = bm.pool(bm.effect_sizes(arms, "log_irr"), "reml", "wald")
    assert table.loc["half reml wald", "estimate"] == pytest.approx(half.estimate, abs=1e-12)
    assert ("1/2 added" in table.attrs["note"]) == bool(data.zero_cell.any())


def test_an_estimator_that_the_counts_give_nothing_has_its_reason_and_a_name_that_is_none_is_rejected():
    none = bm.Proportions(events=[0, 0, 0], n=[10, 12, 9])
    table = bm.compare(none, bm.BinomialNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(1)))
    assert np.isnan(table.loc["glmm", "estimate"])
    assert table.loc["glmm", "reason"]
    with pytest.raises(bm.SpecificationError, match="of counts there are 'glmm', and 'half'"):
        bm.compare(none, bm.BinomialNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(1)), ["mh"])
