"""Run an analysis: fit its models, answer its questions, and collect every number that the report prints."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayesmeta.analysis.alternatives import check_sensitivity
from bayesmeta.analysis.chains import Progress, chains
from bayesmeta.analysis.collect import Collected, collect_outcome
from bayesmeta.analysis.completed import completed, with_measure
from bayesmeta.analysis.derived import baseline_of, treated_risk
from bayesmeta.analysis.external import external_rows
from bayesmeta.analysis.fits import Begun, Computed, begin, reviews_of, settings
from bayesmeta.analysis.labels import check_labels
from bayesmeta.analysis.load import load_data
from bayesmeta.analysis.marginals import CI_PROB
from bayesmeta.analysis.model_sections import build_model
from bayesmeta.analysis.other_evidence import OtherAnswers, on_other_evidence, reviews
from bayesmeta.analysis.pooled import pooled_sensitivity
from bayesmeta.analysis.prose import methods
from bayesmeta.analysis.records.model import PooledRow
from bayesmeta.analysis.records.results import SCHEMA, AnalysisRecord, ExternalRecord
from bayesmeta.analysis.schema import Analysis, Outcome, read_analysis
from bayesmeta.analysis.sensitivity import SignalSensitivity, computed_sensitivity, sampled_sensitivity
from bayesmeta.analysis.side_by_side import with_schools
from bayesmeta.analysis.unused import check_use
from bayesmeta.data.kinds import Data
from bayesmeta.data.review import PublishedReview
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import convergence, worst_of
from bayesmeta.errors import BayesmetaError, SpecificationError, did_you_mean
from bayesmeta.families.prepared import Prepared, prepare
from bayesmeta.inference.sampled import require_sampled
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.spec.two_scales import Model


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked analysis: everything that could be rejected has been looked at, nothing has been sampled."""

    analysis: Analysis
    folder: Path
    file: str
    data: dict[str, Data]
    ready: dict[str, dict[str, Prepared[Data, Model]]]
    external: list[ExternalRecord]
    defaults: list[str] = field(default_factory=list)

    @property
    def models(self) -> dict[str, dict[str, Model]]:
        """The models, by outcome and key."""
        return {name: {key: one.model for key, one in models.items()} for name, models in self.ready.items()}


def plan(path: str | Path) -> Plan:
    """Read an analysis file and its tables, and check all of it.

    Raises
    ------
    DataError, SpecificationError
        One line, with the file and the place.
    """
    path = Path(path)
    analysis, defaults = completed(read_analysis(path), path)
    data: dict[str, Data] = {}
    ready: dict[str, dict[str, Prepared[Data, Model]]] = {}
    _check_names(analysis, path)
    outcomes: dict[str, Outcome] = {}
    for name, stated in analysis.outcomes.items():
        data[name] = load_data(stated, path.parent, name)
        outcome = outcomes[name] = with_measure(stated, data[name])
        ready[name] = {}
        for key, section in outcome.models.items():
            where = f"{path}: outcomes.{name}.models.{key}"
            try:
                ready[name][key] = prepare(data[name], build_model(section, outcome.measure, data[name], path.parent))
                ready[name][key].check()
                require_sampled(ready[name][key])
            except BayesmetaError as error:
                raise type(error)(f"{where}: {error}") from error
        _check_questions(outcome, ready[name], f"{path}: outcomes.{name}")
        try:
            check_use(outcome, {key: one.model for key, one in ready[name].items()})
            check_labels(outcome, ready[name])
        except SpecificationError as error:
            raise SpecificationError(f"{path}: outcomes.{name}: {error}") from error
    external = _external(analysis, path)
    file = path.name if path.is_absolute() else path.as_posix()  # the same bytes wherever the folder lies
    analysis = analysis.model_copy(update={"outcomes": outcomes})
    return Plan(analysis, path.parent, file, data, ready, external, defaults)


def _check_names(analysis: Analysis, path: Path) -> None:
    """Reject names of outcomes and models that cannot be the places of their draws in a file."""
    names = [("outcome", name) for name in analysis.outcomes]
    names += [(f"outcomes.{name}, model", key) for name, outcome in analysis.outcomes.items() for key in outcome.models]
    for kind, name in names:
        if not name.strip() or name.strip() in (".", "..") or "/" in name or any(map(_is_control, name)):
            raise SpecificationError(
                f"{path}: {kind} {name!r}: it names a place in posterior.nc, so it cannot be empty, '.' or '..', nor hold '/' "
                "or a control character. Titles and labels may."
            )


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")


