"""How well draws know a posterior: its centre, its spread and both its tails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

R_HAT_LIMIT = 1.01  # Vehtari et al. (2021)
ESS_LIMIT = 400.0  # the same; for the bulk and for each tail
SD_ERROR_LIMIT = ESS_LIMIT**-0.5  # the SD is known as well as the mean, which has this error in units of the SD
SATURATED_LIMIT = 0.01  # share of trajectories that were cut before they turned
_ENDS = (0.025, 0.975)  # of the intervals that are reported
_KEYS = ("ess_bulk", "ess_tail", "sd_error", "r_hat")


@dataclass(frozen=True, slots=True)
class Precision:
    """Convergence of some quantities.

    Attributes
    ----------
    ess_bulk : ndarray, shape (quantity,)
        Effective draws of the centre.
    ess_tail : ndarray, shape (quantity,)
        Effective draws of the probability beyond either end of the 95% interval, the smaller of the two.
    sd_error : ndarray, shape (quantity,)
        Monte Carlo error of the standard deviation, in units of it.
    r_hat : ndarray, shape (quantity,)
        Rank-normalised split R-hat, the larger one of the draws and of their distances from the median: the second
        sees chains that agree in their centre and differ in their spread.

    A constant has none of these; they are nan.

    References
    ----------
    Vehtari et al. (2021), Bayesian Anal. 16:667-718, doi:10.1214/20-BA1221
    """

    ess_bulk: NDArray[np.float64]
    ess_tail: NDArray[np.float64]
    sd_error: NDArray[np.float64]
    r_hat: NDArray[np.float64]

    @classmethod
    def of(cls, draws: ArrayLike) -> Self:
        """Convergence of draws of shape (chain, draw, quantity)."""
        import arviz_stats

        values = np.asarray(draws, float)
        varying = np.ptp(values, axis=(0, 1)) > 0
        rows = np.full((len(_KEYS), values.shape[-1]), np.nan)
        if varying.any():
            kept = values[..., varying]
            import xarray as xr

            data = xr.Dataset({"x": (("chain", "draw", "quantity"), kept)})
            one_chain = kept.shape[0] == 1
            rows[:, varying] = [
                arviz_stats.ess(data, method="bulk")["x"],
                arviz_stats.ess(data, method="tail", prob=_ENDS)["x"],
                arviz_stats.mcse(data, method="sd")["x"] / kept.std(axis=(0, 1), ddof=1),
                np.full(kept.shape[-1], np.nan) if one_chain else arviz_stats.rhat(data)["x"],
            ]
        return cls(*rows)

    def columns(self) -> dict[str, list[float]]:
        """The four, by name, a value for each quantity."""
        return {key: getattr(self, key).tolist() for key in _KEYS}

    def rows(self) -> list[dict[str, float]]:
        """One record for each quantity."""
        return [dict(zip(_KEYS, row, strict=True)) for row in zip(*self.columns().values(), strict=True)]


def problems(summary: pd.DataFrame, stats: xr.Dataset, target_accept: float) -> Iterator[str]:
    """Yield what makes the numbers of a summary, and of chains with the statistics `stats`, unreliable."""
    raise_them = "raise draws and tune"
    if summary["r_hat"].max() > R_HAT_LIMIT:
        yield f"{summary['r_hat'].idxmax()} has R-hat {summary['r_hat'].max():.3f}. Intervals are unreliable: {raise_them}."
    for column, label in (("ess_bulk", "bulk ESS"), ("ess_tail", "tail ESS")):
        if (fewest := summary[column].min()) < ESS_LIMIT:
            chains = stats.sizes["chain"]
            yield (
                f"{summary[column].idxmin()} has a {label} of {fewest:.0f} over {chains} chains, less than "
                f"{ESS_LIMIT:g}. Intervals are unreliable: {raise_them}."
            )
    if (error := summary["sd_error"].max()) > SD_ERROR_LIMIT:
        yield (
            f"the standard deviation of {summary['sd_error'].idxmax()} has a Monte Carlo error of {error:.1%}, more than "
            f"{SD_ERROR_LIMIT:.0%}. Intervals are unreliable: {raise_them}."
        )
    if diverging := int(stats["diverging"].sum()):
        yield (
            f"{diverging} transitions diverged: a region of the posterior was missed. Raise target_accept above "
            f"{target_accept}, or use a prior on tau with less mass near zero."
        )
    saturated, transitions = int(stats["reached_max_treedepth"].sum()), stats["reached_max_treedepth"].size
    if saturated > SATURATED_LIMIT * transitions:
        yield (
            f"{saturated} of {transitions} trajectories were cut at the largest tree depth, so chains move slowly and "
            "their errors are understated: raise draws, or give published statistics a tolerance wider than rounding."
        )
