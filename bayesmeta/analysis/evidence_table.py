"""What went in and what was missing, in words: studies, printed statistics, and choices with their posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.arms import arm_evidence, arm_words
from bayesmeta.analysis.schema import Outcome
from bayesmeta.data.review import Range, Study
from bayesmeta.data.statistics import (
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.diagnostics.published import Printed, observed_within, of_review, recomputed
from bayesmeta.effects.display import Display
from bayesmeta.results.meta_result import MetaResult


def evidence(outcome: Outcome, fits: Mapping[str, MetaResult], display: Display) -> dict[str, Any]:
    """Evidence section of one outcome."""
    result = next(iter(fits.values()))
    data: Any = result.data
    if words := arm_words(result):
        return arm_evidence(words, outcome, fits)
    if not of_review(result):
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
    statistics = [_statistic(one, recomputed(result), ratio=display.is_ratio) for one in data.statistics]
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
    found = f"estimate {study.y:.3g}, standard error {study.se:.3g}" if study.known else _not_known(study)
    if study.known and study.status:
        found += f"; {study.status}"
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
            return f"P = {statistic.p:g} (z = {statistic.z:.4g}), {side} where {statistic.covariate} = 1"
        case Heterogeneity():
            return f"I-squared = {statistic.i2:g}%"
        case SignificantCount():
            return f"{statistic.count} studies significant"
        case StudyTest():
            return f"P {statistic.relation} {statistic.p:g}"


def _not_known(study: Study) -> str:
    """What the table of studies says of a study whose effect it does not have."""
    if study.status:
        return f"not available in the sources read: {study.status}"
    return "no effect and standard error in the table of studies"


def _statistic(statistic: Statistic, numbers: list[Printed], *, ratio: bool) -> dict[str, Any]:
    """A printed statistic, how closely it was observed, and its numbers recomputed from the trials."""
    own = [one for one in numbers if one.statistic is statistic]
    sd, rounding = statistic.observed_within
    return {
        "name": statistic.name,
        "printed": printed(statistic, ratio=ratio),
        "within": observed_within(statistic),
        "sd": sd,
        "rounding": rounding,
        "times_rounding": statistic.observed_within.times_rounding,
        "recomputed": "; ".join(_recomputed(one, ratio=ratio) for one in own),
    }


def _recomputed(one: Printed, *, ratio: bool) -> str:
    values = (one.mean, *one.interval)
    pooled = isinstance(one.statistic, PooledEstimate)
    mean, lower, upper = (math.exp(x) if ratio and pooled else x for x in values)
    places = 2 if isinstance(one.statistic, SignificantCount) else 4
    name = {"pooled estimate": "", "pooled lower": "lower limit ", "pooled upper": "upper limit "}.get(one.name)
    what = name if name is not None else "z = " if isinstance(one.statistic, SubgroupTest | StudyTest) else ""
    return f"{what}{mean:.{places + 1}g} ({lower:.{places}g} to {upper:.{places}g})"
