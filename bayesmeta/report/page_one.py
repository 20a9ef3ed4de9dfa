"""The sentences that a report begins with: the pooled effect of each outcome, and one for each signal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bayesmeta.analysis.records.model import ModelRecord, Pool, SummaryRow
from bayesmeta.analysis.records.outcome import OutcomeRecord, ProbabilityRecord, SchoolRow
from bayesmeta.analysis.records.results import Results
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.effects.display import Display, is_value
from bayesmeta.plots.probabilities import Probability
from bayesmeta.report.know_first import short
from bayesmeta.text.numbers import (
    MISSING,
    format_estimate,
    format_interval,
    format_number,
    format_p,
    format_probability,
    format_probability_range,
    spread_of,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence of page one in parts.

    Attributes
    ----------
    name : str
        What it is about.
    effect : str
        Size with interval and unit.
    probability : str
        Of `claim`; empty where none was computed.
    span : str
        Lowest to highest probability over the priors tried; empty where one set was.
    claim : str
    new : str
        What is to be expected of a new study; empty where it has a sentence of its own.
    basis : str
        What the numbers rest on, a sentence of its own; empty where the file does not say.
    """

    name: str
    effect: str
    probability: str = ""
    span: str = ""
    claim: str = ""
    new: str = ""
    basis: str = ""

    @property
    def parts(self) -> tuple[str, str, str]:
        """The sentence before, in and behind the number that stands out, its probability."""
        before = f"{self.effect}; probability " if self.effect else "probability "
        behind = f" ({self.span})" if self.span else ""
        behind += f" {self.claim}" if self.claim else ""
        end = (f"; {self.new}" if self.new else "") + "." + (f" {self.basis.rstrip('.')}." if self.basis else "")
        return (before, self.probability, f"{behind}{end}") if self.probability else (self.effect, "", end)

    def __str__(self) -> str:
        """Size, probability and claim as one sentence."""
        return "".join(self.parts)


def answers(results: Results) -> list[Answer]:
    """Of each outcome, in the order of the file, its pooled effect and its signals; more of the pool without signals."""
    several, said, unit = len(results.outcomes) > 1, list[Answer](), ""
    for name, outcome in results.outcomes.items():
        signals, first = [signal for signal in results.signals if signal.outcome == name], len(said)
        if not any(_of_mean(outcome, signal) for signal in signals):
            said += _of_outcome(outcome, several=several, brief=bool(results.signals), asked=bool(signals))
            unit = outcome.unit
        for signal in signals:
            said.append(_of_signal(signal, short_unit(signal.unit) if signal.unit == unit else signal.unit))
            unit = signal.unit
        if not results.signals:
            said += [
                Answer(one.label, "", format_probability(one.probability))
                for one in outcome.probabilities
                if not _said_already(outcome, one)
            ]
        said[first : first + 1] = [replace(one, basis=outcome.basis) for one in said[first : first + 1]]
    return said


def _of_mean(outcome: OutcomeRecord, signal: SignalRecord) -> bool:
    """Whether a signal asks about the mean effect, so that its sentence is the one on the pool."""
    return signal.estimate.parameter == "mu" and outcome.models.get(signal.model) == main_model(outcome)


def _said_already(outcome: OutcomeRecord, asked: ProbabilityRecord) -> bool:
    """Whether a probability is that of the sentence on the mean effect, or on the effect in a new study."""
    model = main_model(outcome)
    if model.forest is None or outcome.display.null is None or outcome.models.get(asked.model) != model:
        return False
    side = ">" if outcome.benefit == "higher" else "<"
    return asked.claim.replace(" ", "") in {
        f"{name}{side}0" for name in ("mu", "theta_new") if name in model.below_zero
    }


def short_unit(unit: str) -> str:
    """A unit without its range, which is said where it stands first.

    Examples
    --------
    >>> short_unit("points on 0-10"), short_unit("mm (0-100)"), short_unit("mg/dl")
    ('points', 'mm', 'mg/dl')
    """
    return re.split(r" on | \(", unit)[0]


def _of_signal(signal: SignalRecord, unit: str) -> Answer:
    p = f" (published P{_nb(format_p(signal.published_p))})" if signal.published_p is not None else ""
    span = format_probability_range(signal.probability_range)
    return Answer(
        signal.name + p,
        _size(signal, unit),
        format_probability(signal.probability),
        "" if span == MISSING else span,
        f"that {signal.claim_label}" if signal.claim_label else f"of {signal.claim}",
    )


