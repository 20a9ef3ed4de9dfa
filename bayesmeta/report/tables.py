"""The rows of the table of signals as text, on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.analysis.schema import Outcome
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.numbers import MISSING, format_mcse, format_p, format_probability, format_probability_range


def signals_table_rows(signals: Sequence[SignalRecord]) -> list[dict[str, str]]:
    """Return the rows of the first table of a report and of the table that the command line ends with.

    Returns
    -------
    list of dict
        One row for each signal, all values text: name, claim, published_p, flat_prior, probability, mcse,
        threshold, threshold_label, range.
    """
    return [
        {
            "name": signal.name,
            "claim": signal.claimed,
            "published_p": format_p(signal.published_p),
            "flat_prior": format_probability(signal.flat_prior_probability),
            "probability": format_probability(signal.probability),
            "mcse": format_mcse(signal.mcse) if signal.mcse else "",
            "threshold": format_probability(None if signal.threshold is None else signal.threshold.probability),
            "threshold_label": "" if signal.threshold is None else signal.threshold.label or signal.threshold.claim,
            "range": format_probability_range(signal.probability_range),
        }
        for signal in signals
    ]


def first_rows(outcome: Outcome, fits: Mapping[str, MetaResult]) -> list[list[str]]:
    """Rows of an outcome's signals and other questions, before other priors are tried: name, published P, two probabilities."""
    rows = [
        [
            signal.name,
            format_p(signal.published_p),
            format_probability(fits[signal.model].probability(signal.claim)),
            format_probability(fits[signal.model].probability(signal.threshold) if signal.threshold else None),
        ]
        for signal in outcome.signals
        if signal.model in fits
    ]
    return rows + [
        [one.label, MISSING, format_probability(fits[one.model].probability(one.claim)), MISSING]
        for one in outcome.probabilities
        if one.model in fits
    ]


def filled_columns(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The columns of a table in which some row has something.

    Examples
    --------
    >>> filled_columns([{"name": "dose", "published_p": MISSING}, {"name": "age", "published_p": MISSING}])
    ['name']
    """
    return [key for key in (rows[0] if rows else {}) if any(row[key] not in ("", MISSING) for row in rows)]
