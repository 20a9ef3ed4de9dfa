"""`read_table`: every format gives the same table, columns under other names are recognised, and messages name the file's."""

import csv

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pytest

from bayesmeta.cli import main
from bayesmeta.data.estimate_tables import read_estimates
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.formats import read_table
from bayesmeta.data.names import normalised
from bayesmeta.data.synonyms import SYNONYMS
from bayesmeta.effects.measures import effect_sizes
from bayesmeta.effects.registry import MEASURES
from bayesmeta.errors import DataError, SpecificationError

# Trials of aspirin and of mental health treatment in Fleiss (1993), from Fleiss1993_CR.csv, Fleiss1993.rm5 and
# Fleiss1993.zip of R's meta: what RevMan 5 and RevMan Web wrote, with RevMan's odds ratios and standard errors.
EXPORT = """\
Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,Effect Measure,Events 1,Mean 1,SD 1,Total 1,Events 2,Mean 2,SD 2,Total 2,Effect Estimate,SE,CI Start,CI End,Year of study
1,0,0,Examples from Fleiss (1993),,,,,,,,,,,,,,,,
1,1,0,Aspirin for Preventing Death after Myocardial Infarction,DIC,MH,OR,2128,,,14186,2286,,,13817,0.89686556,,0.8405144,0.95699471,
1,1,0,MRC-1,,,,49,0,0,615,67,0,0,624,0.71971415,0.19721981,0.48897453,1.05933628,1974
1,1,0,CDP,,,,44,0,0,758,64,0,0,771,0.6807598,0.20289717,0.4573909,1.01321191,1976
1,1,0,ISIS-2,,,,"1,570",0,0,"8,587","1,720",0,0,"8,600",0.89494981,,,,1988
1,2,0,Mental Health Treatment versus Control,CON,IV,SMD,,,,,,,,,,,,,
1,2,0,Davis,,,,0,5,4.7,13,0,6.5,3.8,13,,,,,1973
1,2,0,Florell,,,,0,4.9,1.71,30,0,6.1,2.3,50,,,,,1971
"""  # noqa: E501
WEB = """\
Analysis group,Analysis number,Analysis name,Subgroup,Applicability,Study,Study year,GIV Mean,GIV SE,Experimental mean,Experimental SD,Experimental cases,Experimental N,Control mean,Control SD,Control cases,Control N,O-E,Variance,Weight,Mean,CI start,CI end,Footnotes
1,1,Aspirin,,SUBGROUP_AND_OVERALL,MRC-1,1974,0.0,0.0,0.0,0.0,49,615,0.0,0.0,67,624,0.0,0.0,3.2,0.719714,0.488975,1.059336,
1,1,Aspirin,,SUBGROUP_AND_OVERALL,CDP,1976,0.0,0.0,0.0,0.0,44,758,0.0,0.0,64,771,0.0,0.0,3.1,0.68076,0.457391,1.013212,
1,2,Mental health,,SUBGROUP_AND_OVERALL,Davis,1973,0.0,0.0,5.0,4.7,0,13,6.5,3.8,0,13,0.0,0.0,1,-0.3,-1,1,
1,3,Hazard,early,SUBGROUP_AND_OVERALL,Trial,1990,-0.2,0.1,0.0,0.0,0,10,0.0,0.0,0,10,0.0,0.0,1,-0.2,-0.4,0,
"""  # noqa: E501
RM5 = """\
<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>
<COCHRANE_REVIEW TYPE="INTERVENTION"><STUDIES_AND_REFERENCES>
<STUDY ID="STD-MRC_x002d_1" NAME="MRC-1" YEAR="1974"/><STUDY ID="STD-CDP" NAME="CDP" YEAR="1976"/><STUDY ID="STD-Davis" NAME="Davis" YEAR="1973"/>
</STUDIES_AND_REFERENCES><ANALYSES_AND_DATA><COMPARISON ID="CMP-001" NO="1"><NAME>Examples from Fleiss (1993)</NAME>
<DICH_OUTCOME EFFECT_MEASURE="OR" ID="CMP-001.01" NO="1"><NAME>Aspirin</NAME>
<DICH_DATA EVENTS_1="49" EVENTS_2="67" ORDER="1" STUDY_ID="STD-MRC_x002d_1" TOTAL_1="615" TOTAL_2="624"/>
<DICH_SUBGROUP ID="CMP-001.01.01" NO="1"><NAME>Later</NAME>
<DICH_DATA EVENTS_1="44" EVENTS_2="64" ORDER="2" STUDY_ID="STD-CDP" TOTAL_1="758" TOTAL_2="771"/></DICH_SUBGROUP></DICH_OUTCOME>
<CONT_OUTCOME EFFECT_MEASURE="SMD" ID="CMP-001.02" NO="2"><NAME>Mental health</NAME>
<CONT_DATA MEAN_1="5.0" MEAN_2="6.5" ORDER="12" SD_1="4.7" SD_2="3.8" STUDY_ID="STD-Davis" TOTAL_1="13" TOTAL_2="13"/>
</CONT_OUTCOME></COMPARISON></ANALYSES_AND_DATA></COCHRANE_REVIEW>
"""  # noqa: E501