def _external(analysis: Analysis, path: Path) -> list[ExternalRecord]:
    if analysis.external is None:
        return []
    section = analysis.external
    for name in (section.outcome, *(row["beside"] for row in section.rows if "beside" in row)):
        if name not in analysis.outcomes:
            raise SpecificationError(
                f"{path}: external: no outcome {name!r}.{did_you_mean(name, analysis.outcomes)} "
                f"Outcomes: {', '.join(analysis.outcomes)}."
            )
    return external_rows(section, path.parent)


def run(
    checked: Plan, out: str, progress: Progress | None = None, show: Callable[[str, Computed], None] | None = None
) -> tuple[dict[str, Any], dict[str, dict[str, MetaResult]]]:
    """Fit everything; return the fields of `Results` but date and draws, and the fits by outcome and model.

    Parameters
    ----------
    out : str
        Folder of the report, as it is named.
    progress : callable, optional
        Called with outcome and model, draws done and draws wanted, while NUTS samples.
    show : callable, optional
        Called with the name of an outcome, and its fits without chains, as soon as these are there.
    """
    analysis, parts = checked.analysis, dict[str, _Part]()
    with chains(bool(reviews_of(checked)), progress) as nuts:
        begun = begin(checked, nuts, show)
        grids = {name: _computed_grids(checked, name, one) for name, one in begun.items()}
        pooled = {name: _pooled(checked, name, one.computed.fits) for name, one in begun.items()}
        other = {
            name: on_other_evidence(outcome, checked.ready[name], analysis.seed)
            for name, outcome in analysis.outcomes.items()
        }
        for name, one in begun.items():
            parts[name] = _part(checked, name, one, grids[name], pooled[name], other[name], progress)
    fits = {name: part.fits for name, part in parts.items()}
    exactly = {name: outcome.computed.fits for name, outcome in begun.items()}
    refused = {name: outcome.computed.refused for name, outcome in begun.items()}
    signals = [signal for part in parts.values() for signal in part.collected.signals]
    engines = {fit.engine for name in fits for fit in {**fits[name], **exactly[name]}.values()}
    content = {
        "schema": SCHEMA,
        "analysis": AnalysisRecord(
            title=analysis.title,
            question=analysis.question,
            source=analysis.source,
            file=checked.file,
            seed=analysis.seed,
            ci_prob=CI_PROB,
            out=out,
            **_known_first(checked),
        ),
        "engine": ", ".join(sorted(engines)),
        "versions": _versions(next(iter(next(iter(fits.values())).values()))),
        "signals": signals,
        "checks": [check.finite for part in parts.values() for check in (*part.collected.checks, *part.refits)],
        "summary": [row for part in parts.values() for row in part.collected.summary],
        "outcomes": {name: part.collected.content for name, part in parts.items()},
        "external": checked.external,
        "methods": methods(analysis, checked.data, fits, exactly, refused, signals),
        "limitations": analysis.limitations,
        "references": analysis.references,
    }
    return content, fits


