"""Files as people have them: each gives the right numbers, or one line that names the place, the value and the rule."""

import datetime
import time
import warnings
import zipfile
from decimal import Decimal

import openpyxl
import pandas as pd
import pytest

from bayesmeta.cli import main
from bayesmeta.data.cells import notation
from bayesmeta.data.formats import read_table
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.reported import reported_estimates
from bayesmeta.errors import DataError, DataWarning

HEADER = "study,mean_t,sd_t,n_t,mean_c,sd_c,n_c"
ROW = "A,3.1,2,20,5,2.2,20"
Y, SE = -1.9, (2**2 / 20 + 2.2**2 / 20) ** 0.5
CELLS = {"study": ["A"], "mean_t": [3.1], "sd_t": [2], "n_t": [20], "mean_c": [5], "sd_c": [2.2], "n_c": [20]}


def effects(capsys, path):
    with pytest.raises(SystemExit) as stop:
        main(["effects", str(path), "--measure", "md"])
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\r{ROW}\r",
        f"{HEADER}\n A\u00a0,\u20093.1\u00a0,2,20,5,2.2,20\n",
        f"{HEADER},,\n{ROW},,\n,,,,,,,,\n",
        f"{HEADER}\n{ROW}\n\n ,,,,,,\n",
    ],
    ids=["plain", "bom crlf", "cr", "no-break spaces", "empty columns", "empty rows"],
)
def test_text_files_that_are_read(capsys, tmp_path, text):
    path = tmp_path / "arms.csv"
    path.write_bytes(text.encode())
    status, out, err = effects(capsys, path)
    assert (status, err) == (0, "")
    _, y, se, _ = out.splitlines()[1].split(",")
    assert (float(y), float(se)) == pytest.approx((Y, SE), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}\n{ROW.replace('3.1', '"3,1"')}\n", "'3,1' is not a number. Write decimals with a point."),
        (f"{HEADER}\n{ROW.replace(',20,5', ',"1,234",5')}\n", "'1,234' is not a number. Write thousands without separators, and"),
        (f"{HEADER}\n{ROW.replace(',20,5', ',1.234,5')}\n", "n_t must be a whole number, at least 1; got n_t = 1.234."),
        (f"{HEADER}\n{ROW.replace('3.1', '31%')}\n", "'31%' is not a number. Leave out the percent sign."),
        (f"{HEADER}\n{ROW.replace('3.1', '<0.001')}\n", "'<0.001' is not a number."),
        (f"{HEADER}\n{ROW.replace('3.1', '3.1 (0.5)')}\n", "'3.1 (0.5)' is not a number. Give each of its numbers a column"),
        (f"{HEADER}\n{ROW.replace(',2,', ',\u00b10.5,')}\n", "column 'sd_t' (study 'A'): '\u00b10.5' is not a number."),
        (f"{HEADER}\n{ROW.replace('3.1', 'NR')}\n", "the value is missing, and a number is needed."),
        (f"{HEADER}\n{ROW.replace('3.1', '-')}\n", "the value is missing, and a number is needed."),
        (f"{HEADER}\n{ROW.replace('3.1', 'n/a')}\n", "the value is missing, and a number is needed."),
        (f"{HEADER}\n\"A\nB\"{ROW[1:]}\n{ROW.replace('3.1', 'x')}\n", "row 4, column 'mean_t'"),
        (f"{HEADER},,\n{ROW},,7\n", "row 2: cell 9 holds '7', and its column has no name."),
        (f"{HEADER}\n{'A' * 9000}{ROW[1:].replace('3.1', 'x')}\n", "A...): 'x' is not a number."),
        ("", "the file is empty"),
        (HEADER, "there are no studies below the header"),
    ],
)  # fmt: skip
def test_text_files_that_are_refused(capsys, tmp_path, text, message):
    path = tmp_path / "arms.csv"
    path.write_text(text, encoding="utf-8", newline="")
    status, out, err = effects(capsys, path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert len(err) < 500


def test_other_encodings_are_named_with_their_row(capsys, tmp_path):
    path = tmp_path / "arms.csv"
    rows = "".join(f"S{i}{ROW[1:]}\r\n" for i in range(3000))  # beyond the first block that is decoded
    path.write_bytes(f"{HEADER}\r\n{rows}M\u00fcller{ROW[1:]}\r\n".encode("latin-1"))
    assert f"{path}, row 3002: what follows 'M' is not UTF-8 text." in effects(capsys, path)[2]
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-16")  # "Unicode text" of Excel
    status, out, err = effects(capsys, path)
    assert (status, err) == (0, "")
    assert float(out.splitlines()[1].split(",")[1]) == pytest.approx(Y, rel=1e-12)


def excel(path, rows, change=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    book.save(path)
    return path


def with_part(path, ending, edit):
    """Rewrite the part of an archive whose name ends so."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, edit(content) if name.endswith(ending) else content)
    return path


@pytest.mark.parametrize("extent", [b"A1", b"A1:G2", b"B1:C2", b"A1:Z900"])
def test_no_row_is_lost_where_excel_states_a_wrong_extent(tmp_path, extent):
    rows = [HEADER.split(","), ["A", 3.1, 2, 20, 5, 2.2, 20], ["B", 4.1, 2, 20, 5, 2.2, 20]]
    path = excel(tmp_path / "arms.xlsx", rows)
    with_part(path, "sheet1.xml", lambda xml: xml.replace(b'ref="A1:G3"', b'ref="' + extent + b'"'))
    assert effect_sizes(path, "md").y == pytest.approx([Y, -0.9])


def test_excel_cells(tmp_path):
    rows = [[*HEADER.split(","), None], ["A", "3.1", 2, 20.0, 5, "2.2", 20, None], [" ", *[None] * 7]]
    assert effect_sizes(excel(tmp_path / "text.xlsx", rows), "md").y == pytest.approx([Y])
    for cell, message in (
        (
            datetime.datetime(2020, 3, 1),
            "row 2, column 'mean_t' .study 'A'.: the date 2020-03-01 is not a number. It looks like a",
        ),
        ("#DIV/0!", "'#DIV/0!' is not a number"),
        (True, "True is not a number"),
        ("=1+2", "the value is missing"),  # never computed
    ):
        path = excel(tmp_path / "cell.xlsx", [HEADER.split(","), ["A", cell, 2, 20, 5, 2.2, 20]])
        with pytest.raises(DataError, match=message):
            effect_sizes(path, "md")


def test_a_percentage_that_excel_keeps_as_a_fraction_is_refused(tmp_path):
    def shown(sheet):
        sheet["B2"].number_format = "0%"

    rows = [["study", "Percent_t", "n_t"], ["A", 0.5, 200]]
    with pytest.raises(DataError, match=r"row 2, column 'Percent_t': Excel shows 50% and holds 0.5. .* and write 50\."):
        read_table(excel(tmp_path / "a.xlsx", rows, shown))
    assert read_table(excel(tmp_path / "a.xlsx", rows)).columns["Percent_t"] == (0.5,)


@pytest.mark.parametrize(
    ("part", "content"), [("sheet1.xml", b"<worksheet><sheetData><row"), ("workbook.xml", b"x"), ("styles.xml", b"x")]
)
def test_damaged_excel_files(tmp_path, part, content):
    path = excel(tmp_path / "arms.xlsx", [HEADER.split(","), ["A", 3.1, 2, 20, 5, 2.2, 20]])
    with pytest.raises(DataError, match="cannot be read as an Excel file"):
        read_table(with_part(path, part, lambda _: content))


def test_an_unknown_encoding_of_revman(tmp_path):
    path = tmp_path / "a.rm5"
    path.write_text('<?xml version="1.0" encoding="foo"?><a/>')
    with pytest.raises(DataError, match="cannot be read as a RevMan file: unknown encoding"):
        read_table(path)


def test_decimal_commas_in_revman_are_no_thousands(tmp_path):
    path = tmp_path / "a-data-rows.csv"
    arms = ",".join(f"{arm} {name}" for arm in ("Experimental", "Control") for name in ("mean", "SD", "N"))
    header = f"Analysis group,Analysis number,Study,{arms}"
    path.write_text(f'{header}\n1,1,A,"3,1","0,125","1,234",5,2,20\n')
    table = read_table(path)
    assert table.columns["n_t"] == ("1234",)
    for name, shown in (("mean_t", "3,1"), ("sd_t", "0,125")):
        with pytest.raises(DataError, match=f"'{shown}' is not a number"):
            table.numbers(name)


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_whole_numbers_without_a_float(value):
    for call in (
        lambda: effect_sizes({**CELLS, "mean_t": [value]}, "md"),
        lambda: effect_sizes({**CELLS, "dose": [value]}, "md", covariates=["dose"]),
        lambda: reported_estimates({"study": ["A"], "estimate": [1], "se": [value]}),
    ):
        with pytest.raises(DataError, match="is not a finite number"):
            call()


def test_frames_of_every_kind():
    frame = pd.DataFrame(CELLS)
    for other in (
        frame.convert_dtypes(),
        frame.astype("category"),
        frame.set_index(["study", "n_t"], drop=False),
        frame.assign(mean_t=[Decimal("3.1")]),
    ):
        assert effect_sizes(other, "md").y == pytest.approx([Y])
    with pytest.raises(DataError, match="expected a data frame or a mapping of columns; got Series"):
        effect_sizes(frame["mean_t"], "md")


def test_covariates_in_another_notation_are_warned_of():
    with pytest.warns(DataWarning, match="row 1, column 'dose' .study 'A'.: '1,5' is taken as text") as found:
        data = effect_sizes({**CELLS, "dose": ["1,5"]}, "md", covariates=["dose"])
    assert data.covariates["dose"].tolist() == ["1,5"]
    assert len(found) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = effect_sizes(
            {**CELLS, "dose": ["1,5 mg"], "arm_names": ["3-5"], "drug": ["high"], "weight": ["7.1%"]}, "md"
        )
    assert data.covariate_names == ("dose", "arm_names", "drug")
    assert "'7.1%' is taken as text" in data.left_out["weight"]


@pytest.mark.parametrize(
    "text", ["", "high", "3", "-3.1", "+.5", "2001-02", "1.2.3", "A1", "-", "%", "3.1 (0.5)", None, 3.1]
)
def test_what_has_no_other_notation(text):
    assert notation(text) == ""


def test_long_texts_take_no_time():
    digits, start = "1" * 40_000 + "x", time.process_time()
    for column in ("estimate", "se", "p"):
        with pytest.raises(DataError, match="1\\.\\.\\."):
            reported_estimates({"study": ["A"], "estimate": [1], column: [digits]})
    effect_sizes({**CELLS, "code": [digits]}, "md")
    assert time.process_time() - start < 2  # 90 seconds where numbers were searched for in every way
