"""What a report says of events in single arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.proportions import Proportions
from bayesmeta.effects.display import Display
from bayesmeta.families.curves.crude import log_ratio
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.words import TRUE_EFFECTS, ForestColumn, Reader
from bayesmeta.text.numbers import count_of


class ProportionsWords(CurvesWords):
    """Words for `Proportions`."""

    hierarchy = (
        "binomial-normal hierarchical models: the events of study i are binomial given the logit of its risk, theta_i, and "
        f"{TRUE_EFFECTS}"
    )
    partly = "with no event or events only"
    own_estimate, replicated = "proportion", "events"
    replicates_are = (
        "the events that a new study would count, drawn from the model with each study's own number of participants"
    )

    def estimates(self, data: Proportions, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits of the counts alone."""
        return log_ratio(data.cells[:, :1], data.cells[:, 1:])

    def size(self, data: Proportions, i: int) -> str:
        """Participants."""
        return f"{data.n[i]:g}"

    def forest_columns(self, data: Proportions) -> list[ForestColumn]:
        """Events of participants."""
        cells = [f"{x:g}/{m:g}" for x, m in zip(data.events, data.n, strict=True)]
        return [ForestColumn("n/N", cells, f"{data.events.sum():g}/{data.n.sum():g}")]

    def said(self, data: Proportions, i: int, display: Display) -> str:
        """Events of participants."""
        return f"{data.events[i]:g} of {data.n[i]:g} with the event"

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper."""
        data = readers[0].data
        none, every = int((data.events == 0).sum()), int((data.events == data.n).sum())
        return (
            f"{count_of(data.n_studies, 'study')} with events and participants of a single arm; {none} have no event, {every} "
            "events only. The events enter by their binomial likelihood, zeros and 100% as they are and nothing added: theta_i "
            "is the logit of the risk in study i. Without a comparison these are risks, and no effect of a treatment "
            "follows from them."
        )
