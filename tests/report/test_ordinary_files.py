"""Files as people have them go through every command and through Python, and mean the numbers that stand in them.

Layouts of other programs: metafor's `write.csv(escalc(...))`, R's meta, the example data of jamovi's MAJOR
(github.com/kylehamilton/MAJOR, "Example Data"), the data library of JASP (github.com/jasp-stats/jaspMetaAnalysis,
gibson2002.csv), and the column names of Comprehensive Meta-Analysis ("Std diff in means", "Hedges's g", "Std Err").
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.cli import main

TAU = ["--tau", "HalfNormal(0.5)"]
Z = 1.959963984540054
GOLDEN = Path(__file__).parents[1] / "golden"
PLAIN = "study,y,se\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"
Y, SE = [0.1, -0.3, 0.4], [0.2, 0.25, 0.3]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def table(text: str) -> dict[str, list[str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(cells: list[str]) -> list[float]:
    return [float(cell) for cell in cells]


SAME = {  # each holds Y and SE
    "notes": ("a.csv", "study,y,se,notes,doi,n\nA,0.1,0.2,,10.1/x,3\nB,-0.3,0.25,ok,,\nC,0.4,0.3,7,10.3/z,NA\n"),
    "no names": ("a.csv", "y,se\n0.1,0.2\n-0.3,0.25\n0.4,0.3\n"),
    "metafor": ("a.csv", '"","yi","vi","slab"\n"1",0.1,0.04,"A"\n"2",-0.3,0.0625,"B"\n"3",0.4,0.09,"C"\n'),
    "meta": ("a.csv", "studlab,TE,seTE\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "log odds ratios": ("a.csv", "Study,logOR,SE (log OR)\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "R row names": ("a.csv", '"","y","se"\n"A",0.1,0.2\n"B",-0.3,0.25\n"C",0.4,0.3\n'),
    "write.table": ("a.tsv", "y\tse\n1\t0.1\t0.2\n2\t-0.3\t0.25\n3\t0.4\t0.3\n"),
    "semicolons": ("a.csv", "study;y;se\nA;0,1;0,2\nB;-0,3;0,25\nC;0,4;0,3\n"),
    "tabs": ("a.csv", "study\ty\tse\nA\t0.1\t0.2\nB\t-0.3\t0.25\nC\t0.4\t0.3\n"),
    "tabs and commas": ("a.txt", "study\ty\tse\nA\t0,1\t0,2\nB\t-0,3\t0,25\nC\t0,4\t0,3\n"),
    "sep=": ("a.csv", "sep=;\nstudy;y;se\nA;0.1;0.2\nB;-0.3;0.25\nC;0.4;0.3\n"),
    "sep=,": ("a.csv", "sep=,\nstudy,y,se\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "title": ("a.csv", "Effects of X; a review\n\nstudy,y,se\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "title with empty cells": ("a.csv", "Table 1,,\nstudy,y,se\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "bom and empty ends": ("a.csv", "\ufeffstudy,y,se,,\r\nA,0.1,0.2,,\r\nB,-0.3,0.25,,\r\nC,0.4,0.3,,\r\n,,,,\r\n"),
    "minus signs": ("a.csv", "study,y,se\nA,0.1,0.2\nB,\u22120.3,0.25\nC,0.4,0.3\n"),
    "en dash": ("a.csv", "study,y,se\nA,0.1,0.2\nB,\u20130.3,0.25\nC,0.4,0.3\n"),
    "units": ("a.csv", "Study name,Mean difference (mmHg),Standard error [mmHg]\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "quotes": ("a.csv", '"study","y","se"\n"A","0.1","0.2"\n"B","-0.3","0.25"\n"C","0.4","0.3"\n'),
    "cma": ("a.csv", "Study name,Hedges's g,Std Err\nA,0.1,0.2\nB,-0.3,0.25\nC,0.4,0.3\n"),
    "cma, two headers": (
        "a.csv",
        "Study name,Statistics for each study,,\n,Hedges's g,Standard error,Variance\nA,0.1,0.2,0.04\nB,-0.3,0.25,0.0625\n"
        "C,0.4,0.3,0.09\n",
    ),
    "limits": (
        "a.csv",
        "study,estimate,ci_lb,ci_ub\n"
        + "".join(f"{s},{y},{y - Z * e},{y + Z * e}\n" for s, y, e in zip("ABC", Y, SE, strict=True)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_every_file_means_its_numbers(case: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, text = SAME[case]
    (folder / name).write_bytes(text.encode())
    (folder / "plain.csv").write_text(PLAIN)
    data = bm.read_estimates(name)
    np.testing.assert_allclose(data.y, Y, rtol=1e-12)
    np.testing.assert_allclose(data.se, SE, rtol=1e-9)
    status, out, err = run(capsys, "effects", name)
    assert status == 0, err
    np.testing.assert_allclose(numbers(table(out)["y"]), Y, rtol=1e-12)
    np.testing.assert_allclose(numbers(table(out)["se"]), SE, rtol=1e-9)
    wanted = json.loads(run(capsys, "fit", "plain.csv", *TAU, "--json")[1])["summary"]
    status, out, err = run(capsys, "fit", name, *TAU, "--json")
    assert status == 0, err
    for found, expected in zip(json.loads(out)["summary"], wanted, strict=True):
        for key in ("mean", "sd", "lower", "upper"):
            assert found[key] == pytest.approx(expected[key], rel=1e-6)


COMMANDS = {
    "compare": [], "sensitivity": [], "plot": ["--out", "o.svg"], "explore": ["--out", "o.html"],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_them(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("Author;TE;seTE;notes\nA;0,1;0,2;\nB;-0,3;0,25;x\nC;0,4;0,3;7\n")
    status, _, err = run(capsys, command, "a.csv", *COMMANDS[command], *TAU)
    assert status == 0, err
    assert err.splitlines()[:3] == ["study: from 'Author'", "y: from 'TE'", "se: from 'seTE'"]


def test_what_was_taken_for_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("yi,vi\n0.1,0.04\n-0.3,0.0625\n")
    err = run(capsys, "fit", "a.csv", *TAU)[2]
    assert err.splitlines() == [
        "y: from 'yi'", "v: from 'vi'", "study: numbered, for no column names the studies; --labels names one",
    ]  # fmt: skip
    (folder / "a.csv").write_text(PLAIN)
    assert run(capsys, "fit", "a.csv", *TAU)[2] == ""


def test_a_column_that_is_used_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text(SAME["notes"][1])
    for arguments, place in (
        (
            ["fit", "a.csv", "--formula", "~ n", *TAU],
            "formula 'n': a.csv, row 3, column 'n' (study 'B'): the value is missing",
        ),
        (
            ["plot", "a.csv", "--kind", "cumulative", "--order", "notes", "--out", "o.svg", *TAU],
            "--order notes: a.csv, row 2",
        ),
    ):
        status, _, err = run(capsys, *arguments)
        assert (status, err.count("\n")) == (2, 1)
        assert place in err
    data = bm.read_estimates("a.csv")
    with pytest.raises(
        bm.DataError, match=r"formula 'n': a\.csv, row 3, column 'n' \(study 'B'\): the value is missing"
    ):
        bm.fit(data, bm.NormalNormal(tau="HalfNormal(0.5)", formula="~ n"))
    out, err = run(capsys, "effects", "a.csv")[1:]
    assert list(table(out)) == ["study", "y", "se", "se_from", "measure"]
    assert "column 'n' is left out: a.csv, row 3, column 'n' (study 'B'): the value is missing" in err


RATIOS = "Study,HR (95% CI),lower,upper,notes\nA,0.79,0.65,0.96,\nB,0.9,0.7,1.16,x\nC,1.2,0.8,1.8,\n"


def test_printed_ratios_become_logarithms(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text(RATIOS)
    y = [math.log(x) for x in (0.79, 0.9, 1.2)]
    se = [math.log(high / low) / 2 / Z for low, high in ((0.65, 0.96), (0.7, 1.16), (0.8, 1.8))]
    out = run(capsys, "effects", "a.csv")[1]
    np.testing.assert_allclose(numbers(table(out)["y"]), y, rtol=1e-12)
    np.testing.assert_allclose(numbers(table(out)["se"]), se, rtol=1e-9)
    assert table(out)["measure"] == ["log_hr"] * 3
    status, out, err = run(capsys, "fit", "a.csv", *TAU, "--json")
    assert status == 0
    assert "estimate: from 'HR (95% CI)', ratios of which logarithms are taken" in err
    model = bm.NormalNormal(tau=bm.HalfNormal(0.5))
    expected = bm.fit(bm.Estimates(y, se), model).summary(ci_prob=0.95, ci_kind="eti")
    assert json.loads(out)["summary"][0]["mean"] == pytest.approx(expected.loc["mu", "mean"], rel=1e-9)
    assert json.loads(out)["measure"] == "log_hr"
    assert bm.reported_estimates("a.csv", ratio=True).measure == "log_hr"
    with pytest.raises(bm.DataError, match="column 'y' is missing"):  # in Python logarithms are asked for
        bm.read_estimates("a.csv")


def test_exp_and_no_exp(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text(PLAIN)
    (folder / "hr.csv").write_text(RATIOS)
    rows = json.loads(run(capsys, "fit", "a.csv", "--exp", "--json", *TAU)[1])["summary"]
    assert rows[0]["display_median"] == pytest.approx(math.exp(rows[0]["median"]), rel=1e-9)
    assert "As it is read" in run(capsys, "fit", "hr.csv", *TAU)[1]
    assert "As it is read" not in run(capsys, "fit", "hr.csv", "--no-exp", *TAU)[1]
    status, _, err = run(capsys, "fit", "a.csv", "--no-exp", *TAU)
    assert (status, "--no-exp" in err) == (2, True)


def test_columns_are_left_out_and_labels_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("study,y,se,v,name\n1,0.1,0.2,9,A\n2,-0.3,0.25,9,B\n3,0.4,0.3,9,C\n")
    assert "Keep one of se, v" in run(capsys, "fit", "a.csv", *TAU)[2]
    status, out, _ = run(capsys, "effects", "a.csv", "--drop", "v", "--labels", "name")
    assert (status, table(out)["study"]) == (0, ["A", "B", "C"])


def bcg() -> tuple[list[int], ...]:
    raw = json.loads((GOLDEN / "escalc_bcg_2x2.json").read_text())
    return tuple(raw["raw"][name] for name in ("tpos", "tneg", "cpos", "cneg")), raw["measures"]["OR"]


@pytest.mark.parametrize("names", ["ai,bi,ci,di", "tpos,tneg,cpos,cneg", "events_t,without_t,events_c,without_c"])
def test_four_cells(names: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells, peer = bcg()
    rows = "".join(f"S{i},{','.join(map(str, row))},1,2,3,4\n" for i, row in enumerate(zip(*cells, strict=True)))
    (folder / "a.csv").write_text(f"study,{names},y,se,v,lower\n{rows}")  # beside columns of an earlier computation
    status, out, err = run(capsys, "effects", "a.csv", "--measure", "log_or")
    assert status == 0, err
    np.testing.assert_allclose(numbers(table(out)["y"]), peer["yi"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(numbers(table(out)["se"]), np.sqrt(peer["vi"]), rtol=1e-8)
    assert list(table(out)) == ["study", "y", "se", "measure"]
    data = bm.effect_sizes(pd.read_csv("a.csv"), "log_or")
    np.testing.assert_allclose(data.y, peer["yi"], rtol=1e-8, atol=1e-10)
    assert list(data.to_frame()) == ["study", "y", "se", "measure"]


def test_participants_without_the_event_are_not_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("study,tpos,tneg,cpos,cneg\nA,4,119,11,128\n")
    status, _, err = run(capsys, "effects", "a.csv", "--measure", "log_or", "--column", "n_t=tneg")
    assert (status, err.count("\n")) == (2, 1)
    assert "column 'tneg' was to be 'n_t', all participants of an arm" in err
    with pytest.raises(bm.DataError, match="counts those without the event"):
        bm.read_table("a.csv", columns={"cneg": "n_c"})


def test_fractional_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("study,events_t,n_t,events_c,n_c\nA,1.5,20,2,20\nB,3,20,4,20\nC,5,20,4,20\n")
    status, out, err = run(capsys, "effects", "a.csv", "--measure", "log_or")
    assert status == 0
    assert float(table(out)["y"][0]) == pytest.approx(math.log(1.5 * 18 / (18.5 * 2)), rel=1e-12)
    assert "row 2 (study 'A'): events_t = 1.5 is not a whole number" in err
    with pytest.raises(
        bm.DataError, match=r"events_t must be a whole number; got 1\.5\. The likelihood is of whole counts"
    ):
        bm.pool_glmm("a.csv")


GIBSON = (  # JASP's data library
    '"author","year","n1i","m1i","sd1i","n2i","m2i","sd2i","ai","bi","ci","di","type"\n'
    '"Cote",1997,50,2.2,12.73,54,5.2,12.5,NA,NA,NA,NA,1\n"Heard",1999,97,2.09,5.93,94,2.66,4.95,34,63,36,58,1\n'
    '"Yoon",1993,28,NA,NA,28,NA,NA,5,23,4,24,1\n'
)


def test_studies_that_report_another_outcome_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text(GIBSON)
    status, out, err = run(capsys, "effects", "a.csv", "--measure", "md")
    assert (status, table(out)["study"]) == (0, ["Cote", "Heard"])
    np.testing.assert_allclose(numbers(table(out)["y"]), [-3.0, -0.57], rtol=1e-9)
    assert float(table(out)["se"][0]) == pytest.approx(math.sqrt(12.73**2 / 50 + 12.5**2 / 54), rel=1e-9)
    assert (
        "row 4, column 'm1i' (study 'Yoon'): mean_t and sd_t and mean_c and sd_c are missing, and the study is left out"
        in err
    )
    out = run(capsys, "effects", "a.csv", "--measure", "log_or")[1]
    assert table(out)["study"] == ["Heard", "Yoon"]
    assert float(table(out)["y"][1]) == pytest.approx(math.log(5 * 24 / (23 * 4)), rel=1e-9)


def test_a_measure_that_the_file_does_not_tell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text(GIBSON)
    status, _, err = run(capsys, "effects", "a.csv")
    assert (status, err.count("\n")) == (2, 1)
    assert "--measure is missing: a.csv has no column 'y', and its columns give md, smd, rom, log_or and" in err


def excel(path: Path, **sheets: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book.save(path)


def test_sheets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[list[object]] = [["Title of it"], ["study", "y", "se"], ["A", 0.1, 0.2], ["B", -0.3, 0.25]]
    excel(folder / "one.xlsx", data=rows, empty=[], also=[[None]])
    excel(folder / "two.xlsx", first=rows, second=[*rows, ["C", 0.4, 0.3]])
    assert bm.read_estimates("one.xlsx").study == ("A", "B")
    status, _, err = run(capsys, "fit", "two.xlsx", *TAU)
    assert (status, err) == (
        2, "bayesmeta: two.xlsx: it has several sheets; name one, --sheet 'first'. Sheets: first, second.\n",
    )  # fmt: skip
    for command, more in {**COMMANDS, "fit": [], "check": [], "convert": []}.items():
        tau = TAU if command not in ("check", "convert") else []
        status, _, err = run(capsys, command, "two.xlsx", "--sheet", "second", *more, *tau)
        assert status == 0, err
    assert table(run(capsys, "effects", "two.xlsx", "--sheet", "second")[1])["study"] == ["A", "B", "C"]
    assert run(capsys, "new", "an", "--from", "two.xlsx", "--sheet", "second")[0] == 0
    assert bm.read_estimates("an/two.csv").study == ("A", "B", "C")


def test_merged_headers_of_excel(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upper = [None, "Treatment", None, "Control", None]
    excel(
        folder / "a.xlsx", x=[upper, ["study", "events", "n", "events", "n"], ["A", 1, 20, 2, 20], ["B", 3, 20, 4, 20]]
    )
    out = run(capsys, "effects", "a.xlsx", "--measure", "log_or")[1]
    assert float(table(out)["y"][1]) == pytest.approx(math.log(3 * 16 / (17 * 4)), rel=1e-9)


ONE_LINE = {
    "percent": ("study,y,se\nA,10%,0.2\n", "'10%' is not a number. Leave out the percent sign."),
    "thousands": ('study,y,se\nA,"1,234",0.2\n', "'1,234' is not a number. Write thousands without separators"),
    "decimal comma": ('study,y,se\nA,"0,5",0.2\n', "'0,5' is not a number. Write decimals with a point."),
    "date": ("study,y,se\nA,01-Mar,0.2\n", "'01-Mar' is not a number. It looks like a date that a spreadsheet made"),
    "two numbers": ("study,y,se\nA,0.5 (0.1),0.2\n", "'0.5 (0.1)' is not a number. Give each of its numbers a column"),
    "dash": ("study,y,se\nA,-,0.2\n", "column 'y' (study 'A'): the value is missing, and a number is needed."),
    "dot": ("study,y,se\nA,.,0.2\n", "column 'y' (study 'A'): the value is missing, and a number is needed."),
    "twice": ("study,y,y,se\nA,1,2,0.2\n", "column 'y' appears twice."),
    "title with commas": ("Effects, of X\nstudy,y,se\nA,1,0.2\n", "a title has a line of its own."),
    "no effects": ("study,x\nA,1\n", "no column 'y'"),
}


@pytest.mark.parametrize("case", ONE_LINE)
def test_what_cannot_be_read_is_one_line(case: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = ONE_LINE[case]
    (folder / "a.csv").write_text(text)
    status, out, err = run(capsys, "fit", "a.csv", *TAU)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert message in err
    with pytest.raises(bm.DataError):
        bm.read_estimates("a.csv")


@pytest.mark.parametrize("suffix", ["csv", "txt", "tsv", "tab", "xlsx"])
def test_convert_writes_what_it_reads(suffix: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.csv").write_text("slab,yi,vi\n=1+1,0.1,0.04\nB,-0.3,0.0625\n")
    status, out, err = run(capsys, "convert", "a.csv", "--out", f"b.{suffix}")
    assert (status, out) == (0, ""), err
    assert bm.read_estimates(f"b.{suffix}") == bm.Estimates([0.1, -0.3], [0.2, 0.25], ["=1+1", "B"])
    if suffix == "xlsx":
        assert openpyxl.load_workbook("b.xlsx").active["A2"].value == "'=1+1"  # not a formula
    assert run(capsys, "convert", "a.csv", "--out", "b.rm5")[0] == 2


def test_arguments_of_python_as_text_or_a_data_frame() -> None:
    frame = pd.DataFrame({"study": ["A", "B", "C"], "y": Y, "se": SE})
    data = bm.Estimates.from_frame(frame)
    model = bm.NormalNormal(mu="Normal(0, 1)", tau="HalfNormal(0.5)", formula="~ 1")
    assert model == bm.NormalNormal(mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    result = bm.fit(data, model)
    for call, message in (
        (lambda: bm.fit(frame, model), r"got DataFrame\. Estimates\.from_frame\(data\) makes them of it"),
        (lambda: bm.pool(frame), r"got DataFrame\. Estimates\.from_frame\(data\) makes them of it"),
        (lambda: bm.leave_one_out(frame, model), r"Estimates\.from_frame"),
        (lambda: bm.HalfNormal(sigma=0.5), r"HalfNormal has no parameter 'sigma'; its parameters are scale"),
        (lambda: bm.Normal(0, sigma=1), r"Normal has no parameter 'sigma'; its parameters are mean, sd"),
        (lambda: result.summary(ci_prob="0.95", ci_kind="eti"), "ci_prob='0.95': must lie between 0 and 1"),
        (lambda: bm.fit(data, model, seed="1"), "seed='1': must be a whole number"),
        (lambda: bm.fit(data, model, tolerance="1e-8"), "tolerance='1e-8': must lie between 0 and 1"),
        (lambda: bm.fit(data, model, "nuts", target_accept="0.9"), "target_accept='0.9'"),
        (lambda: bm.read_table(frame, sheet="x"), "sheet='x': it is for a file"),
        (lambda: bm.Estimates.from_frame({"y": [0.1], "lower": [0], "upper": [0.2]}, level="0.9"), "level='0.9'"),
    ):
        with pytest.raises(bm.BayesmetaError, match=message):
            call()
