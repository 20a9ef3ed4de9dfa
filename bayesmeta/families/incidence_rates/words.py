"""What a report says of events over time at risk in single arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.incidence_rates import IncidenceRates
from bayesmeta.effects.display import Display
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.words import TRUE_EFFECTS, ForestColumn, Marks, Reader


def crude(data: IncidenceRates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log rates of the counts alone, and their standard errors; nan where there is no event."""
    events = np.where(data.events > 0, data.events, np.nan)
    return np.log(events / data.time), events**-0.5


class IncidenceRatesWords(CurvesWords):
    """Words for `IncidenceRates`."""

    hierarchy = (
        "Poisson-normal hierarchical models: the events of study i are Poisson given the log of its rate, theta_i, and "
        f"{TRUE_EFFECTS}"
    )
    partly = "without events"
    own_estimate, replicated = "rate", "events"
    replicates_are = "the events that a new study would count, drawn from the model with each study's own time at risk"

    def estimates(self, data: IncidenceRates, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log rates of the counts alone."""
        return crude(data)

    def size(self, data: IncidenceRates, i: int) -> str:
        """Time at risk."""
        return f"{data.time[i]:g}"

    def forest_columns(self, data: IncidenceRates) -> list[ForestColumn]:
        """Events over time at risk."""
        cells = [f"{x:g}/{t:g}" for x, t in zip(data.events, data.time, strict=True)]
        return [ForestColumn("n/time", cells, f"{data.events.sum():g}/{data.time.sum():g}")]

    def said(self, data: IncidenceRates, i: int, display: Display) -> str:
        """Events and time at risk."""
        return f"{data.events[i]:g} events in {data.time[i]:g} units of time"

    def marks(self, model: Any) -> Marks:
        """Rates of the counts, where they have one on a log scale."""
        return Marks(
            squares="Squares: rates of the studies' own counts, with 95% intervals by the delta method",
            filled="filled and sized by precision where there are events",
            hollow="hollow on dashed lines where there is none, and what the model infers",
            unknown="no event",
        )

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper."""
        data = readers[0].data
        none = int(data.zero_cell.sum())
        return (
            f"{data.n_studies} studies with events and time at risk of a single arm; {none} have no event. The events enter by "
            "their Poisson likelihood, zeros as they are and nothing added: theta_i is the log of the rate in study i. Without a "
            "comparison these are rates, and no effect of a treatment follows from them."
        )
