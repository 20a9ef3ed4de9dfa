"""Rows of estimates with their intervals, and the columns of names and numbers beside them: what forest plots share."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLACK, BLUE, ORANGE, VERMILION
from bayesmeta.text.numbers import MISSING, spread_of, write_row
from bayesmeta.text.plain_text import visible

_PAD, _GAP = 7.0, 9.0  # between the axes and a column, and between columns, in points
_SIZE = 9.5  # of the letters for which rows are as high, in inches, as below


def unit() -> float:
    """How large letters are, and so rows and marks, compared with those of a report."""
    size = matplotlib.rcParams["ytick.labelsize"]
    return float(size) / _SIZE if isinstance(size, int | float) else 1.0


def pitch(names: Sequence[str], least: float = 0.4) -> float:
    """Height of a row, in inches, that leaves room for the name with the most lines."""
    return unit() * max([least, *(0.06 + 0.165 * (name.count("\n") + 1) for name in names)])


def line(ax: Axes, row: float, lower: float | None, upper: float | None, **style: Any) -> None:
    """A line between two values, if there are both."""
    if lower is not None and upper is not None:
        ax.plot([lower, upper], [row, row], **{"zorder": 2, **style})


def dot(ax: Axes, row: float, x: float | None, **style: Any) -> None:
    """A mark at a value, if there is one."""
    if x is not None:
        ax.plot([x], [row], linestyle="none", zorder=3, **style)


def interval(
    ax: Axes,
    row: float,
    y: float | None,
    lower: float | None,
    upper: float | None,
    *,
    known: bool,
    size: float,
) -> None:
    """A square with its interval: filled where the estimate is known, hollow on a dashed line where it is not."""
    colour = BLACK if known else VERMILION
    line(ax, row, lower, upper, color=colour, linewidth=1.4 * unit(), linestyle="-" if known else (0, (4, 2)))
    arrows(ax, row, lower, upper, colour)
    dot(ax, row, y, marker="s", color=colour if known else "white", markeredgecolor=colour, markersize=size * unit())


def arrows(ax: Axes, row: float, lower: float | None, upper: float | None, colour: str) -> None:
    """Mark an interval that goes on beyond the picture."""
    low, high = ax.get_xlim()
    if lower is not None and lower < low:
        ax.plot([low], [row], marker="<", color=colour, markersize=6 * unit(), clip_on=False)
    if upper is not None and upper > high:
        ax.plot([high], [row], marker=">", color=colour, markersize=6 * unit(), clip_on=False)


def pool_mark(ax: Axes, row: float, key: str, centre: float | None, lower: float | None, upper: float | None) -> None:
    """A diamond for a pooled effect, hatched for one that was published; a bar for the true effect in a new study."""
    if lower is None or upper is None:
        dot(ax, row, centre, marker="D", color=BLUE)
    elif key == "new":
        line(ax, row, lower, upper, color=BLUE, linewidth=5 * unit(), alpha=0.45, solid_capstyle="butt")
        dot(ax, row, centre, marker="|", color=BLUE, markersize=11 * unit(), markeredgewidth=2 * unit())
    else:
        middle = (lower + upper) / 2 if centre is None else centre
        filled = key == "pooled"
        ax.fill(
            [lower, middle, upper, middle],
            [row, row - 0.28, row, row + 0.28],
            facecolor=BLUE if filled else "white",
            edgecolor=BLUE if filled else ORANGE,
            linewidth=1.6 * unit(),
            hatch=None if filled else "//////",
        )


def columns(
    ax: Axes, at: Sequence[float], labels: Sequence[str], *numbers: Sequence[str], beside: Sequence[Sequence[str]] = ()
) -> None:
    """Names on the left, with what stands `beside` them, and columns of numbers on the right, with the first row on top."""
    pad = _PAD
    for texts in reversed(beside):
        side = ax.twinx()
        side.yaxis.tick_left()
        _column(side, at, texts, pad)
        pad += _width(texts) + _GAP
    _column(ax, at, labels, pad)
    pad = _PAD
    for texts in numbers:
        _column(ax.twinx(), at, texts, pad)
        pad += _width(texts) + _GAP


def _column(side: Axes, at: Sequence[float], texts: Sequence[str], pad: float) -> None:
    side.set_yticks(list(at), labels=list(texts))
    side.tick_params(axis="y", length=0, pad=pad)
    side.set_ylim(at[-1] + 0.65, at[0] - 0.35)
    for spine in ("left", "right", "top"):
        side.spines[spine].set_visible(False)


def _width(texts: Sequence[str]) -> float:
    """Of the widest text, in points."""
    font = FontProperties(size=matplotlib.rcParams["ytick.labelsize"])
    widths = [TextPath((0, 0), text, prop=font).get_extents().width for text in texts if text.strip()]
    return float(max(widths, default=0.0))


def ends(low: float, high: float, display: Display) -> tuple[float, float]:
    """Both ends of an axis, apart from each other where the scale of display has an end itself."""
    left, right = float(display.values(low)), float(display.values(high))
    return (left, right) if left < right else (left - 0.01, right + 0.01)


_APART = 4 * "\N{NO-BREAK SPACE}"  # of plain spaces, an SVG that has its letters as text would show one


def sides(benefit: str | None) -> str:
    """Which side favours which arm, in words; empty where it is not known."""
    better, worse = "favours treatment", "favours control"
    if benefit not in ("lower", "higher"):
        return ""
    left, right = (better, worse) if benefit == "lower" else (worse, better)
    return f"← {left}{_APART}{right} →"


def wrapped(text: str, width: int = 19) -> str:
    r"""A name in lines of so many characters, without what moves a cursor.

    Examples
    --------
    >>> wrapped("Comstock and Webster 1969"), wrapped("$x_1$ <b>")
    ('Comstock and\nWebster 1969', '$x_1$ <b>')
    """
    return textwrap.fill(visible(text), width)


def bracket(value: float | None, lower: float | None, upper: float | None) -> str:
    """An estimate with its interval, as text.

    Examples
    --------
    >>> bracket(-0.714, -1.064, -0.364)
    '−0.71 [−1.06, −0.36]'
    """
    if value is None and lower is None and upper is None:
        return MISSING
    shown = write_row([value, lower, upper], spread_of(value, lower, upper))
    return shown[0] if lower is None and upper is None else f"{shown[0]} [{shown[1]}, {shown[2]}]"
