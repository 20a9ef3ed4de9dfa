"""How every plot looks, and how it becomes the same bytes on each run: an SVG without a date."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from pydantic import BaseModel

from bayesmeta.report.numbers import MINUS
from bayesmeta.report.plain_text import visible

# Okabe & Ito's palette: told apart with any kind of colour vision; shapes and dashes differ as well.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#6b6b6b"

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
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


def data_uri(draw: Callable[..., Figure], *args: Any, **kwargs: Any) -> str:
    """Draw a figure in our style and return it as ``data:image/svg+xml;base64,...``."""
    return "data:image/svg+xml;base64," + base64.b64encode(image("svg", draw, *args, **kwargs)).decode("ascii")


def image(kind: str, draw: Callable[..., Figure], *args: Any, **kwargs: Any) -> bytes:
    """Draw a figure in our style and return it as the bytes of an ``"svg"`` or ``"png"`` file, the same on each run."""
    metadata: dict[str, None] = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    # the matplotlibrc of whoever runs this must not change the bytes
    with matplotlib.rc_context({k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"} | STYLE):
        buffer = io.BytesIO()
        draw(*map(visible_in, args), **visible_in(kwargs)).savefig(buffer, format=kind, dpi=200, metadata=metadata)
    return buffer.getvalue()


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


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one axes, outside matplotlib's global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def density_axis(ax: Axes) -> None:
    """Hide what has no meaning of its own: the height of a density."""
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylim(bottom=0)


def ratio_axis(ax: Axes, which: Literal["x", "y"] = "x") -> None:
    """Draw a log axis for ratios or scales, with round ticks: 0.5, 1, 2, ..."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    ax.set(**{f"{which}scale": "log"})
    low, high = axis.get_view_interval()
    steps: tuple[tuple[float, ...], ...] = ((1, 2, 5), (1, 3), (1,))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for step in steps:
        ticks = [s * 10.0**k for k in powers for s in step if low <= s * 10.0**k <= high]
        if len(ticks) <= 6:
            break
    stride = max(1, math.ceil(len(ticks) / 6))
    axis.set_major_locator(FixedLocator(ticks[::stride]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", MINUS)))
    ax.set(**{f"{which}lim": (low, high)})
