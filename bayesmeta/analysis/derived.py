"""What follows from an effect and a baseline risk: the risk under treatment, and number needed to treat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesmeta.analysis.load import outcome_display, shown_measure
from bayesmeta.analysis.marginals import CI_PROB
from bayesmeta.analysis.records.outcome import DerivedRecord
from bayesmeta.analysis.schema import Derived, Outcome
from bayesmeta.effects.baseline_risk import BaselineRisk, baseline_risk, printed_risk
from bayesmeta.effects.registry import TreatedRisk
from bayesmeta.errors import SpecificationError
from bayesmeta.results.absolute_risk import AbsoluteRisk
from bayesmeta.results.absolute_risk import treated_risk as risk_by
from bayesmeta.results.findings import findings
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.needed import Needed, Triple
from bayesmeta.text.numbers import format_estimate, format_probability

_LEVELS = [0.5, (1 - CI_PROB) / 2, (1 + CI_PROB) / 2]


def finite_or_none(value: Any) -> float | None:
    """A number for JSON, which has no infinity."""
    return float(value) if np.isfinite(value) else None


def plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table with its texts as they are, and its numbers for JSON."""
    return {str(key): value if isinstance(value, str) else finite_or_none(value) for key, value in row.items()}


def baseline_of(question: Derived) -> BaselineRisk:
    """The baseline risk that a question states: as it is known, or as it was printed.

    Raises
    ------
    SpecificationError
        If it states none, or both, or what cannot be right.
    """
    given = [
        name for name in ("baseline_percent", "baseline_digits", "baseline_n") if name in question.model_fields_set
    ]
    if question.baseline is not None:
        if given:
            raise SpecificationError(
                f"baseline and {given[0]}: give a risk as it is known, or as it was printed, not both."
            )
        return baseline_risk(question.baseline)
    if question.baseline_percent is None or question.baseline_n is None:
        missing = [name for name in ("baseline_percent", "baseline_n") if name not in given]
        raise SpecificationError(
            f"{' and '.join(missing)} missing: give them, or baseline, a number or a distribution such as 'Beta(12, 48)'."
        )
    counts = baseline_counts(question.baseline_percent, question.baseline_digits, question.baseline_n)
    if not counts:
        sizes = ", ".join(map(str, question.baseline_n))
        raise SpecificationError(f"no whole number of events of {sizes} rounds to {question.baseline_percent:g}%.")
    return printed_risk(question.baseline_percent, counts)


def baseline_counts(percent: float, digits: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of events and arm size that round to a printed percentage.

    Examples
    --------
    >>> baseline_counts(19.4, 1, [31, 36])
    [(6, 31), (7, 36)]
    """
    shown = 10.0**-digits / 2 + 1e-9
    first = [(math.ceil(n * (percent - shown) / 100), math.floor(n * (percent + shown) / 100)) for n in sizes]
    return [(k, n) for n, (low, high) in zip(sizes, first, strict=True) for k in range(max(low, 0), min(high, n) + 1)]


def treated_risk(outcome: Outcome) -> TreatedRisk:
    """The function from a baseline risk and an effect to the risk under treatment.

    Raises
    ------
    SpecificationError
        If the measure of the outcome does not fix it; the message says why, and which measures do.
    """
    measure = shown_measure(outcome)
    if "measure" not in outcome.model_fields_set:
        raise SpecificationError(
            "the outcome states no measure: a risk follows from 'log_rr', 'log_or', 'rd' and others."
        )
    if measure is None:
        raise SpecificationError(
            f"measure = {outcome.measure!r} does not say what the estimates are: a risk ratio and an odds ratio give "
            "different risks. State effects.printed_measure, e.g. 'log_rr'."
        )
    return risk_by(measure)


def derived_rows(question: Derived, outcome: Outcome, result: MetaResult) -> list[DerivedRecord]:
    """Risks, absolute risk difference and number needed to treat, from the effect and a baseline risk.

    A printed baseline is a percentage of an unknown count: every whole number of events that rounds to it, for each possible
    arm size, is as likely as the others, and the risk then has a Beta(events + 1/2, others + 1/2) posterior.
    """
    made = AbsoluteRisk(result, "mu", baseline_of(question), treated_risk(outcome))
    found = findings(made, question.mid, benefit=outcome.benefit, ci_prob=CI_PROB)
    display, baseline = outcome_display(outcome, result.data), made.baseline
    median, *limits = _percent(found.control)
    stated, control = (
        (baseline.text, (median, *limits)) if baseline.known is None else ("as stated", (median, None, None))
    )
    per = f"per 1,000: {format_estimate(*found.difference)}"
    rows = [
        _row(question, display.label, _triple(display.values(made.effect.ppf(_LEVELS))), "ratio" if display.is_ratio else ""),
        _row(question, f"risk, {question.baseline_label}", control, "%", stated),
        _row(question, "risk, treatment", _percent(found.treated), "%"),
        _row(
            question, "absolute risk difference", _percent(found.difference), "percentage points",
            "; ".join(filter(None, [per, question.note])),
        ),
    ]  # fmt: skip
    rows.append(needed_row(question, found.needed, found.probability_benefit))
    for side, probability in (("benefit", found.probability_beyond), ("harm", found.probability_harm_beyond)):
        if probability is not None:
            rows.append(_probability_row(question, f"{side} of more than {question.mid:g} per 1,000", probability))
    return rows


def _triple(values: Any) -> Triple:
    median, lower, upper = map(float, values)
    return median, lower, upper


def _percent(per_1000: Triple) -> Triple:
    return _triple(x / 10 for x in per_1000)


def _row(question: Derived, label: str, values: Sequence[float | None], unit: str, note: str = "") -> DerivedRecord:
    median, lower, upper = values
    return DerivedRecord(
        label=label, model=question.model, median=median, lower=lower, upper=upper, unit=unit, note=note
    )


def _probability_row(question: Derived, said: str, probability: float) -> DerivedRecord:
    return DerivedRecord(
        label=f"probability of a {said}", model=question.model, median=probability, lower=None, upper=None,
        text=format_probability(probability), unit="probability", note="",
    )  # fmt: skip


def needed_row(question: Derived, needed: Needed, probability: float) -> DerivedRecord:
    """Number needed to treat, in the convention of `Needed`, with the probability that treatment helps.

    The row gives sizes; ``text`` says which is which, and `upper` is None where the interval runs through infinity.
    """
    middle, near, far = needed.sizes
    return DerivedRecord(
        label=f"number needed to treat to {'benefit (NNTB)' if needed.helps else 'harm (NNTH)'}",
        model=question.model,
        median=middle,
        lower=near,
        upper=None if needed.crosses else far,
        other_side=far if needed.crosses else None,
        text=needed.text,
        unit="patients",
        note=f"probability that treatment helps at all {probability:.3f}"
        + ("; the interval includes benefit and harm" if needed.crosses else ""),
    )
