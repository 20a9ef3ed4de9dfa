"""The likelihood of studies that enter by curves: the true effect of each is latent for a sampler, else integrated out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bayesmeta.families.curves.problem import StudyCurves, names_and_matrix
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Latent, Likelihood, Ops, Point, Variables
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]


class CurvesLikelihood(Likelihood):
    """Density of counts given the top level, each study's standardised deviation `z`, and what else a family has.

    Parameters
    ----------
    data
    design : Design
    curves : StudyCurves
    crude : tuple of ndarray
        Estimate and standard error of each study by its own counts, nan where it has none.

    Attributes
    ----------
    observed, constant : tuple of str
        Columns of the data that are drawn again, and those that are not.
    item : str
        What was observed, in the group of pointwise likelihoods.
    """

    observed: ClassVar[tuple[str, ...]]
    constant: ClassVar[tuple[str, ...]]
    item: ClassVar[str] = "events"

    def __init__(self, data: Any, design: Design, curves: StudyCurves, crude: tuple[Floats, Floats]) -> None:
        self.data, self.design, self.curves, self.crude = data, design, curves, crude
        self.latents = self.own_latents() | {"z": Latent((data.n_studies,))}

    def own_latents(self) -> dict[str, Latent]:
        """What studies have of their own beside the deviation; nothing in most families."""
        return {}

    def own_place(self, study: int) -> int:
        """Place of a study among those that have such latents."""
        return study

    def draw_own(self, study: int, theta: Floats, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws of that for one study given its true effects."""
        return {}

    @abstractmethod
    def own_variables(self, theta: Floats, at: Point) -> dict[str, Floats]:
        """What a posterior has of each study beside its true effect, on a scale that is read, shape (..., study)."""

    @abstractmethod
    def replicates(self, theta: Floats, at: Point, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """New counts of the studies, by the names in `observed`, shape (..., study), were these their true effects."""

    def column(self, name: str) -> Floats:
        """What was observed, or is known, of each study, by the names in `observed` and `constant`."""
        return np.asarray(getattr(self.data, name))

    def effects(self, at: Point, ops: Ops) -> Array:
        """True effects, shape (..., study)."""
        return self.mean(at, ops) + at.top["tau"][..., None] * at.latent["z"]

    def pointwise(self, at: Point) -> Floats:
        """Log density of the counts of each study given the top level, what is latent integrated out."""
        mean = self.mean(at, NUMPY)
        _, X = names_and_matrix(self.design)
        beta = np.concatenate([at.top["mu"][..., None], at.beta], axis=-1) if self.design.intercept else at.beta
        log_means = self.curves.tables.log_means(beta.reshape(-1, X.shape[1]), X, at.top["tau"].ravel())
        return np.asarray(log_means.reshape(mean.shape) + self.curves.log_constant)

    def draw_latents(self, at: Point, rng: np.random.Generator) -> dict[str, Floats]:
        """Draws given the top level: true effects from their curves, the rest given these."""
        mean, tau = self.mean(at, NUMPY), at.top["tau"]
        drawn = {name: np.empty((*tau.shape, *latent.shape)) for name, latent in self.latents.items()}
        for i in range(self.data.n_studies):
            theta = self.curves.tables.draw(i, mean[..., i], tau, rng)
            drawn["z"][..., i] = np.where(
                tau > 0, (theta - mean[..., i]) / np.where(tau > 0, tau, 1.0), rng.standard_normal(tau.shape)
            )
            for name, values in self.draw_own(i, theta, rng).items():
                drawn[name][..., self.own_place(i)] = values
        return drawn

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Effects of the studies, and new counts of studies as large."""
        data, mean, tau = self.data, self.mean(at, NUMPY), at.top["tau"]
        theta = self.effects(at, NUMPY)
        new = mean + tau[..., None] * rng.standard_normal(mean.shape)
        axes = tuple(range(theta.ndim - 1))
        inferred = theta.mean(axis=axes), theta.std(axis=axes)
        own = {
            name: np.broadcast_to(np.where(np.isnan(mine), other, mine), theta.shape)
            for name, mine, other in zip(("y", "se"), self.crude, inferred, strict=True)
        }
        groups: Groups = {
            "posterior": _by_study({"theta": theta} | self.own_variables(theta, at) | own),
            "log_likelihood": {self.item: (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": _by_study(self.replicates(new, at, rng)),
            "observed_data": {name: (("study",), self.column(name)) for name in self.observed},
            "constant_data": {name: (("study",), self.column(name)) for name in self.constant}
            | {"X": (("study", "covariate"), self.design.base[0])},
        }
        return groups, {"study": list(data.study), "covariate": list(self.design.columns)}


def _by_study(values: dict[str, Any]) -> Variables:
    return {name: (BY_STUDY, one) for name, one in values.items()}


def expit(x: Floats) -> Floats:
    """Inverse of the logit, without an overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -700, 700))))
