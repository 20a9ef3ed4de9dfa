"""An analysis file that leaves models, priors or labels out, completed; and sentences that say what was taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bayesmeta.analysis.model_sections import NORMAL, SECTIONS, ModelSection
from bayesmeta.analysis.schema import Analysis, Outcome
from bayesmeta.data.kinds import Data
from bayesmeta.effects.registry import REPORTED
from bayesmeta.errors import SpecificationError
from bayesmeta.families.registry import FAMILIES, family_for
from bayesmeta.priors import default_priors, shown
from bayesmeta.spec.column_words import plain_words

_ANY_SCALE = "UniformShrinkage()"
_WHY = (
    "on tau the uniform shrinkage prior, since none was published for effects of this measure: it is in their unit, and "
    "half of its probability lies below a typical standard error of the studies"
)


def completed(analysis: Analysis, path: Path) -> tuple[Analysis, list[str]]:
    """The analysis with everything that it leaves to the package, and a sentence for each outcome that does.

    Raises
    ------
    SpecificationError
        If models have no prior on tau where there is none by default; all of them are named.
    """
    outcomes, sentences, missing = dict[str, Outcome](), list[str](), list[str]()
    for name, outcome in analysis.outcomes.items():
        outcomes[name], taken, lacking = _outcome(name, outcome)
        missing += lacking
        if taken:
            label = outcomes[name].label
            sentences.append(f"{label}: {'; '.join(taken)}.")
    if missing:
        keys = f"key {missing[0]} is" if len(missing) == 1 else f"keys {', '.join(missing)} are"
        raise SpecificationError(
            f"{path}: {keys} missing: studies without an effect and a standard error have no prior by default."
        )
    return analysis.model_copy(update={"outcomes": outcomes}), sentences


def _outcome(name: str, outcome: Outcome) -> tuple[Outcome, list[str], list[str]]:
    """An outcome with label, models and priors; what was taken by default, in words; and keys that are missing."""
    taken, missing, models = list[str](), list[str](), dict[str, ModelSection]()
    sections = outcome.models
    if not sections:
        sections = {"overall": SECTIONS[NORMAL](kind=NORMAL, label="All studies")}
        taken.append("one model of a mean effect and heterogeneity")
    if "measure" not in outcome.model_fields_set and outcome.arms is not None and not _measured(sections):
        taken.append("mean differences, measure = 'md'")
    for key, section in sections.items():
        priors: dict[str, str] | None = {}
        label = section.label or _title(key)
        if section.tau is None and section.keys.tau:
            priors = _priors(outcome, section)
            if priors is None:
                missing.append(f"'outcomes.{name}.models.{key}.tau'")
            else:
                given = {prior: text for prior, text in priors.items() if text != _ANY_SCALE}
                said = [f"{prior} ~ {shown_prior(text)}" for prior, text in given.items()]
                said += [_WHY] if _ANY_SCALE in priors.values() else []
                said += ["a flat prior on mu"] if "mu" not in priors and section.mu is None else []
                taken.append(f"model '{label}': {', '.join(said)}")
        models[key] = section.with_defaults(label, priors or {})
    return outcome.model_copy(update={"label": outcome.label or _title(name), "models": models}), taken, missing


def with_measure(outcome: Outcome, data: Data) -> Outcome:
    """The outcome with the measure of its models, where these have one alone for such data and the file states none."""
    if "measure" in outcome.model_fields_set:
        return outcome
    measured = {family_for(section.kind, data).measured for section in outcome.models.values()}
    only = measured.pop() if len(measured) == 1 else ""
    return outcome.model_copy(update={"measure": only}) if only else outcome


def _measured(sections: Mapping[str, ModelSection]) -> bool:
    """Whether the models have a measure of their own, whatever their data."""
    kinds = {section.kind for section in sections.values()}
    return all(family.measured for family in FAMILIES if family.keys.kind in kinds)


def _title(name: str) -> str:
    words = plain_words(name)
    return words[:1].upper() + words[1:]


def shown_prior(text: str) -> str:
    """A default prior as what it is, without how it is named in a file."""
    from bayesmeta.priors import parse_prior

    return shown(parse_prior(text))


def _priors(outcome: Outcome, section: ModelSection) -> dict[str, str] | None:
    """Priors on tau and, where none is stated, on mu, as texts; None where there are none by default."""
    measure = outcome.measure if outcome.arms or "measure" in outcome.model_fields_set else None
    if measure in REPORTED:
        measure = outcome.effects.printed_measure if outcome.effects else None
    try:
        known = {} if measure is None else default_priors(measure)
    except SpecificationError:
        known = {}
    if section.kind != NORMAL or (outcome.studies is not None and "tau" not in known):
        return None
    texts = {name: str(prior) for name, prior in known.items() if name == "tau" or section.mu is None}
    return {"tau": _ANY_SCALE, **texts}
