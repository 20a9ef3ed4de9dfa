"""The mean effect of an outcome under other priors, for the sentence that a report begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from bayesmeta.analysis.alternatives import believed
from bayesmeta.analysis.records.model import PooledRow
from bayesmeta.analysis.schema import Outcome
from bayesmeta.analysis.sensitivity import OneByOne
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import DuMouchel, Prior, UniformShrinkage, parse_prior, plain
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.posteriors import EachExact, OnlyWeighted, Posteriors, Ready

_CLAIM = "mu < 0"
_WIDER = {"half as wide as stated": 0.5, "twice as wide as stated": 2.0}
_REFERENCE = {
    "uniform shrinkage": UniformShrinkage(),
    "DuMouchel": DuMouchel(),
}  # proper, as wide as the standard errors


def pooled_sensitivity(
    outcome: Outcome, ready: Mapping[str, Ready], fits: Mapping[str, MetaResult], seed: int
) -> dict[str, list[PooledRow]]:
    """How probable a mean effect below zero is under other priors, by the model that it is of.

    That is the first model without covariates. Nothing is returned where a signal asks about its mean, whose priors the file
    crosses, and where `fits` lack it. Draws by NUTS are weighted, and nothing is fitted again: priors at which weights cannot be
    trusted are left out.
    """
    key = next((key for key, one in ready.items() if one.effects == ("mu",) and one.design.intercept), None)
    if key is None or key not in fits or any(one.model == key and one.quantity == "mu" for one in outcome.signals):
        return {}
    posteriors, rows = _posteriors(fits[key], seed), list[PooledRow]()
    for label, other in alternatives(ready[key], outcome):
        under = posteriors.under(other, [_CLAIM])
        if under.trusted:
            (answer,) = under.answers
            found = {"probability": answer.probability, "mcse": answer.mcse, "method": under.method}
            rows.append(PooledRow.model_validate({"label": label, "priors": other.prior_texts, **found}))
    return {key: rows}


def alternatives(ready: Ready, outcome: Outcome) -> Iterator[tuple[str, Ready]]:
    """The model under the file's priors on tau, and under its beliefs about mu or tau, each with its label.

    A file without priors on tau gets the stated one half and twice as wide, as far as it has a width, and two reference priors,
    as far as the standard errors are known. Where tau is stated as known, there is nothing to try.
    """
    if plain(ready.model.base.tau).atom is not None:
        return
    stated = ready.bound.base.tau
    for label, prior in _on_tau(ready, outcome):
        with suppress(SpecificationError):  # a reference prior without standard errors
            other = ready.under({"tau": prior})
            if other.bound.base.tau != stated:
                yield label, other
    for belief in outcome.sensitivity.beliefs:
        if belief.mu is not None or belief.tau is not None:
            yield belief.label, believed(ready, belief)


def _on_tau(ready: Ready, outcome: Outcome) -> Iterator[tuple[str, Prior]]:
    if outcome.sensitivity.tau:
        yield from ((one.label, parse_prior(one.prior)) for one in outcome.sensitivity.tau)
        return
    stated = plain(ready.model.base.tau)
    with suppress(SpecificationError):  # a reference prior has no width
        yield from ((label, stated.scaled(factor)) for label, factor in _WIDER.items())
    yield from _REFERENCE.items()


def _posteriors(fitted: MetaResult, seed: int) -> Posteriors:
    if fitted.engine == "nuts":
        return OnlyWeighted(fitted)
    return OneByOne(fitted, seed, [_CLAIM]) if fitted.quality else EachExact(fitted)
