"""Options of a model of estimates: how their true effects vary together."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey, PriorKey

STRUCTURES = ("independent", "multi-arm")
KEYS = Keys(
    kind="normal",
    about="estimates with known standard errors",
    table="estimates",
    priors=(
        PriorKey(
            name="cluster_tau",
            words="SD between clusters",
            scale="[0, inf)",
            example="HalfNormal(0.3)",
            option="cluster",
        ),
        PriorKey(
            name="slope_tau",
            words="SD of slopes between studies",
            scale="[0, inf)",
            example="HalfNormal(0.3)",
            option="slope",
        ),
    ),
    options=(
        OptionKey(
            name="between",
            words="true effects of one trial's contrasts: independent, or correlated by 1/2 for their common arm, as without the "
            "option where columns say that they have one",
            takes="choice",
            choices=STRUCTURES,
        ),
        OptionKey(
            name="between_matrix",
            words="matrix that tau^2 multiplies in the covariance of the true effects, as a covariance file",
            takes="file",
        ),
        OptionKey(
            name="cluster",
            words="true effects within a value of it are alike (study: the labels), a three-level model",
            takes="column",
        ),
        OptionKey(name="slope", words="studies vary in their slope on it", takes="column"),
    ),
)
