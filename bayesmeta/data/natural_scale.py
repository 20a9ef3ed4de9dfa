"""Ratios, proportions and correlations as printed where their logarithms, logits and z are needed: what a table shows."""

from __future__ import annotations

import itertools
import shlex
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.names import normalised, without_unit
from bayesmeta.data.printed import rounding
from bayesmeta.data.synonyms import recognised
from bayesmeta.data.tables import Table
from bayesmeta.errors import DataError, DataWarning

Floats = NDArray[np.float64]

_RATIOS = (
    "log_or", "log_rr", "log_hr", "log_irr", "peto_log_or", "log_or_paired", "log_rr_paired", "rom", "rom_paired", "log_vr",
    "log_cvr",
)  # fmt: skip
# What a measure is a function of, where its values are not read as they are analysed.
NATURAL = (
    dict.fromkeys(_RATIOS, "ratio")
    | dict.fromkeys(("logit_prop", "log_prop", "arcsine_prop", "double_arcsine_prop"), "proportion")
    | {"fisher_z": "correlation", "log_rate": "rate", "log_mean": "mean", "reported_ratio": "ratio"}
)
_WORDS = {
    "ratio": {"ratio", "ratios", "hr", "or", "rr", "irr", "rom", "vr", "cvr", "ahr", "aor", "arr", "relative_risk"},
    "proportion": {"prop", "props", "proportion", "proportions", "prevalence", "percent", "percentage", "risk"},
    "correlation": {"r", "cor", "corr", "correlation", "pearson", "spearman"},
    "rate": {"rate", "rates", "incidence"},
    "mean": {"mean", "means", "average"},
}
_TRANSFORMED = ("log", "ln", "logit", "arcsin", "asin", "arcsine", "fisher", "z")
_LIMITS = (("lower", "upper"), ("ci_lower", "ci_upper"))
_LIKELY = (0.2, 5.0)  # where ratios of treatments usually lie
_NEAR_ONE = (0.5, 2.0)  # where most do; logarithms that all lie there are ratios of 1.6 to 7.4 in every study
_FEW = 3  # studies, below which their values alone say nothing


def check_natural_scale(table: Table, column: str, measure: str | None) -> None:
    """Reject values that are certainly as printed, where `measure` is of their logarithms; warn of what is probable.

    Certain is a column that is called so (HR, odds ratio) and holds what such a quantity can be, or limits that are
    symmetric around every estimate on the log scale alone, their rounding apart. Where no measure is stated, a column
    that is called a ratio is probable: effects are analysed as logarithms.

    Raises
    ------
    DataError
        It names the column and the way out.
    """
    kind = NATURAL.get(measure or "", "ratio" if measure is None else "")
    if not kind:
        return
    values = table.numbers(column)
    theirs = table.recognised.get(column, column)
    named = is_called(theirs, kind) and _possible(values, kind)
    limits = _log_limits(table, column, values) if kind == "ratio" and (values > 0).all() else _NO_LIMITS
    way_out = _way_out(table, column, kind, measure)
    place = f"{table.source}, column {theirs!r}"
    if measure is None:
        if named or (limits.certain and limits.alone >= _FEW):
            shown = "it is called a ratio" if named else limits.words
            _warn(f"{place}: {shown}, and effects are analysed as they stand here. {way_out}")
        return
    if named:
        raise DataError(
            f"{place}: it is called {theirs!r}, its values run from {values.min():g} to {values.max():g}, and measure "
            f"{measure!r} is a function of such a {kind}, not the {kind} itself. {way_out} If the values "
            f"are on the scale of {measure!r} already, rename the column."
        )
    if limits.certain:
        raise DataError(f"{place}: {limits.words}, and measure {measure!r} needs logarithms. {way_out}")
    if kind == "ratio" and not limits.contrary and (limits.probable or _around_one(values)):
        shown = (
            limits.words
            if limits.probable
            else f"all are positive and lie around 1, from {values.min():g} to {values.max():g}"
        )
        _warn(f"{place}: {shown}, as ratios do; measure {measure!r} needs logarithms. If they are ratios: {way_out}")


