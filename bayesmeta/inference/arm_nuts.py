"""NUTS for arm means with latent standard deviations: theta and the readings are summed out, sigma is sampled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayesmeta.data.arm_means import ArmMeans
from bayesmeta.families.arm_means import typical_name
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.arm_arrays import ArmArrays, arm_arrays
from bayesmeta.inference.arm_restore import restore_arms
from bayesmeta.inference.graphs import Skeleton, top_level
from bayesmeta.inference.pymc_priors import hyperparameters, prior_rv, signature
from bayesmeta.inference.restore import to_datatree
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.spec.arm_normal import ArmNormal


@dataclass(slots=True)
class ArmEngine:
    """Samples models on one set of arm means; models that differ in numbers only share a compiled graph."""

    data: ArmMeans
    _compiled: dict[tuple[object, ...], CompiledModel] = field(default_factory=dict)

    def prepare(self, models: Iterable[Prepared[Any, Any]]) -> None:
        """Reject any model that cannot be right; each is compiled when it is sampled."""
        for ready in models:
            require_sampled(ready)

    def fit(
        self,
        ready: Prepared[ArmMeans, ArmNormal],
        settings: SamplerSettings,
        seed: int,
        progress: Progress | None = None,
    ) -> xr.DataTree:
        """Posterior of one model, in ArviZ's groups."""
        model = ready.model
        arrays = arm_arrays(self.data, model.equal_variances)
        made, priors = ready.design, ready.priors
        families = tuple((name, signature(prior)) for name, prior in priors.items())
        key = (model.measure, model.equal_variances, model.base.formula, families)
        if key not in self._compiled:
            self._compiled[key] = CompiledModel(arm_graph(arrays, ready))
        values: dict[str, Any] = {"sd_probability": model.sd_probability} if arrays.doubtful.size else {}
        if made.columns:
            values["active"] = np.ones(len(made.columns))
        for name, prior in priors.items():
            values |= hyperparameters(prior, name)
        compiled = self._compiled[key]
        draws, stats = compiled.sample(values, settings, seed, progress)
        groups, coords = restore_arms(arrays, ready, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(model, self.data, settings, seed))


def arm_graph(arrays: ArmArrays, ready: Prepared[ArmMeans, ArmNormal]) -> pm.Model:
    """Density of the printed numbers given the top level and a standardised position `z` of each log sigma.

    A study with two readings has a `z` for each; where a reading is wrong, its `z` is a draw of N(0, 1) that nothing
    depends on, so the two are summed over exactly, and no `z` has a second mode.
    """
    data, made, priors, model = arrays.data, ready.design, ready.priors, ready.model
    with pm.Model(coords={"covariate": list(made.columns)}, check_bounds=False) as graph:
        own = {name: priors[name] for name in made.columns}
        mu, beta, tau = top_level(Skeleton(made, priors.get("mu"), priors["tau"], own))
        typical = [prior_rv(priors[name], name) for name in map(typical_name, data.instruments)]
        variation = prior_rv(priors["sd_variation"], "sd_variation")
        mean = mu + pt.zeros(data.n_studies)
        if made.columns:
            mean = mean + pt.dot(made.base[0], beta)
        z = pm.Normal("z", 0.0, 1.0, shape=arrays.df.shape)
        log_typical = pt.log(pt.stack(typical))[arrays.instrument][:, None]
        log_sigma, terms = arrays.spread(log_typical, variation, z, pt)
        evidence = terms.sum(axis=-1) + arrays.effect(log_sigma, mean[arrays.study], tau, model.measure, pt)
        total = evidence[: data.n_studies].sum()
        if arrays.doubtful.size:
            p_sd = pm.Data("sd_probability", model.sd_probability)
            first, second = evidence[arrays.doubtful], evidence[data.n_studies :]
            total += (pt.logaddexp(pt.log(p_sd) + first, pt.log1p(-p_sd) + second) - first).sum()
        pm.Potential("evidence", total)
    return graph
