"""Priors and options of a model of events in two arms, by name."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey

KEYS = Keys(
    kind="binomial_normal",
    about="events in two arms (measure log_or, log_rr or rd) or in one (logit_prop), by their binomial likelihood",
    table="arms",
    options=(
        OptionKey(
            name="baseline",
            words="prior on the logit of the risk in each control arm, a normal distribution",
            takes="prior",
            default="Normal(0, 10)",
        ),
    ),
)
