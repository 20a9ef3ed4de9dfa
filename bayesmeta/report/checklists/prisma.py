"""PRISMA 2020: those of its items that are about a synthesis and its numbers."""

from __future__ import annotations

from bayesmeta.analysis.records.results import Results
from bayesmeta.report.checklists import answers
from bayesmeta.report.checklists.item import NOT_HERE, Checklist, Item


def _displays(results: Results) -> str:
    """Tables and figures of studies and syntheses."""
    forest = any(model.forest for model in answers.models(results))
    said = (["forest plots"] if forest else []) + (["tables of studies"] if answers.studies(results) else [])
    return f"page one, What evidence went in, Results: {' and '.join(said)}" if said else ""


def _synthesis(results: Results) -> str:
    """Models and software."""
    return f"{answers.model_text(results)}; software with its versions" if answers.model_text(results) else ""


def _characteristics(results: Results) -> str:
    """How many studies have a size or covariates."""
    found = [study for outcome in results.outcomes.values() for study in outcome.evidence.studies]
    known = sum(bool(study.n or study.covariates) for study in found)
    return f"What evidence went in: sizes or covariates of {known} of {len(found)} studies" if known else ""


def _estimates(results: Results) -> str:
    """Estimate of each study with its precision."""
    rows = [study for model in answers.models(results) if model.forest for study in model.forest.studies]
    return "page one, Results, report-studies.csv" if rows else ""


PRISMA = Checklist(
    "PRISMA 2020",
    "Page 2021, doi:10.1136/bmj.n71",
    [
        Item("4", "Objective or question", answers.question, NOT_HERE),
        Item("10a", "Outcomes", answers.outcomes),
        Item("11", "How risk of bias was assessed", answers.nothing, NOT_HERE),
        Item("12", "Effect measure of each outcome", answers.measures),
        Item("13a", "Which studies were eligible for each synthesis", answers.nothing, NOT_HERE),
        Item("13b", "Missing summary statistics, conversions", answers.prepared),
        Item("13c", "How results are tabulated and drawn", _displays),
        Item("13d", "How results were synthesised", _synthesis),
        Item("13e", "How causes of heterogeneity were explored", answers.covariates),
        Item("13f", "Sensitivity analyses", answers.sensitivity),
        Item("14", "How bias from missing results was assessed", answers.nothing),
        Item("15", "How certainty was assessed", answers.certainty),
        Item("17", "Characteristics of each study", _characteristics, NOT_HERE),
        Item("18", "Risk of bias of each study", answers.risk_of_bias, NOT_HERE),
        Item("19", "Result of each study with its precision", _estimates),
        Item("20b", "Summary estimates, precision and heterogeneity", answers.pools),
        Item("20c", "Results on causes of heterogeneity", answers.covariates),
        Item("20d", "Results of sensitivity analyses", answers.sensitivity),
        Item("21", "Bias from missing results", answers.nothing),
        Item("22", "Certainty of the evidence", answers.certainty),
        Item("23b", "Limitations of the evidence", answers.limitations, NOT_HERE),
        Item("27", "Availability of data and code", answers.files),
    ],
    "Items on title, abstract, search, selection, discussion, registration and funding are left out: none is about a synthesis.",
)
