"""Distributions of PreliZ, where it is installed, as priors of this package; PreliZ itself is never imported."""

from __future__ import annotations

from typing import Any

from bayesmeta.errors import SpecificationError
from bayesmeta.priors._base import Prior
from bayesmeta.priors.registry import FAMILIES, call


def from_preliz(distribution: Any) -> Prior | None:
    """Return the prior that a distribution of PreliZ stands for, and None for anything else.

    Raises
    ------
    SpecificationError
        If the distribution has no counterpart here, or its parameters are not set.
    """
    made_by = type(distribution)
    if made_by.__module__.partition(".")[0] != "preliz":
        return None
    texts = [
        (family, family.row.pymc if family.row.preliz is None else family.row.preliz) for family in FAMILIES.values()
    ]
    families = {call(text)[0]: (family, call(text)[1]) for family, text in texts if text}
    if made_by.__name__ not in families:
        raise SpecificationError(
            f"PreliZ's {made_by.__name__} has no counterpart here; known are {', '.join(families)}."
        )
    family, names = families[made_by.__name__]
    return family(*(getattr(distribution, name) for name in names))
