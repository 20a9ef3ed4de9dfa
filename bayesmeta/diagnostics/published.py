"""What a review printed, beside the same statistic recomputed from its trials on every draw.

The trials are conditioned on what was printed, so that agreement is no evidence for the model. Disagreement says that the
tolerance of an observation is so wide that the draws do not meet it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import (
    WITHIN,
    Heterogeneity,
    PooledEstimate,
    SignificantCount,
    Statistic,
    StudyTest,
    SubgroupTest,
)
from bayesmeta.diagnostics.check import Check
from bayesmeta.errors import DataError
from bayesmeta.families.review.published import RECOMPUTED
from bayesmeta.results.meta_result import MetaResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed number and the draws of the same number.

    Attributes
    ----------
    name : str
    statistic : statistic
        That it belongs to.
    printed : float
        On the scale of the analysis; of a P value the z statistic, of a bound the bound on z.
    draws : ndarray
        The number recomputed; for a bound, z in its direction, or its absolute value.
    lower, upper : float
        Where the mean of the draws must lie.
    """

    name: str
    statistic: Statistic
    printed: float
    draws: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    lower: float
    upper: float

    @property
    def mean(self) -> float:
        """Mean of the draws."""
        return float(self.draws.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95% equal-tailed interval of the draws."""
        lower, upper = np.quantile(self.draws, [0.025, 0.975])
        return float(lower), float(upper)

    @property
    def met(self) -> bool:
        """Whether the mean lies where it must."""
        return bool(self.lower <= self.mean <= self.upper)


def of_review(result: MetaResult) -> bool:
    """Whether a fit recomputed what a review published."""
    return result.prepared.family.name == "review"


def recomputed(result: MetaResult) -> list[Printed]:
    """Every number that the review of a fit printed, with its draws.

    Parameters
    ----------
    result : MetaResult
        A fit to a `PublishedReview`.

    Raises
    ------
    DataError
        If the fit is to anything else.
    """
    if not of_review(result):
        raise DataError(f"recomputed: needs a fit to a PublishedReview; got one to {type(result.data).__name__}.")
    return _numbers(cast(PublishedReview, result.data), result.datatree[RECOMPUTED].to_dataset())


def replicated(result: MetaResult) -> list[Printed]:
    """The same numbers of new trials with the old ones' standard errors, drawn from the model."""
    if not of_review(result):
        raise DataError(f"replicated: needs a fit to a PublishedReview; got one to {type(result.data).__name__}.")
    return _numbers(cast(PublishedReview, result.data), result.datatree["posterior_predictive"].to_dataset())


def published_checks(label: str, result: MetaResult) -> list[Check]:
    """A record for each printed number: whether the trials give it back within its tolerance."""
    latent = not all(result.prepared.family.known(result.data))
    how = "conditioned on, recomputed from the latent trials" if latent else "recomputed from the trials"
    return [
        Check(f"{label}: {one.name}, {how}", one.met, one.mean, None, _note(one, latent)) for one in recomputed(result)
    ]


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


def _note(one: Printed, latent: bool) -> str:
    places = 4 if abs(one.printed) < 10 else 3
    lower, upper = one.interval
    said = f"Printed {one.printed:.{places}g}; on the draws {one.mean:.{places}g} ({lower:.{places}g} to {upper:.{places}g})."
    if not one.met:
        return f"{said} The mean must lie within {one.lower:.{places}g} to {one.upper:.{places}g}: observe it more closely."
    return f"{said} Agreement is by construction." if latent else said


def _numbers(review: PublishedReview, group: xr.Dataset) -> list[Printed]:
    found, places = list[Printed](), {"subgroup_z": 0, "study_z": 0}
    for statistic in review.statistics:
        if isinstance(statistic, SubgroupTest | StudyTest):
            key = "subgroup_z" if isinstance(statistic, SubgroupTest) else "study_z"
            found.append(_tested(statistic, group[key].to_numpy()[..., places[key]]))
            places[key] += 1
        elif isinstance(statistic, PooledEstimate):
            found += _pooled(statistic, group)
        elif isinstance(statistic, Heterogeneity):
            found.append(_near("I-squared", statistic, statistic.i2, group["i2"], statistic.rounding))
        else:
            found.append(_near("number of significant studies", statistic, statistic.count, group["significant"], 0.5))
    return found


def _pooled(statistic: PooledEstimate, group: xr.Dataset) -> Iterator[Printed]:
    """Estimate and limits; a number printed as it is analysed must come back within its digits, whatever its tolerance."""
    within = statistic.rounding if statistic.ratio else min(statistic.rounding, max(statistic.printed_half_widths))
    for key in ("estimate", "lower", "upper"):
        yield _near(f"pooled {key}", statistic, getattr(statistic, key), group[f"pooled_{key}"], within)


def _tested(statistic: SubgroupTest | StudyTest, z: Floats) -> Printed:
    if isinstance(statistic, SubgroupTest):
        return _near(f"z of {statistic.covariate}", statistic, statistic.z, z, WITHIN * statistic.spread)
    if statistic.relation == "<":
        return Printed(
            f"z of {statistic.study}", statistic, statistic.z, (statistic.direction or 0) * z, statistic.z, math.inf
        )
    return Printed(f"z of {statistic.study}", statistic, statistic.z, np.abs(z), 0.0, statistic.z)


def _near(name: str, statistic: Statistic, printed: float, draws: Floats | xr.DataArray, within: float) -> Printed:
    return Printed(name, statistic, float(printed), np.asarray(draws, float), printed - within, printed + within)
