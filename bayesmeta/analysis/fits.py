"""The fits of a report: without chains where that can be done, and by NUTS where it cannot, or to hold the others to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bayesmeta.analysis.chains import Chains, Job
from bayesmeta.data.kinds import Data
from bayesmeta.errors import ImportanceError
from bayesmeta.families.exact import Exact
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model

if TYPE_CHECKING:
    from bayesmeta.analysis.run import Plan

Ready = Mapping[str, Prepared[Data, Model]]


@dataclass(frozen=True, slots=True)
class Computed:
    """Fits of an outcome without chains.

    Attributes
    ----------
    fits : dict of str to MetaResult
        By model.
    refused : str
        Why importance sampling did not take a review, in one sentence; empty where it did, and of other data.
    """

    fits: dict[str, MetaResult]
    refused: str = ""


@dataclass(slots=True)
class Begun:
    """An outcome whose fits without chains are made, and whose chains are asked for.

    Attributes
    ----------
    computed : Computed
    waits : list of callable
        Each gives the fits by NUTS of some models, and waits for them.
    """

    computed: Computed
    waits: list[Callable[[], dict[str, MetaResult]]] = field(default_factory=list)

    def fits(self, names: Mapping[str, Any]) -> dict[str, MetaResult]:
        """A fit of every model: by NUTS where there is one, since it has chains to look at, or from the weighted sample."""
        by_name = dict(self.computed.fits)
        for wait in self.waits:
            by_name |= wait()
        return {name: by_name[name] for name in names}


def computed_fits(data: Data, models: Mapping[str, Model], seed: int, settings: Mapping[str, Any]) -> Computed:
    """Fits without chains: by quadrature, or by importance sampling of a review's trials, of the models that these take.

    All models of a review are taken, or none.
    """
    ready = {name: prepare(data, model) for name, model in models.items()}
    taken = {name: models[name] for name, how in _by_default(ready).items() if how.engine == "quadrature"}
    if taken:
        return Computed(fit_many(data, taken, "quadrature"))
    if not of_one_sample(ready):
        return Computed({}, _obstacle(ready))
    try:
        draws, chains = settings["draws"], settings["chains"]
        return Computed(fit_many(data, models, "importance", seed=seed, draws=draws, chains=chains))
    except ImportanceError as error:
        return Computed({}, str(error))


def of_one_sample(ready: Ready) -> bool:
    """Whether importance sampling takes all models of an outcome, if it does not find its sample too small."""
    taken = _by_default(ready)
    return len(taken) == len(ready) and all(how.engine == "importance" for how in taken.values())


def _by_default(ready: Ready) -> dict[str, Exact]:
    ways = {name: one.exact for name, one in ready.items()}
    return {name: how for name, how in ways.items() if isinstance(how, Exact) and how.by_default}


def _obstacle(ready: Ready) -> str:
    """Why importance sampling does not take the models of a review; nothing of other data."""
    for name, prepared in ready.items():
        if prepared.family.latent_effects and isinstance(prepared.exact, str):
            return f"model {name!r}: {prepared.exact.removesuffix(" Use engine='nuts'.").rstrip('.')}."
    return ""


def reviews_of(checked: Plan) -> list[str]:
    """Outcomes whose models importance sampling takes, as far as can be known before."""
    return [name for name, ready in checked.ready.items() if of_one_sample(ready)]


def begin(checked: Plan, chains: Chains, show: Callable[[str, Computed], None] | None = None) -> dict[str, Begun]:
    """Make the fits without chains, outcome by outcome, and ask for those by NUTS.

    Of all models by importance sampling one is sampled by NUTS too, to hold the engines to each other: the first model of the
    first review. Its chains are asked for first, since they take longest.

    Parameters
    ----------
    show : callable, optional
        Called with the name of an outcome, and its fits, as soon as they are there.
    """
    by_outcome, reviews, held = dict[str, Begun](), reviews_of(checked), False
    for name, outcome in checked.analysis.outcomes.items():
        names = list(outcome.models)
        is_check = name in reviews and not held
        early = jobs(checked, name, names[:1]) if is_check else []
        waits = [chains.ask(job) for job in early]
        computed = computed_fits(
            checked.data[name], checked.models[name], checked.analysis.seed, settings(checked, name)
        )
        of_sample = bool(computed.fits) and all(fit.quality for fit in computed.fits.values())
        held = held or (is_check and of_sample)
        if not of_sample:
            waits += [chains.ask(job) for job in jobs(checked, name, names[1:] if is_check else names)]
        by_outcome[name] = Begun(computed, waits)
        if show is not None:
            show(name, computed)
    return by_outcome


def settings(checked: Plan, name: str) -> dict[str, Any]:
    """How an outcome is sampled, as `fit_many` takes it."""
    sampling = checked.analysis.outcomes[name].sampling or checked.analysis.sampling
    return sampling.model_dump(exclude={"ess_limit"})


def jobs(checked: Plan, name: str, names: list[str]) -> list[Job]:
    """Some models of an outcome, those that state their own number of draws apart."""
    sections, waiting = checked.analysis.outcomes[name].models, list[Job]()
    for draws in dict.fromkeys(sections[key].draws for key in names):
        models = {key: checked.models[name][key] for key in names if sections[key].draws == draws}
        own = settings(checked, name) | ({} if draws is None else {"draws": draws})
        waiting.append(Job(name, checked.data[name], models, checked.analysis.seed, own))
    return waiting
