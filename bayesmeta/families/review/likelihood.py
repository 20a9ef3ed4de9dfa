"""The likelihood of a published review: trials that were not found are latent, scenarios are summed out."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.review import PublishedReview
from bayesmeta.families.likelihood import BY_STUDY, DRAWS, NUMPY, Array, Groups, Latent, Likelihood, Ops, Point
from bayesmeta.families.printed import RECOMPUTED
from bayesmeta.families.review.arrays import review_arrays
from bayesmeta.families.review.published import printed, replicated, shown, statistics_of
from bayesmeta.families.review.terms import Trials
from bayesmeta.families.theta import draw_theta
from bayesmeta.priors import Flat, Uniform
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


@final
class ReviewLikelihood(Likelihood):
    """Density of the known trials and the printed statistics, given the trials that were not found; theta is integrated out."""

    def __init__(self, data: PublishedReview, design: Design) -> None:
        self.data, self.design, self.arrays = data, design, review_arrays(data)
        self.latents = self._latents()

    def _latents(self) -> dict[str, Latent]:
        m = int((~self.arrays.known).sum())
        if m == 0:
            return {}
        start = 0.0 if self.data.pooled is None else self.data.pooled.estimate
        latents = {"sd": Latent((m,), self.data.sd, stated=True), "y_latent": Latent((m,), Flat(), np.full(m, start))}
        if self.arrays.n_free_sizes:
            latents["size_position"] = Latent((self.arrays.n_free_sizes,), Uniform(0.0, 1.0))
        return latents

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density, by compiled code with derivatives of its own."""
        from bayesmeta.families.review.op import log_density_of

        mu = at.top["mu"] if self.design.intercept else 0.0
        return log_density_of(self.arrays, self.design, at.latent, mu, at.beta, at.positions, at.top["tau"])

    def mean(self, at: Point, ops: Ops) -> Array:
        """Means of the true effects under each scenario, shape (..., scenario, study)."""
        fitted = ops.linear(self.design.at(at.positions), at.beta[..., None, :])
        return at.top["mu"][..., None, None] + fitted if self.design.intercept else fitted

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term in all, the logarithm of the sum over scenarios."""
        joint, _, _ = self._scenarios(at, self.mean(at, ops))
        return np.logaddexp.reduce(joint, axis=-1)[..., None]

    def pointwise(self, at: Point) -> Floats:
        """What each known trial and each statistic adds to the log density, latent trials as they are, shape (..., item)."""
        joint, items, _ = self._scenarios(at, self.mean(at, NUMPY))
        return self._added(joint, items)

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Effects and trials under a scenario drawn from its probability, what they give, and new trials."""
        arrays, tau, mean = self.arrays, at.top["tau"], self.mean(at, NUMPY)
        joint, items, trials = self._scenarios(at, mean)
        evidence = np.logaddexp.reduce(joint, axis=-1)
        probability = np.exp(joint - evidence[..., None])
        pick = (np.cumsum(probability, axis=-1) < rng.random(tau.shape)[..., None]).sum(axis=-1)
        pick = np.minimum(pick, len(arrays.labels) - 1)

        def picked(values: Floats) -> Floats:
            return np.take_along_axis(values, pick[..., None, None], -2)[..., 0, :]

        y, se, fitted = (picked(x) for x in (trials.y[..., arrays.reading, :], trials.se[..., arrays.reading, :], mean))
        theta = draw_theta(y, se**2, fitted, tau, rng)
        groups: Groups = {"posterior": {"theta": (BY_STUDY, theta), "y": (BY_STUDY, y), "se": (BY_STUDY, se)}}
        if self.design.slots:
            groups["posterior"]["range_position"] = ((*DRAWS, "ranged"), at.positions)
        groups["posterior"]["scenario_probability"] = ((*DRAWS, "scenario"), probability)
        added = self._added(joint, items)
        groups["log_likelihood"] = {"evidence": ((*DRAWS, "item"), added)} if items else {}
        groups[RECOMPUTED] = statistics_of(arrays, trials, pick)
        groups["posterior_predictive"] = replicated(arrays, fitted, tau, se, pick, rng.spawn(1)[0])
        groups["observed_data"] = printed(arrays)
        groups["constant_data"] = {"X_lower": (("scenario", "study", "covariate"), self.design.base)}
        return groups, self._coords(list(items))

    def _coords(self, items: list[str]) -> dict[str, Any]:
        return {
            "study": list(self.data.study),
            "covariate": list(self.design.columns),
            "item": items,
            "scenario": [" | ".join(label) or "as stated" for label in self.arrays.labels],
            "ranged": [f"{study}: {covariate}" for study, covariate in self.design.slots],
            "number": [one.name for one in shown(self.arrays)],
        }

    def _scenarios(self, at: Point, mean: Floats) -> tuple[Floats, dict[str, Floats], Trials]:
        """Log density under each scenario with its weight, (..., scenario); that of each item; and the trials."""
        arrays, tau = self.arrays, at.top["tau"][..., None, None]
        trials = arrays.trials(*self._trials(at))
        y, se = trials.y[..., arrays.reading, :], trials.se[..., arrays.reading, :]
        of_studies = NUMPY.normal(y, mean, np.sqrt(se**2 + tau**2))
        of_statistics = arrays.statistic_terms(trials)
        joint = arrays.log_weight + of_studies.sum(axis=-1) + sum(of_statistics)
        items = {self.data.study[i]: of_studies[..., i] for i in np.flatnonzero(arrays.known)}
        items |= {s.name: term for s, term in zip(self.data.statistics, of_statistics, strict=True)}
        return joint, items, trials

    def _added(self, joint: Floats, items: dict[str, Floats]) -> Floats:
        evidence = np.logaddexp.reduce(joint, axis=-1)
        added = [evidence - np.logaddexp.reduce(joint - term, axis=-1) for term in items.values()]
        return np.stack(added, axis=-1) if added else np.zeros((*evidence.shape, 0))

    def _trials(self, at: Point) -> tuple[Floats, Floats]:
        """Effects and standard errors of all trials, shape (..., reading, study)."""
        arrays, shape = self.arrays, at.top["tau"].shape
        y, se = (np.broadcast_to(x, (*shape, *arrays.y.shape)).copy() for x in (arrays.y, arrays.se))
        if not arrays.known.all():
            u = at.latent.get("size_position", np.zeros((*shape, 0)))
            y[..., ~arrays.known] = at.latent["y_latent"][..., None, :]
            se[..., ~arrays.known] = arrays.standard_errors(at.latent["sd"], u)
        return y, se
