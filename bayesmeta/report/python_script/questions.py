"""Probabilities and signals of an outcome as source: what is asked, and under which priors."""

from __future__ import annotations

from collections.abc import Iterator

from bayesmeta.analysis.alternatives import belief_models, crossed_models
from bayesmeta.analysis.schema import Outcome, Signal
from bayesmeta.data.kinds import Data
from bayesmeta.families.prepared import Prepared
from bayesmeta.report.python_script.code import literal, mapping
from bayesmeta.report.python_script.models import other_priors, replaced
from bayesmeta.spec.two_scales import Model
from bayesmeta.text.plain_text import visible

QUADRATURE, IMPORTANCE, NUTS = "quadrature", "importance", "nuts"
# What the posterior under other priors is computed by, where the report's own fit is by this engine.
UNDER = {
    QUADRATURE: '''
def under(model, fit, data, claims):
    """Probabilities of claims under other priors: a fit of its own, exact."""
    other = bm.fit(data, model)
    return [other.probability(claim) for claim in claims]
''',
    IMPORTANCE: '''
def from_one_sample(model, fit, data, claims):
    """Probabilities of claims under other priors: the same sample of trials, weighted anew."""
    other = bm.fit(data, model, seed=SEED)
    return [other.probability(claim) for claim in claims]
''',
    NUTS: '''
def weighted(model, fit, data, claims):
    """Probabilities of claims under other priors: the draws of the fit, weighted; a new fit where weights cannot be trusted."""
    found = [bm.claim_sensitivity(fit, claim, {"other": model})["other"] for claim in claims]
    if all(one.trusted for one in found):
        return [one.probability for one in found]
    other = bm.fit_many(data, {"other": model}, "nuts", seed=SEED, repeat=True, **sampling)["other"]
    return [other.probability(claim) for claim in claims]
''',
}
NAMES = {QUADRATURE: "under", IMPORTANCE: "from_one_sample", NUTS: "weighted"}


def probability_lines(outcome: Outcome) -> Iterator[str]:
    """A line for each probability that was asked for."""
    for one in outcome.probabilities:
        asked = f"fits[{literal(one.model)}].probability({literal(one.claim)})"
        yield f"say({shown(one.label or one.claim)}, {asked})"


def shown(text: str) -> str:
    """What is printed, as source: with codes for what would move a cursor or hide text."""
    return literal(" ".join(visible(text).split()))


def signal_lines(outcome: Outcome, signal: Signal, ready: Prepared[Data, Model], engine: str) -> Iterator[str]:
    """Its probability, size and threshold, then the same claims under every other prior of the file."""
    yield f"print({shown(signal.name)})"
    yield f"fit, model = fits[{literal(signal.model)}], models[{literal(signal.model)}]"
    yield f"show({shown(signal.quantity)}, fit.marginal({literal(signal.quantity)}))"
    yield f"claims = {mapping(_claims(signal))}"
    yield "for what, claim in claims.items():"
    yield "    say(what, fit.probability(claim))"
    tried = list(_tried(outcome, signal, ready))
    if not tried:
        return
    yield "for label, priors in ["
    for label, other in tried:
        yield f"    ({shown(label)}, {other_priors(ready.model.base, other.model.base)}),"
    yield "]:"
    yield f"    other = {replaced(ready.model, 'priors')}"
    yield f"    for what, probability in zip(claims, {NAMES[engine]}(other, fit, data, claims.values())):"
    yield '        say(f"{label}: {what}", probability)'


def _claims(signal: Signal) -> dict[str, str]:
    """The claim and the threshold, each by its words, as source."""
    asked = [(signal.claim_label, signal.claim)]
    asked += [(signal.threshold_label, signal.threshold)] if signal.threshold else []
    words = [" ".join(visible(label or claim).split()) for label, claim in asked]
    if len(set(words)) < len(words):
        words = [" ".join(visible(claim).split()) for _, claim in asked]
    return {word: literal(claim) for word, (_, claim) in zip(words, asked, strict=True)}


def _tried(
    outcome: Outcome, signal: Signal, ready: Prepared[Data, Model]
) -> Iterator[tuple[str, Prepared[Data, Model]]]:
    stated = outcome.sensitivity
    for (i, j), other in crossed_models(ready, outcome, signal).items():
        yield f"{stated.effect[i].label}, {stated.tau[j].label}", other
    yield from belief_models(ready, outcome).items()
