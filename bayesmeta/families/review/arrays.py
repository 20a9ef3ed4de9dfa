"""A published review as arrays over scenarios and studies: what its graph and its restoration both need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview, Range, Scenario, study_size
from bayesmeta.errors import DataError
from bayesmeta.families.review.fits import Fit, encoded, fitted
from bayesmeta.families.review.observations import Observation, Reader
from bayesmeta.families.review.terms import Floats, Ints, Trials, log_density


@dataclass(frozen=True, slots=True)
class ReviewArrays:
    """Arrays of a review over scenarios (combinations of options), readings and studies.

    A reading is a distinct version of the known numbers; many scenarios share one, since most choices concern
    covariates. Likewise a fit that several scenarios or statistics need is computed once.

    Attributes
    ----------
    labels : one label for each choice, for each scenario
    log_weight : shape (scenario,)
    reading : shape (scenario,), index of the reading
    known : shape (study,), bool
    y, se : shape (reading, study), nan where latent
    inverse_size : shape (reading, study), the squared standard error for a unit SD of one, nan where the size is a range
    n_lower, n_upper : shape (reading, ranged study)
    per_participant : shape (reading, ranged study), the squared standard error for a unit SD of one, times the size
    ranged : shape (study,), bool
    n_rest : shape (reading,), participants left for the studies of unknown size, or None without a total
    included : shape (study,), 0 or 1
    fits : pools and meta-regressions, each computed for every reading; the first is the review's by DerSimonian and Laird
    observations : numbers of all statistics, in their order
    """

    review: PublishedReview
    labels: tuple[tuple[str, ...], ...]
    log_weight: Floats
    reading: Ints
    known: NDArray[np.bool_]
    y: Floats
    se: Floats
    inverse_size: Floats
    n_lower: Floats
    n_upper: Floats
    per_participant: Floats
    ranged: NDArray[np.bool_]
    n_rest: Floats | None
    included: Floats
    fits: tuple[Fit, ...]
    observations: tuple[Observation, ...]

    @property
    def n_free_sizes(self) -> int:
        """Number of unit-uniform parameters that the unknown sizes need."""
        return max(int(self.ranged.sum()) - (self.n_rest is not None), 0)

    def sizes(self, u: Floats) -> list[Floats]:
        """Totals of the studies of unknown size for unit-uniform `u`, shape (..., slot), each (..., reading).

        With a known total the sizes are drawn one after the other, uniform on what the total still allows,
        and the last one takes the rest. `kernel_trials` has the same in compiled code.
        """
        m = int(self.ranged.sum())
        lower, upper = self.n_lower, self.n_upper
        if self.n_rest is None:
            return [lower[:, j] + u[..., j, None] * (upper - lower)[:, j] for j in range(m)]
        totals, left_over = list[Floats](), self.n_rest
        for j in range(m - 1):
            low = np.maximum(lower[:, j], left_over - upper[:, j + 1 :].sum(axis=1))
            high = np.minimum(upper[:, j], left_over - lower[:, j + 1 :].sum(axis=1))
            totals.append(low + u[..., j, None] * (high - low))
            left_over = left_over - totals[-1]
        return [*totals, left_over] if m else []

    def standard_errors(self, sd: Floats, u: Floats) -> Floats:
        """Standard errors of the latent studies, shape (..., reading, latent), from their unit SDs (..., latent).

        Arms are taken as equal where only a total is known.
        """
        latent = ~self.known
        factor = np.nan_to_num(self.inverse_size)[:, latent]  # (reading, latent)
        where = np.eye(latent.size)[self.ranged][:, latent]  # each ranged study's place among the latent ones
        for j, total in enumerate(self.sizes(u)):
            factor = factor + (self.per_participant[:, j] / total)[..., None] * where[j]
        return np.asarray(sd[..., None, :] * np.sqrt(factor))

    def trials(self, y: Floats, se: Floats) -> Trials:
        """The trials with the fits that the review's statistics need, from `y` and `se` (..., reading, study)."""
        return Trials(y, se, fitted(y, se, self.fits), self.reading, self.included)

    def statistic_terms(self, trials: Trials) -> list[Floats]:
        """Log density of each statistic, each of shape (..., scenario)."""
        by_statistic = {id(one): np.zeros((*trials.y.shape[:-2], self.reading.size)) for one in self.review.statistics}
        for one in self.observations:
            if one.relation is not None:
                by_statistic[id(one.statistic)] = by_statistic[id(one.statistic)] + log_density(one, trials)
        return list(by_statistic.values())

    @property
    def encoded(self) -> tuple[NDArray[Any], ...]:
        """The fits and observations as the kernel takes them."""
        used = [one for one in self.observations if one.relation is not None]
        n, width = self.reading.size, max([1, *(one.fits.shape[1] for one in used if one.fits is not None)])
        what = np.array([(one.quantity, one.relation, one.study) for one in used], dtype=np.int64).reshape(-1, 3)
        how = np.array([(one.sign, one.spread) for one in used], dtype=float).reshape(-1, 2)
        by_scenario, slots = np.zeros((len(used), 2, n)), np.full((len(used), n, width), -1)
        for j, one in enumerate(used):
            by_scenario[j, 0], by_scenario[j, 1] = one.target, 0.0 if one.critical is None else one.critical
            if one.fits is not None:
                slots[j, :, : one.fits.shape[1]] = one.fits
        return (*encoded(self.fits), what, how, by_scenario, slots)


def review_arrays(review: PublishedReview) -> ReviewArrays:
    """Arrays of `review`."""
    scenarios = review.scenarios()
    sizes = [[study_size(study) for study in scenario.studies] for scenario in scenarios]
    ranged = np.array([isinstance(size.participants, Range) for size in sizes[0]])
    for row in sizes:
        if [isinstance(size.participants, Range) for size in row] != ranged.tolist():
            raise DataError("a study's size must be a range under every option of a choice, or under none.")
    inverse = np.array([[np.nan if s.inverse is None else s.inverse for s in row] for row in sizes], dtype=float)
    participants = np.array(
        [[s.participants if isinstance(s.participants, float) else np.nan for s in row] for row in sizes]
    )
    of_ranges = [
        [x for size in row if isinstance(at := size.participants, Range) for x in (at.lower, at.upper, size.per)]
        for row in sizes
    ]
    limits = np.array(of_ranges, dtype=float)
    y, se = _field(scenarios, "y"), _field(scenarios, "se")
    everything = np.concatenate([y, se, inverse, participants, limits], axis=1)
    _, first, reading = np.unique(np.nan_to_num(everything, nan=-1.0), axis=0, return_index=True, return_inverse=True)
    lower, upper, per = np.moveaxis(limits[first].reshape(len(first), -1, 3), -1, 0)
    n_rest = None if review.n_total is None else review.n_total - np.nansum(participants[first], axis=1)
    read = Reader(review)
    observations = read.observations()
    return ReviewArrays(
        review=review,
        labels=tuple(scenario.labels for scenario in scenarios),
        log_weight=np.array([scenario.log_weight for scenario in scenarios]),
        reading=reading.reshape(-1).astype(np.int64),
        known=np.array([study.known for study in review.studies]),
        y=y[first],
        se=se[first],
        inverse_size=inverse[first],
        n_lower=lower,
        n_upper=upper,
        per_participant=per,
        ranged=ranged,
        n_rest=n_rest,
        included=read.included.astype(float),
        fits=tuple(read.fits),
        observations=observations,
    )


def _field(scenarios: tuple[Scenario, ...], name: str) -> Floats:
    values = [[getattr(study, name) for study in scenario.studies] for scenario in scenarios]
    return np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)
