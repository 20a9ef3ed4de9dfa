"""Arm tables in which some arms lack a mean, a standard deviation or a count, and report something else instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesmeta.data.columns import Places
from bayesmeta.data.printed import decimals, known_numbers, rounding
from bayesmeta.data.tables import Table, TableSource, open_table
from bayesmeta.effects._arms import Floats, read_arms
from bayesmeta.effects.groups import events_from_percentage
from bayesmeta.effects.precision import se_from_interval
from bayesmeta.effects.quantile_estimation import fitted_mean_sd
from bayesmeta.effects.quantiles import mean_sd_from_quantiles
from bayesmeta.effects.reports import Clash
from bayesmeta.errors import DataError, require_choice

SUFFIXES = ("", "_t", "_c")
_QUANTILES = ("min", "q1", "median", "q3", "max")
_SLACK = 0.1  # by how much two reports may differ beyond their rounding
STANDINS = (*_QUANTILES, "se", "ci_lower", "ci_upper", "percent", "plus_minus")
METHODS: Mapping[str, Callable[..., tuple[Floats, ...]]] = {
    "normal": lambda *args, **kwargs: mean_sd_from_quantiles(*args, **kwargs),
    "fitted": lambda *args, **kwargs: fitted_mean_sd(*args, **kwargs)[:2],
}


def complete_arms(arms: TableSource, *, method: str = "normal", level: float = 0.95) -> Table:
    """Fill in means, standard deviations and counts from what the arms report in their place.

    Parameters
    ----------
    arms : DataFrame, mapping of columns, Table, or path of a file
        An arm table as `effect_sizes` takes it, with one row for each study (columns ending in ``_t`` and ``_c``) or for
        each arm. Beside ``n mean sd events`` it may have, for the rows where these are missing: ``se`` (of the mean) or
        ``ci_lower ci_upper`` (of the mean, by t) for ``sd``; ``median`` with ``q1 q3``, or ``min max``, or both, for
        ``mean sd``; ``percent`` for ``events``.
    method : {"normal", "fitted"}, default "normal"
        For medians: the formulas of `mean_sd_from_quantiles`, or the distributions of `fitted_mean_sd`.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Table
        For `effect_sizes`, without the columns that were used up; its column ``derived`` says what was filled in.

    Raises
    ------
    DataError
        If a row has nothing to derive a missing value from, a percentage is not a count or several, a ``plus_minus`` was not
        said to be an SD or an SE, or two reports of one arm contradict each other (`arm_clashes`): one line with its row and
        study.
    SpecificationError
        If there is no such `method`.

    Examples
    --------
    >>> arms = {"study": ["A", "B"], "n_t": [30, 20], "mean_t": [2.68, None], "sd_t": [None, None], "se_t": [0.51, None]}
    >>> arms |= {"median_t": [None, 6], "q1_t": [None, 4.1], "q3_t": [None, 7.5]}
    >>> table = complete_arms(arms)
    >>> table.numbers("mean_t").round(3), table.numbers("sd_t").round(3)
    (array([2.68 , 5.856]), array([2.793, 2.713]))
    >>> table.columns["derived"]
    ('sd_t from se_t', 'mean_t sd_t from q1_t median_t q3_t')
    """
    require_choice("method", method, METHODS)
    table = open_table(arms, "arm table")
    table.require("study")
    notes: list[list[str]] = [[] for _ in range(len(table))]
    columns = dict(table.columns.items())
    for suffix in SUFFIXES:
        for name, values in _completed(table, suffix, method, level, notes).items():
            columns[name] = tuple(values.tolist())
        for name in STANDINS:
            columns.pop(name + suffix, None)
    columns["derived"] = tuple("; ".join(parts) or "as reported" for parts in notes)
    return replace(table, columns=columns)


def _completed(table: Table, suffix: str, method: str, level: float, notes: list[list[str]]) -> dict[str, Floats]:
    """Return the columns of one arm that were filled in."""
    present = {name for name in STANDINS if name + suffix in table.columns}
    completed: dict[str, Floats] = {}
    if present & {"se", "ci_lower", "ci_upper", "q1", "q3", "median", "plus_minus"}:
        completed |= _moments(table, suffix, method, level, notes)
    if "percent" in present:
        completed["events" + suffix] = _events(table, suffix, notes)
    return completed


def _moments(table: Table, suffix: str, method: str, level: float, notes: list[list[str]]) -> dict[str, Floats]:
    mean, sd = known_numbers(table, "mean" + suffix), known_numbers(table, "sd" + suffix)
    n = table.numbers("n" + suffix)
    read_arms(_places(table, np.arange(len(table))), **{"n" + suffix: n}).check_sizes("n" + suffix)
    for clash in arm_clashes(table, suffix, level):
        raise DataError(f"{table.cell(clash.row, clash.column)}: {clash.why}. {clash.normal}.")
    _fill_sd(table, suffix, mean, sd, n, level, notes)
    rows = np.flatnonzero(np.isnan(sd) & ~np.isnan(known_numbers(table, "median" + suffix)))
    if rows.size:
        q = [known_numbers(table, name + suffix)[rows] for name in _QUANTILES]
        fill = METHODS[method](
            n[rows], q[2], q1=q[1], q3=q[3], minimum=q[0], maximum=q[4], where=_places(table, rows)
        )  # fmt: skip
        new = np.isnan(mean[rows])
        mean[rows], sd[rows] = np.where(new, fill[0], mean[rows]), fill[1]
        for j, i in enumerate(rows):
            used = " ".join(name + suffix for name, x in zip(_QUANTILES, q, strict=True) if not np.isnan(x[j]))
            notes[i].append(f"{'mean' + suffix + ' ' if new[j] else ''}sd{suffix} from {used}")
    for i in np.flatnonzero(np.isnan(sd) | np.isnan(mean)):
        _reject_empty(table, int(i), suffix, "sd" if np.isnan(sd[i]) else "mean")
    return {"mean" + suffix: mean, "sd" + suffix: sd}


def arm_clashes(table: Table, suffix: str, level: float) -> Iterator[Clash]:
    """Yield reports of one arm that contradict each other by more than a tenth, rounding apart.

    An SE, or an interval of the mean by t or by the normal, beside an SD; and a mean that is not near the middle of its
    interval.
    """
    mean, sd, se, n = (known_numbers(table, name + suffix) for name in ("mean", "sd", "se", "n"))
    lower, upper = (known_numbers(table, f"ci_{end}{suffix}") for end in ("lower", "upper"))
    halves = {name: rounding(table, name + suffix) for name in ("mean", "sd", "se", "ci_lower", "ci_upper")}
    room, root = halves["ci_lower"] + halves["ci_upper"], np.sqrt(np.where(n > 0, n, np.nan))
    with np.errstate(invalid="ignore"):
        by_t, by_z = (root * (upper - lower) / 2 / q for q in (_t_quantile(level, n), _t_quantile(level, np.inf)))
        forms = (
            ("se", se * root, se * root, halves["se"] * root),
            ("ci_lower", by_t, by_z, room * root / 2 / _t_quantile(level, np.inf)),
        )
        for name, least, most, slack in forms:
            slack = slack + halves["sd"] + _SLACK * sd
            for i in map(int, np.flatnonzero((sd > 0) & (least > 0) & ((most + slack < sd) | (least - slack > sd)))):
                implied = f"{'an' if name == 'se' else 'its interval means an'} SD of {least[i]:.3g}"
                shown = f"an SE of {se[i]:g} means {implied}" if name == "se" else implied
                yield Clash(
                    i,
                    name + suffix,
                    f"{shown}, where sd{suffix} is {sd[i]:g}",
                    "One of the two is wrong: leave it empty",
                )
        off = np.abs(lower + upper - 2 * mean) - 1.001 * (room + 2 * halves["mean"])
        for i in map(int, np.flatnonzero(off > _SLACK * (upper - lower))):
            why = f"the interval {lower[i]:g} to {upper[i]:g} must have the mean, {mean[i]:g}, near its middle"
            yield Clash(
                i,
                f"ci_lower{suffix}",
                why,
                "One of the three was misprinted, or the mean is of another kind: find the SD",
            )


def _t_quantile(level: float, n: ArrayLike) -> Floats:
    """Return the quantile of t with n - 1 degrees of freedom that an interval of a mean takes; NaN for n below 2."""
    from scipy.special import ndtri, stdtrit

    df = np.asarray(n, dtype=np.float64) - 1
    finite = np.where(np.isfinite(df) & (df > 0), df, np.nan)
    return np.asarray(np.where(np.isinf(df), ndtri((1 + level) / 2), stdtrit(finite, (1 + level) / 2)))


def _fill_sd(
    table: Table, suffix: str, mean: Floats, sd: Floats, n: Floats, level: float, notes: list[list[str]]
) -> None:
    """Fill in standard deviations from standard errors and intervals of the mean."""
    se = known_numbers(table, "se" + suffix)
    for i in np.flatnonzero(np.isnan(sd) & ~np.isnan(se)):
        if se[i] <= 0:
            raise DataError(f"{table.cell(int(i), 'se' + suffix)}: se must be positive; got {se[i]:g}.")
        sd[i] = se[i] * np.sqrt(n[i])
        notes[i].append(f"sd{suffix} from se{suffix}")
    lower, upper = (known_numbers(table, f"ci_{end}{suffix}") for end in ("lower", "upper"))
    rows = np.flatnonzero(np.isnan(sd) & ~np.isnan(lower) & ~np.isnan(upper))
    if rows.size:
        if (n[rows] < 2).any():
            first = int(rows[np.argmax(n[rows] < 2)])
            raise DataError(f"{table.cell(first, 'n' + suffix)}: an interval needs n of 2 or more; got {n[first]:g}.")
        errors = se_from_interval(lower[rows], upper[rows], level=level, df=n[rows] - 1, where=_places(table, rows))
        sd[rows] = errors * np.sqrt(n[rows])
        for i in rows:
            notes[i].append(f"sd{suffix} from ci_lower{suffix} ci_upper{suffix}")
            if np.isnan(mean[i]):
                mean[i] = (lower[i] + upper[i]) / 2
                notes[i].append(f"mean{suffix} from the middle of its interval")


def _reject_empty(table: Table, i: int, suffix: str, name: str) -> None:
    column = name + suffix
    place = table.where(i, column, str(table.columns["study"][i]).strip() if "study" in table.columns else None)
    signs = known_numbers(table, "plus_minus" + suffix)
    if name == "sd" and not np.isnan(signs[i]):
        n = float(known_numbers(table, "n" + suffix)[i])
        raise DataError(
            f"{place}: +/- {signs[i]:g} may be a standard deviation, or a standard error, with an SD of {signs[i] * n**0.5:.3g}. "
            f"Find out which, and put it in sd{suffix} or se{suffix}."
        )
    raise DataError(
        f"{place}: it is missing, and nothing else in the row gives it. Leave the study out, or give it to PublishedReview."
    )


def _events(table: Table, suffix: str, notes: list[list[str]]) -> Floats:
    events, percent = known_numbers(table, "events" + suffix), known_numbers(table, "percent" + suffix)
    rows = np.flatnonzero(np.isnan(events) & ~np.isnan(percent))
    if rows.size:
        digits = [decimals(table.columns["percent" + suffix][i]) for i in rows]
        sizes = table.numbers("n" + suffix)[rows]
        events[rows] = events_from_percentage(percent[rows], sizes, decimals=digits, where=_places(table, rows))
    for i in rows:
        notes[i].append(f"events{suffix} from percent{suffix}")
    for i in np.flatnonzero(np.isnan(events)):
        _reject_empty(table, int(i), suffix, "events")
    return events


def _places(table: Table, rows: NDArray[np.intp]) -> Places:
    return Places(len(rows), lambda j: table.where(int(rows[j]), study=str(table.columns["study"][rows[j]]).strip()))
