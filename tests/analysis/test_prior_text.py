"""The priors that a report prints, in every row, are those of the model that was fitted for it.

Each printed text is read back as a prior and the model made of them is fitted: it must give the row's number.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import bayesmeta as bm
from bayesmeta.analysis import sensitivity
from bayesmeta.analysis.collect import collect_outcome
from bayesmeta.analysis.other_evidence import on_other_evidence
from bayesmeta.analysis.records.results import AnalysisRecord, DrawsRecord, Results
from bayesmeta.analysis.schema import Outcome
from bayesmeta.diagnostics.weights import Draws, claim_sensitivity
from bayesmeta.families.prepared import prepare
from bayesmeta.report.html import render_html
from bayesmeta.results.draws_result import DrawsResult
from bayesmeta.results.fit import fit_many

BCG = bm.load_dataset("bcg")
DATA = bm.Estimates(
    BCG.y, BCG.se, study=BCG.study,
    covariates={"latitude": BCG.covariates["latitude"] - 33, "year": (BCG.covariates["year"] - 1950) / 10},
)  # fmt: skip
MODELS = {
    "slope": bm.NormalNormal(
        formula="1 + latitude", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5), beta={"latitude": bm.Normal(0, 0.05)}
    ),
    "overall": bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfStudentT(4, 0.5)),
    "both": bm.NormalNormal(formula="1 + latitude + year", mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)),
}
SIGNALS = [
    {"name": "latitude", "model": "slope", "claim": "latitude < 0", "claim_label": "further north is better",
     "quantity": "latitude", "threshold": "latitude < -0.02", "prior_factor": 0.027},
    {"name": "works", "model": "overall", "claim": "mu < -0.2", "claim_label": "it works", "quantity": "mu"},
    {"name": "years", "model": "both", "claim": "year < 0", "claim_label": "later is better", "quantity": "year"},
]  # fmt: skip
SENSITIVITY = {
    "effect": [
        {"label": "sceptical", "prior": "Normal(0, 0.5)"},
        {"label": "moderate", "prior": "Normal(0, 1.5)"},
        {"label": "far", "prior": "Normal(2, 0.4)"},  # draws cannot be weighted to it
    ],
    "tau": [{"label": "small", "prior": "HalfNormal(0.3)"}, {"label": "large", "prior": "HalfCauchy(1)"}],
    "beliefs": [
        {"label": "sceptic", "beta": {"latitude": "Normal(0, 0.004)"}, "source": "made up"},
        {"label": "no effect", "mu": "Normal(0, 0.1)", "tau": "HalfNormal(0.2)", "source": "made up"},
        {"label": "as stated", "source": "the models"},
    ],
    "level": 0.9,
}
OUTCOME = Outcome.model_validate(
    {
        "label": "BCG",
        "models": {name: {"label": name, "tau": str(model.tau)} for name, model in MODELS.items()},
        "signals": SIGNALS,
        "sensitivity": SENSITIVITY,
    }
)


def model_of(formula, texts):
    """The model that a row says was fitted."""
    priors = {name: bm.parse_prior(text) for name, text in texts.items()}
    own = {name: priors.pop(name) for name in ("mu", "tau") if name in priors}
    return bm.NormalNormal(formula=formula, beta=priors, **own)


def rows_of(signal):
    """Every row that states priors: crossed, believed, and where a family crosses the level."""
    yield from signal.sensitivity
    yield from signal.beliefs
    for tipping in signal.tipping:
        for one in tipping.crossings:
            yield SimpleNamespace(**one.model_dump(), method="exact", threshold_probability=None)


def by_quadrature(data, models, engine="quadrature", *, seed=0, progress=None, **settings):
    return fit_many(data, models, "quadrature", seed=seed, chains=4, draws=1000)


def as_drawn(fits):
    """Independent draws of exact fits in the place of what NUTS gives."""
    found = {}
    for name, fit in fits.items():
        tree = fit.datatree.copy()
        stats = tree["sample_stats"].to_dataset()
        noise = np.random.default_rng(1).normal(size=stats["lp"].shape)
        own = {"energy": (stats["lp"].dims, noise), "reached_max_treedepth": (stats["lp"].dims, noise > 99)}
        tree["sample_stats"] = xr.DataTree(stats.assign(own))
        found[name] = DrawsResult(tree, fit.model, fit.data, "nuts")
    return found


@pytest.fixture(scope="module")
def exact():
    return by_quadrature(DATA, MODELS)


@pytest.fixture(scope="module")
def drawn(exact):
    return as_drawn(exact)


@pytest.fixture(scope="module")
def found(exact, drawn):
    grids = sensitivity.exact_sensitivity(OUTCOME, exact)
    return collect_outcome("bcg", OUTCOME, drawn, exact, grids, on_other_evidence(OUTCOME, {}, 1), 400)


def test_a_fit_of_the_printed_priors_gives_each_row_its_number(found):
    counts = []
    for signal in found.signals:
        rows = list(rows_of(signal))
        counts.append(len(rows))
        for row in rows:
            fit = bm.fit(DATA, model_of(MODELS[signal.model].formula, row.priors))
            assert abs(fit.probability(signal.claim) - row.probability) < 1e-7, row
            if row.threshold_probability is not None:
                assert abs(fit.probability(signal.threshold.claim) - row.threshold_probability) < 1e-7
    assert min(counts) >= 10  # one as stated, six crossed, three beliefs, and crossings


def test_the_columns_of_the_table_are_those_priors(found):
    for signal in found.signals:
        for row in signal.sensitivity:
            assert {row.priors[name] for name in row.on} == {row.beta}
            assert row.tau == row.priors["tau"]
        assert signal.sensitivity[0].priors == found.content.models[signal.model].priors
    slope, works, years = found.signals
    assert [row.beta for row in slope.sensitivity[1::2]] == [
        "Normal(0, 0.0135)", "Normal(0, 0.0405)", "Normal(0.054, 0.0108)",
    ]  # fmt: skip
    assert slope.sensitivity[1].beta_stated == "Normal(0, 0.5) times 0.027"
    assert works.sensitivity[1].beta_stated == ""
    assert (slope.sensitivity[1].on, works.sensitivity[1].on) == (["latitude"], ["mu"])
    assert years.sensitivity[1].on == [
        "latitude",
        "year",
    ]  # without a prior of its own, a coefficient takes it too


def test_sampled_rows_state_what_was_weighted_to_or_fitted(monkeypatch, drawn):
    """Every fit and every weighting is caught."""
    fitted, weighted = {}, {}

    def fit_caught(data, models, engine, **settings):
        found = as_drawn(by_quadrature(data, models))
        fitted.update({str(model): found[name] for name, model in models.items()})
        return found

    by_weights = Draws.probability

    def weighting_caught(draws, claim, ready):
        found = by_weights(draws, claim, ready)
        weighted[str(ready.model), claim] = found.probability
        return found

    monkeypatch.setattr(sensitivity, "fit_many", fit_caught)
    monkeypatch.setattr(Draws, "probability", weighting_caught)
    grids, refits = sensitivity.sampled_sensitivity(DATA, OUTCOME, drawn, {}, 1, None)
    assert len(refits) == len(fitted) > 0
    methods = set()
    for signal in collect_outcome("bcg", OUTCOME, drawn, {}, grids, on_other_evidence(OUTCOME, {}, 1), 400).signals:
        formula, claim = MODELS[signal.model].formula, signal.claim
        for row in [*signal.sensitivity[1:], *signal.beliefs]:
            stated = model_of(formula, row.priors)
            methods.add(row.method)
            if row.method == "refitted":
                (fit,) = (fit for fit in fitted.values() if same(fit.model, stated))
                assert row.probability == fit.probability(claim)
            else:
                again = claim_sensitivity(drawn[signal.model], claim, {"m": stated})["m"]
                assert row.probability == again.probability
                assert again.probability in weighted.values()
        for tipping in signal.tipping:
            for one in tipping.crossings:
                near = model_of(formula, one.priors)
                exact = bm.fit(DATA, near).probability(claim)
                assert abs(one.probability - exact) < 5 * one.mcse + 1e-3
    assert methods == {"reweighted", "refitted"}


def same(model, stated):
    """Whether two models have one formula and the same prior on everything."""
    return model.formula == stated.formula and prepare(DATA, model).priors == prepare(DATA, stated).priors


def test_the_page_shows_these_texts(found):
    analysis = AnalysisRecord(title="t", question="q", source="s", file="f", seed=1, ci_prob=0.95, out="o")
    rest = {key: [] for key in ("checks", "summary", "external", "methods", "limitations", "references")}
    results = Results.model_construct(
        schema_version="bayesmeta-report/1", created="", analysis=analysis, engine="quadrature",
        versions={"bayesmeta": "1"}, outcomes={"bcg": found.content}, signals=found.signals,
        draws=DrawsRecord(file="d", sha256="0"), **rest,
    )  # fmt: skip
    page = render_html(results)
    for signal in found.signals:
        for row in signal.sensitivity:
            assert f'<code class="small">{row.beta}</code>' in page
            assert f'<code class="small">{row.tau}</code>' in page
    assert "latitude ~ Normal(0, 0.004)" in page
    assert "Normal(0, 0.5) times 0.027" in page
    assert '<code class="small">Normal(0, 0.5)</code>' in page  # of the signal whose factor is one
