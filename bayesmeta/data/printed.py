"""Numbers as they were printed: missing or not, with how many decimals, exact or as an inequality."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.cells import advice, as_number, is_missing, no_number
from bayesmeta.data.tables import Table, show
from bayesmeta.errors import DataError

_P = re.compile(r"(?:[Pp]\s*(?:[Vv]alue)?\s*)?([<>=≤≥]?)\s*((?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)")
_RELATION = {"": "=", "=": "=", "<": "<", "≤": "<", ">": ">", "≥": ">"}


@dataclass(frozen=True, kw_only=True)
class PrintedP:
    """P values as printed, one for each row; NaN and ``""`` where one is missing.

    Parameters
    ----------
    value : ndarray of float, shape (row,)
    relation : tuple of str
        ``"="``, ``"<"`` or ``">"``.
    rounding : ndarray of float, shape (row,)
        Half a unit of the last printed digit.
    """

    value: NDArray[np.float64]
    relation: tuple[str, ...]
    rounding: NDArray[np.float64]


def known_numbers(table: Table, column: str) -> NDArray[np.float64]:
    """Return a column as finite numbers, NaN where a value is missing or the table has no such column.

    Raises
    ------
    DataError
        If a cell holds something else: one line with its row, column and study.
    """
    numbers = np.full(len(table), np.nan)
    for i, cell in enumerate(table.columns.get(column, ())):
        if no_number(cell):
            continue
        number = as_number(cell)
        if number is None or not np.isfinite(number):
            raise DataError(
                f"{table.cell(i, column)}: {show(cell)} is not a finite number. "
                f"{advice(cell) or 'Leave it empty if not reported'}."
            )
        numbers[i] = number
    return numbers


def decimals(cell: object) -> int:
    """Return how many decimals a number was printed with; those of text count trailing zeros.

    Examples
    --------
    >>> decimals("2.50"), decimals(2.5), decimals("3"), decimals("1e-3")
    (2, 1, 0, 3)
    """
    if isinstance(cell, str) and "e" not in cell.lower():
        return len(cell.strip().partition(".")[2])
    number = as_number(cell)
    return len(np.format_float_positional(0 if number is None else number, trim="-").partition(".")[2])


def rounding(table: Table, column: str, *beside: str) -> NDArray[np.float64]:
    """Return half a unit of the last printed digit of each cell, 0 where the value is missing.

    In a data frame numbers have lost their trailing zeros, so a number is taken to be printed with the most decimals
    of its column, and of those `beside` it.
    """
    cells = table.columns.get(column, (None,) * len(table))
    every = [cell for name in (column, *beside) for cell in table.columns.get(name, ())]
    most = max((decimals(cell) for cell in every if not is_missing(cell)), default=0)
    digits = [None if is_missing(cell) else decimals(cell) if isinstance(cell, str) else most for cell in cells]
    return np.array([0.0 if d is None else 0.5 * 10.0**-d for d in digits])


def printed_p_values(table: Table, column: str) -> PrintedP:
    """Return P values: numbers, or text such as ``.03``, ``<.001`` and ``P > 0.05``.

    ``0.000`` is an inequality, below 0.0005, and so are ``1.00``, above 0.995, and ``1``, above 0.5.

    Raises
    ------
    DataError
        If a cell is something else, or not from 0 to 1.
    """
    values, relations, halves = np.full(len(table), np.nan), [""] * len(table), np.zeros(len(table))
    for i, cell in enumerate(table.columns.get(column, ())):
        if no_number(cell):
            continue
        read = printed_p_value(cell)
        if read is None:
            raise DataError(
                f"{table.cell(i, column)}: {show(cell)} is no P value. Write a number from 0 to 1, or an inequality such as "
                "<0.001; leave it empty if not reported."
            )
        values[i], relations[i], halves[i] = read
    return PrintedP(value=values, relation=tuple(relations), rounding=halves)


def printed_p_value(cell: object) -> tuple[float, str, float] | None:
    """Return a P value, how it was printed and half a unit of its last digit, or None if a cell is something else.

    Examples
    --------
    >>> printed_p_value("P < .05"), printed_p_value(0.03), printed_p_value("0.000"), printed_p_value("n.s.")
    ((0.05, '<', 0.005), (0.03, '=', 0.005), (0.0005, '<', 0.0005), None)
    """
    match = _P.fullmatch(str(cell).strip())
    number = as_number(cell) if match is None else float(match[2])
    if number is None or not 0 <= number <= 1:
        return None
    relation = "=" if match is None else _RELATION[match[1]]
    half = 0.5 * 10.0 ** -decimals(cell if match is None else match[2])
    if relation == "=" and number in (0, 1):
        return (half, "<", half) if number == 0 else (1 - half, ">", half)
    return number, relation, half
