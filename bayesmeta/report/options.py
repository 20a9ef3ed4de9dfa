"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="A column under our name: 'ours=theirs', e.g. 'mean_t=Mean tx'. Repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
Measure = Annotated[
    str | None,
    typer.Option(help="What y measures (log_or, smd, ...); priors published for another measure are then refused."),
]
Formula = Annotated[str, typer.Option(help="Right-hand side, e.g. '1 + dose'.")]
Covariance = Annotated[
    Path | None,
    typer.Option(
        "--cov", help="File with the covariance of the estimates: column study, then a column for each of them."
    ),
]
ClusterColumn = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Column within whose values true effects are alike: study, laboratory, cohort. A three-level model.",
    ),
]
ClusterTau = Annotated[
    str | None,
    typer.Option("--cluster-tau", help="With --cluster: prior on the SD between clusters, 'HalfNormal(0.3)'."),
]
BetweenOption = Annotated[
    str | None,
    typer.Option(
        "--between",
        help="True effects of one trial's contrasts: independent, or multi-arm, correlated by 1/2 for their common arm.",
    ),
]
TypicalSd = Annotated[
    list[str] | None,
    typer.Option(
        help="For arm means (--measure md or smd), whose SDs are then parameters: prior on their median, "
        "'LogNormal(0.7, 0.5)', or one for each instrument: 'VAS=LogNormal(3, 0.5)'. Repeatable."
    ),
]
SdVariation = Annotated[
    str | None, typer.Option(help="With --typical-sd: prior on the SD of their logarithms, 'HalfNormal(0.3)'.")
]
CorrelationPrior = Annotated[
    str | None,
    typer.Option(
        help="For arms measured twice, whose correlation is then a parameter: prior on its median, 'Uniform(0, 1)'."
    ),
]
CorrelationVariation = Annotated[
    str | None, typer.Option(help="With --correlation-prior: prior on the SD of Fisher's z, 'HalfNormal(0.3)'.")
]
Baseline = Annotated[
    str | None,
    typer.Option(help="With --correlation-prior: separate; or common, an analysis of covariance of randomised arms."),
]
