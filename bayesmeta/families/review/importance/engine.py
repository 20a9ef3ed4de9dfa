"""The posterior of a review without chains: one sample of its trials for all models and priors, and when that is not enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.errors import ImportanceError, SpecificationError
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.importance.integral import Trials, log_marginal, tau_rule
from bayesmeta.families.review.importance.posterior import Priors, ReviewPosterior, Sets, posterior, sets
from bayesmeta.families.review.importance.proposal import Proposal
from bayesmeta.families.review.importance.sample import Adapted, Drawn, Sample, adapt, draw
from bayesmeta.families.review.importance.strata import exact_pool, obstacle, strata
from bayesmeta.priors import HalfNormal, Normal, Prior
from bayesmeta.quadrature.coefficients import Names, pieces
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_SIZES = (14, 15, 16)  # log2 of the points: the next where the one before leaves fewer effective ones than are wanted
_OWN_SIZES = (16, 18)  # of a sample for one model, where that for all models is not enough
_WANTED, LEAST = 600, 400  # effective points
LARGEST = 0.05  # share of one point
MISSED = 0.02  # of the posterior, by what solves for subgroup tests
_HOPELESS = 1 / 16  # of the effective points that are needed: four times as many drawn are no help
_SPREAD = 2.0  # standard deviation of mean and differences under which all models' sample is drawn, in units
_MOST_COMPONENTS = 100  # of the priors on the coefficients: each is integrated over for every set of trials


@dataclass(frozen=True)
class Source:
    """What a sample depends on, beside its size: the review, its covariates known as ranges, and where effects may lie.

    Attributes
    ----------
    data : PublishedReview
    n_slots : int
    location : (float, float)
        Mean and standard deviation of effects, for a review without a printed pool.
    seed : int
    """

    data: PublishedReview
    n_slots: int
    location: tuple[float, float]
    seed: int

    def __hash__(self) -> int:
        return hash((self.data.hash, self.n_slots, self.location, self.seed))

    @property
    def proposals(self) -> list[Proposal]:
        """One for each stratum."""
        return [Proposal(part, self.n_slots, self.location) for part in strata(review_arrays(self.data))]


def ready_priors(groups: Mapping[tuple[str, ...], Prior], design: Design) -> Priors | str:
    """Priors of a model, by the names that each is for; or why importance sampling does not take them."""
    names = (*(("mu",) if design.intercept else ()), *design.columns)
    on_coefficients: dict[Names, Prior] = {on: prior for on, prior in groups.items() if on != ("tau",)}
    tau = groups[("tau",)]
    try:
        parts = pieces(names, on_coefficients)
    except SpecificationError as error:
        return str(error).replace("the quadrature engine", "importance sampling")
    if sum(part.log_weight.size for part in parts) > _MOST_COMPONENTS:
        return (
            f"the priors on the coefficients have more than {_MOST_COMPONENTS} normal components, which importance sampling "
            "would integrate over for every set of trials. Use engine='nuts'."
        )
    if not tau.has_density and tau.atom is None:
        return f"prior for tau is {tau}, a mixture with a point mass, which importance sampling does not take. Use engine='nuts'."
    return Priors(names, parts, tau)


def why_not(data: PublishedReview) -> str | None:
    """Why importance sampling does not take a review, or None."""
    return obstacle(review_arrays(data))


def solve(
    data: PublishedReview, design: Design, priors: Priors, location: tuple[float, float], seed: int
) -> ReviewPosterior:
    """The posterior of a model, from the sample that all models of the review share; from its own where that is not enough.

    Parameters
    ----------
    location : (float, float)
        Mean and standard deviation of the effects' mean under its prior: used where no pool was printed.

    Raises
    ------
    ImportanceError
        If too few effective sets of trials are left.
    """
    printed = any(part.branch != "no pool" for part in strata(review_arrays(data)))
    source = Source(data, len(design.slots), (0.0, 1.0) if printed else location, seed)
    unit = source.proposals[0].unit
    for size in _SIZES:
        sample = shared_sample(source, size)
        _require_reached(sample)
        fitted = posterior(_shared_sets(source, size, _Covariates(design)), priors, unit)
        if fitted.n_effective >= _WANTED or _complete(fitted) or fitted.n_effective < _HOPELESS * LEAST:
            break
    if _complete(fitted) or enough(fitted):
        return fitted
    if fitted.n_effective >= _HOPELESS * LEAST:
        fitted = _from_own_sample(source, design, priors, unit)
    if not enough(fitted):
        raise ImportanceError(
            f"importance sampling leaves {fitted.n_effective:.0f} effective sets of trials, the heaviest "
            f"with {100 * fitted.largest_weight:.2g}% of the weight; {LEAST} are needed, and no more than {100 * LARGEST:g}%."
        )
    return fitted


def _from_own_sample(source: Source, design: Design, priors: Priors, unit: float) -> ReviewPosterior:
    """The posterior of a model from a sample that is drawn for it alone."""
    adapted = adapt(source.proposals, lambda one: _of_model(one, design, priors, unit), source.seed)
    for size in _OWN_SIZES:
        own = draw(adapted, size)
        _require_reached(own)
        fitted = posterior(sets(own, design), priors, unit)
        if enough(fitted) or fitted.n_effective < _HOPELESS * LEAST:
            break
    return fitted


def _require_reached(sample: Sample) -> None:
    """Reject a sample that solving for subgroup tests leaves too much of the posterior out of."""
    if sample.missed > MISSED:
        raise ImportanceError(
            f"importance sampling misses {100 * sample.missed:.2g}% of the posterior: no start leads to trials there "
            f"that have the subgroup tests as printed. At most {100 * MISSED:g}% is accepted."
        )


def enough(fitted: ReviewPosterior) -> bool:
    """Whether a posterior has as many effective points as are needed."""
    return fitted.n_effective >= LEAST and fitted.largest_weight <= LARGEST


def _complete(fitted: ReviewPosterior) -> bool:
    """Whether nothing of the trials is left to draw, so that a single set is all there is."""
    proposal = fitted.sets.sample.drawn[0].proposal
    return not proposal.latent.any() and proposal.n_slots == 0


@lru_cache(maxsize=4)
def shared_sample(source: Source, size: int) -> Sample:
    """The sample of a review: drawn under wide priors on mean, subgroup differences and tau, in units of a standard error."""
    return draw(_adapted(source), size)


@lru_cache(maxsize=4)
def _adapted(source: Source) -> Adapted:
    return adapt(source.proposals, lambda one: _under_wide_priors(one, source.location), source.seed)


def forget() -> None:
    """Drop the samples that are kept for further models of the same reviews."""
    shared_sample.cache_clear()
    _adapted.cache_clear()
    _shared_sets.cache_clear()


@dataclass(frozen=True)
class _Covariates:
    """A design that is known by its numbers."""

    design: Design = field(compare=False)
    key: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        base, slope = self.design.base, self.design.slope
        object.__setattr__(self, "key", (self.design.intercept, base.shape, base.tobytes(), slope.tobytes()))


@lru_cache(maxsize=2)
def _shared_sets(source: Source, size: int, covariates: _Covariates) -> Sets:
    """The sets of trials of the last models, which posteriors under all priors share."""
    return sets(shared_sample(source, size), covariates.design)


def _under_wide_priors(drawn: Drawn, location: tuple[float, float]) -> Floats:
    proposal = drawn.proposal
    unit, pool = proposal.unit, exact_pool(proposal.stratum.arrays)
    centre, spread = location
    if pool is not None and proposal.stratum.branch != "no pool":
        centre, spread = pool.estimate, _SPREAD * unit
    groups = [np.ones(proposal.latent.size), *(one.direction for one in proposal.tests)]
    names = tuple(str(i) for i in range(len(groups)))
    wide = [Normal(centre, spread), *(Normal(0, _SPREAD * unit) for _ in proposal.tests)]
    parts = pieces(names, {(name,): prior for name, prior in zip(names, wide, strict=True)})
    rule = tau_rule(HalfNormal(unit), 4 * unit, 16)  # for a pilot: 6e-5 of the prior lies beyond
    X = np.broadcast_to(np.stack(groups, axis=-1), (len(drawn.x), proposal.latent.size, len(groups)))
    printed = logsumexp(drawn.log_weight, axis=1)
    return np.asarray(
        printed + logsumexp(log_marginal(Trials(drawn.points.y, drawn.points.se, X), parts, rule), axis=1)
    )


def _of_model(drawn: Drawn, design: Design, priors: Priors, unit: float) -> Floats:
    given = sets(Sample((drawn,), 0.0), design)
    total = np.full(len(drawn.x), -np.inf)
    if given.point.size:
        np.logaddexp.at(total, given.point, posterior(given, priors, unit).log_set)
    return total


def location_of(mu: Prior | None, data: PublishedReview) -> tuple[float, float]:
    """Where effects may lie: centre and spread of a prior on their mean, or of the known ones."""
    known = np.array(
        [(study.y, study.se) for study in data.studies if study.y is not None and study.se is not None], float
    )
    if mu is not None and mu.is_proper:
        # one standard deviation on each side of a normal mean
        low, middle, high = map(float, np.asarray(mu.ppf([0.1587, 0.5, 0.8413])))
        return middle, max((high - low) / 2, 1e-3)  # a point mass has no spread
    if not known.size:
        return 0.0, 1.0
    # ten times as wide as what is known reaches
    return float(known[:, 0].mean()), 10 * float(np.ptp(known[:, 0]) + known[:, 1].max())


def with_priors(fitted: ReviewPosterior, priors: Priors) -> ReviewPosterior:
    """The posterior of the same model under other priors, from the same sample."""
    return posterior(fitted.sets, priors, fitted.sets.sample.drawn[0].proposal.unit)
