"""The same numbers twice: studies under two labels, arms copied from one study to another, repeated P values."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from bayesmeta.checks.context import NUMBERS, SUFFIXES, Arm, Context, text
from bayesmeta.checks.finding import Finding
from bayesmeta.data.cells import is_missing
from bayesmeta.data.printed import decimals, printed_p_values

_OF_ESTIMATES = ("estimate", "y", "v", "t", "z", "f", "p", "ci_lower", "ci_upper")
_CHANCE = 0.01  # that so many P values agree between any two studies of the table
_DIGITS_OF_ESTIMATES = 6  # the same of an estimate, its precision and sizes
_DIGITS = 4  # significant digits of mean and SD together, from which two arms with them are no coincidence


def same_study(context: Context) -> Iterator[Finding]:
    """Yield labels that differ in case, spaces or punctuation alone."""
    first: dict[str, str] = {}
    for i in range(len(context.table)):
        label = text(context.table, "study", i)
        if not label:
            why, normal = (
                "the study has no label",
                "Its label; merged cells of Excel keep theirs in the first row alone",
            )
            yield context.finding("same study", i, "study", why, normal)
            continue
        key = re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", label)).casefold()
        if first.setdefault(key, label) != label:
            why = f"it is {first[key]!r} but for case, spaces or punctuation"
            yield context.finding("same study", i, "study", why, "One label for one study; another for another")


def same_arm(context: Context) -> Iterator[Finding]:
    """Yield arms whose size, mean and SD are all those of an arm of another study, and studies with the same counts."""
    seen: dict[tuple[object, ...], Arm] = {}
    for arm in context.arms:
        if math.isnan(arm.mean) or not arm.sd > 0 or _digits(context, arm) < _DIGITS:
            continue
        earlier = seen.setdefault((arm.outcome, arm.n, arm.mean, arm.sd), arm)
        if earlier.study != arm.study:
            why = f"n, mean and SD, {arm.n:g}, {arm.mean:g} and {arm.sd:g}, are also those of study {earlier.study!r}"
            normal = "Is it the same study, or was a row copied?"
            yield context.finding("same arm", arm.i, arm.column("mean"), why, normal)
    yield from _same_counts(context)
    yield from _same_estimates(context)


def _digits(context: Context, arm: Arm) -> int:
    texts = [np.format_float_positional(x, trim="-") for x in (abs(arm.mean), arm.sd)]
    return sum(len(text.replace(".", "").lstrip("0")) for text in texts)


def _same_counts(context: Context) -> Iterator[Finding]:
    seen: dict[tuple[object, ...], Arm] = {}
    for t, c in context.pairs():
        if math.isnan(t.events + c.events + t.n + c.n) or t.events + c.events < 5:
            continue  # few events agree by chance
        earlier = seen.setdefault((t.outcome, t.events, t.n, c.events, c.n), t)
        if earlier.study != t.study:
            shown = f"{t.events:g}/{t.n:g} v {c.events:g}/{c.n:g}"
            why = f"its counts, {shown}, are also those of study {earlier.study!r}"
            yield context.finding("same arm", t.i, "events_t", why, "Is it the same study, or was a row copied?")


def _same_estimates(context: Context) -> Iterator[Finding]:
    table = context.table
    main = "estimate" if "estimate" in table.columns else "y"
    numbers = [n for n in (main, "se", "ci_lower", "ci_upper", "n", "n_t", "n_c") if n in table.columns]
    if main not in numbers:
        return
    seen: dict[tuple[str, ...], int] = {}
    for i in range(len(table)):
        cells = [str(table.columns[name][i]).strip() for name in numbers]
        digits = dict(zip(numbers, map(_significant, cells), strict=True))
        present = [cell for cell in cells if not is_missing(cell)]
        spread = min((digits.get(name, 0) for name in ("ci_lower", "ci_upper")), default=0)
        n_digits = (
            digits[main] + max(digits.get("se", 0), spread) + sum(digits.get(name, 0) for name in ("n", "n_t", "n_c"))
        )
        if len(present) < 2 or n_digits < _DIGITS_OF_ESTIMATES:
            continue
        first = seen.setdefault((text(table, "outcome", i), *cells), i)
        if first != i and text(table, "study", first) != text(table, "study", i):
            why = f"its numbers, {', '.join(present)}, are also those of study {text(table, 'study', first)!r}"
            yield context.finding("same arm", i, main, why, "Is it the same study, or was a row copied?")


def _significant(cell: str) -> int:
    return 0 if is_missing(cell) else sum(map(str.isdigit, cell.lstrip("-0.")))


def repeated_p_values(context: Context) -> Iterator[Finding]:
    """Yield P values that two studies have in common, where chance gives so many to one table in a hundred."""
    table = context.table
    if "p" not in table.columns or "study" not in table.columns:
        return
    printed = printed_p_values(table, "p")
    values: dict[str, dict[float, int]] = defaultdict(dict)
    for i, relation in enumerate(printed.relation):
        cell = table.columns["p"][i]
        if relation == "=" and decimals(cell if isinstance(cell, str) else float(printed.value[i])) >= 2:
            values[text(table, "study", i)].setdefault(float(printed.value[i]), i)
    studies = {study: own for study, own in values.items() if len(own) >= 2}
    count = math.comb(len(studies), 2)
    least = min((_chance(p) for own in studies.values() for p in own), default=0.0)
    most = max(map(len, studies.values()), default=0)
    enough = next((k for k in range(2, most + 1) if count * _poisson_tail(k, k * k * least) < _CHANCE), most + 1)
    pairs = list(combinations([study for study, own in studies.items() if len(own) >= enough], 2))
    for first, second in pairs:
        shared = sorted(set(studies[first]) & set(studies[second]))
        expected = sum(_chance(p) for p in studies[first]) * len(studies[second])
        if len(shared) >= 2 and count * _poisson_tail(len(shared), expected) < _CHANCE:
            for p in shared:
                others = ", ".join(f"{q:g}" for q in shared)
                why = f"studies {first!r} and {second!r} have the P values {others} in common"
                yield context.finding(
                    "repeated p", studies[second][p], "p", why, "Is it one study, or were results copied?"
                )


def _chance(p: float) -> float:
    """Return the chance that a P value of another study, uniform, is printed as this one."""
    return float(10.0 ** -max(2, decimals(p)))


def _poisson_tail(k: int, expected: float) -> float:
    return 1 - sum(math.exp(-expected) * expected**j / math.factorial(j) for j in range(k))


def repeated_labels(context: Context) -> Iterator[Finding]:
    """Yield rows that nothing but their results distinguishes from another row: same study, arm, outcome, time, ..."""
    results = {*NUMBERS, *_OF_ESTIMATES, *(name + suffix for name in NUMBERS for suffix in SUFFIXES)} - {"n"}
    table = context.table
    names = [name for name in table.columns if name not in results]
    first: dict[tuple[str, ...], int] = {}
    for i in range(len(table)):
        key = tuple(text(table, name, i) for name in names)
        if first.setdefault(key, i) != i:
            why = f"row {table.rows[first[key]]} has the same {', '.join(names)}"
            yield context.finding(
                "same row", i, "study", why, "One row for each; what distinguishes them belongs in a column"
            )
