"""The detail of a report as tables for a spreadsheet or a script: CSV files that lie beside the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bayesmeta.analysis.records.model import ForestStudy
from bayesmeta.analysis.records.results import Results

Row = Mapping[str, Any]
_STUDY = frozenset({"outcome", "n", "evidence", "model", *ForestStudy.model_fields})  # columns of our own


def _studies(results: Results) -> Iterable[Row]:
    for name, outcome in results.outcomes.items():
        forests = {key: model.forest for key, model in outcome.models.items() if model.forest}
        key, forest = next(iter(forests.items()), ("", None))
        drawn = {one.study: one for one in forest.studies} if forest else {}
        for study in outcome.evidence.studies:
            row: dict[str, Any] = {"outcome": name, "study": study.study, "n": study.n, "known": study.known}
            row |= {"evidence": study.evidence, "model": key}
            if study.study in drawn:
                row |= drawn[study.study].model_dump(exclude={"study", "known"})
            yield row | {f"covariate {key}" if key in _STUDY else key: one for key, one in study.covariates.items()}


def _parameters(results: Results) -> Iterable[Row]:
    for row in results.summary:
        model = results.outcomes[row.outcome].models[row.model]
        side = model.below_zero.get(row.parameter)
        front = {"outcome": row.outcome, "model": row.model, "parameter": row.parameter}
        front |= {"words": model.labels.get(row.parameter, "")}
        yield (
            front
            | row.model_dump(exclude=set(front))
            | ({"probability_below_zero": side.probability, "probability_mcse": side.mcse} if side else {})
            | {"prior": model.priors.get(row.parameter, "")}
        )


def _priors_tried(results: Results) -> Iterable[Row]:
    numbers = ("probability", "mcse", "threshold_probability", "method")
    for signal in results.signals:
        base = {"outcome": signal.outcome, "signal": signal.name, "claim": signal.claim}
        for cell in signal.sensitivity:
            priors = {"kind": "grid", "effect": cell.beta_label, "tau": cell.tau_label, "priors": _priors(cell.priors)}
            yield base | priors | cell.model_dump(include={*numbers, "pareto_k"})
        for belief in signal.beliefs:
            priors = {"kind": "belief", "effect": belief.label, "tau": "", "priors": _priors(belief.priors)}
            yield base | priors | belief.model_dump(include={*numbers, "pareto_k"})
        for other in signal.evidence:
            changed = {"kind": "other evidence", "effect": other.label, "tau": "", "priors": ""}
            yield base | changed | other.model_dump(include=set(numbers))
    for name, outcome in results.outcomes.items():
        for one in (row for model in outcome.models.values() for row in model.tried):
            priors = {"kind": "mean effect", "effect": one.label, "tau": "", "priors": _priors(one.priors)}
            yield {"outcome": name, "signal": "", "claim": "mu < 0"} | priors | one.model_dump(include=set(numbers))


def _priors(priors: Mapping[str, str]) -> str:
    return "; ".join(f"{name} ~ {prior}" for name, prior in priors.items())


def _probabilities(results: Results) -> Iterable[Row]:
    for name, outcome in results.outcomes.items():
        for one in outcome.probabilities:
            base = {"outcome": name, "model": one.model, "label": one.label, "claim": one.claim}
            yield base | {"evidence": "as analysed", "probability": one.probability, "mcse": one.mcse}
            for other in one.evidence:
                yield base | {"evidence": other.label, "probability": other.probability, "mcse": other.mcse}


def _estimators(results: Results) -> Iterable[Row]:
    for name, outcome in results.outcomes.items():
        for row in outcome.side_by_side.rows if outcome.side_by_side else []:
            yield {"outcome": name} | row.model_dump(exclude_unset=True)


def _checks(results: Results) -> Iterable[Row]:
    return (check.as_dict() for check in results.checks)


TABLES: dict[str, Callable[[Results], Iterable[Row]]] = {
    "report-studies.csv": _studies,
    "report-parameters.csv": _parameters,
    "report-probabilities.csv": _probabilities,
    "report-priors-tried.csv": _priors_tried,
    "report-estimators.csv": _estimators,
    "report-checks.csv": _checks,
}


def csv_tables(results: Results) -> dict[str, str]:
    """The text of each file by its name; no file where there are no rows."""
    made = {name: list(rows(results)) for name, rows in TABLES.items()}
    return {name: _text(rows) for name, rows in made.items() if rows}


def _text(rows: list[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows)
    return buffer.getvalue()
