"""The likelihood of events in single arms: the logit of each study's risk is latent for a sampler, else integrated out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.proportions import Proportions
from bayesmeta.families.curves.crude import log_choose, log_ratio
from bayesmeta.families.curves.likelihood import CurvesLikelihood, expit
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Array, Ops, Point
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


def curves_of(data: Proportions) -> StudyCurves:
    """Binomial likelihoods of the logits: tabulated once for the same counts, whatever the priors."""
    a, b = data.cells.T
    near = log_ratio(a[:, None], b[:, None], 0.5)[0]
    at_centre = -a * np.logaddexp(0.0, -near) - b * np.logaddexp(0.0, near)
    return StudyCurves(_tables(data.cells.tobytes()), log_choose(a, b) + at_centre)


@lru_cache(maxsize=32)
def _tables(cells: bytes) -> CurveTables:
    a, b = np.frombuffer(cells).reshape(-1, 2).T
    centre, scale = log_ratio(a[:, None], b[:, None], 0.5)
    return tabulate(lambda i, theta: log_curve(theta, centre[i], a[i], b[i]), centre, scale)


def log_curve(theta: Floats, centre: float, events: float, others: float) -> Floats:
    """Log of the likelihood at some logits over that at `centre`, with no difference of large numbers.

    Examples
    --------
    >>> log_curve(np.array([-2000.0, 0.0, 2000.0]), 0.0, 0, 6).round(3).tolist()
    [4.159, 0.0, -11995.841]
    """
    p, gap = 1 / (1 + np.exp(-centre)), theta - centre
    with np.errstate(over="ignore"):
        up = -others * gap - (events + others) * np.log1p((1 - p) * np.expm1(-np.abs(gap)))
        down = events * gap - (events + others) * np.log1p(p * np.expm1(-np.abs(gap)))
    return np.asarray(np.where(gap > 0, up, down))


@final
class ProportionsLikelihood(CurvesLikelihood):
    """Density of the events given the top level and each study's standardised deviation `z`."""

    observed, constant = ("events",), ("n",)

    def __init__(self, data: Proportions, design: Design) -> None:
        a, b = data.cells.T
        self.coefficients = log_choose(a, b)
        super().__init__(data, design, curves_of(data), log_ratio(a[:, None], b[:, None]))

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        theta = self.effects(at, ops)
        return self.coefficients + self.data.events * theta - self.data.n * ops.logaddexp(0.0, theta)

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Risks."""
        return {"proportion": expit(theta)}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in as many participants."""
        return {"events": rng.binomial(self.data.n.astype(int), expit(theta))}
