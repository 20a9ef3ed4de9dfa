"""What a report says of events over time at risk in two arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.rates import Rates
from bayesmeta.effects.display import Display
from bayesmeta.families.curves.crude import log_ratio
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.words import TRUE_EFFECTS, ForestColumn, Marks, Reader


def crude(data: Rates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log rate ratios of the counts alone, and their standard errors; nan where an arm has no event."""
    y, se = log_ratio(data.events_t[:, None], data.events_c[:, None])
    return y - np.log(data.time_t / data.time_c), se


class RatesWords(CurvesWords):
    """Words for `Rates`."""

    hierarchy = (
        "Poisson-normal hierarchical models: the events of study i are Poisson given its log rate ratio, the study's true effect "
        f"theta_i, and {TRUE_EFFECTS}"
    )
    partly = "without events in an arm"
    own_estimate, replicated = "rate ratio", "events_t"
    replicates_are = (
        "the events that a new study would count in its treatment arm, drawn from the model with each study's own time at "
        "risk and baseline rate"
    )

    def estimates(self, data: Rates, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log rate ratios of the counts alone."""
        return crude(data)

    def size(self, data: Rates, i: int) -> str:
        """Time at risk in both arms."""
        return f"{data.time_t[i]:g} v {data.time_c[i]:g}"

    def forest_columns(self, data: Rates) -> list[ForestColumn]:
        """Events over time at risk in each arm."""
        arms = {"Treatment n/time": (data.events_t, data.time_t), "Control n/time": (data.events_c, data.time_c)}
        return [
            ForestColumn(
                name, [f"{x:g}/{t:g}" for x, t in zip(*arm, strict=True)], f"{arm[0].sum():g}/{arm[1].sum():g}"
            )
            for name, arm in arms.items()
        ]

    def said(self, data: Rates, i: int, display: Display) -> str:
        """Events and time at risk in both arms."""
        return f"{data.events_t[i]:g} events in {data.time_t[i]:g} v {data.events_c[i]:g} in {data.time_c[i]:g} units of time"

    def marks(self, model: Any) -> Marks:
        """Rate ratios of the counts, where they have one."""
        return Marks(
            squares="Squares: rate ratios of the studies' own counts, with 95% intervals by the delta method",
            filled="filled and sized by precision where both arms have events",
            hollow="hollow on dashed lines where one has none, so that the counts have no rate ratio of their own, and what the "
            "model infers",
            unknown="no event in an arm",
        )

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; the model is that of the first fit."""
        data, model = readers[0].data, readers[0].model
        zero, double = int(data.zero_cell.sum()), int(((data.events_t == 0) & (data.events_c == 0)).sum())
        return (
            f"{data.n_studies} studies with events and time at risk in both arms; {zero} have an arm without events, {double} no "
            "event in either. The events enter by their Poisson likelihood, zeros as they are and nothing added: the log of the "
            "rate in the control arm of study i is alpha_i, in its treatment arm alpha_i + theta_i, where theta_i is the study's "
            f"log rate ratio. The baselines alpha_i are independent, each with the prior {model.baseline}."
        )
