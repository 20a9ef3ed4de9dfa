"""`check_table`: each kind of error is found and named, and tables without one are left in peace."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from bayesmeta.checks.table import check_table
from bayesmeta.cli import main
from bayesmeta.data.formats import read_table
from bayesmeta.errors import DataError, SpecificationError

KETAMINE = Path(__file__).parents[2] / "models" / "ketamine"


def rows(name):
    with (KETAMINE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def columns(records, **names):
    return {ours: [record[theirs] for record in records] for ours, theirs in names.items()}


def found(table, **options):
    return [(f.check, f.row, f.column) for f in check_table(table, **options)]


# The ketamine tables


def test_sigtermans_plus_minus():
    """2.68 +/- 0.51 v 5.45 +/- 0.48 on 0-10: unlabelled in the studies table, and SDs that would lie 5.6 apart."""
    findings = check_table(KETAMINE / "studies.csv")
    assert [(f.row, f.study, f.column, f.value) for f in findings] == [
        (4, "Sigtermans2009", "plus_minus_t", "0.51"),
        (4, "Sigtermans2009", "plus_minus_c", "0.48"),
    ]
    assert "an SE, with an SD of 2.79" in findings[0].message
    arms = {"study": ["Sigtermans2009"], "n_t": ["30"], "mean_t": ["2.68"], "sd_t": ["0.51"]}
    arms |= {"n_c": ["30"], "mean_c": ["5.45"], "sd_c": ["0.48"]}
    (finding,) = check_table(arms, scale=(0, 10))
    assert finding.why.startswith("the arms lie 5.59 standard deviations apart")
    assert "1.02 apart" in finding.normal


def test_sigtermans_percentages():
    """Psychomimetic effects in 76% v 18% of arms of 30, from the note of the table of adverse events."""
    records = [r for r in rows("tables/adverse_events.csv") if r["study_id"] == "Sigtermans2009"]
    percent = ["76", "18"]
    assert all(f"{p}%" in r["note"] for p, r in zip(percent, records, strict=True))
    table = {"study": [r["study_id"] for r in records], "arm": [r["arm"] for r in records], "percent": percent}
    assert found({**table, "n": [30, 30]}) == [("percentage", 1, "percent"), ("percentage", 2, "percent")]
    assert found({**table, "n": [29, 28]}) == []


def test_the_percentages_of_single_arms():
    """Correll 2004, 54% of 33, and Goldberg 2010, 60% of 16, are not counts, as their notes say."""
    records = rows("tables/crps_single_arm.csv")
    table = columns(records, study="study_id", n="n", percent="percent_as_tabulated", outcome="definition")
    assert [f.study for f in check_table(table)] == [r["study_id"] for r in records if r["status"] == "missing"]


def test_michelet_p_values_and_no_other():
    """The P values in a summary of Michelet 2018 contradict their intervals; those of six other reviews do not."""
    records = [r for r in rows("tables/published_summaries.csv") if r["estimate"] and r["ci_low"]]
    names = {"study": "review", "outcome": "outcome", "subgroup": "subgroup", "estimate": "estimate"}
    table = columns(records, **names, ci_lower="ci_low", ci_upper="ci_high", p="p")
    table["p"] = [p.rstrip("?") for p in table["p"]]  # the question mark is ours
    findings = check_table(table)
    assert {(f.check, f.column) for f in findings} == {("contradiction", "p")}
    assert [f.row for f in findings] == [i for i, r in enumerate(records, start=1) if r["p"].endswith("?")]
    assert len(findings) == 5
    assert len({r["review"] for r in records}) >= 7


def test_mitchell_reports_percent_relief():
    """Its 50 to 69 are not on a 0-10 scale; its abstract says that relief "rose from 58% to 56%"."""
    records = [r for r in rows("tables/pain_scores.csv") if r["mean"]]
    table = columns(records, study="study_id", arm="arm", time_days="time_days", mean="mean", n="n")
    findings = check_table(table, scale=(0, 10))
    assert {f.study for f in findings if f.check == "scale"} == {"Mitchell2002", "Pickering2020"}
    assert "Sigtermans2009" not in {f.study for f in findings}
    rose = {
        "study": ["Mitchell2002"],
        "mean_t": [56],
        "mean_c": [58],
        "n_t": [17],
        "n_c": [17],
        "direction": ["higher"],
    }
    assert found(rose) == [("direction", 1, "mean_t")]


def test_amr_repeats_its_p_values():
    """Amr 2010 (intravenous) and Amr 2011 (epidural) print .54 and .25 at their two late time points."""
    table = {"study": ["Amr2010"] * 4 + ["Amr2011"] * 2 + ["Noppers2011"] * 2}
    table |= {
        "time": [7, 14, 21, 28, 1, 2, 7, 56],
        "p": ["<0.0001", "<0.0001", "0.54", "0.25", "0.54", "0.25", "0.61", "0.33"],
    }
    findings = check_table(table)
    assert [(f.check, f.study, f.value) for f in findings] == [
        ("repeated p", "Amr2011", "0.54"),
        ("repeated p", "Amr2011", "0.25"),
    ]
    assert "studies 'Amr2010' and 'Amr2011' have the P values 0.25, 0.54 in common" in findings[0].message


def test_the_responder_counts_are_in_order():
    assert check_table(KETAMINE / "responder_counts.csv") == ()


# One error at a time


def usual(**changes):
    """Six studies on 0-10, with changes to the last: column -> value."""
    table = {
        "study": list("ABCDEF"),
        "n_t": ["40", "25", "31", "60", "22", "36"],
        "mean_t": ["3.1", "4.02", "2.9", "3.55", "4.4", "3.2"],
        "sd_t": ["2.1", "1.80", "2.4", "2.22", "1.9", "2.0"],
        "n_c": ["41", "24", "30", "58", "23", "35"],
        "mean_c": ["5.0", "5.10", "4.1", "5.2", "5.3", "5.1"],
        "sd_c": ["2.2", "1.95", "2.3", "2.15", "2.0", "2.1"],
    }
    for column, value in changes.items():
        table[column] = [*table.get(column, [""] * 6)[:-1], value]
    return table


def test_the_usual_table_is_in_order():
    assert check_table(usual(), scale=(0, 10)) == ()


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"sd_t": "0.34"}, [("sd or se", 6, "sd_t")]),
        ({"sd_t": "0.34", "sd_c": "0.36"}, [("sd or se", 6, "sd_t"), ("sd or se", 6, "sd_t"), ("sd or se", 6, "sd_c")]),
        ({"sd_t": "12.1"}, [("scale", 6, "sd_t")]),
        ({"mean_t": "32", "sd_t": "20"}, [("scale", 6, "mean_t"), ("units", 6, "mean_t"), ("units", 6, "sd_t")]),
        ({"mean_c": "10.4"}, [("sd or se", 6, "sd_t"), ("scale", 6, "mean_c")]),
        ({"n_t": "36.5"}, [("range", 6, "n_t")]),
        ({"sd_c": "0"}, [("range", 6, "sd_c")]),
        ({"sd_c": "-2"}, [("range", 6, "sd_c")]),
        ({"study": "a"}, [("same study", 6, "study")]),
        ({"study": "A", "n_t": "40", "n_c": "41"}, [("same row", 6, "study")]),
        ({"study": "A"}, [("same row", 6, "study")]),
        ({"study": "A", "time": "2 weeks"}, []),
        ({"n_t": "25", "mean_t": "4.02", "sd_t": "1.80"}, [("same arm", 6, "mean_t")]),
        ({"p": "0.60"}, [("p of means", 6, "p")]),
        ({"p": "<0.00000001"}, [("p of means", 6, "p")]),
        ({"p": "0.0002"}, []),
        ({"direction": "higher"}, [("direction", 6, "mean_t")]),
        ({"direction": "lower"}, []),
        ({"direction": "down"}, [("direction", 6, "direction")]),
    ],
)
def test_one_error_in_a_table(changes, want):
    assert found(usual(**changes), scale=(0, 10)) == want


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"mean_t": "3.21"}, [("grim", 6, "mean_t")]),  # 3.21 * 36 = 115.6; 115 and 116 give 3.19 and 3.22
        ({"mean_t": "3.19", "sd_t": "2.00"}, []),
        ({"mean_t": "3.19", "sd_t": "0.04"}, [("grimmer", 6, "sd_t"), ("sd or se", 6, "sd_t")]),
    ],
)
def test_whole_numbers(changes, want):
    table = usual(**changes)
    for name in ("mean_t", "sd_t", "mean_c", "sd_c"):
        table[name][:-1] = [""] * 5 if name.endswith("t") else ["5"] * 5
    table["sd_c"][:-1] = ["2", "2", "2", "2", "2"]
    got = [f for f in found(table, integers=True) if f[1] == 6 and f[2].endswith("_t")]
    assert got == want


def test_an_se_column_that_holds_sds():
    table = {
        "study": list("ABCDE"),
        "n": [30, 40, 50, 60, 35],
        "mean": [5, 4, 6, 5, 4.5],
        "se": [0.4, 0.33, 0.3, 0.26, 2.1],
    }
    assert found(table) == [("sd or se", 5, "se")]
    assert found({**table, "se": [0.4, 0.33, 0.3, 0.26, 0.36]}) == []


def test_standard_errors_of_estimates_beside_their_sizes():
    table = {
        "study": list("ABCDE"),
        "n_t": [30, 40, 50, 60, 35],
        "n_c": [30, 40, 50, 60, 35],
        "estimate": [-1.1, -0.8, -1.5, -1, -0.9],
    }
    assert found({**table, "se": [0.55, 0.47, 0.42, 0.38, 0.5]}) == []
    for wrong in (2.1, 0.12):
        findings = check_table({**table, "se": [0.55, 0.47, 0.42, 0.38, wrong]})
        assert [(f.check, f.row, f.column) for f in findings] == [("sd or se", 5, "se")]
        assert findings[0].normal.startswith("About 0.5")


def test_counts():
    table = {
        "study": list("ABC"),
        "events_t": [12, 5, 31],
        "n_t": [30, 20, 30],
        "events_c": [6, -1, 2],
        "n_c": [30, 20, 30.5],
    }
    assert found(table) == [("range", 2, "events_c"), ("range", 3, "events_t"), ("range", 3, "n_c")]
    table = {"study": ["A"], "events": [12], "n": [30], "percent": ["43"]}
    (finding,) = check_table(table)
    assert (finding.why, finding.normal) == ("43% of 30 is not the 12 events beside it", "40%")
    assert found({"study": ["A"], "n": [30], "percent": [143]}) == [("percentage", 1, "percent")]
    table = {"study": list("AB"), "events_t": [12, 12], "n_t": [31, 31], "events_c": [6, 6], "n_c": [30, 30]}
    assert found(table) == [("same arm", 2, "events_t")]


def test_intervals_on_the_right_scale():
    ratio = {"study": ["RR"], "estimate": ["2.43"], "ci_lower": ["1.10"], "ci_upper": ["5.40"], "p": [".029"]}
    assert found(ratio) == found(ratio, ratio=True) == []
    assert found(ratio, ratio=False) == [("asymmetric interval", 1, "ci_lower")]
    assert found({**ratio, "ci_upper": ["54.0"]}) == [("asymmetric interval", 1, "ci_lower")]
    assert found({**ratio, "estimate": ["-2.43"]}, ratio=True) == [("range", 1, "estimate")]
    assert found({**ratio, "p": [".29"]}) == [("contradiction", 1, "p")]
    assert found({**ratio, "estimate": [""], "p": [""]}) == []


def test_findings_name_the_columns_of_the_file():
    table = read_table({"slab": ["A"], "yi": ["-1.2"], "sei": ["0"]})
    (finding,) = check_table(table)
    assert (finding.column, finding.value, finding.why) == ("sei", "0", "se must be positive; got 0")


def test_a_statistic_of_another_sign():
    table = {"study": ["A"], "estimate": ["-1.2"], "t": ["2.4"]}
    (finding,) = check_table(table)
    assert (finding.check, finding.why) == ("direction", "estimate -1.2 and t = 2.4 have different signs")
    assert finding.normal == "Is one of them control minus treatment?"


def test_estimates_twice():
    table = {"study": list("AB"), "estimate": ["-1.83"] * 2, "ci_lower": ["-2.35"] * 2, "ci_upper": ["-1.31"] * 2}
    assert found(table) == [("same arm", 2, "estimate")]
    assert found({**table, "estimate": ["-1.83", "-1.84"]}) == []


# Refusals, and the command line


def test_what_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,mean_t,sd_t,n_t\nA,3.1,two,30\n")
    with pytest.raises(DataError, match=r"arms.csv, row 2, column 'sd_t' \(study 'A'\): 'two' is not a finite number"):
        check_table(path)
    with pytest.raises(
        DataError, match="there is nothing to check in it: .* read_table may recognise its columns: study, m1i"
    ):
        check_table({"study": ["A"], "m1i": [3.1]})
    with pytest.raises(DataError, match="column 'study' is missing"):
        check_table({"mean": [1]})
    with pytest.raises(SpecificationError, match=r"scale=\(10, 0\)"):
        check_table({"study": ["A"]}, scale=(10, 0))
    with pytest.raises(SpecificationError, match="items=0"):
        check_table({"study": ["A"]}, items=0)
    with pytest.raises(SpecificationError, match="level=95"):
        check_table({"study": ["A"]}, level=95)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_the_command(capsys, tmp_path):
    path = tmp_path / "arms.csv"
    path.write_text("study,n_t,percent_t,n_c,percent_c\nSigtermans2009,30,76,30,18\n")
    status, out, err = run(capsys, "check", path)
    assert (status, err) == (0, "2 findings; look them up\n")
    place = f"{path}, row 2, column 'percent_t' (study 'Sigtermans2009')"
    rest = "76% is not a count of n = 30. 22 are 73% and 23 are 77% of 30; were fewer participants observed?"
    assert out.splitlines()[0] == f"{place}: {rest}"
    status, out, err = run(capsys, "check", path, "--strict", "--json")
    assert (status, err) == (1, "")
    record = json.loads(out)
    assert record["schema"] == "bayesmeta-check/1"
    assert record["findings"][1] == check_table(path)[1].as_dict()
    path.write_text("study,n_t,percent_t\nSigtermans2009,29,76\n")
    assert run(capsys, "check", path, "--strict", "--scale", 0, 10) == (0, "", "0 findings\n")
    path.write_text("slab,m1i,sd1i,n1i\nA,3.1,-2,30\n")
    status, out, err = run(capsys, "check", path)
    assert (status, out.split(":")[0]) == (0, f"{path}, row 2, column 'sd1i' (study 'A')")
    assert "sd_t: from 'sd1i'" in err
    path.write_text("study,n_t,percent_t\nSigtermans2009,thirty,76\n")
    status, out, err = run(capsys, "check", path)
    assert (status, out, err.count("\n")) == (2, "", 1)


CELL = st.sampled_from(["", "0", "1", "-1", "0.0", "2.5", "7", "10", "30", "1e3", "0.001", "12.25", "100", "1e-300"])
COLUMNS = [name + s for s in ("", "_t", "_c") for name in ("n", "mean", "sd", "se", "events", "percent", "plus_minus")]
OTHERS = ["estimate", "y", "se", "v", "ci_lower", "ci_upper", "t", "z", "f", "df", "scale_min", "scale_max", "items"]
P = st.sampled_from(["", "0.03", "<.001", ">0.05", "1.00", "0.000", "0.5"])


@settings(max_examples=100)
@given(st.data())
def test_no_table_of_numbers_stops_the_checks(data):
    """Whatever is in a table is found odd, or refused by name; nothing fails."""
    names = data.draw(st.lists(st.sampled_from(sorted({*COLUMNS, *OTHERS})), unique=True, max_size=9))
    k = data.draw(st.integers(1, 6))
    table = {name: data.draw(st.lists(CELL, min_size=k, max_size=k)) for name in names}
    table |= {"study": [f"S{i}" for i in range(k)], "p": data.draw(st.lists(P, min_size=k, max_size=k))}
    options = {"scale": data.draw(st.sampled_from([None, (0, 10)])), "integers": data.draw(st.booleans())}
    try:
        findings = check_table(table, **options, ratio=data.draw(st.sampled_from([None, True, False])))
    except DataError:
        return
    assert [f.row for f in findings] == sorted(f.row for f in findings)
    assert all("\n" not in f.message and f.study in table["study"] for f in findings)


# Found by a review of the checks: each was missed, or cried over, before


def test_the_nearest_possible_means_lie_on_both_sides():
    """145 / 28 = 5.179 and 146 / 28 = 5.214."""
    (finding,) = check_table({"study": ["S"], "n": [28], "mean": ["5.19"], "sd": ["1.00"]}, integers=True)
    assert finding.normal.startswith("Possible are 5.18 and 5.21;")


def test_what_is_refused_names_its_rule_whatever_the_label():
    table = {"study": ["Smith: 'A', 2001"], "estimate": [1.0], "ci_lower": [2], "ci_upper": [1.2]}
    (finding,) = check_table(table)
    assert (finding.column, finding.why) == ("estimate", "lower must be below upper; got lower = 2 and upper = 1.2")


def test_effects_called_y_are_no_ratios():
    (finding,) = check_table({"study": ["A"], "y": [1.0], "ci_lower": [0.1], "ci_upper": [1.2]})
    assert (finding.check, finding.column) == ("asymmetric interval", "ci_lower")
    table = {"study": ["A", "B"], "y": [0.1, 0.2], "se": ["0.30", "0.30"], "v": ["0.09", "0.30"]}
    assert found(table) == [("contradiction", 2, "v")]
    assert found({"study": ["A", "B"], "y": [0.1, 0.2], "v": [0.1, -0.1]}) == [("range", 2, "v")]
    assert found({"study": ["A", "B"], "y": [0.1, 0.2], "lower": [-0.1, 0], "upper": [0.3, 3]}) == [
        ("asymmetric interval", 2, "lower")
    ]


def test_one_sided_p_values_beside_means():
    """t = 1.581 with 38 df: P = 0.122, one-sided 0.061 or 0.939."""
    means = {"mean_t": ["5.50"], "sd_t": ["1.00"], "n_t": [20], "mean_c": ["5.00"], "sd_c": ["1.00"], "n_c": [20]}
    for p in ("0.061", "0.939", "<0.1", ">0.05", "0.122"):
        assert found({"study": ["S"], **means, "p": [p], "p_sides": [1]}) == []
    for p in ("0.0001", "0.9999", "0.50"):
        assert found({"study": ["S"], **means, "p": [p], "p_sides": [1]}) == [("p of means", 1, "p")]
    assert found({"study": ["S"], **means, "p": ["0.939"]}) == [("p of means", 1, "p")]


def test_reports_of_one_arm_that_contradict_each_other():
    arms = {"study": ["A", "B"], "n": [25, 25], "mean": ["3.00", "3.00"], "sd": ["2.00", "2.00"]}
    assert found({**arms, "se": ["0.40", "0.30"]}) == [("contradiction", 2, "se")]
    assert found({**arms, "ci_lower": ["2.17", "2.50"], "ci_upper": ["3.83", "3.50"]}) == [
        ("contradiction", 2, "ci_lower")
    ]
    assert found({**arms, "ci_lower": ["2.17", "1.17"], "ci_upper": ["3.83", "2.83"]}) == [
        ("contradiction", 2, "ci_lower")
    ]


def test_other_units_by_any_factor_and_slipped_decimals():
    rows = [("A", 40.1, 9.2), ("B", 42.3, 10.4), ("C", 38.2, 11.1), ("D", 41.5, 9.9), ("E", 39.4, 10.2)]

    def table(mean, sd):
        names, means, sds = zip(*rows, ("F", mean, sd), strict=True)
        return {"study": names, "n": [50] * 6, "mean": means, "sd": sds}

    assert found(table(40.7, 10.1)) == []
    for factor in (1000, 10, 0.1, 0.001):
        assert found(table(40.7 * factor, 10.1 * factor)) == [("units", 6, "mean"), ("units", 6, "sd")]
    assert found(table(40.7, 101)) == [("units", 6, "sd")]
    assert found(table(40.7 * 6, 10.1 * 300)) == [("units", 6, "sd")]  # not one unit for both
    assert found(table(40.7, 40)) == []  # four times the others' may be true


def test_estimates_with_few_digits_agree_by_chance():
    table = {"study": list("AB"), "estimate": ["0.88"] * 2, "ci_lower": ["0.59"] * 2, "ci_upper": ["1.31"] * 2}
    assert found(table) == []
    assert found({**table, "n_t": [103, 103]}) == [("same arm", 2, "estimate")]


def test_a_study_without_a_label():
    arms = {"study": ["A", None], "arm": ["t", "c"], "n": [25, 25], "mean": [3.1, 4.2], "sd": [2.2, 2.1]}
    (finding,) = check_table(arms)
    assert (finding.check, finding.row, finding.study, finding.why) == ("same study", 2, "", "the study has no label")
    assert found({"study": ["M\u00fcller", "Mu\u0308ller"], "y": [0.1, 0.2], "se": [0.1, 0.3]}) == [
        ("same study", 2, "study")
    ]


@pytest.mark.parametrize("kind", ["arms", "estimates"])
def test_large_tables_take_time_by_their_rows(kind):
    """3,000 rows took 18 seconds where each was compared with all others."""
    rng, n = np.random.default_rng(5), 3000
    names = [f"S{i}" for i in range(n)]
    table = {"study": names, "n": rng.integers(10, 99, n), "mean": rng.normal(5, 1, n), "sd": rng.uniform(1, 3, n)}
    if kind == "estimates":
        y, se = rng.normal(0, 1, n).round(2), rng.uniform(0.1, 0.4, n)
        limits = {"ci_lower": (y - 1.96 * se).round(2), "ci_upper": (y + 1.96 * se).round(2)}
        limits["ci_upper"][7] += 3
        table = {"study": [f"S{i // 2}" for i in range(n)], "time": range(n), "estimate": y, **limits}
        table["p"] = [f"{2 * ndtr(-abs(a / b)):.3f}" for a, b in zip(y, se, strict=True)]
    start = time.process_time()
    assert (kind == "estimates") == (("asymmetric interval", 8, "ci_lower") in found(table))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("items", [0, -1, 2.5])
def test_what_is_no_number_of_items(items):
    table = {"study": ["S"], "n": [20], "mean": ["3.47"], "sd": ["1.00"], "items": [items]}
    (finding,) = check_table(table, integers=True)
    assert (finding.check, finding.column, finding.why) == ("range", "items", f"{items:g} is not a number of items")


def test_numbers_whose_squares_are_none():
    arms = {
        "study": ["S"],
        "n_t": [20],
        "mean_t": [5],
        "sd_t": ["1e200"],
        "n_c": [20],
        "mean_c": [5],
        "sd_c": [1],
        "p": [0.5],
    }
    with pytest.raises(
        DataError, match=r"row 1, column 'sd_t' .study 'S'.: 1e\+200 is not a number that a study reports"
    ):
        check_table(arms, integers=True)


def test_a_logarithm_among_ratios():
    """0.70 (0.55 to 0.89) and its like fit on the log scale alone; the logarithms of one row fit as a difference."""
    table = {
        "study": list("ABCDE"),
        "estimate": ["0.70", "0.50", "1.20", "-0.36", "0.65"],
        "ci_lower": ["0.40", "0.22", "0.60", "-0.60", "0.30"],
        "ci_upper": ["1.22", "1.14", "2.40", "-0.12", "1.41"],
    }
    (finding,) = check_table(table)
    assert (finding.check, finding.row, finding.column) == ("range", 4, "estimate")
    assert finding.why == "-0.36 is not a ratio, and most other rows are ratios by their intervals"
    differences = {**table, "ci_upper": ["1.00", "0.78", "1.80", "-0.12", "1.00"]}
    assert found(differences) == []
