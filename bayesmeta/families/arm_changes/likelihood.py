"""The likelihood of arms measured twice: theta is integrated out, each study's correlation is latent."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.families.arm_changes.arrays import change_arrays
from bayesmeta.families.likelihood import BY_STUDY, NUMPY, Array, Groups, Latent, Likelihood, Ops, Point
from bayesmeta.families.theta import draw_standardised, draw_theta, normal_rule
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_NODES, _LOG_WEIGHTS = normal_rule(-8.0, 8.0, 0.5)


@final
class ChangesLikelihood(Likelihood):
    """Density of the printed numbers given the top level and a standardised position `z` of each study's correlation."""

    def __init__(self, data: ArmChanges, model: ChangeNormal, design: Design) -> None:
        self.design, self.key = design, model.baseline
        self.arrays = change_arrays(data, model.baseline)
        self.latents = {} if model.one_correlation else {"z": Latent((data.n_studies,))}

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study."""
        zeta, terms = self._correlation(at, at.latent.get("z", np.zeros(self.arrays.data.n_studies)), ops)
        return terms + self.arrays.effect(ops.tanh(zeta), self.mean(at, ops), at.top["tau"][..., None], ops)

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density, by compiled code with derivatives of its own."""
        from bayesmeta.families.arm_changes.kernel import log_density_of

        top, z = at.top, at.latent.get("z", np.zeros(self.arrays.data.n_studies))
        mu = top["mu"] if self.design.intercept else 0.0
        spread = top["correlation_variation"]
        return log_density_of(self.arrays, self.design, mu, at.beta, top["tau"], top["correlation"], spread, z)

    def pointwise(self, at: Point) -> Floats:
        """Log density of what each study printed given the top level, its correlation and theta integrated out."""
        mean, tau = self.mean(at, NUMPY), at.top["tau"][..., None]
        total = np.full(mean.shape, -np.inf)
        for node, log_weight in zip(_NODES, _LOG_WEIGHTS, strict=True):
            zeta, terms = self._correlation(at, node, NUMPY)
            total = np.logaddexp(total, log_weight + terms + self.arrays.effect(np.tanh(zeta), mean, tau, NUMPY))
        return total

    def draw_latents(self, at: Point, rng: np.random.Generator) -> dict[str, Floats]:
        """Positions of the correlations given the top level, independent of each other."""
        if not self.latents:
            return {}
        mean, tau = self.mean(at, NUMPY), at.top["tau"][..., None]
        terms = [self._correlation(at, node, NUMPY) for node in _NODES]
        log_joint = [
            log_likelihood + self.arrays.effect(np.tanh(zeta), mean, tau, NUMPY) for zeta, log_likelihood in terms
        ]
        return {"z": draw_standardised(np.stack(log_joint, axis=-1) + _LOG_WEIGHTS, _NODES, rng)}

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Effects, estimates and correlations of the studies, and new differences between their arms."""
        arrays, data, tau, mean = self.arrays, self.arrays.data, at.top["tau"], self.mean(at, NUMPY)
        zeta, _ = self._correlation(at, at.latent.get("z", np.zeros(mean.shape)), NUMPY)
        rho = np.tanh(zeta)
        y, v = arrays.estimate(rho)
        theta = draw_theta(y, v, mean, tau, rng)
        replicated = mean - arrays.slope * rho + np.sqrt(v + tau[..., None] ** 2) * rng.standard_normal(y.shape)
        by_study = {"theta": theta, "y": y, "se": np.sqrt(v), "study_correlation": rho}
        correlations = np.where(arrays.size > 0, arrays.r, np.nan)
        groups: Groups = {
            "posterior": {name: (BY_STUDY, value) for name, value in by_study.items()},
            "log_likelihood": {"evidence": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {"difference": (BY_STUDY, replicated)},
            "observed_data": {
                "difference": (("study",), arrays.y),
                "correlations": (("study", "sample"), correlations),
            },
            "constant_data": {name: (("study",), getattr(data, name)) for name in ("n_t", "n_c")}
            | {"X": (("study", "covariate"), self.design.base[0])},
        }
        coords = {"study": list(data.study), "covariate": list(self.design.columns), "sample": ["first", "second"]}
        return groups, coords

    def _correlation(self, at: Point, z: Array, ops: Ops) -> tuple[Array, Array]:
        """Fisher's z of each study at the position `z`, and what is known of it."""
        typical, variation = ops.arctanh(at.top["correlation"]), at.top["correlation_variation"]
        return self.arrays.correlation(typical[..., None], variation[..., None], z, ops)
