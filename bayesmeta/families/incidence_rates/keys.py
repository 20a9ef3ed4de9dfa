"""Options of a model of events over time at risk in single arms: none of its own."""

from __future__ import annotations

from bayesmeta.families.keys import Keys

KEYS = Keys(
    kind="poisson_normal", about="events over time at risk in single arms, by their Poisson likelihood", table="arms"
)
