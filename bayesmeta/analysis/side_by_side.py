"""Both schools on the estimates of one outcome, for its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayesmeta.analysis.derived import finite_or_none
from bayesmeta.analysis.schema import Outcome
from bayesmeta.data.estimates import Estimates
from bayesmeta.data.review import PublishedReview
from bayesmeta.diagnostics.compare import ESTIMATORS, compare
from bayesmeta.errors import SpecificationError
from bayesmeta.spec.normal_normal import NormalNormal


def side_by_side(
    data: Estimates | PublishedReview, outcome: Outcome, models: Mapping[str, NormalNormal]
) -> dict[str, Any] | None:
    """Rows of `compare` for the exact models that share the formula of the first; None where there is nothing to pool.

    A published review has no estimates to pool. A formula without a mean, or with too many coefficients for the
    frequentist estimators, has no comparison either.
    """
    if not isinstance(data, Estimates) or not models:
        return None
    formula = next(iter(models.values())).formula
    labels = {name: outcome.models[name].label for name in models}
    repeated = len(set(labels.values())) < len(labels)
    chosen = {
        f"Bayes: {name if repeated else labels[name]}": model
        for name, model in models.items()
        if model.formula == formula
    }
    try:
        table = compare(data, chosen, ESTIMATORS, engine="quadrature")
    except SpecificationError:
        return None
    return {
        "formula": formula,
        "parameter": table.attrs["parameter"],
        "claim": table.attrs["claim"],
        "level": table.attrs["level"],
        "rows": [
            {"name": name, **{k: v if isinstance(v, str) else finite_or_none(v) for k, v in row.items()}}
            for name, row in table.iterrows()
        ],
    }
