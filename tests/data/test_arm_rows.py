"""A row for each arm gives what a row for each study gives."""

from __future__ import annotations

from pathlib import Path

import pytest

import bayesmeta as bm
from bayesmeta.cli import main

LONG = {
    "study": ["A", "A", "B", "B"],
    "arm": ["treatment", "control", "Placebo", "drug"],
    "events": [4, 11, 29, 6],
    "n": [123, 139, 303, 306],
    "dose": [1.0, 0.0, 0.0, 2.0],
}
WIDE = {
    "study": ["A", "B"], "events_t": [4, 6], "n_t": [123, 306], "events_c": [11, 29], "n_c": [139, 303], "dose": [1.0, 2.0],
}  # fmt: skip


def test_counts_are_those_of_a_row_for_each_study() -> None:
    assert bm.Counts.from_frame(LONG) == bm.Counts.from_frame(WIDE)


def test_means_are_those_of_a_row_for_each_study() -> None:
    rows = {"study": ["A", "A"], "arm": ["drug", "c"], "mean": [3.1, 5.0], "sd": [2.0, None], "n": [20, 25]}
    wide = bm.ArmMeans(mean_t=[3.1], sd_t=[2.0], n_t=[20], mean_c=[5.0], sd_c=[float("nan")], n_c=[25], study=["A"])
    assert bm.ArmMeans.from_frame(rows) == wide


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arm": ["treatment", "none", "placebo", "drug"]}, "which of its arms ('treatment', 'none') is the control?"),
        (
            {"arm": ["placebo", "control", "placebo", "drug"]},
            "which of its arms ('placebo', 'control') is the control?",
        ),
        ({"study": ["A", "A", "A", "B"]}, "study 'A'): it has 3 arms ('treatment', 'control', 'Placebo')"),
        ({"events": [4, 140, 29, 6]}, "events_c"),
    ],
)
def test_what_no_pair_can_be_made_of_is_named(changed: dict[str, list[object]], message: str) -> None:
    with pytest.raises(bm.DataError) as error:
        bm.Counts.from_frame(LONG | changed)
    assert message in str(error.value)


def test_a_table_without_such_rows_is_asked_for_its_columns() -> None:
    with pytest.raises(bm.DataError, match="column 'events_t' is missing"):
        bm.Counts.from_frame({"study": ["A"], "arm": ["control"], "y": [1.0]})


def test_the_command_line_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for name, rows in (("long", LONG), ("wide", WIDE)):
        path = tmp_path / name / "arms.csv"
        path.parent.mkdir()
        lines = zip(*rows.values(), strict=True)
        path.write_text("\n".join([",".join(rows), *(",".join(map(str, line)) for line in lines)]) + "\n")
        with pytest.raises(SystemExit) as stop:
            main(
                [
                    "fit",
                    str(path),
                    "--model",
                    "binomial_normal",
                    "--mu",
                    "Normal(0, 2)",
                    "--tau",
                    "HalfNormal(0.5)",
                    "--json",
                ]
            )
        assert not stop.value.code
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
