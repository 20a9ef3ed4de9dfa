"""The likelihood of follow-ups: y_i ~ N(m(t_i), V_i + tau^2 R_i), a study after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.estimates import Estimates
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Likelihood, Ops, Point
from bayesmeta.families.time_course.follow_ups import correlations, course, error_covariance, follow_ups
from bayesmeta.spec.design import Design
from bayesmeta.spec.time_course import TimeCourse

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@final
class FollowUpsLikelihood(Likelihood):
    """Density of the estimates, true effects integrated out."""

    nearly_normal: ClassVar[bool] = True

    def __init__(self, data: Estimates, model: TimeCourse, design: Design) -> None:
        self.data, self.model, self.design = data, model, design
        self.rows = follow_ups(data, model)
        self.key = (model.between, model.within, model.curve, model.time, model.rho_within is None)

    def mean(self, at: Point, ops: Ops) -> Array:
        """Means of the true effects, shape (..., row)."""
        if self.model.curve == "formula":
            return super().mean(at, ops)
        half_time = at.top["half_time"][..., None]
        return at.top["mu"][..., None] * course(self.model.curve, self.rows.time, half_time, ops.exp)

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term in all."""
        between = at.top["tau"][..., None, None] ** 2 * correlations(self.model.between, self.rows, at.top["rho"])
        cov = between + error_covariance(self.model, self.rows, at.top.get("rho_within"))
        return ops.multivariate_normal(self.data.y, self.mean(at, ops), cov)[..., None]

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density by compiled code with derivatives of its own."""
        from bayesmeta.families.time_course.kernel import log_density_of

        top = at.top
        return log_density_of(
            self.data.y, self.model, self.rows, self.mean(at, ops), top["tau"], top["rho"], top.get("rho_within")
        )

    def pointwise(self, at: Point) -> Floats:
        """Log density of each y given the parameters and the other y of its study, shape (chain, draw, row)."""
        mean = self.mean(at, NUMPY)
        out = np.zeros(mean.shape)
        for rows, between, errors in self._by_study(at):
            precision = np.linalg.inv(between + errors)
            diagonal = np.diagonal(precision, axis1=-2, axis2=-1)
            gap = (precision @ (self.data.y - mean)[..., rows, None])[..., 0]
            out[..., rows] = NUMPY.normal(gap / diagonal, 0.0, diagonal**-0.5)
        return out

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """True effects at each follow-up, and new estimates at the same times with the same standard errors."""
        data, mean = self.data, self.mean(at, NUMPY)
        theta, replicated = np.zeros(mean.shape), np.zeros(mean.shape)
        for rows, between, errors in self._by_study(at):
            here = mean[..., rows]
            for place, effects in ((theta, None), (replicated, here)):
                deviation = here + _noise(between, here.shape, rng)
                estimate = deviation + _noise(errors, here.shape, rng)
                if effects is None:  # Matheron's rule: exact for Gaussians
                    gap = np.linalg.solve(between + errors, (data.y[rows] - estimate)[..., None])
                    estimate = deviation + (between @ gap)[..., 0]
                place[..., rows] = estimate
        groups: Groups = {
            "posterior": {"theta": (BY_STUDY, theta)},
            "log_likelihood": {"y": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {"y": (BY_STUDY, replicated)},
            "observed_data": {"y": (("study",), data.y)},
            "constant_data": {"se": (("study",), data.se), "X": (("study", "covariate"), self.design.base[0])},
        }
        return groups, {"study": list(data.study), "covariate": list(self.design.columns)}

    def _by_study(self, at: Point) -> Iterator[tuple[Ints, Floats, Floats]]:
        """Rows of each study with the covariances of their true effects and of their errors, shape (..., row, row)."""
        tau2 = np.asarray(at.top["tau"])[..., None, None] ** 2
        for rows in self.rows.studies:
            between = tau2 * correlations(self.model.between, self.rows, np.asarray(at.top["rho"]), rows)
            yield rows, between, error_covariance(self.model, self.rows, at.top.get("rho_within"), rows)


def _noise(cov: Floats, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draws with a covariance that may be singular, as that of effects with a correlation of one."""
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.asarray((root @ rng.standard_normal(shape)[..., None])[..., 0])
