"""What a report says of follow-ups: how many there are, and how effects and errors are correlated over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.words import Reader, Words
from bayesmeta.spec.time_course import TimeCourse

_OVER_TIME = {
    "compound_symmetry": "{} between any two follow-ups",
    "ar1": "{} to the power of the time between two follow-ups",
}
_OF_CURVES = {
    "exponential": {
        "mu": "Mean effect at time 0 (mu)",
        "theta_new": "New study at time 0 (prediction)",
        "half_time": "Time by which half of the effect is lost",
    },
    "emax": {
        "mu": "Largest mean effect (mu)",
        "theta_new": "Largest effect in a new study (prediction)",
        "half_time": "Time by which half of the largest effect is reached (ET50)",
    },
}


class TimeCourseWords(Words):
    """Words for `Estimates` at several times."""

    hierarchy: ClassVar[str] = (
        "normal-normal hierarchical models of several follow-ups: the effects observed in study i are normal about its true "
        "effects with the covariance of their sampling errors, and the true effects at its times of follow-up are normal about "
        "the mean at these times, with between-study standard deviation tau at each time and correlations over time"
    )

    def n_studies(self, data: Estimates) -> int:
        """Follow-ups of one study are rows."""
        return data.n_trials

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """How many studies there are, and how many follow-ups."""
        return f"{self.counted(readers[0].data)}: {origin}."

    def structure(self, outcome: str, readers: Sequence[Reader]) -> Iterator[str]:
        """Correlations and mean over time of each model."""
        for reader in readers:
            yield f"In the model '{reader.label}' {'; '.join(_sentences(reader.data, reader.model))}."

    def notes(self, data: Estimates, model: TimeCourse, multi_arm: str = "") -> Iterator[str]:
        """The same of one printed fit."""
        said = "; ".join(_sentences(data, model))
        yield f"{said[0].upper()}{said[1:]}."

    def parameter_words(self, model: TimeCourse) -> Mapping[str, str]:
        """What mu and the half-time of a curve are."""
        return _OF_CURVES.get(model.curve, {})


def _sentences(data: Estimates, model: TimeCourse) -> Iterator[str]:
    """Clauses on how effects and errors are correlated, and on the curve."""
    yield f"true effects of a study have the correlation {_OVER_TIME[model.between].format('rho')}"
    if data.cov is not None:
        yield "its sampling errors have their known covariance"
    elif model.rho_within is not None:
        known = model.rho_within.atom
        size = "rho_within" if known is None else f"{known:g}"
        yield f"its sampling errors have the correlation {_OVER_TIME[model.within].format(size)}"
    if model.curve == "exponential":
        yield f"the mean effect is mu at {model.time} 0 and halves with every half_time"
    if model.curve == "emax":
        yield f"the mean effect is zero at {model.time} 0, half of mu at half_time, and nears mu"
