"""Numbers as text, and the table of signals.

>>> format_probability(0.99961), format_p(0.079), format_number(-1.829)
('>0.999', '.079', '−1.83')
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
_HYPHEN_BEFORE_NUMBER = re.compile(r"(?<![^\s(=])-(?=\d)")  # a sign, not the hyphen of "0-10"


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def decimals_for(*values: float | None) -> int:
    """Return the decimals that suit the largest of some numbers: two for everyday sizes."""
    size = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=1.0)
    return 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.0995 or size == 0 else 3


def format_number(value: float | str | None, decimals: int | None = None) -> str:
    """Write a number with a true minus sign; other text stays as it is and a missing value is a dash.

    Examples
    --------
    >>> format_number(-0.001), format_number(123.4), format_number(None), format_number(-0.004, 2)
    ('−0.001', '123', '–', '0.00')
    >>> format_number("-1.83 (95% CI -2.35 to -1.31)"), format_number("0-10")
    ('−1.83 (95% CI −2.35 to −1.31)', '0-10')
    """
    if isinstance(value, str):
        return _HYPHEN_BEFORE_NUMBER.sub(MINUS, value)
    if value is None or _is_missing(value):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if math.isinf(value):
        return "∞" if value > 0 else MINUS + "∞"
    text = f"{value:.{decimals_for(value) if decimals is None else decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def format_value(value: float | str | bool | None, figures: int = 4) -> str:
    """Write a check's value or limit: whole numbers without decimals, the rest to four `figures`.

    Examples
    --------
    >>> format_value(1.01234), format_value(0.0), format_value(1000), format_value("all")
    ('1.012', '0', '1000', 'all')
    """
    if value is None or isinstance(value, str | bool) or not math.isfinite(value):
        return format_number(value)
    text = f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.{figures}g}"
    return text.replace("-", MINUS)


def format_interval(lower: float | None, upper: float | None, decimals: int | None = None) -> str:
    """Write ``"−2.35 to −1.31"``, both ends with the same decimals."""
    if _is_missing(lower) and _is_missing(upper):
        return MISSING
    places = decimals_for(lower, upper) if decimals is None else decimals
    return f"{format_number(lower, places)} to {format_number(upper, places)}"


def format_estimate(value: float | None, lower: float | None, upper: float | None) -> str:
    """Write ``"−1.83 (−2.35 to −1.31)"``, all three with the same decimals."""
    places = decimals_for(value, lower, upper)
    if _is_missing(lower) and _is_missing(upper):
        return format_number(value, places)
    return f"{format_number(value, places)} ({format_interval(lower, upper, places)})"


def format_probability(value: float | None) -> str:
    """Write two decimals, three within 0.01 of either end, and never a certainty.

    Examples
    --------
    >>> [format_probability(p) for p in (0.8437, 0.9935, 0.0042, 1.0, 0.0, None)]
    ['0.84', '0.994', '0.004', '>0.999', '<0.001', '–']
    """
    if value is None or _is_missing(value):
        return MISSING
    if value >= 0.9995:
        return ">0.999"
    if value < 0.0005:
        return "<0.001"
    return f"{value:.2f}" if 0.0095 <= value < 0.9905 else f"{value:.3f}"


def format_probability_range(bounds: Sequence[float | None] | None, joint: str = " to ") -> str:
    """Write the lowest and highest probability over the priors tried; a dash where one prior was."""
    if not bounds or any(_is_missing(bound) for bound in bounds) or bounds[0] == bounds[1]:
        return MISSING
    return f"{format_probability(bounds[0])}{joint}{format_probability(bounds[1])}"


def format_bound(bound: float) -> str:
    """The next power of ten above an error bound, at least 1e-8: the tolerance that was asked for.

    Examples
    --------
    >>> format_bound(3e-11), format_bound(2e-6)
    ('1e-8', '1e-5')
    """
    return f"1e{math.ceil(math.log10(max(bound, 1e-8)))}"


def format_mcse(value: float | None) -> str:
    """Write a Monte Carlo standard error to one figure.

    Examples
    --------
    >>> [format_mcse(e) for e in (0.0123, 0.0099, 0.0041, 0.0002, None)]
    ['0.01', '0.01', '0.004', '<0.001', '–']
    """
    if value is None or _is_missing(value):
        return MISSING
    if value < 0.0005:
        return "<0.001"
    return f"{value:.{max(1, -math.floor(math.log10(float(f'{value:.0e}'))))}f}"


def format_p(value: float | str | None) -> str:
    """Write a published P value, as journals print it: no zero before the point.

    Examples
    --------
    >>> [format_p(p) for p in (0.213, "<.0001", 0.00001, 1.0, None)]
    ['.213', '<.0001', '<.0001', '1', '–']
    """
    if value is None or isinstance(value, str) or _is_missing(value):
        return format_number(value)
    return "<.0001" if value < 0.0001 else f"{value:.4f}".rstrip("0").rstrip(".").removeprefix("0")


def display(value: float | None, log_scale: bool) -> float | None:
    """Return a value on the scale that readers see: ratios leave the log scale here and nowhere earlier."""
    return math.exp(value) if log_scale and value is not None else value


def is_log_scale(results: Mapping[str, Any], signal: Mapping[str, Any]) -> bool:
    """Tell whether a signal's estimate and density are logarithms of a ratio."""
    outcome = (results.get("outcomes") or {}).get(signal.get("outcome")) or {}
    return bool(signal.get("log_scale", outcome.get("log_scale", False)))


