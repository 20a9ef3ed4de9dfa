"""Posteriors of several sets of studies as rows of a table: what leave-one-out and cumulative results print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesmeta.effects.display import Display
from bayesmeta.families.prepared import Prepared
from bayesmeta.text.numbers import spread_of, write_row
from bayesmeta.text.sheet import Grid

_LONGEST = 14  # of a heading with the claim in it
_KEYS = ("median", "lower", "upper")


def series_labels(ready: Prepared[Any, Any]) -> dict[str, str]:
    """Headings of the parameters that are printed: coefficients in words, mu and standard deviations by their names."""
    kept = {name: one.role for name, one in ready.parameters.items() if one.role != "nuisance"}
    columns = ready.design.columns
    return {name: ready.labels[name] if name in columns else name for name in kept}


def series_grid(
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    labels: Mapping[str, str],
    display: Display,
    ci_prob: float,
    claim: str | None,
    first: str,
) -> Grid:
    """A row for each set of studies: medians, the mean's interval if there are no covariates, and the probability of the claim.

    Parameters
    ----------
    rows : sequence of (str, mapping)
        What the set is called, and its numbers by column: ``mu_median``, ``mu_lower``, ``probability``.
    labels : mapping of str to str
        The parameters to show, with their headings.
    display : Display
        What the effects are called, and how mu is read.
    ci_prob : float
        Probability of the intervals.
    claim : str or None
    first : str
        Heading of the first column.
    """
    alone = "mu" in labels and all(name.startswith("tau") for name in labels if name != "mu")
    wide = ["mu"] if alone else []
    headings = [first]
    for name, label in labels.items():
        heading = display.label if name in wide and display.changes else label
        headings += [heading, f"{100 * ci_prob:g}% interval"] if name in wide else [heading]
    written: dict[str, list[list[str]]] = {}
    for name in labels:
        values = np.array([[float(row[f"{name}_{key}"]) for key in _KEYS] for _, row in rows])
        values = display.values(values) if name in wide else values
        spreads = [spread for row in values.tolist() if (spread := spread_of(*row))]
        spread = float(np.median(spreads)) if spreads else None
        written[name] = [write_row(row, spread) for row in values.tolist()]
    cells = []
    for i, (label, row) in enumerate(rows):
        numbers = [(name, written[name][i]) for name in labels]
        shown = [cell for name, (m, low, up) in numbers for cell in ([m, f"{low} to {up}"] if name in wide else [m])]
        cells.append([label, *shown, *([f"{row['probability']:.4f}"] if claim else [])])
    if wide and display.changes:
        measure = f"; tau on the scale of the {display.analysis}"
    else:
        measure = "" if display.analysis == "effect" else f"; effect measure: {display.analysis}"
    asked = [] if claim is None else [f"P({claim})"]
    if asked and len(asked[0]) > _LONGEST:
        asked, measure = ["P"], f"{measure}; P: the probability that {claim}"
    return Grid(cells, [*headings, *asked], caption=f"Posterior medians{measure}")
