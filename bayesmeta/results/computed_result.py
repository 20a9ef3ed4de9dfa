"""Results that were computed: claims are answered exactly where that is possible, and simulated and said to be elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from bayesmeta.results.claims import Simulated, holds_on, share_of
from bayesmeta.results.meta_result import MetaResult


class ComputedResult(MetaResult):
    """Posterior that needs no draws for most questions."""

    @property
    @abstractmethod
    def _many_draws(self) -> Mapping[str, Any]:
        """Draws of the parameters, for claims that are simulated."""

    @abstractmethod
    def _exact(self, claim: str) -> float | None:
        """Probability of a claim, or None where it has to be simulated."""

    def probability(self, claim: str) -> float:
        """Posterior probability of a claim such as ``"mu < -1"``; exact but for `error_bound` where `probability_mcse` is 0."""
        found = self._exact(claim)
        return self._simulated(claim).probability if found is None else found

    def probability_mcse(self, claim: str) -> float:
        """Monte Carlo standard error of `probability`; 0 where it is not simulated."""
        return 0.0 if self._exact(claim) is not None else self._simulated(claim).mcse

    def _simulated(self, claim: str) -> Simulated:
        return share_of(holds_on(claim, self._many_draws.__getitem__, self.parameters))
