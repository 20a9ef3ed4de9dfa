"""The record that every check returns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was measured, what is allowed, and whether it passed.

    Attributes
    ----------
    name : str
    passed : bool or None
        None where nothing can be said.
    value, limit : float or None
    note : str
        One sentence.
    """

    name: str
    passed: bool | None
    value: float | None
    limit: float | None
    note: str = ""

    def as_dict(self) -> dict[str, object]:
        """Plain form, for JSON, which has no number for an R-hat of chains that never moved."""
        return {
            "name": self.name,
            "passed": self.passed,
            "value": self.value if self.value is not None and math.isfinite(self.value) else None,
            "limit": self.limit,
            "note": self.note,
        }
