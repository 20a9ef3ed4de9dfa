"""The command `bayesmeta pool`: what the other school says of a table, as `bm.pool`, `pool_nested` and `pool_glmm` print it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    AsJson,
    Between,
    Columns,
    Covariance,
    Drop,
    Formula,
    Labels,
    Measure,
    RevManAnalysis,
    Sheet,
)

if TYPE_CHECKING:
    from bayesmeta.pooling.multilevel_result import MultilevelResult
    from bayesmeta.pooling.result import PooledResult
    from bayesmeta.report.stated import Stated

GLMM = ("um.fs", "um.rs", "cm.el", "cm.al")
SCHEMA = "bayesmeta-pool/1"


def pool(
    table: Annotated[
        Path, typer.Argument(help="CSV file of estimates: study, y, se and covariates; of counts with a --glmm.")
    ],
    method: Annotated[
        str | None,
        typer.Option(
            help="Of tau^2: reml (the default), ml, dl, pm, eb, he, hs or sj; fe for a common effect. GLMMs have ml or fe."
        ),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="hksj (the default), hksj-adhoc, t, wald or profile; with --cluster wald or t.")
    ] = None,
    formula: Formula = "1",
    cov: Covariance = None,
    between: Between = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Column within whose values true effects are alike, study for several rows of one study: three levels."
        ),
    ] = None,
    glmm: Annotated[
        str | None,
        typer.Option(
            help="Model of counts, with --measure log_or, log_irr, logit_prop or log_rate: um.fs, um.rs, cm.el or cm.al."
        ),
    ] = None,
    ci_prob: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    measure: Measure = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    as_json: AsJson = False,
) -> None:
    """Pool estimates, or counts, by a frequentist method, and print what metafor prints."""
    from bayesmeta.errors import SpecificationError
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated

    if not 0 < ci_prob < 1:
        raise SpecificationError(f"--ci-prob {ci_prob}: must lie between 0 and 1. 95% is 0.95.")
    stated = Stated(
        path=table, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, formula=formula,
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        if glmm is None:
            found, notes = _of_estimates(stated, method, interval, ci_prob)
        else:
            idle = {"--interval": interval, "--cov": cov, "--between": between, "--cluster": cluster}
            for option, value in idle.items():
                if value is not None:
                    raise SpecificationError(f"{option}: it is for estimates, and --glmm takes counts. Leave it out.")
            found, notes = _of_counts(stated, glmm, method, ci_prob), []
    _print(table, found, notes, as_json)


def _of_estimates(
    stated: Stated, method: str | None, interval: str | None, level: float
) -> tuple[PooledResult | MultilevelResult, list[str]]:
    """Estimates by `pool`, or in clusters by `pool_nested`, and how their rows were taken."""
    from typing import cast

    from bayesmeta.data.estimates import Estimates
    from bayesmeta.pooling.nested import pool_nested
    from bayesmeta.pooling.pool import pool
    from bayesmeta.report.notes import notes
    from bayesmeta.spec.between import Cluster

    asked = stated.read(default_tau="UniformShrinkage()")
    data, model = cast(Estimates, asked.data), asked.model()
    structure = list(model.components.values())[-1]
    if isinstance(structure, Cluster):
        found: PooledResult | MultilevelResult = pool_nested(
            data, structure.by, method or "reml", formula=stated.formula, interval=interval or "wald", level=level
        )
    else:
        found = pool(data, method or "reml", interval, formula=stated.formula, level=level, between=structure)
    return found, list(notes(data, model))


def _of_counts(stated: Stated, model: str, method: str | None, level: float) -> PooledResult:
    """Counts by `pool_glmm`."""
    from bayesmeta.errors import SpecificationError, did_you_mean
    from bayesmeta.pooling.glmm import MODELS, pool_glmm
    from bayesmeta.report.input import table_of

    measure, formula = stated.measure, stated.formula
    if model not in GLMM:
        raise SpecificationError(f"--glmm {model}: choose one of {', '.join(GLMM)}.{did_you_mean(model, GLMM)}")
    if measure not in MODELS:
        given = "it needs --measure" if measure is None else f"--measure {measure} has no such model"
        raise SpecificationError(f"--glmm {model}: {given}. Choose one of {', '.join(MODELS)}.")
    if model not in MODELS[measure]:
        raise SpecificationError(f"--glmm {model}: --measure {measure} has {', '.join(MODELS[measure])}.")
    table = table_of(stated.path, stated.columns, formula, reading=stated.reading)
    return pool_glmm(table, measure, model, method or "ml", formula=formula, level=level)


def _print(path: Path, found: PooledResult | MultilevelResult, notes: list[str], as_json: bool) -> None:
    from bayesmeta.report.console import PlainConsole, print_json

    if as_json:
        content: dict[str, Any] = {"schema": SCHEMA, "file": path.name, **found.as_dict(), "notes": notes}
        print_json(content)
        return
    typer.echo(found.sheet().text())
    console = PlainConsole()
    for note in notes:
        console.print(note)
