"""The likelihood of events over time at risk in two arms.

Given the log rate ratio, the events of both arms together are Poisson, with a rate exp(alpha) (time_t exp(theta) + time_c), and
those in the treatment arm binomial given these: the baseline is integrated out of one count, whose log rate is normal.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from bayesmeta.data.rates import Rates
from bayesmeta.families.curves.crude import log_ratio
from bayesmeta.families.curves.likelihood import CurvesLikelihood
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Array, Latent, Ops, Point
from bayesmeta.families.proportions.likelihood import log_curve
from bayesmeta.families.rates.poisson import draw_log_rates, log_poisson_normal
from bayesmeta.families.rates.words import crude
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.design import Design
from bayesmeta.spec.poisson_normal import PoissonNormal

Floats = NDArray[np.float64]
_MOST_EVENTS = 1e15  # expected in a replicate, which NumPy draws no more of


def curves_of(data: Rates, model: PoissonNormal) -> StudyCurves:
    """Likelihood curves of the log rate ratios: computed once for the same counts and baseline, whatever the other priors."""
    a, s, c, t = _columns(data)
    both, logit = a + c, _centre(a, c)
    binomial = -a * np.logaddexp(0.0, -logit) - c * np.logaddexp(0.0, logit)
    largest = xlogy(both, both) - both - gammaln(a + 1) - gammaln(c + 1)  # of the Poisson count, and what is of neither
    assert model.baseline is not None
    return StudyCurves(_tables(np.stack([a, s, c, t]).tobytes(), *_normal(model.baseline)), binomial + largest)


@lru_cache(maxsize=32)
def _tables(cells: bytes, mean: float, sd: float) -> CurveTables:
    a, s, c, t = np.frombuffer(cells).reshape(4, -1)
    logit, scale, offset = _centre(a, c), log_ratio(a[:, None], c[:, None], 0.5)[1], np.log(s / t)

    def curve(i: int, theta: Floats) -> Floats:
        share = log_curve(theta + offset[i], logit[i], a[i], c[i])
        total = mean + np.logaddexp(np.log(s[i]) + theta, np.log(t[i]))
        return np.asarray(share + log_poisson_normal(a[i] + c[i], total, sd))

    return tabulate(curve, logit - offset, scale)


def _columns(data: Rates) -> tuple[Floats, Floats, Floats, Floats]:
    return data.events_t, data.time_t, data.events_c, data.time_c


def _centre(a: Floats, c: Floats) -> Floats:
    """Logit of the share of the events in the treatment arm, roughly."""
    return log_ratio(a[:, None], c[:, None], 0.5)[0]


def _normal(prior: Prior) -> tuple[float, float]:
    """Mean and standard deviation of a prior that is normal."""
    normal = plain(prior).student
    assert normal is not None
    return normal.centre, normal.scale


@final
class RatesLikelihood(CurvesLikelihood):
    """Density of the events given the top level, each study's log rate in its control arm, and its standardised deviation `z`."""

    observed, constant = ("events_t", "events_c"), ("time_t", "time_c")

    def __init__(self, data: Rates, model: PoissonNormal, design: Design) -> None:
        assert model.baseline is not None  # which `complete` saw to
        self.baseline = model.baseline
        a, s, c, t = _columns(data)
        self.log_constants = a * np.log(s) + c * np.log(t) - gammaln(a + 1) - gammaln(c + 1)
        super().__init__(data, design, curves_of(data, model), crude(data))

    def own_latents(self) -> dict[str, Latent]:
        """Log rates in the control arms."""
        start = np.log((self.data.events_c + 0.5) / self.data.time_c)
        return {"alpha": Latent((self.data.n_studies,), plain(self.baseline), start, stated=True)}

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        data, alpha = self.data, at.latent["alpha"]
        treated = alpha + self.effects(at, ops)
        by_arm = data.events_t * treated - data.time_t * ops.exp(treated)
        return self.log_constants + by_arm + data.events_c * alpha - data.time_c * ops.exp(alpha)

    def draw_own(self, study: int, theta: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Log rates in the control arm."""
        a, s, c, t = (column[study] for column in _columns(self.data))
        mean, sd = _normal(self.baseline)
        at_risk = np.logaddexp(np.log(s) + theta.ravel(), np.log(t))
        drawn = draw_log_rates(rng.random(theta.size), a + c, mean + at_risk, sd) - at_risk
        return {"alpha": drawn.reshape(theta.shape)}

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Rates in the control arms."""
        return {"baseline_rate": np.exp(at.latent["alpha"])}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in as long a time at the same baselines."""
        alpha = at.latent["alpha"]
        expected = np.minimum(self.data.time_t * np.exp(np.minimum(alpha + theta, 700)), _MOST_EVENTS)
        treated = rng.poisson(expected)
        return {"events_t": treated, "events_c": rng.poisson(self.data.time_c * np.exp(alpha))}
