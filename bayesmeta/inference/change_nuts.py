"""NUTS for arms measured twice whose correlation is a parameter: theta is integrated out, each study's correlation is sampled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.inference.arm_nuts import base_priors
from bayesmeta.inference.change_arrays import ChangeArrays, change_arrays
from bayesmeta.inference.change_restore import restore_changes
from bayesmeta.inference.graphs import Skeleton, top_level
from bayesmeta.inference.pymc_priors import hyperparameters, prior_rv, signature
from bayesmeta.inference.restore import to_datatree
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.spec.change_normal import ChangeNormal
from bayesmeta.spec.check import sampled_model
from bayesmeta.spec.design import Design, design


@dataclass(slots=True)
class ChangeEngine:
    """Samples models on one set of arms measured twice; models that differ in numbers only share a compiled graph."""

    data: ArmChanges
    _compiled: dict[tuple[object, ...], CompiledModel] = field(default_factory=dict)

    def fit(
        self, model: ChangeNormal, settings: SamplerSettings, seed: int, progress: Progress | None = None
    ) -> xr.DataTree:
        """Posterior of one model, in ArviZ's groups."""
        sampled_model(self.data, model)
        made, arrays = design(self.data, model.base), change_arrays(self.data, model.baseline)
        priors = base_priors(model.base, made) | model.parameter_names()
        families = tuple((name, signature(prior)) for name, prior in priors.items())
        key = (model.baseline, model.one_correlation, model.base.formula, families)
        if key not in self._compiled:
            self._compiled[key] = CompiledModel(change_graph(arrays, made, model))
        values: dict[str, Any] = {"active": np.ones(len(made.columns))} if made.columns else {}
        for name, prior in priors.items():
            values |= hyperparameters(prior, name)
        compiled = self._compiled[key]
        draws, stats = compiled.sample(values, settings, seed, progress)
        groups, coords = restore_changes(arrays, model, made, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(model, self.data, settings, seed))


def change_graph(arrays: ChangeArrays, made: Design, model: ChangeNormal) -> pm.Model:
    """Density of the printed numbers given the top level and a standardised position `z` of each study's correlation."""
    n = arrays.data.n_studies
    with pm.Model(coords={"covariate": list(made.columns)}, check_bounds=False) as graph:
        priors = base_priors(model.base, made)
        own = {name: priors[name] for name in made.columns}
        mu, beta, tau = top_level(Skeleton(made, priors.get("mu"), priors["tau"], own))
        typical, variation = [prior_rv(prior, name) for name, prior in model.parameter_names().items()]
        mean = mu + pt.zeros(n)
        if made.columns:
            mean = mean + pt.dot(made.base[0], beta)
        z = pt.zeros(n) if model.one_correlation else pm.Normal("z", 0.0, 1.0, shape=n)
        zeta, terms = arrays.correlation(pt.arctanh(typical), variation, z, pt)
        pm.Potential("evidence", (terms + arrays.effect(pt.tanh(zeta), mean, tau, pt)).sum())
    return graph
