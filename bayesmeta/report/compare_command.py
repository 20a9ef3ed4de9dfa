"""The command `bayesmeta compare`: frequentist estimators and Bayesian fits of one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    AsJson,
    Between,
    Columns,
    Covariance,
    Drop,
    Formula,
    InClusters,
    Labels,
    Measure,
    ModelName,
    Mu,
    Options,
    Priors,
    RevManAnalysis,
    Sheet,
)


def compare(
    effects: Annotated[
        Path, typer.Argument(help="CSV file: study, y, se and covariates, or arms as --model takes them.")
    ],
    tau: Annotated[
        list[str] | None,
        typer.Option(help="Prior on the between-study SD. Repeatable; of estimates UniformShrinkage() if left out."),
    ] = None,
    mu: Mu = None,
    formula: Formula = "1",
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(
            help="Frequentist row: 'method interval', e.g. 'reml hksj'; of counts mh, peto, um.fs, um.rs, cm.el, cm.al or "
            "'half reml wald'. Repeatable."
        ),
    ] = None,
    parameter: Annotated[str, typer.Option(help="Coefficient to compare.")] = "mu",
    claim: Annotated[str | None, typer.Option(help="Probability to report; 'mu < 0' if left out.")] = None,
    ci_prob: Annotated[float, typer.Option(help="Coverage, or probability, of the intervals.")] = 0.95,
    cov: Covariance = None,
    between: Between = None,
    cluster: InClusters = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    plot: Annotated[Path | None, typer.Option(help="SVG or PNG file to draw the comparison into.")] = None,
    measure: Measure = None,
    as_json: AsJson = False,
) -> None:
    """Compare frequentist estimators and Bayesian fits of the same estimates, or of the same events in two arms."""
    from bayesmeta.report.comparison import compare_and_print
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated

    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        compare_and_print(stated, estimator or [], parameter, claim, ci_prob, as_json, plot)
