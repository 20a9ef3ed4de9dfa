"""The likelihood of arm means: theta and the readings of what was printed are summed out, every sigma is latent."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.families.arm_means.arrays import arm_arrays
from bayesmeta.families.likelihood import BY_STUDY, DRAWS, NUMPY, Array, Groups, Latent, Likelihood, Ops, Point, blocks
from bayesmeta.families.theta import draw_standardised, draw_theta, normal_rule
from bayesmeta.quadrature.log_sums import logsumexp
from bayesmeta.spec.arm_normal import ArmNormal, typical_name
from bayesmeta.spec.design import Design

Floats = NDArray[np.float64]
_NODES, _LOG_WEIGHTS = normal_rule(-7.0, 11.0, 0.75)  # the right tail is the longer, for tiny arms
_AT_ONCE = 200  # draws: a megabyte of nodes for two sigmas


@final
class ArmLikelihood(Likelihood):
    """Density of the printed numbers given the top level and a standardised position `z` of each log sigma.

    A study with two readings has a `z` for each; where a reading is wrong, its `z` is a draw of N(0, 1) that nothing
    depends on, so the two are summed over exactly, and no `z` has a second mode.
    """

    def __init__(self, data: ArmMeans, model: ArmNormal, design: Design) -> None:
        self.data, self.design, self.measure = data, design, model.measure
        self.key = (model.measure, model.equal_variances)
        self.arrays = arm_arrays(data, model.equal_variances)
        self.latents = {"z": Latent(self.arrays.df.shape)}
        self.numbers = {"sd_probability": model.sd_probability} if self.arrays.doubtful.size else {}

    def log_density(self, at: Point, ops: Ops) -> Array:
        """One term for each study under its first reading, and for each doubtful one what the second adds."""
        return ops.concatenate(self._terms(at, ops), axis=-1)

    def graph(self, at: Point, ops: Ops) -> Array:
        """The log density, by compiled code with derivatives of its own."""
        from bayesmeta.families.arm_means.kernel import log_density_of

        top, mu = at.top, at.top["mu"] if self.design.intercept else 0.0
        typical = ops.stack([top[typical_name(instrument)] for instrument in self.data.instruments])
        spread = typical, top["sd_variation"], at.latent["z"], top.get("sd_probability", 1.0)
        return log_density_of(self.arrays, self.design, self.measure, mu, at.beta, top["tau"], *spread)

    def pointwise(self, at: Point) -> Floats:
        """Log density of what each study printed given the top level, sigma and reading integrated out."""
        shape = at.top["tau"].shape
        parts = [self._pointwise(few) for few in blocks(at, _AT_ONCE)]
        return np.concatenate(parts).reshape(*shape, self.data.n_studies)

    def _pointwise(self, at: Point) -> Floats:
        mean, log_typical = self.mean(at, NUMPY), self._log_typical(at, NUMPY)
        slots = [
            self._slot_evidence(slot, log_typical[..., slot], mean[..., study], at)
            for slot, study in enumerate(self.arrays.study)
        ]
        by_slot = np.stack(slots, axis=-1)
        first = by_slot[..., : self.data.n_studies].copy()
        if (p := at.top.get("sd_probability")) is not None:
            doubtful = self.arrays.doubtful
            weighed = np.log(p) + first[..., doubtful], np.log1p(-p) + by_slot[..., self.data.n_studies :]
            first[..., doubtful] = np.logaddexp(*weighed)
        return first

    def draw_latents(self, at: Point, rng: np.random.Generator) -> dict[str, Floats]:
        """Positions of the sigmas given the top level, shape (chain, draw): of a reading that is wrong, draws of N(0, 1)."""
        mean, log_typical, n = self.mean(at, NUMPY), self._log_typical(at, NUMPY), self.data.n_studies
        evidence, positions = [], []
        for slot, study in enumerate(self.arrays.study):
            given = log_typical[..., slot], mean[..., study], at
            joint = self._slot_density(slot, *given)
            evidence.append(logsumexp(joint.reshape(*joint.shape[:2], -1), axis=-1))
            positions.append(self._draw_slot(slot, joint, *given, rng))
        z, log_evidence = np.stack(positions, axis=-2), np.stack(evidence, axis=-1)
        is_sd = self._reading_probability(log_evidence, at.top.get("sd_probability", 1.0))
        first = rng.random(is_sd.shape) < is_sd
        for j, study in enumerate(self.arrays.doubtful):
            wrong = np.where(first[..., j], n + j, study)
            idle = np.arange(z.shape[-2]) == wrong[..., None]
            z = np.where(idle[..., None], rng.standard_normal(z.shape), z)
        return {"z": z}

    def _draw_slot(
        self, slot: int, joint: Floats, log_typical: Floats, mean: Floats, at: Point, rng: np.random.Generator
    ) -> Floats:
        """Positions of a slot's sigmas, shape (..., sigma): the first from `joint`, the second given it."""
        if self.arrays.pooled:
            return draw_standardised(joint, _NODES, rng)[..., None]
        first = draw_standardised(logsumexp(joint, axis=-1), _NODES, rng)
        z = np.stack(np.broadcast_arrays(first[..., None], _NODES), axis=-1)  # (..., node, sigma)
        variation, tau = at.top["sd_variation"], at.top["tau"]
        log_sigma, terms = self.arrays.spread(log_typical[..., None, None], variation[..., None, None], z, np, slot)
        arms = log_sigma[..., 0], log_sigma[..., 1]
        effect = self.arrays.effect(*arms, mean[..., None], tau[..., None], self.measure, np, slot)
        second = draw_standardised(terms.sum(axis=-1) + _LOG_WEIGHTS + effect, _NODES, rng)
        return np.stack([first, second], axis=-1)

    def restore(self, at: Point, rng: np.random.Generator) -> tuple[Groups, dict[str, Any]]:
        """Effects, estimates and sigmas of the studies, the probabilities of readings, and new differences."""
        data, arrays, tau, mean = self.data, self.arrays, at.top["tau"], self.mean(at, NUMPY)
        log_sigma, evidence = self._evidence(at, NUMPY)
        is_sd = self._reading_probability(evidence, at.top.get("sd_probability", 1.0))
        log_sigma = self._picked(log_sigma, is_sd, rng)
        sigma = np.exp(log_sigma[..., [0, arrays.n_sigma - 1]])  # (chain, draw, study, arm)
        se = np.sqrt(sigma[..., 0] ** 2 / data.n_t + sigma[..., 1] ** 2 / data.n_c)
        unit = sigma[..., 0] if self.measure == "smd" else np.ones_like(se)
        y, se = data.difference / unit, se / unit
        theta = draw_theta(y, se**2, mean, tau, rng)
        replicated = unit * (mean + np.sqrt(se**2 + tau[..., None] ** 2) * rng.standard_normal(y.shape))
        by_study = {"theta": theta, "y": y, "se": se, "sigma_t": sigma[..., 0], "sigma_c": sigma[..., 1]}
        printed = ("difference", "mean_t", "sd_t", "mean_c", "sd_c")
        groups: Groups = {
            "posterior": {name: (BY_STUDY, value) for name, value in by_study.items()},
            "log_likelihood": {"evidence": (BY_STUDY, self.pointwise(at))},
            "posterior_predictive": {"difference": (BY_STUDY, replicated)},
            "observed_data": {name: (("study",), getattr(data, name)) for name in printed},
            "constant_data": {name: (("study",), getattr(data, name)) for name in ("n_t", "n_c")}
            | {"X": (("study", "covariate"), self.design.base[0])},
        }
        if arrays.doubtful.size:
            groups["posterior"]["sd_probability"] = ((*DRAWS, "doubtful_study"), is_sd)
        doubtful = [data.study[i] for i in arrays.doubtful]
        coords = {"study": list(data.study), "covariate": list(self.design.columns), "doubtful_study": doubtful}
        return groups, coords

    def _log_typical(self, at: Point, ops: Ops) -> Array:
        """Median of log sigma on the instrument of each slot, shape (..., slot)."""
        typical = [at.top[typical_name(instrument)] for instrument in self.data.instruments]
        return ops.log(ops.stack(typical, axis=-1))[..., self.arrays.instrument]

    def _evidence(self, at: Point, ops: Ops) -> tuple[Array, Array]:
        """Log sigma, shape (..., slot, sigma), and the log density of each slot given it."""
        log_typical, variation = self._log_typical(at, ops), at.top["sd_variation"]
        log_sigma, terms = self.arrays.spread(log_typical[..., None], variation[..., None, None], at.latent["z"], ops)
        mean = self.mean(at, ops)[..., self.arrays.study]
        arms = log_sigma[..., 0], log_sigma[..., self.arrays.n_sigma - 1]
        effect = self.arrays.effect(*arms, mean, at.top["tau"][..., None], self.measure, ops)
        return log_sigma, terms.sum(axis=-1) + effect

    def _terms(self, at: Point, ops: Ops) -> tuple[Array, Array]:
        """Log density of each study under its first reading, and what the second reading of each doubtful one adds."""
        _, evidence = self._evidence(at, ops)
        n, doubtful = self.data.n_studies, self.arrays.doubtful
        first, second, p = evidence[..., doubtful], evidence[..., n:], at.top.get("sd_probability", 1.0)
        added = ops.logaddexp(ops.log(p) + first, ops.log1p(-p) + second) - first if doubtful.size else second
        return evidence[..., :n], added

    def _slot_evidence(self, slot: int, log_typical: Floats, mean: Floats, at: Point) -> Floats:
        """Log density of what a slot's study printed under its reading, sigma integrated out, shape (...)."""
        joint = self._slot_density(slot, log_typical, mean, at)
        return np.asarray(logsumexp(joint.reshape(*log_typical.shape, -1), axis=-1))

    def _slot_density(self, slot: int, log_typical: Floats, mean: Floats, at: Point) -> Floats:
        """Log density of what a slot's study printed and of its sigmas on nodes, shape (..., node) or (..., node, node)."""
        arrays, variation = self.arrays, at.top["sd_variation"]
        log_sigma, terms = arrays.spread(
            log_typical[..., None, None], variation[..., None, None], _NODES[:, None], np, slot
        )
        terms = terms + _LOG_WEIGHTS[:, None]  # (..., node, sigma)
        if arrays.pooled:
            weight, first, last = terms[..., 0], log_sigma[..., 0], log_sigma[..., 0]
        else:
            weight = terms[..., :, None, 0] + terms[..., None, :, 1]
            first, last = log_sigma[..., :, None, 0], log_sigma[..., None, :, 1]
        axes = weight.ndim - mean.ndim
        mean, tau = (x.reshape(*x.shape, *(1,) * axes) for x in (mean, at.top["tau"]))
        return np.asarray(weight + arrays.effect(first, last, mean, tau, self.measure, np, slot))

    def _reading_probability(self, evidence: Floats, p: float) -> Floats:
        """Probability that a doubtful spread is a standard deviation, from the evidence (..., slot), shape (..., doubt)."""
        odds = evidence[..., self.arrays.doubtful] - evidence[..., self.data.n_studies :]
        if not odds.size:
            return np.asarray(odds)
        return np.asarray(1 / (1 + np.exp(-np.clip(odds + np.log(p) - np.log1p(-p), -700, 700))))

    def _picked(self, log_sigma: Floats, is_sd: Floats, rng: np.random.Generator) -> Floats:
        """Log sigma of each study under a reading drawn from its probability, shape (chain, draw, study, sigma)."""
        k = self.data.n_studies
        chosen = log_sigma[..., :k, :].copy()
        is_se = rng.random(is_sd.shape) >= is_sd
        for j, study in enumerate(self.arrays.doubtful):
            chosen[..., study, :] = np.where(is_se[..., j, None], log_sigma[..., k + j, :], chosen[..., study, :])
        return chosen
