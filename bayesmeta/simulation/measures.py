"""What is measured in each replication, and means of it with their Monte Carlo errors.

Every performance measure is a mean over replications (or a function of one), so that a block leaves behind a count, a
mean and a sum of squared deviations for each, and blocks are joined without keeping replications.

References
----------
Morris, White and Crowther (2019), Stat. Med. 38:2074-2102, doi:10.1002/sim.8086
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bayesmeta.simulation.analyse import PARAMETERS, Answer
from bayesmeta.simulation.generate import Simulated

Floats = NDArray[np.float64]
BINS = 10  # of claimed probabilities
MEASURES = (
    *("failed", "error", "squared_error", "se", "covered", "width", "score"),
    *("rejected", "wrong_sign", "exaggeration", "clipped"),
    *(f"{what}_{i}" for i in range(BINS) for what in ("claimed", "true")),
)
SHARES = frozenset({"failed", "covered", "rejected", "wrong_sign", "clipped", *(f"true_{i}" for i in range(BINS))})


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Counts, means and sums of squared deviations, each of shape (analysis, parameter, measure)."""

    n: Floats
    mean: Floats
    squares: Floats

    def __add__(self, other: Self) -> Sums:
        """Join two sets of replications.

        References
        ----------
        Chan, Golub and LeVeque (1983), Am. Stat. 37:242-247, doi:10.1080/00031305.1983.10483115
        """
        n = self.n + other.n
        with np.errstate(invalid="ignore"):
            share = np.where(n > 0, other.n / np.maximum(n, 1), 0.0)
            apart = np.where((self.n > 0) & (other.n > 0), other.mean - self.mean, 0.0)
            mean = np.where(self.n > 0, self.mean, other.mean) + apart * np.where(self.n > 0, share, 0.0)
            return Sums(n, mean, self.squares + other.squares + apart**2 * self.n * share)

    def mcse(self) -> Floats:
        """Monte Carlo standard error of each mean: its standard deviation over the root of the count."""
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(self.squares / (self.n - 1) / self.n)
            binomial = np.sqrt(self.mean * (1 - self.mean) / self.n)
        return np.where([name in SHARES for name in MEASURES], binomial, np.where(self.n > 1, spread, np.nan))


def sums_of(values: Floats) -> Sums:
    """Sums of values of shape (..., replication), without those that are NaN."""
    computed = ~np.isnan(values)
    n = computed.sum(axis=-1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(computed, values, 0.0).sum(axis=-1) / n
        squares = np.where(computed, values - mean[..., None], 0.0)
        return Sums(n, np.where(n > 0, mean, 0.0), (squares**2).sum(axis=-1))


def measure(data: Simulated, parameter: str, answer: Answer, level: float) -> Floats:
    """What is measured of one parameter, shape (measure, replication); NaN where it does not apply.

    `score` is the interval score: the width, plus 2 / (1 - level) times how far the truth lies outside. Rejection, its
    wrong sign (type S) and exaggeration (type M, the estimate over the truth in size) are for mu alone, where an
    interval that leaves out zero rejects mu = 0; the latter two where it was rejected and is not 0.

    References
    ----------
    Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102:359-378, doi:10.1198/016214506000001437
    Gelman and Carlin (2014), Perspect. Psychol. Sci. 9:641-651, doi:10.1177/1745691614551642
    """
    truth = {"mu": data.mu, "tau": data.tau, "theta_new": data.theta_new}[parameter]
    estimate, lower, upper = answer.estimate, answer.lower, answer.upper
    computed = ~(np.isnan(estimate) | np.isnan(lower) | np.isnan(upper))
    rows = dict.fromkeys(MEASURES, np.full(truth.shape, np.nan))
    outside = np.maximum(lower - truth, 0.0) + np.maximum(truth - upper, 0.0)
    rows |= {
        "failed": (~computed).astype(float),
        "error": estimate - truth,
        "squared_error": (estimate - truth) ** 2,
        "se": answer.se,
        "covered": (lower <= truth) & (truth <= upper),
        "width": upper - lower,
        "score": upper - lower + 2 / (1 - level) * outside,
    }
    if parameter == "mu":
        rejected = (lower > 0) | (upper < 0)
        wrong = np.sign(estimate) != np.sign(truth)
        with np.errstate(divide="ignore", invalid="ignore"):
            rows["exaggeration"] = np.where(rejected & (truth != 0), np.abs(estimate / truth), np.nan)
        rows["wrong_sign"] = np.where(rejected & (truth != 0), wrong, np.nan)
        rows |= {"rejected": rejected, "clipped": data.clipped}
    if parameter != "tau":
        rows |= _calibration(answer.below_zero, truth)
    made = np.stack([np.asarray(rows[name], float) for name in MEASURES])
    made[1:, ~computed] = np.nan
    return made


def _calibration(claimed: Floats, truth: Floats) -> dict[str, Floats]:
    """Claimed probabilities that the parameter is below zero, by bin, and whether it was."""
    with np.errstate(invalid="ignore"):
        bin_ = np.minimum(np.floor(claimed * BINS), BINS - 1)
    below = (truth < 0).astype(float)
    rows = {}
    for i in range(BINS):
        rows[f"claimed_{i}"] = np.where(bin_ == i, claimed, np.nan)
        rows[f"true_{i}"] = np.where(bin_ == i, below, np.nan)
    return rows


def block_sums(data: Simulated, analyses: list[tuple[Answer, ...]], level: float) -> Sums:
    """Sums over a block, shape (analysis, parameter, measure)."""
    return sums_of(
        np.stack(
            [
                [measure(data, name, answer, level) for name, answer in zip(PARAMETERS, each, strict=True)]
                for each in analyses
            ]
        )
    )
