"""What went in and what was missing, in words: studies, printed statistics, and choices with their posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesmeta.analysis.arms import arm_evidence
from bayesmeta.analysis.schema import Outcome
from bayesmeta.data.kinds import Arms
from bayesmeta.data.review import PublishedReview, Range, Study
from bayesmeta.data.statistics import (
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.effects.display import Display
from bayesmeta.results.meta_result import MetaResult


def evidence(outcome: Outcome, fits: Mapping[str, MetaResult], display: Display) -> dict[str, Any]:
    """Evidence section of one outcome."""
    result = next(iter(fits.values()))
    data = result.data
    if isinstance(data, Arms):
        return arm_evidence(data, outcome, fits)
    if not isinstance(data, PublishedReview):
        frame = data.covariates
        studies = [
            {
                "study": name,
                "label": name,
                "n": "",
                "known": True,
                "evidence": _estimate(data.y[i], data.se[i], display),
                "covariates": {str(column): str(frame.iloc[i][column]) for column in frame.columns},
            }
            for i, name in enumerate(data.study)
        ]
        return {"studies": studies, "statistics": [], "choices": [], "missing": outcome.missing}
    group = result.datatree["posterior_predictive"].to_dataset()
    posterior = result.choice_probabilities()
    choices = []
    for choice in data.choices:
        total = sum(option.weight for option in choice.options)
        choices += [
            {
                "choice": choice.name,
                "option": option.label,
                "prior": option.weight / total,
                "posterior": posterior[choice.name][option.label],
            }
            for option in choice.options
        ]
    tests = [s for s in data.statistics if isinstance(s, SubgroupTest)]
    statistics = [
        {
            "name": s.name,
            "printed": printed(s, ratio=display.is_ratio),
            "recomputed": _recomputed(s, group, tests, ratio=display.is_ratio),
        }
        for s in data.statistics
    ]
    return {
        "studies": [_study(study) for study in data.studies],
        "statistics": statistics,
        "choices": choices,
        "missing": outcome.missing,
    }


def _estimate(y: float, se: float, display: Display) -> str:
    """An estimate and its standard error, named on the scale on which they are."""
    return f"{display.analysis} {y:.3g}, standard error {se:.3g}"


def _study(study: Study) -> dict[str, Any]:
    size = f"{study.n_t:g} v {study.n_c:g}" if study.n_t is not None and study.n_c is not None else text(study.n)
    latent = "nothing: nobody published its results"
    found = f"difference {study.y:.3g}, standard error {study.se:.3g}" if study.known else latent
    if not study.in_review:
        found += "; not in the review's pool"
    covariates = {name: text(value) for name, value in study.covariates.items()}
    return {
        "study": study.name,
        "label": study.name,
        "n": size,
        "known": study.known,
        "evidence": found,
        "covariates": covariates,
    }


def text(value: float | str | Range | None) -> str:
    """A known value, a range, or nothing, as text."""
    if isinstance(value, Range):
        return f"{value.lower:.3g} to {value.upper:.3g}"
    if isinstance(value, float | int):
        return f"{value:.3g}"
    return "" if value is None else value


def printed(statistic: Statistic, *, ratio: bool = False) -> str:
    """What the review printed, as text; a `ratio` leaves the log scale."""
    match statistic:
        case PooledEstimate():
            numbers = (statistic.estimate, statistic.lower, statistic.upper)
            shown = [f"{math.exp(x) if ratio else x:.5g}" for x in numbers]
            return f"{shown[0]} ({100 * statistic.level:g}% CI {shown[1]} to {shown[2]})"
        case SubgroupTest():
            side = "lower" if statistic.direction < 0 else "higher"
            return f"P = {statistic.p:g}, {side} where {statistic.covariate} = 1"
        case Heterogeneity():
            return f"I-squared = {statistic.i2:g}%"
        case SignificantCount():
            return f"{statistic.count} studies significant"
        case StudyTest():
            return f"P {statistic.relation} {statistic.p:g}"


def _recomputed(statistic: Statistic, group: Any, tests: list[SubgroupTest], *, ratio: bool) -> str | None:
    match statistic:
        case PooledEstimate():
            means = [float(group[f"pooled_{key}"].mean()) for key in ("estimate", "lower", "upper")]
            shown = [f"{math.exp(x) if ratio else x:.4g}" for x in means]
            return f"{shown[0]} ({shown[1]} to {shown[2]})"
        case SubgroupTest():
            return f"z = {float(group['subgroup_z'][..., tests.index(statistic)].mean()):.3f} (printed P: z = {statistic.z:.3f})"
        case Heterogeneity():
            low, high = np.quantile(group["i2"], [0.025, 0.975])
            return f"{low:.0f}% to {high:.0f}%"
        case SignificantCount():
            return f"{float(group['significant'].mean()):.2f} on average"
    return None
