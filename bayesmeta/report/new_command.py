"""The command `bayesmeta new`: a folder with an analysis that runs, or that says what has yet to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import warnings_on_one_line
from bayesmeta.report.options import Columns, RevManAnalysis, Sheet

_MANY = list[str] | None
_REVIEW = "Of a published review, with --review"
_OF_REVIEWS = (
    "trials", "trial", "total", "method", "interval", "pooled", "i2", "tau2", "significant", "trial-p", "subgroup", "risk",
    "important", "beta", "no-input",
)  # fmt: skip


def new(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist, or be empty.")],
    table: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Table of studies: estimates (study, y, se), or arms with --measure. It is copied."
        ),
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Of a published review, from what its abstract prints.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="What the analysis is about.")] = None,
    citation: Annotated[str | None, typer.Option(help="Authors, journal, year, DOI.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Outcome that is pooled.")] = None,
    measure: Annotated[
        str | None,
        typer.Option(help="md, smd, rr, or, hr or rd; with --from every measure, also reported and reported_ratio."),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of a mean difference, e.g. points on 0-10.")] = None,
    benefit: Annotated[str | None, typer.Option(help="Which is better: lower (the default) or higher.")] = None,
    sd: Annotated[str | None, typer.Option(help="SD of the outcome among participants, for md.")] = None,
    mu: Annotated[str | None, typer.Option(help="Prior on the mean effect.")] = None,
    tau: Annotated[str | None, typer.Option(help="Prior on the between-study SD.")] = None,
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    no_input: Annotated[
        bool,
        typer.Option(
            "--no-input", help="Ask nothing: what is not given stays blank, to be filled in.", rich_help_panel=_REVIEW
        ),
    ] = False,
    trials: Annotated[
        str | None, typer.Option(help="Number of trials that were pooled.", rich_help_panel=_REVIEW)
    ] = None,
    trial: Annotated[
        _MANY,
        typer.Option(
            help="A trial and its arms: 'Smith 2001; 30 31', 'Smith 2001; 61', '...; 12 to 28'. Repeatable.",
            rich_help_panel=_REVIEW,
        ),
    ] = None,
    total: Annotated[str | None, typer.Option(help="Participants in all trials.", rich_help_panel=_REVIEW)] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="How it was pooled: dl (the default), fe (fixed effect), pm or reml.", rich_help_panel=_REVIEW
        ),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(help="Its interval: wald (the default) or hksj.", rich_help_panel=_REVIEW)
    ] = None,
    pooled: Annotated[
        str | None,
        typer.Option(
            help="Pooled estimate and limits as printed: '-1.83 (95% CI -2.35 to -1.31)'.", rich_help_panel=_REVIEW
        ),
    ] = None,
    i2: Annotated[str | None, typer.Option("--i2", help="I-squared in percent.", rich_help_panel=_REVIEW)] = None,
    tau2: Annotated[
        str | None, typer.Option("--tau2", help="tau-squared between trials.", rich_help_panel=_REVIEW)
    ] = None,
    significant: Annotated[
        str | None, typer.Option(help="Trials that were significant on their own: '3; lower'.", rich_help_panel=_REVIEW)
    ] = None,
    trial_p: Annotated[
        _MANY,
        typer.Option(
            help="A trial's own P, a bound: 'Smith 2001; <.001; lower', 'Smith 2001; NS;'. Repeatable.",
            rich_help_panel=_REVIEW,
        ),
    ] = None,
    subgroup: Annotated[
        _MANY,
        typer.Option(
            help="A subgroup test: column, P, where the estimate of trials that have it lies, if printed, which they are: "
            "'high_dose; .213; lower; 2, 3', '...; <.05; lower; 1', '...; NS; ; 1'. Repeatable.",
            rich_help_panel=_REVIEW,
        ),
    ] = None,
    risk: Annotated[
        str | None,
        typer.Option(help="Risk of the event in percent, for rr, or, hr and rd.", rich_help_panel=_REVIEW),
    ] = None,
    important: Annotated[
        str | None,
        typer.Option(help="Smallest effect that matters; a ratio as a ratio.", rich_help_panel=_REVIEW),
    ] = None,
    beta: Annotated[
        str | None, typer.Option(help="Prior on a difference between subgroups.", rich_help_panel=_REVIEW)
    ] = None,
) -> None:
    """Write a small analysis, with remarks, that bayesmeta report takes: of a table, or of a published review.

    --from states the measure's default priors, with their sources. --review asks for what an abstract prints.

    Each of its questions is an option too, Enter skips it, and what the analysis cannot do without stays a blank.
    """
    from bayesmeta.errors import SpecificationError

    answers = {
        "title": title, "citation": citation, "outcome": outcome, "measure": measure, "unit": unit, "benefit": benefit,
        "trials": trials, "trial": trial, "total": total, "method": method, "interval": interval, "pooled": pooled, "i2": i2,
        "tau2": tau2, "significant": significant, "trial-p": trial_p, "subgroup": subgroup, "sd": sd, "risk": risk,
        "important": important, "mu": mu, "tau": tau, "beta": beta,
    }  # fmt: skip
    given = {name: text for name, text in answers.items() if text is not None}
    if review == (table is not None):
        raise SpecificationError(
            f"new {folder}: give {'one of them' if review else 'one'}: --from effects.csv, a table of studies (estimates, or "
            "arms with --measure), or --review, which asks for what the abstract of a review prints."
        )
    if table is not None:
        from bayesmeta.report.new_analysis.write import new_analysis

        for name in _OF_REVIEWS:
            if name in given or (name == "no-input" and no_input):
                raise SpecificationError(f"--{name}: it is for --review. Leave it out with --from.")
        texts = {name: str(text) for name, text in given.items()}
        with warnings_on_one_line():
            new_analysis(folder, table, texts, column or [], sheet, analysis)
        return
    from bayesmeta.report.new_review.write import new_review

    for name, value in {"column": column and column[0], "sheet": sheet, "analysis": analysis}.items():
        if value:
            raise SpecificationError(f"--{name} {value!r}: it is for --from. Leave it out with --review.")
    lists = {name: [text] if isinstance(text, str) else text for name, text in given.items()}
    new_review(folder, lists, ask=not no_input)
