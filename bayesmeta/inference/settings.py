"""How NUTS runs: its settings, and the one place of their defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

TARGET_ACCEPT = 0.95  # mean acceptance that the step size is tuned to, unless stated otherwise
MAX_TREE_DEPTH = 10  # a trajectory has at most 2^10 - 1 steps


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerSettings:
    """How to run NUTS.

    Parameters
    ----------
    draws, tune, chains : int
        Draws kept and tuning draws, in each of `chains` chains.
    target_accept : float
        Mean acceptance that the step size is tuned to.
    max_tree_depth : int
        A trajectory ends after 2^max_tree_depth - 1 steps, turned or not; `convergence` counts those that did.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = TARGET_ACCEPT
    max_tree_depth: int = MAX_TREE_DEPTH

    @property
    def cores(self) -> int:
        """Chains run side by side: as many as there are processors; each has random numbers of its own."""
        return min(self.chains, available_cores())

    def smaller_steps(self) -> SamplerSettings:
        """What a fit with divergent transitions is repeated with.

        A quarter of the rejections that the step size was tuned to, twice the tuning, and trees deep enough for
        trajectories of the same length.
        """
        target = 1.0 - (1.0 - self.target_accept) / 4.0
        return replace(self, tune=2 * self.tune, target_accept=target, max_tree_depth=self.max_tree_depth + 2)


def available_cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # only some systems can bind a process to processors
    return len(affinity(0)) if affinity else os.cpu_count() or 1
