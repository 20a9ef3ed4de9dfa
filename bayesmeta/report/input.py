"""Tables as the command line names them: files whose columns go by the user's own names."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from bayesmeta.data.covariance_file import covariance_of
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.synonyms import recognised
from bayesmeta.data.tables import Table
from bayesmeta.effects.column_names import our_columns, read_named
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.spec.formula import names_in

READ = (
    "study", "y", "se", "v", "lower", "upper", "measure", "added", "trial", "arm", "reference", "se_ref", "cov_block",
    "cov_row",
)  # fmt: skip
_OF_ARMS = ("mean_t", "mean_c", "events_t", "events_c", "mean", "events", "n_t", "n_c")


def columns_of(texts: Sequence[str]) -> dict[str, str]:
    """Return what --column says, from our name of a column to that in the table.

    Examples
    --------
    >>> columns_of(["mean_t=Mean tx", "study=Author"])
    {'mean_t': 'Mean tx', 'study': 'Author'}
    """
    columns: dict[str, str] = {}
    for text in texts:
        ours, sign, theirs = (part.strip() for part in text.partition("="))
        if not (ours and sign and theirs):
            raise SpecificationError(f"--column {text!r}: write our name, then yours, e.g. 'mean_t=Mean tx'.")
        if ours in columns:
            raise SpecificationError(f"--column {text!r}: {ours!r} is already {columns[ours]!r}; name one column.")
        columns[ours] = " ".join(theirs.split())
    return columns


def number_or_name(text: str | None) -> float | str | None:
    """Return an option as a number where it is one, and as the name of a column otherwise.

    Examples
    --------
    >>> number_or_name("0.5"), number_or_name("icc")
    (0.5, 'icc')
    """
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def table_of(path: Path, columns: Sequence[str], formula: str = "1", others: Sequence[str] = ()) -> Table:
    """Return a table from a file, with --column; what `formula` names may be renamed too, and `others`."""
    return read_named(path, columns_of(columns), [*names_in(formula), *others])


def _reject_idle_columns(columns: Sequence[str], read: set[str]) -> None:
    """Reject a name of ours that estimates do not have."""
    for ours, theirs in columns_of(columns).items():
        if ours not in read and ours in our_columns():
            raise SpecificationError(
                f"--column '{ours}={theirs}': {ours!r} is not read here.{did_you_mean(ours, sorted(read))} It takes "
                f"{', '.join(READ)}, and what the formula names."
            )


def _reject_other_names(table: Table, path: Path, columns: Sequence[str]) -> None:
    """Reject a table without effects or studies whose columns other programs would call so, with the options that name them."""
    if {"study", "y"} <= set(table.columns):
        return
    named = {theirs: ours for theirs, ours in recognised(table.columns).items() if ours in READ}
    if named:
        options = " ".join(shlex.join(["--column", f"{ours}={theirs}"]) for theirs, ours in named.items())
        more = "" if columns else f" Here: {options}."
        lacking = " and ".join(repr(name) for name in ("study", "y") if name not in table.columns)
        plural = "s" if " and " in lacking else ""
        raise DataError(
            f"{path}: it has no column{plural} {lacking}. Name yours with --column.{more} Columns present: "
            f"{', '.join(table.columns)}."
        )


def estimates_of(
    path: Path,
    columns: Sequence[str],
    formula: str,
    measure: str | None = None,
    cov: Path | None = None,
    cluster: str | None = None,
    others: Sequence[str] = (),
) -> Estimates:
    """Return estimates from a file, with --column; `cov` is the file of --cov.

    Raises
    ------
    DataError
        As `read_estimates`, and if the table has arms in place of estimates.
    """
    table = table_of(path, columns, formula, others)
    arms = [name for name in _OF_ARMS if name in table.columns]
    if "y" not in table.columns and arms:
        hint = ""
        if any(name.startswith(("mean_post", "mean_change")) for name in table.columns):
            hint = " fit --model change_normal takes arms measured twice."
        elif any(name.startswith("mean") for name in arms):
            hint = " fit --model arm_normal takes means with SDs that are not known."
        raise DataError(
            f"{path}: it has arms ({', '.join(arms)}) and no column 'y'. Run bayesmeta effects {path.name} --measure ... > "
            f"effects.csv, and give that file.{hint}"
        )
    _reject_other_names(table, path, columns)
    _reject_idle_columns(columns, {*READ, *names_in(formula), *others})
    return Estimates.from_frame(table, measure=measure, cov=covariance_of(cov, table), cluster=cluster)
