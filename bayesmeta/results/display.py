"""The columns of a summary on the scale on which its measure is read: odds ratios beside log odds ratios."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects.display import Display

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("median", "lower", "upper")
_LEVEL = re.compile(r"\[(?!T\.)[^\]]*\]$")  # a column that marks one level among all of them, not a difference from one


def reading(name: str, display: Display, coefficients: Collection[str], intercept: bool) -> str:
    """What a parameter is called on the scale on which it is read; empty where it has no such reading.

    The mean, a new study's effect, and, without an intercept, the mean of each level are values of the measure. The
    exponential of another coefficient is a ratio of two values, and a standard deviation is read as it is.

    Examples
    --------
    >>> from bayesmeta.effects.registry import display_of
    >>> ratio = display_of("log_or")
    >>> [reading(name, ratio, ["dose"], True) for name in ("mu", "dose", "tau")]
    ['odds ratio', 'ratio of odds ratios', '']
    >>> reading("region[north]", ratio, ["region[north]", "region[south]"], False)
    'odds ratio'
    """
    if not display.changes:
        return ""
    if name in ("mu", "theta_new") or (name in coefficients and _is_mean(name, intercept)):
        return display.label
    return (display.contrast or "") if name in coefficients else ""


def _is_mean(name: str, intercept: bool) -> bool:
    return not intercept and ":" not in name and bool(_LEVEL.search(name))


def with_display(frame: pd.DataFrame, display: Display, coefficients: Collection[str]) -> pd.DataFrame:
    """Return a summary with the columns display_median, display_lower, display_upper and display, where they say more."""
    if not display.changes:
        return frame
    names = list(map(str, frame.index))
    said = [reading(name, display, coefficients, "mu" in names) for name in names]
    values = frame[list(SHOWN)].to_numpy(float)
    shown = np.full_like(values, np.nan)
    for i, text in enumerate(said):
        if text == display.label:
            shown[i] = display.values(values[i])
        elif text:
            with np.errstate(over="ignore"):
                shown[i] = np.exp(values[i])
    columns = dict(zip((f"display_{key}" for key in SHOWN), shown.T, strict=True))
    return frame.assign(**columns, display=said)
