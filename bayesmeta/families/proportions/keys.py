"""Options of a model of events in single arms: none of its own."""

from __future__ import annotations

from bayesmeta.families.keys import Keys

KEYS = Keys(kind="binomial_normal", about="events in single arms, by their binomial likelihood", table="arms")
