"""The NUTS engine: one compiled graph for all models that share their shape, exact restoration after sampling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import PublishedReview
from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.graphs import Skeleton, estimates_graph, review_graph
from bayesmeta.inference.pymc_priors import hyperparameters, signature
from bayesmeta.inference.restore import restore_estimates, restore_review, to_datatree
from bayesmeta.inference.review_arrays import ReviewArrays, review_arrays
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.priors import Flat, Prior
from bayesmeta.spec.two_scales import structures

_Ready = Prepared[Any, Any]


@dataclass(slots=True)
class NutsEngine:
    """Samples models on one data set, and compiles again only when the shape of the graph changes.

    Two models share a compiled graph if their priors belong to the same families; columns that one of them lacks
    are switched off. So a grid of prior scales, or a set of formulas, costs one compilation.
    """

    data: Estimates | PublishedReview
    _compiled: list[tuple[Skeleton, CompiledModel]] = field(default_factory=list)
    _arrays: ReviewArrays | None = None

    def __post_init__(self) -> None:
        if isinstance(self.data, PublishedReview):
            self._arrays = review_arrays(self.data)

    def prepare(self, models: Iterable[_Ready]) -> None:
        """Compile the graphs that models need, as few as possible; rejects any model that cannot be right."""
        skeletons = [skeleton for skeleton, _ in self._compiled]
        new: list[Skeleton] = []
        for ready in models:
            require_sampled(ready)
            wanted = _skeleton(ready)
            if any(_fits(wanted, skeleton) for skeleton in skeletons):
                continue
            for i, skeleton in enumerate(new):
                if (joined := _join(skeleton, wanted)) is not None:
                    new[i] = joined
                    break
            else:
                new.append(wanted)
        for skeleton in new:
            compiled = CompiledModel(self._graph(skeleton), low_rank=isinstance(self.data, Estimates))
            self._compiled.append((skeleton, compiled))

    def fit(self, ready: _Ready, settings: SamplerSettings, seed: int, progress: Progress | None = None) -> xr.DataTree:
        """Posterior of one model, in ArviZ's groups."""
        self.prepare([ready])
        bound, made, wanted = ready.bound, ready.design, _skeleton(ready)
        skeleton, compiled = next(pair for pair in self._compiled if _fits(wanted, pair[0]))
        draws, stats = compiled.sample(_exchange(skeleton, wanted, self.data), settings, seed, progress)
        if isinstance(self.data, PublishedReview):
            assert self._arrays is not None
            groups, coords = restore_review(self._arrays, bound.base, made, draws, seed)
        else:
            groups, coords = restore_estimates(self.data, bound, made, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(ready.model, self.data, settings, seed))

    def _graph(self, skeleton: Skeleton) -> Any:
        if isinstance(self.data, PublishedReview):
            assert self._arrays is not None
            return review_graph(self.data, self._arrays, skeleton)
        return estimates_graph(self.data, skeleton)


def _skeleton(ready: _Ready) -> Skeleton:
    priors = ready.priors
    known = structures(ready.data, ready.model) if isinstance(ready.data, Estimates) else {}
    second = next((priors[name] for name in known if name != "tau"), None)
    beta = {name: priors[name] for name in ready.design.columns}
    return Skeleton(ready.design, priors.get("mu"), priors["tau"], beta, known, second)


def _same_top(a: Skeleton, b: Skeleton) -> bool:
    if (a.mu is None) != (b.mu is None) or a.design.slots != b.design.slots:
        return False
    if list(a.structures) != list(b.structures) or not all(
        map(np.array_equal, a.structures.values(), b.structures.values())
    ):
        return False
    if (a.second is None) != (b.second is None) or (
        a.second and b.second and signature(a.second) != signature(b.second)
    ):
        return False
    same_mu = a.mu is None or b.mu is None or signature(a.mu) == signature(b.mu)
    return same_mu and signature(a.tau) == signature(b.tau)


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


def _exchange(skeleton: Skeleton, wanted: Skeleton, data: Estimates | PublishedReview) -> dict[str, Any]:
    """Values for the `pm.Data` of the skeleton's graph."""
    values: dict[str, Any] = {}
    if skeleton.design.columns:
        values["active"] = np.array([float(name in wanted.beta) for name in skeleton.design.columns])
    parameters: dict[str, Prior] = {"tau": wanted.tau, **skeleton.beta, **wanted.beta}
    if wanted.mu is not None:
        parameters["mu"] = wanted.mu
    if wanted.second is not None:
        parameters[list(wanted.structures)[1]] = wanted.second
    if isinstance(data, PublishedReview) and not all(study.known for study in data.studies):
        parameters["sd"] = data.sd
    for name, prior in parameters.items():
        values |= hyperparameters(prior, name)
    return values
