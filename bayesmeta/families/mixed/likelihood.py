"""The likelihood of studies that reported in different ways: each by its own, the true effects latent for a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.mixed_studies import MixedStudies
from bayesmeta.families.curves.baseline import draw_baselines
from bayesmeta.families.curves.baseline import log_curve as log_counts
from bayesmeta.families.curves.crude import log_choose, log_ratio
from bayesmeta.families.curves.likelihood import CurvesLikelihood, expit
from bayesmeta.families.curves.problem import StudyCurves
from bayesmeta.families.likelihood import Array, Latent, Ops, Point
from bayesmeta.families.mixed.reported import Densities, Reported, log_curve, reported
from bayesmeta.priors import Prior, plain
from bayesmeta.quadrature.study_curves.mixtures import student
from bayesmeta.quadrature.study_curves.tables import CurveTables, tabulate
from bayesmeta.spec.design import Design
from bayesmeta.spec.mixed_normal import MixedNormal

Floats = NDArray[np.float64]


def curves_of(data: MixedStudies, model: MixedNormal) -> StudyCurves:
    """Likelihood curves of the effects: computed once for the same studies, measure and baseline, whatever the other priors."""
    constant, counts = np.zeros(data.n_studies), data.rows("counts")
    a, b, c, d = data.cells[counts].T
    constant[counts] = log_choose(a, b) + log_choose(c, d)
    return StudyCurves(_tables(data, model.measure, *_normal(model.baseline)), constant)


@lru_cache(maxsize=32)
def _tables(data: MixedStudies, measure: str | None, mean: float, sd: float) -> CurveTables:
    rows, counts = reported(data, measure), data.rows("counts")
    centre, scale, unit = np.empty(data.n_studies), np.empty(data.n_studies), np.ones(data.n_studies)
    centre[counts], scale[counts] = log_ratio(data.cells[counts][:, [0, 3]], data.cells[counts][:, [1, 2]], 0.5)
    for i, row in rows.items():
        centre[i], scale[i], unit[i] = row.centre, row.scale, row.se.min()

    def curve(i: int, theta: Floats) -> Floats:
        if i in rows:
            return np.asarray(log_curve(rows[i], theta))
        a, b, c, d = data.cells[i]
        return np.asarray(log_counts(theta, a, a + b, c, c + d, mean, sd))

    return tabulate(curve, centre, scale, unit, {i: _normals(row) for i, row in rows.items() if row.known})


def _normals(row: Reported) -> tuple[Floats, Floats]:
    """A density of a known estimate as a mixture of normal ones."""
    parts = [student(se, row.df) for se in row.se]
    log_weight = [share + log_weight for share, (log_weight, _) in zip(row.log_weight, parts, strict=True)]
    return np.concatenate(log_weight), np.concatenate([variance for _, variance in parts])


def _normal(prior: Prior) -> tuple[float, float]:
    """Mean and standard deviation of a prior that is normal."""
    normal = plain(prior).student
    assert normal is not None
    return normal.centre, normal.scale


def own_estimates(data: MixedStudies, measure: str | None, added: float = 0.0) -> tuple[Floats, Floats]:
    """Estimate and standard error of each study by itself, nan where it has none; `added` is to each cell of counts."""
    y, se = np.full(data.n_studies, math.nan), np.full(data.n_studies, math.nan)
    counts = data.rows("counts")
    y[counts], se[counts] = log_ratio(data.cells[counts][:, [0, 3]], data.cells[counts][:, [1, 2]], added)
    for i, row in reported(data, measure).items():
        y[i], se[i] = row.y, row.spread
    return y, se


@final
class MixedLikelihood(CurvesLikelihood):
    """Density of what was reported given the top level, each study's standardised deviation `z`, and of rows with counts the
    logit of the control arm.
    """

    observed, constant, item = ("y",), ("se",), "y"

    def __init__(self, data: MixedStudies, model: MixedNormal, design: Design) -> None:
        rows: Mapping[int, Reported] = reported(data, model.measure)
        self.rows, self.baseline, self.counts = rows, model.baseline, data.rows("counts")
        self.others = np.array([*rows], dtype=int)
        self.densities = Densities([*rows.values()]) if rows else None
        self.order = np.argsort(np.concatenate([self.counts, self.others]))
        self.compared = own_estimates(data, model.measure, 0.5)
        super().__init__(data, design, curves_of(data, model), own_estimates(data, model.measure))

    def own_latents(self) -> dict[str, Latent]:
        """Logits of the control arms of rows with counts."""
        if not self.counts.size:
            return {}
        _, _, c, d = self.data.cells[self.counts].T
        return {"alpha": Latent((self.counts.size,), plain(self.baseline), np.log((c + 0.5) / (d + 0.5)), stated=True)}

    def own_place(self, study: int) -> int:
        """Place of a study among those with counts."""
        return int(np.searchsorted(self.counts, study))

    def column(self, name: str) -> Floats:
        """Estimates and standard errors, those of counts with 1/2 added to each cell; nan where an inequality was reported."""
        return self.compared[name == "se"]

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        theta, terms = self.effects(at, ops), []
        if self.counts.size:
            a, b, c, d = self.data.cells[self.counts].T
            alpha = at.latent["alpha"]
            treated = alpha + theta[..., self.counts]
            by_arm = a * treated - (a + b) * ops.logaddexp(0.0, treated)
            control = c * alpha - (c + d) * ops.logaddexp(0.0, alpha)
            terms.append(self.curves.log_constant[self.counts] + by_arm + control)
        if self.densities is not None:
            terms.append(self.densities(theta[..., self.others], ops))
        return (ops.concatenate(terms, axis=-1) if len(terms) > 1 else terms[0])[..., self.order]

    def draw_own(self, study: int, theta: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Logits of the control arm of a row with counts."""
        if study not in self.counts:
            return {}
        a, b, c, d = self.data.cells[study]
        uniform = rng.random(theta.size)
        drawn = draw_baselines(theta.ravel(), uniform, a, a + b, c, c + d, *_normal(self.baseline))
        return {"alpha": drawn.reshape(theta.shape)}

    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """Nothing: studies have different things."""
        return {}

    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """New estimates: of new counts at the same baselines, with 1/2 added to each cell, or with the same standard errors."""
        drawn = np.full(theta.shape, math.nan)
        if self.counts.size:
            a, b, c, d = (x.astype(int) for x in self.data.cells[self.counts].T)
            alpha = at.latent["alpha"]
            treated = rng.binomial(a + b, expit(alpha + theta[..., self.counts])) + 0.5
            control = rng.binomial(c + d, expit(alpha)) + 0.5
            drawn[..., self.counts] = np.log(treated / (a + b + 1 - treated)) - np.log(control / (c + d + 1 - control))
        for i, row in self.rows.items():
            error = (
                rng.standard_normal(theta.shape[:-1])
                if math.isinf(row.df)
                else rng.standard_t(row.df, theta.shape[:-1])
            )
            drawn[..., i] = theta[..., i] + (row.se.mean() if math.isnan(row.spread) else row.spread) * error
        return {"y": drawn}
