"""What follows from an effect and a printed baseline risk: the risk under treatment, and number needed to treat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.analysis.load import outcome_display, shown_measure
from bayesmeta.analysis.records.outcome import DerivedRecord
from bayesmeta.analysis.schema import Derived, Outcome
from bayesmeta.effects.registry import MEASURES, TreatedRisk, measure_named
from bayesmeta.errors import SpecificationError
from bayesmeta.results.meta_result import MetaResult

Floats = NDArray[np.float64]
_LEVELS = (0.025, 0.5, 0.975)


def finite_or_none(value: Any) -> float | None:
    """A number for JSON, which has no infinity."""
    return float(value) if np.isfinite(value) else None


def plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table with its texts as they are, and its numbers for JSON."""
    return {str(key): value if isinstance(value, str) else finite_or_none(value) for key, value in row.items()}


def baseline_counts(question: Derived) -> list[tuple[int, int]]:
    """Pairs of events and arm size that round to the printed baseline risk."""
    shown = 10.0**-question.baseline_digits / 2 + 1e-9
    return [
        (k, n)
        for n in question.baseline_n
        for k in range(n + 1)
        if abs(100 * k / n - question.baseline_percent) <= shown
    ]


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
    risk = measure_named(measure).risk
    if isinstance(risk, str):
        able = ", ".join(repr(name) for name, m in MEASURES.items() if not isinstance(m.risk, str))
        raise SpecificationError(f"measure = {measure!r} gives no risk under treatment: {risk}. Those that do: {able}.")
    return risk


def derived_rows(question: Derived, outcome: Outcome, result: MetaResult) -> list[DerivedRecord]:
    """Risks, absolute risk difference and number needed to treat, from the effect and a printed baseline risk.

    The baseline was printed as a percentage of an unknown count: every whole number of events that rounds to it,
    for each possible arm size, is as likely as the others, and the risk then has a Beta(events + 1/2,
    others + 1/2) posterior.
    """
    rng = np.random.default_rng([int(result.datatree.attrs["seed"]), 2])
    effect = result.draws("mu").ravel()
    counts = baseline_counts(question)
    events, sizes = np.array(counts, dtype=float).T[:, rng.integers(len(counts), size=effect.size)]
    baseline = rng.beta(events + 0.5, sizes - events + 0.5)
    treated = treated_risk(outcome)(baseline, effect)
    difference = treated - baseline
    display = outcome_display(outcome, result.data)
    ratio = display.values(result.marginal("mu").ppf(_LEVELS))
    printed = f"printed {question.baseline_percent:g}%"
    rows = [
        _row(question, display.label, ratio, "ratio" if display.is_ratio else ""),
        _row(question, f"risk, {question.baseline_label}", _percent(baseline), "%", printed),
        _row(question, "risk, treatment", _percent(treated), "%"),
        _row(question, "absolute risk difference", _percent(difference), "percentage points", question.note),
    ]
    return [*rows, needed_row(question, difference if outcome.benefit == "higher" else -difference)]


def _percent(draws: Floats) -> Floats:
    return np.asarray(100 * np.quantile(draws, _LEVELS))


def _row(question: Derived, label: str, quantiles: Floats, unit: str, note: str = "") -> DerivedRecord:
    lower, median, upper = map(float, quantiles)
    return DerivedRecord(
        label=label, model=question.model, median=median, lower=lower, upper=upper, unit=unit, note=note
    )


def needed_row(question: Derived, benefit: Floats) -> DerivedRecord:
    """Number needed to treat, from draws of the absolute risk difference in the direction that helps patients.

    Its median and limits are those of the difference, inverted: an interval that includes no difference runs from
    patients to benefit (NNTB) through infinity to patients to harm (NNTH). The row gives sizes; ``text`` says which is
    which, and `upper` is None where the interval runs through infinity.

    References
    ----------
    Altman (1998), BMJ 317:1309-1312, doi:10.1136/bmj.317.7168.1309
    """
    low, middle, high = (float(q) for q in np.quantile(benefit, _LEVELS))
    helps = middle >= 0
    near, far = (high, low) if helps else (low, high)
    crosses = (near > 0) != (far > 0)
    text = f"{_needed(middle)} ({_needed(near)} to {'∞ to ' if crosses else ''}{_needed(far)})"
    return DerivedRecord(
        label=f"number needed to treat to {'benefit (NNTB)' if helps else 'harm (NNTH)'}",
        model=question.model,
        median=_inverse(middle),
        lower=_inverse(near),
        upper=None if crosses else _inverse(far),
        other_side=_inverse(far) if crosses else None,
        text=text,
        unit="patients",
        note=f"probability that treatment helps at all {np.mean(benefit > 0):.3f}"
        + ("; the interval includes benefit and harm" if crosses else ""),
    )


def _inverse(difference: float) -> float | None:
    return None if difference == 0 else abs(1 / difference)


def _needed(difference: float) -> str:
    if difference == 0:
        return "∞"
    size = abs(1 / difference)
    return f"{'NNTB' if difference > 0 else 'NNTH'} {size:.{1 if size < 9.95 else 0}f}"
