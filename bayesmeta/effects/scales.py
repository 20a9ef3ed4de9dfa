"""Scores on one scale: pain from 0 to 10, from 0 to 100, or on a scale where higher is better.

A linear change of scale moves means and stretches standard deviations and differences. It makes scales of one
construct comparable; it does not make a percentage of pain relief an intensity of pain.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.cells import is_missing
from bayesmeta.data.printed import known_numbers
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects._arms import read_arms
from bayesmeta.errors import DataError, DataWarning, SpecificationError

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(-?\d+(?:\.\d+)?)")
_NAMED = {"nrs11": (0.0, 10.0), "nrs": (0.0, 10.0), "vas100mm": (0.0, 100.0), "vas10cm": (0.0, 10.0)}
_LEVELS = ("mean", "mean_pre", "mean_post", "median", "q1", "q3", "min", "max", "ci_lower", "ci_upper")
_SPREADS = ("sd", "sd_pre", "sd_post", "se", "plus_minus")
_ENDS = (("q1", "q3"), ("min", "max"), ("ci_lower", "ci_upper"))


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The lowest and highest score of an outcome, and which end is good.

    Parameters
    ----------
    low, high : float
    better : {"lower", "higher"}
        Where a patient wants to be: ``"lower"`` for pain.

    Examples
    --------
    >>> Scale(low=0, high=10, better="lower")
    Scale(low=0, high=10, better='lower')
    """

    low: float
    high: float
    better: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise SpecificationError(
                f"Scale(low={self.low!r}, high={self.high!r}): low must be below high, both finite."
            )
        if self.better not in ("lower", "higher"):
            raise SpecificationError(
                f"Scale(better={self.better!r}): choose 'lower' or 'higher'; for pain it is 'lower'."
            )

    @property
    def width(self) -> float:
        """Distance between the ends."""
        return self.high - self.low


def parse_scale(text: str, *, better: str) -> Scale:
    """Return the scale that a text names.

    Parameters
    ----------
    text : str
        ``"0-10"``, ``"0 to 100"``, ``"NRS-11"`` or ``"NRS"`` (0 to 10), ``"VAS 100 mm"``, ``"VAS 10 cm"``.
    better : {"lower", "higher"}
        Which end is good, which no name implies.

    Raises
    ------
    DataError
        If the text names no scale. ``"VAS"`` alone is none: 0 to 10 and 0 to 100 are both in use.

    Warns
    -----
    DataWarning
        For 0 to 11: the NRS-11 has eleven points, from 0 to 10.

    Examples
    --------
    >>> parse_scale("NRS-11", better="lower")
    Scale(low=0.0, high=10.0, better='lower')
    """
    key = re.sub(r"[\W_]", "", text).lower()
    match = _RANGE.fullmatch(text.strip())
    if match is None and key not in _NAMED:
        raise DataError(
            f"{text!r} names no scale whose ends are known. Write them, '0-10' or '0 to 100', or one of 'NRS-11', 'VAS 100 mm', "
            "'VAS 10 cm'."
        )
    low, high = _NAMED[key] if match is None else (float(match[1]), float(match[2]))
    if (low, high) == (0, 11):
        warnings.warn(
            "a scale from 0 to 11: the NRS-11 has eleven points, from 0 to 10. If that is meant, write 'NRS-11'.",
            DataWarning,
            stacklevel=2,
        )
    return Scale(low=low, high=high, better=better)


