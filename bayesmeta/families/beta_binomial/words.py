"""What a report says of events whose risks follow a beta distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from bayesmeta.families.counts.words import CountsWords as CountsCells
from bayesmeta.families.proportions.words import ProportionsWords as ProportionsCells
from bayesmeta.families.words import Reader

_LEFT_OUT = "Effects in a new study (prediction intervals): the model has rho, and no standard deviation tau."
_RISKS = "is beta with mean m and a correlation rho of two participants of an arm"


class ProportionsWords(ProportionsCells):
    """Words for `Proportions`."""

    hierarchy = (
        f"beta-binomial models: the events of study i are binomial given its risk, which {_RISKS}, and the logit of m is mu "
        "plus covariates times their coefficients"
    )
    left_out: ClassVar[tuple[str, ...]] = (*ProportionsCells.left_out, _LEFT_OUT)

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper."""
        data, model = readers[0].data, readers[0].model
        none, every = int((data.events == 0).sum()), int((data.events == data.n).sum())
        return (
            f"{data.n_studies} studies with events and participants of a single arm; {none} have no event, {every} events only. "
            f"The events enter by their beta-binomial likelihood, zeros and 100% as they are and nothing added; "
            f"rho ~ {model.rho}. Without a comparison these are risks, and no effect of a treatment follows from them."
        )


class CountsWords(CountsCells):
    """Words for `Counts`."""

    hierarchy = (
        f"beta-binomial models: the events of each arm are binomial given its risk, which {_RISKS} that all arms share; the "
        "logit of m is baseline in control arms, and in treatment arms baseline plus mu plus covariates times their coefficients"
    )
    left_out = (
        "Frequentist estimators beside the models: this model compares all treatment arms with all control arms, and those pool "
        "comparisons within studies.",
        _LEFT_OUT,
    )

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; the model is that of the first fit."""
        data, model = readers[0].data, readers[0].model
        zero, double = int(data.zero_cell.sum()), int(((data.events_t == 0) & (data.events_c == 0)).sum())
        return (
            f"{data.n_studies} studies with events and participants of both arms; {zero} have a zero cell, {double} no event in "
            "either arm. The events enter by their beta-binomial likelihood (Kuss 2015), zeros as they are and nothing added: mu "
            "is the log odds ratio of the mean risks, and which two arms are of one study has no say. "
            f"Priors: baseline ~ {model.baseline}, rho ~ {model.rho}."
        )
