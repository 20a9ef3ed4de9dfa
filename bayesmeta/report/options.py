"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.families.kinds import KINDS

_OPTIONS = "; ".join(
    f"{kind}: {', '.join(key.name for key in keys.options)}" for kind, keys in KINDS.items() if keys.options
)
_PRIORS = "; ".join(
    f"{kind}: {', '.join(key.parameter({}) for key in keys.priors)}" for kind, keys in KINDS.items() if keys.priors
)
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="A column under our name: 'ours=theirs', e.g. 'mean_t=Mean tx'. Repeatable."),
]
Sheet = Annotated[
    str | None, typer.Option("--sheet", help="Of an Excel file, where several sheets have something in them.")
]
RevManAnalysis = Annotated[str | None, typer.Option("--analysis", help="Of a RevMan file with several, e.g. 1.2.")]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", help="Columns to leave out, by their names in the file: 'notes,doi'. Repeatable."),
]
Labels = Annotated[str | None, typer.Option("--labels", help="The column that names the studies.")]
Ratios = Annotated[
    bool | None, typer.Option("--exp/--no-exp", help="Print ratios beside logarithms; left out, the measure decides.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
Measure = Annotated[
    str | None,
    typer.Option(help="What y measures (log_or, smd, ...); priors published for another measure are then rejected."),
]
Formula = Annotated[str, typer.Option(help="Right-hand side, e.g. '1 + dose'.")]
Covariance = Annotated[
    Path | None,
    typer.Option(
        "--cov", help="File with the covariance of the estimates: column study, then a column for each of them."
    ),
]
ModelName = Annotated[
    str, typer.Option("--model", help="; ".join(f"{kind}: {keys.about}" for kind, keys in KINDS.items()) + ".")
]
Tau = Annotated[list[str] | None, typer.Option(help="Prior on the between-study SD, e.g. 'HalfNormal(0.5)'.")]
Mu = Annotated[list[str] | None, typer.Option(help="Prior on the mean effect; Flat() if left out.")]
Beta = Annotated[list[str] | None, typer.Option(help="Prior on a coefficient: 'dose=Normal(0, 1)'. Repeatable.")]
Priors = Annotated[
    list[str] | None,
    typer.Option(
        "--prior",
        help=f"Prior on any parameter: 'dose=Normal(0, 1)'. Beside mu, tau and coefficients, those of {_PRIORS}. Repeatable.",
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", help=f"An option of the model: 'baseline=common'. Of {_OPTIONS}. Repeatable."),
]
Between = Annotated[
    str | None,
    typer.Option(
        help="True effects of one trial's contrasts: multi-arm (as MultiArm(trial)), correlated by 1/2 for their common arm, or "
        "independent. Where columns trial, arm and a covariance say that contrasts share an arm, multi-arm."
    ),
]
InClusters = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Column within whose values true effects are alike: study for several rows of one study, or a laboratory. Its SD "
        "needs a prior, --prior 'tau_trial=HalfNormal(0.3)' for study.",
    ),
]
BayesFactors = Annotated[
    list[str] | None,
    typer.Option(
        "--bayes-factor", help="Hypothesis whose Bayes factor to report: 'mu = 0', 'tau = 0', 'mu < 0'. Repeatable."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of what is drawn.")]
BaselineRisk = Annotated[
    str | None,
    typer.Option(
        help="Risk without treatment, for events per 1,000 and number needed to treat: 0.2, '12 of 60', 'Beta(12, 48)', "
        "'LogitNormal(-1.4, 0.3)'."
    ),
]
Mid = Annotated[
    float | None, typer.Option(help="With --baseline-risk: smallest difference that matters, in events per 1,000.")
]
Benefit = Annotated[
    str | None,
    typer.Option(help="With --baseline-risk: lower where fewer events are better, or higher; lower if left out."),
]
