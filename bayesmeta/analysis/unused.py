"""Keys of an analysis file that would change nothing: rejected before anything is sampled, each with what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bayesmeta.analysis.printed_statistics import STATISTIC_KEYS
from bayesmeta.analysis.schema import Outcome, Sensitivity, Signal
from bayesmeta.errors import SpecificationError
from bayesmeta.priors import FAMILIES, plain
from bayesmeta.spec.two_scales import Model


def check_use(outcome: Outcome, models: Mapping[str, Model]) -> None:
    """Reject every key of an outcome that has no parameter, question or table that it could be for.

    Raises
    ------
    SpecificationError
        For the first of them: the key, its value, and what it is for.
    """
    for problem in (*_statistics(outcome), *_of_signals(outcome), *_of_sensitivity(outcome, models)):
        raise SpecificationError(problem)


def _statistics(outcome: Outcome) -> Iterator[str]:
    for i, entry in enumerate(outcome.published):
        for key in sorted(entry.model_fields_set - STATISTIC_KEYS[entry.kind] - {"kind"}):
            takers = [kind for kind, keys in STATISTIC_KEYS.items() if key in keys]
            yield (
                f"published.{i}.{key} = {getattr(entry, key)!r}: kind = {entry.kind!r} does not take it; "
                f"{', '.join(map(repr, takers))} do{'es' if len(takers) == 1 else ''}. Leave it out."
            )

        if entry.ratio and {"digits", "tolerance"} <= entry.model_fields_set:
            yield f"published.{i}.digits = {entry.digits}: tolerance is given too, and takes its place. Leave one out."


def _of_signals(outcome: Outcome) -> Iterator[str]:
    for signal in outcome.signals:
        where = f"signal {signal.name!r}: "
        if signal.prior_factor != 1 and not outcome.sensitivity.effect:
            yield (
                f"{where}prior_factor = {signal.prior_factor:g} is for the priors of sensitivity.effect, and there are none. "
                "Leave it out."
            )
        if signal.threshold is None and signal.threshold_label:
            yield f"{where}threshold_label = {signal.threshold_label!r} names a threshold, and there is none. Give threshold."


def _of_sensitivity(outcome: Outcome, models: Mapping[str, Model]) -> Iterator[str]:
    asked = outcome.sensitivity
    if asked != Sensitivity() and not outcome.signals:
        yield "sensitivity is of the signals of this outcome, and there are none. Name one in signals, or leave it out."
        return
    if bool(asked.effect) != bool(asked.tau):
        given, missing = ("effect", "tau") if asked.effect else ("tau", "effect")
        yield (
            f"sensitivity.{given} is crossed with sensitivity.{missing}, which is empty: give one or more priors there, or "
            f"leave {given} out."
        )
    asked_of = [models[signal.model].base for signal in outcome.signals if signal.model in models]
    for belief in asked.beliefs:
        if belief.mu is not None and not any(base.has_mu for base in asked_of):
            yield (
                f"belief {belief.label!r}: mu = {belief.mu!r}, and no signal's model has a mu, for none has an intercept. Name "
                "coefficients in beta."
            )
    if asked.level is not None and not any(_has_scale(signal, models) for signal in outcome.signals):
        rows = {name: kind.row for name, kind in FAMILIES.items()}
        scaled = [name for name, row in rows.items() if row.named("scale") and not row.named("location")]
        yield (
            f"sensitivity.level = {asked.level:g}: no prior has a scale to follow. It is for Normal priors on the effect and "
            f"for {', '.join(scaled)} on tau."
        )


def _has_scale(signal: Signal, models: Mapping[str, Model]) -> bool:
    """Whether a family of priors can be followed for a signal: on the effect, or on tau."""
    if signal.model not in models:
        return True  # which is said elsewhere
    base = models[signal.model].base
    effect = [*base.beta.values(), *([base.mu] if base.has_mu and not base.beta else [])]
    return plain(base.tau).row.named("scale") is not None or any(plain(prior).is_normal for prior in effect)
