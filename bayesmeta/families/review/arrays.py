"""A published review as arrays over scenarios and studies: what its graph and its restoration both need."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from bayesmeta.data.review import PublishedReview, Range, Scenario, study_sizes
from bayesmeta.data.statistics import (
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.errors import DataError
from bayesmeta.families.review import codes
from bayesmeta.families.review.terms import (
    I2_SOFTNESS,
    Floats,
    Ints,
    Place,
    Trials,
    log_density,
    q_bound,
    spread_of,
)
from bayesmeta.pooling import dersimonian_laird


@dataclass(frozen=True, slots=True)
class ReviewArrays:
    """Arrays of a review over scenarios (combinations of options), readings and studies.

    A reading is a distinct version of the known numbers; many scenarios share one, since most choices concern
    covariates. Likewise a pool that several scenarios or statistics need is computed once.

    Attributes
    ----------
    labels : one label for each choice, for each scenario
    log_weight : shape (scenario,)
    reading : shape (scenario,), index of the reading
    known : shape (study,), bool
    y, se : shape (reading, study), nan where latent
    n_t, n_c : shape (reading, study), nan where the size is a range
    n_lower, n_upper : shape (reading, ranged study)
    ranged : shape (study,), bool
    n_rest : shape (reading,), participants left for the studies of unknown size, or None without a total
    included : shape (study,), 0 or 1
    pool_mask : shape (mask, study), 0 or 1: the studies of each pool, which is computed for every reading
    places : where each statistic finds its pools and study
    """

    review: PublishedReview
    labels: tuple[tuple[str, ...], ...]
    log_weight: Floats
    reading: Ints
    known: NDArray[np.bool_]
    y: Floats
    se: Floats
    n_t: Floats
    n_c: Floats
    n_lower: Floats
    n_upper: Floats
    ranged: NDArray[np.bool_]
    n_rest: Floats | None
    included: Floats
    pool_mask: Floats
    places: tuple[Place, ...]

    @property
    def n_free_sizes(self) -> int:
        """Number of unit-uniform parameters that the unknown sizes need."""
        return max(int(self.ranged.sum()) - (self.n_rest is not None), 0)

    def sizes(self, u: Any, *, xp: ModuleType = np) -> list[Any]:
        """Totals of the studies of unknown size for unit-uniform `u`, shape (..., slot), each (..., reading).

        With a known total the sizes are drawn one after the other, uniform on what the total still allows,
        and the last one takes the rest. `xp` is numpy, or pytensor.tensor in a graph.
        """
        m = int(self.ranged.sum())
        lower, upper = self.n_lower, self.n_upper
        if self.n_rest is None:
            return [lower[:, j] + u[..., j, None] * (upper - lower)[:, j] for j in range(m)]
        totals: list[Any] = []
        rest: Any = self.n_rest
        for j in range(m - 1):
            low = xp.maximum(lower[:, j], rest - upper[:, j + 1 :].sum(axis=1))
            high = xp.minimum(upper[:, j], rest - lower[:, j + 1 :].sum(axis=1))
            totals.append(low + u[..., j, None] * (high - low))
            rest = rest - totals[-1]
        return [*totals, rest] if m else []

    def standard_errors(self, sd: Any, u: Any, *, xp: ModuleType = np) -> Any:
        """Standard errors of the latent studies, shape (..., reading, latent), from their unit SDs (..., latent).

        Arms are taken as equal where only a total is known.
        """
        latent = ~self.known
        factor = np.nan_to_num(1 / self.n_t + 1 / self.n_c)[:, latent]  # (reading, latent)
        if self.ranged[latent].any():
            totals = xp.stack([total + 0.0 * sd[..., :1] for total in self.sizes(u, xp=xp)], axis=-1)
            where = np.eye(latent.size)[self.ranged][:, latent]  # each ranged study's place among the latent ones
            factor = factor + xp.sum((4.0 / totals)[..., None] * where, axis=-2)
        return sd[..., None, :] * xp.sqrt(factor)

    def trials(self, y: Floats, se: Floats) -> Trials:
        """The trials with the pools that the review's statistics need, from `y` and `se` (..., reading, study)."""
        return Trials(y, se, dersimonian_laird(y, se, self.pool_mask), self.reading, self.included)

    def statistic_terms(self, trials: Trials) -> list[Floats]:
        """Log density of each statistic, each of shape (..., scenario)."""
        pairs = zip(self.review.statistics, self.places, strict=True)
        return [log_density(statistic, trials, place) for statistic, place in pairs]

    @property
    def encoded(self) -> tuple[Ints, Floats, Ints, Ints]:
        """The statistics as the kernel takes them: kind, parameters, masks inside and outside."""
        codes = [_encode(s, p.study, self.included) for s, p in zip(self.review.statistics, self.places, strict=True)]
        n = len(self.log_weight)
        kinds = np.array([kind for kind, _ in codes], dtype=np.int64)
        parameters = np.array([numbers for _, numbers in codes], dtype=float).reshape(len(codes), 4)
        inside = np.array([place.inside for place in self.places], dtype=np.int64).reshape(len(codes), n)
        outside = np.array([place.outside for place in self.places], dtype=np.int64).reshape(len(codes), n)
        return kinds, parameters, inside, outside


