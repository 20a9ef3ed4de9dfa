"""A review with other evidence: what more was printed, without some of it, or an ambiguous fact decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from bayesmeta.analysis.printed_statistics import printed_statistic
from bayesmeta.analysis.schema import OtherEvidence, Outcome
from bayesmeta.data.kinds import Data
from bayesmeta.data.review import PublishedReview, with_option
from bayesmeta.diagnostics.weights import Reweighted
from bayesmeta.errors import BayesmetaError, ImportanceError, SpecificationError, did_you_mean
from bayesmeta.families.prepared import prepare
from bayesmeta.families.review.statistic_words import printed
from bayesmeta.results.fit import fit_many
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.posteriors import Ready, Under


@dataclass(frozen=True, slots=True)
class OnEvidence:
    """A signal, or another probability, with other evidence.

    Attributes
    ----------
    changes : tuple of str
        How the evidence differs, from the reviews themselves.
    under : Under
        Probabilities of the claim, and of the threshold if there is one.
    """

    changes: tuple[str, ...]
    under: Under


@dataclass(frozen=True, slots=True)
class OtherAnswers:
    """What the questions of an outcome give with every other evidence.

    Attributes
    ----------
    signals : dict of str to dict of str to OnEvidence
        By name of the signal and label of the evidence.
    probabilities : list of dict of str to OnEvidence
        Of every probability that is asked for, by label of the evidence.
    """

    signals: dict[str, dict[str, OnEvidence]]
    probabilities: list[dict[str, OnEvidence]]


def reviews(outcome: Outcome, data: Data) -> dict[str, PublishedReview]:
    """The review of an outcome under every other evidence, by its label.

    Raises
    ------
    DataError, SpecificationError
        If there is no review, or a statistic, choice, option or study is not one of it.
    """
    asked, review = outcome.sensitivity.evidence, cast(PublishedReview, data)
    if asked and outcome.studies is None:
        raise SpecificationError("sensitivity.evidence: it is of a published review, and this outcome has none.")
    by_label = dict[str, PublishedReview]()
    for evidence in asked:
        if evidence.label in by_label:
            raise SpecificationError(f"evidence {evidence.label!r} is given twice. Give each its own label.")
        try:
            by_label[evidence.label] = _changed(review, evidence)
        except BayesmetaError as error:
            raise type(error)(f"evidence {evidence.label!r}: {error}") from error
    return by_label


def _changed(data: PublishedReview, evidence: OtherEvidence) -> PublishedReview:
    names = [one.name for one in data.statistics]
    for name in evidence.without:
        _require(name, names, "statistic")
    for name in evidence.outside:
        _require(name, data.study, "study")
    kept = [one for one in data.statistics if one.name not in evidence.without]
    changed = replace(
        data,
        studies=[replace(one, in_review=one.in_review and one.name not in evidence.outside) for one in data.studies],
        statistics=[*kept, *map(printed_statistic, evidence.published)],
    )
    for name, label in evidence.options.items():
        _require(name, [choice.name for choice in data.choices], "choice")
        choice = next(one for one in data.choices if one.name == name)
        _require(label, [option.label for option in choice.options], f"option of {name!r}")
        changed = with_option(changed, name, label)
    if changed.hash == data.hash:
        raise SpecificationError("it changes nothing. Give published, without, options or outside.")
    return changed


def _require(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        raise SpecificationError(f"no {what} {name!r}.{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}.")


def changes(before: PublishedReview, after: PublishedReview, options: Mapping[str, str]) -> tuple[str, ...]:
    """How two reviews of the same studies differ, in words; `options` are those that were taken."""
    old, new = ({one.name: one for one in review.statistics} for review in (before, after))
    texts = [f"with {name}: {printed(one)}" for name, one in new.items() if name not in old]
    texts += [f"without {name}" for name in old if name not in new]
    texts += [f"{choice}: {option}" for choice, option in options.items()]
    studies = zip(after.studies, before.studies, strict=True)
    outside = [one.name for one, was in studies if was.in_review and not one.in_review]
    return (*texts, *(f"{name} not in the review's pool" for name in outside))


def on_other_evidence(outcome: Outcome, ready: Mapping[str, Ready], seed: int, *, refit: bool = True) -> OtherAnswers:
    """Every signal and probability with every other evidence; each review is fitted anew.

    By importance sampling, or by NUTS, with a warning, where that is refused; without `refit` the answers are zero then.
    """
    signals: dict[str, dict[str, OnEvidence]] = {signal.name: {} for signal in outcome.signals}
    probabilities: list[dict[str, OnEvidence]] = [{} for _ in outcome.probabilities]
    asked: list[tuple[str, list[str], dict[str, OnEvidence]]] = [
        (signal.model, [signal.claim, *filter(None, [signal.threshold])], signals[signal.name])
        for signal in outcome.signals
    ]
    for question, answers in zip(outcome.probabilities, probabilities, strict=True):
        asked.append((question.model, [question.claim], answers))
    if outcome.sensitivity.evidence and asked:
        before = cast(PublishedReview, ready[asked[0][0]].data)
        decided = {one.label: one.options for one in outcome.sensitivity.evidence}
        for label, review in reviews(outcome, before).items():
            said = changes(before, review, decided[label])
            for key in dict.fromkeys(model for model, *_ in asked):
                prepared = prepare(review, ready[key].model)
                fit = _fitted(prepared, seed, refit)
                for model, claims, answers in asked:
                    if model == key:
                        answers[label] = OnEvidence(said, _under(prepared, fit, claims))
    return OtherAnswers(signals, probabilities)


def _fitted(ready: Ready, seed: int, refit: bool) -> MetaResult | None:
    try:
        return fit_many(ready.data, {"": ready.model}, "auto" if refit else "importance", seed=seed)[""]
    except (ImportanceError, SpecificationError):
        if refit:
            raise
        return None


def _under(ready: Ready, fit: MetaResult | None, claims: Sequence[str]) -> Under:
    if fit is None:
        return Under(ready, tuple(Reweighted(0.0, 0.0, 0.0) for _ in claims), "refitted")
    answers = tuple(Reweighted(fit.probability(claim), fit.probability_mcse(claim), 0.0) for claim in claims)
    return Under(ready, answers, "importance" if fit.quality else "refitted")
