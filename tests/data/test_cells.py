"""Whole columns are read as their cells are, one by one, only faster."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from bayesmeta.data.cells import all_numbers, all_texts, as_number, is_missing
from bayesmeta.data.columns import FrameColumns, Places
from bayesmeta.data.tables import open_table

number = st.one_of(
    st.integers(-(10**6), 10**6).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1.", ".5", "+2", "-0", "1e5", "2E-3"]),
)  # fmt: skip
text = st.one_of(number, st.text("0123456789.+-eE_ naif", max_size=6))


@given(st.lists(text, min_size=1, max_size=4))
def test_texts_are_numbers_together_when_each_is_alone(cells):
    alone = [as_number(cell) for cell in cells]
    together = all_numbers(cells)
    if together is not None:
        assert together.tolist() == [float(x) for x in alone]


@given(st.lists(number, min_size=1, max_size=4))
def test_plain_numbers_take_the_short_way(cells):
    assert all_numbers(cells).tolist() == [float(cell) for cell in cells]


def test_other_cells_take_the_long_way():
    assert all_numbers([True, 1]) is None
    assert all_numbers(["1", 2]) is None
    assert all_numbers([None]) is None
    assert all_numbers([10**400]) is None


def test_columns_of_a_frame_give_the_cells_that_it_shows():
    frame = pd.DataFrame(
        {"text": ["a", "b"], "whole": [1, 2], "real": [0.5, np.nan], "flag": [True, False],
         "day": pd.to_datetime(["2020-01-01", None])}
    ).assign(nullable=pd.array([1, None], dtype="Int64"))  # fmt: skip
    columns = FrameColumns({name: frame[name] for name in frame})
    assert list(columns) == list(frame)
    for name in frame:
        for ours, theirs in zip(columns[name], frame[name], strict=True):
            assert isinstance(ours, bool | np.bool_) is isinstance(theirs, bool | np.bool_)
            assert pd.isna(ours) if pd.isna(theirs) else ours == theirs
    assert {name for name in columns if columns.numbers(name) is not None} == {"whole", "real"}


def test_a_column_that_nobody_reads_is_not_touched():
    class Untouchable(list):
        def __iter__(self):
            raise AssertionError("read")

    columns = FrameColumns({"x": np.arange(3), "y": Untouchable([1, 2, 3])})
    assert columns.lengths() == {3}
    np.testing.assert_array_equal(columns.numbers("x"), [0, 1, 2])


def test_rows_taken_from_a_table_keep_their_numbers():
    table = open_table({"study": ["A", "B", "C"], "x": [1, 2, 3]}, "table").take([2, 0])
    assert table.rows == (3, 1)
    assert table.labels() == ("C", "A")
    assert table.numbers("x").tolist() == [3, 1]
    arrays = open_table({"study": ["A", "B", "C"], "x": np.array([1, 2, 3])}, "table").take([2, 0, 1]).take([1, 0])
    assert (arrays.rows, arrays.labels(), arrays.numbers("x").tolist()) == ((1, 3), ("A", "C"), [1, 3])


def test_places_are_named_when_asked():
    places = Places(3, lambda i: f"row {i + 1}")
    assert (len(places), places[1], places[1:], list(places)) == (
        3,
        "row 2",
        ["row 2", "row 3"],
        ["row 1", "row 2", "row 3"],
    )


@given(
    st.lists(
        st.one_of(
            st.text(max_size=6), st.sampled_from(["1", " 2.5e3 ", "NA", "n/a", ".", "", "x\n5", "a", "-.5", "1_0"])
        ),
        min_size=1,
    )
)
def test_text_is_what_is_neither_missing_nor_a_number(cells):
    """The quick answer is yes only where going through the cells one by one says yes, and where none has a line break."""
    slow = all(not is_missing(cell) and as_number(cell) is None for cell in cells)
    assert not all_texts(cells) or slow
    if not any(line != cell for cell in cells for line in cell.splitlines() or [cell]):
        assert all_texts(cells) == slow
