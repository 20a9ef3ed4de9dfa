"""Sentences for a report or a paper, each made from the results alone: probabilities, never verdicts."""

from __future__ import annotations

from bayesmeta.analysis.records.model import ForestRecord, Pool, PublishedPool
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.diagnostics.check import Check
from bayesmeta.text.numbers import (
    format_estimate,
    format_interval,
    format_mcse,
    format_p,
    format_probability,
    format_probability_range,
    format_value,
    spread_of,
)


def signal_sentence(signal: SignalRecord) -> str:
    """Say what the review reported, what that means under a flat prior, and what the model gives.

    "Dose: the review reported P = .213. Under a flat prior, with tau taken as known, that is a probability of 0.89 that
    dose < 0; with the stated priors it is 0.80 (Monte Carlo error 0.006)."
    """
    claim = signal.claimed or "the claim holds"
    ours = f"{format_probability(signal.probability)}{_mcse(signal)}"
    bounds = format_probability_range(signal.probability_range, " and ")
    spread = "" if " and " not in bounds else f", between {bounds} over the priors tried"
    if signal.published_p is None:
        return f"{signal.name}: with the stated priors the probability that {claim} is {ours}{spread}."
    p = format_p(signal.published_p)
    verdict = f" (‘{signal.published_verdict}’)" if signal.published_verdict else ""
    equals = f"P {p[0]} {p[1:]}" if p[0] in "<>" else f"P = {p}"
    return (
        f"{signal.name}: the review reported {equals}{verdict}. Under a flat prior, with tau taken as known, that is a "
        f"probability of {format_probability(signal.flat_prior_probability)} that {claim}; with the stated priors "
        f"it is {ours}{spread}."
    )


def estimate_sentence(signal: SignalRecord, ci_prob: float) -> str:
    """State the size of a signal's effect with its credible interval, on the scale that readers see."""
    estimate, display = signal.estimate, signal.display
    if estimate.median is None:
        return ""
    middle, lower, upper = (display.value(one) for one in (estimate.median, estimate.lower, estimate.upper))
    parts = format_estimate(middle, lower, upper, None if display.changes else estimate.sd).partition(" (")
    size = f"{display.label} {parts[0]}" if display.changes else f"{parts[0]} {signal.unit}"
    interval = f" ({100 * ci_prob:g}% credible interval {parts[2]}" if parts[2] else ""
    return f"Estimate: {size.strip()}{interval}."


def outcome_sentence(outcome: OutcomeRecord, forest: ForestRecord, ci_prob: float) -> str:
    """State the pooled effect beside what the review published, and the range for a new trial."""
    display, pooled, new = outcome.display, forest.pooled, forest.new

    def shown(pool: Pool | PublishedPool, centre: float) -> str:
        return format_estimate(*(display.value(one) for one in (centre, pool.lower, pool.upper)))

    named = f", {display.label}" if display.changes else ""
    text = f"{outcome.label}: mean effect over trials{named} {shown(pooled, pooled.median)}"
    if forest.published:
        text += f"; the review published {shown(forest.published, forest.published.estimate)}"
    spread = spread_of(*(display.value(one) for one in (pooled.median, pooled.lower, pooled.upper)))
    if new is None:
        return f"{text}."
    bounds = format_interval(display.value(new.lower), display.value(new.upper), spread)
    return f"{text}; the true effect in a new trial lies within {bounds} with {100 * ci_prob:g}% probability."


def check_sentence(check: Check) -> str:
    """Name the value and limit of a check that failed.

    Examples
    --------
    >>> check_sentence(Check("largest R-hat", False, 1.0341, 1.01, "Raise tune."))
    'largest R-hat: value 1.034, limit 1.01. Raise tune.'
    """
    shown = format_value(check.value)
    if (
        check.value is not None and check.value != check.limit and shown == format_value(check.limit)
    ):  # 1.0104, not 1.01
        shown = format_value(check.value, 6)
    bound = "" if check.limit is None else f", limit {format_value(check.limit)}"
    return f"{check.name}: value {shown}{bound}.{f' {check.note}' if check.note else ''}"


def _mcse(record: SignalRecord) -> str:
    return f" (Monte Carlo error {format_mcse(record.mcse)})" if record.mcse else ""  # an exact one has none
