"""The command `bayesmeta bias`: publication bias of a table, by the ensemble of `bm.robust_average`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import (
    AsJson,
    Columns,
    Drop,
    Labels,
    Measure,
    RevManAnalysis,
    Sheet,
)


def bias(
    effects: Annotated[Path, typer.Argument(help="CSV file: study, y, se.")],
    direction: Annotated[
        str, typer.Option(help="positive or negative: which effects are looked for, and selected.")
    ] = "positive",
    tau: Annotated[
        str | None,
        typer.Option(help="Prior on the between-study SD where there is any; InvGamma(1, 0.15) if left out."),
    ] = None,
    mu: Annotated[
        str | None, typer.Option(help="Prior on the mean effect where there is any; Normal(0, 1) if left out.")
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Also the ensemble without each study.")
    ] = False,
    tipping: Annotated[
        float | None,
        typer.Option(help="Also how strong selection must be for the probability of the effect to fall below this."),
    ] = None,
    measure: Measure = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    drop: Drop = None,
    labels: Labels = None,
    as_json: AsJson = False,
) -> None:
    """Average over models with and without effect, heterogeneity and publication bias, by quadrature."""
    from bayesmeta.report.console import print_json
    from bayesmeta.report.input import Reading
    from bayesmeta.report.publication_bias import BIAS_TAU, ensemble_of, others_sheet, record, without_sheet
    from bayesmeta.report.stated import Stated

    stated = Stated(
        path=effects, columns=column or [], measure=measure, tau=[] if tau is None else [tau], mu=[] if mu is None else [mu],
        reading=Reading(sheet=sheet, analysis=analysis, drop=drop or (), labels=labels),
    )  # fmt: skip
    with warnings_on_one_line():
        found = ensemble_of(stated.read(default_tau=BIAS_TAU), direction)
        without = found.leave_one_out() if leave_one_out else None
        tip = None if tipping is None else found.tipping(level=tipping)
    if as_json:
        content = record(found, effects.name)
        if without is not None:
            content["leave_one_out"] = without.rename_axis("study").reset_index().to_dict("records")
        if tip is not None:
            content["tipping"] = tip.as_dict()
        print_json(content)
        return
    typer.echo(found.sheet().text())
    typer.echo("\n" + others_sheet(found.data).text())
    if without is not None:
        typer.echo("\n" + without_sheet(without).text())
    if tip is not None:
        typer.echo("\n" + tip.sheet().text())
