"""From a table to a folder with an analysis: checked as a report checks it, then written whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bayesmeta.effects.registry import display_of
from bayesmeta.errors import BayesmetaError, SpecificationError
from bayesmeta.report.input import columns_of
from bayesmeta.report.messages import say
from bayesmeta.report.new_analysis.priors import chosen_priors
from bayesmeta.report.new_analysis.source import read_source
from bayesmeta.report.new_analysis.text import Contents, analysis_text
from bayesmeta.report.new_folder import ANALYSIS, reject_analysis, reject_folder, report_command, write_folder
from bayesmeta.text.plain_text import visible

TAKEN = ("title", "citation", "outcome", "measure", "unit", "benefit", "sd", "mu", "tau")  # options, besides --column


def new_analysis(
    folder: Path,
    table: Path,
    given: Mapping[str, str],
    columns: Sequence[str],
    sheet: str | None = None,
    analysis: str | None = None,
) -> None:
    """Write an analysis of a table, which `bayesmeta report` takes as it is, and a copy of the table.

    Parameters
    ----------
    folder : Path
        It must not exist, or be empty.
    table : Path
        Of estimates or of arms, in any format that is read.
    given : mapping of str to str
        Options by name, of `TAKEN`.
    columns : sequence of str
        Of --column.
    sheet, analysis : str, optional
        As `read_table`.

    Raises
    ------
    DataError, SpecificationError
        If the folder has something in it, or the table or an option is rejected; nothing was written.
    """
    reject_folder(folder)
    benefit = given.get("benefit", "lower")
    if benefit not in ("lower", "higher"):
        raise SpecificationError(f"--benefit {benefit!r}: choose lower or higher.")
    sd = _positive("--sd", given["sd"]) if "sd" in given else None
    source = read_source(table, given.get("measure"), columns_of(columns), sheet, analysis)
    display = display_of(source.measure)
    if "unit" in given and display.changes:
        raise SpecificationError(f"--unit {given['unit']!r}: a {display.label} has none. Leave it out.")
    stated = {name: given[name] for name in ("mu", "tau") if name in given}
    priors = chosen_priors(source.measure, stated, sd)
    about = Contents(
        source=source, title=given.get("title", f"Meta-analysis of {source.file}"), citation=given.get("citation", ""),
        label=given.get("outcome", Path(source.file).stem.replace("_", " ")), unit=given.get("unit", ""), benefit=benefit,
        priors=priors, sd=sd or 1.0, command=" ".join(visible(report_command(folder)).splitlines()),
    )  # fmt: skip
    contents = {ANALYSIS: analysis_text(about).encode(), source.file: source.content}
    try:
        reject_analysis(contents, folder)
    except BayesmetaError as error:
        raise type(error)(str(error).replace(str(folder / source.file), str(table))) from error
    write_folder(folder, contents)
    say(f"Written to {folder}: {ANALYSIS}, {source.file}")
    if priors["tau"].is_reference:
        how = (
            "--sd, of the outcome among participants, gives others"
            if source.measure == "md"
            else "--tau states another one"
        )
        say(f"No prior on tau was published for this scale, and a reference prior stands there: {how}.")
    if "benefit" not in given and display.null is not None:
        which = "A ratio below 1" if display.is_ratio else "An effect below 0"
        say(f"{which} is taken as a benefit: --benefit higher says the contrary.")
    say(f"Look at the priors in it, then: {report_command(folder)}")


def _positive(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SpecificationError(f"{option} {text}: give a positive number.")
    return value
