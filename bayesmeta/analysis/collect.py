"""Every number of one outcome's report, as records of `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesmeta.analysis.derived import derived_rows, finite_or_none, plain_row
from bayesmeta.analysis.forest import forest_record
from bayesmeta.analysis.labels import covariate_labels, parameter_labels, values_read
from bayesmeta.analysis.load import outcome_display, shown_measure
from bayesmeta.analysis.marginals import CI_PROB, below_zero, curve, finite
from bayesmeta.analysis.other_evidence import OtherAnswers
from bayesmeta.analysis.predictive import coverage_check, predictive_rows
from bayesmeta.analysis.reader import family_and_readers
from bayesmeta.analysis.records.evidence import EvidenceRecord, TableRecord
from bayesmeta.analysis.records.explorer import ExplorerRecord
from bayesmeta.analysis.records.model import (
    ConvergenceRecord,
    ModelRecord,
    Panel,
    PooledRow,
    SampleRecord,
    SourceRecord,
    SummaryRow,
)
from bayesmeta.analysis.records.outcome import (
    ConfoundingRecord,
    EstimatorRecord,
    InputRecord,
    OutcomeRecord,
    ProbabilityRecord,
)
from bayesmeta.analysis.records.results import ReportedRow
from bayesmeta.analysis.records.signal import SignalRecord
from bayesmeta.analysis.schema import Outcome, Sensitivity
from bayesmeta.analysis.sensitivity import SignalSensitivity
from bayesmeta.analysis.signals import evidence_rows, signal_record
from bayesmeta.diagnostics.agreement import Agreement, agreement, agreement_check, unchecked
from bayesmeta.diagnostics.check import Check
from bayesmeta.diagnostics.convergence import Convergence, convergence
from bayesmeta.diagnostics.published import published_checks
from bayesmeta.diagnostics.sample import sample_checks
from bayesmeta.effects.display import Display
from bayesmeta.families.words import Evidence, Marks
from bayesmeta.priors import Flat, Prior
from bayesmeta.results.display import with_display
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.sensitivity.explorer_numbers import explorer_numbers

_EXPLORED = 1000  # draws of each model in the page, whose explorer weights them


@dataclass(slots=True)
class Collected:
    """Content of one outcome, and what goes to the top level of the results."""

    content: OutcomeRecord
    checks: list[Check]
    signals: list[SignalRecord]
    summary: list[ReportedRow]


def collect_outcome(
    name: str,
    outcome: Outcome,
    fits: Mapping[str, MetaResult],
    exact: Mapping[str, MetaResult],
    grids: Mapping[str, SignalSensitivity],
    other: OtherAnswers,
    ess_limit: float,
    refused: str = "",
    pooled: Mapping[str, list[PooledRow]] | None = None,
) -> Collected:
    """Collect one outcome: its evidence, models, signals, probabilities and checks.

    `exact` holds the fits without chains, as far as there are any. They are what is reported; those by NUTS are held to them. Of
    a review, whose trials come with them, the draws of `exact` are used too. `other` is what everything asked for is with other
    evidence. `refused` says why importance sampling did not take a review; `pooled` has the mean effect under other priors,
    by the model that it is of.
    """
    shown = {**fits, **exact}
    drawn = drawn_from(fits, exact)
    first = next(iter(drawn.values()))
    display = outcome_display(outcome, first.data)
    checks, summary, models = list[Check](), list[ReportedRow](), dict[str, ModelRecord]()
    for key, result in fits.items():
        rows = summary_rows(shown[key], display)
        summary += [ReportedRow(outcome=name, model=key, **row) for row in rows]
        checks += sample_checks(f"{name}, {key}", shown[key])
        chains, compared = None, list[Agreement]()
        if result.n_independent is None:
            quantities = [signal.quantity for signal in outcome.signals if signal.model == key]
            diagnostics = convergence(result, quantities, latent=drawn[key] is result)
            by_quadrature = key in exact and not exact[key].quality
            checks += diagnostics.checks(f"{name}, {key}", ess_limit, exact=by_quadrature)
            chains = _convergence(diagnostics, result.posterior.sizes)
            compared = agreement(exact[key], result) if key in exact else []
        models[key] = _model(outcome, key, shown[key], rows, chains, compared, refused)
        if tried := (pooled or {}).get(key):
            models[key].tried = tried
        checks += [agreement_check(f"{name}, {key}", compared, exact[key].engine)] if compared else []
    checks += unchecked(name, fits)
    checks += published_checks(name, first)
    family, readers = family_and_readers(outcome, drawn)
    replicates = family.replicates(readers[0])
    predictive = predictive_rows(replicates)
    checks.append(coverage_check(name, predictive))
    signals = [
        signal_record(
            name,
            outcome,
            signal,
            shown[signal.model],
            grids.get(signal.name, SignalSensitivity()),
            other.signals[signal.name],
        )
        for signal in outcome.signals
    ]
    content = OutcomeRecord(
        label=outcome.label,
        measure=shown_measure(outcome),
        unit=outcome.unit,
        benefit=outcome.benefit if "benefit" in outcome.model_fields_set else None,  # printed where it was stated
        display=display,
        evidence=_evidence(outcome, family.evidence(readers, display), shown),
        models=models,
        probabilities=[
            ProbabilityRecord(
                label=question.label,
                claim=question.claim,
                model=question.model,
                probability=shown[question.model].probability(question.claim),
                mcse=shown[question.model].probability_mcse(question.claim),
                evidence=evidence_rows(outcome, answers),
                note=question.note,
            )
            for question, answers in zip(outcome.probabilities, other.probabilities, strict=True)
        ],
        derived=[row for question in outcome.derived for row in derived_rows(question, outcome, shown[question.model])],
        predictive=predictive,
        predictive_of=replicates.said,
        confounding=_confounding(outcome, drawn),
        left_out=_left_out(outcome, first),
        input=_input(outcome),
        estimators=[
            EstimatorRecord(**row) for row in next((rows for rows in map(family.estimators, readers) if rows), [])
        ],
    )
    if outcome.basis:
        content.basis = outcome.basis
    return Collected(content, checks, signals, summary)


def drawn_from(fits: Mapping[str, MetaResult], exact: Mapping[str, MetaResult]) -> dict[str, MetaResult]:
    """The fits whose draws are reported: by NUTS, and of a review's trials those of the sample that its numbers come from."""
    return {key: exact[key] if key in exact and exact[key].quality else fit for key, fit in fits.items()}


