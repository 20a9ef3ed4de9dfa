"""What a report says of a curve over dose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from bayesmeta.data.added import approximation_sentence
from bayesmeta.data.estimates import Estimates
from bayesmeta.families.dose_response.arrays import doses_of
from bayesmeta.families.dose_response.keys import KEYS
from bayesmeta.families.estimates.words import EstimatesWords
from bayesmeta.families.words import Reader
from bayesmeta.spec.dose_response import DoseResponse

_TOGETHER = {
    "contrast": "true contrasts vary around the curve with standard deviation tau, those of one study correlated by 1/2 for "
    "their common arm",
    "amplitude": "each study has a curve of its own, whose first coefficient is normal about mu with standard deviation tau",
}


class DoseWords(EstimatesWords):
    """Words for `Estimates` with a `DoseResponse`."""

    analysis: ClassVar[str] = "dose-response meta-analysis"
    hierarchy: ClassVar[str] = (
        "dose-response models: each contrast is normal about its true effect with the known covariance of its study's contrasts, "
        "and true effects vary about the difference of a curve between the doses of the two arms"
    )

    def n_studies(self, data: Estimates) -> int:
        """Contrasts of one trial are rows of one study."""
        return int(doses_of(data).study.max()) + 1

    def structure(self, outcome: str, readers: Sequence[Reader]) -> Iterator[str]:
        """What was added to counts, the curves, and what varies between studies."""
        data: Estimates = readers[0].data
        if said := approximation_sentence(data.added, data.study):
            yield f"Outcome '{outcome}': {said}"
        for reader in readers:
            yield f"In the model '{reader.label}' {_curve(reader.model)}; {_TOGETHER[reader.model.heterogeneity]}."

    def notes(self, data: Estimates, model: Any, multi_arm: str = "--between multi-arm") -> Iterator[str]:
        """The curve, and what varies between studies."""
        if said := approximation_sentence(data.added, data.study):
            yield said
        said = f"{_curve(model)}; {_TOGETHER[model.heterogeneity]}."
        yield said[0].upper() + said[1:]

    def parameter_words(self, model: DoseResponse) -> Mapping[str, str]:
        """Coefficients by what they are of this shape."""
        what = "amplitudes" if model.heterogeneity == "amplitude" else "contrasts"
        words = {"mu": "Maximum effect (mu)", "tau": f"SD of {what} (tau)", "theta_new": "New study, in place of mu"}
        if model.unit_dose is not None:
            words["mu"] = f"Effect at dose {model.unit_dose:g} (mu)"
        if "curvature" in model.row.coefficients:
            words |= {
                "mu": f"Linear term at dose {model.unit_dose:g} (mu)",
                "curvature": "Quadratic term there (curvature)",
            }
        own = {key.name: key.words for key in KEYS.priors if key.name in model.row.parameters}
        return words | {name: f"{text[0].upper()}{text[1:]} ({name})" for name, text in own.items()}


def _curve(model: DoseResponse) -> str:
    """The curve with its formula."""
    unit = f", D = {model.unit_dose:g}" if model.unit_dose is not None else ""
    return f"the effect of dose d is {model.row.formula}{unit}"
