"""A published review as data: its studies, as far as they are known, and the statistics that it printed."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bayesmeta.data.review_covariates import check_covariate, check_size
from bayesmeta.data.statistics import PooledEstimate, SignificantCount, Statistic, StudyTest
from bayesmeta.errors import DataError, did_you_mean
from bayesmeta.priors import Prior, require_proper, require_scale_prior


@dataclass(frozen=True, slots=True)
class Range:
    """A number known only to lie between two limits: a parameter with a uniform prior on them.

    Examples
    --------
    >>> Range(7, 14)
    Range(lower=7.0, upper=14.0)
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            raise DataError(f"a range needs finite limits, lower below upper; got {self.lower:g} to {self.upper:g}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study of a review, with whatever is known of it.

    Parameters
    ----------
    name : str
        Label.
    n_t, n_c : float, optional
        Participants analysed in each arm, when both are known.
    n : float or Range, optional
        Total of both arms when the split is not known (halves are assumed), or a `Range` for it.
    correlation : float, optional
        Of a paired or crossover study, whose `n` participants had both treatments: correlation of a participant's two
        measurements. Its standard error is then sd sqrt(2 (1 - correlation) / n).
    y, se : float, optional
        Observed effect and its standard error; both or neither. Left out, they are latent.
    covariates : mapping of str to float, str or Range
        Study-level covariates; a `Range` is a parameter.
    in_review : bool, default True
        False for a study that informs the model but was not in the review's own pool.
    status : str, optional
        What the source says of its results, for reports: ``"outcome missing"``.
    """

    name: str
    n_t: float | None = None
    n_c: float | None = None
    n: float | Range | None = None
    correlation: float | None = None
    y: float | None = None
    se: float | None = None
    covariates: Mapping[str, float | str | Range] = field(default_factory=dict)
    in_review: bool = True
    status: str = field(default="", repr=False)  # words, no part of the data's hash

    def __post_init__(self) -> None:
        where = f"study {self.name!r}"
        object.__setattr__(self, "covariates", dict(self.covariates))
        if (self.y is None) != (self.se is None):
            raise DataError(f"{where}: y and se are known together or not at all; got y={self.y!r}, se={self.se!r}.")
        if self.y is not None and not math.isfinite(self.y):
            raise DataError(f"{where}: y must be a finite number; got {self.y!r}.")
        if self.se is not None and not (math.isfinite(self.se) and self.se > 0):
            raise DataError(f"{where}: se must be positive; got {self.se!r}. Leave y and se out if they are not known.")
        for name, size in (("n_t", self.n_t), ("n_c", self.n_c), ("n", self.n)):
            smallest = size.lower if isinstance(size, Range) else size
            if smallest is not None and not (math.isfinite(smallest) and smallest >= 1):
                raise DataError(f"{where}: {name} must be at least 1; got {size!r}.")
        if (self.n_t is None) != (self.n_c is None):
            raise DataError(f"{where}: give n_t and n_c together, or their total n; got {self.n_t!r} and {self.n_c!r}.")
        if self.correlation is not None:
            if self.n_t is not None:
                raise DataError(
                    f"{where}: correlation={self.correlation:g} is of a paired or crossover study, whose participants had both "
                    f"treatments; got n_t={self.n_t:g} and n_c={self.n_c:g}. Give their number n."
                )
            if not -1 < self.correlation < 1:
                raise DataError(f"{where}: correlation must lie between -1 and 1; got {self.correlation!r}.")
        if self.y is None and self.n_t is None and self.n is None:
            raise DataError(f"{where}: neither y and se nor an arm size is given; state n, or a range for it.")

    @property
    def known(self) -> bool:
        """Whether its effect and standard error were observed."""
        return self.y is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One reading of an ambiguous fact: its prior weight, and what it sets for which study.

    `values` maps study name to the fields it sets: ``y``, ``se``, ``n``, ``n_t``, ``n_c``, or a covariate.
    """

    label: str
    weight: float
    values: Mapping[str, Mapping[str, float | str | Range]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {study: dict(v) for study, v in self.values.items()})
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise DataError(f"option {self.label!r}: weight must be positive; got {self.weight!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A fact known only up to a choice between options: a parameter with the stated prior weights."""

    name: str
    options: Sequence[Option]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        labels = [option.label for option in self.options]
        if len(labels) < 2 or len(set(labels)) < len(labels):
            raise DataError(f"choice {self.name!r}: needs at least two options with different labels; got {labels}.")


class Scenario(NamedTuple):
    """One combination of options: labels by choice, log prior weight, and the studies as it sees them."""

    labels: tuple[str, ...]
    log_weight: float
    studies: tuple[Study, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReview:
    """Studies of a review with what is known of them, and the review's own statistics as observations.

    The effects and standard errors of studies that are not given are latent; what the review printed is a
    function of them (`bayesmeta.pooling.dersimonian_laird`), and its value is what is observed. A study whose
    `y` and `se` are given is observed itself. With all given this is the same as `Estimates`.

    Parameters
    ----------
    studies : sequence of Study
        Every study of the review, known or not; studies with ``in_review=False`` may join the model.
    statistics : sequence of statistics
        `PooledEstimate`, `PredictionInterval`, `Heterogeneity`, `SubgroupTest`, `MetaRegressionSlope`, `MetaRegressionTest`,
        `SignificantCount`, `StudyTest`.
    sd : Prior
        Prior on each latent study's unit SD, which gives its standard error: ``se = sd sqrt(1/n_t + 1/n_c)``, or
        ``sd sqrt(2 (1 - correlation) / n)`` of a paired or crossover study.
        For mean differences the unit SD is the participants' standard deviation, in units of `y`.
    n_total : float, optional
        Participants in all the studies, when sizes are known as ranges: in the order of the studies, each size is
        uniform on what its range and the total leave open.
    choices : sequence of Choice
        Facts known up to a choice; all combinations are weighed in one model.
    measure : str, optional
        What `y` measures, for reports and so that priors published for another measure are rejected.

    Examples
    --------
    >>> from bayesmeta.data.statistics import PooledEstimate
    >>> from bayesmeta.priors import LogNormal
    >>> review = PublishedReview(
    ...     studies=[Study(name="A", n_t=30, n_c=30, y=-2.77, se=0.70), Study(name="B", n=40), Study(name="C", n=24)],
    ...     statistics=[PooledEstimate(estimate=-1.83, lower=-2.35, upper=-1.31)],
    ...     sd=LogNormal(0.7, 0.5),
    ... )
    >>> review.n_studies, [study.known for study in review.studies]
    (3, [True, False, False])
    """

    studies: Sequence[Study]
    statistics: Sequence[Statistic]
    sd: Prior
    n_total: float | None = None
    choices: Sequence[Choice] = ()
    measure: str | None = None

    def __post_init__(self) -> None:
        for name in ("studies", "statistics", "choices"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        require_scale_prior(require_proper(self.sd, "sd"), "sd")
        self._check_studies()
        self._check_choices()
        self._check_statistics()
        self._check_total()

    @property
    def n_studies(self) -> int:
        """Number of studies, known or not."""
        return len(self.studies)

    @property
    def study(self) -> tuple[str, ...]:
        """Study labels, in order."""
        return tuple(study.name for study in self.studies)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Covariates of the studies, in the order of first mention."""
        names: dict[str, None] = {}
        for study in self.studies:
            names.update(dict.fromkeys(study.covariates))
        for choice in self.choices:
            for option in choice.options:
                for values in option.values.values():
                    names.update(dict.fromkeys(key for key in values if key not in STUDY_FIELDS))
        return tuple(names)

    @property
    def pooled(self) -> PooledEstimate | None:
        """The pooled estimate of all studies that the review printed, if it did."""
        pools = (one for one in self.statistics if isinstance(one, PooledEstimate))
        return next((one for one in pools if one.covariate is None), None)

    @property
    def hash(self) -> str:
        """SHA-256 of the content, the same on every machine."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def scenarios(self) -> tuple[Scenario, ...]:
        """All combinations of options, with normalised weights; one scenario when nothing is ambiguous."""
        scenarios = []
        for combination in itertools.product(*(choice.options for choice in self.choices)):
            log_weight = 0.0
            studies = {study.name: study for study in self.studies}
            for choice, option in zip(self.choices, combination, strict=True):
                log_weight += math.log(option.weight / sum(o.weight for o in choice.options))
                for name, values in option.values.items():
                    studies[name] = _override(studies[name], values)
            labels = tuple(option.label for option in combination)
            scenarios.append(Scenario(labels, log_weight, tuple(studies.values())))
        return tuple(scenarios)

    def _check_studies(self) -> None:
        if not self.studies:
            raise DataError("a review needs at least one study.")
        for i, name in enumerate(self.study):
            if name in self.study[:i]:
                raise DataError(f"study {name!r} is given twice (entries {self.study.index(name) + 1} and {i + 1}).")

    def _check_choices(self) -> None:
        for choice in self.choices:
            for option in choice.options:
                for name in option.values:
                    if name not in self.study:
                        raise DataError(
                            f"choice {choice.name!r}, option {option.label!r}: no study {name!r}."
                            f"{did_you_mean(name, self.study)} Studies: {', '.join(self.study)}."
                        )
        for scenario in self.scenarios():
            for before, study in zip(self.studies, scenario.studies, strict=True):
                if before.known != study.known:
                    raise DataError(f"study {study.name!r}: y and se must be known under every option or under none.")

    def _check_statistics(self) -> None:
        names = [statistic.name for statistic in self.statistics]
        for i, statistic in enumerate(self.statistics):
            if statistic.name in names[:i]:
                raise DataError(
                    f"{statistic.name} is given twice (statistics {names.index(statistic.name) + 1} and {i + 1})."
                )
            if isinstance(statistic, StudyTest) and statistic.study not in self.study:
                raise DataError(f"{statistic.name}: no such study.{did_you_mean(statistic.study, self.study)}")
            pooled = sum(study.in_review for study in self.studies)
            if isinstance(statistic, SignificantCount) and statistic.count > pooled:
                raise DataError(f"{statistic.name}: {statistic.count} of {pooled} studies cannot be significant.")
            if statistic.covariate is not None:
                check_covariate(statistic, self.scenarios(), self.covariate_names)
            check_size(statistic, self.scenarios())

    def _check_total(self) -> None:
        if self.n_total is None:
            return
        for scenario in self.scenarios():
            sizes = [study_size(study).participants for study in scenario.studies]
            if None in sizes:
                raise DataError(
                    f"n_total={self.n_total:g}: study {self.study[sizes.index(None)]!r} has no size. "
                    "Give every study a size or a range for it, or leave the total out."
                )
            remaining = self.n_total - sum(size for size in sizes if isinstance(size, float))
            ranges = [size for size in sizes if isinstance(size, Range)]
            least, most = sum(size.lower for size in ranges), sum(size.upper for size in ranges)
            if not least - 1e-9 <= remaining <= most + 1e-9:
                raise DataError(
                    f"n_total={self.n_total:g} leaves {remaining:g} participants for the studies of unknown size, "
                    f"whose ranges add up to {least:g} to {most:g}. Check the ranges or the total."
                )


STUDY_FIELDS = ("y", "se", "n", "n_t", "n_c", "correlation")


def _override(study: Study, values: Mapping[str, float | str | Range]) -> Study:
    fields = {key: value for key, value in values.items() if key in STUDY_FIELDS}
    covariates = {key: value for key, value in values.items() if key not in STUDY_FIELDS}
    if "n_t" in fields:
        fields["n"] = None  # type: ignore[assignment]
    elif "n" in fields:
        fields["n_t"] = fields["n_c"] = None  # type: ignore[assignment]
    return dataclasses.replace(study, **fields, covariates={**study.covariates, **covariates})  # type: ignore[arg-type]


def with_option(review: PublishedReview, choice: str, label: str) -> PublishedReview:
    """The review with one ambiguous fact decided: an option of a choice is taken, and the choice is gone."""
    options = next(one.options for one in review.choices if one.name == choice)
    values = next(one.values for one in options if one.label == label)
    studies = [_override(study, values[study.name]) if study.name in values else study for study in review.studies]
    undecided = [one for one in review.choices if one.name != choice]
    return dataclasses.replace(review, studies=studies, choices=undecided)


class Size(NamedTuple):
    """Participants of a study, and what they make of its standard error.

    Attributes
    ----------
    participants : float, Range or None
    inverse : float or None
        Squared standard error for a unit SD of one, where the participants are known.
    per : float
        The same times the number of participants: 4 for two equal arms, 2 (1 - correlation) for pairs.
    """

    participants: float | Range | None
    inverse: float | None
    per: float


def study_size(study: Study) -> Size:
    """Size of a study; arms are taken as equal where only their total is known."""
    per = 4.0 if study.correlation is None else 2 * (1 - study.correlation)
    if study.n_t is not None and study.n_c is not None:
        return Size(float(study.n_t + study.n_c), 1 / study.n_t + 1 / study.n_c, per)
    if study.n is None or isinstance(study.n, Range):
        return Size(study.n, None, per)
    return Size(float(study.n), per / study.n, per)
