"""Options of a dose-response model."""

from __future__ import annotations

from bayesmeta.families.keys import Keys, OptionKey, PriorKey
from bayesmeta.spec.dose_shapes import HETEROGENEITY, SHAPES


def _of(parameter: str) -> tuple[str, ...]:
    """The shapes that have a parameter."""
    return tuple(name for name, shape in SHAPES.items() if parameter in shape.parameters)


KEYS = Keys(
    kind="dose_response",
    about="contrasts with columns dose, reference_dose and trial: a curve over the dose",
    table="estimates",
    reads=("dose",),
    priors=(
        PriorKey(
            name="ed50",
            words="dose of half of the maximum",
            scale="[0, inf)",
            example="LogNormal(2.3, 1)",
            option="shape",
            choices=_of("ed50"),
        ),
        PriorKey(
            name="hill",
            words="Hill exponent",
            scale="[0, inf)",
            example="LogNormal(0, 0.5)",
            option="shape",
            choices=_of("hill"),
        ),
        PriorKey(
            name="delta",
            words="dose over which an exponential curve grows by a factor of 2.7",
            scale="[0, inf)",
            example="LogNormal(2.3, 1)",
            option="shape",
            choices=_of("delta"),
        ),
    ),
    options=(
        OptionKey(name="shape", words="shape of the curve", takes="choice", choices=tuple(SHAPES)),
        OptionKey(
            name="unit_dose",
            words="dose at which mu is the effect; of all shapes but emax and sigmoid_emax, whose mu is the maximum",
            takes="number",
        ),
        OptionKey(
            name="heterogeneity",
            words="what varies by tau: each contrast, those of a study correlated by 1/2, or the amplitude of a study's curve",
            takes="choice",
            default="contrast",
            choices=HETEROGENEITY,
        ),
    ),
)
