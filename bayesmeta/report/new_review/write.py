"""From answers to a folder: checked as a report checks it, then written whole, or not at all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bayesmeta.analysis.blanks import blanks_in, is_blank
from bayesmeta.data.text_files import csv_bytes
from bayesmeta.report.messages import say
from bayesmeta.report.new_folder import ANALYSIS, reject_analysis, reject_folder, report_command, write_folder
from bayesmeta.report.new_review.draft import Draft
from bayesmeta.report.new_review.files import analysis_text, studies_frame
from bayesmeta.report.new_review.interview import Lines, interview
from bayesmeta.text.plain_text import visible

_STUDIES = "studies.csv"


def new_review(folder: Path, given: Mapping[str, Sequence[str]], *, ask: bool) -> None:
    """Ask about a review what was not given, and write its analysis file and its table of studies.

    Parameters
    ----------
    folder : Path
        It must not exist, or be empty.
    given : mapping of str to sequence of str
        Answers by option.
    ask : bool
        Whether to ask for the others.

    Raises
    ------
    DataError, SpecificationError
        If the folder has something in it, or an answer cannot be right; nothing was written.
    """
    reject_folder(folder)
    if ask:
        say(
            "What the abstract of a review prints becomes an analysis. Enter skips a question, or takes what is in [brackets];"
        )
        say("nothing is written before the last answer, and Ctrl-C leaves.")
    draft = interview(given, Lines() if ask else None)
    contents = _contents(draft, folder)
    blanks = _blanks(contents)
    if not blanks:
        reject_analysis(contents, folder)
    write_folder(folder, contents)
    say(f"Written to {folder}: {ANALYSIS}, {_STUDIES}")
    for place in blanks:
        say(f"still blank: {place}")
    say(f"{'Fill in what is blank' if blanks else 'Look at the priors in it'}, then: {report_command(folder)}")


def _contents(draft: Draft, folder: Path) -> dict[str, bytes]:
    table = csv_bytes(pd.DataFrame(studies_frame(draft), dtype=object))
    return {
        ANALYSIS: analysis_text(draft, " ".join(visible(report_command(folder)).splitlines())).encode(),
        _STUDIES: table,
    }


def _blanks(contents: Mapping[str, bytes]) -> list[str]:
    """Where something has yet to be filled in."""
    places = [f"{ANALYSIS}: {place}" for place, _ in blanks_in(tomllib.loads(contents[ANALYSIS].decode()))]
    if any(is_blank(cell) for line in contents[_STUDIES].decode().splitlines() for cell in line.split(",")):
        places.append(f"{_STUDIES}: names and sizes of trials")
    return places
