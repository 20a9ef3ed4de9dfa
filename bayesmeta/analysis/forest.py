"""Studies and pools of a fit as the records of a forest plot."""

from __future__ import annotations

from typing import Any

from bayesmeta.analysis.marginals import CI_PROB, interval_record
from bayesmeta.analysis.records.model import ForestColumnRecord, ForestRecord, ForestStudy, Pool, PublishedPool
from bayesmeta.families.words import Marks
from bayesmeta.results.marginal import DrawsMarginal
from bayesmeta.results.meta_result import MetaResult
from bayesmeta.results.weights import study_weights

_Z = 1.959964


def forest_studies(result: MetaResult) -> list[ForestStudy]:
    """Each study's effect and true effect with their 95% intervals."""
    studies = []
    for name, row in result.shrinkage(ci_prob=CI_PROB, ci_kind="eti").iterrows():
        y, se = float(row["y"]), float(row["se"])
        y_lower, y_upper = y - _Z * se, y + _Z * se
        if not row["known"] and result.prepared.family.latent_effects:  # what the trial is thought to have found
            y_lower, y_upper = DrawsMarginal(result.posterior["y"].sel(study=name).to_numpy()).interval(CI_PROB, "eti")
        studies.append(
            ForestStudy(
                study=str(name),
                known=bool(row["known"]),
                y=y,
                se=se,
                y_lower=float(y_lower),
                y_upper=float(y_upper),
                theta=float(row["median"]),
                theta_lower=float(row["lower"]),
                theta_upper=float(row["upper"]),
            )
        )
    return studies


def pool_record(result: MetaResult, name: str) -> Pool:
    """Mean, median and 95% interval of a parameter, or of an expression in parameters."""
    numbers = interval_record(result.marginal(name))
    return Pool(**{key: numbers[key] for key in ("mean", "median", "lower", "upper")})


def forest_record(result: MetaResult) -> ForestRecord:
    """The forest plot of a fit of a mean without covariates."""
    family = result.prepared.family
    marks, published, columns = family.marks(result.model), family.published_pool(result.data), forest_columns(result)
    studies, weights = forest_studies(result), study_weights(result)
    if weights is not None:
        studies = [one.model_copy(update={"weight": float(w)}) for one, w in zip(studies, weights, strict=True)]
    stated: dict[str, Any] = {} if marks == Marks() else {"unknown": marks.unknown}
    if columns:
        stated["columns"] = columns
    return ForestRecord(
        studies=studies,
        **stated,
        pooled=pool_record(result, "mu"),
        new=pool_record(result, "theta_new") if "theta_new" in result.parameters else None,
        published=None if published is None else PublishedPool(**published),
    )


def forest_columns(result: MetaResult) -> list[ForestColumnRecord]:
    """What stands beside the names of the studies."""
    return [
        ForestColumnRecord(heading=one.heading, cells=list(one.cells), total=one.total)
        for one in result.prepared.family.forest_columns(result.data)
    ]
