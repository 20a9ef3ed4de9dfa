"""Forest plots: known and latent trials, the published pool, ours, and a new trial."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.analysis.records.model import ForestRecord, Pool, PublishedPool
from bayesmeta.analysis.records.outcome import SchoolRow
from bayesmeta.effects.display import Display
from bayesmeta.report.canvas import BLACK, BLUE, GREY, ORANGE, SKY, VERMILION, blank, ratio_axis
from bayesmeta.report.numbers import MISSING, spread_of, write_row


@dataclass(frozen=True, slots=True)
class Line:
    """An estimate with its interval, as it is read; `ours` is drawn as our pooled effect."""

    label: str
    estimate: float | None
    lower: float | None
    upper: float | None
    ours: bool = False


def forest(data: ForestRecord, *, display: Display, x_label: str, benefit: str | None = None) -> Figure:
    """Forest plot of one model without covariates.

    Parameters
    ----------
    data : ForestRecord
    display : Display
        How the values are read, and at which of them there is no effect; ratios are drawn on a log axis.
    x_label : str
        Measure and unit.
    benefit : {"lower", "higher"}, optional
        Which side of no effect favours the treatment.

    Returns
    -------
    Figure
        Filled squares: trials with known results. Hollow squares on dashed lines: latent trials. Grey dots
        below: the true effect given everything.
    """
    studies, pools = data.studies, _pools(data)
    names = [_label(study.study if study.known else f"{study.study} ({data.unknown})") for study in studies]
    pitch = max([0.4, *(0.06 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(5.3, 1.15 + pitch * (len(studies) + len(pools)))
    ax.set_xlim(*_limits(data, display))
    labels, numbers = ["Study"], ["Estimate [95%]"]
    at = [-0.85]
    largest = max((1 / study.se**2 for study in studies if study.known), default=1.0)
    for row, study in enumerate(studies):
        y, lower, upper, theta, below, above = (
            display.value(one)
            for one in (study.y, study.y_lower, study.y_upper, study.theta, study.theta_lower, study.theta_upper)
        )
        share = 1 / study.se**2 / largest if study.known else 0.35
        _interval(ax, row, y, lower, upper, known=study.known, size=5 + 5 * share**0.5)
        _line(ax, row + 0.27, below, above, color=GREY, linewidth=1)
        _dot(ax, row + 0.27, theta, marker="o", color=GREY, markersize=3.5)
        labels.append(names[row])
        numbers.append(_bracket(y, lower, upper))
        at.append(float(row))
    for row, (key, pool) in enumerate(pools, start=len(studies)):
        centre = pool.estimate if isinstance(pool, PublishedPool) else pool.median
        shown = [display.value(one) for one in (centre, pool.lower, pool.upper)]
        at.append(row + 0.35)
        _pool(ax, at[-1], key, *shown)
        labels.append({"published": "Published pool", "pooled": "Our pooled effect", "new": "New trial"}[key])
        numbers.append(_bracket(*shown))
    if studies:
        ax.axhline(len(studies) - 0.3, color="#c8c8c8", linewidth=0.8)
    _null_line(ax, display)
    _columns(ax, at, labels, numbers)
    ax.set_xlabel(f"{x_label}\n{_sides(benefit)}".strip())
    if display.is_ratio:
        ratio_axis(ax)
    return figure


def _pools(data: ForestRecord) -> list[tuple[str, Pool | PublishedPool]]:
    """What is drawn below the studies, in order."""
    published = [] if data.published is None else [("published", data.published)]
    return [*published, ("pooled", data.pooled), ("new", data.new)]


def forest_marks(data: ForestRecord, display: Display) -> set[str]:
    """Marks that `forest` draws: known, unknown, published, pooled, new, and arrow where an interval goes on."""
    marks = {"known" if study.known else "unknown" for study in data.studies} | {key for key, _ in _pools(data)}
    low, high = _limits(data, display)
    shown = [display.values([study.y_lower, study.y_upper]) for study in data.studies]
    return marks | ({"arrow"} if any(lower < low or upper > high for lower, upper in shown) else set())


def side_by_side_marks(rows: Sequence[SchoolRow], display: Display) -> set[str]:
    """Marks that `side_by_side` draws: the two schools, new, and arrow where a new study's interval goes on."""
    low, high = _window(rows, display)
    marks: set[str] = {row.school for row in rows}
    for row in rows:
        lower, upper = display.value(row.prediction_lower), display.value(row.prediction_upper)
        if lower is not None or upper is not None:
            marks.add("new")
        if (lower is not None and lower < low) or (upper is not None and upper > high):
            marks.add("arrow")
    return marks


