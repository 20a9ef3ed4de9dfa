"""What other priors do to a signal, in words: stated prior beliefs, and families of priors followed to a level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import BeliefRecord, CrossingRecord, SignalRecord, TippingRecord
from bayesmeta.priors import FAMILIES
from bayesmeta.report.know_first import inside
from bayesmeta.text.numbers import format_mcse, format_probability, format_value


def tipping_sentence(signal: SignalRecord, tipping: TippingRecord, labels: Mapping[str, str] | None = None) -> str:
    """Say for which scales of a family of priors the probability stays at or above a level.

    "The probability that high dose works better stays above 0.80 for every half-normal scale of tau up to 2.1 points (from a
    fit with 2.2 points: 0.80, Monte Carlo error 0.004)."
    """
    claim, level = signal.claimed, format_probability(tipping.level)
    on = " and ".join(inside((labels or {}).get(name, name)) for name in tipping.on.split(" and "))
    if tipping.reason:
        along = f"{tipping.family} priors on {on}"
        return f"Where the probability that {claim} crosses {level} along {along} is not known: {tipping.reason}."
    low, high = format_value(tipping.scales[0], 2), _size(signal, tipping.scales[1])
    least, most = (format_probability(p) for p in tipping.extremes)
    crossings = tipping.crossings
    above = tipping.probabilities[0] >= tipping.level
    if tipping.on == "tau":
        family = FAMILIES.get(tipping.family.split("(")[0])
        subject = f"{(family and family.row.words) or tipping.family} scale of tau"
        scales = subject.replace("scale", "scales")
    else:
        subject = f"sceptical prior Normal(0, s) on {on} with s"
        scales = f"sceptical priors Normal(0, s) on {on}"
    start = f"The probability that {claim}"
    if not crossings and above:
        return f"{start} stays above {level} for every {subject} from {low} to {high}: it is at least {least}."
    if not crossings:
        return f"{start} stays below {level} for every {subject} from {low} to {high}: it is at most {most}."
    solved = "; ".join(_solved(signal, one) for one in crossings)
    places = " and ".join(_size(signal, one.scale) for one in crossings)
    if len(crossings) > 1:
        return f"{start} crosses {level} along the {scales} at {places} ({solved})."
    if tipping.on == "tau":
        stays = (
            f"stays above {level} for every {subject} up to" if above else f"exceeds {level} only for {scales} above"
        )
    elif above:
        stays = f"stays above {level} only for {scales} with s below"
    else:
        stays = f"falls below {level} for {scales} with s below"
    return f"{start} {stays} {places} ({solved})."


def belief_priors(signal: SignalRecord, belief: BeliefRecord) -> str:
    """The priors by which the fit under a belief differs from that of the model as stated."""
    stated = signal.sensitivity[0].priors if signal.sensitivity else {}
    changed = {name: prior for name, prior in belief.priors.items() if stated.get(name) != prior}
    return "; ".join(f"{name} ~ {prior}" for name, prior in changed.items()) or "as stated"


def prior_on(signal: SignalRecord, labels: Mapping[str, str] | None = None) -> str:
    """What the first column of priors is on: the coefficients of the model, or mu, in words where there are any."""
    on = list(dict.fromkeys(name for row in signal.sensitivity for name in row.on))
    return " and ".join(inside((labels or {}).get(name, name)) for name in on) or "the effect"


def tried(signals: Sequence[SignalRecord]) -> str:
    """How many sets of priors were tried for a signal: ``"18"``, or ``"10 to 18"``; empty where there was one."""
    numbers = sorted({len(one.sensitivity) + len(one.beliefs) for one in signals} - {0, 1})
    return " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))) if numbers else ""


def glossary(results: Results) -> list[str]:
    """What the numbers of a prior are, for the commonest families that the report's models have; those without numbers last."""
    models = [model for outcome in results.outcomes.values() for model in outcome.models.values()]
    texts = [text for model in models for text in model.priors.values()]
    used = [kind for name, kind in FAMILIES.items() if any(text.startswith(f"{name}(") for text in texts)]
    return [kind.row.gloss for kind in sorted(used, key=lambda kind: not kind.row.roles) if kind.row.gloss]


def _solved(signal: SignalRecord, crossing: CrossingRecord) -> str:
    """How a crossing was solved for: by quadrature, or with the draws of a fit near it."""
    p = format_probability(crossing.probability)
    if not crossing.mcse:
        return f"by quadrature there: {p}"
    near = _size(signal, crossing.fitted_scale)
    return f"from a fit with {near}: {p}, Monte Carlo error {format_mcse(crossing.mcse)}"


def _size(signal: SignalRecord, scale: float) -> str:
    unit = "on the log scale" if "ratio" in signal.unit else signal.unit
    return f"{format_value(scale, 2)} {unit}".strip()
