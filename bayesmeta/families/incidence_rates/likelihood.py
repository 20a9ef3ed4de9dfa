"""The likelihood of events over time at risk in single arms: log rates are latent for a sampler, else integrated out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesmeta.data.incidence_rates import IncidenceRates
from bayesmeta.families.curves.likelihood import CurvesLikelihood
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.incidence_rates.words import crude
from bayesmeta.families.likelihood import Array, Ops, Point
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_MOST_EVENTS = 1e15  # expected in a replicate, which NumPy draws no more of
_STEEP = 20.0  # log of a rate over that of the data, beyond which the likelihood, below exp(-1e8), may fall as a line


def curves_of(data: IncidenceRates) -> StudyCurves:
    """Poisson likelihoods of the log rates: tabulated once for the same counts, whatever the priors."""
    a = data.events
    at_centre = a * np.log(a + 0.5) - (a + 0.5) - gammaln(a + 1)
    return StudyCurves(_tables(np.stack([a, data.time]).tobytes()), at_centre)


@lru_cache(maxsize=32)
def _tables(cells: bytes) -> CurveTables:
    a, t = np.frombuffer(cells).reshape(2, -1)
    centre = np.log(a + 0.5) - np.log(t)
    return tabulate(lambda i, theta: log_curve(theta - centre[i], a[i]), centre, (a + 0.5) ** -0.5)


def log_curve(gap: Floats, events: float) -> Floats:
    """Log of the likelihood over that at a rate of events + 0.5 in the same time, at some distances of the log rate from there.

    Examples
    --------
    >>> log_curve(np.array([-1000.0, 0.0, 1.0]), 0).round(3).tolist()
    [0.5, 0.0, -0.859]
    """
    inside = np.minimum(gap, _STEEP)
    return np.asarray(events * gap - (events + 0.5) * (np.expm1(inside) + np.exp(inside) * (gap - inside)))


@final
class IncidenceRatesLikelihood(CurvesLikelihood):
    """Density of the events given the top level and each study's standardised deviation `z`."""

    observed, constant = ("events",), ("time",)

    def __init__(self, data: IncidenceRates, design: Design) -> None:
        self.log_constants = data.events * np.log(data.time) - gammaln(data.events + 1)
        super().__init__(data, design, curves_of(data), crude(data))

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        theta = self.effects(at, ops)
        return self.log_constants + self.data.events * theta - self.data.time * ops.exp(theta)

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Rates."""
        return {"rate": np.exp(np.minimum(theta, 700))}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in as long a time."""
        expected = self.data.time * np.exp(np.minimum(theta, 700))
        return {"events": rng.poisson(np.minimum(expected, _MOST_EVENTS))}
