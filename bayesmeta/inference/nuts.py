"""The NUTS engine: one compiled graph for all models that share their shape, exact restoration after sampling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.graphs import Skeleton, graph_of, skeleton_of
from bayesmeta.inference.pymc_priors import hyperparameters, signature
from bayesmeta.inference.restore import restored, to_datatree
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.priors import Flat, Prior

_Graph = tuple[Skeleton, CompiledModel]


@dataclass(slots=True)
class NutsEngine:
    """Samples models of one family on one data set, and compiles again only when the shape of the graph changes.

    Two models share a compiled graph if their options are the same and their priors belong to the same families; columns that
    one of them lacks are switched off. So a grid of prior scales, or a set of formulas, costs one compilation. The draws of a
    model depend on the models that it was prepared with, and on none before: of earlier graphs an equal one is taken, not a
    larger one.
    """

    _compiled: list[_Graph] = field(default_factory=list)  # every graph so far
    _prepared: list[_Graph] = field(default_factory=list)  # those of the models prepared last

    def prepare(self, models: Iterable[Prepared[Any, Any]]) -> None:
        """Compile the graphs that models need, as few as possible; rejects any model that cannot be right."""
        skeletons: list[Skeleton] = []
        for ready in models:
            require_sampled(ready)
            wanted = skeleton_of(ready)
            if any(_fits(wanted, skeleton) for skeleton in skeletons):
                continue
            for i, skeleton in enumerate(skeletons):
                if (joined := _join(skeleton, wanted)) is not None:
                    skeletons[i] = joined
                    break
            else:
                skeletons.append(wanted)
        self._prepared = [self._compile(skeleton) for skeleton in skeletons]

    def _compile(self, skeleton: Skeleton) -> _Graph:
        for compiled_for, compiled in self._compiled:
            if (
                list(compiled_for.beta) == list(skeleton.beta)
                and _fits(skeleton, compiled_for)
                and _fits(compiled_for, skeleton)
            ):
                return skeleton, compiled
        compiled = CompiledModel(graph_of(skeleton), low_rank=skeleton.likelihood.nearly_normal)
        self._compiled.append((skeleton, compiled))
        return skeleton, compiled

    def fit(
        self, ready: Prepared[Any, Any], settings: SamplerSettings, seed: int, progress: Progress | None = None
    ) -> xr.DataTree:
        """Posterior of a model that was prepared, in ArviZ's groups."""
        wanted = skeleton_of(ready)
        skeleton, compiled = next(pair for pair in self._prepared if _fits(wanted, pair[0]))
        draws, stats = compiled.sample(_exchange(skeleton, wanted), settings, seed, progress)
        groups, coords = restored(ready, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(ready.model, ready.data, settings, seed))


def _same_top(a: Skeleton, b: Skeleton) -> bool:
    """Whether two graphs differ in their columns and in numbers at most."""
    first, second = a.ready.likelihood, b.ready.likelihood
    if first.key != second.key or first.numbers.keys() != second.numbers.keys() or a.design.slots != b.design.slots:
        return False
    latents = [
        {name: (latent.shape, signature(latent.prior)) for name, latent in x.latents.items()} for x in (first, second)
    ]
    return latents[0] == latents[1] and _signatures(a.top) == _signatures(b.top)


def _signatures(priors: Mapping[str, Prior]) -> dict[str, str]:
    return {name: signature(prior) for name, prior in priors.items()}


def _same_columns(a: Skeleton, b: Skeleton) -> bool:
    """Whether the columns that both have are the same, under the same family of prior."""
    for name in a.beta.keys() & b.beta.keys():
        i, j = list(a.design.columns).index(name), list(b.design.columns).index(name)
        same = np.array_equal(a.design.base[..., i], b.design.base[..., j])
        same &= np.array_equal(a.design.slope[..., i], b.design.slope[..., j])
        if not same or signature(a.beta[name]) != signature(b.beta[name]):
            return False
    return True


def _fits(wanted: Skeleton, skeleton: Skeleton) -> bool:
    """Whether `skeleton` can be used for `wanted`, with the columns that it lacks switched off."""
    if not (wanted.beta.keys() <= skeleton.beta.keys() and _same_top(wanted, skeleton)):
        return False
    switched_off = [prior for name, prior in skeleton.beta.items() if name not in wanted.beta]
    return _same_columns(wanted, skeleton) and all(prior.is_proper for prior in switched_off)


def _join(a: Skeleton, b: Skeleton) -> Skeleton | None:
    """Return a skeleton that serves both, or None."""
    if not (_same_top(a, b) and _same_columns(a, b)):
        return None
    if any(prior == Flat() for name, prior in {**a.beta, **b.beta}.items() if not (name in a.beta and name in b.beta)):
        return None
    extra = [name for name in b.beta if name not in a.beta]
    at = [list(b.design.columns).index(name) for name in extra]
    joined = replace(
        a.design,
        columns=a.design.columns | {name: b.design.columns[name] for name in extra},
        base=np.concatenate([a.design.base, b.design.base[..., at]], axis=-1),
        slope=np.concatenate([a.design.slope, b.design.slope[..., at]], axis=-1),
    )
    return replace(a, design=joined, beta={**a.beta, **{name: b.beta[name] for name in extra}})


def _exchange(skeleton: Skeleton, wanted: Skeleton) -> dict[str, Any]:
    """Values for the `pm.Data` of the skeleton's graph."""
    likelihood = wanted.ready.likelihood
    values: dict[str, Any] = dict(likelihood.numbers)
    if skeleton.design.columns:
        values["active"] = np.array([float(name in wanted.beta) for name in skeleton.design.columns])
    latents = {name: latent.prior for name, latent in likelihood.latents.items() if latent.stated}
    for name, prior in {**wanted.top, **skeleton.beta, **wanted.beta, **latents}.items():
        values |= hyperparameters(prior, name)
    return values
