"""The rows of the table of signals as text, and how an outcome is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayesmeta.effects.display import Display, display_from
from bayesmeta.effects.registry import MEASURES, display_of
from bayesmeta.report.numbers import (
    MISSING,
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
