"""What a report says of a published review: its trials, what it printed, and readings of what is not certain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from bayesmeta.families.printed import RECOMPUTED, Printed
from bayesmeta.families.review.latent_pooling import latent_pooling
from bayesmeta.families.review.numbers import printed_numbers
from bayesmeta.families.words import CHOICES, Column, Evidence, Reader, Replicates, Row, Table, Words

if TYPE_CHECKING:
    import xarray as xr

_STATISTICS = Table(
    "statistics",
    "Statistics that the review printed: observations of the model, and recomputed from the trials of its draws",
    (
        Column("Statistic", "name"),
        Column("Printed", "printed", "long"),
        Column("Observed within", "within", "long"),
        Column("Recomputed, mean (95% interval)", "recomputed", "long"),
    ),
    note="The trials are conditioned on these statistics, so that agreement of the last column is by construction.",
)


class ReviewWords(Words):
    """Words for `PublishedReview`."""

    latent_effects = True

    def evidence(self, readers: Sequence[Reader], display: Display) -> Evidence:
        """Trials, known or latent, what the review printed, and choices with their posterior."""
        reader, data = readers[0], readers[0].data
        recomputed, posterior = self.printed_numbers(data, reader.group(RECOMPUTED)), reader.choice_probabilities()
        choices = [
            {
                "choice": choice.name,
                "option": option.label,
                "prior": option.weight / sum(one.weight for one in choice.options),
                "posterior": posterior[choice.name][option.label],
            }
            for choice in data.choices
            for option in choice.options
        ]
        statistics = [_statistic(one, recomputed, ratio=display.is_ratio) for one in data.statistics]
        return Evidence([_study(study) for study in data.studies], (_STATISTICS.of(statistics), CHOICES.of(choices)))

    def methods(self, readers: Sequence[Reader], origin: str) -> str:
        """What is known of a review's trials, and how closely its statistics were observed."""
        review: PublishedReview = readers[0].data
        known = sum(study.known for study in review.studies)
        parts = [f"of {review.n_studies} trials, {known} entered with an effect and standard error."]
        if known < review.n_studies:
            parts.append(
                "The others are latent: their standard error follows from their arm sizes and a prior on the unit standard "
                f"deviation ({review.sd}), their effect from the hierarchical model."
            )
        if review.statistics:
            test = any(isinstance(one, SubgroupTest) for one in review.statistics)
            subgroup = ", and its subgroup z test with a separate tau in each subgroup" if test else ""
            observed = "; ".join(f"{one.name}: {observed_within(one)}" for one in review.statistics)
            parts.append(
                f"The review's own estimator (DerSimonian and Laird{subgroup}) is part of the model, and its printed values "
                f"are the observations, each within a tolerance. {observed[0].upper()}{observed[1:]}."
            )
        cells = [(study.n, *study.covariates.values()) for scenario in review.scenarios() for study in scenario.studies]
        if any(isinstance(value, Range) for values in cells for value in values):
            parts.append("Facts known as a range are parameters, uniform on it.")
        if review.choices:
            parts.append(
                f"{len(review.choices)} facts are known up to a choice between readings with stated weights: all "
                f"{len(review.scenarios())} combinations were summed."
            )
        return " ".join(parts)

    def published_pool(self, data: PublishedReview) -> Mapping[str, float] | None:
        """What the review printed, on the scale of the analysis."""
        pool = data.pooled
        return None if pool is None else {"estimate": pool.estimate, "lower": pool.lower, "upper": pool.upper}

    def printed_numbers(self, data: PublishedReview, group: xr.Dataset) -> list[Printed]:
        """Every number that the review printed, with the draws of it in a group."""
        return printed_numbers(data, group)

    def replicates(self, reader: Reader) -> Replicates:
        """Effects of known trials, and what the review printed."""
        data, group = reader.data, reader.group("posterior_predictive")
        rows = [(s.name, float(s.y), group["y"].sel(study=s.name).to_numpy()) for s in data.studies if s.y is not None]
        return Replicates(
            "what the review of new trials would print, drawn from the model with the standard errors of the old ones",
            [*rows, *((one.name, one.printed, one.draws) for one in printed_numbers(data, group))],
        )

    def estimators(self, reader: Reader) -> list[Row]:
        """Other estimators on draws of the latent trials."""
        return latent_pooling(reader)


def observed_within(statistic: Statistic) -> str:
    """How closely a statistic was observed, and how that compares with its rounding, in words.

    Examples
    --------
    >>> observed_within(SubgroupTest(covariate="crps", p=0.079, direction=-1, tolerance=0.05))
    'z within a normal of SD 0.05: 34 times the rounding of P'
    >>> observed_within(PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31, half_width=0.03))
    'each limit within ±0.03 (a normal of SD 0.0153): 6 times its rounding'
    >>> observed_within(SignificantCount(count=3, direction=-1, width=0.3))
    'a study counts with probability logistic((z − 1.96)/0.3), z being its effect over its standard error in that direction'
    """
    sd, rounding = statistic.observed_within
    match statistic:
        case PooledEstimate():
            scale = ", as a logarithm," if statistic.ratio else ""
            times = sorted({statistic.rounding / half for half in statistic.printed_half_widths})
            loose = " and ".join(_times(t) for t in times)
            what = "its rounding" if loose == "1" else f"{loose} times its rounding"
            return f"each limit{scale} within ±{statistic.rounding:.3g} (a normal of SD {sd:.3g}): {what}"
        case SubgroupTest():
            times_text = _times(sd / (rounding or sd))
            what = "the rounding of P" if times_text == "1" else f"{times_text} times the rounding of P"
            return f"z within a normal of SD {sd:.2g}: {what}"
        case Heterogeneity(i2=0):
            return f"Q at most what is printed as 0, to its rounding of {statistic.rounding:g}%"
        case Heterogeneity():
            return f"within ±{statistic.rounding:g}% (a normal of SD {sd:.2g}%): its rounding"
        case SignificantCount():
            chance = f"logistic((z − {statistic.bound:.3g})/{statistic.width:g})"
            return f"a study counts with probability {chance}, z being its effect over its standard error in that direction"
        case StudyTest():
            return f"the bound on z, {statistic.z:.3g}, is a logistic curve of width {statistic.width:g}"


def _times(x: float) -> str:
    return f"{x:.2g}" if x < 9.95 else f"{x:.0f}"


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