def is_called(name: str, kind: str) -> bool:
    """Whether the name of a column says that it holds ratios (proportions, correlations, ...) as printed.

    Examples
    --------
    >>> [is_called(name, "ratio") for name in ("HR", "adjusted OR (95% CI)", "OR_adj", "log HR", "lnOR", "mean or median")]
    [True, True, True, False, False, False]
    """
    words, bare = normalised(name).split("_"), without_unit(name).split("_")
    if any(word in _TRANSFORMED for word in words):
        return False
    wanted = _WORDS[kind]
    # within a name "or" is a conjunction
    ends = {words[0], words[-1], bare[-1]} | {word for word in words if word != "or"}
    return bool(ends & wanted) or any("_".join(pair) in wanted for pair in itertools.pairwise(words))


def _possible(values: Floats, kind: str) -> bool:
    """Whether values can be what their column is called: no ratio is negative, no proportion above 1."""
    if kind == "correlation":
        return bool((np.abs(values) <= 1).all())
    return bool((values >= 0).all() and (kind != "proportion" or (values <= 100).all()))


def _around_one(values: Floats) -> bool:
    (low, high), (nearer, farther) = _LIKELY, _NEAR_ONE
    least, most = values.min(), values.max()
    on_both_sides = least < 1 < most and low < least and most < high
    return len(values) >= _FEW and bool(on_both_sides or (nearer < least and most < farther))


@dataclass(frozen=True)
class _Limits:
    """What limits say of the scale of their estimates."""

    certain: bool = False
    probable: bool = False
    contrary: bool = False
    alone: int = 0
    words: str = ""


_NO_LIMITS = _Limits()


def _log_limits(table: Table, column: str, y: Floats) -> _Limits:
    """Compare how far limits are from symmetric around their estimates, as they are and as logarithms."""
    names = _limit_columns(table)
    if names is None:
        return _NO_LIMITS
    lower, upper = (table.numbers_or_nan(name) for name in names)
    rows = np.flatnonzero((lower > 0) & (upper > lower))
    if not rows.size:
        return _NO_LIMITS
    halves = [rounding(table, name, column, *names)[rows] for name in (*names, column)]
    low, high, centre = lower[rows], upper[rows], y[rows]
    plain_slack = 1.001 * (halves[0] + halves[1] + 2 * halves[2]) + 1e-9 * (high - low)
    log_slack = 1.001 * (halves[0] / low + halves[1] / high + 2 * halves[2] / centre) + 1e-9 * np.log(high / low)
    plain = np.abs(low + high - 2 * centre) <= plain_slack
    logs = np.abs(np.log(low) + np.log(high) - 2 * np.log(centre)) <= log_slack
    alone, opposite = int((logs & ~plain).sum()), int((plain & ~logs).sum())
    words = (
        f"{alone} of {rows.size} intervals ({names[0]} to {names[1]}) are symmetric around their estimate on the log scale "
        "alone"
    )
    certain = bool(logs.all()) and (alone >= 2 or alone == rows.size)
    return _Limits(certain, alone > opposite, opposite > alone, alone, words)


def _limit_columns(table: Table) -> tuple[str, str] | None:
    ours = {name: name for name in table.columns}
    ours |= {meaning: theirs for theirs, meaning in recognised(table.columns).items()}
    for lower, upper in _LIMITS:
        if lower in ours and upper in ours:
            return ours[lower], ours[upper]
    return None


def _way_out(table: Table, column: str, kind: str, measure: str | None) -> str:
    """What to do with values as printed: the command that takes them."""
    if kind != "ratio":
        columns = {
            "proportion": "events and n",
            "correlation": "r and n",
            "rate": "events and time",
            "mean": "mean, sd and n",
        }
        return f"From {columns[kind]}, bayesmeta effects {table.source} --measure {measure} computes it."
    theirs = {"estimate": column, **dict(zip(_LIMITS[1], _limit_columns(table) or (), strict=False))}
    names = ((ours, table.recognised.get(name, name)) for ours, name in theirs.items())
    options = "".join(f" --column {shlex.quote(f'{ours}={name}')}" for ours, name in names if ours != name)
    source = table.source if "." in table.source else "FILE"
    printed = f", measure={measure!r}" if measure else ""
    return (
        f"Take logarithms first: bayesmeta effects {source} --measure reported_ratio{options} > effects.csv, or in Python "
        f"reported_estimates(table, ratio=True{printed})."
    )


def _warn(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=5)
