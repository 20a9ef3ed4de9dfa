"""The likelihood of events in two arms given their total: Fisher's non-central hypergeometric distribution."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.families.curves.crude import log_ratio
from bayesmeta.families.curves.likelihood import CurvesLikelihood
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Array, Ops, Point
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_NEVER = -1e15  # log weight of a table that there is not


def curves_of(data: Counts) -> StudyCurves:
    """Conditional likelihoods of the log odds ratios: tabulated once for the same counts, whatever the priors."""
    return StudyCurves(_tables(data.cells.tobytes()), np.zeros(data.n_studies))


@lru_cache(maxsize=32)
def _tables(cells: bytes) -> CurveTables:
    table = np.frombuffer(cells).reshape(-1, 4)
    centre, scale = log_ratio(table[:, [0, 3]], table[:, [1, 2]], 0.5)
    ways = [other_tables(*row) for row in table]
    return tabulate(lambda i, theta: log_probability(theta, *ways[i]), centre, scale)


def other_tables(a: float, b: float, c: float, d: float) -> tuple[Floats, Floats]:
    """Tables with the margins of a table, its own among them: events in the treatment arm more than its own, and the log of
    the number of ways to each over that to its own.

    Examples
    --------
    >>> more, log_ways = other_tables(1, 1, 0, 2)  # of four participants one has the event
    >>> more, np.exp(log_ways).round(6)
    (array([-1.,  0.]), array([1., 1.]))
    """
    down, up = np.arange(min(a, d)), np.arange(min(b, c))
    fewer = np.log((a - down) * (d - down) / ((b + down + 1) * (c + down + 1))).cumsum()
    more = np.log((b - up) * (c - up) / ((a + up + 1) * (d + up + 1))).cumsum()
    return np.arange(-down.size, up.size + 1.0), np.concatenate([fewer[::-1], [0.0], more])


def log_probability(theta: Floats, more: Floats, log_ways: Floats) -> Floats:
    """Log of the conditional probability of a table at log odds ratios, shape (...)."""
    terms = log_ways + more * theta[..., None]
    top = terms.max(axis=-1)
    return np.asarray(-top - np.log(np.exp(terms - top[..., None]).sum(axis=-1)))


@final
class HypergeometricLikelihood(CurvesLikelihood):
    """Density of the events in the treatment arms given those in both, the top level, and the standardised deviations `z`."""

    observed, constant = ("events_t",), ("n_t", "events_c", "n_c")

    def __init__(self, data: Counts, design: Design) -> None:
        self.ways = [other_tables(*row) for row in data.cells]
        width = max(more.size for more, _ in self.ways)
        self.more, self.log_ways = np.zeros((data.n_studies, width)), np.full((data.n_studies, width), _NEVER)
        for i, (more, log_ways) in enumerate(self.ways):
            self.more[i, : more.size], self.log_ways[i, : more.size] = more, log_ways
        super().__init__(data, design, curves_of(data), log_ratio(data.cells[:, [0, 3]], data.cells[:, [1, 2]]))

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        terms = self.log_ways + self.more * self.effects(at, ops)[..., None]
        top = terms.max(axis=-1)
        return -top - ops.log(ops.exp(terms - top[..., None]).sum(axis=-1))

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Odds ratios."""
        return {"odds_ratio": np.exp(np.clip(theta, -700, 700))}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in the treatment arm, were the margins the same."""
        drawn = np.empty(theta.shape)
        for i, (more, log_ways) in enumerate(self.ways):
            terms = log_ways + more * theta[..., i, None]
            below = np.exp(terms - terms.max(axis=-1, keepdims=True)).cumsum(axis=-1)
            place = (below < rng.random((*theta.shape[:-1], 1)) * below[..., -1:]).sum(axis=-1)
            drawn[..., i] = self.data.events_t[i] + more[place]
        return {"events_t": drawn.astype(int)}
