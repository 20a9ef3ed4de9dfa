"""Priors and options of a model of arms measured twice, by name."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey, PriorKey

KEYS = Keys(
    kind="change_normal",
    about="arms measured twice, whose correlation of the two measurements is a parameter",
    table="arms",
    priors=(
        PriorKey(
            name="correlation",
            words="median correlation of the two measurements",
            scale="[-1, 1]",
            example="Uniform(0, 1)",
        ),
        PriorKey(
            name="correlation_variation",
            words="SD between studies of Fisher's z of their correlations",
            scale="[0, inf)",
            example="HalfNormal(0.3)",
        ),
    ),
    options=(
        OptionKey(
            name="baseline",
            words="means at baseline: separate, or common to the randomised arms of a study (analysis of covariance)",
            takes="choice",
            default="separate",
            choices=("separate", "common"),
        ),
    ),
)
