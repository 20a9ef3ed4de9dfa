"""Estimates from a table and back: `read_estimates`, and the columns that hold what is known beside y and se."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.cells import is_missing
from bayesmeta.data.dependence import (
    PAIR,
    Rows,
    all_rows,
    clustered_rows,
    independent_rows,
    rows_with_covariance,
    used_columns,
    without_reference_rows,
)
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.natural_scale import NATURAL, check_natural_scale
from bayesmeta.data.printed_intervals import with_limits
from bayesmeta.data.standard_errors import standard_errors
from bayesmeta.data.synonyms import measure_called, recognised_estimates, with_labels
from bayesmeta.data.tables import Kept, Table
from bayesmeta.errors import DataError
from bayesmeta.numbers import real_array

_ROUNDED = 0.02  # of a variance: how far a rounded covariance matrix may be from the standard errors beside it


def read_estimates(
    path: str | Path,
    y: str = "y",
    se: str = "se",
    study: str = "study",
    *,
    covariates: Sequence[str] | None = None,
    level: float = 0.95,
    measure: str | None = None,
    cov: ArrayLike | None = None,
    cluster: str | None = None,
) -> Estimates:
    r"""Read estimates from a file with columns ``study``, ``y``, ``se`` and any covariates.

    In place of ``se`` the file may have ``v`` (its square), or ``lower`` and ``upper``, the limits of a
    confidence interval around `y` on the same scale (ratios: all three as logarithms).

    Parameters
    ----------
    path : str or Path
        CSV in UTF-8, decimals with a point, column names in the first line; or what else `read_table` reads. It takes
        back what ``bayesmeta effects`` prints: the columns of a covariance, ``measure`` and ``added``.
    y, se, study, covariates, level, measure, cov, cluster
        As `Estimates.from_frame`.

    Raises
    ------
    DataError
        If the file is rejected: one line that names the file, the row, the column, the value found and the
        rule. A row is named by its line in the file, so the first study below the header is row 2.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "effects.csv"
    >>> _ = path.write_text("study,y,lower,upper\nSigtermans2009,-1.83,-2.35,-1.31\n")
    >>> read_estimates(path).se.round(4)
    array([0.2653])
    """
    return Estimates.from_frame(
        path, y, se, study, covariates=covariates, level=level, measure=measure, cov=cov, cluster=cluster
    )


def from_table(
    table: Table,
    y: str,
    se: str,
    study: str | None,
    covariates: Sequence[str] | None,
    *,
    level: float,
    measure: str | None,
    cov: ArrayLike | None,
    cluster: str | None,
) -> Estimates:
    """Return the estimates of a table, with everything that its columns say of them."""
    table = recognised_estimates(with_limits(table), y, se, study, (*(covariates or ()), cluster))
    table.require(y)
    table = with_labels(table, study)
    table = without_reference_rows(table, y, se)
    stated = _measure(table, measure, y)
    printed_by_effects = table.recognised.get(y, y) == "y" and "measure" in table.columns  # as `effects` prints it
    check_natural_scale(table, y, measure if printed_by_effects else stated)
    effects = table.numbers(y)
    given = None if cov is None else real_array("cov", cov, copy=False)
    bare = given is not None and not {se, "v", "lower", "upper"} & set(table.columns)
    errors = _roots(given, len(table)) if bare and given is not None else standard_errors(table, y, se, level)
    used = (study or "study", y, se, "v", "lower", "upper", "measure", "added")
    return assembled(table, effects, errors, covariates, used, measure=stated, cov=given, cluster=cluster)


def assembled(
    table: Table,
    y: NDArray[np.float64],
    se: NDArray[np.float64],
    covariates: Sequence[str] | None,
    used: Sequence[str],
    extra: Mapping[str, Sequence[object]] | None = None,
    *,
    measure: str | None,
    cov: NDArray[np.float64] | None = None,
    cluster: str | None = None,
) -> Estimates:
    """Return estimates from effects and standard errors of the rows of a table, whose columns state their dependence.

    Parameters
    ----------
    covariates : sequence of str, optional
        Columns to keep; by default all but `used`.
    extra : mapping of str to sequence, optional
        Covariates that are not columns of the table.
    measure, cov, cluster
        As `Estimates.from_frame`.
    """
    rows, within = _rows(table, y, se, cov, cluster)
    names = None if covariates is None else [name for name in covariates if name not in rows.extra]
    everything = rows.keep == list(range(len(table)))
    kept = table if everything else table.take(rows.keep)
    covariates_of_rows = kept.covariates(names, used=(*used, *used_columns(table), *rows.extra))
    others = {**rows.extra, **{name: [cells[i] for i in rows.keep] for name, cells in (extra or {}).items()}}
    columns = Kept({**covariates_of_rows, **others}, covariates_of_rows.left_out)
    amounts = kept.numbers_or_nan("added") if "added" in kept.columns else None
    return Estimates(
        rows.y, rows.se, rows.labels, columns, cov=rows.cov, measure=measure, cluster=within,
        added=None if amounts is None else np.nan_to_num(amounts),
    )  # fmt: skip


def _rows(
    table: Table, y: NDArray[np.float64], se: NDArray[np.float64], cov: NDArray[np.float64] | None, cluster: str | None
) -> tuple[Rows, str | None]:
    """The estimates of a table with what is known of their dependence, and the covariate of clusters."""
    if cov is not None:
        if used := used_columns(table):
            raise DataError(
                f"{table.source}: column {used[0]!r} has a covariance, and cov is given too. Leave one out."
            )
        if cov.shape == (len(table), len(table)):
            for i in np.flatnonzero(np.abs(np.diag(cov) - se**2) > _ROUNDED * se**2):
                raise DataError(
                    f"{table.where(int(i))}: cov has the variance {cov[i, i]:g}, and the standard error {se[i]:g} has the "
                    f"square {se[i] ** 2:g}. Is the matrix in the order of the rows?"
                )
        rows = all_rows(table, y, None, cov)
        return (rows, None) if cluster is None else clustered_rows(table, rows, cluster)
    if cluster is not None:
        stated = used_columns(table) or all(name in table.columns for name in PAIR)
        known = rows_with_covariance(table, y, se) if stated else all_rows(table, y, se, None)
        return clustered_rows(table, known, cluster)
    return independent_rows(table, y, se) or rows_with_covariance(table, y, se), None


def _roots(cov: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Standard errors of a covariance that stands in place of them; it is checked when the estimates are built."""
    return np.sqrt(np.abs(np.diag(cov))) if cov.shape == (n, n) else np.ones(n)