def intervals(rows: Sequence[Line], *, display: Display, x_label: str) -> Figure:
    """Other reviews beside ours."""
    names = [_label(row.label, width=27) for row in rows]
    pitch = max([0.4, *(0.08 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(5.3, 0.8 + pitch * len(rows))
    for at, row in enumerate(rows):
        if row.ours:
            _pool(ax, at, "pooled", row.estimate, row.lower, row.upper)
        else:
            _line(ax, at, row.lower, row.upper, color=BLACK, linewidth=1.3)
            _dot(ax, at, row.estimate, marker="s", color="white", markeredgecolor=BLACK)
    _null_line(ax, display)
    _columns(ax, list(range(len(rows))), names, [_bracket(row.estimate, row.lower, row.upper) for row in rows])
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax)
    return figure


def side_by_side(rows: Sequence[SchoolRow], *, display: Display, x_label: str) -> Figure:
    """Estimators and priors of both schools, one row each, from the same data.

    Parameters
    ----------
    rows : sequence of SchoolRow
        On the scale of the analysis.
    display : Display
        How the values are read; ratios are drawn on a log axis.
    x_label : str
        Measure and unit.

    Returns
    -------
    Figure
        Black squares: frequentist estimates. Blue diamonds: posterior medians. Lines: their intervals. Pale bars with
        ends: a new study.
    """
    shown = [[display.value(one) for one in (row.estimate, row.lower, row.upper)] for row in rows]
    names = [textwrap.fill(row.name, 25) for row in rows]
    pitch = max([0.36, *(0.06 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(6.6, 1.35 + pitch * len(rows))
    ax.set_xlim(*_window(rows, display))
    for at, (row, (estimate, lower, upper)) in enumerate(zip(rows, shown, strict=True)):
        bayesian = row.school == "Bayesian"
        colour = BLUE if bayesian else BLACK
        new = (display.value(row.prediction_lower), display.value(row.prediction_upper))
        _line(ax, at, *new, color=SKY if bayesian else GREY, linewidth=7, alpha=0.35, solid_capstyle="butt")
        _line(ax, at, lower, upper, color=colour, linewidth=1.8, solid_capstyle="butt")
        _arrows(ax, at, *new, colour)
        for end in new:
            _dot(ax, at, end, marker="|", color=colour, markersize=7)
        shape = {"marker": "D", "markersize": 6.5} if bayesian else {"marker": "s", "markersize": 6}
        _dot(ax, at, estimate, color=colour, **shape)
    _null_line(ax, display)
    _columns(ax, list(range(len(rows))), names, [_bracket(*values) for values in shown])
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax)
    handles = {
        "frequentist": Line2D([], [], marker="s", ms=6, color=BLACK, linewidth=1.8, label="frequentist"),
        "Bayesian": Line2D([], [], marker="D", ms=6.5, color=BLUE, linewidth=1.8, label="Bayesian"),
        "new": Line2D([], [], marker="|", ms=7, mec=BLACK, color=GREY, linewidth=7, alpha=0.35, label="new study"),
    }
    marks = side_by_side_marks(rows, display)
    drawn = [handle for mark, handle in handles.items() if mark in marks]
    figure.legend(handles=drawn, loc="outside lower center", ncols=3, frameon=False, handlelength=2.4)
    return figure


def _window(rows: Sequence[SchoolRow], display: Display) -> tuple[float, float]:
    """Room for every interval of an estimate and for no effect; one of a new study may run out of the picture."""
    near = [one for row in rows for one in (row.estimate, row.lower, row.upper) if one is not None]
    near += [] if display.null is None else [0.0]
    span = (max(near) - min(near)) or 1.0
    far = [one for row in rows for one in (row.prediction_lower, row.prediction_upper) if one is not None]
    low = max(min([*near, *far]), min(near) - 1.5 * span) - 0.06 * span
    high = min(max([*near, *far]), max(near) + 1.5 * span) + 0.06 * span
    return _ends(low, high, display)


def _arrows(ax: Axes, row: float, lower: float | None, upper: float | None, colour: str) -> None:
    """Mark an interval that goes on beyond the picture."""
    low, high = ax.get_xlim()
    if lower is not None and lower < low:
        ax.plot([low], [row], marker="<", color=colour, markersize=6, clip_on=False)
    if upper is not None and upper > high:
        ax.plot([high], [row], marker=">", color=colour, markersize=6, clip_on=False)


def _sides(benefit: str | None) -> str:
    better, worse = "favours treatment", "favours control"
    if benefit not in ("lower", "higher"):
        return ""
    left, right = (better, worse) if benefit == "lower" else (worse, better)
    return f"← {left}    {right} →"


def _limits(data: ForestRecord, display: Display) -> tuple[float, float]:
    """Room for what is known and estimated; a latent trial's own interval may run out of the picture."""
    ends = [end for _, pool in _pools(data) for end in (pool.lower, pool.upper)]
    for study in data.studies:
        ends += [study.theta_lower, study.theta_upper, *((study.y_lower, study.y_upper) if study.known else (study.y,))]
    ends += [] if display.null is None else [0.0]
    low, high = min(ends), max(ends)
    pad = 0.06 * ((high - low) or 1.0)
    return _ends(low - pad, high + pad, display)


def _ends(low: float, high: float, display: Display) -> tuple[float, float]:
    """Both ends of an axis, apart from each other where the scale of display has an end itself."""
    left, right = float(display.values(low)), float(display.values(high))
    return (left, right) if left < right else (left - 0.01, right + 0.01)


def _null_line(ax: Axes, display: Display) -> None:
    if display.null is not None:
        ax.axvline(display.null, color=BLACK, linewidth=0.8, linestyle=":")


def _interval(
    ax: Axes,
    row: float,
    y: float | None,
    lower: float | None,
    upper: float | None,
    *,
    known: bool,
    size: float,
) -> None:
    colour = BLACK if known else VERMILION
    _line(ax, row, lower, upper, color=colour, linewidth=1.4, linestyle="-" if known else (0, (4, 2)))
    _arrows(ax, row, lower, upper, colour)
    _dot(ax, row, y, marker="s", color=colour if known else "white", markeredgecolor=colour, markersize=size)


def _pool(ax: Axes, row: float, key: str, centre: float | None, lower: float | None, upper: float | None) -> None:
    if lower is None or upper is None:
        _dot(ax, row, centre, marker="D", color=BLUE)
    elif key == "new":
        ax.plot([lower, upper], [row, row], color=BLUE, linewidth=5, alpha=0.45, solid_capstyle="butt")
        _dot(ax, row, centre, marker="|", color=BLUE, markersize=11, markeredgewidth=2)
    else:
        middle = (lower + upper) / 2 if centre is None else centre
        filled = key == "pooled"
        ax.fill(
            [lower, middle, upper, middle],
            [row, row - 0.28, row, row + 0.28],
            facecolor=BLUE if filled else "white",
            edgecolor=BLUE if filled else ORANGE,
            linewidth=1.6,
            hatch=None if filled else "//////",
        )


def _line(ax: Axes, row: float, lower: float | None, upper: float | None, **style: Any) -> None:
    if lower is not None and upper is not None:
        ax.plot([lower, upper], [row, row], zorder=2, **style)


def _dot(ax: Axes, row: float, x: float | None, **style: Any) -> None:
    if x is not None:
        ax.plot([x], [row], linestyle="none", zorder=3, **style)


def _columns(ax: Axes, at: Sequence[float], labels: Sequence[str], numbers: Sequence[str]) -> None:
    """Names on the left and numbers on the right, with the first row on top."""
    right = ax.twinx()
    for side, texts in ((ax, labels), (right, numbers)):
        side.set_yticks(list(at), labels=list(texts))
        side.tick_params(axis="y", length=0, pad=7)
        side.set_ylim(at[-1] + 0.65, at[0] - 0.35)
        for spine in ("left", "right", "top"):
            side.spines[spine].set_visible(False)


def _label(text: str, width: int = 19) -> str:
    return textwrap.fill(text, width)


def _bracket(value: float | None, lower: float | None, upper: float | None) -> str:
    if value is None and lower is None and upper is None:
        return MISSING
    shown = write_row([value, lower, upper], spread_of(value, lower, upper))
    return shown[0] if lower is None and upper is None else f"{shown[0]} [{shown[1]}, {shown[2]}]"
