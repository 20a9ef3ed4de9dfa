"""The report as one HTML file that loads nothing: styles and pictures are inside."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, Template, Undefined

from bayesmeta.report import evidence_tables, figures, html_tables, numbers, prior_sentences, sentences, tables
from bayesmeta.report.plain_text import visible

Record = Mapping[str, Any]

_FILTERS: dict[str, Callable[..., str]] = {"value": numbers.format_value, "check": sentences.check_sentence}


def render_html(results: Record) -> str:
    """Render a report.

    Parameters
    ----------
    results : mapping
        The results dictionary, schema ``bayesmeta-report/1``. Parts that are missing or null are left out.

    Returns
    -------
    str
        A self-contained HTML document. The same dictionary gives the same text; two runs of one analysis
        differ only in `created`.
    """
    signals = [
        {
            "data": signal,
            "sentences": [
                text
                for text in (
                    sentences.signal_sentence(signal),
                    sentences.estimate_sentence(results, signal),
                    sentences.threshold_sentence(signal),
                )
                if text
            ],
            "density": figures.density_figure(results, signal),
            "sensitivity": figures.sensitivity_figure(signal),
            "tipping": [
                *(prior_sentences.tipping_sentence(signal, tipping) for tipping in signal.get("tipping") or []),
                *filter(None, [prior_sentences.belief_sentence(signal)]),
            ],
            "beliefs": html_tables.beliefs_table(signal),
            "tried": html_tables.sensitivity_table(signal),
        }
        for signal in results.get("signals") or []
    ]
    outcomes = [_outcome(results, key, outcome) for key, outcome in (results.get("outcomes") or {}).items()]
    return _template().render(
        r=results,
        answer=sentences.answer_sentences(results),
        failed=[check for check in results.get("checks") or [] if check.get("passed") is False],
        signals_table=html_tables.signals_table(results),
        external=html_tables.external_table(results),
        convergence=html_tables.convergence_table((results.get("outcomes") or {}).values()),
        checks=html_tables.checks_table(results),
        glossary=prior_sentences.glossary(results),
        summary_figure=figures.summary_figure(results),
        signals=signals,
        outcomes=outcomes,
        rerun=rerun_command(results),
        has=_contents(results, outcomes),
    )


def _contents(results: Record, outcomes: Sequence[Record]) -> dict[str, bool]:
    """What there is to show: a section or a word without content is left out."""
    models = [model for outcome in outcomes for model in outcome["models"]]
    panels = [panel for model in models for panel in model["data"].get("prior_posterior") or []]
    shown = [*(model["data"].get("convergence") for model in models), *(one["predictive"] for one in outcomes)]
    return {
        "priors": any(model["priors"] or model["pictures"] for model in models),
        "defaults": any(model["data"].get("defaults") for model in models),
        "pictures": bool(panels),
        "drawn_priors": any(panel.get("prior") is not None for panel in panels),
        "checks": any(shown) or bool(results.get("checks")),
    }


def rerun_command(results: Record) -> str:
    """Return the command that makes the report again, in the folder that it was written to.

    Examples
    --------
    >>> rerun_command({"analysis": {"file": "models/ketamine/analysis.toml", "out": "reports/ketamine"}})
    'bayesmeta report models/ketamine/analysis.toml --out reports/ketamine'
    """
    analysis = results.get("analysis") or {}
    path, out = analysis.get("file") or "analysis.toml", analysis.get("out") or "FOLDER"
    return shlex.join(["bayesmeta", "report", str(path), "--out", str(out)])


def _outcome(results: Record, key: str, outcome: Record) -> dict[str, Any]:
    evidence = outcome.get("evidence") or {}
    studies = evidence.get("studies") or []
    models = [
        {
            "data": model,
            "name": name,
            "pictures": figures.prior_figures(model),
            "priors": html_tables.priors_table(model),
            "summary": html_tables.summary_table(model, name, outcome),
            "agreement": html_tables.agreement_table(outcome, name, model),
        }
        for name, model in (outcome.get("models") or {}).items()
    ]
    return {
        "key": key,
        "data": outcome,
        "measure": figures.measure_label(outcome),
        "has_evidence": any(evidence.values()),
        "display": tables.outcome_display(outcome),
        "studies": studies,
        "evidence_tables": evidence_tables.evidence_tables(evidence),
        "latent": sum(not study.get("known") for study in studies),
        "sentences": [
            sentences.outcome_sentence(results, outcome, model["forest"])
            for model in (outcome.get("models") or {}).values()
            if model.get("forest")
        ],
        "forests": figures.forest_figures(results, outcome),
        "confounding": figures.confounding_figure(outcome),
        "side_by_side": figures.side_by_side_figure(outcome),
        "side_by_side_table": html_tables.side_by_side_table(outcome),
        "probabilities": html_tables.probabilities_table(outcome),
        "derived": html_tables.derived_table(outcome),
        "estimators": html_tables.estimators_table(outcome),
        "predictive": html_tables.predictive_table(outcome),
        "external": figures.external_figure(results, key),
        "models": models,
    }


def _given(function: Callable[..., str]) -> Callable[..., str]:
    """Let a formatter see None where the results have nothing."""
    return lambda *values: function(*(None if isinstance(v, Undefined) else v for v in values))


def _shown(value: Any) -> Any:
    """Nothing for what is missing, and text with what hides or reverses text as codes."""
    return "" if value is None else visible(value) if isinstance(value, str) else value


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("bayesmeta.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
        finalize=_shown,
    )
    environment.filters.update({name: _given(function) for name, function in _FILTERS.items()})
    return environment.get_template("report.html.j2")
