"""What a report says of events in two arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.effects.display import Display
from bayesmeta.families.counts.measures import MEASURES, crude, measure_of
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.words import TRUE_EFFECTS, ForestColumn, Marks, Reader
from bayesmeta.text.numbers import count_of


class CountsWords(CurvesWords):
    """Words for `Counts`."""

    own_estimate, replicated = "odds ratio", "events_t"
    replicates_are = (
        "the events that a new study would count in its treatment arm, drawn from the model with each study's own "
        "participants and baseline risk"
    )
    hierarchy = (
        "binomial-normal hierarchical models: the events of study i are binomial given its baseline risk and the study's true "
        f"effect theta_i, and {TRUE_EFFECTS}"
    )

    def estimates(self, data: Counts, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Effects of the counts alone."""
        return crude(data, measure_of(model))

    def marks(self, model: Any) -> Marks:
        """Estimates of the counts, where no cell is zero."""
        name = MEASURES[measure_of(model)].shown
        return self.marked(name, "large-sample interval" if name == "risk difference" else "")

    def size(self, data: Counts, i: int) -> str:
        """Participants of both arms."""
        return f"{data.n_t[i]:g} v {data.n_c[i]:g}"

    def forest_columns(self, data: Counts) -> list[ForestColumn]:
        """Events of participants in each arm, and of all studies together."""
        arms = {"Treatment n/N": (data.events_t, data.n_t), "Control n/N": (data.events_c, data.n_c)}
        return [
            ForestColumn(
                name, [f"{x:g}/{m:g}" for x, m in zip(*arm, strict=True)], f"{arm[0].sum():g}/{arm[1].sum():g}"
            )
            for name, arm in arms.items()
        ]

    def said(self, data: Counts, i: int, display: Display) -> str:
        """Events of participants in both arms."""
        return f"{data.events_t[i]:g} of {data.n_t[i]:g} v {data.events_c[i]:g} of {data.n_c[i]:g} with the event"

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; the model is that of the first fit."""
        data, model = readers[0].data, readers[0].model
        zero, double = int(data.zero_cell.sum()), int(((data.events_t == 0) & (data.events_c == 0)).sum())
        cells = (
            "no study has a zero cell"
            if not zero
            else f"{zero} have a zero cell, {double} of them no event in either arm"
        )
        measure = MEASURES[model.measure]
        return (
            f"{count_of(data.n_studies, 'study')} with events and participants of both arms; {cells}. The events enter by their "
            "binomial likelihood, zeros as they are and nothing added: the logit of the risk in the control arm of study i is "
            "alpha_i, "
            f"{measure.treated}, where theta_i is the study's {measure.theta}. {measure.outside}The baselines alpha_i are "
            f"independent, each with the prior {model.baseline}. A study without events says what this prior lets it say of "
            f"theta_i{measure.silent}."
        )
