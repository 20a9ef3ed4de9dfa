"""P values and intervals that contradict the numbers beside them, and effects contrary to their stated direction."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from itertools import chain

import numpy as np

from bayesmeta.checks.context import Arm, Context
from bayesmeta.checks.finding import Finding
from bayesmeta.data.cells import is_missing
from bayesmeta.data.printed import known_numbers, printed_p_values, rounding
from bayesmeta.data.tables import Table
from bayesmeta.effects.reports import Clash, Reports, contradictions, read_reports, skewed_intervals
from bayesmeta.errors import DataError, DataWarning

_RATIOS = 3  # rows that fit as ratios alone, from which the others are expected to be ratios
_GAP = 1.0  # between the normal quantiles of two P values, beyond rounding


def estimates(context: Context, *, ratio: bool | None, level: float) -> Iterator[Finding]:
    """Yield intervals that are not symmetric on the right scale, and reports that contradict each other.

    Where `ratio` is None, a row of positive numbers must fit on one of the two scales.
    """
    table = context.table
    column = next((name for name in ("estimate", "y") if name in table.columns), None)
    if column is None:
        return
    filled = np.flatnonzero(~np.isnan(known_numbers(table, column))).tolist()
    suspects = _suspects(table, filled, bool(ratio), level)
    if ratio is None and column == "estimate":
        no_difference, suspects = suspects, _suspects(table, suspects, True, level)
        yield from _logarithms(context, sorted(set(no_difference) - set(suspects)), len(filled))
    for i in suspects:
        row = table.take([i])
        both = column == "estimate" and _is_positive(row, column)  # what is called y is on the scale of the analysis
        readings = [ratio] if ratio is not None else [False, True] if both else [False]
        clashes = [list(_clashes(row, bool(reading), level)) for reading in readings]
        for check, clash in min(clashes, key=_badness):
            yield context.finding(check, i, clash.column, clash.why, clash.normal)


def _logarithms(context: Context, ratios: list[int], n_rows: int) -> Iterator[Finding]:
    """Yield negative estimates in a table most of whose rows fit as ratios alone."""
    if len(ratios) < _RATIOS or 2 * len(ratios) <= n_rows:
        return
    values = known_numbers(context.table, "estimate")
    for i in map(int, np.flatnonzero(values < 0)):
        why = f"{values[i]:g} is not a ratio, and most other rows are ratios by their intervals"
        yield context.finding("range", i, "estimate", why, "Is it a logarithm? Give all on one scale")


def _suspects(table: Table, rows: list[int], ratio: bool, level: float) -> list[int]:
    """Return the rows with a clash or a rejection among them, and some more: the others need no look one by one."""
    if not rows:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        try:
            reports = read_reports(table.take(rows), ratio=ratio, level=level)
        except (DataError, DataWarning):
            half = len(rows) // 2
            halves = (rows[:half], rows[half:]) if half else ()
            return [i for part in halves for i in _suspects(table, part, ratio, level)] if half else rows
        return sorted({rows[clash.row] for clash in chain(skewed_intervals(reports), contradictions(reports))})


def _badness(clashes: list[tuple[str, Clash]]) -> tuple[int, bool]:
    return len(clashes), any(check == "asymmetric interval" for check, _ in clashes)


def _is_positive(row: Table, column: str) -> bool:
    values = [known_numbers(row, name)[0] for name in (column, "ci_lower", "ci_upper")]
    return all(value > 0 or math.isnan(value) for value in values)


def _clashes(row: Table, ratio: bool, level: float) -> Iterator[tuple[str, Clash]]:
    with warnings.catch_warnings(record=True) as odd:
        warnings.simplefilter("always", DataWarning)
        try:
            reports: Reports = read_reports(row, ratio=ratio, level=level)
        except DataError as error:  # what is rejected is a finding here
            yield "range", _clash(row, str(error), ratio)
            return
    yield from (("direction", _clash(row, str(warning.message), ratio)) for warning in odd)  # a statistic's sign
    skewed = list(skewed_intervals(reports))
    yield from (("asymmetric interval", clash) for clash in skewed)
    if not skewed:
        yield from (("contradiction", clash) for clash in contradictions(reports))


def _clash(row: Table, message: str, ratio: bool) -> Clash:
    """Return a message about the only row of a table as its parts."""
    main = "estimate" if ratio or "estimate" in row.columns else "y"
    label = str(row.columns["study"][0]).strip()
    places = {row.cell(0, name): name for name in row.columns} | {row.where(0, study=label): main}
    place = next((place for place in places if message.startswith(f"{place}: ")), row.source)
    why, _, normal = message[len(place) + 2 :].rstrip(".").partition(". ")
    return Clash(0, places.get(place, main), why, normal or "Look it up again")


def variances(context: Context) -> Iterator[Finding]:
    """Yield variances ``v`` that are not the square of the ``se`` beside them, rounding apart."""
    se, v = (known_numbers(context.table, name) for name in ("se", "v"))
    halves = [rounding(context.table, name) for name in ("se", "v")]
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(v)
        far = np.abs(root - se) > 0.1 * se + halves[0] + halves[1] / (2 * root)
    for i in map(int, np.flatnonzero(far & (se > 0) & (v > 0))):
        why = f"{v[i]:g} is not a square of se, {se[i]:g}"
        yield context.finding("contradiction", i, "v", why, f"About {se[i] ** 2:.3g}; keep one of the two")


def p_of_means(context: Context) -> Iterator[Finding]:
    """Yield P values far from those of a t test of the means and standard deviations beside them."""
    table = context.table
    if "p" not in table.columns or {"estimate", "y"} & set(table.columns):
        return
    p, sides = printed_p_values(table, "p"), known_numbers(table, "p_sides")
    for t, c in context.pairs():
        i = t.i
        if not p.relation[i]:
            continue
        if not (t.sd > 0 and c.sd > 0 and t.n > 1 and c.n > 1) or math.isnan(t.mean - c.mean):
            continue
        low, high = _p_range(context, t, c)
        printed = (max(p.value[i] - p.rounding[i], 0.0), min(p.value[i] + p.rounding[i], 1.0))
        if p.relation[i] != "=":
            printed = (0.0, p.value[i]) if p.relation[i] == "<" else (p.value[i], 1.0)
        if sides[i] == 1:
            printed = _two_sided(*printed)
        if _quantile(low) + _GAP < _quantile(printed[1]) or _quantile(printed[0]) + _GAP < _quantile(high):
            why = f"P {p.relation[i]} {p.value[i]:g}, where a t test of the means and SDs gives {_shown(low, high)}"
            yield context.finding(
                "p of means", i, "p", why, "Are these SDs, do means and P belong to the same comparison?"
            )


def _two_sided(low: float, high: float) -> tuple[float, float]:
    """Return between which values the two-sided P lies where a one-sided one, of either direction, does."""
    least = 2 * min(low, 1 - high)
    return least, 1.0 if low < 0.5 < high else 2 * min(high, 1 - low)


def _p_range(context: Context, t: Arm, c: Arm) -> tuple[float, float]:
    """Return the least and the largest P value of Student's and Welch's tests that rounding leaves."""
    from scipy.special import stdtr

    halves = {
        (arm.suffix, name): 0.5 * 10.0 ** -context.decimals(arm.i, arm.column(name))
        for arm in (t, c)
        for name in ("mean", "sd")
    }
    room = halves["_t", "mean"] + halves["_c", "mean"]
    gap, df = abs(t.mean - c.mean), t.n + c.n - 2
    values = []
    for sign in (-1, 1):  # towards a large P, and a small one
        v_t, v_c = (max(arm.sd - sign * halves[arm.suffix, "sd"], 1e-12) ** 2 for arm in (t, c))
        pooled = ((t.n - 1) * v_t + (c.n - 1) * v_c) / df * (1 / t.n + 1 / c.n)
        welch = v_t / t.n + v_c / c.n
        least_df = welch**2 / ((v_t / t.n) ** 2 / (t.n - 1) + (v_c / c.n) ** 2 / (c.n - 1))
        for variance, freedom in ((pooled, df), (welch, least_df)):
            values.append(2 * float(stdtr(freedom, -max(gap + sign * room, 0.0) / math.sqrt(variance))))
    return min(values), max(values)


def direction(context: Context) -> Iterator[Finding]:
    """Yield effects contrary to the direction that column ``direction`` says was reported: ``lower`` or ``higher``."""
    table = context.table
    if "direction" not in table.columns:
        return
    main = "estimate" if "estimate" in table.columns else "y"
    effects = known_numbers(table, main)
    means = known_numbers(table, "mean_t") - known_numbers(table, "mean_c")
    risks = [known_numbers(table, f"events{s}") / known_numbers(table, f"n{s}") for s in ("_t", "_c")]
    for i, cell in enumerate(table.columns["direction"]):
        if is_missing(cell):
            continue
        stated = str(cell).strip().lower()
        if stated not in ("lower", "higher"):
            yield context.finding(
                "direction", i, "direction", f"{cell!r} is not a direction", "lower or higher, under treatment"
            )
            continue
        for values, column in ((effects, main), (means, "mean_t"), (risks[0] - risks[1], "events_t")):
            if values[i] * (1 if stated == "higher" else -1) < 0:
                observed = "higher" if stated == "lower" else "lower"
                why = f"the report says {stated} under treatment, and these numbers say {observed}"
                yield context.finding(
                    "direction", i, column, why, "Is the difference control minus treatment, or are arms swapped?"
                )


def _quantile(p: float) -> float:
    from scipy.special import ndtri

    return math.inf if p <= 0 else 0.0 if p >= 1 else -float(ndtri(p / 2))


def _shown(low: float, high: float) -> str:
    return f"{high:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
