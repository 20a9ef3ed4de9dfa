"""What the studies of a table report about the precision of their estimates, each statement checked on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.columns import Places
from bayesmeta.data.natural_scale import is_called
from bayesmeta.data.printed import known_numbers, printed_p_values, rounding
from bayesmeta.data.printed_intervals import with_limits
from bayesmeta.data.synonyms import PLAIN, SYNONYMS, named, recognised, with_labels
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects._arms import Floats
from bayesmeta.effects.precision import se_bounds_from_p_value, se_from_interval, se_from_p_value, se_from_statistic
from bayesmeta.errors import DataError, SpecificationError
from bayesmeta.numbers import is_between

COLUMNS = (
    "estimate", "se", "ci_lower", "ci_upper", "ci_level", "t", "z", "f", "p", "p_sides", "df", "reading_error",
)  # fmt: skip
_SLACK = 0.1  # by how much two statements of one precision may differ beyond their rounding
_SKEW = 0.1  # of an interval's width, as for `read_estimates`
_LEAST_DF = 10  # of a t test whose degrees of freedom are not stated, when its P value is compared with an interval


@dataclass(frozen=True)
class Form:
    """One statement of the standard errors; NaN in the rows that do not make it.

    Parameters
    ----------
    name, column : str
        What it is called, and the column to name in messages.
    se : ndarray of float, shape (study,)
        NaN also where only bounds follow, from an inequality.
    low, high : ndarray of float, shape (study,)
        Between which values the standard error lies, given the rounding of this report in print.
    least, most : ndarray of float, shape (study,)
        Between which values other reports of it may lie, given the rounding of the estimate and how tests differ.
    """

    name: str
    column: str
    se: Floats
    low: Floats
    high: Floats
    least: Floats
    most: Floats


@dataclass(frozen=True)
class Reports:
    """A table of estimates, on the scale of the analysis, with every statement of their precision.

    Parameters
    ----------
    table : Table
    column : str
        Where the estimates are.
    y, y_rounding : ndarray of float, shape (study,)
        Effects, and how far rounding may have moved each.
    forms : tuple of Form
        In the order in which they are preferred.
    level : float
        Coverage of intervals in rows without ``ci_level``.
    ratio : bool
        Whether estimates and limits were printed as ratios.
    """

    table: Table
    column: str
    y: Floats
    y_rounding: Floats
    forms: tuple[Form, ...]
    level: float
    ratio: bool

    def place(self, i: int, column: str) -> str:
        """Name a cell and its study."""
        return self.table.cell(i, column)


def read_reports(table: TableSource, *, ratio: bool, level: float) -> Reports:
    """Return every report of precision in a table, each checked on its own."""
    if not is_between(level, 0, 1):
        raise SpecificationError(f"level={level!r}: a confidence level lies between 0 and 1, as 0.95 does.")
    source = recognised_reports(open_table(table, "table of estimates"), ratio)
    column = "y" if not ratio and "estimate" not in source.columns and "y" in source.columns else "estimate"
    source.require(column)
    y, half = source.numbers(column), rounding(source, column, "ci_lower", "ci_upper")
    _df(source)
    if ratio:
        _reject_rows(source, column, y <= 0, y, "a ratio must be positive. Give the ratio itself, not its logarithm.")
        y, half = np.log(y), half / y
    reports = Reports(source, column, y, half, (), level, ratio)
    forms = [_se_form(reports), _interval_form(reports), *_statistic_forms(reports), _p_form(reports)]
    return replace(reports, forms=tuple(form for form in forms if form is not None))


def recognised_reports(table: Table, ratio: bool) -> Table:
    """Return a table of printed estimates under our names, also where it has those of other programs."""
    table = with_limits(table)
    names = {name: SYNONYMS.get(name, ()) for name in ("study", *COLUMNS)}
    names["ci_lower"], names["ci_upper"] = (("lower", "ll", *names["ci_lower"]), ("upper", "ul", *names["ci_upper"]))
    if "y" not in table.columns or ratio:
        names["estimate"] = () if ratio else (*SYNONYMS["y"], *PLAIN)
    found = recognised(table.columns, names)
    ratios = [name for name in table.columns if is_called(name, "ratio") and name not in found]
    if ratio and ratios and "estimate" not in {*table.columns, *found.values()}:
        found[ratios[0]] = "estimate"
    return with_labels(named(table, found) if found else table)


@dataclass(frozen=True)
class Clash:
    """A report that contradicts its estimate, or another report of the same study: where, why, and what to do."""

    row: int
    column: str
    why: str
    normal: str


def contradictions(reports: Reports) -> Iterator[Clash]:
    """Yield reports of one study whose standard errors differ by more than a tenth, rounding apart."""
    for j, second in enumerate(reports.forms):
        for first in reports.forms[:j]:
            apart = (second.least > first.most * (1 + _SLACK)) | (second.most * (1 + _SLACK) < first.least)
            for i in map(int, np.flatnonzero(apart)):
                why = (
                    f"{reports.table.columns[second.column][i]} means a standard error {between(second, i)}, where column "
                    f"{first.column!r} means one {between(first, i)}"
                )
                yield Clash(i, second.column, why, "One of them is wrong, or tests something else: leave it empty")


def between(form: Form, i: int) -> str:
    """Return in words what a form says of the standard error in row `i`."""
    low, high = form.low[i], form.high[i]
    if low == 0:
        return f"below {high:.3g}"
    if np.isinf(high):
        return f"above {low:.3g}"
    return f"of {form.se[i]:.3g}"


def _se_form(reports: Reports) -> Form | None:
    if "se" not in reports.table.columns:
        return None
    se, half = known_numbers(reports.table, "se"), rounding(reports.table, "se")
    _reject_rows(reports.table, "se", se <= 0, se, "se must be positive. Leave it empty if it was not reported.")
    low, high = np.maximum(se - half, 0), se + half
    return Form("se", "se", se, low, high, low, high)


@dataclass(frozen=True)
class _Limits:
    """Limits of the intervals on the scale of the analysis, NaN where there is none, and how far rounding moved both."""

    lower: Floats
    upper: Floats
    slack: Floats


def _limits(reports: Reports) -> _Limits | None:
    table = reports.table
    if "ci_lower" not in table.columns and "ci_upper" not in table.columns:
        return None
    table.require("ci_lower", "ci_upper")
    lower, upper = known_numbers(table, "ci_lower"), known_numbers(table, "ci_upper")
    trio = (reports.column, "ci_lower", "ci_upper")
    halves = [rounding(table, name, *trio) for name in ("ci_lower", "ci_upper")]
    one_limit = np.isnan(lower) != np.isnan(upper)
    _reject_rows(table, "ci_lower", one_limit, lower, "ci_lower and ci_upper are needed together.")
    if reports.ratio:
        rule = "a limit of a ratio must be positive. If it was printed as 0.00, its decimals are needed."
        for name, values in (("ci_lower", lower), ("ci_upper", upper)):
            _reject_rows(table, name, values <= 0, values, rule)
        halves = [
            half / np.where(one_limit | np.isnan(x), 1, x) for half, x in zip(halves, (lower, upper), strict=True)
        ]
        lower, upper = np.log(lower), np.log(upper)
    return _Limits(lower, upper, halves[0] + halves[1])


def _interval_form(reports: Reports) -> Form | None:
    table, limits = reports.table, _limits(reports)
    rows = np.flatnonzero(~np.isnan(limits.lower)) if limits is not None else np.array([], dtype=np.intp)
    if limits is None or not rows.size:
        return None
    level = known_numbers(table, "ci_level")
    level = np.where(np.isnan(level), reports.level, level)
    se, slack = np.full(len(table), np.nan), np.zeros(len(table))
    lower, upper = limits.lower[rows], limits.upper[rows]
    se[rows] = se_from_interval(lower, upper, level=level[rows], df=_df(table)[rows], where=places(table, rows))
    slack[rows] = se[rows] * limits.slack[rows] / (upper - lower)
    low, high = np.maximum(se - slack, 0), se + slack
    return Form("interval", "ci_lower", se, low, high, low, high)


def skewed_intervals(reports: Reports) -> Iterator[Clash]:
    """Yield intervals that are not about symmetric around their estimate, rounding apart."""
    table, limits = reports.table, _limits(reports)
    if limits is None:
        return
    off = np.abs(limits.lower + limits.upper - 2 * reports.y) - 1.001 * (limits.slack + 2 * reports.y_rounding)
    for i in map(int, np.flatnonzero(off > _SKEW * (limits.upper - limits.lower))):
        shown = f"{table.columns['ci_lower'][i]} to {table.columns['ci_upper'][i]}"
        scale = " on the log scale" if reports.ratio else ""
        positive = not reports.ratio and min(limits.lower[i], reports.y[i]) > 0
        hint = "; if these are ratios, use ratio=True" if positive else ""
        why = f"the interval {shown} must have its estimate, {table.columns[reports.column][i]}, near its middle{scale}{hint}"
        yield Clash(
            i, "ci_lower", why, "One of the three was misprinted, or the interval is of another kind: then give se"
        )


def _statistic_forms(reports: Reports) -> Iterator[Form]:
    table = reports.table
    for kind in ("t", "z", "f"):
        values = known_numbers(table, kind)
        rows = np.flatnonzero(~np.isnan(values) & (reports.y != 0))  # no ratio to its standard error
        if not rows.size:
            continue
        se = np.full(len(table), np.nan)
        se[rows] = se_from_statistic(reports.y[rows], values[rows], kind=kind, where=places(table, rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            power = 0.5 if kind == "f" else 1.0
            relative = reports.y_rounding / np.abs(reports.y) + power * rounding(table, kind) / np.abs(values)
        low, high = np.maximum(se * (1 - relative), 0), se * (1 + relative)
        yield Form(kind, kind, se, low, high, low, high)


def _p_form(reports: Reports) -> Form | None:
    table = reports.table
    if "p" not in table.columns:
        return None
    p = printed_p_values(table, "p")
    sides = known_numbers(table, "p_sides")
    sides, df = np.where(np.isnan(sides), 2, sides), _df(table)
    se, low, high, least, most = (np.full(len(table), np.nan) for _ in range(5))
    relative = reports.y_rounding / np.where(reports.y == 0, 1, np.abs(reports.y))  # rows of 0 are left out
    for relation in ("=", "<", ">"):
        rows = np.array([i for i, r in enumerate(p.relation) if r == relation and reports.y[i] != 0], dtype=np.intp)
        if not rows.size:
            continue
        given: dict[str, Any] = {"df": df[rows], "sides": sides[rows], "where": places(table, rows)}
        y, value = reports.y[rows], p.value[rows]
        if relation == "=":
            se[rows] = se_from_p_value(y, value, **given)
        low[rows], high[rows] = se_bounds_from_p_value(y, value, relation=relation, rounding=p.rounding[rows], **given)
        ends = _p_bounds(y, value, relation, p.rounding[rows], given)
        least[rows], most[rows] = ends[0] * (1 - np.minimum(relative[rows], 1)), ends[1] * (1 + relative[rows])
    return Form("p", "p", se, low, high, least, most)


def _p_bounds(y: Floats, p: Floats, relation: str, half: Floats, given: dict[str, Any]) -> tuple[Floats, Floats]:
    """Return bounds of the standard error that an interval, taken as normal, would give beside this P value.

    Both may come from a t distribution with some ten degrees of freedom, where these are not stated.
    """
    from scipy.special import ndtri, stdtrit

    low, high = se_bounds_from_p_value(y, p, relation=relation, rounding=half, **given)
    few = np.where(np.isinf(given["df"]), _LEAST_DF, given["df"])
    widened = np.where(np.isinf(given["df"]), stdtrit(_LEAST_DF, 0.975) / ndtri(0.975), 1.0)
    ends = se_bounds_from_p_value(y, p, relation=relation, rounding=half, **{**given, "df": few})
    return np.minimum(low, ends[0] * widened), np.maximum(high, ends[1] * widened)


def _df(table: Table) -> Floats:
    df = known_numbers(table, "df")
    _reject_rows(table, "df", df <= 0, df, "df must be positive.")
    return np.where(np.isnan(df), np.inf, df)


def places(table: Table, rows: NDArray[np.intp] | None = None) -> Places:
    """What to call these rows in messages."""
    index = range(len(table)) if rows is None else [int(i) for i in rows]
    return Places(len(index), lambda i: table.where(index[i], study=str(table.columns["study"][index[i]]).strip()))


def _reject_rows(table: Table, column: str, bad: NDArray[np.bool_], values: Floats, rule: str) -> None:
    for i in np.flatnonzero(bad):
        shown = "" if np.isnan(values[i]) else f"; got {values[i]:g}"
        name, _, advice = rule.partition(". ")
        raise DataError(f"{table.cell(int(i), column)}: {name.rstrip('.')}{shown}.{' ' + advice if advice else ''}")
