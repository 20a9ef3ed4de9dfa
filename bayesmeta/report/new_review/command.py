"""The command `bayesmeta new`: a folder with an analysis that runs, or that says what has yet to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_MANY = list[str] | None


def new(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist, or be empty.")],
    review: Annotated[
        bool, typer.Option("--review", help="Of a published review, from what its abstract prints.")
    ] = False,
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask nothing: what is not given stays blank, to be filled in.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="What the review is about.")] = None,
    citation: Annotated[str | None, typer.Option(help="Authors, journal, year, DOI.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Outcome that was pooled.")] = None,
    measure: Annotated[str | None, typer.Option(help="md, smd, rr, or, hr or rd.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of a mean difference, e.g. points on 0-10.")] = None,
    benefit: Annotated[str | None, typer.Option(help="Which is better: lower (the default) or higher.")] = None,
    trials: Annotated[str | None, typer.Option(help="Number of trials that were pooled.")] = None,
    trial: Annotated[
        _MANY,
        typer.Option(help="A trial and its arms: 'Smith 2001; 30 31', 'Smith 2001; 61', '...; 12 to 28'. Repeatable."),
    ] = None,
    total: Annotated[str | None, typer.Option(help="Participants in all trials.")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="How it was pooled: dl (the default), fe (fixed effect), pm or reml."),
    ] = None,
    interval: Annotated[str | None, typer.Option(help="Its interval: wald (the default) or hksj.")] = None,
    pooled: Annotated[
        str | None, typer.Option(help="Pooled estimate and limits as printed: '-1.83 (95% CI -2.35 to -1.31)'.")
    ] = None,
    i2: Annotated[str | None, typer.Option("--i2", help="I-squared in percent.")] = None,
    tau2: Annotated[str | None, typer.Option("--tau2", help="tau-squared between trials.")] = None,
    significant: Annotated[
        str | None, typer.Option(help="Trials that were significant on their own: '3; lower'.")
    ] = None,
    trial_p: Annotated[
        _MANY, typer.Option(help="A trial's own P, a bound: 'Smith 2001; <.001; lower', 'Smith 2001; NS;'. Repeatable.")
    ] = None,
    subgroup: Annotated[
        _MANY,
        typer.Option(
            help="A subgroup test: column, P, where the estimate of trials that have it lies, if printed, which they are: "
            "'high_dose; .213; lower; 2, 3', '...; <.05; lower; 1', '...; NS; ; 1'. Repeatable."
        ),
    ] = None,
    sd: Annotated[str | None, typer.Option(help="SD of the outcome among participants, for md.")] = None,
    risk: Annotated[str | None, typer.Option(help="Risk of the event in percent, for rr, or, hr and rd.")] = None,
    important: Annotated[str | None, typer.Option(help="Smallest effect that matters; a ratio as a ratio.")] = None,
    mu: Annotated[str | None, typer.Option(help="Prior on the mean effect.")] = None,
    tau: Annotated[str | None, typer.Option(help="Prior on the between-study SD.")] = None,
    beta: Annotated[str | None, typer.Option(help="Prior on a difference between subgroups.")] = None,
) -> None:
    """Write the analysis of a published review: asks for what its abstract prints.

    Every question is an option too, and Enter skips it. What the analysis cannot do without stays a blank in its files, and
    bayesmeta report names it.
    """
    from bayesmeta.errors import SpecificationError
    from bayesmeta.report.new_review.write import new_review

    answers = {
        "title": title, "citation": citation, "outcome": outcome, "measure": measure, "unit": unit, "benefit": benefit,
        "trials": trials, "trial": trial, "total": total, "method": method, "interval": interval, "pooled": pooled, "i2": i2,
        "tau2": tau2, "significant": significant, "trial-p": trial_p, "subgroup": subgroup, "sd": sd, "risk": risk,
        "important": important, "mu": mu, "tau": tau, "beta": beta,
    }  # fmt: skip
    if not review:
        raise SpecificationError(
            f"new {folder}: there is a template for published reviews alone: give --review. Others begin with a copy of "
            "models/ketamine/analysis.toml; docs/analysis-files.md has the keys."
        )
    given = {name: [text] if isinstance(text, str) else text for name, text in answers.items() if text is not None}
    new_review(folder, given, ask=not no_input)
