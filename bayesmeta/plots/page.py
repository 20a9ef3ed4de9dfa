"""What every public plot does around its drawing: width of a journal's column, letters, alternative text, a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.text import Text

from bayesmeta.data.files import write_file
from bayesmeta.errors import SpecificationError
from bayesmeta.plots.canvas import OURS, STYLE, defaults, figure_bytes, figure_of
from bayesmeta.plots.fonts import warn_of_glyphs
from bayesmeta.text.plain_text import visible

WIDE, NARROW = 170.0, 85.0  # mm: both columns of a journal's page, and one
_LEAST, _MOST = 60.0, 600.0
_INCH = 25.4
_DPI = 300
FILES = (".svg", ".png")


@contextmanager
def drawing(width: float, ax: Axes | None) -> Iterator[float]:
    """Draw in our style on a new figure of so many millimetres, or in the style of the owner of `ax`; yields inches.

    Raises
    ------
    SpecificationError
        If the width is not one of a page.
    """
    if not (isinstance(width, int | float) and _LEAST <= width <= _MOST):
        raise SpecificationError(
            f"width={width!r}: millimetres, from {_LEAST:g} to {_MOST:g}. One column of a journal is about 85, two are 170."
        )
    literal: dict[Any, Any] = {"text.parse_math": False, "text.usetex": False}
    with matplotlib.rc_context(defaults() | STYLE | _letters(width) if ax is None else literal):
        yield width / _INCH


def _letters(width: float) -> dict[Any, Any]:
    """Sizes of letters, in points: what journals ask for, 7 in one column and 8 across the page."""
    size = 7.0 if width < 120 else 8.0
    names = ("font.size", "axes.labelsize", "axes.titlesize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
    lines = {"axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6}
    return {**dict.fromkeys(names, size), "xtick.major.size": 2.5, "ytick.major.size": 2.5, **lines}


def narrow(width: float) -> bool:
    """Whether a figure of so many inches is one column wide."""
    return width * _INCH < 120


def finished(ax: Axes, about: str) -> Axes:
    """Return the axes with their alternative text, names on them as they are, and a warning of letters that no font has."""
    ax.set_label(visible(about))
    for text in ax.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
    if figure_of(ax).get_label() == OURS:
        warn_of_glyphs(figure_of(ax))
    return ax


def alt_text(ax: Axes) -> str:
    """What a plot shows, in words, for those who cannot see it: the alternative text of a picture.

    Parameters
    ----------
    ax : Axes
        That a plot of this package has returned.

    Returns
    -------
    str
        Sentences with the numbers that are drawn.

    Raises
    ------
    SpecificationError
        If no plot of this package was drawn there.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> print(bm.alt_text(bm.plot_forest(result)))
    Forest plot of 13 studies, risk ratio. Pooled: 0.495 [0.339, 0.710]. New study: 0.50 [0.14, 1.69].
    """
    about = str(ax.get_label())
    if not about:
        raise SpecificationError("alt_text: these axes have no plot of bayesmeta, e.g. bm.plot_forest(result, ax=ax).")
    return about


def save_plot(ax: Axes, path: str | Path) -> None:
    """Write the figure of a plot to an SVG or PNG file, with its alternative text.

    A plot drawn anew gives the same bytes. Letters of an SVG are outlines, so that no font is asked for; a PNG has 300 dots an
    inch. The alternative text is the ``<title>`` of an SVG and the text ``Title`` of a PNG.

    Parameters
    ----------
    ax : Axes
        That a plot of this package has returned.
    path : str or Path
        Ends in ``.svg`` or ``.png``.

    Raises
    ------
    SpecificationError
        If the name ends otherwise, or no plot of this package was drawn there.
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> data = bm.load_dataset("bcg")
    >>> result = bm.fit(data, bm.NormalNormal(mu=bm.Normal(0, 2), tau=bm.HalfNormal(0.5)))
    >>> bm.save_plot(bm.plot_funnel(result, width=85), "funnel.pdf")
    Traceback (most recent call last):
    ...
    bayesmeta.errors.SpecificationError: funnel.pdf: a plot is written to a file that ends in .svg or .png.
    """
    file = Path(path)
    check_file(file, str(path))
    about = alt_text(ax)
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": STYLE["svg.hashsalt"]}):
        write_file(file, figure_bytes(file.suffix.lower()[1:], figure_of(ax), dpi=_DPI, about=about))


def check_file(path: Path, said: str) -> None:
    """Reject a file of a kind that plots are not written to; `said` is what the user wrote.

    Raises
    ------
    SpecificationError
    """
    if path.suffix.lower() not in FILES:
        raise SpecificationError(f"{said}: a plot is written to a file that ends in .svg or .png.")
