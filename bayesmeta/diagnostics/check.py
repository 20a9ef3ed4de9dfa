"""The record that every check returns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace


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
    limit: int | float | None  # a limit of 400 draws is written as it was stated
    note: str = ""

    @property
    def finite(self) -> Check:
        """The same for JSON, which has no number for an R-hat of chains that never moved."""
        is_finite = self.value is not None and math.isfinite(self.value)
        return self if is_finite else replace(self, value=None)

    def as_dict(self) -> dict[str, object]:
        """Plain form, for JSON."""
        return asdict(self.finite)
