"""The commands that look at a table and fit nothing: `bayesmeta check`, `convert` and `template`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.messages import one_line, say
from bayesmeta.report.options import AsJson, Columns, RevManAnalysis, Sheet


def check(
    table: Annotated[Path, typer.Argument(help="File with arms, or with estimates as printed.")],
    scale: Annotated[
        tuple[float, float] | None, typer.Option(help="Lowest and highest score of the outcome: --scale 0 10.")
    ] = None,
    integers: Annotated[bool, typer.Option("--integers", help="Scores are whole numbers: GRIM and GRIMMER.")] = False,
    items: Annotated[int, typer.Option(min=1, help="Items averaged for a score.")] = 1,
    ratio: Annotated[
        bool | None, typer.Option("--ratio/--difference", help="What estimates are; by default either.")
    ] = None,
    level: Annotated[float, typer.Option(help="Coverage of confidence intervals.")] = 0.95,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    column: Columns = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if anything is found.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for numbers that are impossible, or odd beside the others, and name them."""
    from bayesmeta.checks.table import check_table
    from bayesmeta.data.formats import read_table
    from bayesmeta.effects.column_names import their_names
    from bayesmeta.report.input import columns_of

    source = read_table(table, columns=their_names(columns_of(column or [])), sheet=sheet, analysis=analysis)
    if not as_json:
        for ours, theirs in source.recognised.items():
            say(f"{ours}: from {theirs!r}")
    findings = check_table(source, scale=scale, integers=integers, items=items, ratio=ratio, level=level)
    if as_json:
        record = {"schema": "bayesmeta-check/1", "file": table.name, "findings": [f.as_dict() for f in findings]}
        typer.echo(json.dumps(record, allow_nan=False))
    else:
        for finding in findings:
            typer.echo(one_line(finding.message))
        say(f"{len(findings)} finding{'' if len(findings) == 1 else 's'}" + ("; look them up" if findings else ""))
    raise typer.Exit(1 if strict and findings else 0)


def convert(
    table: Annotated[Path, typer.Argument(help="CSV, tab-separated, Excel, or RevMan file.")],
    column: Columns = None,
    sheet: Sheet = None,
    analysis: RevManAnalysis = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write in place of printing: .csv, .txt, .tsv, .tab or .xlsx.")
    ] = None,
) -> None:
    """Print a table of another format as CSV under our names, or write it, and say which columns were recognised."""
    from bayesmeta.data.files import write_file
    from bayesmeta.data.formats import read_table, table_bytes
    from bayesmeta.effects.column_names import their_names
    from bayesmeta.report.input import columns_of

    names = their_names(columns_of(column or []), covariates=None)
    content = read_table(table, columns=names, sheet=sheet, analysis=analysis)
    written = table_bytes(content.to_frame(), out or Path("table.csv"))
    if out is None:
        typer.echo(written, nl=False)
    else:
        write_file(out, written)
    for ours, theirs in content.recognised.items():
        say(f"{ours}: from {theirs!r}")


def template(
    measure: Annotated[str, typer.Option(help="md, smd, log_or, log_rr, rd, ...; reported for printed estimates.")],
    arms: Annotated[bool, typer.Option("--arms", help="One row for each arm, not one for each study.")] = False,
) -> None:
    """Print the header of the CSV file that a measure takes, to be filled in."""
    from bayesmeta.effects.template import template_columns

    columns = template_columns(measure, long=arms)
    typer.echo(",".join(columns))  # names of ours
    for name, meaning in columns.items():
        say(f"{name}: {meaning}")


TABLE_COMMANDS = (check, convert, template)
