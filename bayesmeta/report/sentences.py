"""Sentences for a report or a paper, each made from the results alone: probabilities, never verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayesmeta.effects.display import Display, display_from
from bayesmeta.report.numbers import (
    format_estimate,
    format_interval,
    format_mcse,
    format_p,
    format_probability,
    format_probability_range,
    format_value,
    spread_of,
)
from bayesmeta.report.tables import outcome_display

Record = Mapping[str, Any]


def signal_sentence(signal: Record) -> str:
    """Say what the review reported, what that means under a flat prior, and what the model gives.

    Examples
    --------
    >>> signal_sentence({"name": "Dose", "claim": "dose < 0", "published_p": 0.213,
    ...     "flat_prior_probability": 0.8935, "probability": 0.801, "mcse": 0.006})
    'Dose: the review reported P = .213. Under a flat prior, with tau taken as known, that is a probability of 0.89
    that dose < 0; with the stated priors it is 0.80 (Monte Carlo error 0.006).'
    """
    claim = signal.get("claim_label") or signal.get("claim") or "the claim holds"
    ours = f"{format_probability(signal.get('probability'))}{_mcse(signal)}"
    bounds = format_probability_range(signal.get("probability_range"), " and ")
    spread = "" if " and " not in bounds else f", between {bounds} over the priors tried"
    if signal.get("published_p") is None:
        return f"{signal['name']}: with the stated priors the probability that {claim} is {ours}{spread}."
    p = format_p(signal["published_p"])
    verdict = f" (‘{signal['published_verdict']}’)" if signal.get("published_verdict") else ""
    equals = f"P {p[0]} {p[1:]}" if p[0] in "<>" else f"P = {p}"
    return (
        f"{signal['name']}: the review reported {equals}{verdict}. Under a flat prior, with tau taken as known, that is a "
        f"probability of {format_probability(signal.get('flat_prior_probability'))} that {claim}; with the stated priors "
        f"it is {ours}{spread}."
    )


def estimate_sentence(results: Record, signal: Record) -> str:
    """State the size of a signal's effect with its credible interval, on the scale that readers see."""
    estimate = signal.get("estimate") or {}
    if estimate.get("median") is None:
        return ""
    display = display_of_signal(results, signal)
    shown = [display.value(estimate.get(key)) for key in ("median", "lower", "upper")]
    spread = None if display.changes else estimate.get("sd")
    parts = format_estimate(shown[0], shown[1], shown[2], spread).partition(" (")
    size = f"{display.label} {parts[0]}" if display.changes else f"{parts[0]} {signal.get('unit') or ''}"
    interval = f" ({_percent(results)} credible interval {parts[2]}" if parts[2] else ""
    return f"Estimate: {size.strip()}{interval}."


def display_of_signal(results: Record, signal: Record) -> Display:
    """How a signal's estimate is read: its own display, or that of its outcome."""
    outcome = (results.get("outcomes") or {}).get(signal.get("outcome")) or {}
    return display_from(signal["display"]) if signal.get("display") else outcome_display(outcome)


def threshold_sentence(signal: Record) -> str:
    """State the probability that a signal's effect is beyond the threshold that matters."""
    threshold = signal.get("threshold") or {}
    if threshold.get("probability") is None:
        return ""
    label = threshold.get("label") or threshold.get("claim") or "as stated"
    probability = format_probability(threshold["probability"])
    return f"Beyond the threshold, {label}: probability {probability}{_mcse(threshold)}."


def outcome_sentence(results: Record, outcome: Record, forest: Record) -> str:
    """State the pooled effect beside what the review published, and the range for a new trial."""
    display = outcome_display(outcome)

    def shown(record: Record, key: str) -> str:
        return format_estimate(*(display.value(record.get(k)) for k in (key, "lower", "upper")))

    named = f", {display.label}" if display.changes else ""
    pooled, new, published = (forest.get(key) or {} for key in ("pooled", "new", "published"))
    text = f"{outcome.get('label')}: mean effect over trials{named} {shown(pooled, 'median' if 'median' in pooled else 'mean')}"
    if published:
        text += f"; the review published {shown(published, 'estimate')}"
    if new:
        spread = spread_of(*(display.value(pooled.get(key)) for key in ("median", "lower", "upper")))
        bounds = format_interval(display.value(new.get("lower")), display.value(new.get("upper")), spread)
        text += f"; the true effect in a new trial lies within {bounds} with {_percent(results)} probability"
    return f"{text}."


def check_sentence(check: Record) -> str:
    """Name the value and limit of a check that failed."""
    value, limit = check.get("value"), check.get("limit")
    shown = format_value(value)
    if value is not None and value != limit and shown == format_value(limit):  # 1.0104 is not 1.01
        shown = format_value(value, 6)
    bound = "" if limit is None else f", limit {format_value(limit)}"
    note = f" {check['note']}" if check.get("note") else ""
    return f"{check['name']}: value {shown}{bound}.{note}"


def answer_sentences(results: Record) -> list[str]:
    """Return the analysis's own answer, or every signal in words, in the order of the analysis file."""
    given = (results.get("analysis") or {}).get("answer")
    if given:
        return [given] if isinstance(given, str) else [str(sentence) for sentence in given]
    return [signal_sentence(signal) for signal in results.get("signals") or []]


def _mcse(record: Record) -> str:
    return f" (Monte Carlo error {format_mcse(record['mcse'])})" if record.get("mcse") else ""  # an exact one has none


def _percent(results: Record) -> str:
    return f"{100 * float((results.get('analysis') or {}).get('ci_prob') or 0.95):g}%"
