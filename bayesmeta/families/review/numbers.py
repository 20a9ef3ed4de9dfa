"""What a review printed as numbers, each beside draws of the same number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.data.review import PublishedReview
from bayesmeta.families.printed import Printed
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.published import shown

if TYPE_CHECKING:
    import xarray as xr


def printed_numbers(review: PublishedReview, group: xr.Dataset) -> list[Printed]:
    """Every number that a review printed, with the draws of it in a group."""
    numbers = []
    for i, observation in enumerate(shown(review_arrays(review))):
        lower, upper = observation.shown or (np.nan, np.nan)
        draws = np.asarray(group["printed"].to_numpy()[..., i], float)
        numbers.append(
            Printed(observation.name, observation.statistic, float(observation.target.mean()), draws, lower, upper)
        )
    return numbers
