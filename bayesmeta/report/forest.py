"""Forest plots: known and latent trials, the published pool, ours, and a new trial."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesmeta.effects.display import Display
from bayesmeta.report.canvas import BLACK, BLUE, GREY, ORANGE, SKY, VERMILION, blank, ratio_axis
from bayesmeta.report.numbers import MISSING, spread_of, write_row

Record = Mapping[str, Any]


def forest(forest: Record, *, display: Display, x_label: str, benefit: str | None = None) -> Figure:
    """Forest plot of one model without covariates.

    Parameters
    ----------
    forest : mapping
        ``studies``, ``pooled``, ``new``, ``published`` and ``unknown`` (what marks studies that are not known), as in the
        results dictionary.
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
    studies = list(forest.get("studies") or [])
    unknown = str(forest.get("unknown") or "latent")
    names = [_label(study, "" if study.get("known") else unknown) for study in studies]
    pools = [(key, forest[key]) for key in ("published", "pooled", "new") if forest.get(key)]
    pitch = max([0.4, *(0.06 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(5.3, 1.15 + pitch * (len(studies) + len(pools)))
    low, high = _limits(studies, pools, display)
    ax.set_xlim(low, high)
    labels, numbers = ["Study"], ["Estimate [95%]"]
    at = [-0.85]
    weights = [1 / s["se"] ** 2 for s in studies if s.get("known") and s.get("se")]
    for row, study in enumerate(studies):
        y, lower, upper = (display.value(study.get(key)) for key in ("y", "y_lower", "y_upper"))
        known = bool(study.get("known"))
        share = 1 / study["se"] ** 2 / max(weights) if known and study.get("se") else 0.35
        _interval(ax, row, y, lower, upper, known=known, size=5 + 5 * share**0.5)
        theta, below, above = (display.value(study.get(k)) for k in ("theta", "theta_lower", "theta_upper"))
        _line(ax, row + 0.27, below, above, color=GREY, linewidth=1)
        _dot(ax, row + 0.27, theta, marker="o", color=GREY, markersize=3.5)
        labels.append(names[row])
        numbers.append(_bracket(y, lower, upper))
        at.append(float(row))
    for row, (key, record) in enumerate(pools, start=len(studies)):
        centre = display.value(record.get("estimate" if key == "published" else "median", record.get("mean")))
        lower, upper = (display.value(record.get(k)) for k in ("lower", "upper"))
        at.append(row + 0.35)
        _pool(ax, at[-1], key, centre, lower, upper)
        labels.append({"published": "Published pool", "pooled": "Our pooled effect", "new": "New trial"}[key])
        numbers.append(_bracket(centre, lower, upper))
    if studies and pools:
        ax.axhline(len(studies) - 0.3, color="#c8c8c8", linewidth=0.8)
    _null_line(ax, display)
    _columns(ax, at, labels, numbers)
    ax.set_xlabel(f"{x_label}\n{_sides(benefit)}".strip())
    if display.is_ratio:
        ratio_axis(ax)
    return figure


def forest_marks(forest: Record, display: Display) -> set[str]:
    """Marks that `forest` draws: known, unknown, theta, published, pooled, new, and arrow where an interval goes on."""
    studies = list(forest.get("studies") or [])
    pools = [(key, forest[key]) for key in ("published", "pooled", "new") if forest.get(key)]
    marks = {"known" if study.get("known") else "unknown" for study in studies} | {key for key, _ in pools}
    marks |= {"theta" for study in studies if study.get("theta") is not None}
    low, high = _limits(studies, pools, display)
    for study in studies:
        lower, upper = (display.value(study.get(key)) for key in ("y_lower", "y_upper"))
        if (lower is not None and lower < low) or (upper is not None and upper > high):
            marks.add("arrow")
    return marks


def side_by_side_marks(rows: Sequence[Record], display: Display) -> set[str]:
    """Marks that `side_by_side` draws: the two schools, new, and arrow where a new study's interval goes on."""
    low, high = _window(rows, display)
    marks = {str(row["school"]) for row in rows}
    for row in rows:
        lower, upper = (display.value(row.get(f"prediction_{end}")) for end in ("lower", "upper"))
        if lower is not None or upper is not None:
            marks.add("new")
        if (lower is not None and lower < low) or (upper is not None and upper > high):
            marks.add("arrow")
    return marks


def intervals(rows: Sequence[Record], *, display: Display, x_label: str) -> Figure:
    """Other reviews beside ours: each row has ``label``, ``estimate``, ``lower``, ``upper`` and ``ours``."""
    names = [_label(record, width=27) for record in rows]
    pitch = max([0.4, *(0.08 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(5.3, 0.8 + pitch * len(rows))
    for row, record in enumerate(rows):
        if record.get("ours"):
            _pool(ax, row, "pooled", record.get("estimate"), record.get("lower"), record.get("upper"))
        else:
            _line(ax, row, record.get("lower"), record.get("upper"), color=BLACK, linewidth=1.3)
            _dot(ax, row, record.get("estimate"), marker="s", color="white", markeredgecolor=BLACK)
    _null_line(ax, display)
    texts = [_bracket(r.get("estimate"), r.get("lower"), r.get("upper")) for r in rows]
    _columns(ax, list(range(len(rows))), names, texts)
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax)
    return figure


def side_by_side(rows: Sequence[Record], *, display: Display, x_label: str) -> Figure:
    """Estimators and priors of both schools, one row each, from the same data.

    Parameters
    ----------
    rows : sequence of mapping
        ``name``, ``school`` (``"frequentist"`` or ``"Bayesian"``), ``estimate``, ``lower``, ``upper``,
        ``prediction_lower`` and ``prediction_upper``, on the scale of the analysis; None where there is none.
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
    keys = ("estimate", "lower", "upper", "prediction_lower", "prediction_upper")
    shown = [{key: display.value(row.get(key)) for key in keys} for row in rows]
    names = [textwrap.fill(str(row["name"]), 25) for row in rows]
    pitch = max([0.36, *(0.06 + 0.165 * (name.count("\n") + 1) for name in names)])
    figure, ax = blank(6.6, 1.35 + pitch * len(rows))
    ax.set_xlim(*_window(rows, display))
    for at, (row, values) in enumerate(zip(rows, shown, strict=True)):
        bayesian = row["school"] == "Bayesian"
        colour = BLUE if bayesian else BLACK
        new = (values["prediction_lower"], values["prediction_upper"])
        _line(ax, at, *new, color=SKY if bayesian else GREY, linewidth=7, alpha=0.35, solid_capstyle="butt")
        _line(ax, at, values["lower"], values["upper"], color=colour, linewidth=1.8, solid_capstyle="butt")
        _arrows(ax, at, *new, colour)
        for end in new:
            _dot(ax, at, end, marker="|", color=colour, markersize=7)
        shape = {"marker": "D", "markersize": 6.5} if bayesian else {"marker": "s", "markersize": 6}
        _dot(ax, at, values["estimate"], color=colour, **shape)
    texts = [_bracket(values["estimate"], values["lower"], values["upper"]) for values in shown]
    _null_line(ax, display)
    _columns(ax, list(range(len(rows))), names, texts)
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


def _window(rows: Sequence[Record], display: Display) -> tuple[float, float]:
    """Room for every interval of an estimate and for no effect; one of a new study may run out of the picture."""
    near = [row[key] for row in rows for key in ("estimate", "lower", "upper") if row.get(key) is not None]
    near += [] if display.null is None else [0.0]
    span = (max(near) - min(near)) or 1.0
    far = [row[key] for row in rows for key in ("prediction_lower", "prediction_upper") if row.get(key) is not None]
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


def _limits(studies: Sequence[Record], pools: Sequence[tuple[str, Record]], display: Display) -> tuple[float, float]:
    """Room for what is known and estimated; a latent trial's own interval may run out of the picture."""
    ends = [record.get(key) for _, record in pools for key in ("lower", "upper")]
    for study in studies:
        keys = ("theta_lower", "theta_upper") + (("y_lower", "y_upper") if study.get("known") else ("y",))
        ends += [study.get(key) for key in keys]
    known = [end for end in ends if end is not None] + ([] if display.null is None else [0.0])
    low, high = min(known), max(known)
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


def _label(record: Record, mark: str = "", width: int = 19) -> str:
    text = str(record.get("label") or record.get("study") or "")
    return textwrap.fill(f"{text} ({mark})" if mark else text, width)


def _bracket(value: float | None, lower: float | None, upper: float | None) -> str:
    if value is None and lower is None and upper is None:
        return MISSING
    shown = write_row([value, lower, upper], spread_of(value, lower, upper))
    return shown[0] if lower is None and upper is None else f"{shown[0]} [{shown[1]}, {shown[2]}]"
