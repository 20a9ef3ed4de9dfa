"""`bayesmeta diff`: which numbers of two reports differ, by how much, and what differs in what they were made from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from bayesmeta.analysis.records.base import Record
from bayesmeta.analysis.records.model import ModelRecord, SummaryRow
from bayesmeta.analysis.records.outcome import OutcomeRecord
from bayesmeta.analysis.records.results import Results
from bayesmeta.report.differences import AGREES
from bayesmeta.text.numbers import count_of

_NAMED = 3  # studies of one report alone that are named
WITHIN = 4  # Monte Carlo standard errors of the difference
Verdict = Literal["equal", "within Monte Carlo error", "different", "in one report only"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Cause:
    """What two reports were made from differs here: `kind` is data, model, prior, sampling, seed or version."""

    kind: str
    where: str
    what: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A number of two reports, the Monte Carlo error of its difference, and which kinds of causes can have moved it."""

    where: str
    what: str
    first: float | None
    second: float | None
    error: float
    because: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether the two differ by more than rounding, and by more than another seed would make of it."""
        if self.first is None or self.second is None:
            return "equal" if self.first is self.second else "in one report only"
        difference = abs(self.first - self.second)
        if difference <= max(AGREES * max(abs(self.first), abs(self.second)), 1e-12):
            return "equal"
        return "within Monte Carlo error" if difference <= WITHIN * self.error else "different"


@dataclass(frozen=True, slots=True)
class ReportDiff:
    """Two reports, compared."""

    causes: list[Cause]
    numbers: list[Compared]

    def of(self, verdict: Verdict) -> list[Compared]:
        """The numbers of which this is said."""
        return [number for number in self.numbers if number.verdict == verdict]

    def as_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are equal are counted, the others listed."""
        moved = [asdict(number) | {"verdict": number.verdict} for number in self.numbers if number.verdict != "equal"]
        return {
            "schema": "bayesmeta-diff/1",
            "causes": [asdict(cause) for cause in self.causes],
            "equal": len(self.of("equal")),
            "numbers": moved,
        }


def diff_reports(first: Results, second: Results) -> ReportDiff:
    """Compare two reports: signals, probabilities, and means, SDs and intervals of every parameter.

    Parameters
    ----------
    first, second : Results
        As `read_results` reads them.

    Returns
    -------
    ReportDiff
        Causes are what differs in data, models, priors, sampling, seed and versions. A number has as `because` the kinds of
        causes of its own model, or else those of the whole report.
    """
    causes = list(_causes(first, second))
    return ReportDiff(causes, list(_numbers(first, second, causes)))


def _causes(first: Results, second: Results) -> Iterator[Cause]:
    yield from _changed("version", "", first.versions, second.versions)
    yield from _changed("seed", "", {"seed": first.analysis.seed}, {"seed": second.analysis.seed})
    for name, ours, theirs in _pairs(first.outcomes, second.outcomes):
        yield from _studies_of_one(name, ours, theirs)
        common = {study.study for study in ours.evidence.studies} & {study.study for study in theirs.evidence.studies}
        yield from _changed("data", name, _data(ours, common), _data(theirs, common))
        for key, here, there in _pairs(ours.models, theirs.models):
            where = f"{name}, {key}"
            yield from _changed("model", where, _model(here), _model(there))
            yield from _changed("prior", where, here.priors, there.priors)
            yield from _changed("sampling", where, _sampling(here), _sampling(there))


def _pairs[T](first: Mapping[str, T], second: Mapping[str, T]) -> Iterator[tuple[str, T, T]]:
    return ((name, first[name], second[name]) for name in first if name in second)


def _studies_of_one(name: str, first: OutcomeRecord, second: OutcomeRecord) -> Iterator[Cause]:
    """Studies that only one of two reports has, counted and the first of them named."""
    sides = [[study.study for study in outcome.evidence.studies] for outcome in (first, second)]
    alone = [[study for study in sides[i] if study not in sides[1 - i]] for i in (0, 1)]
    if any(alone):
        yield Cause("data", name, "studies in one report only", *map(_listed, alone))


