"""What one arm cannot report: counts, percentages, means and standard deviations that no participants have."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, isnan

from bayesmeta.checks.context import Arm, Context
from bayesmeta.checks.finding import Finding
from bayesmeta.checks.granularity import grim, grimmer, largest_sd
from bayesmeta.data.cells import as_number
from bayesmeta.effects.arm_reports import arm_clashes
from bayesmeta.effects.groups import counts_from_percentage

_POSITIVE = (  # a column, and one that is beside it
    ("v", "y", "Positive; empty if it was not reported"),
    ("time_t", "events_t", "Positive"),
    ("time_c", "events_c", "Positive"),
)


def impossible_numbers(context: Context) -> Iterator[Finding]:
    """Yield sizes, counts and spreads out of range."""
    for arm in context.arms:
        if arm.n < 1 or _has_fraction(arm.n):
            yield _cell(
                context, arm, "range", "n", f"{arm.n:g} is not a number of participants", "A whole number, 1 or more"
            )
        if arm.events < 0 or _has_fraction(arm.events):
            yield _cell(context, arm, "range", "events", f"{arm.events:g} is not a count", "A whole number, 0 or more")
        if arm.events > arm.n:
            why = f"{arm.events:g} events among {arm.n:g} participants"
            yield _cell(context, arm, "range", "events", why, "At most one for each participant; were columns swapped?")
        for name, value in (("sd", arm.sd), ("se", arm.se)):
            if value < 0 or (value == 0 and arm.n > 1):
                normal = "Positive; empty if it was not reported"
                yield _cell(context, arm, "range", name, f"{name} is {value:g}", normal)
    for name, needs, normal in _POSITIVE:
        if name not in context.table.columns or needs not in context.table.columns:
            continue
        for i, cell in enumerate(context.table.columns[name]):
            number = as_number(cell)
            if number is not None and number <= 0:
                yield context.finding("range", i, name, f"{name} is {number:g}", normal)


def contradictions(context: Context, level: float) -> Iterator[Finding]:
    """Yield reports of one arm that contradict each other: an SE or an interval beside an SD, a mean off its interval."""
    for suffix in {arm.suffix: None for arm in context.arms}:
        for clash in arm_clashes(context.table, suffix, level):
            yield context.finding("contradiction", clash.row, clash.column, clash.why, clash.normal)


def percentages(context: Context) -> Iterator[Finding]:
    """Yield percentages that are not a count of their arm, or not the count beside them."""
    for arm in context.arms:
        if isnan(arm.percent) or not arm.n >= 1 or arm.n % 1:
            continue
        digits = context.decimals(arm.i, arm.column("percent"))
        if not 0 <= arm.percent <= 100:
            yield _cell(context, arm, "percentage", "percent", f"{arm.percent:g}% is not a percentage", "From 0 to 100")
            continue
        fewest, most = (float(x[0]) for x in counts_from_percentage(arm.percent, arm.n, decimals=digits))
        shown = f"{arm.percent:.{digits}f}%"
        if fewest > most:
            near = " and ".join(f"{k:g} are {100 * k / arm.n:.{digits}f}%" for k in (most, fewest) if 0 <= k <= arm.n)
            normal = f"{near} of {arm.n:g}; were fewer participants observed?"
            yield _cell(context, arm, "percentage", "percent", f"{shown} is not a count of n = {arm.n:g}", normal)
        elif not isnan(arm.events) and not fewest <= arm.events <= most:
            why = f"{shown} of {arm.n:g} is not the {arm.events:g} events beside it"
            yield _cell(context, arm, "percentage", "percent", why, f"{100 * arm.events / arm.n:.{digits}f}%")


def scores(context: Context) -> Iterator[Finding]:
    """Yield means and standard deviations that no scores on the scale, or no whole numbers, have."""
    for arm in context.arms:
        if isnan(arm.mean) or not arm.n >= 1 or arm.n % 1:
            continue
        yield from _on_scale(context, arm)
        if context.integers:
            yield from _of_whole_numbers(context, arm)


def _on_scale(context: Context, arm: Arm) -> Iterator[Finding]:
    scale = context.scale_of(arm.i)
    if scale is None:
        return
    shown = f"the scale from {scale[0]:g} to {scale[1]:g}"
    if not scale[0] <= arm.mean <= scale[1]:
        normal = "A mean on the scale; is it in other units, or a change from baseline?"
        yield _cell(context, arm, "scale", "mean", f"{arm.mean:g} is not on {shown}", normal)
        return
    if arm.n < 2 or isnan(arm.sd):
        return
    half, half_sd = (0.5 * 10.0 ** -context.decimals(arm.i, arm.column(name)) for name in ("mean", "sd"))
    most = largest_sd(arm.mean, int(arm.n), scale, rounding=half)
    if arm.sd - half_sd > most * (1 + 1e-9):
        why = f"an SD of {arm.sd:g} is more than {arm.n:g} scores with mean {arm.mean:g} can have on {shown}"
        yield _cell(context, arm, "scale", "sd", why, f"At most {most:.3g}")


def _of_whole_numbers(context: Context, arm: Arm) -> Iterator[Finding]:
    n, items = int(arm.n), context.items_of(arm.i)
    if items < 1 or items % 1:
        normal = "A whole number, 1 or more; empty if scores are not averaged"
        yield context.finding("range", arm.i, "items", f"{items:g} is not a number of items", normal)
        return
    items, digits = int(items), context.decimals(arm.i, arm.column("mean"))
    of = f"{n} whole numbers" if items == 1 else f"{n} means of {items} whole numbers"
    if not grim(arm.mean, n, decimals=digits, items=items):
        below, above = (end(arm.mean * n * items) / (n * items) for end in (floor, ceil))
        near = f"Possible are {below:.{digits}f} and {above:.{digits}f}; is n right, were all items answered?"
        yield _cell(context, arm, "grim", "mean", f"{of} cannot have the mean {arm.mean:.{digits}f}", near)
        return
    if isnan(arm.sd) or arm.sd < 0:
        return
    digits_sd = context.decimals(arm.i, arm.column("sd"))
    options = {"decimals": digits, "decimals_sd": digits_sd, "items": items}
    if not grimmer(arm.mean, arm.sd, n, scale=context.scale_of(arm.i), **options):
        why = f"{of} with mean {arm.mean:.{digits}f} cannot have the SD {arm.sd:.{digits_sd}f}"
        yield _cell(context, arm, "grimmer", "sd", why, "Is n right, is it a standard error, were all items answered?")


def _has_fraction(value: float) -> bool:
    return not isnan(value) and value % 1 != 0


def _cell(context: Context, arm: Arm, check: str, name: str, why: str, normal: str) -> Finding:
    return context.finding(check, arm.i, arm.column(name), why, normal)
