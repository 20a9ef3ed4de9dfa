"""Tables from files of other formats than CSV: tab-separated text, Excel, and RevMan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from bayesmeta.data.revman import is_revman, read_rm5, revman_rows
from bayesmeta.data.synonyms import renamed
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.data.text_files import make_table, read_csv
from bayesmeta.errors import DataError, SpecificationError

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
        without, where the table has no column of ours; `Table.recognised` tells which were.
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
    suffix = Path(source).suffix.lower() if isinstance(source, str | Path) else ""
    if sheet is not None and suffix not in _EXCEL:
        raise SpecificationError(f"sheet={sheet!r}: it is for an Excel file.")
    if isinstance(source, str | Path):
        table = read_file(source, sheet)
        if suffix == ".rm5" or is_revman(table):
            return renamed(revman_rows(table, analysis), columns)
    else:
        table = open_table(source, "data frame")
    if analysis is not None:
        raise SpecificationError(f"analysis={analysis!r}: it is for a file of RevMan.")
    return renamed(table, columns)


def read_file(path: str | Path, sheet: str | None = None) -> Table:
    """Return a table from a file, by what its name ends with, under the names that it has there."""
    suffix = Path(path).suffix.lower()
    if suffix in _EXCEL:
        return _read_excel(path, sheet)
    if suffix == ".rm5":
        return read_rm5(path)
    if suffix in _TEXT or suffix == "":
        return read_csv(path, delimiter=_TEXT.get(suffix, ","))
    known = ", ".join((*_TEXT, *_EXCEL, ".rm5"))
    raise DataError(f"{path}: files that end in {suffix!r} are not read. Save it as one of {known}.")


def _read_excel(path: str | Path, sheet: str | None) -> Table:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    name = str(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise DataError(f"{name}: there is no such file.") from None
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise DataError(f"{name}: it cannot be read as an Excel file: {error}.") from None
    try:
        names = book.sheetnames
        if sheet is None and len(names) > 1:
            raise DataError(f"{name}: it has several sheets; name one, sheet={names[0]!r}. Sheets: {', '.join(names)}.")
        if sheet is not None and sheet not in names:
            raise DataError(f"{name}: it has no sheet {sheet!r}. Sheets: {', '.join(names)}.")
        records = list(book[sheet or names[0]].iter_rows(values_only=True))
    finally:
        book.close()
    rows = [(number, list(cells)) for number, cells in enumerate(records, start=1) if any(c is not None for c in cells)]
    return make_table(name, [(number, _trimmed(cells, rows)) for number, cells in rows])


def _trimmed(cells: list[Any], rows: list[tuple[int, list[Any]]]) -> list[Any]:
    """Return as many cells as the header names; further ones must be empty, and so stay for the check of lengths."""
    header = rows[0][1]
    width = max((j + 1 for j, cell in enumerate(header) if cell is not None), default=0)
    extra = [cell for cell in cells[width:] if cell is not None]
    return [*cells[:width], *extra]
