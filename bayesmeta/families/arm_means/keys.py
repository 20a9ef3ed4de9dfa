"""Priors and options of a model of arm means, by name."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey, PriorKey

KEYS = Keys(
    kind="arm_normal",
    about="means of arms (measure md or smd), whose SDs are parameters",
    table="arms",
    priors=(
        PriorKey(
            name="typical_sd",
            words="median SD of participants",
            scale="[0, inf)",
            example="LogNormal(0.7, 0.5)",
            by="instrument",
        ),
        PriorKey(
            name="sd_variation",
            words="SD between arms of the logarithms of their SDs",
            scale="[0, inf)",
            example="HalfNormal(0.3)",
        ),
    ),
    options=(
        OptionKey(
            name="equal_variances",
            words="whether both arms of a study have one SD, as smd needs it",
            takes="yes or no",
            default=False,
        ),
        OptionKey(
            name="sd_probability",
            words="prior probability that an unlabelled spread is an SD, not a standard error",
            takes="number",
            default=0.5,
        ),
    ),
)
