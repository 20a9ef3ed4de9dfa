"""Forest plots: studies, what a review printed of their pool, ours, those of subgroups, and a new study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes

from bayesmeta.analysis.records.model import ForestColumnRecord, ForestRecord, ForestStudy, Pool, PublishedPool
from bayesmeta.effects.display import Display
from bayesmeta.plots.canvas import GREY, blank, null_line, ratio_axis
from bayesmeta.plots.rows import bracket, columns, dot, ends, interval, line, pitch, pool_mark, sides, unit, wrapped

Triple = tuple[float, float, float]
_POOLS = {"published": "Published pool", "pooled": "Our pooled effect", "new": "New trial"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a forest plot, on the scale of the analysis.

    Attributes
    ----------
    label : str
    kind : {"heading", "study", "published", "pooled", "new"}
    shown : tuple of float, optional
        Estimate with its interval.
    theta : tuple of float, optional
        True effect of a study with its interval.
    known : bool
        Whether a study's estimate is known; one that is not is drawn hollow, and may run out of the picture.
    precision : float
        Of a known study, 1/se^2.
    weight : str
        Text of the column of weights.
    beside : tuple of str
        Texts of columns between the name and the marks.
    gap : float
        Room above, in rows.
    """

    label: str
    kind: Literal["heading", "study", "published", "pooled", "new"]
    shown: Triple | None = None
    theta: Triple | None = None
    known: bool = True
    precision: float = 0.0
    weight: str = ""
    beside: tuple[str, ...] = ()
    gap: float = 0.0


