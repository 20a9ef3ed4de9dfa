"""The tables of one signal: under stated beliefs, with other evidence, and under every prior that was tried."""

from __future__ import annotations

from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.report.html_table import Head, HtmlTable, code, html_table, lines, small, words
from bayesmeta.report.prior_sentences import belief_priors, prior_on
from bayesmeta.text.numbers import format_mcse, format_number, format_probability


def beliefs_table(signal: SignalRecord) -> HtmlTable | None:
    """A signal under stated prior beliefs."""
    heads = [Head("Belief"), Head("Probability", "n"), Head("Beyond the threshold", "n", needed=False)]
    rows = (
        [
            lines(one.label, code(belief_priors(signal, one), "small")),
            format_probability(one.probability),
            format_probability(one.threshold_probability),
            words(one.source, small(one.note) if one.note else None),
        ]
        for one in signal.beliefs
    )
    return html_table("What it is under stated prior beliefs", [*heads, Head("Source", "long")], rows)


def evidence_table(signal: SignalRecord) -> HtmlTable | None:
    """A signal of a published review with other evidence."""
    heads = [
        Head("Evidence", "long"),
        Head("Probability", "n"),
        Head("Monte Carlo error", "n", needed=False),
        Head("Beyond the threshold", "n", needed=False),
    ]
    rows = (
        [
            words(one.label, small("; ".join(one.changes))),
            format_probability(one.probability),
            format_mcse(one.mcse or None),
            format_probability(one.threshold_probability),
            one.source,
        ]
        for one in signal.evidence
    )
    return html_table("What it is with other evidence", [*heads, Head("Source", "long")], rows)


def sensitivity_table(signal: SignalRecord) -> HtmlTable | None:
    """A signal under every prior that was tried."""
    heads = [
        Head(f"Prior on {prior_on(signal)}"),
        Head("Prior on τ"),
        Head("Probability", "n"),
        Head("Monte Carlo error", "n", needed=False),
        Head("Beyond the threshold", "n", needed=False),
        Head("Method"),
        Head("Pareto k", "n", needed=False),
    ]
    rows = (
        [
            lines(
                one.beta_label,
                code(one.beta, "small"),
                small(f"stated as {one.beta_stated}") if one.beta_stated else None,
            ),
            lines(one.tau_label, code(one.tau, "small")),
            format_probability(one.probability),
            format_mcse(one.mcse or None),
            format_probability(one.threshold_probability),
            one.method,
            format_number(one.pareto_k, 2),
        ]
        for one in signal.sensitivity
    )
    return html_table("", heads, rows)
