"""Both schools on the data of one outcome, for its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.derived import finite_or_none, plain_row
from bayesmeta.analysis.load import outcome_display
from bayesmeta.analysis.records.outcome import (
    CovariateTest,
    HeterogeneityRecord,
    NoDifference,
    OutcomeRecord,
    ResidualQ,
    SchoolRow,
    SideBySide,
)
from bayesmeta.analysis.schema import Outcome
from bayesmeta.diagnostics.compare import compare
from bayesmeta.errors import SpecificationError
from bayesmeta.families.prepared import prepare
from bayesmeta.pooling.pool import pool
from bayesmeta.spec.two_scales import Model


def side_by_side(data: Any, outcome: Outcome, models: Mapping[str, Model]) -> SideBySide | None:
    """Rows of `compare` for the exact models that share formula and structure of the first; None with nothing to pool.

    Data whose family has no frequentist estimators, such as a published review, have no comparison. A formula without a mean,
    or with too many coefficients for the estimators of estimates, has none either.
    """
    if not models:
        return None
    family = prepare(data, next(iter(models.values()))).family
    if isinstance(family.frequentist(data, ()), str):
        return None
    bases = {name: model.base for name, model in models.items()}
    formula, first = next(iter(bases.values())).formula, next(iter(models.values()))
    labels = {name: outcome.models[name].label for name in models}
    repeated = len(set(labels.values())) < len(labels)
    chosen = {
        f"Bayes: {name if repeated else labels[name]}": model
        for name, model in models.items()
        if bases[name].formula == formula and model.components == first.components
    }
    try:
        table = compare(data, chosen, engine="quadrature")
    except SpecificationError:
        return None
    record = SideBySide(
        formula=formula,
        parameter=table.attrs["parameter"],
        claim=table.attrs["claim"],
        level=table.attrs["level"],
        display=outcome_display(outcome, data),
        rows=[SchoolRow(name=str(name), **plain_row(row)) for name, row in table.iterrows()],
    )
    if table.attrs["note"]:
        record.note = table.attrs["note"]
    if any(table.attrs["tests"].values()):
        record.residual = None if table.attrs["q"] is None else ResidualQ(**table.attrs["q"])
        record.tests = [
            CovariateTest(
                estimator=name, label=label, statistic=finite_or_none(test.statistic), df=list(test.df),
                p_value=finite_or_none(test.p_value),
            )
            for name, tests in table.attrs["tests"].items()
            for label, test in tests.items()
        ]  # fmt: skip
        record.no_difference = [
            NoDifference(model=name, factor=factor, bayes_factor=finite_or_none(value))
            for name, factors in table.attrs["no_difference"].items()
            for factor, value in factors.items()
        ]
    if formula == "1" and len(first.components) == 1 and family.standard_errors(data) is not None:
        pooled = pool(data, "reml", between=next(iter(first.components.values())))
        record.heterogeneity = HeterogeneityRecord(q=pooled.q, df=pooled.q_df, p_value=pooled.q_p, i2=pooled.i2)
    return record


def with_schools(record: OutcomeRecord, data: Any, outcome: Outcome, models: Mapping[str, Model]) -> OutcomeRecord:
    """The record of an outcome with both schools beside each other, where there is something to pool."""
    compared = side_by_side(data, outcome, models)
    return record if compared is None else record.model_copy(update={"side_by_side": compared})
