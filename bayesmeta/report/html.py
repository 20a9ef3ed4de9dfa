"""The report as one HTML file that loads nothing: styles and pictures are inside."""

from __future__ import annotations

import shlex
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.report import evidence_tables, figures, html_tables, prior_sentences, sentences, signal_tables
from bayesmeta.report.explorer_section import explorer_section
from bayesmeta.text.plain_text import visible


def render_html(results: Results) -> str:
    """Render a report.

    Returns
    -------
    str
        A self-contained HTML document. The same results give the same text; two runs of one analysis differ only in
        `created`.
    """
    outcomes = [_outcome(results, key, outcome) for key, outcome in results.outcomes.items()]
    models = [model for outcome in results.outcomes.values() for model in outcome.models.values()]
    return _template().render(
        r=results,
        answer=sentences.answer_sentences(results),
        failed=list(map(sentences.check_sentence, results.failed)),
        signals_table=html_tables.signals_table(results.signals),
        external=html_tables.external_table(results.external),
        convergence=html_tables.convergence_table(results.outcomes.values()),
        sample=html_tables.sample_table(results.outcomes.values()),
        checks=html_tables.checks_table(results.checks),
        glossary=prior_sentences.glossary(results),
        defaults=any(model.defaults for model in models),
        panels=[panel for model in models for panel in model.prior_posterior],
        summary_figure=figures.summary_figure(results),
        signals=[_signal(signal, results.analysis.ci_prob) for signal in results.signals],
        outcomes=outcomes,
        explorer=explorer_section(results),
        rerun=shlex.join(["bayesmeta", "report", results.analysis.file, "--out", results.analysis.out]),
    )


def _signal(signal: SignalRecord, ci_prob: float) -> dict[str, Any]:
    said = (
        sentences.signal_sentence(signal),
        sentences.estimate_sentence(signal, ci_prob),
        sentences.threshold_sentence(signal),
    )
    tipping = [prior_sentences.tipping_sentence(signal, one) for one in signal.tipping]
    return {
        "data": signal,
        "sentences": list(filter(None, said)),
        "density": figures.density_figure(signal, ci_prob),
        "sensitivity": figures.sensitivity_figure(signal),
        "tipping": list(filter(None, [*tipping, prior_sentences.belief_sentence(signal)])),
        "beliefs": signal_tables.beliefs_table(signal),
        "evidence": signal_tables.evidence_table(signal),
        "tried": signal_tables.sensitivity_table(signal),
    }


def _outcome(results: Results, key: str, outcome: OutcomeRecord) -> dict[str, Any]:
    ci_prob, measure, compared = results.analysis.ci_prob, figures.measure_label(outcome), outcome.side_by_side
    forests = [model.forest for model in outcome.models.values() if model.forest]
    return {
        "data": outcome,
        "measure": measure,
        "evidence_tables": evidence_tables.evidence_tables(outcome.evidence),
        "sentences": [sentences.outcome_sentence(outcome, forest, ci_prob) for forest in forests],
        "forests": figures.forest_figures(outcome, ci_prob),
        "confounding": figures.confounding_figure(outcome),
        "side_by_side": compared and figures.side_by_side_figure(compared, measure),
        "side_by_side_table": compared and html_tables.side_by_side_table(compared),
        "probabilities": html_tables.probabilities_table(outcome),
        "with_other_evidence": html_tables.other_evidence_table(outcome),
        "derived": html_tables.derived_table(outcome),
        "estimators": html_tables.estimators_table(outcome),
        "predictive": html_tables.predictive_table(outcome),
        "external": figures.external_figure(results, key),
        "models": [_model(outcome, model) for model in outcome.models.values()],
    }


def _model(outcome: OutcomeRecord, model: ModelRecord) -> dict[str, Any]:
    return {
        "data": model,
        "pictures": figures.prior_figures(model),
        "priors": html_tables.priors_table(model),
        "summary": html_tables.summary_table(model, outcome.display),
        "agreement": html_tables.agreement_table(outcome, model),
    }


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
        undefined=StrictUndefined,
        finalize=_shown,
    )
    return environment.get_template("report.html.j2")
