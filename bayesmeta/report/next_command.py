"""The command `bayesmeta next`: what the next trial would show, given a table and a model of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    AsJson,
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
    Mu,
    Options,
    Priors,
    RevManAnalysis,
    Seed,
    Sheet,
    Tau,
)

SCHEMA = "bayesmeta-next/1"


def next_trials(
    effects: Annotated[
        Path, typer.Argument(help="CSV file: study, y, se and covariates, or arms as --model takes them.")
    ],
    benefit: Annotated[str, typer.Option(help="Which effects are better: lower or higher.")],
    n: Annotated[list[float] | None, typer.Option(help="Patients per arm. Repeatable: a design for each.")] = None,
    se: Annotated[
        list[float] | None, typer.Option(help="Standard error of the trial's estimate, in place of --n. Repeatable.")
    ] = None,
    sd: Annotated[
        float | None, typer.Option(help="With --n and mean differences: standard deviation within each arm.")
    ] = None,
    control_risk: Annotated[
        float | None, typer.Option(help="With --n and measures of two risks: risk in the control arm.")
    ] = None,
    effect: Annotated[str, typer.Option(help="The mean effect that the trial estimates, e.g. 'mu + crps'.")] = "mu",
    threshold: Annotated[
        float, typer.Option(help="What benefit must go beyond, on the scale of the analysis (a log odds ratio, say).")
    ] = 0.0,
    level: Annotated[float, typer.Option(help="Probability of benefit after the update that counts as shown.")] = 0.975,
    alpha: Annotated[float, typer.Option(help="Of the two-sided test of the new trials alone.")] = 0.05,
    cost: Annotated[float, typer.Option(help="Benefit that makes treating worth it, in the unit of the effect.")] = 0.0,
    trials: Annotated[int, typer.Option(help="Number of further trials, each of the design.")] = 1,
    design_effect: Annotated[float, typer.Option(help="Factor of the variance where arms are made of clusters.")] = 1.0,
    tau: Tau = None,
    mu: Mu = None,
    formula: Formula = "1",
    beta: Beta = None,
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
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
    as_json: AsJson = False,
) -> None:
    """Say what the next trial would show: assurance, the posterior after it, and the value of its information."""
    from bayesmeta.planning.next_trial import next_trial
    from bayesmeta.report.console import print_json
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated
    from bayesmeta.results.fit import fit

    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        asked = stated.read()
        asked.require_one()
        found = next_trial(
            fit(asked.data, asked.model(), engine, seed=seed), n or None, threshold, se=se or None, sd=sd,
            control_risk=control_risk, effect=effect, benefit=benefit, level=level, alpha=alpha, cost=cost, trials=trials,
            design_effect=design_effect,
        )  # fmt: skip
    if as_json:
        print_json({"schema": SCHEMA, "file": effects.name, **found.as_dict()})
    else:
        typer.echo(str(found))
