"""The tables of convergence, samples, agreement of engines, predictive coverage and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from bayesmeta.analysis.records.model import ModelRecord
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.diagnostics.check import Check
from bayesmeta.report.evidence_tables import covariates_in_words
from bayesmeta.report.html_table import Cell, Head, HtmlTable, html_table, numbers, percent
from bayesmeta.text.numbers import (
    count_of,
    format_bound,
    format_estimate,
    format_number,
    format_value,
    write_row,
)


def checks_sentence(checks: Sequence[Check]) -> str:
    """How many checks there are, and how many of them passed, failed or only inform.

    Examples
    --------
    >>> checks_sentence([Check("a", True, 1.0, 2.0, ""), Check("b", None, 1.0, None, "")])
    '2 checks: 1 passed, 0 failed, 1 informs or does not apply.'
    """
    passed, failed = (sum(check.passed is answer for check in checks) for answer in (True, False))
    rest = len(checks) - passed - failed
    said = f"; {rest} inform or do not apply" if rest > 1 else ""
    said = said.replace("; ", ", ") if rest > 1 else f", {rest} informs or does not apply" if rest else ""
    return f"{count_of(len(checks), 'check')}: {passed} passed, {failed} failed{said}."


def named_checks(results: Results) -> list[Check]:
    """Every check, with the labels of outcome and model in place of their keys."""
    keys = {
        f"{name}, {key}": f"{outcome.label}, {model.label}"
        for name, outcome in results.outcomes.items()
        for key, model in outcome.models.items()
    }
    keys |= {name: outcome.label for name, outcome in results.outcomes.items()}
    covariates = {name: text for one in results.outcomes.values() for name, text in one.evidence.labels.items()}
    return [replace(check, name=_named(check.name, keys, covariates)) for check in results.checks]


def _named(name: str, keys: Mapping[str, str], covariates: Mapping[str, str]) -> str:
    key = next((key for key in keys if name.startswith((f"{key}:", f"{key} under"))), None)
    said = covariates_in_words(name if key is None else name.removeprefix(key), covariates)
    return said if key is None else f"{keys[key]}{said}"


def convergence_table(outcomes: Iterable[OutcomeRecord]) -> HtmlTable | None:
    """The worst value of each diagnostic over all reported quantities of each model."""
    models = [(outcome, model) for outcome in outcomes for model in outcome.models.values()]
    rows = (
        [
            f"{outcome.label}: {model.label}",
            format_number(worst.r_hat, 3),
            format_number(worst.ess_bulk, 0),
            format_number(worst.ess_tail, 0),
            percent(worst.sd_error),
            format_number(worst.divergences, 0),
            format_number(worst.saturated, 0),
            format_number(worst.bfmi, 2),
            f"{worst.chains} × {worst.draws}",
        ]
        for outcome, model in models
        for worst in [model.convergence]
        if worst is not None
    )
    heads = numbers("R-hat", "ESS bulk", "ESS tail", "Error of an SD", "Divergences", "Trajectories cut", "Energy BFMI")
    caption = "Convergence of the sampler (NUTS); worst value over all reported quantities of each model"
    return html_table(caption, [Head("Outcome and model"), *heads, *numbers("Chains × draws")], rows)


def sample_table(outcomes: Iterable[OutcomeRecord]) -> HtmlTable | None:
    """How good the samples of trials are that importance sampling weighted, and marginal likelihoods."""
    rows = (
        [
            f"{outcome.label}: {model.label}",
            format_number(sample.n_effective, 0),
            percent(sample.largest_weight),
            percent(sample.missed),
            format_number(sample.log_marginal_likelihood, 2),
            format_number(sample.log_marginal_likelihood_error, 3),
        ]
        for outcome in outcomes
        for model in outcome.models.values()
        for sample in [model.sample]
        if sample is not None
    )
    heads = numbers(
        "Effective sets", "Largest weight", "Share missed", "Log marginal likelihood", "Its Monte Carlo error"
    )
    return html_table("Importance sampling of the trials", [Head("Outcome and model"), *heads], rows)


def agreement_table(outcome: OutcomeRecord, model: ModelRecord) -> HtmlTable | None:
    """Means and SDs of both engines, with one more digit than the standard deviation has in a summary."""
    if not model.agreement:
        return None
    rows = (
        [
            model.labels.get(row.parameter, row.parameter),
            *write_row([row.exact_mean, row.drawn_mean, row.exact_sd, row.drawn_sd], row.exact_sd / 10),
            format_number(max(abs(row.mean_gap), abs(row.sd_gap)), 1),
        ]
        for row in model.agreement
    )
    caption = (
        f"Agreement of the engines, {outcome.label}: {model.label}"
        f"{f', {outcome.display.analysis}' if outcome.display.changes else ''}. The report uses the "
    )
    if model.error_bound is None:
        used, caption = "importance sampling", f"{caption}numbers of importance sampling"
    else:
        used, bound = "quadrature", format_bound(model.error_bound)
        caption += f"numbers of quadrature (error of any probability below {bound})"
    heads = numbers(
        f"Mean, {used}", "Mean, NUTS", f"SD, {used}", "SD, NUTS", "Largest difference, in Monte Carlo errors"
    )
    return html_table(caption, [Head("Parameter"), *heads], rows)


def predictive_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """Observed numbers beside their replicates."""
    scale = f"; effects as {outcome.display.analysis}" if outcome.display.changes else ""
    rows = (
        [
            covariates_in_words(one.name, outcome.evidence.labels),
            format_number(one.printed),
            format_estimate(one.mean, one.lower, one.upper),
            format_number(one.inside),
        ]
        for one in outcome.predictive
    )
    heads = [Head("Observed"), *numbers("Value", "Replicates, mean (95% interval)"), Head("Inside")]
    caption = f"Posterior predictive coverage, {outcome.label}: {outcome.predictive_of}{scale}"
    return html_table(caption, heads, rows)


def checks_table(checks: Sequence[Check]) -> HtmlTable | None:
    """Every check."""
    heads = [Head("Check"), Head("Passed"), *numbers("Value", "Limit"), Head("Note", "long")]
    rows = ([one.name, _passed(one), format_value(one.value), format_value(one.limit), one.note] for one in checks)
    return html_table("Checks", heads, rows)


def _passed(check: Check) -> Cell:
    if check.passed is None:
        return "not applicable" if check.value is None else "informs"
    return "yes" if check.passed else Markup('<span class="bad">no</span>')
