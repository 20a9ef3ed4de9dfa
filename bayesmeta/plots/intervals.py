"""Results of other reviews beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import BLACK, blank, null_line, ratio_axis
from bayesmeta.plots.rows import bracket, columns, dot, line, pitch, pool_mark, wrapped


@dataclass(frozen=True, slots=True)
class Line:
    """An estimate with its interval, as it is read; `ours` is drawn as our pooled effect."""

    label: str
    estimate: float | None
    lower: float | None
    upper: float | None
    ours: bool = False


def intervals(rows: Sequence[Line], *, display: Display, x_label: str, ax: Axes | None = None) -> Axes:
    """Other reviews beside ours."""
    names = [wrapped(row.label, width=27) for row in rows]
    ax = blank(5.3, 0.8 + (pitch(names) + 0.02) * len(rows), ax)
    for at, row in enumerate(rows):
        if row.ours:
            pool_mark(ax, at, "pooled", row.estimate, row.lower, row.upper)
        else:
            line(ax, at, row.lower, row.upper, color=BLACK, linewidth=1.3)
            dot(ax, at, row.estimate, marker="s", color="white", markeredgecolor=BLACK)
    null_line(ax, display.null)
    columns(ax, list(range(len(rows))), names, [bracket(row.estimate, row.lower, row.upper) for row in rows])
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax)
    return ax
