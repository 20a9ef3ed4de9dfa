"""Options of a model of events over time at risk."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey

KEYS = Keys(
    kind="poisson_normal",
    about="events over time at risk in two arms (measure log_irr) or in one (log_rate), by their Poisson likelihood",
    table="arms",
    options=(
        OptionKey(
            name="baseline",
            words="prior on the log of the rate in each control arm, a normal distribution",
            takes="prior",
            default="Normal(0, 10)",
        ),
    ),
)
