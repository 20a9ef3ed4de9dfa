"""Tables from text files, separated by commas, semicolons or tabs; no pandas is needed, and every row keeps its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesmeta.data.cells import all_numbers, is_missing, with_plain_minus
from bayesmeta.data.files import read_bytes
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_MARKS = {";": "a semicolon", "\t": "a tab"}
_SEPARATOR = re.compile(r'\s*"?sep=(.)"?[,;\t]*\s*?(?:\r\n|\r|\n)', re.IGNORECASE)  # what Excel takes it from
_COMMA = re.compile(
    r"[+\-\u2212\u2013]?(?:\d*|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?"
)  # a number with a decimal comma
_THOUSANDS = re.compile(r"[+\-\u2212\u2013]?\d{1,3}(?:,\d{3})+")
_POINTS = re.compile(r"[+\-\u2212\u2013]?[1-9]\d{0,2}(?:\.\d{3})+")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # what a spreadsheet would run, with or without our guard


def read_csv(path: str | Path, delimiter: str = ",") -> Table:
    """Return a Table from a text file whose first line names the columns, or the second below a title.

    The file says by what it is separated: in a line ``sep=;`` of Excel, or in its header; `delimiter` is taken where it leaves
    that open. Where semicolons separate, decimals may have a comma.
    """
    name, content = str(path), read_bytes(path)
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{_not_utf8(name, content)} Save the file as 'CSV UTF-8' and try again.") from None
    stated = _SEPARATOR.match(text)
    mark = stated[1] if stated else _delimiter(text, delimiter)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    records = list(_records(lines, name))[1 if stated else 0 :]
    if mark in ";\t":
        records = _with_points(records, name, every=mark == ";")
    return make_table(name, records, mark)


def _delimiter(text: str, usual: str) -> str:
    """What separates the columns of a file: what divides its lines into equally many, or those below a title, or its header."""
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:6]
    counts: dict[str, list[int]] = {
        mark: [len(next(csv.reader([line], delimiter=mark))) for line in lines]
        for mark in dict.fromkeys((usual, *",;\t"))
    }
    for start in (0, 1) if lines else ():
        above = max((each[0] for each in counts.values()), default=1) if start else 1  # of a title
        even = [mark for mark, each in counts.items() if len(set(each[start:])) == 1 and each[-1] > above]
        if even:
            return max(even, key=lambda mark: counts[mark][-1])
    for line in range(len(lines)):
        if max(each[line] for each in counts.values()) > 1:
            return max(counts, key=lambda mark: counts[mark][line])
    return usual


def _with_points(records: Sequence[tuple[int, list[str]]], name: str, *, every: bool) -> list[tuple[int, list[Any]]]:
    """Rows whose numbers have a decimal comma with a point; without `every`, only if one of them cannot be of thousands."""
    numbers = [cell for _, cells in records for cell in cells if _COMMA.fullmatch(cell.strip())]
    if not numbers or not (every or any(not _THOUSANDS.fullmatch(cell.strip()) for cell in numbers)):
        return list(records)
    changed = []
    for row, cells in records:
        for cell in cells:
            if _POINTS.fullmatch(cell.strip()):
                raise DataError(
                    f"{name}, row {row}: {cell.strip()!r} can be thousands, or have decimals, and other numbers of the file have "
                    "a decimal comma. Write it without separators."
                )
        changed.append((row, [_pointed(cell) for cell in cells]))
    return changed


def _pointed(cell: str) -> str:
    text = with_plain_minus(cell.strip())
    return text.replace(".", "").replace(",", ".") if _COMMA.fullmatch(text) else cell


def csv_bytes(frame: pd.DataFrame, delimiter: str = ",") -> bytes:
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
    return str(guarded(frame).to_csv(index=False, lineterminator="\n", sep=delimiter)).encode()


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a data frame in which no text is a formula of a spreadsheet."""
    return frame.rename(columns=_guarded).map(_guarded)


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
    records = _below_title(_one_header(_below_title(records)))
    first, titles = records[0]
    width = max((j for j, cell in enumerate(titles, start=1) if not _is_blank(cell)), default=0)
    if width < len(titles):
        records = [(row, _within(cells, width, len(titles), f"{name}, row {row}")) for row, cells in records]
    records = _without_row_names(records, delimiter)
    header = _header([_unguarded(str(cell)) if cell is not None else "" for cell in records[0][1]], name, first)
    rows, lines = zip(*records, strict=True)
    for row, cells in records[1:]:
        if len(cells) != len(header):
            raise DataError(
                f"{name}, row {row}: {len(cells)} cells found, where the header has {len(header)} "
                f"({', '.join(header)}). A cell that contains {_MARKS.get(delimiter, 'a comma')} needs quotes; decimals need "
                "a point. The first line names the columns; a title has a line of its own."
            )
    if len(records) == 1:
        raise DataError(f"{name}: there are no studies below the header ({', '.join(header)}).")
    cells_of = zip(*lines[1:], strict=True)
    columns = {key: tuple(map(_stripped, cells)) for key, cells in zip(header, cells_of, strict=True)}
    return Table(name, columns, rows[1:])


