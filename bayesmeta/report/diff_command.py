"""The command `diff`: two reports, side by side, where they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bayesmeta.report.options import AsJson


def diff(
    first: Annotated[Path, typer.Argument(help="Folder that `bayesmeta report` wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    as_json: AsJson = False,
) -> None:
    """Say which numbers of two reports differ, and what differs in what they were made from."""
    from bayesmeta.report.diff import diff_reports
    from bayesmeta.report.diff_table import print_diff
    from bayesmeta.report.recorded import read_results

    differences = diff_reports(read_results(first), read_results(second))
    if as_json:
        record = differences.as_dict() | {"first": first.as_posix(), "second": second.as_posix()}
        typer.echo(json.dumps(record, allow_nan=False))
    else:
        print_diff(differences)
    raise typer.Exit(1 if differences.of("different") or differences.of("in one report only") else 0)