def forest(
    data: ForestRecord,
    *,
    display: Display,
    x_label: str,
    benefit: str | None = None,
    narrow: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Forest plot of one model without covariates, for a report.

    Parameters
    ----------
    data : ForestRecord
    display : Display
        How the values are read, and at which of them there is no effect; ratios are drawn on a log axis.
    x_label : str
        Measure and unit.
    benefit : {"lower", "higher"}, optional
        Which side of no effect favours the treatment; of a measure without a comparison neither does.
    narrow : bool, default False
        Whether it is for a phone, which has no room for weights and other columns.

    Returns
    -------
    Axes
        Filled squares: studies with a result of their own. Hollow squares on dashed lines: those without, which are latent or
        have a zero cell. Grey dots below: the true effect given everything.
    """
    rows = [
        study_row(study, data.unknown, weight_text(study.weight), beside(data.columns, i))
        for i, study in enumerate(data.studies)
    ]
    for i, (key, pool) in enumerate(_pools(data)):
        centre = pool.estimate if isinstance(pool, PublishedPool) else pool.median
        gap = 0.35 if i == 0 and data.studies else 0.0
        totals = beside(data.columns, None) if key == "pooled" else ()
        rows.append(Row(_POOLS[key], key, (centre, pool.lower, pool.upper), gap=gap, beside=totals))
    heads = ["Study", "Estimate [95%]"]
    rows = without_columns(rows) if narrow else rows
    weighted, left = any(row.weight for row in rows), [] if narrow else [one.heading for one in data.columns]
    if weighted:
        heads.insert(1, "Weight")
    label = f"{x_label}\n{sides(None if display.null is None else benefit)}".strip()
    width, letters, ticks = (4.1, 15, 4) if narrow else (5.3 + 0.6 * (weighted + len(left)), 19, 4 if left else 6)
    return draw_rows(
        rows,
        display=display,
        x_label=label,
        width=width,
        letters=letters,
        ticks=ticks,
        headings=heads,
        left=left,
        ax=ax,
    )


def beside(columns: Sequence[ForestColumnRecord], study: int | None) -> tuple[str, ...]:
    """Texts between the name of a study and its marks, or those of all studies together."""
    return tuple(one.total if study is None else one.cells[study] for one in columns)


def without_columns(rows: Sequence[Row]) -> list[Row]:
    """Rows for a narrow figure, which has room for names and numbers alone."""
    return [replace(row, weight="", beside=()) for row in rows]


_FIGURE_SPACE = "\N{FIGURE SPACE}"  # as wide as a digit


def weight_text(weight: float | None) -> str:
    """A share as percent, as wide as any other; empty where there is none.

    Examples
    --------
    >>> weight_text(1.0), weight_text(None)
    ('100.0%', '')
    """
    return "" if weight is None else f"{100 * weight:.1f}%".rjust(6).replace(" ", _FIGURE_SPACE)


def study_row(study: ForestStudy, unknown: str, weight: str = "", beside: tuple[str, ...] = ()) -> Row:
    """The row of a study; what is `unknown` of one stands behind its name."""
    return Row(
        study.study if study.known else f"{study.study} ({unknown})",
        "study",
        (study.y, study.y_lower, study.y_upper),
        (study.theta, study.theta_lower, study.theta_upper),
        known=study.known,
        precision=1 / study.se**2 if study.known else 0.0,
        weight=weight,
        beside=beside,
    )


def draw_rows(
    rows: Sequence[Row],
    *,
    display: Display,
    x_label: str,
    width: float = 5.3,
    letters: int = 19,
    ticks: int = 6,
    headings: Sequence[str] = ("Study", "Estimate [95%]"),
    left: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw rows with the columns of their names, of what stands beside these, of their weights if any, and of their numbers.

    Parameters
    ----------
    rows : sequence of Row
    display : Display
    x_label : str
    width : float
        Of a figure of our own, in inches.
    letters : int
        Of a line of a name.
    ticks : int
        At most so many, on an axis of ratios.
    headings : sequence of str
        Above the names, the weights if there are any, and the numbers.
    left : sequence of str
        Above the columns between names and marks.
    ax : Axes, optional
    """
    names = [wrapped(row.label, letters) for row in rows]
    ax = blank(width, 1.15 * unit() + pitch(names) * len(rows), ax)
    ax.set_xlim(*_limits(rows, display))
    largest, at = max((row.precision for row in rows), default=0.0) or 1.0, [-0.85]
    numbers = []
    for i, row in enumerate(rows):
        at.append((at[-1] + 1 if i else 0.0) + row.gap)
        shown = [None] * 3 if row.shown is None else [display.value(one) for one in row.shown]
        numbers.append("" if row.shown is None else bracket(*shown))
        if row.gap:
            ax.axhline(at[-1] - 0.65, color="#c8c8c8", linewidth=0.8)
        if row.kind == "study":
            _draw_study(ax, at[-1], row, shown, display, largest)
        elif row.kind != "heading":
            pool_mark(ax, at[-1], row.kind, *shown)
    null_line(ax, display.null)
    weights = [row.weight for row in rows]
    shown_columns = [weights, numbers] if any(weights) else [numbers]
    first, *others = headings
    cells = [[head, *((row.beside[i] if row.beside else "") for row in rows)] for i, head in enumerate(left)]
    columns(
        ax,
        at,
        [first, *names],
        *([head, *texts] for head, texts in zip(others, shown_columns, strict=True)),
        beside=cells,
    )
    ax.set_xlabel(x_label)
    if display.is_ratio:
        ratio_axis(ax, most=ticks)
    return ax


def _draw_study(ax: Axes, at: float, row: Row, shown: Sequence[float | None], display: Display, largest: float) -> None:
    share = row.precision / largest if row.known else 0.35
    interval(ax, at, *shown, known=row.known, size=5 + 5 * share**0.5)
    if row.theta is not None:
        theta, below, above = (display.value(one) for one in row.theta)
        line(ax, at + 0.27, below, above, color=GREY, linewidth=unit())
        dot(ax, at + 0.27, theta, marker="o", color=GREY, markersize=3.5 * unit())


def _pools(data: ForestRecord) -> list[tuple[Literal["published", "pooled", "new"], Pool | PublishedPool]]:
    """What is drawn below the studies, in order."""
    own: list[tuple[Literal["published", "pooled", "new"], Pool | PublishedPool]]
    own = [("pooled", data.pooled), *([("new", data.new)] if data.new is not None else [])]  # type: ignore[list-item]
    return own if data.published is None else [("published", data.published), *own]


def forest_marks(data: ForestRecord, display: Display) -> set[str]:
    """Marks that `forest` draws: known, unknown, published, pooled, new, and arrow where an interval goes on."""
    marks: set[str] = {"known" if study.known else "unknown" for study in data.studies}
    marks |= {key for key, _ in _pools(data)}
    rows = [study_row(study, data.unknown) for study in data.studies]
    pools = [(pool.lower, pool.lower, pool.upper) for _, pool in _pools(data)]
    low, high = _limits([*rows, *(Row("", "pooled", one) for one in pools)], display)
    shown = [display.values([study.y_lower, study.y_upper]) for study in data.studies]
    return marks | ({"arrow"} if any(lower < low or upper > high for lower, upper in shown) else set())


def _limits(rows: Sequence[Row], display: Display) -> tuple[float, float]:
    """Room for what is known and estimated; the interval of a study without a result of its own may run out of the picture."""
    values = [] if display.null is None else [0.0]
    for row in rows:
        if row.theta is not None:
            values += row.theta[1:]
        if row.shown is not None:
            values += row.shown[1:] if row.known else row.shown[:1]
    low, high = min(values), max(values)
    pad = 0.06 * ((high - low) or 1.0)
    return ends(low - pad, high + pad, display)
