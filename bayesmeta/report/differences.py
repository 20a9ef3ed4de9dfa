"""Where two JSON values differ by more than rounding."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

AGREES = 1e-8  # relative, or of the largest number of a list; draws and tables are the same, so only rounding differs


def differences(ours: Any, recorded: Any, place: str = "") -> Iterator[str]:
    """Yield a sentence for each place where `recorded` is not `ours`.

    Examples
    --------
    >>> list(differences({"a": [1.0, 2.0], "b": 3}, {"a": [1.0, 2.1], "b": 3}))
    ['a is [1.0, 2.1], computed [1.0, 2.0]']
    """
    if isinstance(ours, dict) and isinstance(recorded, dict):
        for key in [*ours, *(key for key in recorded if key not in ours)]:
            yield from differences(ours.get(key), recorded.get(key), f"{place}.{key}" if place else key)
    elif isinstance(ours, list) and isinstance(recorded, list) and len(ours) == len(recorded):
        if ours and all(map(_is_number, [*ours, *recorded])):
            unit = max(abs(float(x)) for x in ours)  # a density is compared with its height
            if not all(abs(a - b) <= AGREES * unit for a, b in zip(ours, recorded, strict=True)):
                yield f"{place} is {_short(recorded)}, computed {_short(ours)}"
            return
        for i, (a, b) in enumerate(zip(ours, recorded, strict=True)):
            yield from differences(a, b, f"{place}[{i}]")
    elif not _same(ours, recorded):
        yield f"{place} is {_short(recorded)}, computed {_short(ours)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Any, b: Any) -> bool:
    if _is_number(a) and _is_number(b):
        return math.isclose(a, b, rel_tol=AGREES, abs_tol=1e-12)
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