def _encode(statistic: Statistic, study: int, included: Floats) -> tuple[int, tuple[float, float, float, float]]:
    match statistic:
        case PooledEstimate():
            return codes.POOLED, (statistic.z, statistic.lower, statistic.upper, spread_of(statistic))
        case SubgroupTest():
            return codes.SUBGROUP, (statistic.z, statistic.spread, 0.0, 0.0)
        case Heterogeneity(i2=0):
            return codes.I2_ZERO, (q_bound(statistic, included), I2_SOFTNESS, 0.0, 0.0)
        case Heterogeneity():
            return codes.I2, (statistic.i2, spread_of(statistic), 0.0, 0.0)
        case SignificantCount():
            bound = float(-ndtri(statistic.alpha / 2))
            return codes.COUNT, (bound, statistic.width, float(statistic.direction), float(statistic.count))
        case StudyTest():
            kind = codes.STUDY_BELOW if statistic.relation == "<" else codes.STUDY_ABOVE
            return kind, (statistic.z, statistic.width, float(statistic.direction or 0), float(study))


def review_arrays(review: PublishedReview) -> ReviewArrays:
    """Arrays of `review`."""
    scenarios = review.scenarios()
    sizes = [study_sizes(scenario.studies) for scenario in scenarios]
    ranged = np.array([isinstance(size, Range) for size in sizes[0]])
    for row in sizes:
        if [isinstance(size, Range) for size in row] != ranged.tolist():
            raise DataError("a study's size must be a range under every option of a choice, or under none.")

    def known_sizes(arm: int) -> Floats:
        return np.array([[s[arm] if isinstance(s, tuple) else np.nan for s in row] for row in sizes])

    limits = np.array([[(s.lower, s.upper) for s in row if isinstance(s, Range)] for row in sizes], dtype=float)
    limits = limits.reshape(len(scenarios), -1)
    y, se = _field(scenarios, "y"), _field(scenarios, "se")
    everything = np.concatenate([y, se, known_sizes(0), known_sizes(1), limits], axis=1)
    _, first, reading = np.unique(np.nan_to_num(everything, nan=-1.0), axis=0, return_index=True, return_inverse=True)
    n_t, n_c, limits = known_sizes(0)[first], known_sizes(1)[first], limits[first].reshape(len(first), -1, 2)
    n_rest = None
    if review.n_total is not None:
        n_rest = review.n_total - np.nansum(n_t, axis=1) - np.nansum(n_c, axis=1)
    included = np.array([float(study.in_review) for study in review.studies])
    pool_mask, places = _pools(review, scenarios, included)
    return ReviewArrays(
        review=review,
        labels=tuple(scenario.labels for scenario in scenarios),
        log_weight=np.array([scenario.log_weight for scenario in scenarios]),
        reading=reading.reshape(-1).astype(np.int64),
        known=np.array([study.known for study in review.studies]),
        y=y[first],
        se=se[first],
        n_t=n_t,
        n_c=n_c,
        n_lower=limits[..., 0],
        n_upper=limits[..., 1],
        ranged=ranged,
        n_rest=n_rest,
        included=included,
        pool_mask=pool_mask,
        places=places,
    )


def _pools(
    review: PublishedReview, scenarios: tuple[Scenario, ...], included: Floats
) -> tuple[Floats, tuple[Place, ...]]:
    """Return the distinct groups of studies that are pooled, and where each statistic finds its pools."""
    masks: list[Floats] = [included]

    def index(mask: Floats) -> int:
        for i, known in enumerate(masks):
            if np.array_equal(known, mask):
                return i
        masks.append(mask)
        return len(masks) - 1

    found = []
    for statistic in review.statistics:
        inside, outside = [], []
        for scenario in scenarios:
            group = np.ones(len(included))
            if isinstance(statistic, SubgroupTest):
                group = np.array([float(study.covariates[statistic.covariate]) for study in scenario.studies])  # type: ignore[arg-type]
                outside.append(index(included * (1 - group)))
            inside.append(index(included * group))
        study = review.study.index(statistic.study) if isinstance(statistic, StudyTest) else 0
        found.append(Place(np.array(inside), np.array(outside or inside), study))
    return np.array(masks), tuple(found)


def _field(scenarios: tuple[Scenario, ...], name: str) -> Floats:
    values = [[getattr(study, name) for study in scenario.studies] for scenario in scenarios]
    return np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)
