"""From what a review printed to numbers that it computed from its trials, and how closely each is observed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bayesmeta.data.review import PublishedReview, Scenario
from bayesmeta.data.statistics import (
    WITHIN,
    Heterogeneity,
    MetaRegressionSlope,
    MetaRegressionTest,
    PooledEstimate,
    PredictionInterval,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.data.statistics.pools import Method
from bayesmeta.data.statistics.rounding import root_quantile, rounding_of_p
from bayesmeta.families.review import codes
from bayesmeta.families.review.fits import Fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
I2_SOFTNESS = 0.05  # units of Q over which "I-squared = 0" fades out
_RELATIONS = {"=": codes.NEAR, "<": codes.ABOVE, ">": codes.BELOW}  # of P, to those of z


@dataclass(frozen=True)
class Observation:
    """One number that a review computes from its trials.

    Attributes
    ----------
    statistic : statistic
        What printed it.
    name : str
    quantity, relation : int
        By `codes`; a relation of None is shown, and no observation.
    target, critical : ndarray, shape (scenario,)
        Number or bound that was printed, on the scale of the quantity; what standard errors are multiplied by in a limit.
    spread : float
        Standard deviation of a normal, or width of a logistic curve.
    sign : int
        What the quantity is multiplied by; 0 takes its absolute value.
    fits : ndarray of int, shape (scenario, slot)
        Places of the fits it is computed from.
    study : int
        Place of the trial it is of.
    shown : (float, float) or None
        Where it must come back, for numbers that reports show; without ends for one that need not.
    """

    statistic: Statistic
    name: str
    quantity: int
    relation: int | None
    target: Floats
    spread: float = math.nan
    sign: int = 1
    critical: Floats | None = None
    fits: Ints | None = None
    study: int = 0
    shown: tuple[float, float] | None = None

    def of(self, scenarios: Ints) -> Observation:
        """The same under some of the scenarios."""
        critical = None if self.critical is None else self.critical[scenarios]
        fits = None if self.fits is None else self.fits[scenarios]
        return replace(self, target=self.target[scenarios], critical=critical, fits=fits)


class Reader:
    """The scenarios of a review, and the fits that its statistics need: the first is its pool by DerSimonian and Laird."""

    def __init__(self, review: PublishedReview) -> None:
        self.review, self.scenarios = review, review.scenarios()
        self.included = np.array([int(study.in_review) for study in review.studies])
        self.fits: list[Fit] = []
        self._place(Fit.pool(self.included, "dl"))

    def observations(self) -> tuple[Observation, ...]:
        """Of every statistic, in order."""
        return tuple(observation for one in self.review.statistics for observation in observed(one, self))

    def constant(self, value: float) -> Floats:
        """The same number under every scenario."""
        return np.full(len(self.scenarios), float(value))

    def pools(self, covariate: str | None, group: float, method: Method) -> Ints:
        """Places of the pool of a group, shape (scenario, 1)."""
        member = [self.included * (self._groups(one, covariate) == group) for one in self.scenarios]
        if covariate is None:
            member = [self.included] * len(self.scenarios)
        return np.array([[self._place(Fit.pool(one, method))] for one in member])

    def subgroups(self, test: SubgroupTest) -> Ints:
        """Places of the pools of all groups, shape (scenario, group): the second before the first where there are two."""
        pairs = []
        for scenario in self.scenarios:
            groups = self._groups(scenario, test.covariate)
            levels = sorted(set(groups[self.included > 0].tolist()))
            stratum = np.where(self.included > 0, np.searchsorted(levels, groups), -1)
            row = []
            for i in range(len(levels)):
                member = (stratum == i).astype(int)
                common = Fit(tuple(member.tolist()), tuple(stratum.tolist()), None, test.method)
                row.append(self._place(common if test.tau == "common" else Fit.pool(member, test.method)))
            pairs.append(row[::-1] if len(row) == 2 else row)
        return np.array(pairs)

    def slopes(self, covariate: str, method: Method) -> Ints:
        """Places of the meta-regression on a covariate, shape (scenario, 1)."""
        rows = []
        for scenario in self.scenarios:
            x = tuple(self._groups(scenario, covariate).tolist())
            rows.append(
                [self._place(Fit(tuple(self.included.tolist()), tuple((self.included - 1).tolist()), x, method))]
            )
        return np.array(rows)

    def quantiles(self, fits: Ints, level: float, spent: int | None) -> Floats:
        """Quantiles of a central interval: normal, or of t with so many degrees of freedom less than the studies, (scenario,)."""
        upper = (1 + level) / 2
        if spent is None:
            return self.constant(float(ndtri(upper)))
        return np.array([float(stdtrit(max(self.fits[i].size - spent, 1), upper)) for i in fits[:, 0]])

    def _groups(self, scenario: Scenario, covariate: str | None) -> Floats:
        if covariate is None:
            return np.zeros(len(scenario.studies))
        return np.array([float(study.covariates.get(covariate, np.nan)) for study in scenario.studies])  # type: ignore[arg-type]

    def _place(self, fit: Fit) -> int:
        if fit not in self.fits:
            self.fits.append(fit)
        return self.fits.index(fit)


@singledispatch
def observed(statistic: Statistic, reader: Reader) -> Iterator[Observation]:
    """The numbers of one statistic."""
    raise NotImplementedError(f"no likelihood is defined for {type(statistic).__name__}")


@observed.register
def _(statistic: PooledEstimate, reader: Reader) -> Iterator[Observation]:
    fits = reader.pools(statistic.covariate, statistic.group, statistic.method)
    name = statistic.name.replace("estimate and CI", "{}")
    # a number printed as it is analysed must come back within its digits, whatever its tolerance
    within = statistic.rounding if statistic.ratio else min(statistic.rounding, max(statistic.printed_half_widths))
    hartung = statistic.interval == "hksj"
    c = reader.quantiles(fits, statistic.level, 1 if hartung else None)
    for which, sign in (("estimate", 0), ("lower", -1), ("upper", 1)):
        printed = getattr(statistic, which)
        yield Observation(
            statistic, name.format(which), codes.LIMIT_HK if hartung else codes.LIMIT, codes.NEAR if sign else None,
            reader.constant(printed), statistic.spread, critical=sign * c, fits=fits,
            shown=(printed - within, printed + within),
        )  # fmt: skip


@observed.register
def _(statistic: PredictionInterval, reader: Reader) -> Iterator[Observation]:
    fits = reader.pools(statistic.covariate, statistic.group, statistic.method)
    hartung = statistic.interval == "hksj"
    spent = 2 if statistic.rule == "hts" else 1 if hartung else None
    c = reader.quantiles(fits, statistic.level, spent)
    quantity = codes.NEW_HK if hartung and statistic.rule == "metafor" else codes.NEW
    for which, sign in (("lower", -1), ("upper", 1)):
        printed = getattr(statistic, which)
        yield Observation(
            statistic, f"{statistic.name}, {which}", quantity, codes.NEAR, reader.constant(printed), statistic.spread,
            critical=sign * c, fits=fits, shown=(printed - statistic.rounding, printed + statistic.rounding),
        )  # fmt: skip


@observed.register
def _(statistic: SubgroupTest, reader: Reader) -> Iterator[Observation]:
    fits = reader.subgroups(statistic)
    name = f"z of {statistic.covariate}"
    if fits.shape[1] == 2:
        yield _tested(statistic, name, codes.GAP, fits, reader)
        return
    df = fits.shape[1] - 1
    exact = statistic.relation == "=" and statistic.tolerance is None
    spread = rounding_of_p(statistic.p, statistic.digits, df) if exact else statistic.spread
    target, relation = root_quantile(statistic.p, df), _RELATIONS[statistic.relation]
    yield Observation(
        statistic, f"root of the Q between {statistic.covariate}", codes.BETWEEN, relation, reader.constant(target), spread,
        fits=fits, shown=_where(relation, target, spread),
    )  # fmt: skip


@observed.register
def _(statistic: MetaRegressionTest, reader: Reader) -> Iterator[Observation]:
    fits = reader.slopes(statistic.covariate, statistic.method)
    yield _tested(statistic, f"z of the slope on {statistic.covariate}", codes.RATIO, fits, reader)


@observed.register
def _(statistic: MetaRegressionSlope, reader: Reader) -> Iterator[Observation]:
    fits = reader.slopes(statistic.covariate, statistic.method)
    hartung = statistic.interval == "hksj"
    c = reader.quantiles(fits, statistic.level, 2 if hartung else None)
    limits = statistic.lower is not None
    for which, sign in (("estimate", 0), ("lower", -1), ("upper", 1)):
        printed = getattr(statistic, which)
        if printed is None:
            continue
        yield Observation(
            statistic, f"slope on {statistic.covariate}, {which}", codes.LIMIT_HK if hartung else codes.LIMIT,
            codes.NEAR if bool(sign) == limits else None, reader.constant(printed), statistic.spread, critical=sign * c,
            fits=fits, shown=(printed - statistic.rounding, printed + statistic.rounding),
        )  # fmt: skip


@observed.register
def _(statistic: Heterogeneity, reader: Reader) -> Iterator[Observation]:
    fits = reader.pools(statistic.covariate, statistic.group, statistic.method)
    quantity = {"i2": codes.I2, "tau2": codes.TAU2, "q": codes.Q}[statistic.kind]
    zero = statistic.i2 == 0
    shown = (statistic.value - statistic.rounding, statistic.value + statistic.rounding)
    yield Observation(
        statistic, statistic.name, quantity, None if zero else codes.NEAR, reader.constant(statistic.value), statistic.spread,
        fits=fits, shown=shown,
    )  # fmt: skip
    if zero:  # I-squared is 0 for every Q below its degrees of freedom
        freedom = np.array([reader.fits[i].size - 1 for i in fits[:, 0]])
        bound = freedom / (1 - statistic.rounding / 100)
        yield Observation(statistic, "Q", codes.Q, codes.BELOW, bound, I2_SOFTNESS, fits=fits)


@observed.register
def _(statistic: SignificantCount, reader: Reader) -> Iterator[Observation]:
    count, bound = reader.constant(statistic.count), reader.constant(statistic.bound)
    yield Observation(
        statistic, statistic.name, codes.COUNT, codes.NEAR, count, statistic.width, statistic.direction, bound
    )
    # the trials' own tests are conditioned on; those of y / se need not be as many, and are shown
    yield Observation(
        statistic, f"number of studies with y/se beyond {statistic.bound:.3g}", codes.COUNT, None, count,
        sign=statistic.direction, critical=bound, shown=(-math.inf, math.inf),
    )  # fmt: skip


@observed.register
def _(statistic: StudyTest, reader: Reader) -> Iterator[Observation]:
    relation = _RELATIONS[statistic.relation]
    yield Observation(
        statistic, f"z of {statistic.study}", codes.STUDY, relation, reader.constant(statistic.z), statistic.width,
        statistic.direction if statistic.direction and relation == codes.ABOVE else 0,
        study=reader.review.study.index(statistic.study), shown=_where(relation, statistic.z, 0.0),
    )  # fmt: skip


def _tested(
    statistic: SubgroupTest | MetaRegressionTest, name: str, quantity: int, fits: Ints, reader: Reader
) -> Observation:
    """A z statistic: with its sign, or its size where the direction was not printed."""
    relation, direction = _RELATIONS[statistic.relation], statistic.direction
    if relation == codes.NEAR and direction is not None:
        target, sign = statistic.z, 1
    else:
        target, sign = abs(statistic.z), 0 if direction is None else direction
    return Observation(
        statistic, name, quantity, relation, reader.constant(target), statistic.spread, sign, fits=fits,
        shown=_where(relation, target, statistic.spread),
    )  # fmt: skip


def _where(relation: int, target: float, spread: float) -> tuple[float, float]:
    """Where the mean of a number must lie."""
    if relation == codes.NEAR:
        return target - WITHIN * spread, target + WITHIN * spread
    return (target, math.inf) if relation == codes.ABOVE else (0.0, target)
