"""The command `bayesmeta plot`: a table and a model, as the other commands take them, to a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.plots.registry import PLOTS
from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    Beta,
    Between,
    Columns,
    Covariance,
    Drop,
    Formula,
    InClusters,
    Labels,
    Measure,
    ModelName,
    Options,
    Priors,
    RevManAnalysis,
    Seed,
    Sheet,
)

_KINDS = "; ".join(f"{plot.kind}: {plot.about}" for plot in PLOTS.values())
_PARAMETERS = ", ".join(f"{plot.kind} ({plot.parameter})" for plot in PLOTS.values() if plot.parameter)


def plot(
    effects: Annotated[
        Path, typer.Argument(help="CSV file: study, y, se and covariates, or arms as --model takes them.")
    ],
    out: Annotated[Path, typer.Option(help="SVG or PNG file to write.")],
    kind: Annotated[str, typer.Option(help=f"{_KINDS}.")] = "forest",
    tau: Annotated[
        list[str] | None,
        typer.Option(
            help="Prior on the between-study SD, e.g. 'HalfNormal(0.5)'. Repeatable for --kind sensitivity and comparison; "
            "comparison of estimates has UniformShrinkage() if left out, "
            "plots of an ensemble InvGamma(1, 0.15)."
        ),
    ] = None,
    mu: Annotated[
        list[str] | None,
        typer.Option(help="Prior on the mean effect; Flat() if left out. Repeatable for --kind sensitivity."),
    ] = None,
    formula: Formula = "1",
    beta: Beta = None,
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
    parameter: Annotated[str | None, typer.Option(help=f"What to draw, for {_PARAMETERS}.")] = None,
    claim: Annotated[
        str | None, typer.Option(help="For sensitivity and tipping: what the probability is of; 'mu < 0' if left out.")
    ] = None,
    order: Annotated[str | None, typer.Option(help="For cumulative: the column by which studies came in.")] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="For weight-function and model-probabilities: positive (the default) or negative."),
    ] = None,
    width: Annotated[float, typer.Option(help="Of the picture, in mm: 85 is one column of a journal.")] = 170.0,
    measure: Measure = None,
    cov: Covariance = None,
    between: Between = None,
    cluster: InClusters = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    engine: Annotated[str, typer.Option(help="auto, quadrature or nuts.")] = "auto",
    seed: Seed = 0,
) -> None:
    """Draw a table, a fit of it, or what other priors and other studies do to it, into an SVG or PNG file."""
    from bayesmeta.report.input import Reading
    from bayesmeta.report.plotting import Wanted, plot_and_save
    from bayesmeta.report.stated import Stated

    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    wanted = Wanted(
        kind=kind,
        parameter=parameter,
        claim=claim,
        order=order,
        direction=direction,
        fitting={"engine": engine, "seed": seed},
    )
    with warnings_on_one_line():
        passed = plot_and_save(stated, wanted, out, width)
    raise typer.Exit(0 if passed else 1)
