"""The methods say what was done, and nothing that was not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import bayesmeta as bm
from bayesmeta.analysis.prose import methods
from bayesmeta.analysis.records.signal import CrossedPriors, CrossingRecord, SignalRecord, TippingRecord
from bayesmeta.analysis.run import plan
from bayesmeta.analysis.schema import Analysis
from bayesmeta.families.prepared import prepare

FOLDER = Path(__file__).parent
MODEL = bm.NormalNormal(tau=bm.HalfNormal(1))
TREE = SimpleNamespace(attrs={"sampler": "nutpie 0.16"})


def said(data, exact=(), signals=(), **changes):
    outcome = {"label": "Pain", "models": {"a": {"label": "first", "tau": "HalfNormal(1)"},
                                           "b": {"label": "second", "tau": "HalfNormal(1)"}}}  # fmt: skip
    content = {
        "schema": 1,
        "title": "T",
        "question": "Q",
        "source": "S",
        "seed": 3,
        "outcomes": {"pain": outcome | changes},
    }
    fit = SimpleNamespace(datatree=TREE, data=data, model=MODEL, prepared=prepare(data, MODEL), engine="quadrature")
    drawn = SimpleNamespace(**{**vars(fit), "engine": "nuts"})
    fits = {"pain": {"a": drawn, "b": drawn}}
    taken = {"pain": dict.fromkeys(exact, fit)}
    return " ".join(methods(Analysis.model_validate(content), {"pain": data}, fits, taken, {}, list(signals)))


def signal_under(methods, *tipping):
    rows = [CrossedPriors.model_construct(method=method) for method in methods]
    return SignalRecord.model_construct(sensitivity=rows, beliefs=[], tipping=list(tipping))


ESTIMATES = bm.Estimates([0.1, 0.2], [0.1, 0.1])


def test_without_signals_nothing_is_said_of_other_priors():
    text = said(ESTIMATES)
    for word in ("importance", "Pareto", "new fits", "crossing", "quadrature", "other priors", "latent", "choice"):
        assert word not in text
    assert "2 studies with published estimates" in text
    assert "nutpie 0.16" in text


@pytest.mark.parametrize(
    ("rows", "there"),
    [
        (["exact", "exact"], {"fits by quadrature (2)"}),
        (["reweighted"], {"importance sampling"}),
        (["refitted"], {"new fits by the same sampler"}),
        (["reweighted", "refitted", "refitted"], {"importance sampling", "new fits by the same sampler, where "
         "Pareto k is larger (2)"}),
    ],
)  # fmt: skip
def test_how_other_priors_were_tried(rows, there):
    signal = signal_under(["primary", *rows])
    text = said(ESTIMATES, signals=[signal])
    phrases = ("fits by quadrature (2)", "importance sampling", "new fits by the same sampler")
    assert {phrase for phrase in phrases if phrase in text} == {p for p in phrases if any(p in t for t in there)}
    assert all(phrase in text for phrase in there)


@pytest.mark.parametrize(("mcse", "how"), [(0.0, "fits by quadrature (1)"), (0.004, "a new fit near it (1)")])
def test_crossings(mcse, how):
    crossing = CrossingRecord.model_construct(mcse=mcse)
    signal = signal_under(["primary"], TippingRecord.model_construct(crossings=[crossing]))
    assert f"Each crossing of a level along a family of priors was solved for with {how}." in said(
        ESTIMATES, signals=[signal]
    )


def test_which_models_were_exact():
    assert "All models were also fitted by quadrature" in said(ESTIMATES, exact=["a", "b"])
    assert "The models 'second' were also fitted by quadrature" in said(ESTIMATES, exact=["b"])


def review(**changes):
    stated = {
        "studies": [bm.Study(name="A", y=-1.0, se=0.4), bm.Study(name="B", n=40), bm.Study(name="C", n=30)],
        "statistics": [bm.PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31)],
        "sd": bm.LogNormal(0.7, 0.5),
    }
    return bm.PublishedReview(**stated | changes)


def test_of_a_review_only_what_it_has():
    text = said(review())
    assert "of 3 trials, 1 entered with an effect and standard error. The others are latent" in text
    assert "Pooled estimate and CI: each limit within ±0.005 (a normal of SD 0.00255): its rounding." in text
    for word in ("subgroup", "range", "choice", "combinations", "with their rounding"):
        assert word not in text
    known = [bm.Study(name="A", y=-1.0, se=0.4), bm.Study(name="B", y=-2.0, se=0.4)]
    assert "latent" not in said(review(studies=known))


def test_every_tolerance_of_the_ketamine_review_is_said():
    data = plan(FOLDER.parents[1] / "models" / "ketamine" / "analysis.toml").data
    text = said(data["pain"])
    for phrase in (
        "each limit within ±0.03 (a normal of SD 0.0153): 6 times its rounding",
        "subgroup test: crps: z within a normal of SD 0.05: 34 times the rounding of P",
        "subgroup test: high_dose: z within a normal of SD 0.05: 73 times the rounding of P",
        "a study counts where its own test's z exceeds 1.96",
        "logistic noise of scale 0.15",
        "uniform on it", "3 facts are known up to a choice", "all 12 combinations were summed",
    ):  # fmt: skip
        assert phrase in text, phrase
    ratio = said(data["responders"])
    assert "each limit, as a logarithm, within ±0.02 (a normal of SD 0.0102): 4.4 and 22 times its rounding" in ratio
