"""Columns of a data frame as cells that are taken out when they are asked for: a million rows cost nothing unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class FrameColumns(Mapping[str, tuple[object, ...]]):
    """Columns by name, in order, each a tuple of cells that is made when it is first read.

    Parameters
    ----------
    raw : mapping of str to a one-dimensional column
        Columns as a data frame or a mapping holds them.
    index : sequence of int, optional
        The rows to keep, by position; by default all.
    """

    def __init__(self, raw: Mapping[str, Any], index: Sequence[int] | None = None) -> None:
        self._raw = raw
        self._index = index
        self._cells: dict[str, tuple[object, ...]] = {}

    def __getitem__(self, name: str) -> tuple[object, ...]:
        if name not in self._cells:
            column = self._raw[name]
            if type(column).__module__.startswith("pandas"):  # ten times as fast as to iterate over its strings
                column = column.to_numpy(dtype=object)
            cells = tuple(column)
            self._cells[name] = cells if self._index is None else tuple(map(cells.__getitem__, self._index))
        return self._cells[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def lengths(self) -> set[int]:
        """Return how many cells the columns have."""
        return {len(column) for column in self._raw.values()}

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """Return a column that NumPy or pandas keeps as plain numbers, and None for any other."""
        dtype = getattr(self._raw[name], "dtype", None)
        if not (isinstance(dtype, np.dtype) and dtype.kind in "iuf"):
            return None
        array = np.array(self._raw[name], dtype=np.float64)
        return array if self._index is None else array[self._index]

    def codes(self, name: str) -> tuple[NDArray[np.intp], tuple[str, ...]] | None:
        """Return a column of pandas that is text in every row as positions in its distinct values, and these."""
        column = self._raw[name]
        if self._index is not None or not type(column).__module__.startswith("pandas"):
            return None
        import pandas as pd

        codes, distinct = pd.factorize(column)
        texts = tuple(np.asarray(distinct, dtype=object).tolist())
        whole = set(map(type, texts)) == {str} and bool((codes >= 0).all())
        return (np.asarray(codes, dtype=np.intp), texts) if whole else None

    def take(self, index: Sequence[int]) -> FrameColumns:
        """Return these columns with some rows alone, by position."""
        return FrameColumns(self._raw, index if self._index is None else [self._index[i] for i in index])


class Places(Sequence[str]):
    """Names of rows for messages, each made when it is asked for.

    Parameters
    ----------
    n : int
        How many rows there are.
    name : callable
        From a row, counted from 0, to its name.
    """

    def __init__(self, n: int, name: Callable[[int], str]) -> None:
        self._n = n
        self._name = name

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        rows = range(self._n)[i]
        return self._name(rows) if isinstance(rows, int) else [self._name(row) for row in rows]
