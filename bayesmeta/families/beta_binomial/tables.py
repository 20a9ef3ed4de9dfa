"""What quadrature asks of arms whose events are beta-binomial: their likelihood given the logit of the mean risk, and rho."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.beta_binomial import kernel
from bayesmeta.families.curves.crude import log_ratio

Floats = NDArray[np.float64]
_LOWEST, _HIGHEST = (
    1e-2,
    0.9999,
)  # rho times participants, below which nothing depends on it; rho, up to which one looks
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class BetaBinomialArms:
    """Arms with their events.

    Attributes
    ----------
    events, others : ndarray, shape (arm,)
        Participants with the event, and without.
    """

    surfaces: ClassVar[bool] = False
    error: ClassVar[float] = 0.0  # the kernel is exact to rounding, which `again` says
    events: Floats
    others: Floats

    @property
    def n_studies(self) -> int:
        """Number of arms."""
        return int(self.events.size)

    @property
    def centre(self) -> Floats:
        """Roughly where the logit of each arm's risk lies."""
        return log_ratio(self.events[:, None], self.others[:, None], 0.5)[0]

    @property
    def scale(self) -> Floats:
        """Roughly its standard error, were all risks the same."""
        return log_ratio(self.events[:, None], self.others[:, None], 0.5)[1]

    @property
    def scales(self) -> tuple[float, float, float]:
        """Lowest, typical and largest rho at which the posterior is looked for."""
        n = self.events + self.others
        return _LOWEST / float(n.max()), 1 / (1 + float(np.median(n))), _HIGHEST

    def line(self, rho: Floats) -> Floats:
        """Logit of rho."""
        return np.asarray(np.log(rho) - np.log1p(-rho))

    def scale_at(self, place: Floats) -> Floats:
        """The inverse of `line`."""
        return np.asarray(1 / (1 + np.exp(-place)))

    def log_means(self, beta: Floats, X: Floats, rho: Floats) -> Floats:
        """Log likelihood of each arm, shape (point, arm), but for the number of ways to choose its events."""
        arrays = (np.ascontiguousarray(one, dtype=float) for one in (beta, X, rho))
        return np.asarray(kernel.log_terms(*arrays, self.events, self.others))

    def log_totals(self, beta: Floats, X: Floats, rho: Floats) -> Floats:
        """Their sum, shape (point,)."""
        return np.asarray(self.log_means(beta, X, rho).sum(axis=1))

    def log_mean(self, arm: int, eta: Floats, rho: Floats) -> Floats:
        """The same of one arm, shape (point,)."""
        return self.take(np.array([arm])).log_means(eta[:, None], np.ones((1, 1)), rho)[:, 0]

    def again(self, arm: int, eta: Floats, rho: Floats) -> Floats:
        """Log likelihood of one arm, participant by participant: each one's risk given those before."""
        m, rest = 1 / (1 + np.exp(-eta)), 1 / (1 + np.exp(eta))
        e, f = int(self.events[arm]), int(self.others[arm])
        with np.errstate(divide="ignore"):
            return np.asarray(
                _summed(m * (1 - rho), rho, e) + _summed(rest * (1 - rho), rho, f) - _summed(1 - rho, rho, e + f)
            )

    def take(self, arms: NDArray[np.int_]) -> BetaBinomialArms:
        """Some of the arms."""
        return BetaBinomialArms(self.events[arms], self.others[arms])

    def kept(self, key: object, compute: Callable[[], Any]) -> Any:
        """What is computed from these arms alone; nothing is kept."""
        return compute()


def _summed(first: Floats, step: Floats, n: int) -> Floats:
    """Sum of the logs of first + i step, for i below n."""
    total, size = np.zeros(first.shape), max(_AT_ONCE // max(first.size, 1), 1)
    for start in range(0, n, size):
        i = np.arange(start, min(start + size, n))[:, None]
        total += np.log(first + i * step).sum(axis=0)
    return total
