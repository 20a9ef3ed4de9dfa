"""What a report says of estimates: what was added to counts, and how true effects vary together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesmeta.data.added import added_sentence, approximation_sentence
from bayesmeta.data.estimates import Estimates
from bayesmeta.effects.display import Display
from bayesmeta.families.words import Evidence, Reader, Words
from bayesmeta.spec.between import Cluster, Independent, MultiArm


class EstimatesWords(Words):
    """Words for `Estimates`."""

    def n_studies(self, data: Estimates) -> int:
        """Contrasts of one trial are rows of one study."""
        return data.n_trials

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """How many studies there are, and estimates if several come from one study."""
        data: Estimates = readers[0].data
        if self.n_studies(data) == data.n_studies:
            return super().methods(readers, origin)
        return f"{self.counted(data)}: {origin}."

    def evidence(self, readers: Sequence[Reader], display: Display) -> Evidence:
        """Estimates, and what was added to the counts behind them."""
        data: Estimates = readers[0].data
        return replace(super().evidence(readers, display), corrected=approximation_sentence(data.added, data.study))

    def structure(self, outcome: str, readers: Sequence[Reader]) -> Iterator[str]:
        """What was added to counts, a known covariance, and what is beside tau or correlates true effects."""
        data: Estimates = readers[0].data
        if said := approximation_sentence(data.added, data.study):
            yield f"Outcome '{outcome}': {said}"
        if data.cov is not None:
            yield f"Outcome '{outcome}': the estimates entered with their known covariance."
        for reader in readers:
            between, components = reader.model.base.between, reader.model.components.items()
            for name, part in components:
                if name != "tau":
                    yield f"The model '{reader.label}' has a second standard deviation, {name} of {part}, beside tau."
            if isinstance(between, MultiArm):
                yield f"In the model '{reader.label}' the true effects of one trial's contrasts are correlated by 1/2."
            elif between != Independent():
                yield f"In the model '{reader.label}' true effects covary by tau^2 times a matrix that was given."

    def accuracy(self, data: Estimates, bound: str) -> str:
        """The normal approximation of counts to which something was added is not exact, however well it is integrated."""
        corrected = bool(added_sentence(data.added, data.study))
        return f"computed to {bound} for the corrected estimates" if corrected else super().accuracy(data, bound)

    def notes(self, data: Estimates, model: Any, multi_arm: str = "--between multi-arm") -> Iterator[str]:
        """What was added to counts, and how rows of one study depend; `multi_arm` is how one asks for correlated true effects."""
        if said := approximation_sentence(data.added, data.study):
            yield said
        dependent = data.cov is not None and np.count_nonzero(data.cov - np.diag(np.diag(data.cov))) > 0
        between = model.base.between
        if isinstance(between, MultiArm):
            start = (
                "Estimates of one trial have their known covariance; their true effects"
                if dependent
                else "True effects of one trial"
            )
            yield f"{start} are correlated by 1/2, for their common arm."
        elif between != Independent():
            start = "Estimates have their known covariance; their true effects" if dependent else "True effects"
            yield f"{start} covary by tau^2 times the matrix that was given."
        for name, part in model.components.items():
            if isinstance(part, Cluster):
                errors = "have their known covariance" if dependent else "are independent, of different participants"
                yield (
                    f"Rows with the same {part.by} share a deviation of their true effects, with SD {name}; their sampling "
                    f"errors {errors}."
                )
                return
        if dependent and between == Independent():
            yield (
                f"Estimates have their known covariance. Their true effects vary independently; {multi_arm} correlates those of "
                "one trial by 1/2."
            )