def summary_rows(result: MetaResult, display: Display) -> list[dict[str, Any]]:
    """Rows of a result's summary, with 95% equal-tailed intervals, also as they are read."""
    frame = with_display(result.summary(ci_prob=CI_PROB, ci_kind="eti"), display, result.coefficients)
    return [{"parameter": str(name), **plain_row(row)} for name, row in frame.iterrows()]


def _model(
    outcome: Outcome,
    key: str,
    result: MetaResult,
    rows: list[dict[str, Any]],
    diagnostics: ConvergenceRecord | None,
    compared: list[Agreement],
    refused: str,
) -> ModelRecord:
    model, parameters = result.model.base, result.prepared.parameters
    pooled = model.has_mu and not result.coefficients and not result.prepared.family.analysis
    record = ModelRecord(
        label=outcome.models[key].label,
        formula=model.formula,
        **_options(result),
        engine=result.engine,
        error_bound=result.error_bound,
        priors=result.prepared.prior_texts,
        defaults=[
            name
            for name, one in parameters.items()
            if one.prior == Flat() or one.by_default or name in outcome.models[key].by_default
        ],
        sources={
            name: [SourceRecord.model_validate(part.as_dict()) for part in one.published]
            for name, one in parameters.items()
        },
        summary=[SummaryRow(**row) for row in rows],
        forest=forest_record(result) if pooled else None,
        prior_posterior=[
            _panel(result, name, one.prior) for name, one in parameters.items() if np.ptp(result.draws(name)) > 0
        ],
        labels=parameter_labels(outcome, result.prepared),
        below_zero=below_zero(result),
    )
    if diagnostics is not None:
        record.convergence = diagnostics
    if result.quality:
        record.sample = SampleRecord.model_validate(result.quality)
    if compared:
        record.agreement = compared
    if refused:
        record.refused = refused
    if (numbers := explorer_numbers(result, _EXPLORED)) is not None:
        record.explorer = ExplorerRecord.model_validate(numbers)
    return record


