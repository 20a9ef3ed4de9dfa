"""Events of participants, and means with SDs, in one cell, as tables of articles have them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.cli import main
from bayesmeta.data.tables import Table
from bayesmeta.data.two_in_a_cell import with_parts

LOG_RR = [math.log(4 / 123 / (11 / 139)), math.log(6 / 306 / (29 / 303))]
SE = [math.sqrt(1 / 4 - 1 / 123 + 1 / 11 - 1 / 139), math.sqrt(1 / 6 - 1 / 306 + 1 / 29 - 1 / 303)]


@pytest.mark.parametrize(
    "cells",
    [
        ("4/123", "6/306", "11/139", "29/303"),
        ("4 of 123", "6 out of 306", "11 / 139", "29/303"),
        ("4/123 (3.3%)", "6/306 (2%)", "11/139 (8)", "29/303 [9.6%]"),
    ],
)
@pytest.mark.parametrize(
    "names", [("Treatment", "Control"), ("events_t", "events_c"), ("Intervention (n/N)", "Placebo")]
)
def test_events_of_participants(cells: tuple[str, ...], names: tuple[str, str]) -> None:
    data = bm.effect_sizes({"study": ["A", "B"], names[0]: list(cells[:2]), names[1]: list(cells[2:])}, "log_rr")
    np.testing.assert_allclose(data.y, LOG_RR, rtol=1e-12)
    np.testing.assert_allclose(data.se, SE, rtol=1e-12)


def test_counts_take_them_too() -> None:
    data = bm.Counts.from_frame({"study": ["A"], "events_t": ["4/123"], "events_c": ["11/139"]})
    assert [float(x[0]) for x in (data.events_t, data.n_t, data.events_c, data.n_c)] == [4, 123, 11, 139]


@pytest.mark.parametrize(
    "cells", [("3.1 (2.0)", "5.0 (2.2)"), ("3.1 ± 2.0", "5.0 +/- 2.2"), ("3·1 [SD 2·0]", "5.0 (2.2)")]
)
def test_means_with_their_standard_deviations(cells: tuple[str, str]) -> None:
    table = {"study": ["A"], "Treatment mean (SD)": cells[:1], "n_t": [20], "Control mean (SD)": cells[1:], "n_c": [25]}
    data = bm.effect_sizes(table, "md")
    assert data.y[0] == pytest.approx(-1.9, abs=1e-12)
    assert data.se[0] == pytest.approx(math.sqrt(4 / 20 + 2.2**2 / 25), rel=1e-12)


def test_a_second_number_without_a_name_is_not_taken_for_an_sd() -> None:
    """It may be a standard error."""
    table = {"study": ["A"], "mean_t": ["3.1 (2.0)"], "n_t": [20], "mean_c": ["5.0 (2.2)"], "n_c": [25]}
    with pytest.raises(bm.DataError, match="column 'sd_t' is missing"):
        bm.effect_sizes(table, "md")


@pytest.mark.parametrize(
    "columns",
    [
        {"Treatment": ("drug A", "drug B")},
        {"Treatment": ("4/123", "6")},
        {"events_t": ("4/123",), "n_t": ("123",)},
        {"mean_t (SD)": ("3.1 (2.0)",)},
        {"events_t": (None,)},
    ],
)
def test_anything_else_stays_as_it_is(columns: dict[str, tuple[object, ...]]) -> None:
    table = Table("a.csv", columns, tuple(range(len(next(iter(columns.values()))))))
    assert with_parts(table) is table


def test_a_missing_cell_stays_missing() -> None:
    table = with_parts(Table("a.csv", {"events_t": ("4/123", "NA")}, (2, 3)))
    assert dict(table.columns) == {"events_t": ("4", None), "n_t": ("123", None)}


def test_a_command_says_what_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trials.csv"
    path.write_text("Study,Treatment,Control\nA,4/123,11/139\nB,6/306,29/303\n")
    with pytest.raises(SystemExit):
        main(["effects", str(path), "--measure", "log_rr"])
    out, err = capsys.readouterr()
    assert "events_t: from 'Treatment'\nn_t: from 'Treatment'\nevents_c: from 'Control'\n" in err
    assert float(out.splitlines()[1].split(",")[1]) == pytest.approx(LOG_RR[0], rel=1e-12)
