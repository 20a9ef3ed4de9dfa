"""The tables of signals and mean effects: under stated beliefs, with other evidence, and under every prior that was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesmeta.analysis.records.model import Side
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.report.evidence_tables import covariates_in_words
from bayesmeta.report.html_table import Head, HtmlTable, code, html_table, lines, numbers, small
from bayesmeta.report.page_one import main_model, side_of
from bayesmeta.report.prior_sentences import belief_priors, prior_on
from bayesmeta.text.numbers import format_mcse, format_number, format_probability, rounded

_HOW = {"exact": "quadrature"}  # methods in words: the likelihood may be an approximation


def beliefs_table(signals: Sequence[SignalRecord]) -> HtmlTable | None:
    """Signals of one outcome under stated prior beliefs, one column for each."""
    beliefs = {one.label: one for signal in signals for one in signal.beliefs}
    by_signal = [{one.label: one.probability for one in signal.beliefs} for signal in signals]
    rows = (
        [
            lines(
                label,
                code(_changed(signals, label), "small"),
                small(format_number(one.source)),
                small(format_number(one.note)) if one.note else None,
            ),
            *(format_probability(known.get(label)) for known in by_signal),
        ]
        for label, one in beliefs.items()
    )
    heads = [Head("Belief and its source", "long"), *numbers(*(signal.name for signal in signals))]
    return html_table("Probabilities under stated prior beliefs", heads, rows, kind="scroll labels")


def _changed(signals: Sequence[SignalRecord], label: str) -> str:
    """The priors of a belief that no model states, of all signals together."""
    said = [belief_priors(signal, one) for signal in signals for one in signal.beliefs if one.label == label]
    priors = dict.fromkeys(prior for text in said for prior in text.split("; ") if prior != "as stated")
    return "; ".join(priors) or "as stated"


def evidence_table(signals: Sequence[SignalRecord], labels: Mapping[str, str] | None = None) -> HtmlTable | None:
    """Signals of a published review with other evidence, one column for each."""
    evidence = {one.label: one for signal in signals for one in signal.evidence}
    by_signal = [{one.label: one.probability for one in signal.evidence} for signal in signals]
    rows = (
        [
            lines(label, small(covariates_in_words("; ".join(one.changes), labels)), small(one.source)),
            *(format_probability(known.get(label)) for known in by_signal),
        ]
        for label, one in evidence.items()
    )
    heads = [Head("Evidence and its source", "long"), *numbers(*(signal.name for signal in signals))]
    return html_table("Probabilities of the signals with other evidence", heads, rows, kind="scroll labels")


def sensitivity_table(signal: SignalRecord, labels: Mapping[str, str] | None = None) -> HtmlTable | None:
    """A signal under every prior that was tried."""
    heads = [
        Head(f"Prior on {prior_on(signal, labels)}"),
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
            _HOW.get(one.method, one.method),
            format_number(one.pareto_k, 2),
        ]
        for one in signal.sensitivity
    )
    return html_table(f"{signal.name}: every prior that was tried", heads, rows, kind="scroll labels")


def pooled_table(outcome: OutcomeRecord) -> HtmlTable | None:
    """The mean effect under every prior that was tried, as page one has its probability."""
    model = main_model(outcome)
    if not model.tried:
        return None
    stated, side = _texts(model.priors), model.below_zero["mu"]
    rows = [
        [lines("as stated", code("; ".join(stated), "small")), *_pooled_cells(outcome, side), ""],
        *(
            [
                lines(one.label, code("; ".join(text for text in _texts(one.priors) if text not in stated), "small")),
                *_pooled_cells(outcome, one),
                _HOW.get(one.method, one.method),
            ]
            for one in model.tried
        ),
    ]
    heads = [
        Head("Priors"),
        Head(f"Probability {side_of(outcome, side.probability)[2]}", "n"),
        Head("Monte Carlo error", "n", needed=False),
        Head("Method", needed=False),
    ]
    return html_table("Mean effect: every prior that was tried", heads, rows, kind="scroll labels")


def _pooled_cells(outcome: OutcomeRecord, side: Side) -> tuple[str, str]:
    return side_of(outcome, side.probability)[0], format_mcse(side.mcse or None)


def _texts(priors: Mapping[str, str]) -> list[str]:
    return [f"{name} ~ {rounded(prior)}" for name, prior in priors.items()]
