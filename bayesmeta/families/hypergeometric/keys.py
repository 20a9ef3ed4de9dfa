"""Options of a model of events in two arms given their total: none of its own."""

from __future__ import annotations

from bayesmeta.families.keys import Keys

KEYS = Keys(
    kind="hypergeometric_normal",
    about="events in two arms (measure log_or), by their likelihood given the events of both",
    table="arms",
)
