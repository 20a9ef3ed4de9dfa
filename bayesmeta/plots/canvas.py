"""How every plot looks, where it is drawn, and how it becomes the same bytes on each run: an SVG without a date."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation
from pydantic import BaseModel

from bayesmeta.plots.fonts import FAMILIES, quiet_about_glyphs, warn_of_glyphs
from bayesmeta.text.numbers import MINUS
from bayesmeta.text.plain_text import visible

# Okabe & Ito's palette: told apart with any kind of colour vision; shapes and dashes differ as well.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#6b6b6b"

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
TEXT = "svg with text"
OURS = "bayesmeta"  # the label of a figure that we made, so that its legend may stand outside the axes

STYLE: dict[Any, Any] = {
    "font.family": FAMILIES,
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "svg.fonttype": "path",
    "svg.hashsalt": "bayesmeta",
    "text.parse_math": False,  # a dollar sign in a study's name is a dollar sign
}


def defaults() -> dict[Any, Any]:
    """Matplotlib's own settings: the matplotlibrc of whoever runs this must change neither bytes nor looks."""
    return {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}


def data_uri(svg: bytes) -> str:
    """A picture as ``data:image/svg+xml;base64,...``."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def image(kind: str, draw: Callable[..., Axes], *args: Any, **kwargs: Any) -> bytes:
    """Draw in our style and return the bytes of an ``"svg"`` or ``"png"`` file, the same on each run.

    With the kind `TEXT` the letters of an SVG are text, for a file that brings their font.
    """
    letters = {"svg.fonttype": "none"} if kind == TEXT else {}
    with matplotlib.rc_context(defaults() | STYLE | letters):
        ax = draw(*map(visible_in, args), **visible_in(kwargs))
        warn_of_glyphs(figure_of(ax))
        return figure_bytes("svg" if kind == TEXT else kind, figure_of(ax), dpi=200)


def figure_bytes(kind: str, figure: Figure, *, dpi: int, about: str | None = None) -> bytes:
    """A figure as the bytes of a file, without a date; `about`, its alternative text, is the title of the picture."""
    metadata: dict[str, str | None] = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    if about is not None:
        metadata["Title"] = about
    buffer = io.BytesIO()
    with quiet_about_glyphs():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def figure_of(ax: Axes) -> Figure:
    """The figure that axes are in, the outermost one of nested ones."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def visible_in(content: Any) -> Any:
    r"""Return a record whose texts are `visible`, at any depth.

    Examples
    --------
    >>> visible_in({"study": ["A\x07", 1]})
    {'study': ['A\\x07', 1]}
    """
    if isinstance(content, str):
        return visible(content)
    if isinstance(content, dict):
        return {visible_in(key): visible_in(value) for key, value in content.items()}
    if isinstance(content, BaseModel):
        return content.model_copy(update={name: visible_in(value) for name, value in content})
    if is_dataclass(content) and not isinstance(content, type):
        return replace(content, **{one.name: visible_in(getattr(content, one.name)) for one in fields(content)})
    return type(content)(map(visible_in, content)) if type(content) in (list, tuple) else content


def legend_label(text: str) -> str:
    """Return text that a legend shows as it is: Matplotlib leaves out what begins with an underscore.

    Examples
    --------
    >>> legend_label("_hidden"), legend_label("reml hksj")
    (' _hidden', 'reml hksj')
    """
    return f" {text}" if text.startswith("_") else text


def blank(width: float, height: float, ax: Axes | None = None) -> Axes:
    """Return `ax`, or the axes of a new figure of so many inches, outside matplotlib's global state."""
    if ax is not None:
        return ax
    return Figure(figsize=(width, height), layout="constrained", label=OURS).add_subplot()


def legend(ax: Axes, handles: Sequence[Artist], *, ncols: int = 2, above: bool = False, **options: Any) -> None:
    """Explain marks, or what has labels where no `handles` are given: below the axes, or above them."""
    figure, shown = figure_of(ax), list(handles) or ax.get_legend_handles_labels()[0]
    if not shown:
        return
    if figure.get_label() == OURS:
        at: Literal["outside upper center", "outside lower center"]
        at = "outside upper center" if above else "outside lower center"
        figure.legend(handles=shown, loc=at, ncols=ncols, frameon=False, **options)
    else:
        away = 0.5 if above else -3.6  # in letters: beyond the numbers and the label of the axis
        shift = ScaledTranslation(0, away * matplotlib.rcParams["font.size"] / 72, figure.dpi_scale_trans)
        edge: Literal["lower center", "upper center"] = "lower center" if above else "upper center"
        ax.legend(
            handles=shown, loc=edge, bbox_to_anchor=(0.5, 1 if above else 0), bbox_transform=ax.transAxes + shift,
            ncols=min(ncols, 2), frameon=False, **options,
        )  # fmt: skip


def null_line(ax: Axes, null: float | None) -> None:
    """A dotted line where there is no effect, if such a value exists."""
    if null is not None:
        ax.axvline(null, color=BLACK, linewidth=0.8, linestyle=":")


def density_axis(ax: Axes) -> None:
    """Hide what has no meaning of its own: the height of a density."""
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylim(bottom=0)


def ratio_axis(ax: Axes, which: Literal["x", "y"] = "x", most: int = 6) -> None:
    """Draw a log axis for ratios or scales, with at most so many round ticks: 0.5, 1, 2, ..., or evenly spaced ones."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    ax.set(**{f"{which}scale": "log"})
    low, high = axis.get_view_interval()
    steps: tuple[tuple[float, ...], ...] = ((1, 2, 5), (1, 3), (1,))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for step in steps:
        ticks = [s * 10.0**k for k in powers for s in step if low <= s * 10.0**k <= high]
        if len(ticks) <= most:
            break
    if len(ticks) < 3:
        even = MaxNLocator(most - 1, steps=[1, 2, 5, 10]).tick_values(low, high)
        finer = [float(tick) for tick in even if low <= tick <= high]
        ticks = finer if len(finer) > len(ticks) else ticks
    stride = max(1, math.ceil(len(ticks) / most))
    axis.set_major_locator(FixedLocator(ticks[::stride]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", MINUS)))
    ax.set(**{f"{which}lim": (low, high)})
