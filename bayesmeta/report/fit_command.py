"""`bayesmeta fit`: its options, and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    AsJson,
    BaselineRisk,
    BayesFactors,
    Benefit,
    Beta,
    Between,
    Columns,
    Covariance,
    Drop,
    Formula,
    InClusters,
    Labels,
    Measure,
    Mid,
    ModelName,
    Mu,
    Options,
    Priors,
    Ratios,
    RevManAnalysis,
    Seed,
    Sheet,
    Tau,
)


def fit(
    effects: Annotated[
        Path,
        typer.Argument(help="CSV file with columns study, y, se and covariates; of arms with a --model of arms."),
    ],
    tau: Tau = None,
    mu: Mu = None,
    formula: Formula = "1",
    beta: Beta = None,
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
    claim: Annotated[list[str] | None, typer.Option(help="Probability to report: 'mu < 0'. Repeatable.")] = None,
    bayes_factor: BayesFactors = None,
    engine: Annotated[str, typer.Option(help="auto, quadrature or nuts.")] = "auto",
    seed: Seed = 0,
    draws: Annotated[int, typer.Option(min=100, help="Of each chain, by NUTS.")] = 1000,
    chains: Annotated[int, typer.Option(min=1, help="How many, by NUTS.")] = 4,
    ci_prob: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.95,
    measure: Measure = None,
    cov: Covariance = None,
    between: Between = None,
    cluster: InClusters = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    exp: Ratios = None,
    baseline_risk: BaselineRisk = None,
    mid: Mid = None,
    benefit: Benefit = None,
    as_json: AsJson = False,
) -> None:
    """Fit one model to estimates, or to arms, and print its summary."""
    from bayesmeta.report.absolute import Patients
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated
    from bayesmeta.report.terminal import fit_and_print

    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        patients = Patients.stated(baseline_risk, mid, benefit)
        passed = fit_and_print(
            stated, claim or [], bayes_factor or [], engine, seed, draws, chains, ci_prob, as_json, exp, patients
        )
    raise typer.Exit(0 if passed else 1)
