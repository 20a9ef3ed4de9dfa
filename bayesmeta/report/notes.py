"""What a reader of a fit must know of its data."""

from __future__ import annotations

from collections.abc import Iterator

from bayesmeta.data.kinds import Data
from bayesmeta.families.registry import family_of
from bayesmeta.spec.two_scales import Model


def notes(data: Data, model: Model) -> Iterator[str]:
    """What was added to counts, and how rows of one study depend, as far as the family has it."""
    return family_of(data, model).notes(data, model)
