"""The likelihood of events in two arms: baseline and true effect of each study are latent for a sampler, else integrated out."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.counts import Counts
from bayesmeta.families.counts.crude import crude
from bayesmeta.families.counts.curve import draw_baselines
from bayesmeta.families.counts.problem import curve_tables, log_coefficients, names_and_matrix
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Latent, Likelihood, Ops, Point
from bayesmeta.priors import plain
from bayesmeta.spec.binomial_normal import BinomialNormal
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


@final
class CountsLikelihood(Likelihood):
    """Density of the events given the top level, each study's logit of the control arm, and its standardised deviation `z`."""

    def __init__(self, data: Counts, model: BinomialNormal, design: Design) -> None:
        self.data, self.model, self.design = data, model, design
        start = np.log((data.events_c + 0.5) / (data.n_c - data.events_c + 0.5))
        baseline = Latent((data.n_studies,), plain(model.baseline), start, stated=True)
        self.latents = {"alpha": baseline, "z": Latent((data.n_studies,))}
        self.log_coefficients = log_coefficients(data)
        self.baseline = plain(model.baseline).student

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        data, alpha = self.data, at.latent["alpha"]
        treated = alpha + self._effects(at, ops)
        by_arm = data.events_t * treated - data.n_t * ops.logaddexp(0.0, treated)
        return self.log_coefficients + by_arm + data.events_c * alpha - data.n_c * ops.logaddexp(0.0, alpha)

    def _effects(self, at: Point, ops: Ops) -> Array:
        return self.mean(at, ops) + at.top["tau"][..., None] * at.latent["z"]

    def pointwise(self, at: Point) -> Floats:
        """Log density of the events of each study given the top level, baseline and theta integrated out."""
        mean = self.mean(at, NUMPY)
        _, X = names_and_matrix(self.design)
        beta = np.concatenate([at.top["mu"][..., None], at.beta], axis=-1) if self.design.intercept else at.beta
        tables = curve_tables(self.data, self.model)
        found = tables.log_means(beta.reshape(-1, X.shape[1]), X, at.top["tau"].ravel())
        return np.asarray(found.reshape(mean.shape) + self.log_coefficients)

    def draw_latents(self, at: Point, rng: np.random.Generator) -> dict[str, Floats]:
        """Deviations and baselines given the top level: true effects from their curves, baselines given these."""
        mean, tau = self.mean(at, NUMPY), at.top["tau"]
        tables, data = curve_tables(self.data, self.model), self.data
        z, alpha = np.empty(mean.shape), np.empty(mean.shape)
        assert self.baseline is not None
        for i in range(data.n_studies):
            theta = tables.draw(i, mean[..., i], tau, rng)
            z[..., i] = np.where(
                tau > 0, (theta - mean[..., i]) / np.where(tau > 0, tau, 1.0), rng.standard_normal(tau.shape)
            )
            counts = (data.events_t[i], data.n_t[i], data.events_c[i], data.n_c[i])
            uniform = rng.random(theta.size)
            drawn = draw_baselines(theta.ravel(), uniform, *counts, self.baseline.centre, self.baseline.scale)
            alpha[..., i] = drawn.reshape(tau.shape)
        return {"alpha": alpha, "z": z}

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Effects and baseline risks of the studies, and events in as many participants at the same baselines."""
        data, mean, tau = self.data, self.mean(at, NUMPY), at.top["tau"]
        theta, alpha = self._effects(at, NUMPY), at.latent["alpha"]
        new = mean + tau[..., None] * rng.standard_normal(mean.shape)
        treated = rng.binomial(data.n_t.astype(int), _expit(alpha + new))
        control = rng.binomial(data.n_c.astype(int), _expit(alpha))
        y, se = crude(data)
        axes = tuple(range(theta.ndim - 1))
        own = {
            "y": np.where(data.zero_cell, theta.mean(axis=axes), y),
            "se": np.where(data.zero_cell, theta.std(axis=axes), se),
        }
        counts = ("events_t", "events_c")
        groups: Groups = {
            "posterior": {"theta": (BY_STUDY, theta), "baseline_risk": (BY_STUDY, _expit(alpha))}
            | {name: (BY_STUDY, np.broadcast_to(value, theta.shape)) for name, value in own.items()},
            "log_likelihood": {"events": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {"events_t": (BY_STUDY, treated), "events_c": (BY_STUDY, control)},
            "observed_data": {name: (("study",), getattr(data, name)) for name in counts},
            "constant_data": {name: (("study",), getattr(data, name)) for name in ("n_t", "n_c")}
            | {"X": (("study", "covariate"), self.design.base[0])},
        }
        return groups, {"study": list(data.study), "covariate": list(self.design.columns)}


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -700, 700))))
