"""The rows of the tables of signals and of estimators, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.effects.display import Display, display_from
from bayesmeta.effects.registry import MEASURES, display_of
from bayesmeta.report.numbers import (
    MISSING,
    format_estimate,
    format_interval,
    format_mcse,
    format_p,
    format_probability,
    format_probability_range,
    spread_of,
    write_row,
)


def outcome_display(outcome: Mapping[str, Any]) -> Display:
    """How the effects of an outcome are read, as its record or its measure says."""
    if outcome.get("display"):
        return display_from(outcome["display"])
    measure = outcome.get("measure")
    return display_of(measure if measure in MEASURES else None)


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
    scale = outcome_display(outcome)
    rows = []
    for one in outcome.get("estimators") or []:
        cells = []
        spread = spread_of(*(float(scale.values(one[key][0])) for key in ("estimate", "lower", "upper")))
        for key in ("estimate", "lower", "upper", "tau"):
            shown = list(one[key] if key == "tau" else map(float, scale.values(one[key])))
            texts = write_row(shown, spread) or [MISSING]
            cells.append((texts[0], " to ".join(texts[1:])))
        excludes = format_probability(one["excludes_zero"])
        rows.append({"label": _LABELS.get(one["label"], one["label"]), "cells": cells, "excludes": excludes})
    return rows


_MOMENTS = ("mean", "sd", "median", "lower", "upper")


def summary_rows(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a model's summary with its numbers as text, and as they are read where that is another scale."""
    rows = []
    for row in model.get("summary") or []:
        spread = row.get("sd") or spread_of(row.get("median"), row.get("lower"), row.get("upper"))
        shown = [row.get(f"display_{key}") for key in ("median", "lower", "upper")]
        read = format_estimate(*shown) if row.get("display") else ""
        rows.append({**row, "texts": write_row([row.get(key) for key in _MOMENTS], spread), "read": read})
    return rows


def agreement_rows(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table of engines, with one more digit than the standard deviation has in a summary."""
    keys = ("exact_mean", "drawn_mean", "exact_sd", "drawn_sd")
    rows = model.get("agreement") or []
    return [
        {**row, "texts": write_row([row.get(key) for key in keys], (row.get("exact_sd") or 0) / 10)} for row in rows
    ]


def side_by_side_rows(outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table of both schools, on the scale on which the measure is read."""
    display = outcome_display(outcome)
    keys = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    rows = []
    for row in (outcome.get("side_by_side") or {}).get("rows") or []:
        shown = [None if row.get(key) is None else float(display.values(row[key])) for key in keys]
        raw = row.get("se") or spread_of(*(row.get(key) for key in keys[:3]))
        spread = spread_of(*shown[:3]) if display.changes else raw
        texts = {
            "estimate": format_estimate(shown[0], shown[1], shown[2], spread),
            "new": format_interval(shown[3], shown[4], spread),
        }
        rows.append({**row, **texts, "tau": write_row([row.get("tau")], raw)[0]})
    return rows
