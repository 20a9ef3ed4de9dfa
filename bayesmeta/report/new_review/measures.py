"""The measures that an abstract prints, one row each: what they are called, and priors on their scale with the reason.

A latent trial has the standard error ``unit SD * sqrt(1/n_t + 1/n_c)``. The unit SD of a difference of means is the SD of
a participant; that of risks follows from the risk, by the usual large-sample variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bayesmeta.effects.registry import display_of
from bayesmeta.errors import DataError, did_you_mean

_WEAK = "true ratios mostly within a factor of 2.7 of their mean; Friede et al. 2017, doi:10.1002/jrsm.1217, for odds ratios."


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """A measure as abstracts print it.

    Parameters
    ----------
    measure : str
        As `bayesmeta.effect_sizes` has it; ratios are analysed as logarithms.
    names : tuple of str
        What an abstract calls it, the shortest first.
    asks : {"sd", "risk", ""}
        What the unit SD follows from: the SD of a participant, the risk of the event, or nothing.
    unit_sd : callable
        From that number to the unit SD.
    width : float
        SD of the logarithm in the prior on the unit SD.
    mu, tau, beta : float
        Scales of the priors, in units of the effect; for ``asks="sd"`` in SDs of a participant.
    tau_reason : str
        Why this one on tau.
    """

    measure: str
    names: tuple[str, ...]
    asks: Literal["sd", "risk", ""]
    unit_sd: Callable[[float], float]
    width: float = 0.5
    mu: float = 1.5
    tau: float = 0.5
    beta: float = 1.0
    tau_reason: str = _WEAK

    @property
    def is_ratio(self) -> bool:
        """Whether it is printed as a ratio and analysed as its logarithm."""
        return display_of(self.measure).is_ratio

    @property
    def label(self) -> str:
        """What it is called, e.g. ``"risk ratio"``."""
        return display_of(self.measure).label


def _itself(x: float) -> float:
    return x


_SPREAD = "half the SD of a participant: true effects that differ by a whole SD between trials would be remarkable."
MEASURES = (
    MeasureRow(
        measure="md", names=("md", "wmd", "mean difference"), asks="sd", unit_sd=_itself, beta=0.75, tau_reason=_SPREAD,
    ),
    MeasureRow(
        measure="smd", names=("smd", "hedges g", "cohen d", "standardised mean difference"), asks="", unit_sd=_itself,
        width=0.1, beta=0.75, tau_reason=_SPREAD,
    ),
    MeasureRow(
        measure="log_rr", names=("rr", "risk ratio", "relative risk", "log_rr"), asks="risk",
        unit_sd=lambda p: math.sqrt((1 - p) / p),
    ),
    MeasureRow(
        measure="log_or", names=("or", "odds ratio", "log_or"), asks="risk", unit_sd=lambda p: 1 / math.sqrt(p * (1 - p)),
    ),
    MeasureRow(
        measure="log_hr", names=("hr", "hazard ratio", "log_hr"), asks="risk", unit_sd=lambda p: 1 / math.sqrt(p),
    ),
    MeasureRow(
        measure="rd", names=("rd", "risk difference", "absolute risk difference"), asks="risk",
        unit_sd=lambda p: math.sqrt(p * (1 - p)), width=0.25, mu=0.3, tau=0.1, beta=0.2,
        tau_reason="true risk differences mostly within 20 percentage points of their mean.",
    ),
)  # fmt: skip
SHORT = tuple(row.names[0] for row in MEASURES)


def measure_row(text: str) -> MeasureRow:
    """Return the row of a measure by any of its names.

    Raises
    ------
    DataError
        If there is none.

    Examples
    --------
    >>> measure_row("RR").measure, measure_row("Risk ratio").label
    ('log_rr', 'risk ratio')
    """
    name = " ".join(text.lower().replace("'s", "").split())
    for row in MEASURES:
        if name in row.names:
            return row
    every = [one for row in MEASURES for one in row.names]
    raise DataError(
        f"measure {text.strip()!r}: choose one of {', '.join(SHORT)}.{did_you_mean(name, every)} For another one, write the "
        "analysis file by hand; docs/analysis-files.md has its keys."
    )