def _nb(p: str) -> str:
    """A P value behind its letter, with the relation that it has or ``=``."""
    return (
        f"\N{NO-BREAK SPACE}{p[0]}\N{NO-BREAK SPACE}{p[1:]}"
        if p[0] in "<>"
        else f"\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{p}"
    )


def _two_digits(p: float) -> str:
    """A P value that was computed, not printed by anybody."""
    return "<.001" if p < 0.001 else (f"{p:.2g}" if p < 0.0995 else f"{p:.2f}").lstrip("0")


def _size(signal: SignalRecord, unit: str) -> str:
    estimate, display = signal.estimate, signal.display
    if estimate.median is None:
        return ""
    middle, lower, upper = (display.value(one) for one in (estimate.median, estimate.lower, estimate.upper))
    text = format_estimate(middle, lower, upper, None if display.changes else estimate.sd)
    return f"{display.label} {text}" if display.changes else f"{text} {unit}".strip()


def main_model(outcome: OutcomeRecord) -> ModelRecord:
    """The model whose mean effect stands for an outcome: the first without covariates, or the first."""
    return next((one for one in outcome.models.values() if one.forest), next(iter(outcome.models.values())))


def _of_outcome(outcome: OutcomeRecord, *, several: bool, brief: bool, asked: bool) -> Iterator[Answer]:
    """Pooled effect and, unless `brief`, new study, heterogeneity and the frequentist pool; without a pool coefficients.

    Where signals are `asked` about, they are in place of the coefficients.
    """
    model = main_model(outcome)
    name = f"{short(outcome.label)}: " if several else ""
    if model.forest is None:
        yield from () if asked else _coefficients(outcome, model, name)
        return
    what = f"{name}{'mean' if name else 'Mean'}"
    pooled = _pooled(outcome, model, what if outcome.display.null is None else f"{what} effect")
    if brief:
        new = _new_study(outcome.display, model.forest.new)
        yield replace(pooled, new=f"95% prediction interval {new}") if asked and new else pooled
        return
    yield pooled
    if new := _new_study(outcome.display, model.forest.new):
        side = model.below_zero.get("theta_new")
        probability, _, claim = side_of(outcome, side.probability) if side else ("", "", "")
        said = f"{new} (95% prediction interval)"
        yield Answer(f"{name}{'new' if name else 'New'} study", said, probability, "", claim.partition(" (")[0])
    yield from _heterogeneity(outcome, model, f"{name}{'heterogeneity' if name else 'Heterogeneity'}")
    row = _knapp_hartung(outcome)
    if row is not None and row.lower is not None:
        tested = row.p_value is not None and outcome.display.null is not None
        p = f"; P{_nb(_two_digits(row.p_value))}" if tested and row.p_value is not None else ""
        effect = _shown(outcome.display, outcome.unit, row.estimate, row.lower, row.upper)
        yield Answer(f"{name}REML with Knapp-Hartung", f"{effect}{p}")


def _pooled(outcome: OutcomeRecord, model: ModelRecord, name: str) -> Answer:
    assert model.forest is not None
    pool, side = model.forest.pooled, model.below_zero.get("mu")
    effect = _shown(outcome.display, outcome.unit, pool.median, pool.lower, pool.upper)
    return Answer(name, effect, *side_of(outcome, side.probability, _range(model))) if side else Answer(name, effect)


def _new_study(display: Display, pool: Pool | None) -> str:
    """Bounds of the effect in a new study; empty where the model says nothing of one."""
    if pool is None:
        return ""
    spread = spread_of(*map(display.value, (pool.median, pool.lower, pool.upper)))
    return format_interval(display.value(pool.lower), display.value(pool.upper), spread)


def _range(model: ModelRecord) -> list[float]:
    """Lowest and highest probability of a mean effect below zero over the priors tried; empty where one set was."""
    found = [one.probability for one in (model.below_zero["mu"], *model.tried)]
    return [min(found), max(found)] if model.tried else []


def side_of(outcome: OutcomeRecord, below: float, tried: Sequence[float] = ()) -> tuple[str, str, str]:
    """Probability, its range, and what it is of: a benefit where the file says which side is one, or else below no effect."""
    null, turned = outcome.display.null, outcome.benefit == "higher"
    if null is None:
        return "", "", ""
    which = f"{'above' if turned else 'below'} {format_number(float(null), 0)}"
    probability, *ends = (1 - p if turned else p for p in (below, *tried))
    low, high = map(format_probability, sorted(ends) if ends else (None, None))
    span = "" if not ends else f"{low} throughout" if low == high else f"{low} to {high}"
    claim = f"of benefit ({which} is better)" if outcome.benefit else f"that it is {which}"
    return format_probability(probability), span, claim