def _measure(table: Table, measure: str | None, y: str) -> str | None:
    """What the estimates measure: as stated and as column ``measure`` says, which must agree, or as the effects are called."""
    cells = table.columns.get("measure", ())
    measures = list(dict.fromkeys("" if is_missing(cell) else str(cell).strip() for cell in cells))
    if len(measures) > 1:
        raise DataError(
            f"{table.source}, column 'measure': it has {', '.join(map(repr, measures[:4]))}, and estimates that are pooled "
            "measure one thing. Keep the rows of one; a covariate goes by another name."
        )
    in_table = measures[0] if measures and measures[0] else None
    if not in_table and not measure:
        return measure_called(table.recognised.get(y, y))
    if in_table == "reported" or (in_table == "reported_ratio" and NATURAL.get(measure or "") == "ratio"):
        return measure or in_table  # which says what the printed estimates measure
    if in_table and measure and in_table != measure:
        raise DataError(
            f"{table.source}, column 'measure': the estimates are {in_table!r}, and measure={measure!r} was stated. Leave it out."
        )
    return in_table or measure


def to_columns(data: Estimates) -> Mapping[str, Any]:
    """Return the columns beside study, y, se and covariates that `from_table` reads, those with something to say.

    Examples
    --------
    >>> data = Estimates(y=[0.1, 0.4, 0.2], cov=[[0.5, 0.2, 0], [0.2, 0.6, 0], [0, 0, 0.3]], measure="md")
    >>> for name, cells in to_columns(data).items():
    ...     print(name, list(cells))
    measure ['md', 'md', 'md']
    cov_block [1, 1, 2]
    cov_row [1, 2, 1]
    cov_1 [0.5, 0.2, 0.3]
    cov_2 [0.2, 0.6, '']
    """
    columns: dict[str, Any] = {"measure": [data.measure] * len(data)} if data.measure else {}
    if data.added is not None and data.added.any():
        columns["added"] = data.added.tolist()
    if data.cov is None:
        return columns
    from scipy.sparse import csgraph

    blocks = csgraph.connected_components(data.cov != 0, directed=False)[1]
    first = {block: i for i, block in enumerate(dict.fromkeys(blocks.tolist()), start=1)}
    members = {block: np.flatnonzero(blocks == block) for block in first}
    columns["cov_block"] = [first[block] for block in blocks.tolist()]
    columns["cov_row"] = [int(np.flatnonzero(members[b] == i)[0]) + 1 for i, b in enumerate(blocks.tolist())]
    for place in range(max(map(len, members.values()))):
        columns[f"cov_{place + 1}"] = [
            float(data.cov[i, members[b][place]]) if place < len(members[b]) else ""
            for i, b in enumerate(blocks.tolist())
        ]
    return columns
