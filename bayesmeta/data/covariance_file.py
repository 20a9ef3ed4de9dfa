"""A covariance of estimates in a file of its own: a square with a row and a column for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.dependence import row_labels, without_reference_rows
from bayesmeta.data.formats import read_file
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, did_you_mean


def covariance_of(path: Path | None, table: Table) -> NDArray[np.float64] | None:
    """Return the covariance of the estimates of a table, in the order of its rows, from a file if there is one.

    Raises
    ------
    DataError
        As `read_covariance`.
    """
    if path is None:
        return None
    kept = without_reference_rows(replace(table, label="study"), "y", "se")
    kept.require("study")
    return read_covariance(path, kept.texts("study"), row_labels(kept))


def read_covariance(path: Path, studies: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
    """Return the covariance of estimates, in their order.

    Parameters
    ----------
    path : Path
        Column ``study``, then one column for each estimate. Rows have the labels of the estimates, in their order, or in
        any order where none repeats; so have the columns, or other names in the order of the rows.
    studies, labels : sequence of str
        Of each estimate: its study, and the label that distinguishes it from others of the study.

    Raises
    ------
    DataError
        If the file is not such a square.
    """
    table = read_file(path)
    table.require("study")
    rows = list(table.texts("study"))
    names = [name for name in table.columns if name != "study"]
    n = len(labels)
    if (len(rows), len(names)) != (n, n):
        raise DataError(
            f"{path}: {len(rows)} rows and {len(names)} columns beside 'study', for {n} estimates. Give one of each for every "
            "estimate, 0 where two do not covary."
        )
    matrix = np.stack([table.numbers(name) for name in names], axis=1)
    order = _order(path, rows, studies, labels)
    in_file = rows if len(set(rows)) == n else list(labels)
    columns = [in_file.index(name) for name in names] if set(names) == set(in_file) else list(range(n))
    return matrix[order][:, np.argsort(columns)][:, order]


def _order(path: Path, rows: Sequence[str], studies: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The row of the file for each estimate."""
    if rows in (list(studies), list(labels)):
        return list(range(len(rows)))
    for wanted in (labels, studies):
        if len(set(rows)) == len(rows) and set(rows) == set(wanted):
            return [rows.index(label) for label in wanted]
    odd = next((row for row in rows if row not in labels and row not in studies), None)
    if odd is not None:
        raise DataError(
            f"{path}: {odd!r} is not an estimate.{did_you_mean(odd, labels)} Estimates: {', '.join(labels)}."
        )
    raise DataError(
        f"{path}: its rows are {', '.join(rows)}, and the estimates {', '.join(studies)}. Give them in the order of the "
        "estimates."
    )
