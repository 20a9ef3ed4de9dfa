"""Letters that the font of every plot lacks: other fonts that have them, and a warning where this machine has none."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from bayesmeta.errors import DataWarning

MAIN = "DejaVu Sans"  # comes with matplotlib: the same letters, and the same bytes, everywhere
# Fonts with Chinese, Japanese, Korean and other letters, of which a machine may have one; asked for what MAIN lacks only.
OTHERS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback",
    "IPAexGothic", "IPAGothic", "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
    "Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic", "Noto Sans", "Noto Sans Arabic",
    "Noto Sans Devanagari", "Noto Sans Thai",
)  # fmt: skip
_INSTALLED = {font.name for font in font_manager.fontManager.ttflist}
FAMILIES = [MAIN, *(name for name in OTHERS if name in _INSTALLED)]


@lru_cache
def _letters() -> frozenset[int]:
    """Codes of the letters that some of `FAMILIES` has."""
    paths = [font_manager.findfont(name) for name in FAMILIES]
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())


def missing_letters(text: str) -> str:
    """The letters of a text that no font of a plot has on this machine, each once.

    Examples
    --------
    >>> missing_letters("Müller 2001, τ ≥ 1")
    ''
    """
    return "".join(dict.fromkeys(one for one in text if not one.isspace() and ord(one) not in _letters()))


def warn_of_glyphs(figure: Figure) -> None:
    """Warn, once for a figure, of the letters that are drawn as empty boxes."""
    missing = missing_letters("".join(one.get_text() for one in figure.findobj(Text) if isinstance(one, Text)))
    if missing:
        shown = missing if len(missing) <= 12 else f"{missing[:12]}..."
        warnings.warn(
            f"plot: no font of this machine has the letters {shown}, which are drawn as boxes. Install one that has them, e.g. "
            "Noto Sans CJK.",
            DataWarning,
            stacklevel=3,
        )


@contextmanager
def quiet_about_glyphs() -> Iterator[None]:
    """Leave out matplotlib's warning of each such letter, which `warn_of_glyphs` has said already."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield
