"""What follows from a risk ratio and a printed baseline risk: absolute risk difference and number needed to treat."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesmeta.analysis.schema import Derived
from bayesmeta.results.meta_result import MetaResult


def finite_or_none(value: Any) -> float | None:
    """A number for JSON, which has no infinity."""
    return float(value) if np.isfinite(value) else None


def baseline_counts(question: Derived) -> list[tuple[int, int]]:
    """Pairs of events and arm size that round to the printed baseline risk."""
    shown = 10.0**-question.baseline_digits / 2 + 1e-9
    return [
        (k, n)
        for n in question.baseline_n
        for k in range(n + 1)
        if abs(100 * k / n - question.baseline_percent) <= shown
    ]


def derived_rows(question: Derived, result: MetaResult) -> list[dict[str, Any]]:
    """Absolute risk difference and number needed to treat, from a log risk ratio and a printed baseline risk.

    The baseline was printed as a percentage of an unknown count: every whole number of events that rounds to it,
    for each possible arm size, is as likely as the others, and the risk then has a Beta(events + 1/2,
    others + 1/2) posterior.
    """
    rng = np.random.default_rng([int(result.datatree.attrs["seed"]), 2])
    log_ratio = result.draws("mu").ravel()
    counts = baseline_counts(question)
    events, sizes = np.array(counts, dtype=float).T[:, rng.integers(len(counts), size=log_ratio.size)]
    baseline = rng.beta(events + 0.5, sizes - events + 0.5)
    treated = np.minimum(baseline * np.exp(log_ratio), 1.0)
    difference = treated - baseline
    needed = np.where(difference > 0, 1 / np.maximum(difference, 1e-12), np.inf)
    rows = [
        ("risk ratio", np.exp(log_ratio), "ratio", ""),
        (f"risk, {question.baseline_label}", 100 * baseline, "%", f"printed {question.baseline_percent:g}%"),
        ("risk, treatment", 100 * treated, "%", ""),
        ("absolute risk difference", 100 * difference, "percentage points", question.note),
    ]
    found = []
    for label, draws, unit, note in rows:
        lower, median, upper = (float(q) for q in np.quantile(draws, [0.025, 0.5, 0.975]))
        found.append(
            {
                "label": label,
                "model": question.model,
                "median": median,
                "lower": lower,
                "upper": upper,
                "unit": unit,
                "note": note,
            }
        )
    lower, median, upper = (float(q) for q in np.quantile(needed, [0.025, 0.5, 0.975], method="inverted_cdf"))
    note = f"probability that treatment helps at all {np.mean(difference > 0):.3f}; no upper limit means harm is not excluded"
    found.append(
        {
            "label": "number needed to treat",
            "model": question.model,
            "median": finite_or_none(median),
            "lower": finite_or_none(lower),
            "upper": finite_or_none(upper),
            "unit": "patients",
            "note": note,
        }
    )
    return found
