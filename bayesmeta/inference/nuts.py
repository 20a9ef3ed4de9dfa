"""The NUTS engine: one compiled graph for all models that share their shape, exact restoration after sampling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesmeta.families.prepared import Prepared
from bayesmeta.inference.graphs import Skeleton, estimates_graph, review_graph
from bayesmeta.inference.pymc_priors import hyperparameters, signature
from bayesmeta.inference.restore import Groups, restore_estimates, restore_review, to_datatree
from bayesmeta.inference.review_arrays import ReviewArrays, review_arrays
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.inference.sampling import CompiledModel, Progress
from bayesmeta.inference.settings import SamplerSettings
from bayesmeta.priors import Flat, Prior
from bayesmeta.spec.two_scales import structures

_Ready = Prepared[Any, Any]
_Graph = tuple[Skeleton, CompiledModel]


@dataclass(slots=True)
class NutsEngine(ABC):
    """Samples models on one data set, and compiles again only when the shape of the graph changes.

    Two models share a compiled graph if their priors belong to the same families; columns that one of them lacks
    are switched off. So a grid of prior scales, or a set of formulas, costs one compilation. The draws of a model depend on
    the models that it was prepared with, and on none before: of earlier graphs an equal one is taken, not a larger one.
    """

    data: Any
    low_rank: ClassVar[bool]  # whether the mass matrix is more than a diagonal
    _compiled: list[_Graph] = field(default_factory=list)  # every graph so far
    _prepared: list[_Graph] = field(default_factory=list)  # those of the models prepared last

    @abstractmethod
    def _structures(self, ready: _Ready) -> dict[str, NDArray[np.float64]]:
        """What the squares of the standard deviations of effects multiply, where the graph needs it."""

    @abstractmethod
    def _graph(self, skeleton: Skeleton) -> Any: ...

    @abstractmethod
    def _restored(self, ready: _Ready, draws: Mapping[str, Any], seed: int) -> tuple[Groups, dict[str, Any]]: ...

    def _own_priors(self) -> dict[str, Prior]:
        """Priors that are part of the data."""
        return {}

    def prepare(self, models: Iterable[_Ready]) -> None:
        """Compile the graphs that models need, as few as possible; rejects any model that cannot be right."""
        skeletons: list[Skeleton] = []
        for ready in models:
            require_sampled(ready)
            wanted = skeleton_of(ready, self._structures(ready))
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
        for known, compiled in self._compiled:
            if list(known.beta) == list(skeleton.beta) and _fits(skeleton, known) and _fits(known, skeleton):
                return skeleton, compiled
        compiled = CompiledModel(self._graph(skeleton), low_rank=self.low_rank)
        self._compiled.append((skeleton, compiled))
        return skeleton, compiled

    def fit(self, ready: _Ready, settings: SamplerSettings, seed: int, progress: Progress | None = None) -> xr.DataTree:
        """Posterior of a model that was prepared, in ArviZ's groups."""
        wanted = skeleton_of(ready, self._structures(ready))
        skeleton, compiled = next(pair for pair in self._prepared if _fits(wanted, pair[0]))
        draws, stats = compiled.sample(_exchange(skeleton, wanted, self._own_priors()), settings, seed, progress)
        groups, coords = self._restored(ready, draws, seed)
        groups["sample_stats"] = stats
        return to_datatree(groups, coords, compiled.attrs(ready.model, self.data, settings, seed))


@final
@dataclass(slots=True)
class EstimatesEngine(NutsEngine):
    """Samples models of estimates."""

    low_rank: ClassVar[bool] = True

    def _structures(self, ready: _Ready) -> dict[str, NDArray[np.float64]]:
        return structures(self.data, ready.model)

    def _graph(self, skeleton: Skeleton) -> Any:
        return estimates_graph(self.data, skeleton)

    def _restored(self, ready: _Ready, draws: Mapping[str, Any], seed: int) -> tuple[Groups, dict[str, Any]]:
        return restore_estimates(self.data, ready.bound, ready.design, draws, seed)


@final
@dataclass(slots=True)
class ReviewEngine(NutsEngine):
    """Samples models of a published review."""

    low_rank: ClassVar[bool] = False
    _arrays: ReviewArrays = field(init=False)

    def __post_init__(self) -> None:
        self._arrays = review_arrays(self.data)

    def _structures(self, ready: _Ready) -> dict[str, NDArray[np.float64]]:
        return {}

    def _graph(self, skeleton: Skeleton) -> Any:
        return review_graph(self.data, self._arrays, skeleton)

    def _restored(self, ready: _Ready, draws: Mapping[str, Any], seed: int) -> tuple[Groups, dict[str, Any]]:
        return restore_review(self._arrays, ready.bound, ready.design, draws, seed)

    def _own_priors(self) -> dict[str, Prior]:
        return {} if self._arrays.known.all() else {"sd": self.data.sd}


def skeleton_of(ready: _Ready, known: dict[str, NDArray[np.float64]]) -> Skeleton:
    """What decides the shape of a model's graph."""
    priors = ready.priors
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


def _exchange(skeleton: Skeleton, wanted: Skeleton, own: Mapping[str, Prior]) -> dict[str, Any]:
    """Values for the `pm.Data` of the skeleton's graph."""
    values: dict[str, Any] = {}
    if skeleton.design.columns:
        values["active"] = np.array([float(name in wanted.beta) for name in skeleton.design.columns])
    parameters: dict[str, Prior] = {"tau": wanted.tau, **skeleton.beta, **wanted.beta, **own}
    if wanted.mu is not None:
        parameters["mu"] = wanted.mu
    if wanted.second is not None:
        parameters[list(wanted.structures)[1]] = wanted.second
    for name, prior in parameters.items():
        values |= hyperparameters(prior, name)
    return values
