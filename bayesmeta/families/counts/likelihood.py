"""The likelihood of events in two arms: baseline and true effect of each study are latent for a sampler, else integrated out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.families.curves.baseline import draw_baselines, log_curve
from bayesmeta.families.curves.crude import log_choose, log_ratio
from bayesmeta.families.curves.likelihood import CurvesLikelihood, expit, normal_numbers
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Array, Latent, Ops, Point
from bayesmeta.priors import plain
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


def curves_of(data: Counts, model: BinomialNormal) -> StudyCurves:
    """Likelihood curves of the log odds ratios: computed once for the same counts and baseline, whatever the other priors."""
    a, b, c, d = data.cells.T
    return StudyCurves(
        _tables(data.cells.tobytes(), *normal_numbers(model.baseline)), log_choose(a, b) + log_choose(c, d)
    )


@lru_cache(maxsize=32)
def _tables(cells: bytes, mean: float, sd: float) -> CurveTables:
    table = np.frombuffer(cells).reshape(-1, 4)
    a, b, c, d = table.T
    centre, scale = log_ratio(table[:, [0, 3]], table[:, [1, 2]], 0.5)
    return tabulate(lambda i, theta: log_curve(theta, a[i], a[i] + b[i], c[i], c[i] + d[i], mean, sd), centre, scale)


@final
class CountsLikelihood(CurvesLikelihood):
    """Density of the events given the top level, each study's logit of the control arm, and its standardised deviation `z`."""

    observed, constant = ("events_t", "events_c"), ("n_t", "n_c")

    def __init__(self, data: Counts, model: BinomialNormal, design: Design) -> None:
        self.baseline = model.baseline
        crude = log_ratio(data.cells[:, [0, 3]], data.cells[:, [1, 2]])
        super().__init__(data, design, curves_of(data, model), crude)

    def own_latents(self) -> dict[str, Latent]:
        """Logits of the control arms."""
        start = np.log((self.data.events_c + 0.5) / (self.data.n_c - self.data.events_c + 0.5))
        assert self.baseline is not None
        return {"alpha": Latent((self.data.n_studies,), plain(self.baseline), start, stated=True)}

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        data, alpha = self.data, at.latent["alpha"]
        treated = alpha + self.effects(at, ops)
        by_arm = data.events_t * treated - data.n_t * ops.logaddexp(0.0, treated)
        return self.curves.log_constant + by_arm + data.events_c * alpha - data.n_c * ops.logaddexp(0.0, alpha)

    def draw_own(self, study: int, theta: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Logits of the control arm."""
        data, uniform = self.data, rng.random(theta.size)
        counts = data.events_t[study], data.n_t[study], data.events_c[study], data.n_c[study]
        drawn = draw_baselines(theta.ravel(), uniform, *counts, *normal_numbers(self.baseline))
        return {"alpha": drawn.reshape(theta.shape)}

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Risks in the control arms."""
        return {"baseline_risk": expit(at.latent["alpha"])}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Events in as many participants at the same baselines."""
        data, alpha = self.data, at.latent["alpha"]
        treated = rng.binomial(data.n_t.astype(int), expit(alpha + theta))
        return {"events_t": treated, "events_c": rng.binomial(data.n_c.astype(int), expit(alpha))}
