"""A user's own names of columns, mapped to ours: which names are ours, and a table under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.formats import open_file
from bayesmeta.data.review import STUDY_FIELDS
from bayesmeta.data.synonyms import SYNONYMS, named, with_four_cells
from bayesmeta.data.tables import ARM_COLUMNS, Table
from bayesmeta.effects.arm_reports import STANDINS, SUFFIXES
from bayesmeta.effects.registry import MEASURES
from bayesmeta.effects.reports import COLUMNS
from bayesmeta.errors import SpecificationError, did_you_mean

_OTHERS = (
    "study", "arm", "subgroup", "y", "v", "lower", "upper", "icc", "cluster_size",
    "scale", "better", "scale_min", "scale_max", "items", "outcome", "direction", "in_review",
    "reference", "trial", "measure", "added", "se_ref", "cov_block", "cov_row",
)  # fmt: skip


@cache
def our_columns() -> frozenset[str]:
    """Return every name of a column that some function gives a meaning to.

    Examples
    --------
    >>> {"study", "mean_t", "events", "ci_lower_c", "spread", "dose"} - our_columns()
    {'dose'}
    """
    measures = {name for measure in MEASURES.values() for name in measure.columns}
    arms = {name for measure in MEASURES.values() if measure.two_arms for name in measure.arm_columns}
    of_tables = {column.name for table in (ArmMeans, ArmChanges) for column in table.columns}
    standins = {name + suffix for name in STANDINS for suffix in SUFFIXES}
    return frozenset(
        {*_OTHERS, *SYNONYMS, *ARM_COLUMNS, *COLUMNS, *STUDY_FIELDS, *of_tables, *measures, *arms, *standins}
    )


def their_names(columns: Mapping[str, str], covariates: Iterable[str] | None = ()) -> dict[str, str]:
    """Return a mapping from the user's names of columns to ours, after checking one from ours to the user's.

    Parameters
    ----------
    columns : mapping of str to str
        From our name to that in the table, ``{"mean_t": "Mean tx"}``.
    covariates : iterable of str, optional
        Names of covariates that may be given beside ours; None allows any.

    Raises
    ------
    SpecificationError
        If a name is not ours, or two would be of one column.

    Examples
    --------
    >>> their_names({"study": "Author", "mean_t": "Mean tx"})
    {'Author': 'study', 'Mean tx': 'mean_t'}
    """
    ours_allowed = None if covariates is None else our_columns() | set(covariates)
    ours_of: dict[str, str] = {}
    for ours, theirs in columns.items():
        if ours_allowed is not None and ours not in ours_allowed:
            raise SpecificationError(
                f"columns: {ours!r} = {theirs!r}, and {ours!r} is neither a column that is read nor a covariate of a "
                f"formula.{did_you_mean(ours, sorted(ours_allowed))} Our name comes first; docs/formats.md has them."
            )
        if theirs in ours_of:
            raise SpecificationError(
                f"columns: {ours_of[theirs]!r} and {ours!r} would both be column {theirs!r}; give each its own."
            )
        ours_of[theirs] = ours
    return ours_of


def read_named(
    path: str | Path,
    columns: Mapping[str, str],
    covariates: Iterable[str] = (),
    *,
    sheet: str | None = None,
    analysis: str | None = None,
) -> Table:
    """Return a table from a file, with `columns`, from our names to those in the file, under our names.

    Nothing else is renamed; `read_table` also recognises the names of other programs, as do functions that take a table.
    `sheet` and `analysis` are as there.

    Raises
    ------
    DataError
        If the file cannot be read, or lacks a column.
    SpecificationError
        As `their_names`.
    """
    names = their_names(columns, covariates)
    return with_four_cells(named(open_file(path, sheet, analysis), names))