def _below_title(records: Sequence[tuple[int, list[Any]]]) -> Sequence[tuple[int, list[Any]]]:
    """Rows from the first that has more than one cell: what stands above it is a title."""
    filled = [sum(not _is_blank(cell) for cell in cells) for _, cells in records]
    start = next((i for i, n in enumerate(filled) if n > 1), 0)
    return records[start:] if len(records) > start + 1 else records


def _one_header(records: Sequence[tuple[int, list[Any]]]) -> Sequence[tuple[int, list[Any]]]:
    """Rows with one header where the first two are headers, the upper one of groups of columns, whose names are merged cells."""
    if len(records) < 3 or len(records[0][1]) != len(records[1][1]):
        return records
    (_, upper), (row, lower) = records[:2]
    gaps = [not _is_blank(below) for above, below in zip(upper, lower, strict=True) if _is_blank(above)]
    named = [cell for cell in lower if not _is_blank(cell)]
    if not any(gaps) or any(is_missing(cell) or all_numbers([str(cell).strip()]) is not None for cell in named):
        return records
    group, header = "", []
    for above, below in zip(upper, lower, strict=True):
        group = group if _is_blank(above) else str(above).strip()
        alone = _is_blank(below) or named.count(below) == 1 or not group
        header.append((below if not _is_blank(below) else group) if alone else f"{group} {str(below).strip()}")
    return [(row, header), *records[2:]]


def _without_row_names(records: Sequence[tuple[int, list[Any]]], delimiter: str) -> Sequence[tuple[int, list[Any]]]:
    """Rows without a first column of row numbers, as R and pandas write it; row names of text are the studies."""
    header, body = records[0][1], records[1:]
    if delimiter == "\t" and body and all(len(cells) == len(header) + 1 for _, cells in body):
        header = ["", *header]  # so R's write.table has it
    if not (len(header) > 1 and _is_blank(header[0]) and not any(map(_is_blank, header[1:]))):
        return records
    names = [str(cells[0]).strip() for _, cells in body if cells]
    if names in ([str(i + start) for i in range(len(names))] for start in (0, 1)):
        return [(records[0][0], header[1:]), *((row, cells[1:]) for row, cells in body)]
    free = "study" not in header and all(names) and len(set(names)) == len(names) and all_numbers(names) is None
    return [(records[0][0], ["study", *header[1:]]), *body] if free else records


def _within(cells: list[Any], width: int, stated: int, place: str) -> list[Any]:
    """Return a row without the columns on its right that have no name, in which nothing may stand."""
    for j, cell in enumerate(cells[width:stated], start=width + 1):
        if not _is_blank(cell):
            raise DataError(f"{place}: cell {j} holds {str(cell).strip()[:40]!r}, and its column has no name.")
    return [*cells[:width], *cells[stated:]]


def _is_blank(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _stripped(cell: object) -> object:
    return with_plain_minus(_unguarded(cell.strip())) if isinstance(cell, str) else cell


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
            yield start, cells


def _header(cells: list[str], name: str, row: int) -> list[str]:
    header = [" ".join(cell.split()) for cell in cells]
    for j, key in enumerate(header, start=1):
        if not key:
            raise DataError(f"{name}, row {row}: column {j} has no name.")
        if header.count(key) > 1:
            raise DataError(f"{name}, row {row}: column {key!r} appears twice. Rename or leave out one of them.")
    return header


def _not_utf8(path: str, content: bytes) -> str:
    """Return where a file that is no UTF-8 has its first other byte."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = before.rpartition(b"\n")[2].decode()
        return f"{path}, row {before.count(b'\n') + 1}: what follows {text[-20:]!r} is not UTF-8 text."
    return f"{path}: it is not UTF-8 text."
