"""What a report says of an outcome whose data are arms, of means or measured twice, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.arm_changes import changes_methods, changes_said, correlations
from bayesmeta.analysis.arm_means import means_methods, means_said, readings, spreads
from bayesmeta.analysis.schema import Outcome, Sensitivity
from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.data.kinds import Arms
from bayesmeta.inference.change_arrays import change_arrays
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.arm_normal import ArmNormal
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.two_scales import Model

_LEFT_OUT = (
    "An exact fit, and its agreement with the sampler: quadrature takes effects with known standard errors, and here they "
    "follow from parameters.",
    "Frequentist estimators beside the models: they take known standard errors too.",
)


def arm_evidence(data: Arms, outcome: Outcome, fits: Mapping[str, MetaResult]) -> dict[str, Any]:
    """Evidence section of an outcome with arms; what was not printed is that of its first model."""
    frame, first = data.covariates, next(iter(fits.values()))
    studies = [
        {
            "study": name,
            "label": name,
            "n": f"{data.n_t[i]:g} v {data.n_c[i]:g}",
            "known": True,
            "evidence": means_said(data, i) if isinstance(data, ArmMeans) else changes_said(data, i),
            "covariates": {str(column): str(frame.iloc[i][column]) for column in frame.columns},
        }
        for i, name in enumerate(data.study)
    ]
    if isinstance(data, ArmMeans):
        own = {"choices": readings(outcome, fits), "spreads": spreads(data, first)}
    else:
        own = {"choices": [], "correlations": correlations(data, first)}
    return {"studies": studies, "statistics": [], **own, "missing": outcome.missing}


def arm_options(model: Model) -> dict[str, Any]:
    """What else a model of arms states; nothing for other models."""
    if isinstance(model, ArmNormal):
        names: tuple[str, ...] = ("measure", "equal_variances", "sd_probability")
    elif isinstance(model, ChangeNormal):
        names = ("measure", "baseline")
    else:
        return {}
    return {"arms": {name: getattr(model, name) for name in names}}


def unknown_mark(data: Arms) -> str:
    """What marks studies whose standard error is inferred."""
    return "SD not known" if isinstance(data, ArmMeans) else "correlation not known"


def arm_left_out(outcome: Outcome, fit: MetaResult) -> list[str]:
    """What the report has for other outcomes and not for this one, each with the reason."""
    if not outcome.signals or outcome.sensitivity == Sensitivity():
        return list(_LEFT_OUT)
    known = fit.prepared.parameters
    own = dict.fromkeys(name.split("[")[0] for name, parameter in known.items() if parameter.role == "nuisance")
    return [
        *_LEFT_OUT,
        f"Other priors on {' and '.join(own)}: the sensitivity crosses those on mu, coefficients and tau.",
    ]


def arm_predictions(data: Arms, fit: MetaResult) -> list[tuple[str, float, Any]]:
    """For each study its printed difference, and draws of the one that the model would have it print.

    It is the difference of means; of arms measured twice that of changes, or, with a common baseline, that afterwards.
    """
    if isinstance(data, ArmMeans):
        printed = data.difference
    else:
        assert isinstance(fit.model, ChangeNormal)
        printed = change_arrays(data, fit.model.baseline).y
    replicated = fit.datatree["posterior_predictive"]["difference"]
    return [(name, float(printed[i]), replicated.sel(study=name).to_numpy()) for i, name in enumerate(data.study)]


def arm_methods(data: Arms, outcome: Outcome, fits: Mapping[str, MetaResult]) -> str:
    """A paragraph for the methods section."""
    if isinstance(data, ArmMeans):
        return f"Outcome '{outcome.label}': {means_methods(data, fits)}"
    return f"Outcome '{outcome.label}': {changes_methods(data, outcome, fits)}"
