"""Estimates with their intervals in one cell, as tables of articles print them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.data.printed_intervals import with_limits
from bayesmeta.data.tables import Table

Run = Callable[..., tuple[object, str, str]]
FORMS = {
    "to": ("1.30 (1.00 to 1.69)", "0.8 (0.5 to 1.28)"),
    "hyphen": ("1.30 (1.00-1.69)", "0.8 (0.5 - 1.28)"),
    "dash": ("1.30 [1.00\u20131.69]", "0.8 [0.5\u20131.28]"),
    "comma": ("1.30 (1.00, 1.69)", "0.8 (0.5,1.28)"),
    "semicolon": ("1.30; 1.00 to 1.69", "0.8; 0.5 to 1.28"),
    "level": ("1.30 (95% CI 1.00 to 1.69)", "0.8, 95% CI: 0.5 to 1.28"),
    "decimal comma": ("1,30 (1,00 to 1,69)", "0,8 (0,5-1,28)"),
    "middle dot": ("1\u00b730 (1\u00b700\u20131\u00b769)", "0\u00b78 (0\u00b75\u20131\u00b728)"),
}
SE = [
    (math.log(1.69) - math.log(1.00)) / 2 / 1.959963984540054,
    (math.log(1.28) - math.log(0.5)) / 2 / 1.959963984540054,
]


def table(*cells: str | None, name: str = "OR (95% CI)") -> Table:
    return Table("a.csv", {"study": tuple("ABCDEF"[: len(cells)]), name: cells}, tuple(range(2, 2 + len(cells))))


@pytest.mark.parametrize("cells", FORMS.values(), ids=FORMS)
def test_every_way_of_printing_gives_the_logarithms(cells: tuple[str, str]) -> None:
    data = bm.reported_estimates({"study": ["A", "B"], "OR (95% CI)": list(cells)}, ratio=True)
    np.testing.assert_allclose(data.y, np.log([1.3, 0.8]), rtol=1e-12)
    np.testing.assert_allclose(data.se, SE, rtol=1e-12)
    assert data.measure == "log_or"


def test_signs_of_differences_are_kept() -> None:
    frame = {"study": ["A", "B"], "MD (95% CI)": ["\u22121.83 (\u22122.35 to \u22121.31)", "-0.8 (-1.5--0.1)"]}
    data = bm.Estimates.from_frame(frame)
    assert list(data.y) == [-1.83, -0.8]
    np.testing.assert_allclose(data.se, [1.04 / 2 / 1.959963984540054, 1.4 / 2 / 1.959963984540054], rtol=1e-12)


def test_a_missing_cell_stays_missing() -> None:
    columns = with_limits(table("1.3 (1.0-1.7)", None, "NA")).columns
    assert columns["OR (95% CI)"] == ("1.3", None, None)
    assert columns["ci_lower"] == ("1.0", None, None)


@pytest.mark.parametrize(
    "kept",
    [
        table("1.3 (1.0-1.7)", "0.8 (0.3)"),
        table("2019-03-04", "2020-01-30", name="date"),
        table("12 (3 to 4 weeks)", "1 (2 to 3)", name="follow-up"),
        table("54 (32 to 71)", "48 (30 to 66)", name="Age (range)"),
        table("1.3 (1.0-1.7)", "0.8 (0.5-1.3)", name="OR (90% CI)"),
        table("1.3 (99% CI 1.0-1.7)", "0.8 (0.5-1.3)", name="OR"),
        table(None, None),
    ],
    ids=["SD", "date", "words", "age", "90%", "99% in one", "missing"],
)
def test_what_is_something_else_stays_as_it_is(kept: Table) -> None:
    assert with_limits(kept) is kept


@pytest.mark.parametrize("name", ["se", "sei", "vi", "SE (log OR)", "CI lower"])
def test_a_stated_precision_is_the_one_that_is_used(name: str) -> None:
    both = Table("a.csv", {"y": ("1.3 (1.0-1.7)",), name: ("0.2",)}, (2,))
    assert with_limits(both) is both


def test_the_range_of_a_covariate_is_no_interval_of_the_effect() -> None:
    """With 50 inside the range of ages it would pass for a confidence interval."""
    frame = {"study": ["A", "B"], "MD": [52.0, 47.5], "Age (range)": ["54 (32 to 71)", "48 (30 to 66)"]}
    with pytest.raises(bm.DataError, match="column 'se' is missing"):
        bm.Estimates.from_frame(frame)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    def fit(path: Path, *options: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["fit", str(path), "--tau", "HalfNormal(0.5)", *options])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return fit


def test_a_file_of_an_article_is_fitted_and_said(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Study,OR (95% CI)\nA,1.3 (1.0-1.69)\nB,0.8 (0.5-1.28)\n")
    status, out, err = run(path)
    assert status == 0
    assert "odds ratio" in out
    assert "estimate: from 'OR (95% CI)', ratios of which logarithms are taken\nci_lower: from 'OR (95% CI)'" in err


def test_of_two_such_columns_one_is_to_be_left_out(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Study,OR,adjusted OR (95% CI)\nA,1.3 (1.0-1.69),1.2 (0.9-1.6)\nB,0.8 (0.5-1.28),0.9 (0.6-1.35)\n")
    status, _, err = run(path)
    assert status == 2
    assert "Columns 'OR', 'adjusted OR (95% CI)' have estimates with their intervals: leave out all but one" in err
    status, _, err = run(path, "--drop", "OR")
    assert status == 0
    assert "estimate: from 'adjusted OR (95% CI)'" in err


@pytest.mark.parametrize(
    ("lower", "upper"),
    [("LCI", "UCI"), ("conf.low", "conf.high"), ("95% CI lower", "95% CI upper"), ("Lower bound", "Upper bound"), ("l95", "u95")],
)  # fmt: skip
def test_limits_by_other_names(tmp_path: Path, run: Run, lower: str, upper: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"Study,HR,{lower},{upper}\nA,0.79,0.6,1.04\nB,0.85,0.7,1.03\n")
    status, out, err = run(path)
    assert (status, "hazard ratio" in out) == (0, True), err
