"""NUTS for arms measured twice whose correlation is a parameter: theta is integrated out, each study's correlation is sampled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayesmeta.data.arm_changes import ArmChanges
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.change_arrays import ChangeArrays, change_arrays
from bayesmeta.inference.change_restore import restore_changes
from bayesmeta.inference.graphs import Skeleton, top_level
from bayesmeta.inference.pymc_priors import hyperparameters, prior_rv, signature
from bayesmeta.inference.restore import to_datatree
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.spec.change_normal import ChangeNormal


@dataclass(slots=True)
class ChangeEngine:
    """Samples models on one set of arms measured twice; models that differ in numbers only share a compiled graph."""

    data: ArmChanges
    _compiled: dict[tuple[object, ...], CompiledModel] = field(default_factory=dict)

    def prepare(self, models: Iterable[Prepared[Any, Any]]) -> None:
        """Reject any model that cannot be right; each is compiled when it is sampled."""
        for ready in models:
            require_sampled(ready)

    def fit(
        self,
        ready: Prepared[ArmChanges, ChangeNormal],
        settings: SamplerSettings,
        seed: int,
        progress: Progress | None = None,
    ) -> xr.DataTree:
        """Posterior of one model, in ArviZ's groups."""
        model = ready.model
        arrays = change_arrays(self.data, model.baseline)
        made, priors = ready.design, ready.priors
        families = tuple((name, signature(prior)) for name, prior in priors.items())
        key = (model.baseline, model.one_correlation, model.base.formula, families)
        if key not in self._compiled:
            self._compiled[key] = CompiledModel(change_graph(arrays, ready))
        values: dict[str, Any] = {"active": np.ones(len(made.columns))} if made.columns else {}
        for name, prior in priors.items():
            values |= hyperparameters(prior, name)
        compiled = self._compiled[key]
        draws, stats = compiled.sample(values, settings, seed, progress)
        groups, coords = restore_changes(arrays, ready, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(model, self.data, settings, seed))


def change_graph(arrays: ChangeArrays, ready: Prepared[ArmChanges, ChangeNormal]) -> pm.Model:
    """Density of the printed numbers given the top level and a standardised position `z` of each study's correlation."""
    n, made, priors, model = arrays.data.n_studies, ready.design, ready.priors, ready.model
    with pm.Model(coords={"covariate": list(made.columns)}, check_bounds=False) as graph:
        own = {name: priors[name] for name in made.columns}
        mu, beta, tau = top_level(Skeleton(made, priors.get("mu"), priors["tau"], own))
        typical, variation = (prior_rv(priors[name], name) for name in ("correlation", "correlation_variation"))
        mean = mu + pt.zeros(n)
        if made.columns:
            mean = mean + pt.dot(made.base[0], beta)
        z = pt.zeros(n) if model.one_correlation else pm.Normal("z", 0.0, 1.0, shape=n)
        zeta, terms = arrays.correlation(pt.arctanh(typical), variation, z, pt)
        pm.Potential("evidence", (terms + arrays.effect(pt.tanh(zeta), mean, tau, pt)).sum())
    return graph
