"""P value intervals: which one a study lies in, and how probable each is before selection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
_EQUAL = 1e-9  # relative difference at which a P value equals a cut
_LEAST = 1e-45  # probability of an interval; six of them still have a product


@dataclass(frozen=True, slots=True)
class Steps:
    """Cut points of P values.

    Attributes
    ----------
    cuts : tuple of float
        Increasing, between 0 and 1.
    two_sided : bool
    sign : int
        1 where large effects are significant by one-sided P values, -1 where small ones are.
    """

    cuts: tuple[float, ...]
    two_sided: bool = False
    sign: int = 1

    def intervals(self, y: Floats, se: Floats) -> NDArray[np.int_]:
        """Interval of each study, 0 being the most significant; a P value equal to a cut belongs to the more significant one."""
        z = self.sign * np.asarray(y) / se
        p = 2 * ndtr(-np.abs(z)) if self.two_sided else ndtr(-z)
        return np.asarray((p[:, None] > np.array(self.cuts) * (1 + _EQUAL)).sum(axis=1))

    def probabilities(self, mu: Floats, tau: Floats, se: Floats) -> Floats:
        """Probability of each interval for an estimate of N(mu, se^2 + tau^2), shape (point, study, interval)."""
        edge = -ndtri(np.array(self.cuts) / (2 if self.two_sided else 1)) * se[:, None]  # (study, cut), decreasing
        sd = np.sqrt(se**2 + tau[:, None] ** 2)[..., None]
        at = (edge - self.sign * mu[:, None, None]) / sd
        inside = _between(at)
        if self.two_sided:
            mirrored = _between((edge + self.sign * mu[:, None, None]) / sd)
            inside[..., :-1] += mirrored[..., :-1]
            inside[..., -1] -= ndtr((-edge[:, -1] - self.sign * mu[:, None]) / sd[..., 0])
        return np.maximum(inside, _LEAST)


def _between(at: Floats) -> Floats:
    """Normal probability above the first of decreasing edges, between neighbours, and below the last."""
    below, above = ndtr(at), ndtr(-at)
    right = at[..., 1:] > 0
    middle = np.where(right, above[..., 1:] - above[..., :-1], below[..., :-1] - below[..., 1:])
    return np.concatenate([above[..., :1], middle, below[..., -1:]], axis=-1)