def _convergence(diagnostics: Convergence, sizes: Mapping[Any, int]) -> ConvergenceRecord:
    values = {k: finite_or_none(v) if isinstance(v, float) else v for k, v in diagnostics.as_dict().items()}
    return ConvergenceRecord.model_validate(values | {"chains": int(sizes["chain"]), "draws": int(sizes["draw"])})


def _input(outcome: Outcome) -> InputRecord:
    """The table, and how it was read."""
    options = {} if outcome.effects is None else outcome.effects.model_dump(exclude_unset=True)
    table = str(outcome.studies or outcome.estimates or outcome.arms)
    return InputRecord(table=table, columns=outcome.columns, effects=options)


def _evidence(outcome: Outcome, evidence: Evidence, fits: Mapping[str, MetaResult]) -> EvidenceRecord:
    """What went in: studies, the rows of each table under its key, what is missing, and how tables and figures show it."""
    tables = [
        TableRecord(key=table.key, caption=table.caption, columns=list(table.columns), note=table.note)
        for table in evidence.tables
        if table.rows
    ]
    marks = {key: said for key, fit in fits.items() if (said := _marks(fit)) != Marks()}
    shown: dict[str, Any] = {
        "inferred": evidence.inferred,
        "counted": evidence.counted,
        "corrected": evidence.corrected,
        "tables": tables,
        "marks": marks,
    }
    first = next(iter(fits.values()))
    for study in evidence.studies:
        if read := values_read(outcome, first, study["study"]):
            study["read"] = read
    covariates = dict.fromkeys(name for study in evidence.studies for name in study["covariates"])
    shown["labels"] = covariate_labels(outcome, covariates)
    rows: dict[str, Any] = {"statistics": [], "choices": []} | {
        table.key: list(table.rows) for table in evidence.tables
    }
    filled = {key: value for key, value in shown.items() if value}
    return EvidenceRecord.model_validate({"studies": evidence.studies, **rows, "missing": outcome.missing, **filled})


def _marks(fit: MetaResult) -> Marks:
    return fit.prepared.family.marks(fit.model)


def _options(fit: MetaResult) -> dict[str, Any]:
    """What else a model of arms states; nothing for other models."""
    keys = fit.prepared.family.keys
    stated = {key: getattr(fit.model, key.name) for key in keys.options} if keys.table == "arms" else {}
    options = {key.name: str(value) if key.takes == "prior" else value for key, value in stated.items()}
    return {"arms": {"measure": fit.measure, **options}} if options else {}


def _left_out(outcome: Outcome, fit: MetaResult) -> list[str]:
    """What the report has for other outcomes and not for this one, each with the reason."""
    sentences = list(fit.prepared.family.left_out)
    known = fit.prepared.parameters
    nuisances = dict.fromkeys(name.split("[")[0] for name, parameter in known.items() if parameter.role == "nuisance")
    if nuisances and outcome.signals and outcome.sensitivity != Sensitivity():
        sentences.append(
            f"Other priors on {' and '.join(nuisances)}: the sensitivity crosses those on mu, coefficients and tau."
        )
    return sentences


def _panel(result: MetaResult, name: str, prior: Prior) -> Panel:
    x, density = curve(result.marginal(name))
    drawn = finite(prior.pdf(x)) if prior.is_proper and prior.has_density else None
    return Panel(parameter=name, x=x, posterior=density, prior=drawn)


def _confounding(outcome: Outcome, fits: Mapping[str, MetaResult]) -> ConfoundingRecord | None:
    if outcome.confounding is None:
        return None
    model, a, b = outcome.confounding
    x, y = fits[model].draws(a).ravel(), fits[model].draws(b).ravel()
    step = max(x.size // 400, 1)
    return ConfoundingRecord(
        model=model,
        x=a,
        y=b,
        correlation=float(np.corrcoef(x, y)[0, 1]),
        points=np.column_stack([x, y])[::step][:400].tolist(),
        note="Both are in one model: the closer the correlation is to −1 or 1, the less the data can separate them.",
    )
