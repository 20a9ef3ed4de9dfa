"""The table that an analysis begins with: what it holds, under which names, and which of its columns could be covariates."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bayesmeta.data.files import read_bytes
from bayesmeta.data.formats import open_file
from bayesmeta.data.synonyms import measure_called, ratio_called, renamed
from bayesmeta.data.tables import Table, plain_column
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.effects.column_names import our_columns, their_names
from bayesmeta.effects.options import measure_told
from bayesmeta.effects.registry import MEASURES, REPORTED, measure_named
from bayesmeta.effects.reported import recognised_effects
from bayesmeta.errors import BayesmetaError, DataError
from bayesmeta.report.new_review.measures import MEASURES as SHORT_NAMES

_COVARIATES = {"year", "dose", "subgroup"}  # among the names that some function gives a meaning to


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table of studies, as an analysis file names it.

    Attributes
    ----------
    file : str
        Name of the copy beside the analysis file.
    content : bytes
    key : {"estimates", "arms"}
        Under which an outcome has it.
    measure : str or None
        What its effects measure; None where nobody said so.
    printed : str or None
        What ratios as printed measure.
    columns : dict of str to str
        From our names of columns to those of the table, where they differ.
    covariates, left_out : tuple of str
        Other columns: those that every row fills and that could tell groups of studies apart, and the rest.
    n_studies : int
    """

    file: str
    content: bytes
    key: Literal["estimates", "arms"]
    measure: str | None
    printed: str | None
    columns: Mapping[str, str]
    covariates: tuple[str, ...]
    left_out: tuple[str, ...]
    n_studies: int


def read_source(
    path: Path, measure: str | None, columns: Mapping[str, str], sheet: str | None = None, analysis: str | None = None
) -> Source:
    """Read a table of estimates or of arms, and find out what an analysis file has to say of it.

    Parameters
    ----------
    path : Path
    measure : str, optional
        By any of its names: ``"log_rr"``, ``"rr"``, ``"risk ratio"``.
    columns : mapping of str to str
        From our names of columns to those of the table; names of other programs are recognised besides.
    sheet, analysis : str, optional
        As `read_table`.

    Raises
    ------
    DataError, SpecificationError
        If it cannot be read, or holds neither; one line that names the file.
    """
    content, named = read_bytes(path), None if measure is None else _measure(measure)
    file, printed = _name_of_copy(path), None
    opened = _opened(content, file, path, sheet, analysis)
    if (
        opened.recognised or sheet is not None
    ):  # of RevMan, or one sheet of several: the copy holds what is analysed alone
        content, file = csv_bytes(opened.to_frame()), f"{Path(file).stem}.csv"
        opened = replace(opened, recognised={})
    table = renamed(opened, their_names(columns, covariates=None))
    if "y" not in table.columns and (named is None or named in REPORTED):
        effects, ratio = recognised_effects(table)
        if ratio:
            table, printed = effects, ratio_called(effects.recognised.get("estimate", "estimate"))
            named = named or "reported_ratio"
        elif "y" in effects.columns and named is None:
            table = effects
    key: Literal["estimates", "arms"] = "estimates" if "y" in table.columns or named in REPORTED else "arms"
    if key == "arms" and named is None:
        named, _ = measure_told(table, str(path))
    covariates, left_out = _covariates(table)
    labels = table.columns.get("trial", table.columns.get("study", table.rows))
    known = {ours: theirs for ours, theirs in table.recognised.items() if theirs in opened.columns}
    for limit in (
        "ci_lower",
        "ci_upper",
        "lower",
        "upper",
    ):  # they stand in the cells of their estimates, and are found there
        if known.get(limit) in {known.get("estimate", ""), known.get("y", "")}:
            del known[limit]
    return Source(
        file=file, content=content, key=key, measure=named or _measure_in(table), printed=printed, columns=known,
        covariates=covariates, left_out=left_out, n_studies=len(dict.fromkeys(map(str, labels))),
    )  # fmt: skip


def _name_of_copy(path: Path) -> str:
    """The name of a file, or one that every file system and terminal takes."""
    usable = path.suffix and path.name.isprintable() and not any("\ud800" <= sign <= "\udfff" for sign in path.name)
    return path.name if usable else "table.csv"


def _opened(content: bytes, file: str, path: Path, sheet: str | None, analysis: str | None) -> Table:
    """The table of a file's content, read once since it may come from a pipe; messages name the file that was given."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file
        copy.write_bytes(content)
        try:
            return replace(open_file(copy, sheet, analysis), source=str(path))
        except BayesmetaError as error:
            raise type(error)(str(error).replace(str(copy), str(path))) from error


def _measure(text: str) -> str:
    """A measure by any of its names."""
    name = " ".join(text.lower().split())
    if text in REPORTED:
        return text
    short = next((row.measure for row in SHORT_NAMES if name in row.names), text)
    measure_named(short)
    return short


def _measure_in(table: Table) -> str | None:
    """The measure that a column of the table names in every row, or that the name of its effects says."""
    if "measure" not in table.columns:
        return measure_called(table.recognised.get("y", "y"))
    named = {str(cell).strip() for cell in table.columns.get("measure", ())}
    (one,) = named if len(named) == 1 else (None,)
    return one if one in MEASURES else None


def _covariates(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that could be covariates, and those that could not."""
    others = [name for name in table.columns if name in _COVARIATES or name not in our_columns()]
    others = [name for name in others if not name.startswith("cov_")]
    fit = [name for name in others if _tells_studies_apart(table, name)]
    return tuple(fit), tuple(name for name in others if name not in fit)


def _tells_studies_apart(table: Table, name: str) -> bool:
    """Whether a column has one value for each study, of one type, and is not a text that differs in every row."""
    cells = table.columns[name]
    try:
        values = plain_column(cells, str)
    except DataError:
        return False
    if "arm" in table.columns and not _constant_within(table.columns.get("study", ()), values):
        return False
    return not (isinstance(values[0], str) and len(set(values)) == len(values)) and len(set(values)) > 1


def _constant_within(studies: Sequence[object], values: Sequence[object]) -> bool:
    return len(set(zip(studies, values, strict=True))) == len(set(studies))
