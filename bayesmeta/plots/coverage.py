"""Coverage of the intervals of a simulation study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesmeta.plots.canvas import COLOURS, GREY, MARKERS, OURS, legend, legend_label

Row = Mapping[str, Any]


def coverage(rows: Sequence[Row], level: float) -> Axes:
    """Draw the coverage of the intervals for mu against tau, with a panel for each k and mu; bars are 2 Monte Carlo errors.

    Where tau has one value, coverage is drawn against k, with a panel for each mu. Text, the distribution of tau, takes
    places 0, 1, ... on its axis.
    """
    rows = [row for row in rows if row["parameter"] == "mu" and row["coverage"] is not None]
    along = "tau" if len({row["tau"] for row in rows}) > 1 else "k"
    panels = list(dict.fromkeys(_panel(row, along) for row in rows)) or [()]
    values = list(dict.fromkeys(row[along] for row in rows))
    figure = Figure(figsize=(0.9 + 2.6 * len(panels), 3.6), layout="constrained", label=OURS)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(row["analysis"] for row in rows))
    for ax, panel in zip(axes, panels, strict=True):
        chosen = [row for row in rows if _panel(row, along) == panel]
        ax.axhline(level, color=GREY, linewidth=0.8, linestyle=":")
        for i, name in enumerate(names):
            _line(ax, [row for row in chosen if row["analysis"] == name], along, values, i, len(names))
        ax.set_title(", ".join(f"{_SYMBOL[key]} = {value}" for key, value in panel))
        ax.set_xlabel({"tau": "τ", "k": "number of studies"}[along])
        if not all(isinstance(value, int | float) for value in values):
            ax.set_xticks(range(len(values)), labels=[str(value) for value in values])
    axes[0].set_ylabel("coverage")
    if names:
        legend(axes[0], [], ncols=min(3, len(names)))
    return axes[0]  # type: ignore[no-any-return]


_SYMBOL = {"k": "k", "mu": "μ"}


def _panel(row: Row, along: str) -> tuple[tuple[str, Any], ...]:
    return (("mu", row["mu"]),) if along == "k" else (("k", row["k"]), ("mu", row["mu"]))


def _line(ax: Axes, rows: Sequence[Row], along: str, values: Sequence[Any], i: int, n: int) -> None:
    """One analysis; its marks stand a little beside the others' so that bars do not hide each other."""
    numeric = all(isinstance(value, int | float) for value in values)
    x = [float(row[along]) if numeric else float(values.index(row[along])) for row in rows]
    span = (max(map(float, values)) - min(map(float, values)) if numeric else len(values) - 1) or 1.0
    moved = [place + (i - (n - 1) / 2) * 0.012 * span for place in x]
    ax.errorbar(
        moved,
        [row["coverage"] for row in rows],
        yerr=[2 * row["coverage_mcse"] for row in rows],
        color=COLOURS[i % len(COLOURS)],
        marker=MARKERS[i % len(MARKERS)],
        markersize=5,
        linewidth=1.2,
        label=legend_label(str(rows[0]["analysis"])) if rows else None,
    )
