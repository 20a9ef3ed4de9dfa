"""Options of a model of studies that reported in different ways."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey

KEYS = Keys(
    kind="mixed_normal",
    about="counts, estimates, t statistics, P values and printed intervals in one table, each by its own likelihood",
    table="arms",
    options=(
        OptionKey(
            name="baseline",
            words="prior on the logit of the risk in each control arm of rows with counts, a normal distribution",
            takes="prior",
            default="Normal(0, 10)",
        ),
    ),
)
