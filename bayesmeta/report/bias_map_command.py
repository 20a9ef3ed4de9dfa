"""The command `bayesmeta bias-map`: how biased the studies at high risk would have to be to change an answer."""

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
    Mu,
    Options,
    Priors,
    RevManAnalysis,
    Sheet,
    Tau,
)

SCHEMA = "bayesmeta-bias-map/1"


def bias_map(
    effects: Annotated[Path, typer.Argument(help="CSV file: study, y, se and covariates.")],
    bias: Annotated[
        list[float],
        typer.Option(help="Mean bias, in the unit and with the sign of the effects. Repeatable, in increasing order."),
    ],
    claim: Annotated[str, typer.Option(help="What the probability is of, e.g. 'mu < 0'.")] = "mu < 0",
    rob: Annotated[
        Path | None,
        typer.Option(
            help="Table of judgements as robvis has them: Study, domains, Overall; high, serious and critical count."
        ),
    ] = None,
    biased: Annotated[
        list[str] | None, typer.Option(help="A study at high risk, in place of --rob. Repeatable.")
    ] = None,
    spread: Annotated[
        list[float] | None, typer.Option(help="SD of biases between studies; 0 if left out. Repeatable.")
    ] = None,
    sd: Annotated[float, typer.Option(help="How uncertain each mean bias is.")] = 0.0,
    level: Annotated[float, typer.Option(help="Probability at which the claim tips.")] = 0.95,
    tau: Tau = None,
    mu: Mu = None,
    formula: Formula = "1",
    beta: Beta = None,
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
    as_json: AsJson = False,
) -> None:
    """Map the probability of a claim over the bias of the studies at high risk, and say where it tips."""
    from typing import cast

    from bayesmeta.data.estimates import Estimates
    from bayesmeta.data.risk_of_bias import RiskOfBias
    from bayesmeta.errors import SpecificationError
    from bayesmeta.report.console import print_json
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated
    from bayesmeta.sensitivity.bias_map import bias_map as mapped

    if (rob is None) == (not biased):
        raise SpecificationError("give --rob, a table of judgements, or --biased, names of studies: one of them.")
    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, formula=formula,
        tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        asked = stated.read()
        asked.require_one()
        studies = RiskOfBias.from_frame(rob) if rob is not None else biased or []
        found = mapped(
            cast(Estimates, asked.data),
            asked.model(),
            studies,
            claim,
            bias=bias,
            spread=spread or (0.0,),
            sd=sd,
            level=level,
        )
    if as_json:
        print_json({"schema": SCHEMA, "file": effects.name, **found.as_dict()})
    else:
        typer.echo(str(found))
