"""Effects and standard errors of the studies of a fit, for plots of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesmeta.errors import SpecificationError
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.text.numbers import count_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """Known effects, on the scale of the analysis.

    Attributes
    ----------
    study : tuple of str
    y, se : ndarray, shape (study,)
    latent : int
        How many studies have none, and are left out.
    """

    study: tuple[str, ...]
    y: Floats
    se: Floats
    latent: int

    @property
    def said(self) -> str:
        """How many there are, in words."""
        rest = f" ({self.latent} without known effect left out)" if self.latent else ""
        return f"{count_of(len(self.study), 'study')}{rest}"


def known_effects(result: MetaResult, plot: str, least: int = 1) -> Effects:
    """Effects and standard errors of the studies that have them.

    Raises
    ------
    SpecificationError
        If fewer than `least` studies have; `plot` is the name of what needs them. If mu is not a mean of their effects.
    """
    if analysis := result.prepared.family.analysis:
        raise SpecificationError(
            f"{plot} needs effects around one mean, and a {analysis} has none. Use plot_dose_response."
        )
    frame = result.shrinkage()
    known = frame["known"].to_numpy(bool)
    if known.sum() < least:
        raise SpecificationError(
            f"{plot} needs {count_of(least, 'study')} with known effect and standard error; this fit has {known.sum()}."
        )
    rows = frame[known]
    return Effects(
        tuple(map(str, rows.index)), rows["y"].to_numpy(float), rows["se"].to_numpy(float), int((~known).sum())
    )