def rescale_scores(
    mean: ArrayLike, sd: ArrayLike, source: Scale, target: Scale, *, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of scores, on another scale.

    Parameters
    ----------
    mean, sd : array_like of float, shape (arm,)
        On `source`.
    source, target : Scale
        Where they differ in which end is good, the scale is turned round.
    where : sequence of str, optional
        What to call each arm in messages; ``study 1``, ``study 2``, ... by default.

    Returns
    -------
    mean, sd : ndarray of float, shape (arm,)
        On `target`.

    Raises
    ------
    DataError
        If a mean is not on `source`, or a standard deviation is negative.

    Examples
    --------
    >>> pain, relief = Scale(low=0, high=10, better="lower"), Scale(low=0, high=100, better="higher")
    >>> mean, sd = rescale_scores([70], [20], relief, pain)
    >>> mean.round(6), sd
    (array([3.]), array([2.]))
    """
    arms = read_arms(where, mean=mean, sd=sd)
    outside = (arms["mean"] < source.low) | (arms["mean"] > source.high)
    hint = "A mean change from baseline is a difference: rescale_differences."
    arms.reject(outside, f"mean must lie on the scale from {source.low:g} to {source.high:g}", ["mean"], hint)
    arms.reject(arms["sd"] < 0, "sd must not be negative", ["sd"])
    factor = _factor(source, target)
    start = target.low if factor > 0 else target.high
    return np.asarray(start + factor * (arms["mean"] - source.low)), np.asarray(abs(factor) * arms["sd"])


def rescale_differences(
    y: ArrayLike, se: ArrayLike, source: Scale, target: Scale, *, where: Sequence[str] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of two means, or change from baseline, and its standard error, on another scale.

    Parameters and errors are those of `rescale_scores`, but that a difference has no place on the scale. Its sign
    turns where the scales differ in which end is good.

    Examples
    --------
    >>> hundred, ten = Scale(low=0, high=100, better="lower"), Scale(low=0, high=10, better="lower")
    >>> y, se = rescale_differences([-15.79], [8.32], hundred, ten)
    >>> y, se
    (array([-1.579]), array([0.832]))
    """
    arms = read_arms(where, y=y, se=se)
    arms.reject(arms["se"] < 0, "se must not be negative", ["se"])
    wide = np.abs(arms["y"]) > source.width
    arms.reject(wide, f"a difference on a scale {source.width:g} wide cannot be larger", ["y"])
    factor = _factor(source, target)
    return np.asarray(factor * arms["y"]), np.asarray(abs(factor) * arms["se"])


def on_one_scale(table: TableSource, target: Scale) -> Table:
    """Put the arms of a table on one scale.

    Parameters
    ----------
    table : DataFrame, mapping of columns, Table, or path of a file
        Arms, one row for each study (columns ending in ``_t`` and ``_c``) or for each arm, with columns ``scale``, as
        `parse_scale` reads it, and ``better``, ``lower`` or ``higher``. Means (also ``mean_pre mean_post``), the limits
        of their intervals, medians, quartiles, extremes, SDs, SEs and ``plus_minus`` are converted.
    target : Scale

    Returns
    -------
    Table
        For `effect_sizes`, `complete_arms` or `check_table`; without ``scale`` and ``better``, with ``scale_min`` and
        ``scale_max``.

    Raises
    ------
    DataError
        If a row names no scale, or not which end is good, or a value is not on it: one line with its row and study. If
        the table has estimates, which are differences.

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "scale": ["0-10", "0-100"], "better": ["lower", "lower"]}
    >>> arms |= {"mean_t": [3.1, 40], "sd_t": [2.0, 21], "n_t": [20, 30], "mean_c": [5.0, 55], "sd_c": [2.2, 20], "n_c": [20, 30]}
    >>> table = on_one_scale(arms, Scale(low=0, high=10, better="lower"))
    >>> table.numbers("mean_t"), table.numbers("sd_c")
    (array([3.1, 4. ]), array([2.2, 2. ]))
    """
    source = open_table(table, "arm table")
    source.require("study", "scale", "better")
    for name in ("estimate", "y"):
        if name in source.columns:
            raise DataError(
                f"{source.source}: column {source.recognised.get(name, name)!r} holds differences, and these are rows of arms. "
                "Use rescale_differences, or leave it out."
            )
    scales = [_scale_of(source, i) for i in range(len(source))]
    factor = np.array([_factor(scale, target) for scale in scales])
    low, high = (np.array([getattr(scale, end) for scale in scales]) for end in ("low", "high"))
    start = np.where(factor > 0, target.low, target.high)
    columns = {name: cells for name, cells in source.columns.items() if name not in ("scale", "better")}
    for suffix in ("", "_t", "_c"):
        for name in (*_LEVELS, *_SPREADS):
            column = name + suffix
            if column not in columns:
                continue
            values = known_numbers(source, column)
            if name in _LEVELS:
                if not name.startswith("ci_"):  # limits may lie outside
                    _reject_outside(source, column, values, low, high)
                values = start + factor * (values - low)
            else:
                values = np.abs(factor) * values
            columns[column] = tuple(values.tolist())
        columns = _ends_in_order(columns, suffix, factor < 0)
    columns |= {"scale_min": (target.low,) * len(source), "scale_max": (target.high,) * len(source)}
    return replace(source, columns=columns)


def _ends_in_order(
    columns: dict[str, tuple[object, ...]], suffix: str, turned: NDArray[np.bool_]
) -> dict[str, tuple[object, ...]]:
    """Exchange quartiles, extremes and limits where a scale was turned round."""
    for first, second in _ENDS:
        a, b = first + suffix, second + suffix
        if a in columns and b in columns:
            pairs = [(y, x) if turn else (x, y) for x, y, turn in zip(columns[a], columns[b], turned, strict=True)]
            columns[a], columns[b] = (tuple(side) for side in zip(*pairs, strict=True))
    return columns


def _scale_of(table: Table, i: int) -> Scale:
    text, better = (table.columns[name][i] for name in ("scale", "better"))
    if is_missing(text):
        raise DataError(f"{table.cell(i, 'scale')}: the scale is missing. Write its ends, '0-10' or '0-100'.")
    if str(better).strip().lower() not in ("lower", "higher"):
        raise DataError(f"{table.cell(i, 'better')}: {better!r} must be lower or higher: where a patient wants to be.")
    try:
        return parse_scale(str(text), better=str(better).strip().lower())
    except (DataError, SpecificationError) as error:
        raise DataError(f"{table.cell(i, 'scale')}: {error}") from None


def _reject_outside(
    table: Table, column: str, values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    for i in np.flatnonzero((values < low) | (values > high)):
        raise DataError(
            f"{table.cell(int(i), column)}: {values[i]:g} is not on its scale from {low[i]:g} to {high[i]:g}. Is it on another "
            "scale, or a change from baseline?"
        )


def _factor(source: Scale, target: Scale) -> float:
    """Return by what differences are multiplied; negative where the scale is turned round."""
    return (target.width / source.width) * (1 if source.better == target.better else -1)
