"""Standard errors from whatever precision a table gives: se, its square, or a confidence interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.numbers import is_between

UNKNOWN_SE = "Leave the study out if its standard error is not known."
_OTHER_FORMS = ", and so are v (its square) and lower with upper (a confidence interval)"


@dataclass(frozen=True)
class _Form:
    """One statement of the standard errors, and how far rounding in the table may have moved each."""

    se: NDArray[np.float64]
    rounding: NDArray[np.float64]


def standard_errors(table: Table, y: str, se: str, level: float) -> NDArray[np.float64]:
    """Return standard errors from the first that the table has of `se`, ``v``, and ``lower`` with ``upper``.

    Where a table has two of them, they must agree within 10 per cent, rounding apart: otherwise one is not
    what it is called, or not on the scale of `y`.

    Parameters
    ----------
    table : Table
        One row for each study.
    y, se : str
        Columns of the effect and of its standard error.
    level : float
        Coverage of the confidence interval from ``lower`` to ``upper``.

    Returns
    -------
    ndarray of float, shape (study,)

    Raises
    ------
    DataError
        If a value is missing, not positive, or at odds with another.
    SpecificationError
        If `level` is not between 0 and 1.
    """
    if not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: a confidence level lies between 0 and 1, as 0.95 does.")
    forms: dict[str, _Form] = {}
    if se in table.columns:
        values = _positive(table, se)
        forms[se] = _Form(values, np.full(len(table), _digit(values) / 2))
    if "v" in table.columns:
        values = _positive(table, "v")
        forms["v"] = _Form(np.sqrt(values), _digit(values) / 4 / np.sqrt(values))
    if "lower" in table.columns or "upper" in table.columns:
        table.require("lower", "upper")
        forms["lower"] = _from_interval(table, y, level)
    if not forms:
        table.require(se, note=_OTHER_FORMS)
    _reject_conflict(table, forms)
    return next(iter(forms.values())).se


def _reject_conflict(table: Table, forms: Mapping[str, _Form]) -> None:
    (first, chosen), *others = forms.items()
    for name, form in others:
        slack = 0.1 * chosen.se + chosen.rounding + form.rounding
        for i in np.flatnonzero(np.abs(form.se - chosen.se) > slack):
            raise DataError(
                f"{table.cell(int(i), name)}: it implies se = {form.se[i]:.4g}, where column {first!r} gives "
                f"{chosen.se[i]:.4g}. Keep one of se, v, or lower with upper, on the scale of y."
            )


def _positive(table: Table, column: str) -> NDArray[np.float64]:
    values = table.numbers(column)
    for i in np.flatnonzero(values <= 0):
        place = table.cell(int(i), column)
        raise DataError(f"{place}: {column} must be positive; got {values[i]:g}. {UNKNOWN_SE}")
    return values


def _from_interval(table: Table, y: str, level: float) -> _Form:
    """Return the half-width of each confidence interval over the normal quantile, after checking it."""
    effects, lower, upper = (table.numbers(name) for name in (y, "lower", "upper"))
    percent = f"{100 * level:g}%"
    for i in np.flatnonzero(lower >= upper):
        place = table.cell(int(i), "lower")
        raise DataError(f"{place}: lower must be below upper; got {lower[i]:g} and {upper[i]:g}.")
    for i in np.flatnonzero((effects <= lower) | (effects >= upper)):
        raise DataError(
            f"{table.cell(int(i), y)}: y must lie inside its {percent} confidence interval, {lower[i]:g} to "
            f"{upper[i]:g}; got {effects[i]:g}. For a ratio, give the logarithms of all three."
        )
    rounding = (_digit(lower) + _digit(upper)) / 2
    skew = np.abs(lower + upper - 2 * effects)
    for i in np.flatnonzero(skew > 0.1 * (upper - lower) + 1.001 * (rounding + _digit(effects))):
        raise DataError(
            f"{table.cell(int(i), 'lower')}: the {percent} confidence interval, {lower[i]:g} to "
            f"{upper[i]:g}, must have y = {effects[i]:g} near its middle to give a standard error. For a "
            "ratio, give the logarithms of all three; otherwise give se."
        )
    z = NormalDist().inv_cdf((1 + level) / 2)
    return _Form((upper - lower) / 2 / z, np.full(len(table), rounding / 2 / z))


def _digit(values: NDArray[np.float64]) -> float:
    """Return the size of the last decimal place in use among `values`."""
    decimals = max(len(np.format_float_positional(x, trim="-").partition(".")[2]) for x in values)
    return float(10.0**-decimals)