def signals_table_rows(results: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rows of the first table of a report and of the table that the command line ends with.

    Parameters
    ----------
    results : mapping
        The results dictionary, schema ``bayesmeta-report/1``.

    Returns
    -------
    list of dict
        One row for each signal, all values text: name, claim, published_p, flat_prior, probability, mcse,
        threshold, threshold_label, range.
    """
    rows = []
    for signal in results.get("signals") or []:
        threshold = signal.get("threshold") or {}
        rows.append(
            {
                "name": str(signal.get("name") or ""),
                "claim": str(signal.get("claim_label") or signal.get("claim") or ""),
                "published_p": format_p(signal.get("published_p")),
                "flat_prior": format_probability(signal.get("flat_prior_probability")),
                "probability": format_probability(signal.get("probability")),
                "mcse": format_mcse(signal["mcse"]) if signal.get("mcse") else "",
                "threshold": format_probability(threshold.get("probability")),
                "threshold_label": str(threshold.get("label") or threshold.get("claim") or ""),
                "range": format_probability_range(signal.get("probability_range")),
            }
        )
    return rows


def filled_columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The columns of a table in which some row has something.

    Examples
    --------
    >>> filled_columns([{"name": "dose", "published_p": MISSING}, {"name": "age", "published_p": MISSING}])
    ['name']
    """
    return [key for key in (rows[0] if rows else {}) if any(row[key] not in ("", MISSING) for row in rows)]


_LABELS = {
    "dl wald": "DerSimonian-Laird, Wald",
    "reml wald": "REML, Wald",
    "reml hksj": "REML, Knapp-Hartung",
    "pm hksj": "Paule-Mandel, Knapp-Hartung",
    "published": "the review, as published",
    "this model": "this model (posterior median, credible interval)",
}


def estimator_rows(outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table of estimators on latent trials: label, four cells with their ranges, and a share."""
    log_scale = bool(outcome.get("log_scale"))
    rows = []
    for one in outcome.get("estimators") or []:
        cells = []
        for key in ("estimate", "lower", "upper", "tau"):
            shown = [display(value, log_scale and key != "tau") for value in one[key]]
            text = format_number(shown[0], 2) if shown else MISSING
            cells.append((text, format_interval(shown[1], shown[2], 2) if len(shown) == 3 else ""))
        excludes = format_probability(one["excludes_zero"])
        rows.append({"label": _LABELS.get(one["label"], one["label"]), "cells": cells, "excludes": excludes})
    return rows
