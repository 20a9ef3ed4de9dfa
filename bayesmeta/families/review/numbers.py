"""What a review printed as numbers, each beside draws of the same number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.data.statistics import WITHIN, Heterogeneity, PooledEstimate, Statistic, StudyTest, SubgroupTest
from bayesmeta.families.printed import Printed

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]


def printed_numbers(review: PublishedReview, group: xr.Dataset) -> list[Printed]:
    """Every number that a review printed, with the draws of it in a group."""
    numbers, places = list[Printed](), {"subgroup_z": 0, "study_z": 0}
    for statistic in review.statistics:
        if isinstance(statistic, SubgroupTest | StudyTest):
            key = "subgroup_z" if isinstance(statistic, SubgroupTest) else "study_z"
            numbers.append(_tested(statistic, group[key].to_numpy()[..., places[key]]))
            places[key] += 1
        elif isinstance(statistic, PooledEstimate):
            numbers += _pooled(statistic, group)
        elif isinstance(statistic, Heterogeneity):
            numbers.append(_near("I-squared", statistic, statistic.i2, group["i2"], statistic.rounding))
        else:
            numbers.append(
                _near("number of significant studies", statistic, statistic.count, group["significant"], 0.5)
            )
    return numbers


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
