"""What a report says of a published review: its trials, what it printed, and readings of what is not certain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayesmeta.data.review import PublishedReview, Range, Study
from bayesmeta.data.statistics import SignificantCount, Statistic
from bayesmeta.effects.display import Display
from bayesmeta.families.printed import RECOMPUTED, Printed
from bayesmeta.families.review.latent_pooling import latent_pooling
from bayesmeta.families.review.numbers import printed_numbers
from bayesmeta.families.review.statistic_words import (
    number_label,
    observed_within,
    on_effect_scale,
    printed,
    review_methods,
)
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
        n_known = sum(study.known for study in review.studies)
        parts = [f"of {review.n_studies} trials, {n_known} entered with an effect and standard error."]
        if n_known < review.n_studies:
            parts.append(
                "The others are latent: their standard error follows from their arm sizes and a prior on the unit standard "
                f"deviation ({review.sd}), their effect from the hierarchical model."
            )
        if review.statistics:
            observed = "; ".join(f"{one.name}: {observed_within(one)}" for one in review.statistics)
            parts.append(
                f"{review_methods(review.statistics)}, and its printed values are the observations, each within a tolerance. "
                f"{observed[0].upper()}{observed[1:]}."
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

    def covariates_of(self, data: PublishedReview, study: str) -> Mapping[str, Any]:
        """Covariates of a study as its row states them."""
        return next(one.covariates for one in data.studies if one.name == study)

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


def _study(study: Study) -> dict[str, Any]:
    size = f"{study.n_t:g} v {study.n_c:g}" if study.n_t is not None and study.n_c is not None else text(study.n)
    size += "" if study.correlation is None else f" pairs (correlation {study.correlation:g})"
    evidence = f"estimate {study.y:.3g}, standard error {study.se:.3g}" if study.known else _not_known(study)
    if study.known and study.status:
        evidence += f"; {study.status}"
    if not study.in_review:
        evidence += "; not in the review's pool"
    covariates = {name: text(value) for name, value in study.covariates.items()}
    return {
        "study": study.name,
        "label": study.name,
        "n": size,
        "known": study.known,
        "evidence": evidence,
        "covariates": covariates,
    }


def text(value: float | str | Range | None) -> str:
    """A known value, a range, or nothing, as text."""
    if isinstance(value, Range):
        return f"{value.lower:.3g} to {value.upper:.3g}"
    if isinstance(value, float | int):
        return f"{value:.3g}"
    return "" if value is None else value


def _not_known(study: Study) -> str:
    """What the table of studies says of a study whose effect it does not have."""
    if study.status:
        return f"not available in the sources read: {study.status}"
    return "no effect and standard error in the table of studies"


def _statistic(statistic: Statistic, numbers: list[Printed], *, ratio: bool) -> dict[str, Any]:
    """A printed statistic, how closely it was observed, and its numbers recomputed from the trials."""
    of_statistic = [one for one in numbers if one.statistic is statistic]
    sd, rounding = statistic.observed_within
    return {
        "name": statistic.name,
        "printed": printed(statistic, ratio=ratio),
        "within": observed_within(statistic),
        "sd": sd,
        "rounding": rounding,
        "times_rounding": statistic.observed_within.times_rounding,
        "recomputed": "; ".join(_recomputed(one, ratio=ratio) for one in of_statistic),
    }


def _recomputed(number: Printed, *, ratio: bool) -> str:
    values = (number.mean, *number.interval)
    mean, lower, upper = (math.exp(x) if ratio and on_effect_scale(number.statistic) else x for x in values)
    places = 2 if isinstance(number.statistic, SignificantCount) else 4
    label = number_label(number.name)
    return f"{label}{mean:.{places + 1}g} ({lower:.{places}g} to {upper:.{places}g})"
