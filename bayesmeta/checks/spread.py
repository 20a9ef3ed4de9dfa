"""Spreads that look like another thing beside those of the other studies: an SE for an SD, or other units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bayesmeta.checks.context import Arm, Context
from bayesmeta.checks.finding import Finding
from bayesmeta.data.printed import known_numbers

type _Rows = NDArray[np.bool_] | slice

_OTHERS = 3  # studies that it takes to say what is usual
_LEAST_SPREAD = 0.35  # SD of the logarithm of SDs between trials of one outcome, at least
_FAR = 2.5  # standard deviations from the others
_BETTER = math.log(100)  # log likelihood ratio for the other reading
_LEAST_FACTOR, _TENFOLD = 5.0, 20.0  # between 0-10 and 0-100, with room
_ALIKE = 4.0  # between the factors of a mean and an SD in one unit
_SLIP, _SLIP_FAR = (
    7.0,
    4.0,
)  # factor, and standard deviations from the others, above which an SD may have lost its point
_MANY = 500  # values from which the median of all is that of the others
_APART = 3.0  # standard deviations between two arms, as for effect sizes


@dataclass(frozen=True)
class _Spread:
    """A logarithm of a standard deviation, and by what the other reading would move it."""

    study: str
    log_sd: float
    shift: float
    error: float  # sampling variance of the logarithm


def sd_or_se(context: Context) -> Iterator[Finding]:
    """Yield standard deviations that the other studies say are standard errors, and the reverse."""
    units = {(f.row, f.column) for f in other_units(context)}
    for name, sign in (("sd", 1), ("se", -1)):
        for group in _by_outcome(context.arms):
            arms = [arm for arm in group if getattr(arm, name) > 0 and arm.n > 1]
            root = [0.5 * math.log(arm.n) for arm in arms]
            spreads = [
                _Spread(a.study, math.log(getattr(a, name)) + (r if name == "se" else 0), sign * r, 0.5 / (a.n - 1))
                for a, r in zip(arms, root, strict=True)
            ]
            for arm, (usual, reading, slip) in _outliers(arms, spreads):
                column = arm.column(name)
                if (context.table.rows[arm.i], context.table.recognised.get(column, column)) in units:
                    continue
                value = getattr(arm, name)
                kind = "standard error" if name == "sd" else "standard deviation"
                as_read = value * arm.n**0.5 if name == "sd" else value
                why = f"{value:g} looks like a {kind}: the others' SDs are about {usual:.3g}, and read so it is {as_read:.3g}"
                normal = f"{_article(name)} of about {usual if name == 'sd' else usual / arm.n**0.5:.3g}"
                if reading:
                    yield context.finding("sd or se", arm.i, column, why, normal)
                elif slip:
                    times = value * (1 if name == "sd" else arm.n**0.5) / usual
                    why = f"{value:g} means an SD {times:.2g} times that of the others"
                    yield context.finding("units", arm.i, column, why, f"{normal}; was a decimal point lost?")
    yield from _estimates(context)
    yield from _far_apart(context)


def other_units(context: Context) -> Iterator[Finding]:
    """Yield means whose size and spread are both some ten times those of the other studies, or a tenth."""
    for group in _by_outcome(context.arms):
        arms = [arm for arm in group if arm.mean != 0 and arm.sd > 0 and not math.isnan(arm.mean)]
        labels = [arm.study for arm in arms]
        values = np.array([[abs(arm.mean), arm.sd] for arm in arms])
        for arm, usual in zip(arms, _of_the_others(labels, partial(_medians, values)), strict=True):
            if usual is None:
                continue
            mean, sd = map(float, usual)
            ratios = (abs(arm.mean) / mean, arm.sd / sd)
            if not _other_scale(*ratios):
                continue
            why = f"mean {arm.mean:g} and SD {arm.sd:g} are {ratios[0]:.2g} and {ratios[1]:.2g} times those of others"
            unit = (
                "is one in other units"
                if max(ratios[0], 1 / ratios[0]) > _TENFOLD
                else "is one on 0-10 and the other on 0-100"
            )
            normal = f"A mean of about {mean:.3g} and an SD of about {sd:.3g}; {unit}?"
            for name in ("mean", "sd"):
                yield context.finding("units", arm.i, arm.column(name), why, normal)


def _other_scale(mean: float, sd: float) -> bool:
    """Tell whether a mean and an SD are both many times those of the others, or both a small part, by about one factor."""
    together = 1 / _ALIKE < mean / sd < _ALIKE
    return together and (min(mean, sd) > _LEAST_FACTOR or max(mean, sd) < 1 / _LEAST_FACTOR)


def _estimates(context: Context) -> Iterator[Finding]:
    """Check the standard errors of estimates by the SDs that they imply, given the participants."""
    table = context.table
    if not {"estimate", "y"} & set(table.columns) or "se" not in table.columns:
        return
    se, n = known_numbers(table, "se"), known_numbers(table, "n")
    n_t, n_c = known_numbers(table, "n_t"), known_numbers(table, "n_c")
    size = np.where(np.isnan(n_t + n_c), n / 4, n_t * n_c / (n_t + n_c))
    rows = [i for i in range(len(table)) if se[i] > 0 and size[i] > 1]
    labels = [str(table.columns["study"][i]).strip() for i in rows]
    for sign in (-1, 1):
        spreads = [
            _Spread(label, math.log(se[i]) + 0.5 * math.log(size[i]), sign * 0.5 * math.log(size[i]), 0.25 / size[i])
            for i, label in zip(rows, labels, strict=True)
        ]
        for i, (usual, reading, _) in _outliers(rows, spreads):
            if reading:
                guess = (
                    "a standard deviation" if sign < 0 else "a standard error that was divided by the root of n twice"
                )
                why = f"a standard error of {se[i]:g} looks like {guess}: the SDs that the others imply are about {usual:.3g}"
                yield context.finding("sd or se", i, "se", why, f"About {usual / size[i] ** 0.5:.3g}")


def _far_apart(context: Context) -> Iterator[Finding]:
    """Yield rows whose arms lie more than 3 standard deviations apart, other studies or none."""
    for t, c in context.pairs():
        pooled = math.sqrt((t.sd**2 + c.sd**2) / 2)
        if pooled > 0 and abs(t.mean - c.mean) > _APART * pooled:
            size = abs(t.mean - c.mean) / pooled
            why = f"the arms lie {size:.2f} standard deviations apart, which is rare; these may be standard errors"
            normal = f"Below 3; read as standard errors they lie {size / math.sqrt((t.n + c.n) / 2):.2f} apart"
            yield context.finding("sd or se", t.i, "sd_t", why, normal)


def unlabelled(context: Context) -> Iterator[Finding]:
    """Yield numbers behind a +/- that nobody said to be a standard deviation or a standard error."""
    for arm in context.arms:
        if math.isnan(arm.plus_minus):
            continue
        why = f"+/- {arm.plus_minus:g} may be an SD, or an SE, with an SD of {arm.plus_minus * arm.n**0.5:.3g}"
        normal = f"Find out which, and put it in {arm.column('sd')} or {arm.column('se')}"
        yield context.finding("sd or se", arm.i, arm.column("plus_minus"), why, normal)


def _outliers[T](items: Sequence[T], spreads: Sequence[_Spread]) -> Iterator[tuple[T, tuple[float, bool, bool]]]:
    """Yield items far from those of the other studies: what is usual, is the other reading better, may a decimal be lost."""
    values = np.array([spread.log_sd for spread in spreads])
    labels = [spread.study for spread in spreads]
    for item, this, others in zip(items, spreads, _of_the_others(labels, partial(_centre, values)), strict=True):
        if others is None:
            continue
        centre, mad = others
        scale = math.sqrt(max(mad, _LEAST_SPREAD) ** 2 + this.error)
        as_it_is, otherwise = (this.log_sd - centre) / scale, (this.log_sd + this.shift - centre) / scale
        if abs(as_it_is) > _FAR:
            slip = as_it_is > _SLIP_FAR and this.log_sd - centre > math.log(_SLIP)
            yield item, (math.exp(centre), (as_it_is**2 - otherwise**2) / 2 > _BETTER, slip)


def _centre(values: NDArray[np.float64], rows: _Rows) -> tuple[float, float]:
    """Return the median of some values, and the median distance from it as a standard deviation."""
    centre = float(np.median(values[rows]))
    return centre, 1.4826 * float(np.median(np.abs(values[rows] - centre)))


def _medians(values: NDArray[np.float64], rows: _Rows) -> NDArray[np.float64]:
    return np.asarray(np.median(values[rows], axis=0))


def _of_the_others[R](labels: Sequence[str], summary: Callable[[_Rows], R]) -> Iterator[R | None]:
    """Yield for each item a summary of those of other studies, and None where these are too few.

    Among many, one study moves no median, and all are summed up once.
    """
    names, codes = np.unique(np.array(labels, dtype=object), return_inverse=True)
    few, whole = len(names) <= _OTHERS, summary(slice(None)) if len(labels) > _MANY else None
    for code in codes:
        yield None if few else whole if whole is not None else summary(codes != code)


def _by_outcome(arms: Sequence[Arm]) -> list[list[Arm]]:
    groups: dict[str, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(arm.outcome, []).append(arm)
    return list(groups.values())


def _article(name: str) -> str:
    return "An SD" if name == "sd" else "An SE"
