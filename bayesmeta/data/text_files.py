"""Tables from text files, separated by commas or by tabs; no pandas is needed, and every row keeps its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.data.files import read_bytes
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # what a spreadsheet would run, with or without our guard


def read_csv(path: str | Path, delimiter: str = ",") -> Table:
    """Return a Table from a file in UTF-8, separated by commas or by tabs, whose first line names the columns."""
    name, content = str(path), read_bytes(path)
    try:
        lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError:
        raise DataError(f"{_not_utf8(name, content)} Save the file as 'CSV UTF-8' and try again.") from None
    records = list(_records(csv.reader(lines, delimiter=delimiter, strict=True), name))
    return make_table(name, records, delimiter)


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a data frame as CSV in UTF-8, in which no text is a formula of a spreadsheet.

    Text that begins with ``=``, ``+``, ``-``, ``@`` or a control character, and is not a number, gets an apostrophe in front;
    `read_csv` takes it off again.

    Examples
    --------
    >>> import pandas as pd
    >>> print(csv_bytes(pd.DataFrame({"study": ["=1+1", "A", "-0.5"], "y": [-0.5, 0.1, 0.2]})).decode().strip())
    study,y
    '=1+1,-0.5
    A,0.1
    -0.5,0.2
    """
    shown = frame.rename(columns=_guarded).map(_guarded)
    return str(shown.to_csv(index=False, lineterminator="\n")).encode()


def _guarded(cell: object) -> object:
    if not (isinstance(cell, str) and _FORMULA.match(cell)) or cell == "-" or _is_number(cell):
        return cell
    return f"'{cell}"


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def make_table(name: str, records: Sequence[tuple[int, list[Any]]], delimiter: str = ",") -> Table:
    """Return a Table from numbered rows of cells, of which the first names the columns."""
    if not records:
        raise DataError(f"{name}: the file is empty; its first line should name the columns.")
    first, titles = records[0]
    width = max((j for j, cell in enumerate(titles, start=1) if not _is_blank(cell)), default=0)
    if width < len(titles):
        records = [(row, _within(cells, width, len(titles), f"{name}, row {row}")) for row, cells in records]
    header = _header([str(cell) if cell is not None else "" for cell in records[0][1]], name, delimiter, first)
    rows, lines = zip(*records, strict=True)
    for row, cells in records[1:]:
        if len(cells) != len(header):
            raise DataError(
                f"{name}, row {row}: {len(cells)} cells found, where the header has {len(header)} "
                f"({', '.join(header)}). A cell that contains a comma needs quotes; decimals need a point."
            )
    if len(records) == 1:
        raise DataError(f"{name}: there are no studies below the header ({', '.join(header)}).")
    cells_of = zip(*lines[1:], strict=True)
    columns = {key: tuple(map(_stripped, cells)) for key, cells in zip(header, cells_of, strict=True)}
    return Table(name, columns, rows[1:])


def _within(cells: list[Any], width: int, stated: int, place: str) -> list[Any]:
    """Return a row without the columns on its right that have no name, in which nothing may stand."""
    for j, cell in enumerate(cells[width:stated], start=width + 1):
        if not _is_blank(cell):
            raise DataError(f"{place}: cell {j} holds {str(cell).strip()[:40]!r}, and its column has no name.")
    return [*cells[:width], *cells[stated:]]


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _stripped(cell: object) -> object:
    return cell.strip() if isinstance(cell, str) else cell


def _records(lines: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of the line it starts on; skip lines with nothing in them."""
    while True:
        start = lines.line_num + 1  # type: ignore[attr-defined]  # a csv.reader, whose type has no public name
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{name}, row {start}: the line cannot be read as CSV: {error}.") from None
        if any(map(str.strip, cells)):
            yield start, list(map(_unguarded, cells))


def _header(cells: list[str], name: str, delimiter: str, row: int) -> list[str]:
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
        if len(cells) == 1 and mark in cells[0] and mark != delimiter:
            wanted = "tabs" if delimiter == "\t" else "commas, and decimals with a point"
            raise DataError(f"{name}: columns are separated by {word}. Save with {wanted}.")
    header = [" ".join(cell.split()) for cell in cells]
    for j, key in enumerate(header, start=1):
        if not key:
            raise DataError(f"{name}, row {row}: column {j} has no name.")
        if header.count(key) > 1:
            raise DataError(f"{name}, row {row}: column {key!r} appears twice. Rename or leave out one of them.")
    return header


def _not_utf8(path: str, content: bytes) -> str:
    """Return where a file that is no UTF-8 has its first other byte."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return f"{path}: it is UTF-16 text."
    try:
        content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = before.rpartition(b"\n")[2].decode()
        return f"{path}, row {before.count(b'\n') + 1}: what follows {text[-20:]!r} is not UTF-8 text."
    return f"{path}: it is not UTF-8 text."