@pytest.fixture(params=["export.csv", "data-rows.csv", "review.rm5"])
def revman(request, tmp_path):
    path = tmp_path / request.param
    path.write_text({"export.csv": EXPORT, "data-rows.csv": WEB, "review.rm5": RM5}[request.param], encoding="utf-8")
    return path


def test_revman_gives_the_odds_ratios_that_it_printed(revman):
    data = effect_sizes(read_table(revman, analysis="1.1"), "log_or", covariates=["year"])
    assert data.study[:2] == ("MRC-1", "CDP")
    np.testing.assert_allclose(np.exp(data.y[:2]), [0.71971415, 0.6807598], rtol=1e-7)
    np.testing.assert_allclose(data.se[:2], [0.19721981, 0.20289717], rtol=1e-7)
    assert list(data.covariates["year"])[:2] == [1974, 1976]


def test_revman_gives_means(revman):
    table = read_table(revman, analysis="1.2")
    row = table.to_frame().iloc[0].to_dict()
    got = {name: float(row[name]) for name in ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")}
    assert got == {"mean_t": 5, "sd_t": 4.7, "n_t": 13, "mean_c": 6.5, "sd_c": 3.8, "n_c": 13}
    assert effect_sizes(table, "md", covariates=[]).y[0] == -1.5


def test_revman_headings_commas_subgroups_and_estimates(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(EXPORT)
    table = read_table(path, analysis="1.1")
    assert table.columns["study"] == ("MRC-1", "CDP", "ISIS-2")
    assert (table.numbers("events_t")[2], table.numbers("n_c")[2], table.rows[2]) == (1570, 8600, 6)
    path.write_text(WEB)
    table = read_table(path, analysis="1.3")
    assert table.columns["subgroup"] == ("early",)
    data = Estimates.from_frame(table)
    assert (data.y[0], data.se[0]) == (-0.2, 0.1)
    path = tmp_path / "review.rm5"
    path.write_text(RM5)
    assert read_table(path, analysis="1.1").columns["subgroup"] == ("", "Later")


def test_revman_analyses_are_named(revman, tmp_path):
    with pytest.raises(DataError, match=r"it has [23] analyses; name one, analysis='1.1': 1.1 Aspirin.*; 1.2 Mental"):
        read_table(revman)
    with pytest.raises(DataError, match=r"it has no analysis '2.1' with studies. Analyses: 1.1 Aspirin"):
        read_table(revman, analysis="2.1")
    path = tmp_path / "oe.csv"
    path.write_text(WEB.splitlines()[0] + "\n1,1,O-E,,,A,1990,0,0,0,0,0,10,0,0,0,10,-1.2,3.1,1,1,1,1,\n")
    with pytest.raises(DataError, match="an analysis of O-E and variance is not read"):
        read_table(path)


ROWS = [["slab", "yi", "vi", "dose"], ["A", -1.25, 0.04, 80], ["B", -0.5, 0.09, 30]]


def write(path):
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in ROWS:
            book.active.append(row)
        book.save(path)
    else:
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter="\t" if path.suffix in (".tsv", ".tab") else ",").writerows(ROWS)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".tsv", ".tab", ".xlsx"])
def test_every_format_gives_the_same_estimates(tmp_path, suffix):
    path = write(tmp_path / f"effects{suffix}")
    table = read_table(path)
    assert table.recognised == {"study": "slab", "y": "yi", "v": "vi"}
    assert table.rows == (2, 3)
    want = Estimates(y=[-1.25, -0.5], se=[0.2, 0.3], study=["A", "B"], covariates={"dose": [80, 30]})
    assert Estimates.from_frame(table) == want
    assert read_estimates(path, y="yi", se="dose", study="slab", covariates=[]).y.tolist() == [-1.25, -0.5]


def test_frames_of_pandas_and_polars():
    columns = dict(zip(ROWS[0], zip(*ROWS[1:], strict=True), strict=True))
    want = Estimates(y=[-1.25, -0.5], se=[0.2, 0.3], study=["A", "B"], covariates={"dose": [80, 30]})
    for frame in (pd.DataFrame(columns), pl.DataFrame({k: list(v) for k, v in columns.items()}), columns):
        assert Estimates.from_frame(read_table(frame)) == want
    arms = pl.DataFrame(
        {"study": ["A"], "events_t": [12], "n_t": [100], "events_c": [24], "n_c": [100], "year": [None]}
    )
    assert effect_sizes(arms, "log_or", covariates=[]).y.round(4) == [-0.8398]


