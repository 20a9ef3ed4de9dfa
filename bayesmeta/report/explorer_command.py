"""The command `bayesmeta explore`: a table and a model, as the other commands take them, to a page with sliders."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import say, warnings_on_one_line
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
    Mu,
    Options,
    Priors,
    RevManAnalysis,
    Seed,
    Sheet,
    Tau,
)

_CHAINS = 4


def explore(
    effects: Annotated[
        Path, typer.Argument(help="CSV file: study, y, se and covariates, or arms as --model takes them.")
    ],
    out: Annotated[Path, typer.Option(help="HTML file to write; it needs neither server nor network.")],
    tau: Tau = None,
    mu: Mu = None,
    formula: Formula = "1",
    beta: Beta = None,
    model: ModelName = "normal",
    prior: Priors = None,
    option: Options = None,
    claim: Annotated[
        str | None,
        typer.Option(help="What the probability is of at first, e.g. 'mu < 0'; the page has sliders for it."),
    ] = None,
    level: Annotated[float, typer.Option(help="Probability whose crossing the page looks for.")] = 0.95,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    unit: Annotated[str, typer.Option(help="Unit of the effects, e.g. 'points on 0-10'.")] = "",
    benefit: Annotated[str | None, typer.Option(help="Which effects favour treatment: lower or higher.")] = None,
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
    engine: Annotated[str, typer.Option(help="auto, quadrature or nuts.")] = "auto",
    seed: Seed = 0,
) -> None:
    """Write a page with sliders for the priors of a model and for a claim; posterior and probability follow them."""
    from bayesmeta.errors import ConvergenceWarning, SpecificationError
    from bayesmeta.families.prepared import prepare
    from bayesmeta.report.explorer import explorer
    from bayesmeta.report.input import Reading
    from bayesmeta.report.stated import Stated
    from bayesmeta.report.terminal import fit_checks, print_failed
    from bayesmeta.results.claims import check_claim
    from bayesmeta.results.fit import fit_many

    if out.suffix.lower() not in (".html", ".htm"):
        raise SpecificationError(f"--out {out}: must end in .html.")
    for name, value in (("level", level), ("ci-prob", ci_prob)):
        if not 0 < value < 1:
            raise SpecificationError(f"--{name} {value:g}: must lie between 0 and 1. 95% is 0.95.")
    if benefit not in (None, "lower", "higher"):
        raise SpecificationError(f"--benefit {benefit}: choose one of lower, higher.")
    stated = Stated(
        path=effects, columns=column or [], measure=measure, cov=cov, between=between, cluster=cluster, kind=model,
        formula=formula, tau=tau or [], mu=mu or [], beta=beta or [], priors=prior or [], options=option or [],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        asked = stated.read()
        asked.require_one()
        ready = prepare(asked.data, asked.model())
        ready.check()
        if claim is not None:
            check_claim(claim, ready.names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said as checks
            result = fit_many(ready.data, {"model": ready.model}, engine, seed=seed, chains=_CHAINS)["model"]
        page = explorer(result, claim, level=level, title=title, unit=unit, benefit=benefit, ci_prob=ci_prob)
        page.save(out)
    checks = fit_checks(result, _CHAINS)
    print_failed(checks)
    say(f"{out}: {page.title}")
    raise typer.Exit(0 if all(check.passed is not False for check in checks) else 1)