def benefits(results: Results) -> Iterator[Probability]:
    """Probabilities that the mean effect, and the effect in a new study, of each outcome is a benefit, or below no effect."""
    several = len(results.outcomes) > 1
    for outcome in results.outcomes.values():
        model = main_model(outcome)
        if model.forest is None or outcome.display.null is None:
            continue
        where = f"{short(outcome.label)}: " if several else ""
        higher, null = outcome.benefit == "higher", format_number(outcome.display.null, 0)
        said = "is a benefit" if outcome.benefit else f"is below {null}"
        for parameter, name in (("mu", "mean effect"), ("theta_new", "effect in a new study")):
            side = model.below_zero.get(parameter)
            if side:
                found = [side.probability, *(_range(model) if parameter == "mu" else [])]
                probability, *tried = (1 - p if higher else p for p in found)
                yield Probability(f"{where}{name} {said}", probability, sorted(tried))


def _shown(display: Display, unit: str, centre: float | None, lower: float | None, upper: float | None) -> str:
    text = format_estimate(*(display.value(one) for one in (centre, lower, upper)))
    named = display.label if display.changes else ""
    return f"{named} {text} {'' if display.changes else unit}".strip()


def _heterogeneity(outcome: OutcomeRecord, model: ModelRecord, name: str) -> Iterator[Answer]:
    row = next((row for row in model.summary if row.parameter == "tau"), None)
    parts = []
    if row is not None:
        scale = f" of the {outcome.display.analysis}" if outcome.display.changes else ""
        parts.append(f"standard deviation τ{scale} {format_estimate(row.median, row.lower, row.upper)}")
    known = outcome.side_by_side.heterogeneity if outcome.side_by_side else None
    if known is not None and known.df > 0:
        p = _nb(_two_digits(known.p_value))
        parts.append(f"I² by REML {format_number(known.i2, 0)}%; Q {format_number(known.q, 1)} on {known.df} df, P{p}")
    if parts:
        yield Answer(name, "; ".join(parts))


def _knapp_hartung(outcome: OutcomeRecord) -> SchoolRow | None:
    rows = outcome.side_by_side.rows if outcome.side_by_side and outcome.side_by_side.formula == "1" else []
    return next((row for row in rows if row.name == "reml hksj"), None)


def _coefficients(outcome: OutcomeRecord, model: ModelRecord, name: str) -> Iterator[Answer]:
    """Of a model with covariates alone: each coefficient, as it is read where that is another scale."""
    effects = [one for one in model.below_zero if one not in ("mu", "theta_new")]
    for row in model.summary:
        if row.parameter not in effects:
            continue
        label, null = (
            model.labels.get(row.parameter, row.parameter),
            _null(outcome, row, effects, "mu" in model.below_zero),
        )
        if row.display and row.display_median is not None:
            size = f"{row.display} {format_estimate(row.display_median, row.display_lower, row.display_upper)}"
        else:
            size = format_estimate(row.median, row.lower, row.upper, row.sd)
            size = f"{size} {'' if outcome.display.changes else outcome.unit}".strip()
        if null is None:
            yield Answer(f"{name}{label}", size)
            continue
        probability = format_probability(model.below_zero[row.parameter].probability)
        yield Answer(f"{name}{label}", size, probability, "", f"that it is below {format_number(null, 0)}")


def _null(outcome: OutcomeRecord, row: SummaryRow, effects: Sequence[str], intercept: bool) -> float | None:
    """No effect, as a coefficient is read: of the mean of a level that of its measure, of a ratio 1, of a difference 0."""
    if is_value(row.parameter, effects, intercept):
        return outcome.display.null
    return 1.0 if row.display else 0.0


def intervals_said(said: Sequence[Answer], ci_prob: float) -> str:
    """What stands in parentheses of the sentences."""
    kind = "credible" if not any("Knapp" in one.name for one in said) else "credible or, of REML, confidence"
    text = f"In parentheses: {100 * ci_prob:g}% {kind} intervals"
    if any(one.span for one in said):
        text += "; behind a probability, its range over the priors tried"
    return f"{text}."
