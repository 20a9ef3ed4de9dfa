"""The report as one HTML file that loads nothing: styles and pictures are inside."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.report import (
    check_tables,
    evidence_tables,
    figures,
    html_tables,
    know_first,
    page_one,
    page_sentences,
    prior_sentences,
    sentences,
    signal_tables,
)
from bayesmeta.report.checklists.registry import CHECKLISTS_SAID, checklist_tables
from bayesmeta.report.csv_tables import csv_tables
from bayesmeta.report.explorer_section import explorer_section
from bayesmeta.report.findings_table import findings_table
from bayesmeta.report.html_table import HtmlTable
from bayesmeta.text.numbers import count_of
from bayesmeta.text.plain_text import visible


def render_html(results: Results, *, paper: bool = False) -> str:
    """Render a report.

    Parameters
    ----------
    results : Results
    paper : bool, default False
        For a file that is printed only: letters of figures as text, and nothing that needs a browser.

    Returns
    -------
    str
        A self-contained HTML document. The same results give the same text; two runs of one analysis differ only in
        `created`.
    """
    return _template().render(**page_content(results), paper=paper)


def page_content(results: Results) -> dict[str, Any]:
    """What the page consists of: sentences, tables and pictures by their names in the template."""
    first = next((key for key, one in results.outcomes.items() if any(m.forest for m in one.models.values())), None)
    outcomes = [_outcome(results, key, outcome, first=key == first) for key, outcome in results.outcomes.items()]
    models = [model for outcome in results.outcomes.values() for model in outcome.models.values()]
    answer = page_one.answers(results)
    explorer, checks = explorer_section(results), check_tables.named_checks(results)
    contents = _contents(results, explorer=bool(explorer))
    failed = [sentences.check_sentence(check) for check in checks if check.passed is False]
    return dict(  # noqa: C408 - the names are the template's
        r=results,
        methods=_methods(results),
        answer=answer,
        said=page_one.intervals_said(answer, results.analysis.ci_prob),
        know=know_first.know_first(results),
        forest=None if first is None else figures.forest_figures(results.outcomes[first], results.analysis.ci_prob)[0],
        strip=figures.summary_figure(results),
        schools=_schools(results, first),
        findings=findings_table(results),
        together=_together(results, first),
        contents=contents,
        named=_unique([title for _, title in contents]),
        failed=failed,
        warning=page_sentences.warning(failed),
        source=page_sentences.source(results),
        never_pooled=page_sentences.NEVER_POOLED,
        refused=list(page_sentences.refused(results)),
        seeded=page_sentences.seeded(results),
        versions=page_sentences.versions(results),
        signals_table=html_tables.signals_table(results.signals),
        external=html_tables.external_table(results.external),
        convergence=check_tables.convergence_table(results.outcomes.values()),
        sample=check_tables.sample_table(results.outcomes.values()),
        agreements=[
            check_tables.agreement_table(outcome, model)
            for outcome in results.outcomes.values()
            for model in outcome.models.values()
        ],
        checks=check_tables.checks_table(checks),
        checks_said=check_tables.checks_sentence(results.checks),
        priors_said=page_sentences.priors(results),
        panels=[panel for model in models for panel in model.prior_posterior],
        signals=[_signal(results, signal) for signal in results.signals],
        outcomes=outcomes,
        files=list(csv_tables(results)),
        explorer=explorer,
        checklists=checklist_tables(results),
        checklists_said=CHECKLISTS_SAID,
        rerun=shlex.join(["bayesmeta", "report", results.analysis.file, "--out", results.analysis.out]),
    )


def _schools(results: Results, first: str | None) -> figures.Picture | None:
    """Frequentist and Bayesian estimates of a mean effect, where no signals are asked about."""
    if first is None or results.signals:
        return None
    outcome = results.outcomes[first]
    compared = outcome.side_by_side
    return figures.side_by_side_figure(compared, figures.measure_label(outcome)) if compared else None


def _together(results: Results, first: str | None) -> bool:
    """Whether both figures of page one share a line of paper, where a forest plot with more columns would have small letters."""
    if first is None or not results.signals:
        return False
    forest = next(model.forest for model in results.outcomes[first].models.values() if model.forest)
    return not forest.columns and all(study.weight is None for study in forest.studies)


def _methods(results: Results) -> list[str]:
    """The methods with words for covariates, and no more digits than a reader wants."""
    labels = {name: text for one in results.outcomes.values() for name, text in one.evidence.labels.items()}
    return [
        _LONG.sub(lambda match: f"{float(match[0]):.4g}", evidence_tables.covariates_in_words(paragraph, labels))
        for paragraph in results.methods
    ]


def _contents(results: Results, *, explorer: bool) -> list[tuple[str, str]]:
    """Id and title of every section that has something to show, in order."""
    evidence = [outcome.evidence for outcome in results.outcomes.values() if not outcome.evidence.is_empty]
    missing = ", and what was missing" if any(one.missing for one in evidence) else ""
    sections = {
        "explorer": ("Other priors, by hand", explorer),
        "evidence": ("What evidence went in" + missing, bool(evidence)),
        "results": ("Results", True),
        "signals": ("Signals under other priors" if _tried(results) else "Signals", bool(results.signals)),
        "external": ("Other reviews beside ours", bool(results.external)),
        "priors": ("Priors", True),
        "checks": ("Convergence and checks", True),
        "methods": ("Methods", bool(results.methods)),
        "limitations": ("Limitations", bool(results.limitations)),
        "references": ("References", bool(results.references)),
        "checklists": ("Reporting checklists", True),
        "rerun": ("Versions and how to rerun", True),
    }
    return [(key, title) for key, (title, shown) in sections.items() if shown]


def _tried(results: Results) -> bool:
    return any(signal.sensitivity or signal.beliefs for signal in results.signals)


def _unique(taken: Sequence[str]) -> Callable[[HtmlTable], str]:
    """A function that names each table for those who hear the page, no two alike."""
    seen = set(taken)

    def name(table: HtmlTable) -> str:
        label = Markup(table.caption).striptags() or "Table"
        numbered = (label if i == 1 else f"{label} ({i})" for i in range(1, len(seen) + 2))
        unused = next(one for one in numbered if one not in seen)
        seen.add(unused)
        return unused

    return name


def _signal(results: Results, signal: SignalRecord) -> dict[str, Any]:
    labels, ci_prob = results.outcomes[signal.outcome].models[signal.model].labels, results.analysis.ci_prob
    tipping = [prior_sentences.tipping_sentence(signal, one, labels) for one in signal.tipping]
    return {
        "data": signal,
        "density": figures.density_figure(signal, ci_prob),
        "sensitivity": figures.sensitivity_figure(signal, labels),
        "tipping": list(filter(None, tipping)),
        "tried": signal_tables.sensitivity_table(signal, labels),
    }


def _outcome(results: Results, key: str, outcome: OutcomeRecord, *, first: bool) -> dict[str, Any]:
    ci_prob, measure, compared = results.analysis.ci_prob, figures.measure_label(outcome), outcome.side_by_side
    forests = [model.forest for model in outcome.models.values() if model.forest]
    signals = [signal for signal in results.signals if signal.outcome == key]
    tables = evidence_tables.evidence_tables(outcome.evidence)
    models = [_model(outcome, model) for model in outcome.models.values()]
    return {
        "data": outcome,
        "measure": measure,
        "counted": page_sentences.counted(outcome.evidence),
        "measured": page_sentences.measured(outcome, measure),
        "on_latent": page_sentences.on_latent(outcome),
        "evidence_tables": tables[:1],
        "more_evidence": tables[1:],
        "more_evidence_said": _captions(tables[1:]),
        "sentences": [_without_label(outcome, sentences.outcome_sentence(outcome, one, ci_prob)) for one in forests],
        "forests": figures.forest_figures(outcome, ci_prob)[1 if first else 0 :],
        "confounding": figures.confounding_figure(outcome),
        "confounded": _confounded(outcome),
        "side_by_side": compared and (results.signals or not first) and figures.side_by_side_figure(compared, measure),
        "side_by_side_table": compared and html_tables.side_by_side_table(compared),
        "pooled": signal_tables.pooled_table(outcome),
        "probabilities": html_tables.probabilities_table(outcome),
        "derived": html_tables.derived_table(outcome),
        "estimators": html_tables.estimators_table(outcome),
        "predictive": check_tables.predictive_table(outcome),
        "external": figures.external_figure(results, key),
        "beliefs": signal_tables.beliefs_table(signals),
        "other_evidence": signal_tables.evidence_table(signals, outcome.evidence.labels),
        "priors": html_tables.priors_table(outcome),
        "models": models,
        "models_said": "the model" if len(models) == 1 else f"the {count_of(len(models), 'model')}",
        "pictures": any(model["pictures"] for model in models),
    }


def _without_label(outcome: OutcomeRecord, sentence: str) -> str:
    """A sentence under a heading that has the label already."""
    rest = sentence.removeprefix(f"{outcome.label}: ")
    return rest[:1].upper() + rest[1:]


def _captions(tables: Sequence[HtmlTable | None]) -> str:
    """What folded tables show, as far as their captions begin with it."""
    heads = [re.split("[:,]", str(table.caption))[0] for table in tables if table]
    return "; ".join([*heads[:1], *(head[:1].lower() + head[1:] for head in heads[1:])])


def _confounded(outcome: OutcomeRecord) -> str:
    panel = outcome.confounding
    if panel is None:
        return ""
    return " and ".join(know_first.coefficient_label(outcome, panel.model, name) for name in (panel.x, panel.y))


def _model(outcome: OutcomeRecord, model: ModelRecord) -> dict[str, Any]:
    return {
        "data": model,
        "pictures": figures.prior_figures(model),
        "summary": html_tables.summary_table(model, outcome.display),
    }


_LONG = re.compile(r"\b\d+\.\d{7,}")
_NBSP, _NB_HYPHEN = "\N{NO-BREAK SPACE}", "\N{NON-BREAKING HYPHEN}"
_UNITS = "points?|mm|cm|mg|kg|mmHg|hours?|days?|weeks?|months?|years?"
_APART = re.compile(  # spaces within "18 v 17", "0.4 to 1.2", "P = .079", "1 − P/2" and "2 points"
    r"(?<=\d) (?=v \d)|(?<=\d v) (?=\d)|(?<=\d) (?=to [\d−∞])|(?<=\d to) (?=[\d−∞])|(?<=\bP) (?=[=<>] )|(?<=\bP [=<>]) (?=\.)"
    rf"|(?<=\b1) (?=− P)|(?<=1 −) (?=P/2)|(?<=\d) (?=(?:{_UNITS})\b)"
)
_RANGE = re.compile(r"(?<![\w./-])(\d{1,3})-(\d{1,3})(?![\w./-])")  # "0-10", no part of a DOI or of a date


def _shown(value: Any) -> Any:
    """Nothing for what is missing; text with what hides or reverses text as codes, and numbers that no line breaks apart."""
    if value is None or not isinstance(value, str):
        return "" if value is None else value
    if isinstance(value, Markup) and "<script" in value:  # where a space more would be another program
        return Markup(visible(value))
    text = _RANGE.sub(rf"\1{_NB_HYPHEN}\2", _APART.sub(_NBSP, visible(value)))
    return Markup(text) if isinstance(value, Markup) else text


def _css_text(text: str) -> Markup:
    r"""Text as a string of CSS, every letter as its code: nothing in it ends the string, the style or the page.

    Examples
    --------
    >>> print(_css_text('a"'))
    "\61 \22 "
    """
    return Markup('"{}"').format(Markup("".join(f"\\{ord(letter):x} " for letter in visible(text))))


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
    environment.filters["css_text"] = _css_text
    return environment.get_template("report.html.j2")