def _known_first(checked: Plan) -> dict[str, Any]:
    """What the file says of risk of bias and certainty, and what it left to the package."""
    analysis = checked.analysis
    said = {"risk_of_bias": analysis.risk_of_bias, "certainty": analysis.certainty, "defaults": checked.defaults}
    return {key: value for key, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class _Part:
    """One outcome: its fits, what is collected of it, and checks of what was sampled under other priors."""

    fits: dict[str, MetaResult]
    collected: Collected
    refits: list[Check]


def _computed_grids(checked: Plan, name: str, begun: Begun) -> dict[str, SignalSensitivity] | None:
    """Signals of an outcome under other priors, where no chains are needed for it."""
    outcome, exact = checked.analysis.outcomes[name], begun.computed.fits
    return computed_sensitivity(outcome, exact, checked.analysis.seed) if len(exact) == len(outcome.models) else None


def _pooled(checked: Plan, name: str, fits: Mapping[str, MetaResult]) -> dict[str, list[PooledRow]]:
    """The mean effect of an outcome under other priors, where `fits` have its model."""
    return pooled_sensitivity(checked.analysis.outcomes[name], checked.ready[name], fits, checked.analysis.seed)


def _part(
    checked: Plan,
    name: str,
    begun: Begun,
    grids: dict[str, SignalSensitivity] | None,
    pooled: dict[str, list[PooledRow]],
    other: OtherAnswers,
    progress: Progress | None,
) -> _Part:
    """Wait for an outcome's chains, and collect its numbers."""
    outcome, data, models = checked.analysis.outcomes[name], checked.data[name], checked.models[name]
    exact, fits, refits = begun.computed.fits, begun.fits(models), dict[str, MetaResult]()
    ess_limit = (outcome.sampling or checked.analysis.sampling).ess_limit
    if grids is None:
        tell, seed = _prefixed(progress, name), checked.analysis.seed
        grids, refits = sampled_sensitivity(data, outcome, fits, settings(checked, name), seed, tell)
    pooled = pooled or _pooled(checked, name, fits)
    collected = collect_outcome(name, outcome, fits, exact, grids, other, ess_limit, begun.computed.refused, pooled)
    quadrature = {key: models[key] for key, fit in exact.items() if not fit.quality}
    collected.content = with_schools(collected.content, data, outcome, quadrature)
    return _Part(fits, collected, _refit_checks(name, outcome, refits, ess_limit))


def _refit_checks(name: str, outcome: Outcome, refits: dict[str, MetaResult], ess_limit: float) -> list[Check]:
    """Convergence of the refits of each model, the worst of them in one record."""
    checks = []
    for key in outcome.models:
        quantities = [signal.quantity for signal in outcome.signals if signal.model == key]
        convergences = [convergence(fit, quantities) for label, fit in refits.items() if label.startswith(f"{key}: ")]
        if convergences:
            checks += worst_of(convergences).checks(f"{name}, {key} under other priors", ess_limit)
    return checks


def _other_reviews(outcome: Outcome, ready: dict[str, Prepared[Data, Model]], where: str) -> dict[str, PublishedReview]:
    try:
        return reviews(outcome, next(iter(ready.values())).data)
    except BayesmetaError as error:
        raise type(error)(f"{where}: {error}") from error


def _check_questions(outcome: Outcome, ready: dict[str, Prepared[Data, Model]], where: str) -> None:
    """Every question names a model of its outcome, and its claims name that model's parameters."""
    from bayesmeta.results.claims import check_claim

    asked = [(question.model, [question.claim]) for question in outcome.probabilities]
    asked += [
        (s.model, [s.claim, s.quantity + " < 0", *([s.threshold] if s.threshold else [])]) for s in outcome.signals
    ]
    asked += [(question.model, ["mu < 0"]) for question in outcome.derived]
    if outcome.confounding:
        asked.append((outcome.confounding[0], [f"{name} < 0" for name in outcome.confounding[1:]]))
    for model, claims in asked:
        if model not in ready:
            raise SpecificationError(
                f"{where}: no model {model!r}.{did_you_mean(model, ready)} Models: {', '.join(ready)}."
            )
        for claim in claims:
            try:
                check_claim(claim, ready[model].named(claim))
            except SpecificationError as error:
                raise SpecificationError(f"{where}, model {model!r}: {error}") from error
    for label, review in _other_reviews(outcome, ready, where).items():
        for key in dict.fromkeys(
            [*(one.model for one in outcome.signals), *(one.model for one in outcome.probabilities)]
        ):
            try:
                prepare(review, ready[key].model).check()
            except BayesmetaError as error:
                raise type(error)(f"{where}, evidence {label!r}, model {key!r}: {error}") from error
    for signal in outcome.signals:
        place = f"{where}, signal {signal.name!r}"
        if signal.published_p is not None and not 0 < signal.published_p <= 1:
            raise SpecificationError(f"{place}: published_p: P must lie in (0, 1]; got {signal.published_p:g}.")
        try:
            check_sensitivity(ready[signal.model], outcome, signal, (one.model for one in ready.values()))
        except BayesmetaError as error:
            raise type(error)(f"{place}, sensitivity: {error}") from error
    for question in outcome.derived:
        try:
            baseline_of(question)
            treated_risk(outcome)
        except SpecificationError as error:
            raise SpecificationError(f"{where}, derived from {question.model!r}: {error}") from error


def _prefixed(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda model, done, total: progress(f"{name}: {model.split(': ')[0]}", done, total)


def _versions(result: MetaResult) -> dict[str, str]:
    return dict(json.loads(result.datatree.attrs["versions"]))
