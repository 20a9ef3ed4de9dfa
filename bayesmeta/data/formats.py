"""Tables from files of other formats than CSV: tab-separated text, Excel, and RevMan."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.data.files import LARGEST, read_bytes
from bayesmeta.data.names import normalised
from bayesmeta.data.revman import is_revman, read_rm5, revman_rows
from bayesmeta.data.synonyms import renamed
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.data.text_files import csv_bytes, guarded, make_table, read_csv
from bayesmeta.errors import DataError, SpecificationError

if TYPE_CHECKING:
    import pandas as pd

_TEXT = {".csv": ",", ".txt": ",", ".tsv": "\t", ".tab": "\t"}
_EXCEL = (".xlsx", ".xlsm")


def read_table(
    source: TableSource,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    analysis: str | None = None,
) -> Table:
    """Read a table and put its columns under our names.

    Parameters
    ----------
    source : path, data frame, or mapping of columns
        A file: CSV (``.csv``, ``.txt``), tab-separated (``.tsv``, ``.tab``), Excel (``.xlsx``, ``.xlsm``), RevMan 5
        (``.rm5``; counts and means), or a CSV that RevMan 5 or RevMan Web exported. Or a pandas or polars frame.
    columns : mapping of str to str, optional
        From a name in the table to ours, ``{"yi": "y"}``. The names of R's metafor and meta and of RevMan are recognised
        without, where the table has no column of ours; `Table.recognised` says which were.
    sheet : str, optional
        Of an Excel file with several sheets.
    analysis : str, optional
        Of a RevMan file with several analyses, ``"1.2"``.

    Returns
    -------
    Table
        For `effect_sizes`, `reported_estimates`, `complete_arms` and `check_table`, whose messages name the file, the row
        and the column as they are there. ``to_frame()`` gives a data frame.

    Raises
    ------
    DataError
        If the file cannot be read, or has several sheets or analyses and none was named: one line.
    SpecificationError
        If `sheet` or `analysis` is given for a source that has none.

    Examples
    --------
    >>> table = read_table({"slab": ["A", "B"], "yi": [0.1, 0.3], "vi": [0.04, 0.09], "dose": [1, 2]})
    >>> table.recognised
    {'study': 'slab', 'y': 'yi', 'v': 'vi'}
    >>> list(table.columns)
    ['study', 'y', 'v', 'dose']
    """
    if isinstance(source, str | Path):
        return renamed(open_file(source, sheet, analysis), columns)
    for name, value in (("sheet", sheet), ("analysis", analysis)):
        if value is not None:
            raise SpecificationError(f"{name}={value!r}: it is for a file.")
    return renamed(open_table(source, "data frame"), columns)


def open_file(path: str | Path, sheet: str | None = None, analysis: str | None = None) -> Table:
    """Return a table from a file, under the names that it has there; one analysis of a file of RevMan under ours.

    Raises
    ------
    DataError, SpecificationError
        As `read_table`.
    """
    suffix = Path(path).suffix.lower()
    if sheet is not None and suffix not in _EXCEL:
        raise SpecificationError(f"sheet={sheet!r}: it is for an Excel file.")
    table = read_file(path, sheet)
    if suffix == ".rm5" or is_revman(table):
        return revman_rows(table, analysis)
    if analysis is not None:
        raise SpecificationError(f"analysis={analysis!r}: it is for a file of RevMan.")
    return table


def read_file(path: str | Path, sheet: str | None = None) -> Table:
    """Return a table from a file, by what its name ends with, as it stands there: of RevMan with every analysis."""
    suffix = Path(path).suffix.lower()
    if suffix in _EXCEL:
        return _read_excel(path, sheet)
    if suffix == ".rm5":
        return read_rm5(path)
    if suffix in _TEXT or suffix == "":
        return read_csv(path, delimiter=_TEXT.get(suffix, ","))
    suffixes = ", ".join((*_TEXT, *_EXCEL, ".rm5"))
    raise DataError(f"{path}: files that end in {suffix!r} are not read. Save it as one of {suffixes}.")


def table_bytes(frame: pd.DataFrame, path: Path) -> bytes:
    """Return a data frame as the file that its name ends with: text, or Excel. No text is a formula of a spreadsheet.

    Raises
    ------
    SpecificationError
        If nothing is written under such a name.
    """
    suffix = path.suffix.lower()
    if suffix in _TEXT:
        return csv_bytes(frame, _TEXT[suffix])
    if suffix != ".xlsx":
        raise SpecificationError(f"out={str(path)!r}: it must end in one of {', '.join((*_TEXT, '.xlsx'))}.")
    file = io.BytesIO()
    guarded(frame).to_excel(file, index=False)
    return file.getvalue()


def _read_excel(path: str | Path, sheet: str | None) -> Table:
    import openpyxl

    name, file = str(path), io.BytesIO(read_bytes(path))
    try:
        _check_unpacked(name, file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what Excel stores beside the cells
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            chosen, records = _sheet_named(name, {page.title: page for page in book.worksheets}, sheet)
            shown = _shown_as_percent(book[chosen], records)
    except DataError:
        raise
    except Exception as error:  # a damaged file breaks openpyxl, its archive or its XML anywhere
        raise DataError(f"{name}: it cannot be read as an Excel file: {error}.") from None
    if shown:
        row, column, value = shown
        raise DataError(
            f"{name}, row {row}, column {column!r}: Excel shows {100 * value:g}% and holds {value:g}. Format the column as "
            f"numbers, and write {100 * value:g}."
        )
    return make_table(name, records)


def _check_unpacked(name: str, file: io.BytesIO) -> None:
    """Reject an archive that is small only while it is packed."""
    with zipfile.ZipFile(file) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > LARGEST:
        raise DataError(f"{name}: unpacked it is larger than {LARGEST / 2**20:g} MiB, the most that is read.")


def _sheet_named(name: str, pages: Mapping[str, Any], sheet: str | None) -> tuple[str, list[tuple[int, list[Any]]]]:
    """The sheet that is meant, with its rows: the one that is named, or the only one with anything in it."""
    if sheet is not None and sheet not in pages:
        raise DataError(f"{name}: it has no sheet {sheet!r}. Sheets: {', '.join(pages)}.")
    filled = {title: rows for title in pages if sheet in (None, title) and (rows := _records(pages[title]))}
    if len(filled) > 1:
        first = next(iter(filled))
        raise DataError(f"{name}: it has several sheets; name one, sheet={first!r}. Sheets: {', '.join(filled)}.")
    if not filled:
        raise DataError(f"{name}: it has no sheet {sheet or 'of cells'!r}. Sheets: {', '.join(pages) or 'none'}.")
    return next(iter(filled.items()))


def _records(sheet: Any) -> list[tuple[int, list[Any]]]:
    """Return the rows that hold anything, numbered as in Excel and of one length.

    The extent that the file states is not believed: some programs write a wrong one, and rows would be lost.
    """
    sheet.reset_dimensions()
    rows = [
        (i, list(cells))
        for i, cells in enumerate(sheet.iter_rows(values_only=True), start=1)
        if any(map(_holds, cells))
    ]
    width = max((len(cells) for _, cells in rows), default=0)
    return [(i, [*cells, *(None,) * (width - len(cells))]) for i, cells in rows]


def _holds(cell: object) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else cell is not None


def _shown_as_percent(sheet: Any, records: Sequence[tuple[int, list[Any]]]) -> tuple[int, str, float] | None:
    """Return the first number among percentages that Excel shows a hundred times as large as it is."""
    header = records[0][1] if records else []
    for j, title in enumerate(map(str, header), start=1):
        if normalised(title).startswith("percent"):
            for (cell,) in sheet.iter_rows(min_row=records[0][0] + 1, min_col=j, max_col=j):
                if isinstance(cell.value, int | float) and "%" in str(cell.number_format):
                    return cell.row, title, float(cell.value)
    return None
