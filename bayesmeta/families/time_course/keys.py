"""Priors and options of a model of several follow-ups, by name."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey, PriorKey

STRUCTURES = ("compound_symmetry", "ar1")
CURVES = ("formula", "exponential", "emax")
KEYS = Keys(
    kind="time_course",
    about="estimates at several times of follow-up in each study",
    table="estimates",
    follow_ups=True,
    priors=(
        PriorKey(
            name="rho",
            words="correlation of a study's true effects over time",
            scale="[0, 1]",
            example="Uniform(0, 1)",
        ),
        PriorKey(
            name="rho_within",
            words="correlation of the sampling errors of a study over time",
            scale="[0, 1]",
            example="Uniform(0.5, 0.95)",
            optional=True,
        ),
        PriorKey(
            name="half_time",
            words="time by which half of the effect is lost (exponential) or reached (emax)",
            scale="[0, inf)",
            example="LogNormal(1, 1)",
            option="curve",
            choices=CURVES[1:],
        ),
    ),
    options=(
        OptionKey(
            name="between",
            words="correlation of a study's true effects: the same between any two times, or falling with the time between them",
            takes="choice",
            default="compound_symmetry",
            choices=STRUCTURES,
        ),
        OptionKey(
            name="within",
            words="the same of its sampling errors, where the table has no covariance",
            takes="choice",
            default="ar1",
            choices=STRUCTURES,
        ),
        OptionKey(
            name="curve",
            words="mean over time: what the formula says, exponential decay, or the Emax curve",
            takes="choice",
            default="formula",
            choices=CURVES,
        ),
        OptionKey(name="time", words="the times of follow-up, 0 or above", takes="column", default="time"),
    ),
)
