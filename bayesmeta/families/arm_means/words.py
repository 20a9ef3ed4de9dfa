"""What a report says of arm means: what each study printed, standard deviations that were not, readings of a spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.effects.display import Display
from bayesmeta.families.arm_words import ArmWords
from bayesmeta.families.words import CHOICES, Column, Evidence, Marks, Reader, Row, Table

_ARMS = {"t": "treatment", "c": "control"}
_SPREADS = {"sd": "standard deviation", "se": "standard error", "sd_or_se": "standard deviation or standard error"}
_COLUMNS = (
    Column("Trial", "study"),
    Column("Arm", "arm"),
    Column("Printed", "printed", aside="printed_as"),
    Column("Mean", "mean", "number"),
    Column("Median (95% interval)", "median", "estimate"),
)
_MARKS = Marks(
    squares="Squares: differences of the trials' means, with 95% intervals from the standard errors that the model gives them",
    filled="filled and sized by precision where both standard deviations were reported",
    hollow="hollow on dashed lines where they are inferred",
    unknown="SD not known",
)


class MeansWords(ArmWords):
    """Words for `ArmMeans`."""

    def printed(self, data: ArmMeans, model: Any) -> NDArray[np.float64]:
        """The differences of means."""
        return data.difference

    def said(self, data: ArmMeans, i: int, display: Display) -> str:
        """What a study printed, in words."""
        printed = [float(sd[i]) for sd in (data.sd_t, data.sd_c)]
        shown = ["not reported" if np.isnan(sd) else f"{sd:.3g}" for sd in printed]
        kind = _SPREADS[data.spread[i]]
        spread = f"no {kind} was reported" if np.isnan(printed).all() else f"{kind} {shown[0]} v {shown[1]}"
        instrument = f" ({data.instrument[i]})" if len(data.instruments) > 1 else ""
        return f"means {data.mean_t[i]:.3g} v {data.mean_c[i]:.3g}{instrument}; {spread}"

    def evidence(self, readers: Sequence[Reader], display: Display) -> Evidence:
        """What was printed, what each unlabelled spread is by every model, and standard deviations that were not printed."""
        spreads = _spreads(readers[0])
        caption = "Participants' standard deviations that were not reported as such: parameters of the model"
        return Evidence(
            self.studies(readers[0].data, display),
            (CHOICES.of(_readings(readers)), Table("spreads", caption, _COLUMNS, spreads)),
            f"{len(spreads)} standard deviations are parameters of the model, not guesses" if spreads else "",
        )

    def marks(self, model: Any) -> Marks:
        """Differences of means, whose standard errors the model gives."""
        return _MARKS

    def reading(self, name: str, options: Mapping[str, float]) -> str:
        """What a printed spread is."""
        return f"Printed spread of {name}: standard deviation {options['sd']:.3g}, standard error {options['se']:.3g}"

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; the model is that of the first fit."""
        data, model = readers[0].data, readers[0].model
        printed = np.isfinite(np.stack([data.sd_t, data.sd_c]))
        doubtful = sum(spread == "sd_or_se" for spread in data.spread)
        effect = (
            "difference of means" if model.measure == "md" else "difference of means in units of the study's own sigma"
        )
        sigma = "one for both arms of a study" if model.equal_variances else "one for each arm"
        both = (
            f" In {doubtful} of the studies the printed spread may be a standard deviation or a standard error: both readings "
            "were summed, weighed by how well they agree with the other studies."
            if doubtful
            else ""
        )
        return (
            f"{data.n_studies} studies with the mean of each arm; of {printed.size} standard deviations "
            f"{int((~printed).sum())} were not reported. theta_i is the {effect}. Every participants' standard deviation sigma "
            f"is a parameter ({sigma}): log sigma is normal about the logarithm of the median on its instrument (typical_sd), "
            "with standard deviation sd_variation, and a reported s has (n - 1) s^2 / sigma^2 chi-squared with n - 1 degrees of "
            f"freedom. The standard error of a difference follows from sigma, so its uncertainty is in every number.{both} "
            "Whether a standard deviation is missing must not depend on its size."
        )


def _readings(readers: Sequence[Reader]) -> list[Row]:
    """What each unlabelled spread is, before and after the data, by every model."""
    rows = []
    for reader in readers:
        suffix = "" if len(readers) == 1 else f" ({reader.label})"
        prior = {"sd": reader.model.sd_probability, "se": 1 - reader.model.sd_probability}
        rows += [
            {
                "choice": f"{study}: what the printed spread is{suffix}",
                "option": f"a {_SPREADS[option]}",
                "prior": prior[option],
                "posterior": posterior,
            }
            for study, options in reader.choice_probabilities().items()
            for option, posterior in options.items()
        ]
    return rows


def _spreads(reader: Reader) -> list[Row]:
    """Posterior of every standard deviation that was not printed as one, in units of the outcome."""
    data, rows = reader.data, []
    for i, study in enumerate(data.study):
        for arm, label in _ARMS.items():
            printed = float(getattr(data, f"sd_{arm}")[i])
            if np.isfinite(printed) and data.spread[i] == "sd":
                continue
            row = {
                "study": study,
                "arm": label,
                "printed": None if np.isnan(printed) else printed,
                "printed_as": data.spread[i],
            }
            rows.append(row | reader.interval(reader.of_study(f"sigma_{arm}", study)))
    return rows