def _listed(studies: list[str]) -> str:
    shown = studies if len(studies) <= _NAMED + 1 else [*studies[:_NAMED], f"{len(studies) - _NAMED} others"]
    return f"{count_of(len(studies), 'study')}: {', '.join(shown)}" if studies else "none"


def _data(outcome: OutcomeRecord, common: set[str]) -> dict[str, Any]:
    """What an outcome's common studies and printed numbers are, by study, and the estimates of those that are known."""
    evidence = outcome.evidence.model_dump(exclude={"tables", "marks", "labels", "corrected"})
    studies = {study.pop("study"): study for study in evidence.pop("studies") if study["study"] in common}
    forest = next((model.forest for model in outcome.models.values() if model.forest), None)
    known = (
        {study.study: (study.y, study.se) for study in forest.studies if study.study in common and study.known}
        if forest
        else {}
    )
    return _flat(
        {"study": studies, "estimate and se": known, **evidence, "measure": outcome.measure, "unit": outcome.unit}
    )


def _model(model: ModelRecord) -> dict[str, Any]:
    return {"formula": model.formula, "engine": model.engine, **_flat(model.arms)}


def _sampling(model: ModelRecord) -> dict[str, Any]:
    return {} if model.convergence is None else {key: getattr(model.convergence, key) for key in ("chains", "draws")}


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    """Every value that has no parts, by where it is."""
    if isinstance(value, Record):
        value = value.model_dump()
    if isinstance(value, list | tuple):
        value = {str(i + 1): one for i, one in enumerate(value)}
    if not isinstance(value, Mapping):
        return {place: value}
    parts = value.items()
    return {key: one for name, part in parts for key, one in _flat(part, f"{place}, {name}" if place else name).items()}


def _changed(kind: str, where: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Cause]:
    for name in [*first, *(name for name in second if name not in first)]:
        ours, theirs = (str(side.get(name, "–")) for side in (first, second))
        if ours != theirs:
            yield Cause(kind, where, name, ours, theirs)


def _numbers(first: Results, second: Results, causes: list[Cause]) -> Iterator[Compared]:
    sides = [dict(_named(results)) for results in (first, second)]
    whole = tuple(dict.fromkeys(cause.kind for cause in causes if not cause.where))
    for place in [*sides[0], *(place for place in sides[1] if place not in sides[0])]:
        outcome, model, what = place
        (a, a_error), (b, b_error) = (side.get(place, (None, 0.0)) for side in sides)
        own = (outcome, f"{outcome}, {model}")
        because = tuple(dict.fromkeys(cause.kind for cause in causes if cause.where in own)) or whole
        yield Compared(own[1], what, a, b, math.hypot(a_error, b_error), because)


def _named(results: Results) -> Iterator[tuple[tuple[str, str, str], tuple[float | None, float]]]:
    """Every number that is compared, by outcome, model and name, with its Monte Carlo error."""
    for signal in results.signals:
        yield (signal.outcome, signal.model, f"P({signal.claimed})"), (signal.probability, signal.mcse)
        if signal.threshold:
            at = signal.threshold
            yield (signal.outcome, signal.model, f"P({at.label or at.claim})"), (at.probability, at.mcse)
    for name, outcome in results.outcomes.items():
        for one in outcome.probabilities:
            yield (name, one.model, f"P({one.label or one.claim})"), (one.probability, one.mcse)
        for key, model in outcome.models.items():
            for row in model.summary:
                yield from (((name, key, f"{row.parameter}: {what}"), number) for what, number in _moments(row))


def _moments(row: SummaryRow) -> Iterator[tuple[str, tuple[float | None, float]]]:
    """Mean and SD; limits only where they have no Monte Carlo error, since draws do not state that of a limit."""
    mean_error, sd_error = row.mcse_mean or 0.0, row.mcse_sd or 0.0
    yield "mean", (row.mean, mean_error)
    yield "SD", (row.sd, sd_error)
    if not mean_error:
        yield "lower limit", (row.lower, 0.0)
        yield "upper limit", (row.upper, 0.0)
