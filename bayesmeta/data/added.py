"""What was added to the counts behind estimates, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

APPROXIMATED = "Their normal approximation is fitted; a likelihood of the counts themselves may answer differently."
_SHOWN = 8  # studies that a sentence names


def added_sentence(added: NDArray[np.float64] | None, labels: Sequence[str]) -> str:
    """Say what was added to the cells of which studies; empty where nothing was.

    Examples
    --------
    >>> added_sentence(np.array([0.5, 0.0, 0.5]), ["A", "B", "C"])
    "0.5 was added to each cell of studies 'A' and 'C' (zero cells)."
    """
    if added is None or not added.any():
        return ""
    parts = []
    for amount in dict.fromkeys(float(a) for a in added if a > 0):
        names = [repr(str(label)) for label, a in zip(labels, added, strict=True) if a == amount]
        shown = names if len(names) <= _SHOWN + 1 else [*names[:_SHOWN], f"{len(names) - _SHOWN} others"]
        listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
        parts.append(f"{amount:g} was added to each cell of {'study' if len(names) == 1 else 'studies'} {listed}")
    return f"{'; '.join(parts)} (zero cells)."


def approximation_sentence(added: NDArray[np.float64] | None, labels: Sequence[str]) -> str:
    """Say it beside a fit of such estimates, and what is fitted; empty where nothing was added."""
    said = added_sentence(added, labels)
    return f"{said} {APPROXIMATED}" if said else ""
