"""Rows of one study in a table of estimates: their covariance, read from columns or worked out, or the ways to state it.

Contrasts of one trial share its arms. Where the variance of a contrast is a sum over its two arms, v_ij = v_i + v_j, two
contrasts with the same reference arm covary by the reference arm's own term v_0 (Franchini, Dias, Ades, Jansen & Welton
2012, Res. Synth. Methods 3:142-160, doi:10.1002/jrsm.1049).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_contrasts import Contrast, on_one_arm
from bayesmeta.data.cells import is_missing
from bayesmeta.data.tables import ONE_STUDY, Table
from bayesmeta.errors import DataError

Floats = NDArray[np.float64]
BLOCK, PLACE, SHARED, PAIR = "cov_block", "cov_row", "se_ref", ("arm", "reference")
_ENTRY = re.compile(r"cov_([1-9][0-9]*)")


@dataclass(frozen=True)
class Rows:
    """Estimates whose rows may belong to one study.

    Attributes
    ----------
    keep : list of int
        Rows of the table that are estimates of their own, by position.
    labels : tuple of str
        One for each of them, none twice.
    y : ndarray, shape (row,)
    se : ndarray, shape (row,), or None where there is a covariance
    cov : ndarray, shape (row, row), or None
    extra : mapping of str to tuple
        ``trial``, where the labels of studies repeat.
    """

    keep: list[int]
    labels: tuple[str, ...]
    y: Floats
    se: Floats | None
    cov: Floats | None = None
    extra: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def all_rows(table: Table, y: Floats, se: Floats | None, cov: Floats | None) -> Rows:
    """Return every row of a table as an estimate of its own, with the study as a covariate where labels repeat."""
    groups = groups_of(table)
    repeated = "trial" not in table.columns and len(set(groups)) < len(groups)
    return Rows(list(range(len(table))), row_labels(table), y, se, cov, {"trial": groups} if repeated else {})


def used_columns(table: Table) -> list[str]:
    """Return the columns of a table that state its covariance, and are not covariates."""
    entries = [name for name in table.columns if _ENTRY.fullmatch(name)]
    return [*entries, *(name for name in (BLOCK, PLACE, SHARED) if name in table.columns)]


def groups_of(table: Table) -> tuple[str, ...]:
    """Return the study of each row as text: column ``trial`` of a table that has one, else the labels."""
    column = "trial" if "trial" in table.columns else table.label
    for i, cell in enumerate(table.columns[column]):
        if is_missing(cell):
            raise DataError(f"{table.where(i, column)}: the {column} has no label. Give each {column} its own.")
    return table.texts(column)


def without_reference_rows(table: Table, y: str, se: str) -> Table:
    """Return the table with each row without an effect, of a study that has others, as ``se_ref`` of these.

    So files for network meta-analysis have it: the reference arm of a trial stands in a row of its own, whose standard
    error, given in trials of three arms or more, is that of the arm itself.
    """
    if SHARED in table.columns or y not in table.columns or se not in table.columns or not table.label:
        return table
    missing = [is_missing(cell) for cell in table.columns[y]]
    groups = groups_of(table) if any(missing) else ()
    shared: dict[str, object] = {}
    for i in (i for i, absent in enumerate(missing) if absent):
        others = [j for j, group in enumerate(groups) if group == groups[i] and j != i]
        if not others or all(missing[j] for j in others) or groups[i] in shared:
            return table  # a missing effect, which is rejected by name
        shared[groups[i]] = table.columns[se][i]
    if not shared:
        return table
    keep = [i for i, absent in enumerate(missing) if not absent]
    cells = tuple(shared.get(groups[i], "") for i in keep)
    kept = table.take(keep)
    return replace(kept, columns={**{name: kept.columns[name] for name in kept.columns}, SHARED: cells})


def independent_labels(table: Table) -> bool:
    """Tell whether no study of a table has two rows; True where it has no column of studies."""
    return table.label not in table.columns or len(set(groups_of(table))) == len(table)


def independent_rows(table: Table, y: Floats, se: Floats) -> Rows | None:
    """Return the rows of a table in which no study has two and nothing is said of a covariance, else None."""
    if used_columns(table) or len(set(groups_of(table))) < len(table):
        return None
    return Rows(list(range(len(table))), tuple(table.labels()), y, se)


def rows_with_covariance(table: Table, y: Floats, se: Floats) -> Rows:
    """Return the rows of a table with the covariance that its columns state.

    ``cov_1, cov_2, ...`` hold the covariance with the first, second, ... row of the same study, or of the same
    ``cov_block``, in which ``cov_row`` counts the rows; ``se_ref`` the standard error of the reference arm that the
    contrasts of a study share; ``arm`` and ``reference`` name the two arms of each contrast, of which there are enough to
    work out the variance of every arm.

    Raises
    ------
    DataError
        If rows of one study carry no covariance, or one that cannot be right.
    """
    groups = groups_of(table)
    if any(_ENTRY.fullmatch(name) for name in table.columns):
        return all_rows(table, y, None, _from_entries(table, groups, se))
    if SHARED in table.columns:
        return all_rows(table, y, None, _from_shared(table, groups, se))
    if all(name in table.columns for name in PAIR):
        return _from_pairs(table, groups, y, se)
    i = next(i for i, group in enumerate(groups) if group in groups[:i])
    word = "trial" if "trial" in table.columns and table.label != "trial" else "study label"
    first = table.rows[groups.index(groups[i])]
    raise DataError(f"{table.where(i, table.label)}: {word} {groups[i]!r} is also in row {first}. {ONE_STUDY}")


def clustered_rows(table: Table, rows: Rows, column: str) -> tuple[Rows, str]:
    """Return rows that a model with a standard deviation between the clusters of `column` takes, and its covariate.

    Where the table has no column ``trial``, that is the column of the studies' labels.
    """
    column = table.label if column == "trial" and "trial" not in table.columns else column
    table.require(column)
    name = "trial" if column == table.label else column
    clusters, groups = table.texts(column), groups_of(table)
    for i, group in enumerate(groups):
        first = groups.index(group)
        if clusters[i] != clusters[first]:
            raise DataError(
                f"{table.where(i, column)}: {clusters[i]!r}, where row {table.rows[first]} of the same study has "
                f"{clusters[first]!r}. Rows of one study belong to one cluster; to have studies as clusters, name the column "
                f"{table.label!r}."
            )
    trials = {"trial": tuple(groups[i] for i in rows.keep)} if name == "trial" else {}
    return replace(rows, extra={**rows.extra, **trials}), name


def row_labels(table: Table) -> tuple[str, ...]:
    """Return a label for each row, none twice: those of the studies, with the arm or a number where they repeat."""
    studies = table.texts(table.label)
    if len(set(studies)) == len(studies):
        return tuple(table.labels())
    arms = table.texts("arm") if "arm" in table.columns else ("",) * len(studies)
    named = [
        f"{study}: {arm}" if studies.count(study) > 1 and arm else study
        for study, arm in zip(studies, arms, strict=True)
    ]
    if len(set(named)) == len(named):
        return tuple(named)
    seen: dict[str, int] = {}
    numbered = []
    for study in studies:
        seen[study] = seen.get(study, 0) + 1
        numbered.append(f"{study} ({seen[study]})" if studies.count(study) > 1 else study)
    return tuple(numbered)


def _members(groups: Sequence[str]) -> Iterator[list[int]]:
    """Rows of each group, in order."""
    for group in dict.fromkeys(groups):
        yield [i for i, one in enumerate(groups) if one == group]


def _from_entries(table: Table, groups: Sequence[str], se: Floats) -> Floats:
    """The covariance of ``cov_1, cov_2, ...``."""
    if BLOCK in table.columns:
        cells = table.columns[BLOCK]
        blocks = [f"row {i}" if is_missing(cell) else f"block {str(cell).strip()}" for i, cell in enumerate(cells)]
    else:
        blocks = list(groups)
    entries = {int(match[1]): table.numbers_or_nan(name) for name in table.columns if (match := _ENTRY.fullmatch(name))}
    cov = np.diag(se**2)
    for rows in _members(blocks):
        places = _places(table, rows)
        for i in rows:
            for j in rows:
                at = places[j]
                value = entries[at][i] if at in entries else np.nan
                if i == j:
                    if not np.isnan(value) and abs(value - se[i] ** 2) > 1e-4 * se[i] ** 2:
                        raise DataError(
                            f"{table.cell(i, f'cov_{at}')}: {value:g} is the variance of this row itself, and its standard "
                            f"error {se[i]:g} has the square {se[i] ** 2:g}. Were rows moved? Column cov_row counts them."
                        )
                    cov[i, i] = cov[i, i] if np.isnan(value) else value
                    continue
                if np.isnan(value):
                    raise DataError(
                        f"{table.where(i)}: the covariance with row {table.rows[j]} of the same study is missing, column "
                        f"'cov_{at}'. Fill it in; 0 if the two have no participants in common."
                    )
                cov[i, j] = value
    for rows in _members(groups):
        _check_joined(table, rows, blocks)
    return cov


def _check_joined(table: Table, rows: Sequence[int], blocks: Sequence[str]) -> None:
    """Reject rows of one study in different blocks."""
    for i in rows[1:]:
        if blocks[i] != blocks[rows[0]]:
            raise DataError(
                f"{table.cell(i, BLOCK)}: row {table.rows[rows[0]]} of the same study is in another block, so that their "
                "covariance is not stated. Give both one block."
            )


def _places(table: Table, rows: Sequence[int]) -> dict[int, int]:
    """Which number each row of a block has."""
    if PLACE not in table.columns:
        return {row: place for place, row in enumerate(rows, start=1)}
    numbers = table.numbers_or_nan(PLACE)
    places = {row: int(numbers[row]) if numbers[row] > 0 else 1 for row in rows}
    for row in rows:
        if list(places.values()).count(places[row]) > 1 or (len(rows) > 1 and not numbers[row] > 0):
            raise DataError(f"{table.cell(row, PLACE)}: rows of one block are numbered 1, 2, ..., none twice.")
    return places


def _from_shared(table: Table, groups: Sequence[str], se: Floats) -> Floats:
    """The covariance of contrasts with one reference arm, whose standard error is in ``se_ref``."""
    shared = table.numbers_or_nan(SHARED)
    cov = np.diag(se**2)
    for rows in _members(groups):
        if len(rows) == 1:
            continue
        given = [i for i in rows if not np.isnan(shared[i])]
        if not given:
            raise DataError(
                f"{table.cell(rows[0], SHARED)}: the standard error of the reference arm is missing, and the study has "
                f"{len(rows)} contrasts. Fill it in."
            )
        value = shared[given[0]]
        for i in given:
            if shared[i] != value or not value > 0:
                raise DataError(
                    f"{table.cell(i, SHARED)}: {shared[i]:g}, and row {table.rows[given[0]]} has {value:g}: one positive "
                    "number for each study, whose contrasts share the arm."
                )
        for i in rows:
            if not value < se[i]:
                raise DataError(
                    f"{table.cell(i, SHARED)}: {value:g} is the standard error of the reference arm alone, and must be below "
                    f"that of the contrast, {se[i]:g}."
                )
        cov[np.ix_(rows, rows)] = value**2
        cov[rows, rows] = se[rows] ** 2
    return cov


def _from_pairs(table: Table, groups: Sequence[str], y: Floats, se: Floats) -> Rows:
    """A basis of the contrasts of each study, each versus one arm of it, with their covariance."""
    arms, references = map(table.texts, PAIR)
    keep: list[int] = []
    effects: list[float] = []
    blocks: list[Floats] = []
    labels: list[str] = []
    pairs: list[tuple[str, str]] = []
    for rows in _members(groups):
        contrasts = [Contrast(arms[i], references[i], float(y[i]), float(se[i])) for i in rows]
        if len(rows) == 1:
            kept, values, cov = contrasts, y[rows], np.array([[se[rows[0]] ** 2]])
        else:
            kept, values, cov = on_one_arm(contrasts, f"{table.source} (study {groups[rows[0]]!r})")
        at = {(c.arm, c.reference): i for c, i in zip(contrasts, rows, strict=True)}
        at |= {(c.reference, c.arm): i for c, i in zip(contrasts, rows, strict=True)}
        for contrast in kept:
            keep.append(at.get((contrast.arm, contrast.reference), rows[0]))
            pairs.append((contrast.arm, contrast.reference))
            labels.append(f"{groups[rows[0]]}: {contrast.arm}" if len(kept) > 1 else groups[rows[0]])
        effects += [float(value) for value in values]
        blocks.append(cov)
    from scipy.linalg import block_diag

    trials = tuple(groups[i] for i in keep)
    extra = {"trial": trials, "arm": tuple(a for a, _ in pairs), "reference": tuple(r for _, r in pairs)}
    return Rows(keep, tuple(labels), np.array(effects), None, block_diag(*blocks), extra)


def reject_covariance_between(
    cov: NDArray[np.float64] | None, blocks: Sequence[Any], labels: Sequence[str], model: str
) -> None:
    """Reject a covariance between rows of different studies, for models whose likelihood is a product over studies.

    Raises
    ------
    DataError
    """
    if cov is None:
        return
    within = np.zeros(cov.shape, dtype=bool)
    for block in blocks:
        within[np.ix_(block, block)] = True
    if np.any(beyond := (cov != 0) & ~within):
        i, j = (int(x) for x in np.argwhere(beyond)[0])
        raise DataError(
            f"{model} takes sampling errors that covary within a study alone, and cov has {cov[i, j]:.3g} between {labels[i]!r} "
            f"and {labels[j]!r}. A NormalNormal takes such a covariance."
        )
