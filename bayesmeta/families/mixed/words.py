"""What a report says of studies that reported their effects in different ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.mixed_studies import CELLS, MixedStudies
from bayesmeta.effects.display import Display
from bayesmeta.families.curves.words import CurvesWords
from bayesmeta.families.words import TRUE_EFFECTS, Marks, Reader, Replicates

_OF = {
    "counts": "events and participants of both arms",
    "estimate": "an estimate with its standard error",
    "interval": "a confidence interval",
    "statistic": "an estimate with its test statistic",
    "p of an estimate": "an estimate with its P value",
    "p": "a P value with the standard error",
    "printed": "an estimate and its interval as printed",
}


class MixedWords(CurvesWords):
    """Words for `MixedStudies`."""

    hierarchy = (
        "random-effects models in which each study enters by the likelihood of what it reported, given the study's true effect "
        f"theta_i, and {TRUE_EFFECTS}"
    )
    partly = "with a zero cell or an inequality"
    own_estimate, replicated = "estimate", "y"
    replicates_are = (
        "the estimate that a new study would report, drawn from the model with each study's own standard error, or of rows with "
        "counts with its participants and baseline risk and 1/2 added to each cell, as to those observed"
    )
    left_out = (
        "Frequentist estimators beside the models: they take effects with standard errors, and here each study enters by the "
        "likelihood of what it reported.",
    )

    def estimates(self, data: MixedStudies, model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Estimates of the studies alone."""
        from bayesmeta.families.mixed.likelihood import own_estimates

        return own_estimates(data, model.measure)

    def said(self, data: MixedStudies, i: int, display: Display) -> str:
        """What a row reported."""
        kind = data.kinds[i]
        if kind == "counts":
            a, n, c, m = (getattr(data, name)[i] for name in CELLS)
            return f"{a:g} of {n:g} v {c:g} of {m:g} with the event"
        if kind == "printed":
            return f"printed as {data.printed[i]}"
        numbers = {"y": display.analysis, "se": "standard error", "t": "t" if data.df[i] > 0 else "z"}
        said = [
            f"{word} {getattr(data, name)[i]:.3g}"
            for name, word in numbers.items()
            if not np.isnan(getattr(data, name)[i])
        ]
        if kind == "interval":
            level = 95 if np.isnan(data.ci_level[i]) else 100 * data.ci_level[i]
            said.append(f"{level:g}% CI {data.ci_lower[i]:.3g} to {data.ci_upper[i]:.3g}")
        if data.df[i] > 0:
            said.append(f"{data.df[i]:g} df")
        if kind in ("p", "p of an estimate"):
            value, relation, _ = data.p_value(i)
            signs = {1: ", estimate above 0", -1: ", estimate below 0"}
            printed = data.p[i].lstrip("Pp= ") if relation == "=" else f"{value:g}"
            said.append(f"P {relation} {printed}{signs.get(data.direction[i], '')}")
        return ", ".join(said)

    def marks(self, model: Any) -> Marks:
        """Estimates of the studies, where they have one."""
        return Marks(
            squares="Squares: the studies' own estimates, with large-sample 95% intervals",
            filled="filled and sized by precision where a study has one",
            hollow="hollow on dashed lines where a cell is zero or P an inequality, and what the model infers",
            unknown="no estimate of its own",
        )

    def replicates(self, reader: Reader) -> Replicates:
        """Estimates of the studies that have one, those of counts with 1/2 added to each cell."""
        from bayesmeta.families.mixed.likelihood import own_estimates

        observed = own_estimates(reader.data, reader.model.measure, 0.5)[0]
        drawn = reader.group("posterior_predictive")[self.replicated]
        names = [name for name, y in zip(reader.data.study, observed, strict=True) if np.isfinite(y)]
        rows = [
            (name, float(observed[reader.data.study.index(name)]), drawn.sel(study=name).to_numpy()) for name in names
        ]
        return Replicates(self.replicates_are, rows)

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """Sentences for the methods of a paper; the model is that of the first fit."""
        data, model = readers[0].data, readers[0].model
        kinds = [f"{data.kinds.count(kind)} with {words}" for kind, words in _OF.items() if kind in data.kinds]
        said = f"{data.n_studies} studies: {', '.join(kinds)}. Each enters by the likelihood of what it reported."
        if "counts" in data.kinds:
            said += (
                " Events are binomial, zeros as they are and nothing added; the logit of the risk in the control arm has the "
                f"prior {model.baseline}."
            )
        if (data.df > 0).any():
            said += " An estimate with degrees of freedom has Student's t likelihood, since its standard deviation is unknown."
        if {"p", "p of an estimate", "printed"} & {*data.kinds}:
            said += (
                " P values and printed intervals are known as far as their digits: the likelihood is that of all numbers which "
                "round to them."
            )
        return said
