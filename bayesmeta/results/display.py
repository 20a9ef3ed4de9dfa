"""The columns of a summary on the scale on which its measure is read: odds ratios beside log odds ratios."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects.display import Display, reading

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("median", "lower", "upper")


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
