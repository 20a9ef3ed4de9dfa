"""Tables as the command line names them: files whose columns go by the user's own names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bayesmeta.data.covariance_file import covariance_of
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.formats import open_file
from bayesmeta.data.printed_intervals import several_with_limits
from bayesmeta.data.synonyms import named, recognised_arms, with_labels
from bayesmeta.data.tables import Table
from bayesmeta.effects.column_names import our_columns, their_names
from bayesmeta.effects.reported import estimates_of_table, recognised_effects
from bayesmeta.errors import DataError, SpecificationError, did_you_mean
from bayesmeta.report.messages import say
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the command line says of a file beside its columns: --sheet, --analysis, --drop and --labels."""

    sheet: str | None = None
    analysis: str | None = None
    drop: Sequence[str] = ()
    labels: str | None = None

    def columns(self, texts: Sequence[str]) -> dict[str, str]:
        """Return what --column and --labels say, from our name of a column to that in the table."""
        columns = columns_of(texts)
        if self.labels is not None:
            if "study" in columns:
                raise SpecificationError(
                    f"--labels {self.labels!r}: --column has 'study={columns['study']}'. Give one of the two."
                )
            columns["study"] = self.labels
        return columns

    def kept(self, table: Table) -> Table:
        """Return a table without the columns of --drop, and without one called study where --labels names another."""
        gone = [name.strip() for text in self.drop for name in text.split(",") if name.strip()]
        for name in gone:
            if name not in table.columns:
                raise DataError(
                    f"--drop {name!r}: {table.source} has no such column.{did_you_mean(name, table.columns)} "
                    f"Columns present: {', '.join(table.columns)}."
                )
        if self.labels not in (None, "study") and self.labels in table.columns and "study" in table.columns:
            gone.append("study")
        if not gone:
            return table
        return replace(table, columns={name: table.columns[name] for name in table.columns if name not in gone})


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


def table_of(
    path: Path, columns: Sequence[str], formula: str = "1", others: Sequence[str] = (), reading: Reading | None = None
) -> Table:
    """Return a table from a file, with --column; what `formula` names may be renamed too, and `others`."""
    how = reading or Reading()
    table = how.kept(open_file(path, how.sheet, how.analysis))
    names = their_names(how.columns(columns), [*names_in(formula), *others])
    return named(table, names)


def say_recognised(table: Table, given: Table, ratio: bool = False) -> None:
    """Say which columns of a file were taken for what, beside those that the user named; `ratio` as of `recognised_effects`."""
    for ours, theirs in table.recognised.items():
        if given.recognised.get(ours) != theirs:
            say(
                f"{ours}: from {theirs!r}"
                + (", ratios of which logarithms are taken" if ratio and ours == "estimate" else "")
            )
    if "study" in table.columns and "study" not in given.columns and "study" not in table.recognised:
        say("study: numbered, for no column names the studies; --labels names one")


def _reject_idle_columns(columns: Sequence[str], read: set[str]) -> None:
    """Reject a name of ours that estimates do not have."""
    for ours, theirs in columns_of(columns).items():
        if ours not in read and ours in our_columns():
            raise SpecificationError(
                f"--column '{ours}={theirs}': {ours!r} is not read here.{did_you_mean(ours, sorted(read))} It takes "
                f"{', '.join(READ)}, and what the formula names."
            )


def estimates_of(
    path: Path,
    columns: Sequence[str],
    formula: str,
    measure: str | None = None,
    cov: Path | None = None,
    cluster: str | None = None,
    others: Sequence[str] = (),
    reading: Reading | None = None,
) -> Estimates:
    """Return estimates from a file, with --column; `cov` is the file of --cov.

    Raises
    ------
    DataError
        As `read_estimates`, and if the table has arms in place of estimates.
    """
    given = table_of(path, columns, formula, others, reading)
    kept = [*names_in(formula), *others, *([cluster] if cluster else [])]
    table, ratio = recognised_effects(given, kept)
    arms = [name for name in _OF_ARMS if name in recognised_arms(table, _OF_ARMS).columns]
    if not ratio and "y" not in table.columns and arms:
        hint = ""
        if any(name.startswith(("mean_post", "mean_change")) for name in table.columns):
            hint = " fit --model change_normal takes arms measured twice."
        elif any(name.startswith("mean") for name in arms):
            hint = " fit --model arm_normal takes means with SDs that are not known."
        elif {"events_t", "n_t", "events_c", "n_c"} <= set(arms):
            hint = " fit --model binomial_normal takes the events as they are, zero cells too."
        raise DataError(
            f"{path}: it has arms ({', '.join(arms)}) and no column 'y'. Run bayesmeta effects {path.name} --measure ... > "
            f"effects.csv, and give that file.{hint}"
        )
    if not ratio and "y" not in table.columns:
        raise DataError(
            f"{path}: it has no column 'y', and none that another program would call so. "
            f"{several_with_limits(table) or 'Name yours with --column ' + repr('y=...') + '.'} "
            f"Columns present: {', '.join(table.columns)}."
        )
    _reject_idle_columns(columns, {*READ, *names_in(formula), *others})
    table = with_labels(table)
    say_recognised(table, given, ratio)
    return estimates_of_table(table, measure=measure, cov=covariance_of(cov, table), cluster=cluster)
