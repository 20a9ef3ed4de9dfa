"""What a report says of an outcome whose data are arms, of means or measured twice, and what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.analysis.arm_changes import changes_methods, changes_printed, changes_said, correlations
from bayesmeta.analysis.arm_means import means_methods, means_said, readings, spreads
from bayesmeta.analysis.schema import Outcome, Sensitivity
from bayesmeta.results.meta_result import MetaResult

Fits = Mapping[str, MetaResult]
_LEFT_OUT = (
    "An exact fit, and its agreement with the sampler: quadrature takes effects with known standard errors, and here they "
    "follow from parameters.",
    "Frequentist estimators beside the models: they take known standard errors too.",
)


@dataclass(frozen=True, slots=True)
class ArmWords:
    """What a report says of one family of arms.

    Attributes
    ----------
    said : callable
        What study i of the data printed, in words.
    evidence : callable
        What was not printed, by the first of the fits, and how choices between readings came out.
    printed : callable
        Of a fit, the difference that each study printed.
    methods : callable
        A paragraph for the methods section, of outcome and fits.
    unknown : str
        What marks studies whose standard error is inferred.
    """

    said: Callable[[Any, int], str]
    evidence: Callable[[Outcome, Fits], dict[str, Any]]
    printed: Callable[[MetaResult], NDArray[np.float64]]
    methods: Callable[[Outcome, Fits], str]
    unknown: str


_WORDS = {
    "arm_normal": ArmWords(
        means_said,
        lambda outcome, fits: {"choices": readings(outcome, fits), "spreads": spreads(_first(fits))},
        lambda fit: fit.data.difference,  # type: ignore[union-attr]
        lambda outcome, fits: means_methods(fits),
        "SD not known",
    ),
    "change_normal": ArmWords(
        changes_said,
        lambda outcome, fits: {"choices": [], "correlations": correlations(_first(fits))},
        changes_printed,
        changes_methods,
        "correlation not known",
    ),
}


def arm_words(fit: MetaResult) -> ArmWords | None:
    """The words for a fit to arms; None for another."""
    return _WORDS.get(fit.prepared.family.name)


def arm_evidence(words: ArmWords, outcome: Outcome, fits: Fits) -> dict[str, Any]:
    """Evidence section of an outcome with arms; what was not printed is that of its first model."""
    data: Any = _first(fits).data
    frame = data.covariates
    studies = [
        {
            "study": name,
            "label": name,
            "n": f"{data.n_t[i]:g} v {data.n_c[i]:g}",
            "known": True,
            "evidence": words.said(data, i),
            "covariates": {str(column): str(frame.iloc[i][column]) for column in frame.columns},
        }
        for i, name in enumerate(data.study)
    ]
    return {"studies": studies, "statistics": [], **words.evidence(outcome, fits), "missing": outcome.missing}


def arm_options(fit: MetaResult) -> dict[str, Any]:
    """What else a model of arms states; nothing for other models."""
    keys = fit.prepared.family.keys
    options = {key.name: getattr(fit.model, key.name) for key in keys.options} if keys.table == "arms" else {}
    return {"arms": {"measure": fit.measure, **options}} if options else {}


def arm_left_out(outcome: Outcome, fit: MetaResult) -> list[str]:
    """What the report has for other outcomes and not for one with arms, each with the reason."""
    if arm_words(fit) is None:
        return []
    if not outcome.signals or outcome.sensitivity == Sensitivity():
        return list(_LEFT_OUT)
    known = fit.prepared.parameters
    own = dict.fromkeys(name.split("[")[0] for name, parameter in known.items() if parameter.role == "nuisance")
    return [
        *_LEFT_OUT,
        f"Other priors on {' and '.join(own)}: the sensitivity crosses those on mu, coefficients and tau.",
    ]


def arm_predictions(words: ArmWords, fit: MetaResult) -> list[tuple[str, float, Any]]:
    """For each study its printed difference, and draws of the one that the model would have it print.

    It is the difference of means; of arms measured twice that of changes, or, with a common baseline, that afterwards.
    """
    printed, replicated = words.printed(fit), fit.datatree["posterior_predictive"]["difference"]
    return [(name, float(printed[i]), replicated.sel(study=name).to_numpy()) for i, name in enumerate(fit.data.study)]


def _first(fits: Fits) -> MetaResult:
    return next(iter(fits.values()))