def test_messages_name_the_column_of_the_file(tmp_path):
    path = tmp_path / "effects.csv"
    path.write_text("slab,yi,vi\nA,-1.25,0.04\nB,high,0.09\n")
    with pytest.raises(DataError, match=r"effects.csv, row 3, column 'yi' \(study 'B'\): 'high' is not a number"):
        Estimates.from_frame(read_table(path))


def test_columns_named_by_the_user():
    frame = {"Trial": ["A"], "Author": ["X"], "Effect": [1.0], "vi": [0.04]}
    assert read_table(frame).recognised == {"study": "Trial", "v": "vi"}
    table = read_table(frame, columns={"Author": "study", "Effect": "y"})
    assert table.recognised == {"study": "Author", "y": "Effect", "v": "vi"}
    with pytest.raises(DataError, match="there is no column 'effect'. Did you mean 'Effect'"):
        read_table(frame, columns={"effect": "y"})
    with pytest.raises(DataError, match="columns 'Effect' and 'vi' would both be 'y'"):
        read_table(frame, columns={"Effect": "y", "vi": "y"})
    with pytest.raises(DataError, match="columns 'y' and 'z' would both be 'y'"):
        read_table({"study": ["A"], "y": [1], "z": [2]}, columns={"z": "y"})


def test_control_events_of_metafor_are_no_confidence_interval():
    assert read_table({"slab": ["A"], "ai": [1], "n1i": [9], "ci": [2], "n2i": [9]}).recognised["events_c"] == "ci"
    assert "events_c" not in read_table({"slab": ["A"], "yi": [1], "ci": ["0 to 2"]}).recognised


def test_synonyms_are_of_columns_that_there_are():
    known = {name for measure in MEASURES.values() for name in (*measure.columns, *measure.arm_columns)}
    known |= {"study", "arm", "year", "y", "se", "v", "ci_lower", "ci_upper", "p", "z", "t", "without_t", "without_c"}
    assert set(SYNONYMS) <= known
    everything = [name for others in SYNONYMS.values() for name in others]
    assert len(everything) == len(set(everything))
    assert [normalised(name) for name in everything] == everything


def test_excel_files(tmp_path):
    path = write(tmp_path / "effects.xlsx")
    book = openpyxl.load_workbook(path)
    book.create_sheet("notes")["A1"] = "nothing"
    book.save(path)
    with pytest.raises(DataError, match="it has several sheets; name one, sheet='Sheet'. Sheets: Sheet, notes"):
        read_table(path)
    assert len(read_table(path, sheet="Sheet")) == 2
    with pytest.raises(DataError, match="it has no sheet 'data'"):
        read_table(path, sheet="data")
    book.active["E3"] = "a note beside the table"
    book.save(path)
    with pytest.raises(DataError, match=r"effects.xlsx, row 3: cell 5 holds 'a note beside the table', and its col"):
        read_table(path, sheet="Sheet")
    path.write_text("no archive")
    with pytest.raises(DataError, match="cannot be read as an Excel file"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", None, "there is no such file"),
        ("a.rm5", None, "there is no such file"),
        ("a.rm5", "<COCHRANE", "cannot be read as a RevMan file"),
        ("a.rm5", "<COCHRANE_REVIEW/>", "it has no analysis of counts or of means"),
        ("a.ods", "x", "files that end in '.ods' are not read. Save it as one of .csv"),
    ],
)
def test_files_that_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=f"{name}: .*{message}"):
        read_table(path)


def test_options_of_other_formats_are_refused(tmp_path):
    path = write(tmp_path / "effects.csv")
    with pytest.raises(SpecificationError, match="sheet='x': it is for an Excel file"):
        read_table(path, sheet="x")
    with pytest.raises(SpecificationError, match="analysis='1.1': it is for a file of RevMan"):
        read_table(path, analysis="1.1")


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_on_the_command_line(capsys, tmp_path):
    path = tmp_path / "review.rm5"
    path.write_text(RM5)
    status, out, err = run(capsys, "convert", path, "--analysis", "1.2")
    assert status == 0
    assert out.splitlines()[0] == "study,year,mean_t,sd_t,n_t,mean_c,sd_c,n_c"
    assert "mean_t: from 'Experimental mean'" in err
    arms = tmp_path / "arms.csv"
    arms.write_text(out)
    assert run(capsys, "effects", arms, "--measure", "md")[1].startswith("study,y,se,year,measure\nDavis,-1.5,")
    path = write(tmp_path / "effects.xlsx")
    status, out, err = run(capsys, "convert", path, "--column", "mg=dose")
    assert (status, out.splitlines()[0]) == (0, "study,y,v,mg")
    assert run(capsys, "convert", path, "--column", "dose")[2].startswith(
        "bayesmeta: --column 'dose': write our name, then yours"
    )
