"""Tables of printed estimates: each kind of report, what they imply together, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesmeta.cli import main
from bayesmeta.effects.reported import reported_estimates
from bayesmeta.errors import DataError, DataWarning

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "partial.json").read_text())


def table(**columns):
    n = len(next(iter(columns.values())))
    return {"study": [f"S{i}" for i in range(1, n + 1)], **columns}


def test_a_table_of_mixed_reports_gives_the_variances_of_metafor():
    cases = [c for c in GOLDEN["wald"] if ("lower" in c and not c.get("log")) or "p" in c]
    names = {"y": "estimate", "lower": "ci_lower", "upper": "ci_upper", "level": "ci_level", "p": "p"}
    frame = pd.DataFrame([{names[k]: v for k, v in c.items() if k in names} for c in cases])
    frame.insert(0, "study", [f"S{i}" for i in range(len(frame))])
    data = reported_estimates(frame)
    np.testing.assert_allclose(data.v, [c["vi"] for c in cases], rtol=1e-10)
    assert set(data.covariates["se_from"]) == {"interval", "p"}


def test_ratios_as_printed_give_the_log_scale_of_metafor():
    cases = [c for c in GOLDEN["wald"] if c.get("log")]
    columns = {"estimate": "y", "ci_lower": "lower", "ci_upper": "upper", "ci_level": "level"}
    data = reported_estimates(table(**{ours: [c[key] for c in cases] for ours, key in columns.items()}), ratio=True)
    np.testing.assert_allclose(data.y, [c["yi"] for c in cases], rtol=1e-12)
    np.testing.assert_allclose(data.v, [c["vi"] for c in cases], rtol=1e-10)


def test_published_pooled_results():
    """Orhurhu 2019: -1.83 (-2.35 to -1.31), implied se 0.265; RR 2.43 (1.10 to 5.40), P = .029, implied se 0.406."""
    data = reported_estimates(table(estimate=["-1.83"], ci_lower=["-2.35"], ci_upper=["-1.31"], p=["<.0001"]))
    assert data.se[0] == pytest.approx(0.265, abs=5e-4)
    data = reported_estimates(table(estimate=["2.43"], ci_lower=["1.10"], ci_upper=["5.40"], p=[".029"]), ratio=True)
    assert data.se[0] == pytest.approx(0.406, abs=5e-4)
    assert data.y[0] == math.log(2.43)


def test_the_first_report_that_there_is_counts():
    data = reported_estimates(
        table(
            estimate=[2.0] * 6,
            se=[0.8, None, None, None, None, None],
            ci_lower=[0.43, 0.43, None, None, None, None],
            ci_upper=[3.57, 3.57, None, None, None, None],
            t=[None, None, 2.5, None, None, None],
            z=[None, None, None, 2.5, None, None],
            f=[None, None, None, None, 6.25, None],
            p=[None, None, None, None, None, "0.0124"],
        )
    )
    assert list(data.covariates["se_from"]) == ["se", "interval", "t", "z", "f", "p"]
    np.testing.assert_allclose(data.se, 0.8, rtol=2e-3)


def test_degrees_of_freedom_sides_and_reading_errors():
    t = 2.7764451051977934  # 97.5% of t with 4 df, from tables
    data = reported_estimates(
        table(
            estimate=[2.0, 2.0, 2.0, 2.0],
            ci_lower=[2 - t * 0.5, None, None, 1.02],
            ci_upper=[2 + t * 0.5, None, None, 2.98],
            p=[None, 0.05, 0.025, None],
            p_sides=[None, None, 1, None],
            df=[4, 4, None, None],
            reading_error=[None, None, None, 0.3],
        )
    )
    want = [0.5, 2 / t, 2 / 1.959963984540054, math.hypot(0.98 / 1.959963984540054, 0.3 / math.sqrt(3))]
    np.testing.assert_allclose(data.se, want, rtol=1e-10)


def test_covariates_are_kept():
    data = reported_estimates(table(estimate=[1.0], se=[0.4], dose=[30], p=[""]))
    assert data.covariates.loc["S1"].to_dict() == {"dose": 30, "se_from": "se"}
    assert data.measure is None
    assert reported_estimates(table(estimate=[1.0], se=[0.4]), measure="md").measure == "md"


def test_the_rounding_of_a_small_ratio_is_that_of_its_logarithm():
    """0.02 is anything from 0.015 to 0.025, so an interval around 0.0245 is not a contradiction; 0.020 would be one."""
    columns = {"ci_lower": ["0.015"], "ci_upper": ["0.040"]}
    assert reported_estimates(table(estimate=["0.02"], **columns), ratio=True).n_studies == 1
    with pytest.raises(DataError, match="near its middle on the log scale"):
        reported_estimates(table(estimate=["0.020"], **columns), ratio=True)


MICHELET = {  # Michelet 2018: the P values beside the intervals in a news summary
    "study": ["4 weeks", "8 weeks", "12 weeks"],
    "estimate": ["-1.12", "-1.11", "-0.82"],
    "ci_lower": ["-2.33", "-1.74", "-1.42"],
    "ci_upper": ["0.09", "-0.48", "-0.23"],
    "p": ["<.001", ".87", ".75"],
}


@pytest.mark.parametrize("row", range(3))
def test_a_p_value_that_contradicts_its_interval_is_refused(row):
    one = {name: [cells[row]] for name, cells in MICHELET.items()}
    with pytest.raises(
        DataError, match=r"row 1, column 'p' \(study .*means a standard error .*, where column 'ci_lower'"
    ):
        reported_estimates(one)
    del one["p"]
    assert reported_estimates(one).n_studies == 1


def test_t_tests_with_few_participants_do_not_contradict_their_intervals():
    """Ten degrees of freedom, not stated: the interval and the P value of a t test agree."""
    from scipy import stats

    for t in (0.3, 1.0, 2.5, 5.0, 9.0):
        se, half = 1 / t, stats.t(10).isf(0.025) / t
        p = f"{2 * stats.t(10).sf(t):.2g}"
        data = reported_estimates(
            table(estimate=["1.000"], ci_lower=[f"{1 - half:.4f}"], ci_upper=[f"{1 + half:.4f}"], p=[p])
        )
        assert data.se[0] == pytest.approx(se * stats.t(10).isf(0.025) / 1.96, rel=0.01)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"estimate": [-2.77], "p": ["<.001"]},
            r"'p' \(study 'S1'\): <.001 is an inequality: the standard error is below 0.842, ",
        ),
        ({"estimate": [1.0], "p": ["P > 0.05"]}, r"P > 0.05 is an inequality: the standard error is above 0.51"),
        ({"estimate": [1.0], "p": ["ns"]}, r"'ns' is no P value"),
        ({"estimate": [1.0], "p": [".03?"]}, r"'.03\?' is no P value"),
        (
            {"estimate": [1.0], "p": [0]},
            r"column 'p' \(study 'S1'\): 0 is an inequality: the standard error is below 1.48",
        ),
        ({"estimate": [1.0], "dose": [4]}, r"row 1 \(study 'S1'\): no standard error can be derived"),
        ({"estimate": [1.0], "se": [0]}, r"column 'se' \(study 'S1'\): se must be positive; got 0"),
        ({"estimate": [1.0], "se": ["0,4"]}, r"column 'se' \(study 'S1'\): '0,4' is not a finite number"),
        ({"estimate": [1.0], "ci_lower": [0.2], "ci_upper": [None]}, "ci_lower and ci_upper are needed together"),
        (
            {"estimate": [1.0], "ci_lower": [0.2], "ci_upper": [3.0]},
            "near its middle; if these are ratios, use ratio=True",
        ),
        ({"estimate": [-1.0], "ci_lower": [-1.2], "ci_upper": [3.0]}, "near its middle. One of the three"),
        ({"estimate": [1.0], "ci_lower": [0.2], "ci_upper": [1.8], "ci_level": [95]}, "level must lie between 0 and 1"),
        (
            {"estimate": [1.0], "se": [0.4], "t": [9.0]},
            "column 't' .*9.0 means a standard error of 0.111, where column 'se' means",
        ),
        ({"estimate": [1.0], "t": [2.0], "df": [-2]}, "df must be positive; got -2"),
        ({"y": [1.0]}, "no standard error can be derived"),
        ({"effects": [1.0]}, "column 'estimate' is missing"),
    ],
)
def test_refusals(columns, message):
    with pytest.raises(DataError, match=message):
        reported_estimates(table(**columns))


def test_ratios_are_refused_where_they_have_no_logarithm():
    with pytest.raises(DataError, match="a ratio must be positive; got -1"):
        reported_estimates(table(estimate=[-1.0], se=[0.4]), ratio=True)
    with pytest.raises(DataError, match="a limit of a ratio must be positive; got 0. If|if it was printed as 0.00"):
        reported_estimates(table(estimate=[1.0], ci_lower=[0.0], ci_upper=[2.0]), ratio=True)


def test_p_values_printed_as_zero_or_one_are_inequalities():
    """P = 0.000 is below 0.0005, where |z| is 3.4808 (tables); beside an interval both do no harm."""
    with pytest.raises(DataError, match=r"0.000 is an inequality: the standard error is below 0.287"):
        reported_estimates(table(estimate=["1.00"], p=["0.000"]))
    with pytest.raises(DataError, match=r"1.00 is an inequality: the standard error is above"):
        reported_estimates(table(estimate=["0.01"], p=["1.00"]))
    with pytest.raises(DataError, match=r"1 is an inequality: the standard error is above 1.48"):
        reported_estimates(table(estimate=["1"], p=["1"]))  # |z| is 0.6745 at P = 0.5
    data = reported_estimates(
        table(
            estimate=["1.00", "0.01", "0.01"],
            ci_lower=["0.50", "-2.00", "-2.00"],
            ci_upper=["1.50", "2.02", "2.02"],
            p=["0.000", "1.00", "1"],
        )
    )
    assert list(data.covariates["se_from"]) == ["interval"] * 3


def test_a_rounded_p_value_near_one_is_warned_of():
    with pytest.warns(DataWarning, match=r"as printed it leaves a standard error between .* and .*; .* is used"):
        reported_estimates(table(estimate=["0.10"], p=["0.9"]))


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


def test_on_the_command_line(capsys, tmp_path):
    path = tmp_path / "printed.csv"
    path.write_text("study,estimate,ci_lower,ci_upper,p\nA,2.43,1.10,5.40,.029\nB,0.30,,,0.034\n")
    status, out, err = run(capsys, "effects", path, "--measure", "reported_ratio", "--json")
    assert (status, err) == (0, "")
    record = json.loads(out)
    assert [row["covariates"]["se_from"] for row in record["effects"]] == ["interval", "p"]
    status, out, err = run(capsys, "effects", path, "--measure", "reported_ratio", "--correction", 0.5)
    assert (status, out) == (2, "")
    assert err == "bayesmeta: --correction: measure 'reported_ratio' is of printed estimates, and takes level alone.\n"
    path.write_text("study,estimate,p\nA,-2.77,<.001\n")
    status, out, err = run(capsys, "effects", path, "--measure", "reported")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"bayesmeta: {path}, row 2, column 'p' (study 'A'): <.001 is an inequality")
